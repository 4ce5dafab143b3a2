//! The book that a feed tells of: nothing matches here, what the venue says is so.
//!
//! A level is a queue of known orders, and maybe a quantity that belongs to no known one: what was
//! there before the file began. Memory is that of the orders that rest. An order that comes, goes
//! or changes costs one look-up by its reference and one by its price.

use std::collections::BTreeMap;

use rustc_hash::FxBuildHasher;

#[cfg(feature = "persistence")]
use super::persist::BookImage;
use super::{FeedCounts, FeedKind, FeedMessage};
use crate::book::{BookSnapshot, LevelSnapshot, QueuePosition};
use crate::error::{InvariantError, ValidationError};
use crate::types::{OrderId, Price, Quantity, Side, Timestamp};

/// No slot.
const NONE: u32 = u32::MAX;

#[expect(
    clippy::disallowed_types,
    reason = "for look-ups only; queues have an order of their own"
)]
pub(super) type References<T> = std::collections::HashMap<u64, T, FxBuildHasher>;

#[derive(Clone, Copy, Debug)]
struct Order {
    reference: u64,
    price: Price,
    quantity: Quantity,
    side: Side,
    prev: u32,
    next: u32,
}

#[derive(Clone, Copy, Debug)]
struct Level {
    /// All that rests here, unknown quantity included.
    quantity: Quantity,
    /// What of it belongs to no known order.
    unknown: Quantity,
    count: u32,
    head: u32,
    tail: u32,
}

const EMPTY: Level = Level {
    quantity: 0,
    unknown: 0,
    count: 0,
    head: NONE,
    tail: NONE,
};

/// Returns a side's place in an array of both.
pub(super) const fn index(side: Side) -> usize {
    match side {
        Side::Buy => 0,
        Side::Sell => 1,
    }
}

/// The book of a venue, rebuilt from its feed.
///
/// Nothing is matched: bids may meet asks where the venue says so. Give it the messages of one
/// instrument. What a message says of an order that is not known is counted; where it tells side
/// and price (LOBSTER does), it is taken from the level's quantity that belongs to no known order.
///
/// ```
/// use nanobook::{LobsterReader, Price, VenueBook};
/// let file = "\
/// 34200.1,1,7,100,2238100,1
/// 34200.2,1,8,50,2238100,1
/// 34200.3,4,7,30,2238100,1
/// ";
/// let mut book = VenueBook::new();
/// for message in LobsterReader::new(file.as_bytes()) {
///     book.apply(&message?);
/// }
/// assert_eq!(book.best_bid(), Some(Price(223_8100)));
/// assert_eq!(book.depth(1).bids[0].quantity, 120);
/// assert_eq!(book.queue_position(8).map(|place| place.quantity_ahead), Some(70));
/// # Ok::<(), nanobook::FeedError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct VenueBook {
    bids: BTreeMap<Price, Level>,
    asks: BTreeMap<Price, Level>,
    orders: Vec<Order>,
    /// Unused entries of `orders`.
    free: Vec<u32>,
    slots: References<u32>,
    /// What rests on each side, bids first.
    totals: [Quantity; 2],
    counts: FeedCounts,
    timestamp: Timestamp,
}

impl PartialEq for VenueBook {
    fn eq(&self, other: &Self) -> bool {
        self.counts == other.counts && self.full_book() == other.full_book()
    }
}

impl VenueBook {
    /// Returns an empty book.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns a book whose levels are those of a snapshot, of orders that nobody knows.
    ///
    /// The first row of LOBSTER's orderbook file is what its messages from the second on go on from.
    ///
    /// # Errors
    ///
    /// [`ValidationError`] for a level that [`VenueBook::set_level`] refuses.
    pub fn from_snapshot(snapshot: &BookSnapshot) -> Result<Self, ValidationError> {
        let mut book = Self {
            timestamp: snapshot.timestamp,
            ..Self::default()
        };
        for (side, levels) in [(Side::Buy, &snapshot.bids), (Side::Sell, &snapshot.asks)] {
            for level in levels {
                book.set_level(side, level.price, level.quantity)?;
            }
        }
        Ok(book)
    }

