//! Metrics of every window of so many returns.
//!
//! No running sum is ever subtracted from, so that nothing drifts and a huge return is forgotten
//! when its window has passed. The returns are cut into blocks as long as the window: a window is
//! the end of one block and the start of the next, summaries of which grow by one return at a time
//! (M. van Herk, "A fast algorithm for local minimum and maximum filters on rectangular and
//! octagonal kernels", *Pattern Recognition Letters* 13 (7), 1992). The work is O(n), whatever the
//! window, and the memory that of one block's summaries.

use super::scale::Scale;
use super::wealth::{SCALE, SCALE_INVERSE};
use super::{MetricsError, check_finite, check_rates, noise_floor, or_zero, ratio};

/// Returns the annualized Sharpe ratio of every window, NaN for the first `window - 1` periods.
///
/// The last of the window's periods has its value: [`Metrics::sharpe`](crate::Metrics::sharpe) of
/// the `window` returns up to it, with the same source and what is undefined NaN as there. A window
/// of 1 has no deviation, one longer than the returns is never full: all is NaN.
///
/// ```
/// let sharpe = nanobook::rolling_sharpe(&[0.25, 0.5, 0.75], 3, 4.0, 0.0)?;
/// assert!(sharpe[0].is_nan() && sharpe[1].is_nan());
/// assert_eq!(sharpe[2], 4.0); // 0.5 / 0.25 x sqrt(4)
/// # Ok::<(), nanobook::MetricsError>(())
/// ```
///
/// # Errors
///
/// [`MetricsError`] names a window of 0, a rate out of range, or the first return that is not
/// finite.
pub fn rolling_sharpe(
    returns: &[f64],
    window: usize,
    periods_per_year: f64,
    risk_free: f64,
) -> Result<Vec<f64>, MetricsError> {
    check(returns, window)?;
    check_rates(periods_per_year, risk_free)?;
    let year = periods_per_year.sqrt();
    Ok(roll_spread(returns, window, |spread, scale| {
        let excess = (spread.origin - scale.down(risk_free)) + spread.mean;
        ratio(excess, spread.deviation()) * year
    }))
}

/// Returns the annualized volatility of every window, NaN for the first `window - 1` periods.
///
/// The last of the window's periods has its value:
/// [`Metrics::volatility`](crate::Metrics::volatility) of the `window` returns up to it. A window of
/// 1 has no deviation, one longer than the returns is never full: all is NaN.
///
/// ```
/// let volatility = nanobook::rolling_volatility(&[0.25, 0.5, 0.75], 3, 4.0)?;
/// assert!(volatility[0].is_nan() && volatility[1].is_nan());
/// assert_eq!(volatility[2], 0.5); // 0.25 x sqrt(4)
/// # Ok::<(), nanobook::MetricsError>(())
/// ```
///
/// # Errors
///
/// [`MetricsError`] names a window of 0, a rate out of range, or the first return that is not
/// finite.
pub fn rolling_volatility(
    returns: &[f64],
    window: usize,
    periods_per_year: f64,
) -> Result<Vec<f64>, MetricsError> {
    check(returns, window)?;
    check_rates(periods_per_year, 0.0)?;
    let year = periods_per_year.sqrt();
    Ok(roll_spread(returns, window, |spread, scale| {
        scale.up(spread.deviation() * year)
    }))
}

/// Returns the largest fall of wealth inside every window, NaN for the first `window - 1` periods.
///
/// The last of the window's periods has its value:
/// [`Metrics::max_drawdown`](crate::Metrics::max_drawdown) of the `window` returns up to it, with the
/// wealth before the window as the first peak. One longer than the returns is never full: all is
/// NaN.
///
/// ```
/// let falls = nanobook::rolling_max_drawdown(&[-0.5, -0.5, 1.0, -0.25], 2)?;
/// assert!(falls[0].is_nan());
/// assert_eq!(falls[1..], [0.75, 0.5, 0.25]);
/// # Ok::<(), nanobook::MetricsError>(())
/// ```
///
/// # Errors
///
/// [`MetricsError`] names a window of 0 or the first return that is not finite.
pub fn rolling_max_drawdown(returns: &[f64], window: usize) -> Result<Vec<f64>, MetricsError> {
    check(returns, window)?;
    let mut values = vec![f64::NAN; returns.len()];
    roll::<Fall>(returns, window, &mut values, |before, after| {
        let across = before.through * after.through;
        Some(1.0 - before.inside.min(after.inside).min(across))
    });
    Ok(values)
}

fn check(returns: &[f64], window: usize) -> Result<(), MetricsError> {
    if window == 0 {
        return Err(MetricsError::InvalidWindow(window));
    }
    check_finite(returns)
}

/// A summary of neighbouring returns.
trait Summary: Copy {
    /// The summary of none.
    const NONE: Self;

    /// Adds the return after those of a block's start, or before those of a block's end.
    fn add(&mut self, r: f64);
}

/// Sets what `value` makes of the end of one block and the start of the next that together are each
/// window, where it makes something.
fn roll<S: Summary>(
    returns: &[f64],
    window: usize,
    values: &mut [f64],
    value: impl Fn(&S, &S) -> Option<f64>,
) {
    if window > returns.len() {
        return;
    }
    // What the last block has from each of its places to its end.
    let mut ends = vec![S::NONE; window];
    let mut place = 0;
    for block in returns.chunks(window) {
        let mut start = S::NONE;
        for (offset, &r) in block.iter().enumerate() {
            start.add(r);
            if place + 1 >= window {
                let end = ends.get(offset + 1).copied().unwrap_or(S::NONE);
                if let Some(value) = value(&end, &start) {
                    values[place] = value;
                }
            }
            place += 1;
        }
        let mut end = S::NONE;
        for (kept, &r) in ends.iter_mut().zip(block).rev() {
            end.add(r);
            *kept = end;
        }
    }
}

