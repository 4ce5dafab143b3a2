//! Cash, positions, costs and returns, exact to the smallest unit.
//!
//! A [`Portfolio`] turns target weights into fills, at given prices
//! ([`Portfolio::rebalance_simple`]) or in real order books
//! ([`Portfolio::rebalance_lob`]). At every moment
//!
//! `cash + market value = initial cash + realized + unrealized - costs`
//!
//! holds to the unit. A call that fails leaves everything as it was: it is
//! planned in full, every product and sum checked, before anything changes.
//!
//! Symbols live in slots, in the order in which the portfolio met them; a
//! second list has the slots in symbol order. A look-up by symbol is a binary
//! search, one by slot an index: a backtest gives its symbols the slots of
//! their columns and never searches. A rebalance costs O(symbols known).

mod cost;
mod error;
#[cfg(feature = "persistence")]
mod json;
mod metrics;
mod position;
mod rebalance;

use xxhash_rust::xxh3::Xxh3;

pub use cost::CostModel;
pub use error::PortfolioError;
#[cfg(feature = "persistence")]
pub(crate) use json::State;
pub(crate) use metrics::check_rates;
pub use metrics::{
    BenchmarkMetrics, Drawdown, Metrics, MetricsError, compute_benchmark_metrics, compute_metrics,
    compute_metrics_until, drawdown_series, drawdowns, rolling_max_drawdown, rolling_sharpe,
    rolling_volatility,
};
pub use position::Position;
pub use rebalance::Fill;
pub(crate) use rebalance::Plan;

use crate::error::InvariantError;
use crate::types::{Digest, Price, Symbol};
use error::narrow;
use position::widening_mul;

/// The price of a symbol that has none. No valid price is 0.
pub(crate) const NO_PRICE: i64 = 0;

/// Cash, positions, costs paid, equity curve and returns.
///
/// ```
/// use nanobook::{CostModel, Portfolio, Price, Symbol};
/// let (aapl, goog) = (Symbol::new("AAPL"), Symbol::new("GOOG"));
/// let mut portfolio = Portfolio::new(100, CostModel::zero());
/// let fills = portfolio.rebalance_simple(
///     &[(aapl, 0.5), (goog, 0.5)],
///     &[(aapl, Price(10)), (goog, Price(20))],
/// )?;
/// assert_eq!(fills.iter().map(|fill| fill.quantity).collect::<Vec<_>>(), [5, 2]);
/// assert_eq!(portfolio.cash(), 10);
/// let prices = [(aapl, Price(12)), (goog, Price(18))];
/// assert_eq!(portfolio.total_equity(&prices)?, 106);
/// portfolio.record_return(&prices)?;
/// assert_eq!(portfolio.equity_curve(), [100, 106]);
/// # Ok::<(), nanobook::PortfolioError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Portfolio {
    cash: i64,
    costs: i64,
    cost_model: CostModel,
    slots: Vec<Slot>,
    /// The slots' indices in symbol order.
    by_symbol: Vec<usize>,
    /// Never empty: the first element is the initial cash.
    equity_curve: Vec<i64>,
    returns: Vec<f64>,
}

/// What is known of one symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slot {
    position: Position,
    /// The last known price, or [`NO_PRICE`].
    last_price: i64,
    /// Whether there ever was a fill.
    traded: bool,
}

impl Slot {
    const fn new(symbol: Symbol) -> Self {
        Self {
            position: Position::flat(symbol),
            last_price: NO_PRICE,
            traded: false,
        }
    }

    /// Returns whether the slot holds nothing but its symbol. Such a slot is as good as none.
    const fn is_blank(&self) -> bool {
        self.last_price == NO_PRICE && !self.traded
    }
}

/// A portfolio's numbers at given prices, from [`Portfolio::snapshot`].
#[derive(Clone, Debug, PartialEq)]
pub struct PortfolioSnapshot {
    /// Cash, in the smallest currency unit.
    pub cash: i64,
    /// Cash and market value.
    pub equity: i64,
    /// Unrealized PnL of all positions.
    pub unrealized: i64,
    /// Realized PnL of all positions, those that are closed included.
    pub total_realized_pnl: i64,
    /// Costs paid so far.
    pub costs: i64,
    /// How many positions are open.
    pub num_positions: usize,
    /// Each open position's share of the equity, in symbol order.
    pub weights: Vec<(Symbol, f64)>,
}

