//! Performance metrics of a series of simple returns.
//!
//! Definitions, with `r` the returns, `n` their number, `P` the periods per year and `rf` the risk
//! free rate per period. Wealth starts at 1 and is multiplied by `1 + r` each period; it stops at 0.
//!
//! The work is O(n). [`compute_metrics`] needs memory for about a tenth of the returns, the rolling
//! metrics for the summaries of one window. Sums run in a fixed order, so the same returns give the
//! same metrics whatever the machine, except what is compounded to a year (`cagr`, `calmar`,
//! `alpha` and the captures): that power comes from the platform's mathematical library.

mod benchmark;
mod drawdown;
mod rolling;
mod scale;
mod wealth;

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

pub use benchmark::{BenchmarkMetrics, compute_benchmark_metrics};
pub use drawdown::{Drawdown, drawdown_series, drawdowns};
pub use rolling::{rolling_max_drawdown, rolling_sharpe, rolling_volatility};
use scale::Scale;
use wealth::{SCALE_INVERSE, Wealth};

/// Performance of a series of returns, from [`compute_metrics`].
///
/// What is undefined, a ratio whose denominator is zero included, is NaN, never 0. A standard or
/// downside deviation below `1e-12 x max|r|` counts as zero: it is rounding, not risk. What is too
/// large for a float is infinite. Two metrics are equal when all fields are, NaN being equal to NaN.
///
/// Bacon is C. Bacon, *Practical Portfolio Performance Measurement and Attribution*, 2nd ed., 2008.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "persistence", derive(serde::Serialize, serde::Deserialize))]
pub struct Metrics {
    /// `prod(1 + r) - 1`; -1 after a return of -1 or less.
    ///
    /// Bacon, "chain linking".
    pub total_return: f64,
    /// Compound annual growth rate, `(1 + total_return)^(P / n) - 1`; -1 when all is lost.
    ///
    /// Bacon, "annualised return", geometric.
    pub cagr: f64,
    /// Annualized standard deviation: `sd(r) x sqrt(P)`, with `n - 1` in the denominator. NaN for
    /// one return.
    ///
    /// Bacon, "annualised risk", with `n - 1` in the denominator.
    pub volatility: f64,
    /// `mean(r - rf) / sd(r - rf) x sqrt(P)`, with `n - 1` in the denominator.
    ///
    /// W. F. Sharpe, "The Sharpe Ratio", *Journal of Portfolio Management* 21 (1), 1994, equations
    /// 4 to 6, annualized as there under "Time Dependence".
    pub sharpe: f64,
    /// `mean(r - rf) x P / (dd x sqrt(P))` with `dd = sqrt(sum(min(r - rf, 0)^2) / n)` over all `n`.
    ///
    /// F. A. Sortino and L. N. Price, "Performance Measurement in a Downside Risk Framework",
    /// *Journal of Investing* 3 (3), 1994, with `rf` as the target.
    pub sortino: f64,
    /// The largest fall of wealth from a peak so far, as a positive fraction of the peak. The
    /// starting wealth of 1 is a peak.
    ///
    /// Bacon, "maximum drawdown".
    pub max_drawdown: f64,
    /// The most periods that any drawdown took: from the first one below the peak to the one that
    /// reached it again, or to the end, both counted.
    ///
    /// The largest length in `table.Drawdowns` of the R package `PerformanceAnalytics`.
    pub max_drawdown_periods: usize,
    /// `cagr / max_drawdown`.
    ///
    /// T. W. Young, "Calmar Ratio: A Smoother Tool", *Futures* 20 (1), 1991, over all periods
    /// instead of 36 months.
    pub calmar: f64,
    /// How many returns there are.
    pub num_periods: usize,
    /// How many are above zero.
    pub winning_periods: usize,
    /// How many are below zero.
    pub losing_periods: usize,
    /// `winning_periods / num_periods`.
    ///
    /// Bacon, "upside frequency" at a threshold of 0.
    pub win_rate: f64,
    /// `sum(max(r, 0)) / sum(max(-r, 0))`: the sum of the gains over that of the losses.
    ///
    /// A. E. Bernardo and O. Ledoit, "Gain, Loss, and Asset Pricing", *Journal of Political
    /// Economy* 108 (1), 2000; the Omega ratio at a threshold of 0.
    pub profit_factor: f64,
    /// Mean gain over mean loss, each over its own periods.
    ///
    /// `payoff_ratio` of the Python package `QuantStats`.
    pub payoff_ratio: f64,
    /// The 5th percentile of the returns, linear between the two nearest, as `numpy.percentile`.
    ///
    /// R. J. Hyndman and Y. Fan, "Sample Quantiles in Statistical Packages", *The American
    /// Statistician* 50 (4), 1996, definition 7. A loss is negative.
    pub var_95: f64,
    /// The mean of the `floor((n - 1) x 0.05) + 1` lowest returns.
    ///
    /// The expected shortfall of C. Acerbi and D. Tasche, "On the Coherence of Expected Shortfall",
    /// *Journal of Banking & Finance* 26 (7), 2002, with the tail counted as in empyrical.
    pub cvar_95: f64,
    /// `m3 / m2^1.5`, with `m` the central moments over `n`.
    ///
    /// D. N. Joanes and C. A. Gill, "Comparing Measures of Sample Skewness and Kurtosis", *The
    /// Statistician* 47 (1), 1998: their `g1`.
    pub skew: f64,
    /// `m4 / m2^2 - 3`: excess kurtosis, `g2` in the same source.
    pub kurtosis: f64,
}

