//! One symbol's holding.

use super::error::{PortfolioError, narrow};
use crate::types::{Price, Symbol};

/// What is held of one symbol, what it cost, and what was made on the part that was closed.
///
/// ```
/// use nanobook::{CostModel, Portfolio, Price, Symbol};
/// let aapl = Symbol::new("AAPL");
/// let mut portfolio = Portfolio::new(1_000_000_00, CostModel::zero());
/// portfolio.rebalance_simple(&[(aapl, 1.0)], &[(aapl, Price(100_00))])?;
/// portfolio.rebalance_simple(&[(aapl, 0.5)], &[(aapl, Price(110_00))])?;
/// let position = portfolio.position(aapl).unwrap();
/// assert_eq!(position.quantity, 5_000);
/// assert_eq!(position.total_cost, 500_000_00);
/// assert_eq!(position.avg_entry_price(), Price(100_00));
/// assert_eq!(position.realized_pnl, 50_000_00);
/// assert_eq!(position.unrealized_pnl(Price(110_00))?, 50_000_00);
/// # Ok::<(), nanobook::PortfolioError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The symbol.
    pub symbol: Symbol,
    /// How much is held; below zero for a short position.
    pub quantity: i64,
    /// The exact cost of what is open, signed like the quantity.
    pub total_cost: i64,
    /// What closing made so far, trading costs not counted.
    pub realized_pnl: i64,
}

impl Position {
    /// Returns a position that holds nothing.
    pub const fn flat(symbol: Symbol) -> Self {
        Self {
            symbol,
            quantity: 0,
            total_cost: 0,
            realized_pnl: 0,
        }
    }

    /// Returns `total_cost / quantity`, rounded toward zero; 0 when flat.
    pub fn avg_entry_price(&self) -> Price {
        Price(self.total_cost.checked_div(self.quantity).unwrap_or(0))
    }

    /// Returns quantity x price, in the smallest currency unit.
    ///
    /// # Errors
    ///
    /// [`PortfolioError::Overflow`] where that does not fit in `i64`.
    pub fn market_value(&self, price: Price) -> Result<i64, PortfolioError> {
        narrow(
            widening_mul(self.quantity, price.0),
            "market value",
            i128::from(self.quantity),
            "x",
            i128::from(price.0),
        )
    }

    /// Returns quantity x price - total cost, in the smallest currency unit.
    ///
    /// # Errors
    ///
    /// [`PortfolioError::Overflow`] where that does not fit in `i64`.
    pub fn unrealized_pnl(&self, price: Price) -> Result<i64, PortfolioError> {
        let value = widening_mul(self.quantity, price.0);
        let cost = i128::from(self.total_cost);
        narrow(value - cost, "unrealized pnl", value, "-", cost)
    }
}

impl Position {
    #[inline]
    pub(super) const fn holding(&self) -> Holding {
        Holding {
            quantity: self.quantity,
            total_cost: self.total_cost,
            realized_pnl: self.realized_pnl,
        }
    }

    #[inline]
    pub(super) const fn hold(&mut self, holding: Holding) {
        self.quantity = holding.quantity;
        self.total_cost = holding.total_cost;
        self.realized_pnl = holding.realized_pnl;
    }
}

/// The numbers of a position, without its symbol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Holding {
    pub(super) quantity: i64,
    pub(super) total_cost: i64,
    pub(super) realized_pnl: i64,
}

impl Holding {
    /// Returns the holding after a fill of a signed quantity that is not 0, and the fill's signed
    /// notional.
    ///
    /// A part that closes takes `total_cost x closed / quantity`, rounded toward zero, out of the
    /// total cost. Crossing through zero closes, then opens.
    pub(super) fn after_fill(
        &self,
        quantity: i64,
        price: Price,
    ) -> Result<(Self, i64), PortfolioError> {
        let held = self.quantity;
        let wide_quantity = i128::from(quantity);
        let notional = narrow(
            widening_mul(quantity, price.0),
            "notional of a fill",
            wide_quantity,
            "x",
            i128::from(price.0),
        )?;
        let new_quantity = held.checked_add(quantity).ok_or(PortfolioError::Overflow {
            what: "quantity held",
            left: i128::from(held),
            operator: "+",
            right: wide_quantity,
        })?;

        let mut after = *self;
        after.quantity = new_quantity;
        if held == 0 || (held < 0) == (quantity < 0) {
            after.total_cost = add("cost of a position", self.total_cost, i128::from(notional))?;
        } else if held.unsigned_abs() >= quantity.unsigned_abs() {
            let cost_out = -scale(self.total_cost, quantity, held);
            let proceeds = -i128::from(notional);
            after.realized_pnl = add("realized pnl", self.realized_pnl, proceeds - cost_out)?;
            after.total_cost = narrow(
                i128::from(self.total_cost) - cost_out,
                "cost of a position",
                i128::from(self.total_cost),
                "-",
                cost_out,
            )?;
        } else {
            let gain = widening_mul(held, price.0) - i128::from(self.total_cost);
            after.realized_pnl = add("realized pnl", self.realized_pnl, gain)?;
            // Smaller than the whole fill, whose notional fits.
            after.total_cost = narrow(
                widening_mul(new_quantity, price.0),
                "cost of a position",
                i128::from(new_quantity),
                "x",
                i128::from(price.0),
            )?;
        }
        Ok((after, notional))
    }
}