impl Portfolio {
    /// Returns a portfolio that holds nothing but cash, in the smallest currency unit.
    pub fn new(initial_cash: i64, cost_model: CostModel) -> Self {
        Self {
            cash: initial_cash,
            costs: 0,
            cost_model,
            slots: Vec::new(),
            by_symbol: Vec::new(),
            equity_curve: vec![initial_cash],
            returns: Vec::new(),
        }
    }

    /// Returns a portfolio whose slots are these symbols, each once, in this order.
    pub(crate) fn with_symbols(
        initial_cash: i64,
        cost_model: CostModel,
        symbols: &[Symbol],
        bars: usize,
    ) -> Self {
        let mut portfolio = Self::new(initial_cash, cost_model);
        portfolio.slots = symbols.iter().copied().map(Slot::new).collect();
        portfolio.by_symbol = (0..symbols.len()).collect();
        portfolio
            .by_symbol
            .sort_unstable_by_key(|&slot| symbols[slot]);
        portfolio.equity_curve.reserve_exact(bars);
        portfolio.returns.reserve_exact(bars);
        portfolio
    }

    /// Returns the cash, in the smallest currency unit; below zero when it was borrowed.
    pub const fn cash(&self) -> i64 {
        self.cash
    }

    /// Returns the cash at the start.
    pub fn initial_cash(&self) -> i64 {
        self.equity_curve[0]
    }

    /// Returns the cost model.
    pub const fn cost_model(&self) -> CostModel {
        self.cost_model
    }

    /// Returns the costs paid so far, in the smallest currency unit.
    pub const fn costs(&self) -> i64 {
        self.costs
    }

    /// Returns the position in a symbol, or `None` when it never traded.
    ///
    /// A position that was closed stays, with quantity 0 and its realized PnL.
    pub fn position(&self, symbol: Symbol) -> Option<&Position> {
        let slot = &self.slots[self.slot_of(symbol, 0)?];
        slot.traded.then_some(&slot.position)
    }

