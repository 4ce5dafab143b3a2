//! Metrics of returns against those of a benchmark.

use super::scale::Scale;
use super::wealth::Wealth;
use super::{
    BLOCK, LANES, MetricsError, Scaled, Totals, check_finite, check_rates, count, flat_or,
    fold_lanes, noise_floor, or_zero, ratio,
};

/// Performance against a benchmark, from [`compute_benchmark_metrics`].
///
/// With `r` the returns, `b` those of the benchmark, `n` their number, `P` the periods per year and
/// `rf` the risk free rate per period. What is undefined, a ratio whose denominator is zero
/// included, is NaN, never 0. A deviation below `1e-12` of the largest return, or of the largest of
/// both for `r - b`, counts as zero. What is too large for a float is infinite. Two are equal when
/// all fields are, NaN being equal to NaN.
///
/// Bacon is C. Bacon, *Practical Portfolio Performance Measurement and Attribution*, 2nd ed., 2008.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "persistence", derive(serde::Serialize, serde::Deserialize))]
pub struct BenchmarkMetrics {
    /// Jensen's alpha, compounded to a year: `(1 + a)^P - 1` with
    /// `a = mean(r - rf) - beta x mean(b - rf)`; -1 where `a` is -1 or less.
    ///
    /// M. C. Jensen, "The Performance of Mutual Funds in the Period 1945-1964", *Journal of Finance*
    /// 23 (2), 1968, equation 8; annualized as in `PerformanceAnalytics` (`table.SFM`, "Annualized
    /// Alpha") and in empyrical.
    pub alpha: f64,
    /// `cov(r, b) / var(b)`: the slope of the regression of which `alpha` is the intercept.
    pub beta: f64,
    /// `cov(r, b) / (sd(r) x sd(b))`, Pearson's; its square is the R² of the regression.
    pub correlation: f64,
    /// Annualized standard deviation of the difference: `sd(r - b) x sqrt(P)`, with `n - 1` in the
    /// denominator.
    ///
    /// Bacon, "tracking error".
    pub tracking_error: f64,
    /// `mean(r - b) / sd(r - b) x sqrt(P)`, with `n - 1` in the denominator.
    ///
    /// W. F. Sharpe, "The Sharpe Ratio", *Journal of Portfolio Management* 21 (1), 1994, equations
    /// 4 to 6, of which this is the general case; T. H. Goodwin, "The Information Ratio",
    /// *Financial Analysts Journal* 54 (4), 1998, arithmetic.
    pub information_ratio: f64,
    /// Annual growth of `r` over that of `b` in the `m` periods with `b > 0`, where growth is
    /// `prod(1 + x)^(P / m) - 1`.
    ///
    /// Morningstar, "Upside/Downside Capture Ratio", geometric; as in empyrical.
    pub up_capture: f64,
    /// The same in the periods with `b < 0`.
    pub down_capture: f64,
}

impl BenchmarkMetrics {
    fn floats(&self) -> [f64; 7] {
        [
            self.alpha,
            self.beta,
            self.correlation,
            self.tracking_error,
            self.information_ratio,
            self.up_capture,
            self.down_capture,
        ]
    }
}

impl PartialEq for BenchmarkMetrics {
    fn eq(&self, other: &Self) -> bool {
        super::all_same(&self.floats(), &other.floats())
    }
}

/// Returns the metrics of simple returns against those of a benchmark, or `None` for no returns.
///
/// Both have one return for each period. `risk_free` is per period, like the returns.
///
/// ```
/// let benchmark = [0.25, -0.25, 0.5, 0.0];
/// let returns = benchmark.map(|b| 2.0 * b);
/// let metrics = nanobook::compute_benchmark_metrics(&returns, &benchmark, 1.0, 0.0)?.unwrap();
/// assert_eq!((metrics.alpha, metrics.beta, metrics.correlation), (0.0, 2.0, 1.0));
/// assert_eq!(metrics.down_capture, 2.0); // -0.5 / -0.25
/// # Ok::<(), nanobook::MetricsError>(())
/// ```
///
/// # Errors
///
/// [`MetricsError`] names lengths that differ, a return that is not finite, by index, or a rate out
/// of range.
pub fn compute_benchmark_metrics(
    returns: &[f64],
    benchmark: &[f64],
    periods_per_year: f64,
    risk_free: f64,
) -> Result<Option<BenchmarkMetrics>, MetricsError> {
    check_rates(periods_per_year, risk_free)?;
    if returns.len() != benchmark.len() {
        return Err(MetricsError::LengthsDiffer {
            returns: returns.len(),
            benchmark: benchmark.len(),
        });
    }
    check_finite(returns)?;
    check_finite(benchmark).map_err(|error| match error {
        MetricsError::ReturnNotFinite { index, value } => {
            MetricsError::BenchmarkNotFinite { index, value }
        }
        error => error,
    })?;
    if returns.is_empty() {
        return Ok(None);
    }

    let n = count(returns.len());
    let year = periods_per_year.sqrt();
    let stop = &mut || false;
    let totals = (Totals::of(returns, stop)?, Totals::of(benchmark, stop)?);
    let sizes = (totals.0.size_max, totals.1.size_max);
    // Each at a scale of its own, and their difference at that of the larger.
    let own = Scaled::of(returns, &totals.0, Scale::of(sizes.0), stop)?;
    let theirs = Scaled::of(benchmark, &totals.1, Scale::of(sizes.1), stop)?;
    let products = Products::of(&own, &theirs);
    let size_max = sizes.0.max(sizes.1);
    let scale = Scale::of(size_max);
    let (active_mean, active) = if own.scale == scale && theirs.scale == scale {
        (products.active_mean, products.active)
    } else {
        let products = Products::of(
            &Scaled::of(returns, &totals.0, scale, stop)?,
            &Scaled::of(benchmark, &totals.1, scale, stop)?,
        );
        (products.active_mean, products.active)
    };
    let deviation = |second: f64, noise: f64| or_zero((second / (n - 1.0)).sqrt(), noise);
    let own_deviation = deviation(products.own, own.noise);
    let their_deviation = deviation(products.theirs, theirs.noise);
    let active_deviation = deviation(active, noise_floor(scale.down(size_max)));

    let slope = products.both / flat_or(their_deviation, products.theirs);
    let slope_scale = own.scale.over(theirs.scale);
    let correlation = products.both
        / flat_or(own_deviation, products.own.sqrt())
        / flat_or(their_deviation, products.theirs.sqrt());
    let mean = |series: &Scaled<'_>| series.scale.up(series.mean);
    let market = slope_scale.up(slope * (mean(&theirs) - risk_free));
    let alpha = (mean(&own) - risk_free) - market;
    let [up_capture, down_capture] = captures(returns, benchmark, periods_per_year);
    Ok(Some(BenchmarkMetrics {
        alpha: if alpha <= -1.0 {
            -1.0
        } else {
            (1.0 + alpha).powf(periods_per_year) - 1.0
        },
        beta: slope_scale.up(slope),
        // Rounding may go past 1.
        correlation: correlation.clamp(-1.0, 1.0),
        tracking_error: scale.up(active_deviation * year),
        information_ratio: ratio(active_mean, active_deviation) * year,
        up_capture,
        down_capture,
    }))
}

