//! The book as a user sees it.

use crate::types::{OrderId, Price, Quantity, Timestamp};

/// One price level.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LevelSnapshot {
    /// Its price.
    pub price: Price,
    /// What rests there in all.
    pub quantity: Quantity,
    /// How many orders rest there; of a [`VenueBook`](crate::VenueBook), how many known ones.
    pub order_count: usize,
    /// In a full book, each order's id and remaining quantity, first in the queue first.
    pub orders: Option<Vec<(OrderId, Quantity)>>,
}

/// The best levels of both sides at one moment.
///
/// ```
/// use nanobook::{Exchange, Price, Side, TimeInForce};
/// let mut exchange = Exchange::new();
/// exchange.submit_limit(Side::Buy, Price(100_00), 300, TimeInForce::GTC);
/// exchange.submit_limit(Side::Sell, Price(102_00), 100, TimeInForce::GTC);
/// let book = exchange.depth(10);
/// assert_eq!(book.mid_price(), Some(Price(101_00)));
/// assert_eq!(book.spread(), Some(2_00));
/// assert_eq!(book.imbalance(), Some(0.5));
/// assert_eq!(book.weighted_mid(), Some(101_50.0));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BookSnapshot {
    /// Bid levels, the highest first.
    pub bids: Vec<LevelSnapshot>,
    /// Ask levels, the lowest first.
    pub asks: Vec<LevelSnapshot>,
    /// The last timestamp the exchange issued, or of the last message of a feed; 0 before the first.
    pub timestamp: Timestamp,
}

impl BookSnapshot {
    /// Returns the highest bid, or `None` without bids.
    pub fn best_bid(&self) -> Option<Price> {
        self.bids.first().map(|level| level.price)
    }

    /// Returns the lowest ask, or `None` without asks.
    pub fn best_ask(&self) -> Option<Price> {
        self.asks.first().map(|level| level.price)
    }

    /// Returns best ask - best bid in price units, or `None` where a side is empty.
    pub fn spread(&self) -> Option<i64> {
        // A snapshot made by hand may have any prices.
        Some(self.best_ask()?.0.saturating_sub(self.best_bid()?.0))
    }

    /// Returns (best bid + best ask) / 2 rounded down, or `None` where a side is empty.
    pub fn mid_price(&self) -> Option<Price> {
        Some(mid(self.best_bid()?, self.best_ask()?))
    }

    /// Returns the mid with each side's price weighted by the other side's best quantity, in
    /// price units, or `None` where a side is empty.
    ///
    /// `(bid x ask quantity + ask x bid quantity) / (bid quantity + ask quantity)`: the weighted
    /// mid-price of Stoikov (2018), "The micro-price: a high-frequency estimator of future
    /// prices", section 1.
    #[expect(clippy::cast_precision_loss, reason = "a ratio is the answer")]
    pub fn weighted_mid(&self) -> Option<f64> {
        let (bid, ask) = (self.bids.first()?, self.asks.first()?);
        let (bid_quantity, ask_quantity) = (bid.quantity as f64, ask.quantity as f64);
        let weighted = bid.price.0 as f64 * ask_quantity + ask.price.0 as f64 * bid_quantity;
        Some(weighted / (bid_quantity + ask_quantity))
    }

    /// Returns (bid - ask) / (bid + ask) over the quantities of all levels shown, in [-1, 1]:
    /// 1.0 or -1.0 with one side empty, `None` with both.
    #[expect(clippy::cast_precision_loss, reason = "a ratio is the answer")]
    pub fn imbalance(&self) -> Option<f64> {
        let bid = i128::from(self.total_bid_quantity());
        let ask = i128::from(self.total_ask_quantity());
        (bid + ask > 0).then(|| (bid - ask) as f64 / (bid + ask) as f64)
    }

    /// Returns the quantity of all bid levels shown.
    pub fn total_bid_quantity(&self) -> Quantity {
        total(&self.bids)
    }

    /// Returns the quantity of all ask levels shown.
    pub fn total_ask_quantity(&self) -> Quantity {
        total(&self.asks)
    }
}

/// Returns the quantity of levels; one side of a book has no more than fits.
fn total(levels: &[LevelSnapshot]) -> Quantity {
    let quantities = levels.iter().map(|level| level.quantity);
    quantities.fold(0, Quantity::saturating_add)
}

/// Returns the middle of two prices, rounded down.
fn mid(bid: Price, ask: Price) -> Price {
    // Without overflow: half of what differs is added to what does not.
    Price((bid.0 & ask.0) + ((bid.0 ^ ask.0) >> 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_made_by_hand_overflows_nowhere() {
        let level = |price, quantity| LevelSnapshot {
            price: Price(price),
            quantity,
            order_count: 1,
            orders: None,
        };
        let book = BookSnapshot {
            bids: vec![level(i64::MIN, u64::MAX), level(i64::MIN, 7)],
            asks: vec![level(i64::MAX, u64::MAX)],
            timestamp: 0,
        };
        assert_eq!(book.spread(), Some(i64::MAX));
        // -2^63 and 2^63 - 1: the middle is -1/2.
        assert_eq!(book.mid_price(), Some(Price(-1)));
        assert_eq!(book.total_bid_quantity(), u64::MAX);
        assert_eq!(book.imbalance(), Some(0.0));
    }
}