    /// Does to the book what a message says.
    #[inline]
    pub fn apply(&mut self, message: &FeedMessage) {
        self.counts.messages += 1;
        self.timestamp = message.timestamp_ns;
        match message.kind {
            FeedKind::Add => self.add(message.reference, message),
            FeedKind::Execute | FeedKind::Reduce => self.take(message, message.quantity),
            FeedKind::Delete => self.delete(message),
            FeedKind::Replace => self.replace(message),
            _ => {}
        }
    }

    fn add(&mut self, reference: u64, message: &FeedMessage) {
        let (Some(side), Some(price)) = (message.side, message.price) else {
            self.counts.contradictions += 1;
            return;
        };
        if !price.is_valid() || message.quantity == 0 || self.slots.contains_key(&reference) {
            self.counts.contradictions += 1;
            return;
        }
        self.insert(reference, side, price, message.quantity);
    }

    fn insert(&mut self, reference: u64, side: Side, price: Price, quantity: Quantity) {
        let total = &mut self.totals[index(side)];
        let Some(sum) = total.checked_add(quantity) else {
            self.counts.contradictions += 1;
            return;
        };
        *total = sum;
        let levels = match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        };
        let level = levels.entry(price).or_insert(EMPTY);
        let order = Order {
            reference,
            price,
            quantity,
            side,
            prev: level.tail,
            next: NONE,
        };
        let slot = if let Some(slot) = self.free.pop() {
            self.orders[slot as usize] = order;
            slot
        } else {
            self.orders.push(order);
            u32::try_from(self.orders.len() - 1).expect("orders fit into memory")
        };
        if level.tail == NONE {
            level.head = slot;
        } else {
            self.orders[level.tail as usize].next = slot;
        }
        level.tail = slot;
        level.count += 1;
        level.quantity += quantity;
        self.slots.insert(reference, slot);
    }

    /// Takes a quantity off an order; what is used up leaves.
    fn take(&mut self, message: &FeedMessage, quantity: Quantity) {
        let Some(&slot) = self.slots.get(&message.reference) else {
            self.take_unknown(message);
            return;
        };
        if quantity == 0 {
            self.counts.contradictions += 1;
            return;
        }
        let order = self.orders[slot as usize];
        if quantity >= order.quantity {
            if quantity > order.quantity {
                self.counts.contradictions += 1;
            }
            self.remove(message.reference, slot);
            return;
        }
        self.orders[slot as usize].quantity -= quantity;
        self.totals[index(order.side)] -= quantity;
        let level = self.side_mut(order.side).get_mut(&order.price);
        level.expect("an order stands at a level").quantity -= quantity;
    }

    fn delete(&mut self, message: &FeedMessage) {
        match self.slots.get(&message.reference) {
            Some(&slot) => self.remove(message.reference, slot),
            None => self.take_unknown(message),
        }
    }

    fn replace(&mut self, message: &FeedMessage) {
        let Some(&slot) = self.slots.get(&message.reference) else {
            self.counts.unknown_references += 1;
            return;
        };
        // Neither side nor instrument stands in the message.
        let side = self.orders[slot as usize].side;
        self.remove(message.reference, slot);
        let message = FeedMessage {
            side: Some(side),
            ..*message
        };
        self.add(message.new_reference, &message);
    }

    /// Takes from a level what belongs to no known order, where the message says which level.
    fn take_unknown(&mut self, message: &FeedMessage) {
        self.counts.unknown_references += 1;
        let (Some(side), Some(price)) = (message.side, message.price) else {
            return;
        };
        let levels = self.side_mut(side);
        let Some(level) = levels.get_mut(&price) else {
            return;
        };
        let taken = message.quantity.min(level.unknown);
        level.unknown -= taken;
        level.quantity -= taken;
        if level.quantity == 0 {
            levels.remove(&price);
        }
        self.totals[index(side)] -= taken;
        if taken < message.quantity {
            self.counts.contradictions += 1;
        }
    }

    fn remove(&mut self, reference: u64, slot: u32) {
        let order = self.orders[slot as usize];
        match order.prev {
            NONE => {}
            prev => self.orders[prev as usize].next = order.next,
        }
        match order.next {
            NONE => {}
            next => self.orders[next as usize].prev = order.prev,
        }
        let levels = self.side_mut(order.side);
        let level = levels
            .get_mut(&order.price)
            .expect("an order stands at a level");
        if order.prev == NONE {
            level.head = order.next;
        }
        if order.next == NONE {
            level.tail = order.prev;
        }
        level.count -= 1;
        level.quantity -= order.quantity;
        if level.quantity == 0 {
            levels.remove(&order.price);
        }
        self.totals[index(order.side)] -= order.quantity;
        self.slots.remove(&reference);
        self.free.push(slot);
    }

    /// Sets what rests at a price to a quantity that belongs to no known order: known ones at this
    /// price are forgotten, and 0 is no level.
    ///
    /// A level that comes into the window of a depth-N file is told by its orderbook file alone.
    ///
    /// # Errors
    ///
    /// [`ValidationError`] where the price is out of range, or the side's total would not fit in
    /// 64 bits; the book is unchanged.
    pub fn set_level(
        &mut self,
        side: Side,
        price: Price,
        quantity: Quantity,
    ) -> Result<(), ValidationError> {
        if !price.is_valid() {
            return Err(ValidationError::InvalidPrice(price));
        }
        let there = self
            .side(side)
            .get(&price)
            .map_or(0, |level| level.quantity);
        let others = self.totals[index(side)] - there;
        let Some(total) = others.checked_add(quantity) else {
            return Err(ValidationError::SideTotalOverflow {
                side,
                resting: others,
                quantity,
            });
        };
        self.forget(side, price);
        self.totals[index(side)] = total;
        if quantity > 0 {
            let level = Level {
                quantity,
                unknown: quantity,
                ..EMPTY
            };
            self.side_mut(side).insert(price, level);
        }
        Ok(())
    }

    /// Forgets all but the best levels of both sides, with their orders.
    ///
    /// What happens below the N levels of a depth-N file is not told, so what was known of it ages.
    pub fn keep_levels(&mut self, levels: usize) {
        while self.bids.len() > levels {
            let Some((&price, _)) = self.bids.first_key_value() else {
                break;
            };
            self.forget(Side::Buy, price);
        }
        while self.asks.len() > levels {
            let Some((&price, _)) = self.asks.last_key_value() else {
                break;
            };
            self.forget(Side::Sell, price);
        }
    }

    fn forget(&mut self, side: Side, price: Price) {
        let Some(level) = self.side_mut(side).remove(&price) else {
            return;
        };
        self.totals[index(side)] -= level.quantity;
        let mut slot = level.head;
        while slot != NONE {
            let order = self.orders[slot as usize];
            self.slots.remove(&order.reference);
            self.free.push(slot);
            slot = order.next;
        }
    }

    fn side(&self, side: Side) -> &BTreeMap<Price, Level> {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    fn side_mut(&mut self, side: Side) -> &mut BTreeMap<Price, Level> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    /// Returns the highest bid, or `None` without bids.
    pub fn best_bid(&self) -> Option<Price> {
        self.bids.last_key_value().map(|(price, _)| *price)
    }

    /// Returns the lowest ask, or `None` without asks.
    pub fn best_ask(&self) -> Option<Price> {
        self.asks.first_key_value().map(|(price, _)| *price)
    }

    /// Returns the best levels of both sides. The timestamp is the last message's, in nanoseconds
    /// since midnight; quantity that belongs to no known order has no part in `order_count`.
    pub fn depth(&self, levels: usize) -> BookSnapshot {
        self.snapshot(levels, false)
    }

    /// Returns all levels, each with its known orders: the venue's references as ids.
    pub fn full_book(&self) -> BookSnapshot {
        self.snapshot(usize::MAX, true)
    }

    fn snapshot(&self, levels: usize, with_orders: bool) -> BookSnapshot {
        let show = |(price, level): (&Price, &Level)| LevelSnapshot {
            price: *price,
            quantity: level.quantity,
            order_count: level.count as usize,
            orders: with_orders.then(|| {
                self.queue(level)
                    .map(|order| (OrderId(order.reference), order.quantity))
                    .collect()
            }),
        };
        BookSnapshot {
            bids: self.bids.iter().rev().take(levels).map(show).collect(),
            asks: self.asks.iter().take(levels).map(show).collect(),
            timestamp: self.timestamp,
        }
    }

    fn queue(&self, level: &Level) -> impl Iterator<Item = &Order> {
        let mut slot = level.head;
        std::iter::from_fn(move || {
            let order = self.orders.get(slot as usize)?;
            slot = order.next;
            Some(order)
        })
    }

    /// Returns what is ahead of an order at its level, or `None` if it is not known.
    ///
    /// Quantity that belongs to no known order was there first and counts as ahead, as an order
    /// of no number.
    pub fn queue_position(&self, reference: u64) -> Option<QueuePosition> {
        let slot = *self.slots.get(&reference)?;
        let order = self.orders[slot as usize];
        let level = self.side(order.side).get(&order.price)?;
        let mut position = QueuePosition {
            orders_ahead: 0,
            quantity_ahead: level.unknown,
        };
        for ahead in self
            .queue(level)
            .take_while(|one| one.reference != reference)
        {
            position.orders_ahead += 1;
            position.quantity_ahead += ahead.quantity;
        }
        Some(position)
    }

    /// Returns side, price and what remains of an order, or `None` if it is not known.
    pub fn order(&self, reference: u64) -> Option<(Side, Price, Quantity)> {
        let order = self.orders[*self.slots.get(&reference)? as usize];
        Some((order.side, order.price, order.quantity))
    }

    /// Returns how many known orders rest.
    pub fn order_count(&self) -> usize {
        self.slots.len()
    }

    /// Returns how well the messages so far agreed with the book.
    pub const fn counts(&self) -> FeedCounts {
        self.counts
    }

    #[cfg(feature = "persistence")]
    pub(super) fn to_image(&self) -> BookImage {
        let side = |levels: &BTreeMap<Price, Level>| {
            let levels = levels.iter();
            levels
                .map(|(price, level)| {
                    let queue = self.queue(level);
                    let queue = queue.map(|order| (order.reference, order.quantity));
                    (*price, level.unknown, queue.collect())
                })
                .collect()
        };
        BookImage {
            sides: [side(&self.bids), side(&self.asks)],
            counts: self.counts,
            timestamp: self.timestamp,
        }
    }

    /// Returns the book of an image, or which rule the image breaks.
    #[cfg(feature = "persistence")]
    pub(super) fn from_image(image: BookImage) -> Result<Self, String> {
        let mut book = Self::new();
        for (side, levels) in [Side::Buy, Side::Sell].into_iter().zip(image.sides) {
            for (price, unknown, queue) in levels {
                if unknown == 0 && queue.is_empty() {
                    return Err(format!("the {side} level {price} has a quantity"));
                }
                book.set_level(side, price, unknown)
                    .map_err(|error| error.to_string())?;
                for (reference, quantity) in queue {
                    let is_known = book.slots.contains_key(&reference);
                    if quantity > 0 && !is_known {
                        book.insert(reference, side, price, quantity);
                    }
                    if book.counts.contradictions > 0 || is_known || quantity == 0 {
                        return Err(format!(
                            "order {reference} has a quantity that fits, and stands at one level"
                        ));
                    }
                }
            }
        }
        book.counts = image.counts;
        book.timestamp = image.timestamp;
        Ok(book)
    }

    /// Checks what must always be so.
    ///
    /// # Errors
    ///
    /// [`InvariantError`] names what is broken: a bug of this crate.
    pub fn check_invariants(&self) -> Result<(), InvariantError> {
        let mut known = 0;
        for side in [Side::Buy, Side::Sell] {
            let total: Quantity = self.side(side).values().map(|level| level.quantity).sum();
            if total != self.totals[index(side)] {
                return Err(InvariantError(format!(
                    "the {side} side's total is the sum of its levels"
                )));
            }
            for (price, level) in self.side(side) {
                let mut sum = level.unknown;
                let mut count = 0;
                for order in self.queue(level) {
                    sum += order.quantity;
                    count += 1;
                    if (order.side, order.price) != (side, *price) || order.quantity == 0 {
                        return Err(InvariantError(format!(
                            "order {} stands at the {side} level {price} with a quantity",
                            order.reference
                        )));
                    }
                }
                if sum == 0 || (sum, count) != (level.quantity, level.count) {
                    return Err(InvariantError(format!(
                        "the {side} level {price} is the sum of its orders"
                    )));
                }
                known += count as usize;
            }
        }
        if known == self.slots.len() && known + self.free.len() == self.orders.len() {
            Ok(())
        } else {
            Err(InvariantError(format!(
                "{known} orders stand at levels, and {} are known",
                self.slots.len()
            )))
        }
    }
}