/// Returns what `value` makes of the spread of each window, and NaN where none is full.
///
/// A window whose returns are so large or small that their squares are no floats is looked at again
/// at another scale: each has its own, so that a huge return leaves no trace in the others.
fn roll_spread(returns: &[f64], window: usize, value: impl Fn(&Spread, Scale) -> f64) -> Vec<f64> {
    const LARGE: f64 = f64::from_bits((1023 + 450) << 52);
    const SMALL: f64 = f64::from_bits((1023 - 450) << 52);
    let mut values = vec![f64::NAN; returns.len()];
    roll::<Spread>(returns, window, &mut values, |before, after| {
        Some(value(&before.join(after), Scale::ONE))
    });
    let is_large = |size: f64| size > LARGE;
    let is_small = |size: f64| size > 0.0 && size < SMALL;
    let unusual: [(i32, &dyn Fn(f64) -> bool); 2] = [(600, &is_large), (-600, &is_small)];
    for (exponent, is_unusual) in unusual {
        if returns.iter().any(|r| is_unusual(r.abs())) {
            let scale = Scale::new(exponent);
            let scaled = scale.down_all(returns);
            roll::<Spread>(&scaled, window, &mut values, |before, after| {
                let spread = before.join(after);
                is_unusual(scale.up(spread.size_max)).then(|| value(&spread, scale))
            });
        }
    }
    values
}

/// How many returns, their mean, and how they spread around it.
#[derive(Clone, Copy)]
struct Spread {
    count: f64,
    /// The first return added, from which the others are measured: it is in every window that this
    /// is a part of, so what it takes from their precision is rounding of a return there.
    origin: f64,
    /// The mean, less the origin.
    mean: f64,
    /// The sum of the squared distances from the mean.
    second: f64,
    size_max: f64,
}

impl Summary for Spread {
    const NONE: Self = Self {
        count: 0.0,
        origin: 0.0,
        mean: 0.0,
        second: 0.0,
        size_max: 0.0,
    };

    /// B. P. Welford, "Note on a Method for Calculating Corrected Sums of Squares and Products",
    /// *Technometrics* 4 (3), 1962.
    #[inline]
    fn add(&mut self, r: f64) {
        if self.count == 0.0 {
            self.origin = r;
        }
        self.count += 1.0;
        let distance = r - self.origin;
        let step = distance - self.mean;
        self.mean += step / self.count;
        self.second += step * (distance - self.mean);
        self.size_max = self.size_max.max(r.abs());
    }
}

impl Spread {
    /// T. F. Chan and others, "Algorithms for Computing the Sample Variance", *The American
    /// Statistician* 37 (3), 1983, equations 1.5.
    #[inline]
    fn join(&self, later: &Self) -> Self {
        if self.count == 0.0 {
            return *later;
        }
        let count = self.count + later.count;
        let step = (self.origin - later.origin) + (self.mean - later.mean);
        let share = self.count / count;
        Self {
            count,
            origin: later.origin,
            mean: later.mean + step * share,
            second: self.second + later.second + step * step * (share * later.count),
            size_max: self.size_max.max(later.size_max),
        }
    }

    #[inline]
    fn deviation(&self) -> f64 {
        let deviation = (self.second / (self.count - 1.0)).sqrt();
        or_zero(deviation, noise_floor(self.size_max))
    }
}

/// What wealth is multiplied by, at worst, between two moments.
///
/// Read backwards, the products are the same: a start and an end of a block are one type.
#[derive(Clone, Copy)]
struct Fall {
    /// The least product of neighbours.
    inside: f64,
    /// The least product of neighbours that ends with the newest.
    newest: f64,
    /// The least product of neighbours that starts with the oldest.
    through: f64,
    /// The product of all is `product x 2^(512 x lifted)`; `product` is at least 1 when lifted.
    product: f64,
    lifted: u32,
}

impl Summary for Fall {
    const NONE: Self = Self {
        inside: 1.0,
        newest: 1.0,
        through: 1.0,
        product: 1.0,
        lifted: 0,
    };

    #[inline]
    fn add(&mut self, r: f64) {
        // Wealth stops at 0.
        let factor = (1.0 + r).max(0.0);
        self.newest = (self.newest * factor).min(1.0);
        self.inside = self.inside.min(self.newest);
        let product = self.product * factor;
        if product > SCALE || self.lifted > 0 {
            self.rescale(factor);
        } else {
            // A product too small for a float makes a fall of 1, as it should.
            self.product = product;
        }
        if self.lifted == 0 {
            self.through = self.through.min(self.product);
        }
    }
}

impl Fall {
    #[cold]
    fn rescale(&mut self, factor: f64) {
        if (self.product * factor).is_infinite() {
            self.product *= SCALE_INVERSE;
            self.lifted += 1;
        }
        self.product *= factor;
        while self.product > SCALE {
            self.product *= SCALE_INVERSE;
            self.lifted += 1;
        }
        while self.lifted > 0 && self.product < 1.0 {
            self.product *= SCALE;
            self.lifted -= 1;
        }
    }
}
