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

mod series;
mod strategy;
mod sweep;

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3;

pub use series::{PriceSeries, PriceSeriesBuilder, Prices, SeriesError};
pub use strategy::{Decision, EqualWeight, ScheduleError, Strategy, Targets, WeightSchedule};
pub use sweep::{SweepError, sweep, sweep_strategy};

use crate::portfolio::{
    CostModel, Fill, Metrics, MetricsError, Plan, Portfolio, PortfolioError, check_rates, hash_i64s,
};
use crate::types::{Digest, Price, Symbol};

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

/// What came of a backtest.
///
/// Two results are equal when everything is, NaN being equal to NaN.
#[derive(Clone, Debug)]
pub struct BacktestResult {
    /// The portfolio at the end, with its equity curve and returns.
    pub portfolio: Arc<Portfolio>,
    /// The metrics of the returns; `None` when there are none.
    pub metrics: Option<Metrics>,
    /// The symbols of the columns.
    pub symbols: Vec<Symbol>,
    /// The targets given, bars x symbols, row after row; a row of NaN where the answer was to hold.
    pub weights: Vec<f64>,
    /// The fills in the order they were made.
    pub trades: TradeColumns,
}

/// The fills of a backtest, column by column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TradeColumns {
    /// The bar of each fill.
    pub bar: Vec<u64>,
    /// The column of its symbol.
    pub symbol: Vec<u32>,
    /// How much was bought, or sold when below zero.
    pub quantity: Vec<i64>,
    /// At what price.
    pub price: Vec<i64>,
    /// What it cost.
    pub cost: Vec<i64>,
}

impl TradeColumns {
    /// Returns the number of fills.
    pub fn len(&self) -> usize {
        self.bar.len()
    }

    /// Returns whether there are no fills.
    pub fn is_empty(&self) -> bool {
        self.bar.is_empty()
    }

    /// Returns each fill with its bar; the symbols are those of the result.
    pub fn iter<'a>(&'a self, symbols: &'a [Symbol]) -> impl Iterator<Item = (u64, Fill)> + 'a {
        (0..self.len()).map(|i| {
            let fill = Fill {
                symbol: symbols[self.symbol[i] as usize],
                quantity: self.quantity[i],
                price: Price(self.price[i]),
                cost: self.cost[i],
            };
            (self.bar[i], fill)
        })
    }

    fn record(&mut self, bar: usize, plan: &Plan) {
        for (slot, fill) in plan.fills() {
            self.bar.push(bar as u64);
            self.symbol
                .push(u32::try_from(slot).expect("a series has at most 2^32 symbols"));
            self.quantity.push(fill.quantity);
            self.price.push(fill.price.0);
            self.cost.push(fill.cost);
        }
    }
}

impl BacktestResult {
    /// Returns the costs paid, in the smallest currency unit.
    pub fn costs(&self) -> i64 {
        self.portfolio.costs()
    }

    /// Returns the initial cash and the equity at the end of each bar.
    pub fn equity_curve(&self) -> &[i64] {
        self.portfolio.equity_curve()
    }

    /// Returns the return of each bar.
    pub fn returns(&self) -> &[f64] {
        self.portfolio.returns()
    }