    /// Returns the positions in every symbol that ever traded, in symbol order.
    pub fn positions(&self) -> impl Iterator<Item = &Position> + '_ {
        self.visible()
            .filter(|slot| slot.traded)
            .map(|slot| &slot.position)
    }

    /// Returns the price at which a symbol is marked when no other is given.
    ///
    /// It is the last one given to a `rebalance_` method or [`Portfolio::record_return`].
    pub fn last_price(&self, symbol: Symbol) -> Option<Price> {
        let price = self.slots[self.slot_of(symbol, 0)?].last_price;
        (price != NO_PRICE).then_some(Price(price))
    }

    /// Returns the initial cash and the equity at each [`Portfolio::record_return`].
    pub fn equity_curve(&self) -> &[i64] {
        &self.equity_curve
    }

    /// Returns the simple return of each period whose starting equity was positive.
    pub fn returns(&self) -> &[f64] {
        &self.returns
    }

    /// Returns cash + market value, in the smallest currency unit.
    ///
    /// A held symbol that is not among the prices is marked at its last known price.
    ///
    /// # Errors
    ///
    /// [`PortfolioError`] for a symbol twice, a price that is not positive, or a sum that does not
    /// fit in `i64`.
    pub fn total_equity(&self, prices: &[(Symbol, Price)]) -> Result<i64, PortfolioError> {
        self.equity_at(&self.price_row(prices)?)
    }

    /// Returns each open position's market value as a fraction of the equity, in symbol order.
    ///
    /// NaN where the equity is zero.
    ///
    /// # Errors
    ///
    /// As [`Portfolio::total_equity`].
    pub fn current_weights(
        &self,
        prices: &[(Symbol, Price)],
    ) -> Result<Vec<(Symbol, f64)>, PortfolioError> {
        let row = self.price_row(prices)?;
        let equity = self.equity_at(&row)?;
        Ok(self.weights_at(&row, equity))
    }

    /// Returns the portfolio's numbers at these prices.
    ///
    /// # Errors
    ///
    /// As [`Portfolio::total_equity`].
    pub fn snapshot(
        &self,
        prices: &[(Symbol, Price)],
    ) -> Result<PortfolioSnapshot, PortfolioError> {
        let row = self.price_row(prices)?;
        let equity = self.equity_at(&row)?;
        let (mut cost_basis, mut realized) = (0_i128, 0_i128);
        for slot in &self.slots {
            cost_basis += i128::from(slot.position.total_cost);
            realized += i128::from(slot.position.realized_pnl);
        }
        let market_value = i128::from(equity) - i128::from(self.cash);
        Ok(PortfolioSnapshot {
            cash: self.cash,
            equity,
            unrealized: narrow(
                market_value - cost_basis,
                "unrealized pnl",
                market_value,
                "-",
                cost_basis,
            )?,
            total_realized_pnl: narrow(realized, "realized pnl", realized, "+", 0)?,
            costs: self.costs,
            num_positions: self.open_slots().count(),
            weights: self.weights_at(&row, equity),
        })
    }

    /// Appends the equity at these prices to the curve, and its return to the returns.
    ///
    /// The return is `equity / previous - 1`; there is none while the previous equity is not
    /// positive. The prices become the last known ones.
    ///
    /// # Errors
    ///
    /// As [`Portfolio::total_equity`].
    pub fn record_return(&mut self, prices: &[(Symbol, Price)]) -> Result<(), PortfolioError> {
        self.or_as_before(|portfolio| {
            let row = portfolio.price_row_tracked(prices)?;
            portfolio.record_row(&row)
        })
    }

    /// Returns the metrics of the returns so far, or `None` when there are none.
    ///
    /// # Errors
    ///
    /// As [`compute_metrics`].
    pub fn compute_metrics(
        &self,
        periods_per_year: f64,
        risk_free: f64,
    ) -> Result<Option<Metrics>, MetricsError> {
        compute_metrics(&self.returns, periods_per_year, risk_free)
    }

    /// Returns a hash of everything the portfolio is: equal portfolios have equal digests on every
    /// platform.
    pub fn state_digest(&self) -> Digest {
        let mut hasher = Xxh3::new();
        for number in [
            self.cash,
            self.costs,
            i64::from(self.cost_model.commission_bps()),
            i64::from(self.cost_model.slippage_bps()),
            self.cost_model.min_trade_fee(),
        ] {
            hasher.update(&number.to_le_bytes());
        }
        for slot in self.visible() {
            let name = slot.position.symbol.as_str();
            // The length keeps a name apart from the bytes after it.
            hasher.update(&(name.len() as u64).to_le_bytes());
            hasher.update(name.as_bytes());
            for number in [
                slot.position.quantity,
                slot.position.total_cost,
                slot.position.realized_pnl,
                slot.last_price,
                i64::from(slot.traded),
            ] {
                hasher.update(&number.to_le_bytes());
            }
        }
        // No name has 0 bytes: the list of slots ends here. The returns follow from the curve.
        hasher.update(&0_u64.to_le_bytes());
        hash_i64s(&mut hasher, &self.equity_curve);
        Digest(hasher.digest())
    }

    /// Checks that the accounting identity holds, and that every index points where it says.
    ///
    /// # Errors
    ///
    /// [`InvariantError`] names what is broken: a bug in this crate.
    pub fn check_invariants(&self) -> Result<(), InvariantError> {
        let broken = |what: String| Err(InvariantError(what));
        let mut explained = i128::from(self.initial_cash()) - i128::from(self.costs);
        for slot in &self.slots {
            let position = &slot.position;
            // Market value and unrealized PnL differ by the total cost, whatever the price.
            explained += i128::from(position.realized_pnl) - i128::from(position.total_cost);
            if position.quantity.signum() != position.total_cost.signum() {
                return broken(format!(
                    "total cost is signed like the quantity: {position:?}"
                ));
            }
            if !slot.traded && *position != Position::flat(position.symbol) {
                return broken(format!("a symbol that never traded is flat: {position:?}"));
            }
            let never_priced = slot.last_price == NO_PRICE && !slot.traded;
            if !never_priced && !Price(slot.last_price).is_valid() {
                return broken(format!(
                    "a last price is positive and below {}, got {} for {}",
                    Price::MAX,
                    slot.last_price,
                    position.symbol
                ));
            }
        }
        if i128::from(self.cash) != explained {
            return broken(format!(
                "cash {} is initial cash + realized - cost of positions - costs, {explained}",
                self.cash
            ));
        }
        if self.costs < 0 {
            return broken(format!("costs {} are not negative", self.costs));
        }
        let mut seen = vec![false; self.slots.len()];
        for &slot in &self.by_symbol {
            if seen.get(slot) != Some(&false) {
                return broken(format!("slot {slot} is listed once"));
            }
            seen[slot] = true;
        }
        if self.by_symbol.len() != self.slots.len() {
            return broken("every slot is listed".to_owned());
        }
        let symbols = || {
            self.by_symbol
                .iter()
                .map(|&slot| self.slots[slot].position.symbol)
        };
        if let Some((a, b)) = symbols().zip(symbols().skip(1)).find(|(a, b)| a >= b) {
            return broken(format!("symbols ascend: {a} before {b}"));
        }
        let returns = self
            .equity_curve
            .windows(2)
            .filter_map(|w| simple_return(w[0], w[1]));
        if !returns.eq(self.returns.iter().copied()) {
            return broken("the returns are those of the equity curve".to_owned());
        }
        Ok(())
    }

    /// Returns the slots that are not blank, in symbol order.
    fn visible(&self) -> impl Iterator<Item = &Slot> + '_ {
        self.by_symbol
            .iter()
            .map(|&slot| &self.slots[slot])
            .filter(|slot| !slot.is_blank())
    }

    /// Returns the slots that hold something, in symbol order, with their indices.
    fn open_slots(&self) -> impl Iterator<Item = (usize, &Slot)> + '_ {
        self.by_symbol
            .iter()
            .map(|&index| (index, &self.slots[index]))
            .filter(|(_, slot)| slot.position.quantity != 0)
    }

    /// Returns a symbol's slot. The hint is tried first: lists often have the slots' order.
    fn slot_of(&self, symbol: Symbol, hint: usize) -> Option<usize> {
        if self
            .slots
            .get(hint)
            .is_some_and(|slot| slot.position.symbol == symbol)
        {
            return Some(hint);
        }
        let place = self.place_of(symbol).ok()?;
        Some(self.by_symbol[place])
    }

    fn place_of(&self, symbol: Symbol) -> Result<usize, usize> {
        self.by_symbol
            .binary_search_by_key(&symbol, |&slot| self.slots[slot].position.symbol)
    }

    /// Returns a symbol's slot, a new one if need be.
    fn slot_or_new(&mut self, symbol: Symbol, hint: usize) -> usize {
        if let Some(slot) = self.slot_of(symbol, hint) {
            return slot;
        }
        let slot = self.slots.len();
        if let Err(place) = self.place_of(symbol) {
            self.by_symbol.insert(place, slot);
        }
        self.slots.push(Slot::new(symbol));
        slot
    }

    /// Runs a change that may add slots and then fail, and takes those slots away again if it does.
    fn or_as_before<T>(
        &mut self,
        change: impl FnOnce(&mut Self) -> Result<T, PortfolioError>,
    ) -> Result<T, PortfolioError> {
        let slots = self.slots.len();
        let outcome = change(self);
        if outcome.is_err() && self.slots.len() > slots {
            self.slots.truncate(slots);
            self.by_symbol.retain(|&slot| slot < slots);
        }
        outcome
    }

    /// Returns the prices by slot; symbols without a slot are checked and left out.
    fn price_row(&self, prices: &[(Symbol, Price)]) -> Result<Vec<i64>, PortfolioError> {
        let mut row = vec![NO_PRICE; self.slots.len()];
        let mut others = Vec::new();
        for (hint, &(symbol, price)) in prices.iter().enumerate() {
            check_price(symbol, price)?;
            match self.slot_of(symbol, hint) {
                Some(slot) if row[slot] == NO_PRICE => row[slot] = price.0,
                Some(_) => return Err(PortfolioError::DuplicatePrice(symbol)),
                None => others.push(symbol),
            }
        }
        others.sort_unstable();
        match others.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(PortfolioError::DuplicatePrice(pair[0])),
            None => Ok(row),
        }
    }

    /// Returns the prices by slot; symbols without a slot get one.
    fn price_row_tracked(
        &mut self,
        prices: &[(Symbol, Price)],
    ) -> Result<Vec<i64>, PortfolioError> {
        let mut row = vec![NO_PRICE; self.slots.len()];
        for (hint, &(symbol, price)) in prices.iter().enumerate() {
            check_price(symbol, price)?;
            let slot = self.slot_or_new(symbol, hint);
            row.resize(self.slots.len(), NO_PRICE);
            if row[slot] != NO_PRICE {
                return Err(PortfolioError::DuplicatePrice(symbol));
            }
            row[slot] = price.0;
        }
        Ok(row)
    }

    /// Returns cash + market value at prices by slot.
    fn equity_at(&self, row: &[i64]) -> Result<i64, PortfolioError> {
        let mut holdings = 0_i128;
        for (slot, &price) in self.slots.iter().zip(row) {
            let mark = slot.mark(price);
            if mark == NO_PRICE && slot.position.quantity != 0 {
                return Err(PortfolioError::NeverPriced(slot.position.symbol));
            }
            let value = widening_mul(slot.position.quantity, mark);
            holdings = holdings
                .checked_add(value)
                .ok_or(PortfolioError::Overflow {
                    what: "market value",
                    left: holdings,
                    operator: "+",
                    right: value,
                })?;
        }
        let cash = i128::from(self.cash);
        holdings
            .checked_add(cash)
            .and_then(|equity| i64::try_from(equity).ok())
            .ok_or(PortfolioError::Overflow {
                what: "equity",
                left: cash,
                operator: "+",
                right: holdings,
            })
    }

    fn weights_at(&self, row: &[i64], equity: i64) -> Vec<(Symbol, f64)> {
        self.open_slots()
            .map(|(index, slot)| {
                let value = widening_mul(slot.position.quantity, slot.mark(row[index]));
                let weight = match equity {
                    0 => f64::NAN,
                    _ => ratio(value, i128::from(equity)),
                };
                (slot.position.symbol, weight)
            })
            .collect()
    }

    /// As [`Portfolio::record_return`], with prices by slot.
    pub(crate) fn record_row(&mut self, row: &[i64]) -> Result<(), PortfolioError> {
        let equity = self.equity_at(row)?;
        self.set_last_prices(row);
        self.push_equity(equity);
        Ok(())
    }

    /// Records the equity at prices that are the last known ones already.
    pub(crate) fn push_equity(&mut self, equity: i64) {
        let previous = *self.equity_curve.last().expect("the curve is never empty");
        self.equity_curve.push(equity);
        self.returns.extend(simple_return(previous, equity));
    }

    fn set_last_prices(&mut self, row: &[i64]) {
        for (slot, &price) in self.slots.iter_mut().zip(row) {
            slot.last_price = slot.mark(price);
        }
    }
}

