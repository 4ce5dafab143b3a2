//! What a strategy is, and those that need no code.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::series::{PriceSeries, Prices};
use crate::portfolio::{Portfolio, PortfolioError};
use crate::types::Symbol;

/// Decides at each bar what share of the equity each symbol should have.
///
/// A closure from bar, prices and portfolio to `Result<Option<Vec<(Symbol, f64)>>, E>` is a
/// strategy too: `None` leaves the portfolio alone, an empty list closes everything.
///
/// ```
/// use std::sync::Arc;
/// use nanobook::{
///     BacktestConfig, Decision, Portfolio, Price, PriceSeries, Prices, Strategy, Symbol, Targets,
///     run_backtest,
/// };
///
/// /// Everything in the cheapest symbol.
/// struct Cheapest;
///
/// impl Strategy for Cheapest {
///     type Error = std::convert::Infallible;
///
///     fn compute_weights(
///         &mut self,
///         _bar: usize,
///         prices: &Prices<'_>,
///         _portfolio: &Arc<Portfolio>,
///         targets: &mut Targets<'_>,
///     ) -> Result<Decision, Self::Error> {
///         match prices.columns().min_by_key(|(_, price)| *price) {
///             Some((column, _)) => targets.set_column(column, 1.0),
///             None => return Ok(Decision::Hold),
///         }
///         Ok(Decision::Rebalance)
///     }
/// }
///
/// let (a, b) = (Symbol::new("A"), Symbol::new("B"));
/// let series = PriceSeries::from_rows(&[
///     [(a, Price(10)), (b, Price(20))],
///     [(a, Price(12)), (b, Price(11))],
/// ])?;
/// let result = run_backtest(Cheapest, &series, &BacktestConfig::new(100))?;
/// assert_eq!(result.portfolio.equity_curve(), [100, 100, 120]);
/// assert_eq!(result.portfolio.position(b).unwrap().quantity, 10);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Strategy {
    /// What stops a run.
    type Error;

    /// Is called once, before the first bar of a run.
    ///
    /// # Errors
    ///
    /// An error stops the run.
    fn start(&mut self, _series: &PriceSeries) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Sets the targets of this bar, or decides to hold what there is.
    ///
    /// The targets are empty at first; without any, [`Decision::Rebalance`] closes everything.
    /// The portfolio is lent: a clone of the [`Arc`] that is kept when this returns costs a copy of
    /// the whole portfolio.
    ///
    /// # Errors
    ///
    /// An error stops the run.
    fn compute_weights(
        &mut self,
        bar: usize,
        prices: &Prices<'_>,
        portfolio: &Arc<Portfolio>,
        targets: &mut Targets<'_>,
    ) -> Result<Decision, Self::Error>;

    /// Lends the strategy to a run, so that what it has seen can be read afterwards.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use nanobook::{
    ///     BacktestConfig, Decision, Portfolio, Price, PriceSeries, Prices, Strategy, Symbol, Targets,
    ///     run_backtest,
    /// };
    ///
    /// /// The cash at each bar.
    /// struct Watch(Vec<i64>);
    ///
    /// impl Strategy for Watch {
    ///     type Error = std::convert::Infallible;
    ///
    ///     fn compute_weights(
    ///         &mut self,
    ///         _bar: usize,
    ///         _prices: &Prices<'_>,
    ///         portfolio: &Arc<Portfolio>,
    ///         _targets: &mut Targets<'_>,
    ///     ) -> Result<Decision, Self::Error> {
    ///         self.0.push(portfolio.cash());
    ///         Ok(Decision::Hold)
    ///     }
    /// }
    ///
    /// let series = PriceSeries::from_rows(&[[(Symbol::new("A"), Price(10))]])?;
    /// let mut watch = Watch(Vec::new());
    /// run_backtest(watch.by_ref(), &series, &BacktestConfig::new(100))?;
    /// assert_eq!(watch.0, [100]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn by_ref(&mut self) -> ByRef<'_, Self>
    where
        Self: Sized,
    {
        ByRef(self)
    }
}

