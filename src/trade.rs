//! Trades.

use crate::types::{OrderId, Price, Quantity, Side, Timestamp, TradeId};

/// A trade between an aggressor and a passive order, at the passive order's price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "persistence", derive(serde::Serialize, serde::Deserialize))]
pub struct Trade {
    /// Its number.
    pub id: TradeId,
    /// The passive order's price.
    pub price: Price,
    /// How much traded.
    pub quantity: Quantity,
    /// The incoming order.
    pub aggressor_order_id: OrderId,
    /// The resting order.
    pub passive_order_id: OrderId,
    /// The side of the incoming order.
    pub aggressor_side: Side,
    /// When it happened.
    pub timestamp: Timestamp,
}

impl Trade {
    /// Returns the side of the resting order.
    pub const fn passive_side(&self) -> Side {
        self.aggressor_side.opposite()
    }

    /// Returns price x quantity in the smallest currency unit.
    ///
    /// # Panics
    ///
    /// When a trade that was made by hand does not fit in `i64`; those of an exchange always do.
    pub fn notional(&self) -> i64 {
        self.price
            .checked_notional(self.quantity)
            .expect("a trade's notional fits in i64")
    }

    /// Returns the volume-weighted average price, rounded toward zero.
    ///
    /// `sum(price * quantity) / sum(quantity)`, both sums exact; `None` when no quantity traded.
    ///
    /// ```
    /// use nanobook::{Exchange, Price, Side, TimeInForce, Trade};
    /// let mut exchange = Exchange::new();
    /// exchange.submit_limit(Side::Sell, Price(100_00), 50, TimeInForce::GTC);
    /// exchange.submit_limit(Side::Sell, Price(102_00), 150, TimeInForce::GTC);
    /// let result = exchange.submit_market(Side::Buy, 200);
    /// assert_eq!(Trade::vwap(&result.trades), Some(Price(101_50)));
    /// assert_eq!(Trade::vwap(&[]), None);
    /// ```
    #[expect(clippy::missing_panics_doc, reason = "a mean lies between its prices")]
    pub fn vwap(trades: &[Self]) -> Option<Price> {
        let mut notional = 0_i128;
        let mut quantity = 0_i128;
        for trade in trades {
            notional += i128::from(trade.price.0) * i128::from(trade.quantity);
            quantity += i128::from(trade.quantity);
        }
        // `/` rounds toward zero.
        let mean = notional.checked_div(quantity)?;
        Some(Price(
            i64::try_from(mean).expect("a mean of prices fits in i64"),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vwap(fills: &[(i64, Quantity)]) -> Option<Price> {
        let trades: Vec<Trade> = fills
            .iter()
            .map(|(price, quantity)| Trade {
                id: TradeId(1),
                price: Price(*price),
                quantity: *quantity,
                aggressor_order_id: OrderId(2),
                passive_order_id: OrderId(1),
                aggressor_side: Side::Buy,
                timestamp: 3,
            })
            .collect();
        Trade::vwap(&trades)
    }

    #[test]
    fn vwap_is_rounded_toward_zero() {
        // 5 / 3 and -5 / 3.
        assert_eq!(vwap(&[(1, 1), (2, 2)]), Some(Price(1)));
        assert_eq!(vwap(&[(-1, 1), (-2, 2)]), Some(Price(-1)));
        assert_eq!(vwap(&[(7, 0)]), None);
    }

    #[test]
    fn vwap_sums_pass_64_bits() {
        // (2^62 x 8 + 2^62 x 2^63) / (8 + 2^63).
        assert_eq!(
            vwap(&[(1 << 62, 8), (1 << 62, 1 << 63)]),
            Some(Price(1 << 62))
        );
        assert_eq!(vwap(&[(i64::MAX, u64::MAX)]), Some(Price::MAX));
    }
}