impl Metrics {
    /// Returns the fields that are floats, by name, in order.
    fn floats(&self) -> [f64; 14] {
        [
            self.total_return,
            self.cagr,
            self.volatility,
            self.sharpe,
            self.sortino,
            self.max_drawdown,
            self.calmar,
            self.win_rate,
            self.profit_factor,
            self.payoff_ratio,
            self.var_95,
            self.cvar_95,
            self.skew,
            self.kurtosis,
        ]
    }

    fn counts(&self) -> [usize; 4] {
        [
            self.max_drawdown_periods,
            self.num_periods,
            self.winning_periods,
            self.losing_periods,
        ]
    }
}

impl PartialEq for Metrics {
    fn eq(&self, other: &Self) -> bool {
        self.counts() == other.counts() && all_same(&self.floats(), &other.floats())
    }
}

/// Returns whether all are equal, NaN being equal to NaN.
#[expect(clippy::float_cmp, reason = "equal to the bit is what is meant")]
fn all_same(a: &[f64], b: &[f64]) -> bool {
    let same = |(a, b): (&f64, &f64)| a == b || (a.is_nan() && b.is_nan());
    a.iter().zip(b).all(same)
}

/// Why there are no metrics.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum MetricsError {
    /// A return was NaN or infinite.
    ReturnNotFinite {
        /// Its index, from 0.
        index: usize,
        /// The return.
        value: f64,
    },
    /// A benchmark's return was NaN or infinite.
    BenchmarkNotFinite {
        /// Its index, from 0.
        index: usize,
        /// The return.
        value: f64,
    },
    /// There were not as many returns as of the benchmark.
    LengthsDiffer {
        /// How many returns there were.
        returns: usize,
        /// How many of the benchmark.
        benchmark: usize,
    },
    /// A window had no period.
    InvalidWindow(usize),
    /// The number of periods per year was not positive and finite.
    InvalidPeriodsPerYear(f64),
    /// The risk free rate was NaN or infinite.
    InvalidRiskFree(f64),
    /// The caller asked to stop.
    Interrupted,
}

impl fmt::Display for MetricsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReturnNotFinite { index, value } => {
                write!(f, "a return must be finite, got {value} at index {index}")
            }
            Self::BenchmarkNotFinite { index, value } => {
                write!(
                    f,
                    "a return of the benchmark must be finite, got {value} at index {index}"
                )
            }
            Self::LengthsDiffer { returns, benchmark } => {
                write!(
                    f,
                    "returns and benchmark must have the same length, got {returns} and {benchmark}"
                )
            }
            Self::InvalidWindow(window) => {
                write!(f, "window {window}: must be at least 1")
            }
            Self::InvalidPeriodsPerYear(periods) => {
                write!(
                    f,
                    "periods per year must be positive and finite, got {periods}"
                )
            }
            Self::InvalidRiskFree(rate) => {
                write!(f, "the risk free rate must be finite, got {rate}")
            }
            Self::Interrupted => write!(f, "interrupted"),
        }
    }
}

impl Error for MetricsError {}

