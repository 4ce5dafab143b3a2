//! From target weights to fills: planned in full, then committed.

use super::error::{PortfolioError, narrow};
use super::position::Holding;
use super::{NO_PRICE, Portfolio};
use crate::exchange::Exchange;
use crate::multi::MultiExchange;
use crate::types::{Price, Quantity, Side, Symbol};

/// What a rebalance bought or sold at one price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fill {
    /// The symbol.
    pub symbol: Symbol,
    /// How much was bought, or sold when below zero; never 0.
    pub quantity: i64,
    /// The price of each.
    pub price: Price,
    /// What it cost beside quantity x price.
    pub cost: i64,
}

/// The fills of one rebalance and what they lead to, before anything has changed.
///
/// Kept from one bar to the next, it allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// What to trade, sells first, each in symbol order.
    orders: Vec<PlannedOrder>,
    /// Room for the buys while the sells are found.
    buys: Vec<PlannedOrder>,
    fills: Vec<PlannedFill>,
    cash: i64,
    costs: i64,
    /// At the plan's prices, after the fills.
    equity: i64,
}

#[derive(Clone, Copy, Debug, Default)]
struct PlannedOrder {
    slot: usize,
    /// Below zero to sell.
    quantity: i64,
}

/// A fill and the holding after it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlannedFill {
    pub(crate) slot: usize,
    pub(crate) quantity: i64,
    pub(crate) price: i64,
    pub(crate) cost: i64,
    after: Holding,
}

impl Plan {
    /// Returns the fills in the order they are made.
    pub(crate) fn fills(&self) -> &[PlannedFill] {
        &self.fills
    }

    /// Returns the equity at the prices of a [`Portfolio::rebalance_row`], after its fills.
    pub(crate) fn equity(&self) -> i64 {
        self.equity
    }

    fn to_fills(&self, portfolio: &Portfolio) -> Vec<Fill> {
        let fill = |planned: &PlannedFill| Fill {
            symbol: portfolio.slots[planned.slot].position.symbol,
            quantity: planned.quantity,
            price: Price(planned.price),
            cost: planned.cost,
        };
        self.fills.iter().map(fill).collect()
    }

    /// Finds what to sell and what to buy, given prices and weights by slot.
    fn set_orders(
        &mut self,
        portfolio: &Portfolio,
        prices: &[i64],
        weights: &[f64],
    ) -> Result<(), PortfolioError> {
        self.orders.clear();
        self.fills.clear();
        self.cash = portfolio.cash;
        self.costs = portfolio.costs;
        portfolio.check_targets_priced(prices, weights)?;
        let equity = portfolio.equity_at(prices)?;
        self.equity = equity;
        if equity <= 0 {
            return Ok(());
        }
        // Whether a symbol is bought, sold or left is anyone's guess: every order is written to both
        // lists, and kept in the one it belongs to, without a branch to mispredict.
        let room = portfolio.slots.len();
        self.orders.resize(room, PlannedOrder::default());
        self.buys.resize(room, PlannedOrder::default());
        let (mut sells, mut buys) = (0, 0);
        // Many portfolios have the same weight in all they hold.
        let mut last = (0.0_f64.to_bits(), 0);
        for &slot in &portfolio.by_symbol {
            let (price, weight) = (prices[slot], weights[slot]);
            if price == NO_PRICE {
                continue;
            }
            let position = &portfolio.slots[slot].position;
            let held = position.quantity;
            if weight.to_bits() != last.0 {
                let money = target_money(equity, weight);
                let money = money.ok_or(PortfolioError::TargetOverflow {
                    symbol: position.symbol,
                    equity,
                    weight,
                })?;
                last = (weight.to_bits(), money);
            }
            // Toward zero.
            let target = last.1 / price;
            let quantity = target.checked_sub(held).ok_or(PortfolioError::Overflow {
                what: "quantity to trade",
                left: i128::from(target),
                operator: "-",
                right: i128::from(held),
            })?;
            let order = PlannedOrder { slot, quantity };
            self.orders[sells] = order;
            self.buys[buys] = order;
            sells += usize::from(quantity < 0);
            buys += usize::from(quantity > 0);
        }
        self.orders.truncate(sells);
        self.orders.extend_from_slice(&self.buys[..buys]);
        Ok(())
    }

    /// Returns whether a slot's fills are these trades.
    fn has_trades_of(&self, slot: usize, trades: impl Iterator<Item = (Price, Quantity)>) -> bool {
        let planned = self.fills.iter().filter(|planned| planned.slot == slot);
        let trade = |fill: &PlannedFill| (Price(fill.price), fill.quantity.unsigned_abs());
        planned.map(trade).eq(trades)
    }

