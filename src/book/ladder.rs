//! One side of the book: its price levels, best first.
//!
//! Both sides share one code path: a level's key is its price for bids and the bitwise complement
//! of its price for asks, so a larger key is always the better price and no `i64` overflows.
//!
//! The best levels (`near`, at most [`NEAR_MAX`]) stand in a sorted array with the best last, the
//! rest (`far`) in a tree. Prices move at the touch, where a level comes and goes by a push or a
//! pop. A direct-mapped cache from key to level spares the search for levels inside the book.
//!
//! Costs: best level O(1); an order at a known level O(1); a level that appears or goes O(1) at
//! the touch, else O(log levels) and a move of at most `NEAR_MAX` entries.

use std::collections::BTreeMap;

use super::level::Level;
use super::orders::{NONE, Orders, State};
use crate::types::{Price, Quantity, Side};

/// How many levels the sorted array holds before its worse half moves to the tree.
const NEAR_MAX: usize = 1024;

/// The cache stops growing here; a larger one no longer fits the first-level data cache.
const CACHE_MAX: usize = 4096;

#[derive(Clone, Copy, Debug)]
struct Near {
    key: i64,
    level: u32,
}

/// One side of the book.
#[derive(Clone, Debug)]
pub(crate) struct Ladder {
    side: Side,
    /// 0 for bids, all ones for asks: a price and its key differ in these bits.
    flip: i64,
    levels: Vec<Level>,
    /// Unused entries of `levels`.
    free: Vec<u32>,
    /// The best levels, keys ascending. Empty only when `far` is empty.
    near: Vec<Near>,
    /// The levels below all near ones.
    far: BTreeMap<i64, u32>,
    /// Maybe the level of a key, by the key's hash: [`Ladder::cached`] checks it.
    cache: Vec<u32>,
    /// The sum of all levels' quantities.
    total: Quantity,
}

impl Ladder {
    pub(crate) fn new(side: Side) -> Self {
        Self {
            side,
            flip: match side {
                Side::Buy => 0,
                Side::Sell => -1,
            },
            levels: Vec::new(),
            free: Vec::new(),
            near: Vec::new(),
            far: BTreeMap::new(),
            cache: Vec::new(),
            total: 0,
        }
    }

    /// Returns a price's key on this side; a larger key is a better price.
    #[inline]
    pub(crate) fn key(&self, price: Price) -> i64 {
        price.0 ^ self.flip
    }

    #[inline]
    fn price(&self, key: i64) -> Price {
        Price(key ^ self.flip)
    }

    /// Returns the best level, if any.
    #[inline]
    pub(crate) fn best(&self) -> Option<(Price, &Level)> {
        let near = self.near.last()?;
        Some((self.price(near.key), &self.levels[near.level as usize]))
    }

    #[inline]
    pub(crate) fn best_price(&self) -> Option<Price> {
        self.best_key().map(|key| self.price(key))
    }

    /// Returns the best level's key; a larger key is a better price.
    #[inline]
    pub(crate) fn best_key(&self) -> Option<i64> {
        self.near.last().map(|near| near.key)
    }

    /// Returns the quantity of all orders on this side.
    #[inline]
    pub(crate) const fn total(&self) -> Quantity {
        self.total
    }

    pub(crate) fn level(&self, index: u32) -> &Level {
        &self.levels[index as usize]
    }

