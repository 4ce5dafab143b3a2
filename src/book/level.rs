//! One price level: a queue of orders, first in first out.
//!
//! The queue is a doubly linked list through the order records, so an order leaves it in
//! constant time wherever it stands.

use super::orders::{NONE, Orders};
use crate::types::Quantity;

/// A queue of orders at one price. Empty levels stand in the ladder's free list.
#[derive(Clone, Debug)]
pub(crate) struct Level {
    /// The price as the ladder orders it (see [`Ladder`](super::Ladder)).
    pub(crate) key: i64,
    /// The sum of the orders' remaining quantities.
    pub(crate) quantity: Quantity,
    /// How many orders stand in the queue.
    pub(crate) count: u32,
    /// The first order, or [`NONE`].
    pub(crate) head: u32,
    /// The last order, or [`NONE`].
    pub(crate) tail: u32,
}

impl Level {
    pub(crate) const fn empty(key: i64) -> Self {
        Self {
            key,
            quantity: 0,
            count: 0,
            head: NONE,
            tail: NONE,
        }
    }

    /// Puts an order at the end of the queue. `quantity` is what remains of it.
    #[inline]
    pub(crate) fn push(&mut self, slot: u32, quantity: Quantity, orders: &mut Orders) {
        let record = orders.record_mut(slot);
        record.prev = self.tail;
        record.next = NONE;
        if self.tail == NONE {
            self.head = slot;
        } else {
            orders.record_mut(self.tail).next = slot;
        }
        self.tail = slot;
        self.count += 1;
        self.quantity += quantity;
    }

    /// Takes an order out of the queue. `quantity` is what remained of it.
    #[inline]
    pub(crate) fn unlink(&mut self, slot: u32, quantity: Quantity, orders: &mut Orders) {
        let record = orders.record(slot);
        let (prev, next) = (record.prev, record.next);
        if prev == NONE {
            self.head = next;
        } else {
            orders.record_mut(prev).next = next;
        }
        if next == NONE {
            self.tail = prev;
        } else {
            orders.record_mut(next).prev = prev;
        }
        self.count -= 1;
        self.quantity -= quantity;
    }

    /// Returns the slots of the queue, first in the queue first.
    pub(crate) fn queue<'a>(&self, orders: &'a Orders) -> impl Iterator<Item = u32> + 'a {
        let mut slot = self.head;
        std::iter::from_fn(move || {
            if slot == NONE {
                return None;
            }
            let current = slot;
            slot = orders.record(slot).next;
            Some(current)
        })
    }
}