    /// Returns what was traded, as a multiple of the mean equity, over the whole run: 1.0 is one
    /// purchase, or one sale, of everything. NaN where the mean equity is not positive.
    ///
    /// `sum(|quantity| x price) / mean(equity curve)`, purchases and sales alike, as the total of
    /// `get_turnover(..., denominator="portfolio_value")` of pyfolio.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a ratio is a float, rounded like any other"
    )]
    pub fn turnover(&self) -> f64 {
        let curve = self.equity_curve();
        let total: i128 = curve.iter().map(|&equity| i128::from(equity)).sum();
        if total <= 0 {
            return f64::NAN;
        }
        let pairs = self.trades.quantity.iter().zip(&self.trades.price);
        let traded: i128 = pairs
            .map(|(&q, &p)| i128::from(q.unsigned_abs()) * i128::from(p))
            .sum();
        traded as f64 / (total as f64 / curve.len() as f64)
    }

    /// Returns a hash of the portfolio and of every fill: equal runs have equal digests on every
    /// platform.
    pub fn digest(&self) -> Digest {
        let mut hasher = Xxh3::new();
        hasher.update(&self.portfolio.state_digest().0.to_le_bytes());
        hasher.update(&(self.symbols.len() as u64).to_le_bytes());
        for symbol in &self.symbols {
            hasher.update(&(symbol.as_str().len() as u64).to_le_bytes());
            hasher.update(symbol.as_str().as_bytes());
        }
        for bar in &self.trades.bar {
            hasher.update(&bar.to_le_bytes());
        }
        for symbol in &self.trades.symbol {
            hasher.update(&symbol.to_le_bytes());
        }
        hash_i64s(&mut hasher, &self.trades.quantity);
        hash_i64s(&mut hasher, &self.trades.price);
        hash_i64s(&mut hasher, &self.trades.cost);
        Digest(hasher.digest())
    }
}

impl PartialEq for BacktestResult {
    fn eq(&self, other: &Self) -> bool {
        let same = |(a, b): (&f64, &f64)| a == b || (a.is_nan() && b.is_nan());
        self.portfolio == other.portfolio
            && self.metrics == other.metrics
            && self.symbols == other.symbols
            && self.trades == other.trades
            && self.weights.len() == other.weights.len()
            && self.weights.iter().zip(&other.weights).all(same)
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
        /// The bar that would have come next.
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

impl<E: Error + 'static> Error for BacktestError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Strategy { error, .. } => Some(error),
            Self::Portfolio { error, .. } => Some(error),
            Self::Metrics(error) => Some(error),
            Self::Interrupted { .. } => None,
        }
    }
}

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
/// The question comes at least once in 65,536 prices.
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
    let mut weights = vec![f64::NAN; series.len() * width];
    let mut trades = TradeColumns::default();
    let mut plan = Plan::default();
    let mut waiting = false;

    for bar in 0..series.len() {
        if bar % question_every == 0 && stop() {
            return Err(BacktestError::Interrupted { bar });
        }
        let prices = series.row(bar);
        let (earlier, rest) = weights.split_at_mut(bar * width);
        let row = &mut rest[..width];
        let at_bar = |error| BacktestError::Portfolio { bar, error };

        if waiting {
            let targets = &earlier[(bar - 1) * width..];
            Arc::make_mut(&mut portfolio)
                .rebalance_row(&mut plan, prices, targets)
                .map_err(at_bar)?;
            trades.record(bar, &plan);
            waiting = false;
        }

        let mut targets = Targets::new(series.prices(bar), row);
        let decision = strategy
            .compute_weights(bar, &series.prices(bar), &portfolio, &mut targets)
            .map_err(|error| BacktestError::Strategy { bar, error })?;
        let checked = targets.finish();
        // Does not copy: the strategy gave back what it was lent.
        let held = Arc::make_mut(&mut portfolio);
        match (decision, config.fill) {
            (Decision::Hold, _) => row.fill(f64::NAN),
            (Decision::Rebalance, FillTiming::Close) => {
                checked.map_err(at_bar)?;
                held.rebalance_row(&mut plan, prices, row).map_err(at_bar)?;
                trades.record(bar, &plan);
            }
            (Decision::Rebalance, FillTiming::Next) => {
                checked.map_err(at_bar)?;
                held.check_targets_priced(prices, row).map_err(at_bar)?;
                waiting = true;
            }
        }
        held.record_row(prices).map_err(at_bar)?;
    }

    let metrics = portfolio
        .compute_metrics(config.periods_per_year, config.risk_free)
        .map_err(BacktestError::Metrics)?;
    Ok(BacktestResult {
        portfolio,
        metrics,
        symbols: series.symbols().to_vec(),
        weights,
        trades,
    })
}