/// Fails unless metrics can be annualized with these.
pub(crate) fn check_rates(periods_per_year: f64, risk_free: f64) -> Result<(), MetricsError> {
    if !(periods_per_year > 0.0 && periods_per_year.is_finite()) {
        return Err(MetricsError::InvalidPeriodsPerYear(periods_per_year));
    }
    if !risk_free.is_finite() {
        return Err(MetricsError::InvalidRiskFree(risk_free));
    }
    Ok(())
}

fn check_finite(returns: &[f64]) -> Result<(), MetricsError> {
    match returns
        .iter()
        .enumerate()
        .find(|(_, value)| !value.is_finite())
    {
        Some((index, &value)) => Err(MetricsError::ReturnNotFinite { index, value }),
        None => Ok(()),
    }
}

/// Returns the metrics of simple returns per period, or `None` for no returns.
///
/// `risk_free` is per period, like the returns: an annual rate of 3 % on months is `0.03 / 12.0`.
///
/// ```
/// let metrics = nanobook::compute_metrics(&[0.5, -0.5, 0.0], 3.0, 0.0)?.unwrap();
/// assert_eq!(metrics.total_return, -0.25);
/// assert_eq!(metrics.cagr, -0.25); // three periods are one year
/// assert_eq!(metrics.max_drawdown, 0.5);
/// assert_eq!((metrics.winning_periods, metrics.losing_periods), (1, 1));
/// assert!(nanobook::compute_metrics(&[], 252.0, 0.0)?.is_none());
/// # Ok::<(), nanobook::MetricsError>(())
/// ```
///
/// # Errors
///
/// [`MetricsError`] names a return that is not finite, by index, or a rate out of range.
pub fn compute_metrics(
    returns: &[f64],
    periods_per_year: f64,
    risk_free: f64,
) -> Result<Option<Metrics>, MetricsError> {
    compute_metrics_until(returns, periods_per_year, risk_free, || false)
}

/// Returns the metrics as [`compute_metrics`] does, and asks every now and then whether to stop.
///
/// The question comes once in 1,048,576 returns of each pass over them, so not for fewer.
///
/// # Errors
///
/// As [`compute_metrics`], and [`MetricsError::Interrupted`] when the answer was yes.
pub fn compute_metrics_until(
    returns: &[f64],
    periods_per_year: f64,
    risk_free: f64,
    mut stop: impl FnMut() -> bool,
) -> Result<Option<Metrics>, MetricsError> {
    check_rates(periods_per_year, risk_free)?;
    if returns.is_empty() {
        return Ok(None);
    }
    let stop = &mut stop;
    let totals = Totals::of(returns, stop)?;
    if totals.size_max.is_infinite() {
        check_finite(returns)?;
    }

    let n = count(returns.len());
    let year = periods_per_year.sqrt();
    let scaled = Scaled::of(returns, &totals, Scale::of(totals.size_max), stop)?;
    let moments = scaled.moments(risk_free, stop)?;
    let deviation = or_zero((moments.second / (n - 1.0)).sqrt(), scaled.noise);
    let variance = moments.second / n;
    let sortino = |scaled: &Scaled<'_>, shortfall: f64| {
        let downside = or_zero((shortfall / n).sqrt(), scaled.noise);
        let excess = scaled.excess(risk_free);
        ratio(excess * periods_per_year, downside * year)
    };
    // The distance from a rate is as large as the rate.
    let target_scale = Scale::of(totals.size_max.max(risk_free.abs()));
    let sortino = if target_scale == scaled.scale {
        sortino(&scaled, moments.downside)
    } else {
        let scaled = Scaled::of(returns, &totals, target_scale, stop)?;
        sortino(&scaled, scaled.moments(risk_free, stop)?.downside)
    };
    let gains = if totals.winning > 0 && scaled.gains == 0.0 {
        // Too small beside the losses for their quotient to fit in a float.
        f64::NAN
    } else {
        scaled.gains
    };
    let path = Path::of(returns, stop)?;
    let cagr = path.end.annual_growth(periods_per_year / n);
    let (var_95, cvar_95) = tail(returns, stop)?;
    let (winning, losing) = (count(totals.winning), count(totals.losing));

    Ok(Some(Metrics {
        total_return: path.end.value() - 1.0,
        cagr,
        volatility: scaled.scale.up(deviation * year),
        sharpe: ratio(scaled.excess(risk_free), deviation) * year,
        sortino,
        max_drawdown: path.max_drawdown,
        max_drawdown_periods: path.max_drawdown_periods,
        calmar: ratio(cagr, path.max_drawdown),
        num_periods: returns.len(),
        winning_periods: totals.winning,
        losing_periods: totals.losing,
        win_rate: winning / n,
        profit_factor: ratio(gains, -scaled.losses),
        payoff_ratio: ratio(ratio(gains, winning), ratio(-scaled.losses, losing)),
        var_95,
        cvar_95,
        skew: ratio(
            moments.third / n,
            flat_or(deviation, variance * variance.sqrt()),
        ),
        kurtosis: ratio(moments.fourth / n, flat_or(deviation, variance * variance)) - 3.0,
    }))
}