    /// Adds a fill. Those of one slot must follow each other.
    #[inline]
    fn push_fill(
        &mut self,
        portfolio: &Portfolio,
        slot: usize,
        quantity: i64,
        price: i64,
    ) -> Result<(), PortfolioError> {
        let before = match self.fills.last() {
            Some(last) if last.slot == slot => last.after,
            _ => portfolio.slots[slot].position.holding(),
        };
        let (after, notional) = before.after_fill(quantity, Price(price))?;
        let cost = portfolio.cost_model.compute_cost(notional)?;
        self.cash = pay(self.cash, notional, cost)?;
        self.costs = self
            .costs
            .checked_add(cost)
            .ok_or(PortfolioError::Overflow {
                what: "costs",
                left: i128::from(self.costs),
                operator: "+",
                right: i128::from(cost),
            })?;
        self.fills.push(PlannedFill {
            slot,
            quantity,
            price,
            cost,
            after,
        });
        Ok(())
    }
}

/// Returns the cash after a fill.
#[inline]
fn pay(cash: i64, notional: i64, cost: i64) -> Result<i64, PortfolioError> {
    let paid = i128::from(notional) + i128::from(cost);
    narrow(i128::from(cash) - paid, "cash", i128::from(cash), "-", paid)
}

impl Portfolio {
    /// Trades towards target weights at these prices, and returns the fills in the order made.
    ///
    /// The target quantity is `(equity x weight) / price`, toward zero, where equity x weight is
    /// the exact product rounded to the nearest unit, halves away from zero. What is held without
    /// a target is closed. Sells come before buys, each in symbol order. A symbol without a price
    /// now is marked at its last known one and not traded. While the equity is not positive nothing
    /// is traded. Cash may go below zero.
    ///
    /// # Errors
    ///
    /// [`PortfolioError`] for a symbol twice, a weight that is not finite, a price that is not
    /// positive, a target other than 0 that never had a price, or a result that does not fit in
    /// 64 bits. Nothing has changed then.
    pub fn rebalance_simple(
        &mut self,
        targets: &[(Symbol, f64)],
        prices: &[(Symbol, Price)],
    ) -> Result<Vec<Fill>, PortfolioError> {
        self.or_as_before(|portfolio| {
            let mut row = portfolio.price_row_tracked(prices)?;
            let weights = portfolio.weight_row(targets)?;
            row.resize(weights.len(), NO_PRICE);
            let mut plan = Plan::default();
            portfolio.rebalance_row(&mut plan, &row, &weights)?;
            Ok(plan.to_fills(portfolio))
        })
    }

    /// Trades towards target weights in real order books, and returns the fills in the order made.
    ///
    /// Targets are those of [`Portfolio::rebalance_simple`] at each book's mid, rounded down (the
    /// best price of one side if the other is empty; an empty book has no price). They are sent as
    /// market orders, sells first. What a book cannot fill stays unfilled. Each trade is a fill at
    /// its own price and pays its own cost.
    ///
    /// Planning copies each book that is traded in: O(orders that rest there).
    ///
    /// ```
    /// use nanobook::{CostModel, MultiExchange, Portfolio, Price, Side, Symbol, TimeInForce};
    /// let aapl = Symbol::new("AAPL");
    /// let mut exchanges = MultiExchange::new();
    /// let book = exchanges.get_or_create(aapl);
    /// book.submit_limit(Side::Buy, Price(99), 10, TimeInForce::GTC);
    /// book.submit_limit(Side::Sell, Price(101), 4, TimeInForce::GTC);
    /// book.submit_limit(Side::Sell, Price(102), 3, TimeInForce::GTC);
    ///
    /// // 1,000 at the mid of 100 is 10 shares; 7 are for sale.
    /// let mut portfolio = Portfolio::new(1_000, CostModel::zero());
    /// let fills = portfolio.rebalance_lob(&[(aapl, 1.0)], &mut exchanges)?;
    /// let fills: Vec<_> = fills.iter().map(|fill| (fill.quantity, fill.price)).collect();
    /// assert_eq!(fills, [(4, Price(101)), (3, Price(102))]);
    /// assert_eq!(portfolio.cash(), 1_000 - 4 * 101 - 3 * 102);
    /// # Ok::<(), nanobook::PortfolioError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Portfolio::rebalance_simple`]. Neither the portfolio nor a book has changed then.
    pub fn rebalance_lob(
        &mut self,
        targets: &[(Symbol, f64)],
        exchanges: &mut MultiExchange,
    ) -> Result<Vec<Fill>, PortfolioError> {
        self.or_as_before(|portfolio| {
            let mids: Vec<(Symbol, Price)> = exchanges
                .iter()
                .filter_map(|(symbol, exchange)| Some((symbol, mid_price(exchange)?)))
                .collect();
            let mut row = portfolio.price_row_tracked(&mids)?;
            let weights = portfolio.weight_row(targets)?;
            row.resize(weights.len(), NO_PRICE);
            let mut plan = Plan::default();
            plan.set_orders(portfolio, &row, &weights)?;
            let orders = std::mem::take(&mut plan.orders);
            for &PlannedOrder { slot, quantity } in &orders {
                let symbol = portfolio.slots[slot].position.symbol;
                // Only a symbol with a book has a price, and only one with a price an order.
                let Some(exchange) = exchanges.exchange(symbol) else {
                    continue;
                };
                for (price, quantity) in market_fills(exchange, quantity) {
                    plan.push_fill(portfolio, slot, quantity, price.0)?;
                }
            }
            // Nothing can fail from here. An order's own trades are all made before a stop that
            // they trigger is submitted, so the books fill as planned.
            for &PlannedOrder { slot, quantity } in &orders {
                let symbol = portfolio.slots[slot].position.symbol;
                if let Some(exchange) = exchanges.exchange_mut(symbol) {
                    let side = if quantity > 0 { Side::Buy } else { Side::Sell };
                    let result = exchange.submit_market(side, quantity.unsigned_abs());
                    debug_assert!(
                        plan.has_trades_of(
                            slot,
                            result.trades.iter().map(|t| (t.price, t.quantity))
                        ),
                        "the book of {symbol} fills as planned"
                    );
                }
            }
            portfolio.commit(&plan, &row);
            Ok(plan.to_fills(portfolio))
        })
    }

