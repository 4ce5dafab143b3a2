//! Runs a strategy over a series of prices.
//!
//! Each bar: the strategy sets its targets, the portfolio is rebalanced, the
//! return is recorded. With [`FillTiming::Next`] the targets are traded at the
//! next bar's prices, before the strategy is called there, so a decision can
//! never use the price it trades at.
//!
//! The loop works by column: the portfolio's slots are the series' columns, a
//! bar's prices and targets are slices, and what is recorded is appended to
//! columns. A bar costs O(symbols + fills), however long the run.

#[cfg(feature = "persistence")]
mod persist;
mod result;
mod series;
mod strategy;
mod sweep;

use std::error::Error;
use std::fmt;
use std::sync::Arc;

pub use result::{BacktestResult, TradeColumns, TradeRecord, WeightRows};
pub use series::{PriceColumn, PriceSeries, PriceSeriesBuilder, Prices, SeriesError};
pub use strategy::{
    ByRef, Decision, EqualWeight, ScheduleError, Strategy, Targets, WeightSchedule,
};
pub use sweep::{SweepError, sweep, sweep_strategy};

use crate::portfolio::{
    CostModel, MetricsError, Plan, Portfolio, PortfolioError, check_rates, compute_metrics_until,
};

/// When the targets of a bar are traded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FillTiming {
    /// At the prices the strategy saw.
    #[default]
    Close,
    /// At the next bar, sized with its prices and equity. Those of the last bar are not traded.
    Next,
}

/// How to run a backtest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BacktestConfig {
    /// Cash at the start, in the smallest currency unit.
    pub initial_cash: i64,
    /// What fills cost.
    pub cost_model: CostModel,
    /// How many bars are a year.
    pub periods_per_year: f64,
    /// The risk free rate per bar.
    pub risk_free: f64,
    /// When targets are traded.
    pub fill: FillTiming,
}

impl BacktestConfig {
    /// Returns the defaults: no costs, 252 bars a year, no risk free rate, fills at the close.
    pub const fn new(initial_cash: i64) -> Self {
        Self {
            initial_cash,
            cost_model: CostModel::zero(),
            periods_per_year: 252.0,
            risk_free: 0.0,
            fill: FillTiming::Close,
        }
    }
}

/// Why a backtest stopped.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum BacktestError<E> {
    /// The strategy failed.
    Strategy {
        /// The bar, from 0.
        bar: usize,
        /// The strategy's own error.
        error: E,
    },
    /// The strategy's targets are wrong, or trading them does not fit in 64 bits.
    Portfolio {
        /// The bar, from 0.
        bar: usize,
        /// What is wrong.
        error: PortfolioError,
    },
    /// The periods per year or the risk free rate are out of range.
    Metrics(MetricsError),
    /// The caller asked to stop.
    Interrupted {
        /// The bar that would have come next; after the last one, the number of bars.
        bar: usize,
    },
}

impl<E: fmt::Display> fmt::Display for BacktestError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Strategy { bar, error } => write!(f, "bar {bar}: {error}"),
            Self::Portfolio { bar, error } => write!(f, "bar {bar}: {error}"),
            Self::Metrics(error) => error.fmt(f),
            Self::Interrupted { bar } => write!(f, "bar {bar}: interrupted"),
        }
    }
}

/// The message tells the cause too, so that is no source beside it, and may be of any type:
/// `Box<dyn Error>` is no [`Error`] itself.
impl<E: fmt::Debug + fmt::Display> Error for BacktestError<E> {}

/// Runs a strategy over a series of prices.
///
/// ```
/// use nanobook::{
///     BacktestConfig, Portfolio, Price, PriceSeries, Prices, Symbol, SymbolError, run_backtest,
/// };
/// let aapl = Symbol::new("AAPL");
/// let prices = [100_00, 110_00, 99_00].map(|price| [(aapl, Price(price))]);
/// let series = PriceSeries::from_rows(&prices)?;
/// let half = |_bar: usize, _prices: &Prices<'_>, _portfolio: &Portfolio| {
///     Ok::<_, SymbolError>(Some(vec![(aapl, 0.5)]))
/// };
/// let result = run_backtest(half, &series, &BacktestConfig::new(1_000_000_00))?;
/// // At $110 half of $1,050,000 buys 4,772 shares; each then loses $11.
/// assert_eq!(result.equity_curve(), [1_000_000_00, 1_000_000_00, 1_050_000_00, 997_508_00]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`BacktestError`] when the strategy fails, its targets are wrong, or a number does not fit.
pub fn run_backtest<S: Strategy>(
    strategy: S,
    series: &PriceSeries,
    config: &BacktestConfig,
) -> Result<BacktestResult, BacktestError<S::Error>> {
    run_backtest_until(strategy, series, config, || false)
}