/// Sums of products of the distances from the means, of the returns, the benchmark and their
/// difference.
struct Products {
    own: f64,
    theirs: f64,
    both: f64,
    active: f64,
    active_mean: f64,
}

impl Products {
    fn of(own: &Scaled<'_>, theirs: &Scaled<'_>) -> Self {
        let (returns, benchmark) = (&own.returns[..], &theirs.returns[..]);
        let means = (own.mean, theirs.mean);
        // The sums in each place: of distances, then of their products.
        let mut sums = [0.0; 7];
        let active_mean = means.0 - means.1;
        let blocks = returns.chunks(BLOCK).zip(benchmark.chunks(BLOCK));
        for (returns, benchmark) in blocks {
            // Sums of one name each, so that the compiler works on several lanes at once.
            let (mut own1, mut theirs1, mut active1) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
            let (mut own2, mut theirs2, mut active2) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
            let mut both = [0.0; LANES];
            for_lanes_of_two(returns, benchmark, |lane, r, b| {
                let (own, theirs) = (r - means.0, b - means.1);
                // Not the difference of the distances, which rounds where `r` and `b` are close.
                let active = (r - b) - active_mean;
                own1[lane] += own;
                theirs1[lane] += theirs;
                active1[lane] += active;
                own2[lane] += own * own;
                theirs2[lane] += theirs * theirs;
                active2[lane] += active * active;
                both[lane] += own * theirs;
            });
            let lanes = [own1, theirs1, active1, own2, theirs2, both, active2];
            for (sum, lanes) in sums.iter_mut().zip(lanes) {
                *sum += fold_lanes(lanes);
            }
        }
        let [own, theirs, active, own2, theirs2, both, active2] = sums;
        let n = count(returns.len());
        // Takes out what rounding of the means left (Chan, Golub and LeVeque 1983, equation 1.7).
        let square = |sum: f64, drift: f64| {
            let sum = sum - drift * drift / n;
            if sum < 0.0 { 0.0 } else { sum }
        };
        Self {
            own: square(own2, own),
            theirs: square(theirs2, theirs),
            both: both - own * theirs / n,
            active: square(active2, active),
            active_mean: active_mean + active / n,
        }
    }
}

/// Calls a function with each pair of numbers and its lane.
#[inline]
fn for_lanes_of_two(returns: &[f64], benchmark: &[f64], mut add: impl FnMut(usize, f64, f64)) {
    let mut own = returns.chunks_exact(LANES);
    let mut theirs = benchmark.chunks_exact(LANES);
    for (own, theirs) in own.by_ref().zip(theirs.by_ref()) {
        for lane in 0..LANES {
            add(lane, own[lane], theirs[lane]);
        }
    }
    let rest = own.remainder().iter().zip(theirs.remainder());
    for (lane, (&r, &b)) in rest.enumerate() {
        add(lane, r, b);
    }
}

/// Returns the up and the down capture.
fn captures(returns: &[f64], benchmark: &[f64], periods_per_year: f64) -> [f64; 2] {
    let [mut own_up, mut own_down, mut up, mut down] = [Wealth::START; 4];
    let mut periods = (0_usize, 0_usize);
    for (&r, &b) in returns.iter().zip(benchmark) {
        // Earning 0 in the other market changes nothing; a branch would be mispredicted.
        let (rises, falls) = (b > 0.0, b < 0.0);
        own_up.compound(if rises { r } else { 0.0 });
        up.compound(if rises { b } else { 0.0 });
        own_down.compound(if falls { r } else { 0.0 });
        down.compound(if falls { b } else { 0.0 });
        periods.0 += usize::from(rises);
        periods.1 += usize::from(falls);
    }
    let capture = |own: Wealth, theirs: Wealth, periods: usize| {
        if periods == 0 {
            return f64::NAN;
        }
        let power = periods_per_year / count(periods);
        ratio(own.annual_growth(power), theirs.annual_growth(power))
    };
    [
        capture(own_up, up, periods.0),
        capture(own_down, down, periods.1),
    ]
}
