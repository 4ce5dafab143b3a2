//! Drawdowns one by one: where wealth was below its peak, and how far.

use super::wealth::Wealth;
use super::{MetricsError, check_finite};

/// One fall of wealth from a peak and, if it came to that, its recovery; from [`drawdowns`].
///
/// Periods are places in the returns, from 0. The columns are those of `table.Drawdowns` in the R
/// package `PerformanceAnalytics` (P. Carl and B. G. Peterson); lengths count both ends.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "persistence", derive(serde::Serialize, serde::Deserialize))]
pub struct Drawdown {
    /// The first period below the peak.
    pub start: usize,
    /// The period of the lowest wealth, the first of several.
    pub trough: usize,
    /// The period that reached the peak again; `None` when none did.
    pub end: Option<usize>,
    /// The fall from the peak to the trough, as a positive fraction of the peak.
    pub depth: f64,
    /// Periods from `start` to `end`, or to the last return: `end - start + 1`.
    pub length: usize,
    /// Periods from `start` to `trough`: `trough - start + 1`.
    pub to_trough: usize,
    /// Periods from the one after `trough` to `end`: `end - trough`; `None` without an end.
    pub recovery: Option<usize>,
}

/// Returns, for each period, the fall of wealth from its peak so far as a positive fraction.
///
/// `1 - wealth / max(wealth so far)`, with `wealth = prod(1 + r)`; 0 at a peak, and 1 from a return
/// of -1 or less on. The starting wealth of 1 is a peak. Bacon, "drawdown"; the largest is
/// [`Metrics::max_drawdown`](crate::Metrics::max_drawdown), to the bit.
///
/// ```
/// let falls = nanobook::drawdown_series(&[-0.25, 0.0, 1.0, -0.5])?;
/// assert_eq!(falls, [0.25, 0.25, 0.0, 0.5]);
/// # Ok::<(), nanobook::MetricsError>(())
/// ```
///
/// # Errors
///
/// [`MetricsError::ReturnNotFinite`] names the first return that is not finite.
pub fn drawdown_series(returns: &[f64]) -> Result<Vec<f64>, MetricsError> {
    check_finite(returns)?;
    let mut wealth = Wealth::START;
    let fall = |&r: &f64| {
        if wealth.earn(r) {
            0.0
        } else {
            wealth.drawdown()
        }
    };
    Ok(returns.iter().map(fall).collect())
}

/// Returns the drawdowns, the deepest first and the earlier of two that are equally deep.
///
/// At most `top` of them, or all. The definitions are those of [`drawdown_series`], so that the
/// first has the depth [`Metrics::max_drawdown`](crate::Metrics::max_drawdown) and the longest has
/// [`Metrics::max_drawdown_periods`](crate::Metrics::max_drawdown_periods).
///
/// ```
/// let worst = nanobook::drawdowns(&[-0.25, 0.0, 1.0, -0.5], Some(1))?;
/// assert_eq!((worst[0].start, worst[0].depth, worst[0].end), (3, 0.5, None));
/// # Ok::<(), nanobook::MetricsError>(())
/// ```
///
/// # Errors
///
/// [`MetricsError::ReturnNotFinite`] names the first return that is not finite.
pub fn drawdowns(returns: &[f64], top: Option<usize>) -> Result<Vec<Drawdown>, MetricsError> {
    check_finite(returns)?;
    let mut wealth = Wealth::START;
    let mut found = Vec::new();
    let mut fall: Option<Fall> = None;
    for (period, &r) in returns.iter().enumerate() {
        if wealth.earn(r) {
            found.extend(fall.take().map(|fall| fall.drawdown(Some(period), period)));
        } else {
            fall.get_or_insert(Fall::new(period)).see(period, &wealth);
        }
    }
    if let Some(fall) = fall {
        found.push(fall.drawdown(None, returns.len() - 1));
    }
    // Stable, and found in the order of time.
    found.sort_by(|a, b| b.depth.total_cmp(&a.depth));
    found.truncate(top.unwrap_or(usize::MAX));
    Ok(found)
}

/// A drawdown that has not ended.
struct Fall {
    start: usize,
    trough: usize,
    /// [`Wealth::height`] and [`Wealth::drawdown`] at the trough.
    lowest: (i32, f64),
    depth: f64,
}

impl Fall {
    fn new(start: usize) -> Self {
        Self {
            start,
            trough: start,
            lowest: (i32::MAX, 0.0),
            depth: 0.0,
        }
    }

    fn see(&mut self, period: usize, wealth: &Wealth) {
        let height = wealth.height();
        if height < self.lowest {
            (self.trough, self.lowest) = (period, height);
            self.depth = wealth.drawdown();
        }
    }

    fn drawdown(&self, end: Option<usize>, last: usize) -> Drawdown {
        Drawdown {
            start: self.start,
            trough: self.trough,
            end,
            depth: self.depth,
            length: last - self.start + 1,
            to_trough: self.trough - self.start + 1,
            recovery: end.map(|end| end - self.trough),
        }
    }
}