/// Runs a backtest as [`run_backtest`] does, and asks every now and then whether to stop.
///
/// The question comes at least once in 65,536 prices, and while the metrics are computed as
/// [`compute_metrics_until`] asks it.
///
/// # Errors
///
/// As [`run_backtest`], and [`BacktestError::Interrupted`] when the answer was yes.
pub fn run_backtest_until<S: Strategy>(
    mut strategy: S,
    series: &PriceSeries,
    config: &BacktestConfig,
    mut stop: impl FnMut() -> bool,
) -> Result<BacktestResult, BacktestError<S::Error>> {
    /// Well below a millisecond of built-in work.
    const PRICES_BETWEEN_QUESTIONS: usize = 65_536;

    check_rates(config.periods_per_year, config.risk_free).map_err(BacktestError::Metrics)?;
    strategy
        .start(series)
        .map_err(|error| BacktestError::Strategy { bar: 0, error })?;
    let width = series.symbols().len();
    let question_every = (PRICES_BETWEEN_QUESTIONS / width.max(1)).max(1);
    let mut portfolio = Arc::new(Portfolio::with_symbols(
        config.initial_cash,
        config.cost_model,
        series.symbols(),
        series.len(),
    ));
    let mut row = vec![f64::NAN; width];
    let mut weights = WeightRows::new(width, series.len());
    let mut trades = TradeColumns::new(series.clone(), config.cost_model);
    let mut plan = Plan::default();

    for bar in 0..series.len() {
        if bar % question_every == 0 && stop() {
            return Err(BacktestError::Interrupted { bar });
        }
        let prices = series.row(bar);
        let at_bar = |error| BacktestError::Portfolio { bar, error };

        let mut rebalanced = false;
        if config.fill == FillTiming::Next && bar > 0 {
            if let Some(targets) = weights.row(bar - 1) {
                Arc::make_mut(&mut portfolio)
                    .rebalance_row(&mut plan, prices, targets)
                    .map_err(at_bar)?;
                trades.extend(&plan);
                rebalanced = true;
            }
        }

        let mut targets = Targets::new(series.prices(bar), &mut row);
        let decision = strategy
            .compute_weights(bar, &series.prices(bar), &portfolio, &mut targets)
            .map_err(|error| BacktestError::Strategy { bar, error })?;
        let checked = targets.finish();
        // Does not copy: the strategy gave back what it was lent.
        let held = Arc::make_mut(&mut portfolio);
        match decision {
            Decision::Hold => weights.push_hold(),
            Decision::Rebalance => {
                checked.map_err(at_bar)?;
                weights.push(&row);
                match config.fill {
                    FillTiming::Close => {
                        held.rebalance_row(&mut plan, prices, &row)
                            .map_err(at_bar)?;
                        trades.extend(&plan);
                        rebalanced = true;
                    }
                    FillTiming::Next => held.check_targets_priced(prices, &row).map_err(at_bar)?,
                }
            }
        }
        trades.end_bar();
        if rebalanced {
            held.push_equity(plan.equity());
        } else {
            held.record_row(prices).map_err(at_bar)?;
        }
    }

    let metrics = compute_metrics_until(
        portfolio.returns(),
        config.periods_per_year,
        config.risk_free,
        stop,
    );
    let metrics = metrics.map_err(|error| match error {
        MetricsError::Interrupted => BacktestError::Interrupted { bar: series.len() },
        error => BacktestError::Metrics(error),
    })?;
    Ok(BacktestResult {
        portfolio,
        metrics,
        symbols: series.symbols().to_vec(),
        weights,
        trades,
    })
}