/// Returns the exact product: two 64-bit factors always fit in 128 bits.
#[inline]
pub(crate) fn widening_mul(a: i64, b: i64) -> i128 {
    i128::from(a).wrapping_mul(i128::from(b))
}

/// Returns `amount x part / whole`, rounded toward zero.
#[inline]
fn scale(amount: i64, part: i64, whole: i64) -> i128 {
    // A 128-bit division is several times slower, and seldom needed.
    match amount.checked_mul(part) {
        Some(product) if product != i64::MIN => i128::from(product / whole),
        _ => widening_mul(amount, part) / i128::from(whole),
    }
}

#[inline]
fn add(what: &'static str, left: i64, right: i128) -> Result<i64, PortfolioError> {
    narrow(i128::from(left) + right, what, i128::from(left), "+", right)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(position: &mut Position, quantity: i64, price: i64) {
        *position = after_fill(position, quantity, price).unwrap();
    }

    fn after_fill(
        position: &Position,
        quantity: i64,
        price: i64,
    ) -> Result<Position, PortfolioError> {
        let (holding, notional) = position.holding().after_fill(quantity, Price(price))?;
        assert_eq!(notional, quantity * price);
        let mut after = *position;
        after.hold(holding);
        Ok(after)
    }

    fn position() -> Position {
        Position::flat(Symbol::new("X"))
    }

    fn numbers(position: &Position) -> (i64, i64, i64) {
        (
            position.quantity,
            position.total_cost,
            position.realized_pnl,
        )
    }

    #[test]
    fn a_partial_close_takes_its_share_of_the_cost_toward_zero() {
        let mut p = position();
        fill(&mut p, 2, 10);
        fill(&mut p, 1, 11);
        assert_eq!(numbers(&p), (3, 31, 0));
        assert_eq!(p.avg_entry_price(), Price(10));
        // 31 x 1 / 3 = 10.33: 10 goes out.
        fill(&mut p, -1, 12);
        assert_eq!(numbers(&p), (2, 21, 2));
        fill(&mut p, -2, 12);
        assert_eq!(numbers(&p), (0, 0, 5));
        assert_eq!(p.avg_entry_price(), Price(0));
    }

    #[test]
    fn a_short_position_mirrors_a_long_one() {
        let mut p = position();
        fill(&mut p, -2, 10);
        fill(&mut p, -1, 11);
        assert_eq!(numbers(&p), (-3, -31, 0));
        assert_eq!(p.avg_entry_price(), Price(10));
        // -31 x 1 / 3 = -10.33: -10 goes out; bought back for 8.
        fill(&mut p, 1, 8);
        assert_eq!(numbers(&p), (-2, -21, 2));
        assert_eq!(p.unrealized_pnl(Price(8)), Ok(5));
        assert_eq!(p.market_value(Price(8)), Ok(-16));
    }

    #[test]
    fn crossing_through_zero_closes_then_opens() {
        let mut p = position();
        fill(&mut p, 5, 100);
        fill(&mut p, -8, 110);
        assert_eq!(numbers(&p), (-3, -330, 50));
        fill(&mut p, 4, 100);
        assert_eq!(numbers(&p), (1, 100, 80));
    }

    #[test]
    fn what_does_not_fit_names_its_operands() {
        let error = after_fill(&position(), i64::MAX, 2).unwrap_err();
        assert_eq!(
            error.to_string(),
            "notional of a fill: 9223372036854775807 x 2 does not fit in 64 bits"
        );
        let mut p = position();
        fill(&mut p, i64::MAX, 1);
        assert_eq!(
            after_fill(&p, 1, 1).unwrap_err().to_string(),
            "quantity held: 9223372036854775807 + 1 does not fit in 64 bits"
        );
        assert_eq!(
            p.market_value(Price(2)).unwrap_err().to_string(),
            "market value: 9223372036854775807 x 2 does not fit in 64 bits"
        );
    }

    #[test]
    fn the_widest_positions_close_without_overflow() {
        let mut p = position();
        fill(&mut p, -i64::MAX, 1);
        fill(&mut p, i64::MAX, 1);
        assert_eq!(numbers(&p), (0, 0, 0));
        // The product total_cost x closed needs 126 bits here.
        fill(&mut p, 1 << 31, 1 << 31);
        fill(&mut p, -((1 << 31) - 1), 1 << 31);
        assert_eq!(numbers(&p), (1, 1 << 31, 0));
    }
}