/// A strategy that is lent: of [`Strategy::by_ref`], or around a `&mut dyn Strategy`.
#[derive(Debug)]
pub struct ByRef<'a, S: ?Sized>(pub &'a mut S);

impl<S: Strategy + ?Sized> Strategy for ByRef<'_, S> {
    type Error = S::Error;

    fn start(&mut self, series: &PriceSeries) -> Result<(), Self::Error> {
        self.0.start(series)
    }

    fn compute_weights(
        &mut self,
        bar: usize,
        prices: &Prices<'_>,
        portfolio: &Arc<Portfolio>,
        targets: &mut Targets<'_>,
    ) -> Result<Decision, Self::Error> {
        self.0.compute_weights(bar, prices, portfolio, targets)
    }
}

/// What a strategy wants done with its targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// Leave the portfolio alone.
    Hold,
    /// Trade towards the targets, and close what has none.
    Rebalance,
}

impl<F, E> Strategy for F
where
    F: FnMut(usize, &Prices<'_>, &Portfolio) -> Result<Option<Vec<(Symbol, f64)>>, E>,
{
    type Error = E;

    fn compute_weights(
        &mut self,
        bar: usize,
        prices: &Prices<'_>,
        portfolio: &Arc<Portfolio>,
        targets: &mut Targets<'_>,
    ) -> Result<Decision, E> {
        let Some(answer) = self(bar, prices, portfolio)? else {
            return Ok(Decision::Hold);
        };
        for (symbol, weight) in answer {
            targets.set(symbol, weight);
        }
        Ok(Decision::Rebalance)
    }
}

/// The targets of one bar, to be set by the strategy.
///
/// A wrong one (a symbol twice or unknown, a weight that is not finite) is kept as an error, the
/// first one wins, and stops the run when the strategy returns.
#[derive(Debug)]
pub struct Targets<'a> {
    prices: Prices<'a>,
    /// By column, NaN without a target.
    row: &'a mut [f64],
    /// How many were set: lists often have the order of the columns.
    count: usize,
    error: Option<PortfolioError>,
}

impl<'a> Targets<'a> {
    /// Returns empty targets that will be written to a row.
    pub(super) fn new(prices: Prices<'a>, row: &'a mut [f64]) -> Self {
        row.fill(f64::NAN);
        Self {
            prices,
            row,
            count: 0,
            error: None,
        }
    }

    /// Sets the target of a symbol, as a fraction of the equity.
    pub fn set(&mut self, symbol: Symbol, weight: f64) {
        match self.prices.column_of(symbol, self.count) {
            Some(column) => self.set_column(column, weight),
            None => self.fail(PortfolioError::UnknownSymbol(symbol)),
        }
    }

    /// Sets the target of the symbol in a column, as a fraction of the equity.
    ///
    /// # Panics
    ///
    /// When there is no such column.
    #[inline]
    pub fn set_column(&mut self, column: usize, weight: f64) {
        self.count += 1;
        if !weight.is_finite() {
            let symbol = self.prices.symbols()[column];
            self.fail(PortfolioError::WeightNotFinite { symbol, weight });
        } else if self.row[column].is_nan() {
            self.row[column] = weight;
        } else {
            self.fail(PortfolioError::DuplicateTarget(
                self.prices.symbols()[column],
            ));
        }
    }

    /// Sets the targets of all columns.
    pub fn set_all(&mut self, weights: &[f64]) {
        if weights.len() == self.row.len() {
            for (column, &weight) in weights.iter().enumerate() {
                self.set_column(column, weight);
            }
        } else {
            self.fail(PortfolioError::WeightCount {
                symbols: self.row.len(),
                weights: weights.len(),
            });
        }
    }

    #[cold]
    fn fail(&mut self, error: PortfolioError) {
        self.error.get_or_insert(error);
    }

    /// Writes 0 where there is no target, and returns the first error.
    pub(super) fn finish(self) -> Result<(), PortfolioError> {
        for weight in self.row {
            *weight = if weight.is_nan() { 0.0 } else { *weight };
        }
        self.error.map_or(Ok(()), Err)
    }
}