    /// As [`Portfolio::rebalance_simple`], with valid prices and finite weights by slot. The plan
    /// has the fills afterwards.
    pub(crate) fn rebalance_row(
        &mut self,
        plan: &mut Plan,
        prices: &[i64],
        weights: &[f64],
    ) -> Result<(), PortfolioError> {
        plan.set_orders(self, prices, weights)?;
        for index in 0..plan.orders.len() {
            let PlannedOrder { slot, quantity } = plan.orders[index];
            plan.push_fill(self, slot, quantity, prices[slot])?;
        }
        // A fill at the price of the mark changes the equity by its cost alone, and there are fills
        // only where it was positive.
        plan.equity -= plan.costs - self.costs;
        self.commit(plan, prices);
        Ok(())
    }

    /// Fails if a symbol with a target other than 0 has no price and never had one.
    pub(crate) fn check_targets_priced(
        &self,
        prices: &[i64],
        weights: &[f64],
    ) -> Result<(), PortfolioError> {
        // Mostly there is no gap, and a search for one is faster than a look at every slot.
        if !prices.contains(&NO_PRICE) {
            return Ok(());
        }
        for (slot, (&price, &weight)) in self.slots.iter().zip(prices.iter().zip(weights)) {
            if weight != 0.0 && slot.mark(price) == NO_PRICE {
                return Err(PortfolioError::NeverPriced(slot.position.symbol));
            }
        }
        Ok(())
    }

    fn commit(&mut self, plan: &Plan, prices: &[i64]) {
        self.cash = plan.cash;
        self.costs = plan.costs;
        for planned in &plan.fills {
            let slot = &mut self.slots[planned.slot];
            slot.position.hold(planned.after);
            slot.traded = true;
        }
        self.set_last_prices(prices);
    }

    /// Returns the weights by slot, 0 without a target; symbols without a slot get one.
    fn weight_row(&mut self, targets: &[(Symbol, f64)]) -> Result<Vec<f64>, PortfolioError> {
        let mut row = vec![f64::NAN; self.slots.len()];
        for (hint, &(symbol, weight)) in targets.iter().enumerate() {
            if !weight.is_finite() {
                return Err(PortfolioError::WeightNotFinite { symbol, weight });
            }
            let slot = self.slot_or_new(symbol, hint);
            row.resize(self.slots.len(), f64::NAN);
            if !row[slot].is_nan() {
                return Err(PortfolioError::DuplicateTarget(symbol));
            }
            row[slot] = weight;
        }
        for weight in &mut row {
            if weight.is_nan() {
                *weight = 0.0;
            }
        }
        Ok(row)
    }
}

/// Returns the mid, rounded down, or the best price of the only side.
fn mid_price(exchange: &Exchange) -> Option<Price> {
    match exchange.best_bid_ask() {
        // Both are positive, and the ask is above the bid.
        (Some(bid), Some(ask)) => Some(Price(bid.0 + (ask.0 - bid.0) / 2)),
        (bid, ask) => bid.or(ask),
    }
}