impl Slot {
    /// Returns the price to value the symbol at, given the price it has now.
    #[inline]
    const fn mark(&self, price: i64) -> i64 {
        if price == NO_PRICE {
            self.last_price
        } else {
            price
        }
    }
}

/// Two portfolios are equal when nothing a user can ask of them differs.
impl PartialEq for Portfolio {
    fn eq(&self, other: &Self) -> bool {
        self.cash == other.cash
            && self.costs == other.costs
            && self.cost_model == other.cost_model
            && self.equity_curve == other.equity_curve
            && self.returns == other.returns
            && self.visible().eq(other.visible())
    }
}

fn check_price(symbol: Symbol, price: Price) -> Result<(), PortfolioError> {
    if price.is_valid() {
        Ok(())
    } else {
        Err(PortfolioError::InvalidPrice { symbol, price })
    }
}

/// Returns the return of a period, or `None` when it started with nothing.
fn simple_return(previous: i64, equity: i64) -> Option<f64> {
    (previous > 0).then(|| ratio(i128::from(equity), i128::from(previous)) - 1.0)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a ratio is a float, rounded like any other"
)]
fn ratio(numerator: i128, denominator: i128) -> f64 {
    numerator as f64 / denominator as f64
}

/// Hashes numbers as little-endian bytes, a block at a time.
fn hash_i64s(hasher: &mut Xxh3, numbers: &[i64]) {
    let mut block = [0_u8; 1024];
    for chunk in numbers.chunks(block.len() / 8) {
        for (bytes, number) in block.chunks_exact_mut(8).zip(chunk) {
            bytes.copy_from_slice(&number.to_le_bytes());
        }
        hasher.update(&block[..chunk.len() * 8]);
    }
}