/// `1/n` in each of the `n` symbols that have had a price so far.
#[derive(Clone, Debug, Default)]
pub struct EqualWeight {
    seen: Vec<bool>,
    count: u32,
}

impl EqualWeight {
    /// Returns the strategy.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Strategy for EqualWeight {
    type Error = Infallible;

    fn start(&mut self, series: &PriceSeries) -> Result<(), Infallible> {
        self.seen.clear();
        self.seen.resize(series.symbols().len(), false);
        self.count = 0;
        Ok(())
    }

    fn compute_weights(
        &mut self,
        _bar: usize,
        prices: &Prices<'_>,
        _portfolio: &Arc<Portfolio>,
        targets: &mut Targets<'_>,
    ) -> Result<Decision, Infallible> {
        for (column, seen) in self.seen.iter_mut().enumerate() {
            if !*seen && prices.column(column).is_some() {
                *seen = true;
                self.count += 1;
            }
        }
        let weight = 1.0 / f64::from(self.count);
        for (column, _) in self.seen.iter().enumerate().filter(|(_, seen)| **seen) {
            targets.set_column(column, weight);
        }
        Ok(Decision::Rebalance)
    }
}

/// Targets that were computed before: a table of bars x symbols.
///
/// A row that is all NaN leaves the portfolio alone; in any other, all weights are finite. The
/// columns are those of the prices, in their order, or have symbols of their own: then the order is
/// free, and a symbol of the prices without a column has no target. A clone shares the table. Two
/// schedules are equal when their tables and symbols are, NaN being equal to NaN.
///
/// ```
/// use nanobook::{BacktestConfig, Price, PriceSeries, Symbol, WeightSchedule, run_backtest};
/// let (a, b) = (Symbol::new("A"), Symbol::new("B"));
/// let series = PriceSeries::from_rows(&[[(a, Price(10)), (b, Price(20))]])?;
/// let schedule = WeightSchedule::with_symbols(&[b, a], [0.2, 0.8])?;
/// let result = run_backtest(schedule, &series, &BacktestConfig::new(100))?;
/// assert_eq!(result.weights.row(0), Some(&[0.8, 0.2][..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct WeightSchedule {
    columns: usize,
    symbols: Option<Arc<[Symbol]>>,
    weights: Arc<[f64]>,
}

/// Why weights are no [`WeightSchedule`], or one does not fit its prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScheduleError {
    /// The weights do not fill whole rows.
    UnevenRows {
        /// How many columns a row has.
        columns: usize,
        /// How many weights there are.
        weights: usize,
    },
    /// Two columns have the same symbol.
    DuplicateSymbol(Symbol),
    /// A column's symbol is none of the prices.
    UnknownSymbol(Symbol),
    /// There are more or fewer bars than the prices have.
    BarCount {
        /// Bars of the prices.
        expected: usize,
        /// Rows of the schedule.
        found: usize,
    },
    /// Without symbols of its own, the schedule has not the shape of the prices.
    Shape {
        /// Bars and symbols of the prices.
        expected: (usize, usize),
        /// Rows and columns of the schedule.
        found: (usize, usize),
    },
}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnevenRows { columns, weights } => {
                write!(f, "weights must fill rows of {columns}, got {weights}")
            }
            Self::DuplicateSymbol(symbol) => {
                write!(
                    f,
                    "a symbol may have one column of weights, {symbol} has two"
                )
            }
            Self::UnknownSymbol(symbol) => write!(
                f,
                "the columns of a weight schedule must be symbols of the prices, got {symbol}"
            ),
            Self::BarCount { expected, found } => write!(
                f,
                "a weight schedule must have the prices' {expected} bars, got {found}"
            ),
            Self::Shape { expected, found } => write!(
                f,
                "a weight schedule must have the prices' {} bars x {} symbols, got {} x {}",
                expected.0, expected.1, found.0, found.1
            ),
        }
    }
}

impl Error for ScheduleError {}

