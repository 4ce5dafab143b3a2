//! The crossing loop: price-time priority at the passive order's price, and nothing more.

use crate::book::Book;
use crate::trade::Trade;
use crate::types::{OrderId, Price, Quantity, Side, Timestamp, TradeId};

/// An incoming order as far as matching cares.
pub(crate) struct Aggressor {
    pub(crate) id: OrderId,
    pub(crate) side: Side,
    pub(crate) limit: Price,
    pub(crate) quantity: Quantity,
}

/// The trades so far and the counters they take.
#[derive(Clone, Debug)]
pub(crate) struct Tape {
    /// The trades that were not cleared, oldest first.
    pub(crate) trades: Vec<Trade>,
    /// The id of the last trade; 0 before the first.
    pub(crate) last_id: u64,
    /// The last timestamp issued; 0 before the first.
    pub(crate) clock: Timestamp,
}

impl Tape {
    pub(crate) const fn new() -> Self {
        Self {
            trades: Vec::new(),
            last_id: 0,
            clock: 0,
        }
    }

    #[inline]
    pub(crate) fn tick(&mut self) -> Timestamp {
        self.clock += 1;
        self.clock
    }
}

/// Trades the aggressor against the other side, best price and first in the queue first, as far
/// as its limit allows, and returns what is left of it.
#[inline]
pub(crate) fn cross(aggressor: &Aggressor, book: &mut Book, tape: &mut Tape) -> Quantity {
    // Most orders meet nothing, and need no more than this look.
    let passive = book.side(aggressor.side.opposite());
    let limit = passive.key(aggressor.limit);
    match passive.best_key() {
        Some(best) if best >= limit => cross_levels(aggressor, book, tape),
        _ => aggressor.quantity,
    }
}

#[inline(never)]
fn cross_levels(aggressor: &Aggressor, book: &mut Book, tape: &mut Tape) -> Quantity {
    let (ladder, orders) = book.side_mut(aggressor.side.opposite());
    let limit = ladder.key(aggressor.limit);
    let mut left = aggressor.quantity;
    while left > 0 {
        let Some((price, level)) = ladder.best() else {
            break;
        };
        if ladder.key(price) < limit {
            break;
        }
        let quantity = left.min(orders.record(level.head).open_or_filled);
        let passive = ladder.fill_first(quantity, orders);
        left -= quantity;
        tape.last_id += 1;
        let timestamp = tape.tick();
        tape.trades.push(Trade {
            id: TradeId(tape.last_id),
            price,
            quantity,
            aggressor_order_id: aggressor.id,
            passive_order_id: orders.id(passive),
            aggressor_side: aggressor.side,
            timestamp,
        });
    }
    left
}