/// Returns the quotient, or NaN where the denominator is zero.
fn ratio(numerator: f64, denominator: f64) -> f64 {
    if denominator == 0.0 {
        f64::NAN
    } else {
        numerator / denominator
    }
}

/// Returns the bound below which a deviation of returns of this size is rounding.
fn noise_floor(size_max: f64) -> f64 {
    1e-12 * size_max
}

/// Returns a deviation, or 0 where it is no more than noise.
fn or_zero(deviation: f64, noise: f64) -> f64 {
    if deviation < noise { 0.0 } else { deviation }
}

/// Returns a denominator, or NaN where the deviation is zero or there is none.
fn flat_or(deviation: f64, denominator: f64) -> f64 {
    if deviation > 0.0 {
        denominator
    } else {
        f64::NAN
    }
}

#[expect(clippy::cast_precision_loss, reason = "no series has 2^53 returns")]
fn count(n: usize) -> f64 {
    n as f64
}

/// How many partial sums run side by side: the order of additions is part of the result, so this
/// may not depend on the machine.
const LANES: usize = 4;
/// How many returns are summed before a partial sum is added to the total, to keep rounding small.
const BLOCK: usize = 1024;

/// Adds up in [`LANES`] lanes.
fn fold_lanes(lanes: [f64; LANES]) -> f64 {
    lanes.into_iter().sum()
}

/// Returns the blocks of the returns one after the other, or an error where the answer to `stop` is
/// yes.
#[inline]
fn blocks<'a>(
    returns: &'a [f64],
    stop: &mut impl FnMut() -> bool,
) -> impl Iterator<Item = Result<&'a [f64], MetricsError>> {
    /// Some milliseconds of work, so that a question may take a while.
    const BLOCKS_BETWEEN_QUESTIONS: usize = 1024;
    returns.chunks(BLOCK).zip(1..).map(move |(block, number)| {
        if number % BLOCKS_BETWEEN_QUESTIONS == 0 && stop() {
            Err(MetricsError::Interrupted)
        } else {
            Ok(block)
        }
    })
}

/// Gains, losses and the largest size.
#[derive(Default)]
struct Totals {
    gains: f64,
    losses: f64,
    winning: usize,
    losing: usize,
    /// Infinite when a return is not finite.
    size_max: f64,
}

impl Totals {
    fn of(returns: &[f64], stop: &mut impl FnMut() -> bool) -> Result<Self, MetricsError> {
        let mut totals = Self::default();
        for block in blocks(returns, stop) {
            let block = block?;
            let (mut gains, mut losses) = ([0.0; LANES], [0.0; LANES]);
            let (mut winning, mut losing) = ([0_u64; LANES], [0_u64; LANES]);
            let mut sizes = [0.0_f64; LANES];
            for_lanes(block, |lane, r| {
                let (gain, loss) = (r > 0.0, r < 0.0);
                gains[lane] += if gain { r } else { 0.0 };
                losses[lane] += if loss { r } else { 0.0 };
                // A check for overflow, which a block is too short for, would keep the compiler from
                // working on several lanes at once.
                winning[lane] = u64::wrapping_add(winning[lane], gain.into());
                losing[lane] = u64::wrapping_add(losing[lane], loss.into());
                // A NaN fails the comparison, and so becomes infinite here.
                let size = if r.abs() <= f64::MAX {
                    r.abs()
                } else {
                    f64::INFINITY
                };
                sizes[lane] = if size > sizes[lane] {
                    size
                } else {
                    sizes[lane]
                };
            });
            totals.gains += fold_lanes(gains);
            totals.losses += fold_lanes(losses);
            totals.winning += usize::try_from(winning.iter().sum::<u64>()).unwrap_or(0);
            totals.losing += usize::try_from(losing.iter().sum::<u64>()).unwrap_or(0);
            totals.size_max = sizes.into_iter().fold(totals.size_max, f64::max);
        }
        Ok(totals)
    }
}