impl WeightSchedule {
    /// Returns the schedule with these weights, row after row, in so many columns: those of the
    /// prices, in their order.
    ///
    /// # Errors
    ///
    /// [`ScheduleError::UnevenRows`] when the last row is not whole.
    pub fn new(columns: usize, weights: impl Into<Arc<[f64]>>) -> Result<Self, ScheduleError> {
        let weights = weights.into();
        let count = weights.len();
        if count.checked_rem(columns).unwrap_or(count) != 0 {
            return Err(ScheduleError::UnevenRows {
                columns,
                weights: count,
            });
        }
        Ok(Self {
            columns,
            symbols: None,
            weights,
        })
    }

    /// Returns the schedule with these weights, row after row, in columns of these symbols.
    ///
    /// # Errors
    ///
    /// [`ScheduleError::DuplicateSymbol`] when a symbol is there twice, and as
    /// [`WeightSchedule::new`].
    pub fn with_symbols(
        symbols: &[Symbol],
        weights: impl Into<Arc<[f64]>>,
    ) -> Result<Self, ScheduleError> {
        let mut sorted = symbols.to_vec();
        sorted.sort_unstable();
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(ScheduleError::DuplicateSymbol(pair[0]));
        }
        Ok(Self {
            symbols: Some(symbols.into()),
            ..Self::new(symbols.len(), weights)?
        })
    }

    /// Returns the number of columns of the table.
    pub const fn columns(&self) -> usize {
        self.columns
    }

    /// Returns the symbols of the columns; `None` for those of the prices.
    pub fn symbols(&self) -> Option<&[Symbol]> {
        self.symbols.as_deref()
    }

    /// Returns the table, row after row.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Returns bits that are the same for equal weights: there is one zero and one NaN.
    fn bits(&self) -> impl Iterator<Item = u64> + '_ {
        self.weights.iter().map(|&weight| {
            if weight.is_nan() {
                f64::NAN.to_bits()
            } else {
                (weight + 0.0).to_bits()
            }
        })
    }
}

impl PartialEq for WeightSchedule {
    fn eq(&self, other: &Self) -> bool {
        self.columns == other.columns
            && self.symbols == other.symbols
            && self.bits().eq(other.bits())
    }
}

impl Eq for WeightSchedule {}

impl Hash for WeightSchedule {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.columns.hash(state);
        self.symbols.hash(state);
        self.bits().for_each(|bits| bits.hash(state));
    }
}

impl Strategy for WeightSchedule {
    type Error = ScheduleError;

    fn start(&mut self, series: &PriceSeries) -> Result<(), ScheduleError> {
        let (bars, width) = (series.len(), series.symbols().len());
        // A table without columns fits any number of bars.
        let rows = self.weights.len().checked_div(self.columns).unwrap_or(bars);
        match &self.symbols {
            Some(symbols) => {
                let unknown = |symbol: &&Symbol| series.column_of(**symbol).is_none();
                if let Some(&symbol) = symbols.iter().find(unknown) {
                    return Err(ScheduleError::UnknownSymbol(symbol));
                }
                if rows != bars {
                    return Err(ScheduleError::BarCount {
                        expected: bars,
                        found: rows,
                    });
                }
            }
            None if (rows, self.columns) != (bars, width) => {
                return Err(ScheduleError::Shape {
                    expected: (bars, width),
                    found: (rows, self.columns),
                });
            }
            None => {}
        }
        Ok(())
    }

    fn compute_weights(
        &mut self,
        bar: usize,
        _prices: &Prices<'_>,
        _portfolio: &Arc<Portfolio>,
        targets: &mut Targets<'_>,
    ) -> Result<Decision, ScheduleError> {
        let row = &self.weights[bar * self.columns..][..self.columns];
        if row.iter().all(|weight| weight.is_nan()) {
            return Ok(Decision::Hold);
        }
        match &self.symbols {
            Some(symbols) => {
                for (&symbol, &weight) in symbols.iter().zip(row) {
                    targets.set(symbol, weight);
                }
            }
            None => targets.set_all(row),
        }
        Ok(Decision::Rebalance)
    }
}
