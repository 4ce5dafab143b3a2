//! What came of a backtest.

use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3;

use super::series::PriceSeries;
use crate::portfolio::{CostModel, Metrics, Plan, Portfolio};
use crate::types::{Digest, Price, Symbol};

/// What came of a backtest.
///
/// Two results are equal when everything is, NaN being equal to NaN.
#[derive(Clone, Debug, PartialEq)]
pub struct BacktestResult {
    /// The portfolio at the end, with its equity curve and returns.
    pub portfolio: Arc<Portfolio>,
    /// The metrics of the returns; `None` when there are none.
    pub metrics: Option<Metrics>,
    /// The symbols of the columns.
    pub symbols: Vec<Symbol>,
    /// The targets given at each bar.
    pub weights: WeightRows,
    /// The fills.
    pub trades: TradeColumns,
}

/// The targets given at each bar of a backtest.
///
/// A row that is the same as the one before is kept once.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightRows {
    pub(super) width: usize,
    /// Distinct rows, one after the other.
    pub(super) cells: Vec<f64>,
    /// For each bar where its row starts, or [`HOLD`].
    pub(super) starts: Vec<usize>,
}

/// No row starts here.
pub(super) const HOLD: usize = usize::MAX;

impl WeightRows {
    pub(super) fn new(width: usize, bars: usize) -> Self {
        Self {
            width,
            cells: Vec::new(),
            starts: Vec::with_capacity(bars),
        }
    }

    /// Returns the number of bars.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Returns whether there are no bars.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// Returns a bar's targets by column, 0 without one; `None` where the answer was to hold.
    ///
    /// # Panics
    ///
    /// When there is no such bar.
    pub fn row(&self, bar: usize) -> Option<&[f64]> {
        match self.starts[bar] {
            HOLD => None,
            start => Some(&self.cells[start..][..self.width]),
        }
    }

    /// Returns the table of bars x symbols, row after row; a row of NaN where the answer was to
    /// hold.
    pub fn to_vec(&self) -> Vec<f64> {
        let mut table = Vec::with_capacity(self.len() * self.width);
        for bar in 0..self.len() {
            match self.row(bar) {
                Some(row) => table.extend_from_slice(row),
                None => table.extend(std::iter::repeat_n(f64::NAN, self.width)),
            }
        }
        table
    }

    pub(super) fn push_hold(&mut self) {
        self.starts.push(HOLD);
    }

    pub(super) fn push(&mut self, row: &[f64]) {
        let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits();
        let start = self.cells.len().checked_sub(self.width);
        match start {
            Some(start) if self.cells[start..].iter().zip(row).all(same) => self.starts.push(start),
            _ => {
                self.starts.push(self.cells.len());
                self.cells.extend_from_slice(row);
            }
        }
    }
}

/// A fill of a backtest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TradeRecord {
    /// The bar, from 0.
    pub bar: usize,
    /// The column of the symbol.
    pub column: usize,
    /// How much was bought, or sold when below zero.
    pub quantity: i64,
    /// At what price.
    pub price: Price,
    /// What it cost beside quantity x price.
    pub cost: i64,
}

/// The fills of a backtest in the order they were made.
///
/// Kept are columns of what was decided; prices and costs are looked up in the series and computed
/// again when asked for, so that a long run writes less memory.
#[derive(Clone, Debug)]
pub struct TradeColumns {
    pub(super) prices: FillPrices,
    pub(super) cost_model: CostModel,
    /// For each bar how many fills there are up to its end.
    pub(super) ends: Vec<usize>,
    pub(super) column: Vec<u32>,
    pub(super) quantity: Vec<i64>,
}

/// Where the prices of fills are.
#[derive(Clone, Debug)]
pub(super) enum FillPrices {
    /// In the series that was traded.
    Series(PriceSeries),
    /// One for each fill: of a result that was read without its series.
    #[cfg_attr(
        not(feature = "persistence"),
        expect(dead_code, reason = "only a saved result comes without its series")
    )]
    Own(Vec<i64>),
}

impl TradeColumns {
    pub(super) fn new(series: PriceSeries, cost_model: CostModel) -> Self {
        Self {
            ends: Vec::with_capacity(series.len()),
            prices: FillPrices::Series(series),
            cost_model,
            column: Vec::new(),
            quantity: Vec::new(),
        }
    }

    /// Returns the number of fills.
    pub fn len(&self) -> usize {
        self.quantity.len()
    }

    /// Returns whether there are no fills.
    pub fn is_empty(&self) -> bool {
        self.quantity.is_empty()
    }

    /// Returns the fills in the order they were made.
    pub fn iter(&self) -> impl Iterator<Item = TradeRecord> + '_ {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .enumerate()
            .flat_map(move |(bar, (start, &end))| {
                (start..end).map(move |index| self.at(bar, index))
            })
    }

    fn at(&self, bar: usize, index: usize) -> TradeRecord {
        let (column, quantity) = (self.column[index] as usize, self.quantity[index]);
        let price = match &self.prices {
            FillPrices::Series(series) => series.row(bar)[column],
            FillPrices::Own(prices) => prices[index],
        };
        let cost = self.cost_model.compute_cost(quantity * price);
        TradeRecord {
            bar,
            column,
            quantity,
            price: Price(price),
            cost: cost.expect("the cost of a fill that was made fits"),
        }
    }

    /// Adds the fills of a plan, made at the prices of the bar that [`TradeColumns::end_bar`] ends.
    pub(super) fn extend(&mut self, plan: &Plan) {
        let fills = plan.fills().iter();
        self.quantity
            .extend(fills.clone().map(|fill| fill.quantity));
        self.column.extend(
            fills.map(|fill| u32::try_from(fill.slot).expect("there are below 2^32 symbols")),
        );
    }

    pub(super) fn end_bar(&mut self) {
        self.ends.push(self.quantity.len());
    }
}

impl PartialEq for TradeColumns {
    fn eq(&self, other: &Self) -> bool {
        self.ends.len() == other.ends.len()
            && self.len() == other.len()
            && self.iter().eq(other.iter())
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

    /// Returns the return of each bar that started with a positive equity.
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
        let notional = |trade: TradeRecord| {
            i128::from(trade.quantity.unsigned_abs()) * i128::from(trade.price.0)
        };
        let traded: i128 = self.trades.iter().map(notional).sum();
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
        for trade in self.trades.iter() {
            let mut bytes = [0; 40];
            let numbers = [trade.bar as u64, trade.column as u64];
            for (place, number) in bytes.chunks_exact_mut(8).zip(numbers) {
                place.copy_from_slice(&number.to_le_bytes());
            }
            let numbers = [trade.quantity, trade.price.0, trade.cost];
            for (place, number) in bytes[16..].chunks_exact_mut(8).zip(numbers) {
                place.copy_from_slice(&number.to_le_bytes());
            }
            hasher.update(&bytes);
        }
        Digest(hasher.digest())
    }
}