/// Calls a function with each number and its lane.
#[inline]
fn for_lanes(block: &[f64], mut add: impl FnMut(usize, f64)) {
    let mut chunks = block.chunks_exact(LANES);
    for chunk in chunks.by_ref() {
        // An array of known length lets the compiler work on several lanes at once.
        let chunk: [f64; LANES] = chunk.try_into().expect("a chunk has as many as asked for");
        for (lane, number) in chunk.into_iter().enumerate() {
            add(lane, number);
        }
    }
    for (lane, &number) in chunks.remainder().iter().enumerate() {
        add(lane, number);
    }
}

/// Returns at a scale at which their fourth powers are floats.
struct Scaled<'a> {
    returns: Cow<'a, [f64]>,
    scale: Scale,
    gains: f64,
    losses: f64,
    mean: f64,
    /// Below this a deviation is rounding.
    noise: f64,
}

impl<'a> Scaled<'a> {
    /// `totals` are those of the returns as they are.
    fn of(
        returns: &'a [f64],
        totals: &Totals,
        scale: Scale,
        stop: &mut impl FnMut() -> bool,
    ) -> Result<Self, MetricsError> {
        let returns = scale.down_all(returns);
        let (gains, losses) = if scale == Scale::ONE {
            (totals.gains, totals.losses)
        } else {
            let totals = Totals::of(&returns, stop)?;
            (totals.gains, totals.losses)
        };
        Ok(Self {
            scale,
            gains,
            losses,
            mean: (gains + losses) / count(returns.len()),
            noise: noise_floor(scale.down(totals.size_max)),
            returns,
        })
    }

    /// Returns the mean less a rate.
    fn excess(&self, rate: f64) -> f64 {
        self.mean - self.scale.down(rate)
    }

    /// Returns the moments around the mean, and below a rate.
    fn moments(&self, rate: f64, stop: &mut impl FnMut() -> bool) -> Result<Moments, MetricsError> {
        Moments::of(&self.returns, self.mean, self.scale.down(rate), stop)
    }
}

/// Sums of powers of the distance from the mean, and of the squared shortfall.
#[derive(Default)]
struct Moments {
    second: f64,
    third: f64,
    fourth: f64,
    downside: f64,
}

impl Moments {
    fn of(
        returns: &[f64],
        mean: f64,
        target: f64,
        stop: &mut impl FnMut() -> bool,
    ) -> Result<Self, MetricsError> {
        let mut moments = Self::default();
        let mut drift = 0.0;
        for block in blocks(returns, stop) {
            let block = block?;
            let mut first = [0.0; LANES];
            let mut second = [0.0; LANES];
            let mut third = [0.0; LANES];
            let mut fourth = [0.0; LANES];
            let mut downside = [0.0; LANES];
            for_lanes(block, |lane, r| {
                let distance = r - mean;
                let square = distance * distance;
                first[lane] += distance;
                second[lane] += square;
                third[lane] += square * distance;
                fourth[lane] += square * square;
                let shortfall = if r < target { r - target } else { 0.0 };
                downside[lane] += shortfall * shortfall;
            });
            drift += fold_lanes(first);
            moments.second += fold_lanes(second);
            moments.third += fold_lanes(third);
            moments.fourth += fold_lanes(fourth);
            moments.downside += fold_lanes(downside);
        }
        // Takes out what rounding of the mean left (Chan, Golub and LeVeque 1983, equation 1.7).
        let second = moments.second - drift * drift / count(returns.len());
        // Not `max`, which would make 0 of a sum that overflowed.
        moments.second = if second < 0.0 { 0.0 } else { second };
        Ok(moments)
    }
}

/// Where wealth went.
struct Path {
    end: Wealth,
    max_drawdown: f64,
    max_drawdown_periods: usize,
}

