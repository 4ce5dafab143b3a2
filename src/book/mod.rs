//! The order book: price levels with FIFO queues on two sides, and every order by id.
//!
//! The book inserts and removes; it knows nothing of time in force, stops or events. Invariants:
//! bids are below asks between commands, a level's quantity is the sum of its queue, and every
//! resting order stands in exactly one queue, in the order of the ids.

mod ladder;
mod level;
mod orders;
mod snapshot;

pub(crate) use ladder::Ladder;
pub(crate) use level::Level;
#[cfg(feature = "persistence")]
pub(crate) use orders::OrdersImage;
pub(crate) use orders::{Orders, Record, State, slot_of};
pub use snapshot::{BookSnapshot, LevelSnapshot};

use crate::types::{OrderId, Price, Quantity, Side, Timestamp};

/// An order's place in the queue of its price level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct QueuePosition {
    /// How many orders trade before it.
    pub orders_ahead: usize,
    /// The sum of their remaining quantities.
    pub quantity_ahead: Quantity,
}

/// Both sides and the orders of both.
#[derive(Clone, Debug)]
pub(crate) struct Book {
    pub(crate) bids: Ladder,
    pub(crate) asks: Ladder,
    pub(crate) orders: Orders,
}

impl Book {
    pub(crate) fn new() -> Self {
        Self::with_orders(Orders::new())
    }

    fn with_orders(orders: Orders) -> Self {
        Self {
            bids: Ladder::new(Side::Buy),
            asks: Ladder::new(Side::Sell),
            orders,
        }
    }

    #[inline]
    pub(crate) fn side(&self, side: Side) -> &Ladder {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    /// Returns a side together with the orders it links.
    #[inline]
    pub(crate) fn side_mut(&mut self, side: Side) -> (&mut Ladder, &mut Orders) {
        match side {
            Side::Buy => (&mut self.bids, &mut self.orders),
            Side::Sell => (&mut self.asks, &mut self.orders),
        }
    }

    /// Returns the order's slot if it rests.
    #[inline]
    pub(crate) fn resting(&self, slot: u32) -> Option<&Record> {
        let record = self.orders.record(slot);
        (record.state == State::Resting).then_some(record)
    }

    /// Takes a resting order off the book and returns what remained of it.
    #[inline]
    pub(crate) fn cancel(&mut self, slot: u32) -> Quantity {
        let record = self.orders.record(slot);
        let (side, remaining) = (record.side, record.open_or_filled);
        let (ladder, orders) = self.side_mut(side);
        ladder.remove(slot, orders);
        orders.finish(slot, State::Cancelled, remaining);
        remaining
    }

    pub(crate) fn queue_position(&self, slot: u32) -> Option<QueuePosition> {
        let record = self.resting(slot)?;
        let level = self.side(record.side).level(record.level);
        let mut position = QueuePosition {
            orders_ahead: 0,
            quantity_ahead: 0,
        };
        for ahead in level.queue(&self.orders).take_while(|ahead| *ahead != slot) {
            position.orders_ahead += 1;
            position.quantity_ahead += self.orders.record(ahead).open_or_filled;
        }
        Some(position)
    }

    /// Returns the best levels of both sides; with each level's orders if `with_orders`.
    pub(crate) fn snapshot(
        &self,
        levels: usize,
        with_orders: bool,
        timestamp: Timestamp,
    ) -> BookSnapshot {
        let side = |ladder: &Ladder| {
            let mut shown = Vec::with_capacity(levels.min(ladder.level_count()));
            shown.extend(
                ladder
                    .iter()
                    .take(levels)
                    .map(|(price, level)| LevelSnapshot {
                        price,
                        quantity: level.quantity,
                        order_count: level.count as usize,
                        orders: with_orders.then(|| self.queue(level)),
                    }),
            );
            shown
        };
        BookSnapshot {
            bids: side(&self.bids),
            asks: side(&self.asks),
            timestamp,
        }
    }

    fn queue(&self, level: &Level) -> Vec<(OrderId, Quantity)> {
        level
            .queue(&self.orders)
            .map(|slot| {
                (
                    self.orders.id(slot),
                    self.orders.record(slot).open_or_filled,
                )
            })
            .collect()
    }

    /// Drops finished orders and every stop record that `keep_stop` refuses.
    pub(crate) fn compact(&mut self, keep_stop: impl Fn(&Record) -> bool) {
        let renamed = self.orders.compact(|record| match record.state {
            State::Resting => true,
            State::Filled | State::Cancelled => false,
            State::Stop => keep_stop(record),
        });
        self.bids.compact(&renamed, &mut self.orders);
        self.asks.compact(&renamed, &mut self.orders);
    }

    /// Renames the stops that the records lead to.
    pub(crate) fn rename_stops(&mut self, renamed: &[u32]) {
        for slot in self.orders.slots() {
            let record = self.orders.record_mut(slot);
            if record.state == State::Stop {
                record.level = renamed[record.level as usize];
            }
        }
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        self.orders.check()?;
        self.bids.check(&self.orders)?;
        self.asks.check(&self.orders)?;
        if let (Some(bid), Some(ask)) = (self.bids.best_price(), self.asks.best_price()) {
            if bid >= ask {
                return Err(format!("the best bid {bid} is below the best ask {ask}"));
            }
        }
        let queued: usize = [&self.bids, &self.asks]
            .iter()
            .flat_map(|ladder| ladder.iter())
            .map(|(_, level)| level.count as usize)
            .sum();
        let resting = self
            .orders
            .slots()
            .filter(|slot| self.resting(*slot).is_some())
            .count();
        if queued != resting {
            return Err(format!(
                "{resting} orders rest and {queued} stand in queues"
            ));
        }
        Ok(())
    }

    /// Puts the resting orders of saved records back into their queues.
    ///
    /// The order of the ids is that of every queue, so nothing else has to be saved.
    #[cfg(feature = "persistence")]
    pub(crate) fn from_orders(orders: Orders) -> Result<Self, String> {
        orders.check()?;
        let mut book = Self::with_orders(orders);
        for slot in book.orders.slots() {
            let Some(record) = book.resting(slot) else {
                continue;
            };
            let (side, quantity, price) = (record.side, record.open_or_filled, record.price);
            let fits = price.checked_notional(record.original).is_some();
            let (ladder, orders) = book.side_mut(side);
            if !price.is_valid() || !fits || quantity == 0 {
                return Err(format!("order {} may rest", orders.id(slot)));
            }
            if ladder.total().checked_add(quantity).is_none() {
                return Err(format!("the {side} side's total fits in 64 bits"));
            }
            ladder.insert(slot, orders);
        }
        Ok(book)
    }
}

impl Book {
    /// Returns the best price of a side.
    #[inline]
    pub(crate) fn best(&self, side: Side) -> Option<Price> {
        self.side(side).best_price()
    }
}