    /// Returns the levels, the best first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Price, &Level)> {
        let near = self.near.iter().rev().map(|near| (near.key, near.level));
        let far = self.far.iter().rev().map(|(key, level)| (*key, *level));
        near.chain(far)
            .map(|(key, level)| (self.price(key), &self.levels[level as usize]))
    }

    /// Returns how many levels there are.
    pub(crate) fn level_count(&self) -> usize {
        self.near.len() + self.far.len()
    }

    /// Returns how much of `quantity` could trade against this side down to `limit`.
    pub(crate) fn fillable(&self, limit: Price, quantity: Quantity) -> Quantity {
        let limit = self.key(limit);
        let mut fillable: Quantity = 0;
        for (price, level) in self.iter() {
            if fillable >= quantity || self.key(price) < limit {
                break;
            }
            fillable += level.quantity;
        }
        fillable.min(quantity)
    }

    /// Puts a resting order at the end of its price's queue.
    #[expect(clippy::inline_always, reason = "half of what an order costs is calls")]
    #[inline(always)]
    pub(crate) fn insert(&mut self, slot: u32, orders: &mut Orders) {
        let record = orders.record(slot);
        debug_assert!(record.state == State::Resting && record.side == self.side);
        let quantity = record.open_or_filled;
        let index = self.find_or_open(self.key(record.price));
        orders.record_mut(slot).level = index;
        self.total += quantity;
        self.levels[index as usize].push(slot, quantity, orders);
    }

    /// Takes a resting order out of its queue, with all that remains of it.
    #[inline]
    pub(crate) fn remove(&mut self, slot: u32, orders: &mut Orders) {
        let record = orders.record(slot);
        let (index, quantity) = (record.level, record.open_or_filled);
        let level = &mut self.levels[index as usize];
        level.unlink(slot, quantity, orders);
        self.total -= quantity;
        if level.count == 0 {
            self.close(index);
        }
    }

    /// Takes a part off a resting order's quantity; the order keeps its place.
    pub(crate) fn reduce(&mut self, slot: u32, quantity: Quantity, orders: &mut Orders) {
        let index = orders.record(slot).level;
        self.levels[index as usize].quantity -= quantity;
        self.total -= quantity;
        orders.reduce(slot, quantity);
    }

    /// Takes `quantity` from the first order of the best level and returns the order's slot.
    ///
    /// A filled order leaves the queue, and an empty level the ladder.
    #[inline]
    pub(crate) fn fill_first(&mut self, quantity: Quantity, orders: &mut Orders) -> u32 {
        let index = self
            .near
            .last()
            .expect("only a side with orders fills")
            .level;
        let level = &mut self.levels[index as usize];
        let slot = level.head;
        let record = orders.record_mut(slot);
        self.total -= quantity;
        if quantity < record.open_or_filled {
            record.open_or_filled -= quantity;
            level.quantity -= quantity;
        } else {
            level.unlink(slot, quantity, orders);
            let is_empty = level.count == 0;
            orders.finish(slot, State::Filled, 0);
            if is_empty {
                self.close(index);
            }
        }
        slot
    }

    #[inline]
    fn cache_index(&self, key: i64) -> usize {
        // Fibonacci hashing: neighbouring ticks, and ticks that are multiples of 100, spread.
        let hash = u64::from_ne_bytes(key.to_ne_bytes()).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (hash >> 40) as usize & (self.cache.len() - 1)
    }

    #[inline]
    fn cached(&self, key: i64) -> Option<u32> {
        if self.cache.is_empty() {
            return None;
        }
        let index = self.cache[self.cache_index(key)];
        let level = self.levels.get(index as usize)?;
        (level.key == key && level.count > 0).then_some(index)
    }

    #[inline]
    fn remember(&mut self, key: i64, index: u32) {
        if !self.cache.is_empty() {
            let place = self.cache_index(key);
            self.cache[place] = index;
        }
    }

    /// Returns the level with this key, an empty one where there was none.
    #[expect(clippy::inline_always, reason = "half of what an order costs is calls")]
    #[inline(always)]
    fn find_or_open(&mut self, key: i64) -> u32 {
        match self.near.last() {
            Some(best) if best.key == key => return best.level,
            Some(best) if best.key > key => {}
            _ => {
                let level = self.open(key);
                self.near.push(Near { key, level });
                self.spill();
                return level;
            }
        }
        if let Some(index) = self.cached(key) {
            return index;
        }
        let index = self.search_or_open(key);
        self.remember(key, index);
        index
    }

    /// Finds or opens a level that is not better than the best.
    #[inline(never)]
    fn search_or_open(&mut self, key: i64) -> u32 {
        let worst_near = self.near.first().expect("there is a best level").key;
        if key < worst_near {
            if let Some(index) = self.far.get(&key) {
                return *index;
            }
            let level = self.open(key);
            if self.far.is_empty() && self.near.len() < NEAR_MAX {
                self.near.insert(0, Near { key, level });
            } else {
                self.far.insert(key, level);
            }
            return level;
        }
        match self.near.binary_search_by_key(&key, |near| near.key) {
            Ok(place) => self.near[place].level,
            Err(place) => {
                let level = self.open(key);
                self.near.insert(place, Near { key, level });
                self.spill();
                level
            }
        }
    }

    /// Moves the worse half of the near levels to the tree when they are too many.
    #[inline]
    fn spill(&mut self) {
        if self.near.len() > NEAR_MAX {
            let worse = self.near.drain(..NEAR_MAX / 2);
            self.far.extend(worse.map(|near| (near.key, near.level)));
        }
    }

    /// Takes an unused level.
    #[inline(never)]
    fn open(&mut self, key: i64) -> u32 {
        if let Some(index) = self.free.pop() {
            self.levels[index as usize] = Level::empty(key);
            return index;
        }
        // There are no more levels than orders, and those have 32-bit slots.
        let index = super::orders::slot_of(self.levels.len());
        self.levels.push(Level::empty(key));
        if self.levels.len() * 4 > self.cache.len() && self.cache.len() < CACHE_MAX {
            let len = (self.levels.len() * 8).next_power_of_two().min(CACHE_MAX);
            self.cache = vec![NONE; len];
        }
        index
    }

    /// Drops an empty level.
    fn close(&mut self, index: u32) {
        let key = self.levels[index as usize].key;
        self.free.push(index);
        match self.near.last() {
            Some(best) if best.key == key => {
                self.near.pop();
            }
            _ => match self.near.binary_search_by_key(&key, |near| near.key) {
                Ok(place) => {
                    self.near.remove(place);
                }
                Err(_) => {
                    self.far.remove(&key);
                }
            },
        }
        if self.near.is_empty() && !self.far.is_empty() {
            while self.near.len() < NEAR_MAX / 2 {
                let Some((key, level)) = self.far.pop_last() else {
                    break;
                };
                self.near.push(Near { key, level });
            }
            self.near.reverse();
        }
    }

    /// Renames the orders' slots after [`Orders::compact`] and gives unused memory back.
    pub(crate) fn compact(&mut self, renamed: &[u32], orders: &mut Orders) {
        let mut levels = Vec::with_capacity(self.level_count());
        let mut rename = |index: &mut u32| {
            let mut level = self.levels[*index as usize].clone();
            level.head = renamed[level.head as usize];
            level.tail = renamed[level.tail as usize];
            *index = super::orders::slot_of(levels.len());
            let mut slot = level.head;
            while slot != NONE {
                let record = orders.record_mut(slot);
                record.level = *index;
                slot = record.next;
            }
            levels.push(level);
        };
        for near in &mut self.near {
            rename(&mut near.level);
        }
        self.far.values_mut().for_each(&mut rename);
        self.levels = levels;
        self.free = Vec::new();
        self.near.shrink_to_fit();
        self.cache.fill(NONE);
    }

    /// Checks that levels, queues, totals and the index agree.
    pub(crate) fn check(&self, orders: &Orders) -> Result<(), String> {
        let side = self.side;
        if self.near.is_empty() && !self.far.is_empty() {
            return Err(format!("{side}: the best level is a near one"));
        }
        if self.near.windows(2).any(|pair| pair[0].key >= pair[1].key) {
            return Err(format!("{side}: near levels ascend"));
        }
        if let (Some((far, _)), Some(near)) = (self.far.last_key_value(), self.near.first()) {
            if *far >= near.key {
                return Err(format!("{side}: far levels are worse than near ones"));
            }
        }
        if self.level_count() + self.free.len() != self.levels.len() {
            return Err(format!("{side}: every level is indexed or free"));
        }
        let mut total: Quantity = 0;
        let indexed = self.near.iter().map(|near| (near.key, near.level));
        for (key, index) in indexed.chain(self.far.iter().map(|(key, level)| (*key, *level))) {
            let price = self.price(key);
            let level = &self.levels[index as usize];
            if level.key != key || level.count == 0 {
                return Err(format!(
                    "{side} {price}: the index leads to a level with orders"
                ));
            }
            if self.cached(key).is_some_and(|cached| cached != index) {
                return Err(format!("{side} {price}: the cache agrees with the index"));
            }
            let (mut count, mut quantity, mut prev, mut id) = (0_u32, 0_u64, NONE, 0);
            let mut slot = level.head;
            while slot != NONE {
                if slot as usize >= orders.len() || count == level.count {
                    return Err(format!("{side} {price}: the queue ends after its count"));
                }
                let record = orders.record(slot);
                let this = orders.id(slot).0;
                if record.state != State::Resting
                    || record.side != side
                    || record.price != price
                    || record.level != index
                    || record.prev != prev
                    || record.open_or_filled == 0
                {
                    return Err(format!(
                        "{side} {price}: order {this} stands in its own queue"
                    ));
                }
                // Only new orders join a queue, so the queue is in the order of the ids.
                if this <= id {
                    return Err(format!(
                        "{side} {price}: order {this} stands in time priority"
                    ));
                }
                id = this;
                count += 1;
                quantity += record.open_or_filled;
                prev = slot;
                slot = record.next;
            }
            if count != level.count || prev != level.tail || quantity != level.quantity {
                return Err(format!(
                    "{side} {price}: count and quantity are those of the queue ({count}, {quantity})"
                ));
            }
            total += quantity;
        }
        if total != self.total {
            return Err(format!(
                "{side}: the total {} is the sum {total}",
                self.total
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Book, Record};
    use super::*;
    use crate::types::TimeInForce;

    /// A small generator (xorshift64), so that a failure can be repeated.
    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % bound
        }
    }

    fn rest(book: &mut Book, side: Side, price: i64, quantity: Quantity) -> u32 {
        let timestamp = book.orders.next_id().0;
        let slot = book.orders.push(Record {
            price: Price(price),
            original: quantity,
            open_or_filled: quantity,
            timestamp,
            next: NONE,
            prev: NONE,
            level: NONE,
            side,
            time_in_force: TimeInForce::GTC,
            state: State::Resting,
            is_reduced: false,
        });
        let (ladder, orders) = book.side_mut(side);
        ladder.insert(slot, orders);
        slot
    }

    /// Compares a ladder with a sorted map of prices through growth, shrinkage and compaction,
    /// over far more levels than stand in the near array.
    fn agrees_with_sorted_map(side: Side, seed: u64, prices: u64) {
        let mut random = Random(seed);
        let mut book = Book::new();
        let mut model: BTreeMap<i64, Vec<(u32, Quantity)>> = BTreeMap::new();
        let mut live: Vec<u32> = Vec::new();
        for step in 0..30_000 {
            // Grow for a while, then shrink to almost nothing, again and again.
            let is_growing = step % 10_000 < 6_000;
            if live.is_empty() || random.below(10) < if is_growing { 8 } else { 1 } {
                let price = 1 + i64::try_from(random.below(prices)).unwrap();
                let quantity = 1 + random.below(9);
                let slot = rest(&mut book, side, price, quantity);
                model.entry(price).or_default().push((slot, quantity));
                live.push(slot);
            } else {
                let place = usize::try_from(random.below(live.len() as u64)).unwrap();
                let slot = live.swap_remove(place);
                let price = book.orders.record(slot).price.0;
                let queue = model.get_mut(&price).unwrap();
                queue.retain(|(other, _)| *other != slot);
                if queue.is_empty() {
                    model.remove(&price);
                }
                book.cancel(slot);
            }
            let best = match side {
                Side::Buy => model.last_key_value(),
                Side::Sell => model.first_key_value(),
            };
            assert_eq!(
                book.best(side).map(|price| price.0),
                best.map(|(price, _)| *price)
            );
            if step % 997 == 0 {
                book.check().unwrap();
                let mut expected: Vec<(i64, Quantity, usize)> = model
                    .iter()
                    .map(|(price, queue)| {
                        (
                            *price,
                            queue.iter().map(|(_, quantity)| quantity).sum(),
                            queue.len(),
                        )
                    })
                    .collect();
                if side == Side::Buy {
                    expected.reverse();
                }
                let levels = book.side(side).iter();
                let levels: Vec<_> = levels
                    .map(|(price, level)| (price.0, level.quantity, level.count as usize))
                    .collect();
                assert_eq!(levels, expected);
            }
            if step % 9_001 == 9_000 {
                let orders: Vec<u64> = live.iter().map(|slot| book.orders.id(*slot).0).collect();
                book.compact(|_| true);
                let slot = |id: &u64| book.orders.slot(crate::OrderId(*id)).unwrap();
                let renamed: BTreeMap<u32, u32> =
                    live.iter().copied().zip(orders.iter().map(slot)).collect();
                live = orders.iter().map(slot).collect();
                for (slot, _) in model.values_mut().flatten() {
                    *slot = renamed[slot];
                }
                book.check().unwrap();
            }
        }
    }

    #[test]
    fn ladder_agrees_with_sorted_map_over_many_levels() {
        for (seed, prices) in [(1, 20), (2, 1_500), (3, 100_000), (4, 1 << 40)] {
            agrees_with_sorted_map(Side::Buy, seed, prices);
            agrees_with_sorted_map(Side::Sell, seed, prices);
        }
    }

    #[test]
    fn record_fits_in_48_bytes() {
        assert_eq!(size_of::<Record>(), 48);
    }

    /// Bids of 5, 6 and 7 at 100 (slots 0 to 2) and of 8 at 99 (slot 3), an ask of 9 at 101
    /// (slot 4), and a free level where a bid at 98 was.
    fn small_book() -> Book {
        let mut book = Book::new();
        for (price, quantity) in [(100, 5), (100, 6), (100, 7), (99, 8)] {
            rest(&mut book, Side::Buy, price, quantity);
        }
        rest(&mut book, Side::Sell, 101, 9);
        let slot = rest(&mut book, Side::Buy, 98, 1);
        book.cancel(slot);
        book.check().unwrap();
        book
    }

    /// Each way to break the book, and what the check says of it.
    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of what can break")]
    fn check_names_what_is_broken() {
        type Break = fn(&mut Book);
        let breaks: &[(Break, &str)] = &[
            (
                |book| {
                    let far = std::mem::take(&mut book.bids.near);
                    book.bids.far = far.iter().map(|near| (near.key, near.level)).collect();
                },
                "buy: the best level is a near one",
            ),
            (|book| book.bids.near.reverse(), "buy: near levels ascend"),
            (
                |book| {
                    let best = book.bids.near.pop().unwrap();
                    book.bids.far.insert(best.key, best.level);
                },
                "buy: far levels are worse than near ones",
            ),
            (
                |book| book.bids.free.clear(),
                "buy: every level is indexed or free",
            ),
            (
                |book| {
                    let level = book.bids.free.pop().unwrap();
                    book.bids.near.insert(0, Near { key: 98, level });
                },
                "buy 98: the index leads to a level with orders",
            ),
            (
                |book| book.bids.levels[0].key = 97,
                "buy 100: the index leads to a level with orders",
            ),
            (
                |book| {
                    let twin = book.bids.levels[0].clone();
                    book.bids.free.push(2);
                    book.bids.levels.push(twin);
                    let place = book.bids.cache_index(100);
                    book.bids.cache[place] = 3;
                },
                "buy 100: the cache agrees with the index",
            ),
            (
                |book| book.orders.record_mut(2).next = 0,
                "buy 100: the queue ends after its count",
            ),
            (
                |book| book.orders.record_mut(2).next = 77,
                "buy 100: the queue ends after its count",
            ),
            (
                |book| book.orders.record_mut(1).state = State::Filled,
                "buy 100: order 2 stands in its own queue",
            ),
            (
                |book| book.orders.record_mut(1).side = Side::Sell,
                "buy 100: order 2 stands in its own queue",
            ),
            (
                |book| book.orders.record_mut(1).price = Price(99),
                "buy 100: order 2 stands in its own queue",
            ),
            (
                |book| book.orders.record_mut(1).level = 1,
                "buy 100: order 2 stands in its own queue",
            ),
            (
                |book| book.orders.record_mut(2).prev = 0,
                "buy 100: order 3 stands in its own queue",
            ),
            (
                |book| book.orders.record_mut(1).open_or_filled = 0,
                "buy 100: order 2 stands in its own queue",
            ),
            (
                |book| {
                    // 2, 1, 3 instead of 1, 2, 3.
                    book.bids.levels[0].head = 1;
                    for (slot, prev, next) in [(1, NONE, 0), (0, 1, 2), (2, 0, NONE)] {
                        let record = book.orders.record_mut(slot);
                        (record.prev, record.next) = (prev, next);
                    }
                },
                "buy 100: order 1 stands in time priority",
            ),
            (
                |book| book.bids.levels[0].quantity += 1,
                "buy 100: count and quantity are those of the queue (3, 18)",
            ),
            (
                |book| book.bids.levels[0].count += 1,
                "buy 100: count and quantity are those of the queue (3, 18)",
            ),
            (
                |book| book.bids.levels[0].tail = 1,
                "buy 100: count and quantity are those of the queue (3, 18)",
            ),
            (
                |book| book.asks.total += 1,
                "sell: the total 10 is the sum 9",
            ),
            (
                |book| {
                    rest(book, Side::Buy, 101, 1);
                },
                "the best bid 101 is below the best ask 101",
            ),
            (
                |book| {
                    // The level goes, the order stays.
                    book.asks = Ladder::new(Side::Sell);
                },
                "5 orders rest and 4 stand in queues",
            ),
        ];
        for (breaks, expected) in breaks {
            let mut book = small_book();
            breaks(&mut book);
            assert_eq!(book.check(), Err((*expected).to_owned()));
        }
    }
}