impl Path {
    fn of(returns: &[f64], stop: &mut impl FnMut() -> bool) -> Result<Self, MetricsError> {
        let mut wealth = Wealth::START;
        let (mut period, mut peak_period) = (0, 0);
        let (mut max_drawdown, mut periods_max) = (0.0_f64, 0);
        // Below this is a new largest drawdown or ruin: seldom, so that the loop is a
        // multiplication and a few comparisons.
        let mut watch = watch_below(wealth.peak, max_drawdown);
        'blocks: for block in blocks(returns, stop) {
            for &r in block? {
                period += 1;
                if wealth.earn(r) {
                    let periods = period - peak_period;
                    if periods > 1 {
                        periods_max = periods_max.max(periods);
                    }
                    peak_period = period;
                    watch = watch_below(wealth.peak, max_drawdown);
                } else if wealth.scaled < watch {
                    max_drawdown = max_drawdown.max(wealth.drawdown());
                    if wealth.is_lost() {
                        break 'blocks;
                    }
                    watch = wealth.scaled;
                }
            }
        }
        if peak_period < returns.len() {
            periods_max = periods_max.max(returns.len() - peak_period);
        }
        Ok(Self {
            end: wealth,
            max_drawdown,
            max_drawdown_periods: periods_max,
        })
    }
}

/// Returns a bound that every wealth with a larger drawdown from this peak is below.
fn watch_below(peak: f64, max_drawdown: f64) -> f64 {
    // The last factor covers the rounding of the others. No wealth but 0 is below the last bound.
    (peak * (1.0 - max_drawdown) * (1.0 + 1e-15)).max(SCALE_INVERSE)
}

/// Returns the 5th percentile and the mean of what is not above it.
fn tail(returns: &[f64], stop: &mut impl FnMut() -> bool) -> Result<(f64, f64), MetricsError> {
    let place = count(returns.len() - 1) * 0.05;
    let rank = floor_to_usize(place);
    let between = place - count(rank);
    let low = lowest(returns, rank + 2, stop)?;

    let mut ranked = low.clone();
    let (_, &mut at_rank, above) = ranked.select_nth_unstable_by(rank, f64::total_cmp);
    let next = above
        .iter()
        .copied()
        .min_by(f64::total_cmp)
        .unwrap_or(at_rank);
    // As NumPy interpolates, to the last bit.
    let step = next - at_rank;
    let percentile = if step.is_infinite() {
        at_rank * (1.0 - between) + next * between
    } else if between < 0.5 {
        at_rank + step * between
    } else {
        next - step * (1.0 - between)
    };

    // In the order of the returns: that of a selection depends on its algorithm.
    let mean = |scale: Scale| {
        let below = low.iter().filter(|r| **r < at_rank);
        let add = |(sum, number), &r| (sum + scale.down(r), number + 1);
        let (sum, number) = below.fold((0.0, 0), add);
        let ties = count(rank + 1 - number);
        scale.up((sum + ties * scale.down(at_rank)) / count(rank + 1))
    };
    let mut worst = mean(Scale::ONE);
    if worst.is_infinite() {
        // The sum does not fit in a float. The mean does, but for its rounding.
        worst = mean(Scale::new(64)).clamp(-f64::MAX, f64::MAX);
    }
    Ok((percentile, worst))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative, and at most the length of a slice"
)]
fn floor_to_usize(place: f64) -> usize {
    place.floor() as usize
}

/// Returns at least the `wanted` lowest returns, or all of them, in their order but for those that
/// are equal to the highest.
///
/// A sample tells what is surely too high, so that only a tenth has to be ranked.
fn lowest(
    returns: &[f64],
    wanted: usize,
    stop: &mut impl FnMut() -> bool,
) -> Result<Vec<f64>, MetricsError> {
    const SAMPLE: usize = 1024;
    if returns.len() < 4 * SAMPLE {
        return Ok(returns.to_vec());
    }
    let mut sample: Vec<f64> = returns
        .iter()
        .copied()
        .step_by(returns.len() / SAMPLE)
        .collect();
    sample.sort_unstable_by(f64::total_cmp);
    let bound = sample[sample.len() * 8 / 100];
    let mut low = Vec::with_capacity(returns.len() / 8);
    let mut kept = [0.0; BLOCK];
    for block in blocks(returns, stop) {
        // Every return is written and only the low ones are kept: a branch would be mispredicted.
        let mut len = 0;
        for &r in block? {
            kept[len] = r;
            len += usize::from(r < bound);
        }
        low.extend_from_slice(&kept[..len]);
    }
    if low.len() < wanted {
        if returns.iter().filter(|r| **r <= bound).count() < wanted {
            return Ok(returns.to_vec());
        }
        // Where many returns are the same, zero say, no more of them are ranked than have to be.
        low.resize(wanted, bound);
    }
    Ok(low)
}