/// Returns the trades that a market order of a signed quantity would make now.
fn market_fills(exchange: &Exchange, quantity: i64) -> Vec<(Price, i64)> {
    let book = exchange.full_book();
    let levels = if quantity > 0 { book.asks } else { book.bids };
    let mut left = quantity;
    let mut fills = Vec::new();
    for level in &levels {
        for &(_, resting) in level.orders.iter().flatten() {
            if left == 0 {
                return fills;
            }
            // Its notional fits in 63 bits, and so does an order's quantity.
            let resting = i64::try_from(resting).unwrap_or(i64::MAX);
            let traded = left.clamp(-resting, resting);
            fills.push((level.price, traded));
            left -= traded;
        }
    }
    fills
}

/// Returns the exact product of a positive equity and a finite weight, rounded to the nearest
/// unit, halves away from zero; `None` where that does not fit.
///
/// A float is an integer of 53 bits times a power of two, so the product is one of 116 bits times
/// that power: integers do it all.
fn target_money(equity: i64, weight: f64) -> Option<i64> {
    const FRACTION_BITS: u32 = f64::MANTISSA_DIGITS - 1;
    /// The exponent field of a weight whose 53 bits are an integer.
    const INTEGER: u64 = 1075;
    let bits = weight.abs().to_bits();
    let exponent = bits >> FRACTION_BITS;
    let fraction = bits & ((1 << FRACTION_BITS) - 1);
    // Numbers below 2^-1022 have no leading bit, and the exponent of those just above.
    let (integer, exponent) = match exponent {
        0 => (fraction, 1),
        _ => (fraction | 1 << FRACTION_BITS, exponent),
    };
    let product = u128::from(equity.unsigned_abs()) * u128::from(integer);
    let magnitude = match exponent.checked_sub(INTEGER) {
        Some(_) if product == 0 => 0,
        Some(shift) if shift >= u64::from(product.leading_zeros()) => return None,
        Some(shift) => product << shift,
        None => match INTEGER - exponent {
            // The product is below 2^116, less than half of such a power.
            118.. => 0,
            shift => (product + (1 << (shift - 1))) >> shift,
        },
    };
    let magnitude = i128::try_from(magnitude).ok()?;
    let signed = if weight < 0.0 { -magnitude } else { magnitude };
    i64::try_from(signed).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_away_from_zero() {
        assert_eq!(target_money(5, 0.5), Some(3));
        assert_eq!(target_money(5, -0.5), Some(-3));
        assert_eq!(target_money(1, 0.5), Some(1));
        // Just below one half.
        assert_eq!(target_money(1, 0.499_999_999_999_999_94), Some(0));
        assert_eq!(target_money(7, 0.25), Some(2));
        assert_eq!(target_money(6, 0.25), Some(2));
        assert_eq!(target_money(5, 0.25), Some(1));
    }

    #[test]
    fn the_product_is_exact() {
        // As floats, 2^53 + 1 is 2^53, and i64::MAX is 2^63.
        assert_eq!(target_money((1 << 53) + 1, 1.0), Some((1 << 53) + 1));
        assert_eq!(target_money(i64::MAX, 1.0), Some(i64::MAX));
        assert_eq!(target_money(i64::MAX, -1.0), Some(-i64::MAX));
        assert_eq!(target_money(i64::MAX, 1.0 + f64::EPSILON), None);
        // 0.1 is 0.1000000000000000055511151231257827...: the product is 10^17 + 5.55.
        assert_eq!(
            target_money(1_000_000_000_000_000_000, 0.1),
            Some(100_000_000_000_000_006)
        );
        // 0.7 is 0.6999999999999999555910790149937...: the product is 7 x 10^17 - 44.4.
        assert_eq!(
            target_money(1_000_000_000_000_000_000, 0.7),
            Some(699_999_999_999_999_956)
        );
        // 0.15 is 0.1499999999999999944...: 1.5 rounds down, where a float product rounds up.
        assert_eq!(target_money(10, 0.15), Some(1));
    }

    #[test]
    fn tiny_and_huge_weights() {
        assert_eq!(target_money(i64::MAX, f64::MIN_POSITIVE), Some(0));
        assert_eq!(target_money(i64::MAX, 5e-324), Some(0));
        // 2^63 - 1 times 2^-64 is just below one half, times the next float just above.
        assert_eq!(target_money(i64::MAX, 2_f64.powi(-64)), Some(0));
        assert_eq!(
            target_money(i64::MAX, f64::from_bits(2_f64.powi(-64).to_bits() + 1)),
            Some(1)
        );
        assert_eq!(target_money(1, 2_f64.powi(62)), Some(1 << 62));
        assert_eq!(target_money(1, 2_f64.powi(63)), None);
        assert_eq!(target_money(1, f64::MAX), None);
        assert_eq!(target_money(1, 0.0), Some(0));
        assert_eq!(target_money(1, -0.0), Some(0));
    }
}
