//! Every order of an exchange, by id.
//!
//! Ids are dense, so they index one array of records: no map, no recycling, and a finished order
//! is still there to be looked up. When history is dropped, the orders that still rest move to
//! the front of the array (`kept`, found by binary search) and all later ids stay dense behind
//! them. The place of a record is its *slot*; links between records are slots.

use std::collections::BTreeMap;

use crate::order::{Order, OrderStatus};
use crate::types::{OrderId, Price, Quantity, Side, TimeInForce, Timestamp};

/// No slot.
pub(crate) const NONE: u32 = u32::MAX;

/// What a record stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "persistence", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum State {
    /// An order on the book.
    Resting,
    /// An order whose last open quantity traded.
    Filled,
    /// An order whose last open quantity was cancelled.
    Cancelled,
    /// A stop: the record's `level` is its index in the stop book.
    Stop,
}

/// One order, in 48 bytes. What is rare stands in side tables.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "persistence", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Record {
    pub(crate) price: Price,
    pub(crate) original: Quantity,
    /// What remains while the order rests; what was filled once it is finished.
    pub(crate) open_or_filled: Quantity,
    pub(crate) timestamp: Timestamp,
    #[cfg_attr(feature = "persistence", serde(skip))]
    pub(crate) next: u32,
    #[cfg_attr(feature = "persistence", serde(skip))]
    pub(crate) prev: u32,
    #[cfg_attr(feature = "persistence", serde(skip))]
    pub(crate) level: u32,
    pub(crate) side: Side,
    pub(crate) time_in_force: TimeInForce,
    pub(crate) state: State,
    /// Whether `Orders::reduced` has an entry for this order.
    pub(crate) is_reduced: bool,
}

/// The records of all orders and stops whose history was not dropped.
#[derive(Clone, Debug, Default)]
pub(crate) struct Orders {
    records: Vec<Record>,
    /// The ids of the first `kept.len()` records, ascending, all below `base`.
    kept: Vec<u64>,
    /// The id of the record behind the kept ones.
    base: u64,
    /// By slot: what was taken off an order that still rests. Cancelled later or filled, the
    /// difference of its quantities says the same, and the entry goes.
    reduced: BTreeMap<u32, Quantity>,
    /// How many records are neither resting orders nor pending stops.
    finished: usize,
}

impl Orders {
    pub(crate) fn new() -> Self {
        Self {
            base: 1,
            ..Self::default()
        }
    }

    /// Reserves room and touches it, so that the first orders do not pay for page faults.
    pub(crate) fn reserve(&mut self, orders: usize) {
        let filler = Record {
            price: Price::ZERO,
            original: 0,
            open_or_filled: 0,
            timestamp: 0,
            next: NONE,
            prev: NONE,
            level: NONE,
            side: Side::Buy,
            time_in_force: TimeInForce::GTC,
            state: State::Cancelled,
            is_reduced: false,
        };
        let len = self.records.len();
        self.records.resize(len + orders, filler);
        self.records.truncate(len);
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// Returns whether every order and stop ever submitted is still here.
    pub(crate) const fn is_complete(&self) -> bool {
        self.base == 1
    }

    pub(crate) const fn finished(&self) -> usize {
        self.finished
    }

    #[inline]
    pub(crate) fn record(&self, slot: u32) -> &Record {
        &self.records[slot as usize]
    }

    #[inline]
    pub(crate) fn record_mut(&mut self, slot: u32) -> &mut Record {
        &mut self.records[slot as usize]
    }

    /// Returns the id the next order gets.
    #[inline]
    pub(crate) fn next_id(&self) -> OrderId {
        OrderId(self.base + (self.records.len() - self.kept.len()) as u64)
    }

    /// Returns the slot the next order gets.
    #[inline]
    pub(crate) fn next_slot(&self) -> u32 {
        match u32::try_from(self.records.len()) {
            Ok(slot) if slot != NONE => slot,
            _ => panic!("an exchange keeps fewer than 2^32 - 1 orders; drop history in between"),
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, record: Record) -> u32 {
        let slot = self.next_slot();
        if !matches!(record.state, State::Resting | State::Stop) {
            self.finished += 1;
        }
        self.records.push(record);
        slot
    }

    /// Returns where the order or stop with this id is, if it is known.
    #[inline]
    pub(crate) fn slot(&self, id: OrderId) -> Option<u32> {
        let index = match id.0.checked_sub(self.base) {
            Some(offset) => usize::try_from(offset).ok()?.checked_add(self.kept.len())?,
            None => self.kept.binary_search(&id.0).ok()?,
        };
        (index < self.records.len()).then(|| slot_of(index))
    }

    /// Returns the id of the record at a slot.
    #[inline]
    pub(crate) fn id(&self, slot: u32) -> OrderId {
        let index = slot as usize;
        match self.kept.get(index) {
            Some(id) => OrderId(*id),
            None => OrderId(self.base + (index - self.kept.len()) as u64),
        }
    }

    /// Finishes an order that rests no more. The caller has taken it off its level.
    #[inline]
    pub(crate) fn finish(&mut self, slot: u32, state: State, remaining: Quantity) {
        self.finished += 1;
        let record = &mut self.records[slot as usize];
        let reduced = if record.is_reduced {
            record.is_reduced = false;
            self.reduced.remove(&slot).unwrap_or(0)
        } else {
            0
        };
        record.open_or_filled = record.original - reduced - remaining;
        record.state = state;
    }

    /// Counts a stop that is pending no more.
    pub(crate) fn finish_stop(&mut self) {
        self.finished += 1;
    }

    /// Takes less than what remains off a resting order.
    pub(crate) fn reduce(&mut self, slot: u32, quantity: Quantity) {
        let record = &mut self.records[slot as usize];
        debug_assert!(quantity < record.open_or_filled, "a reduced order rests on");
        record.open_or_filled -= quantity;
        record.is_reduced = true;
        *self.reduced.entry(slot).or_insert(0) += quantity;
    }

    /// Returns the order at a slot, or `None` for a stop.
    pub(crate) fn order(&self, slot: u32) -> Option<Order> {
        let record = self.record(slot);
        let reduced = if record.is_reduced {
            self.reduced[&slot]
        } else {
            0
        };
        let (remaining, filled, status) = match record.state {
            State::Stop => return None,
            State::Filled => (0, record.open_or_filled, OrderStatus::Filled),
            State::Cancelled => (0, record.open_or_filled, OrderStatus::Cancelled),
            State::Resting => {
                let filled = record.original - record.open_or_filled - reduced;
                let status = if filled == 0 {
                    OrderStatus::New
                } else {
                    OrderStatus::PartiallyFilled
                };
                (record.open_or_filled, filled, status)
            }
        };
        Some(Order {
            id: self.id(slot),
            side: record.side,
            price: record.price,
            original_quantity: record.original,
            remaining_quantity: remaining,
            filled_quantity: filled,
            cancelled_quantity: record.original - remaining - filled,
            timestamp: record.timestamp,
            time_in_force: record.time_in_force,
            status,
        })
    }

    /// Returns all slots in the order of their ids.
    pub(crate) fn slots(&self) -> impl Iterator<Item = u32> + use<> {
        (0..self.records.len()).map(slot_of)
    }

    /// Drops every record that `keep` refuses, gives the memory back, and returns each old slot's
    /// new one ([`NONE`] where it was dropped). Links are renamed; the caller renames its own.
    pub(crate) fn compact(&mut self, keep: impl Fn(&Record) -> bool) -> Vec<u32> {
        let next_id = self.next_id().0;
        let mut kept = Vec::new();
        let mut renamed = vec![NONE; self.records.len()];
        for slot in self.slots() {
            if keep(self.record(slot)) {
                renamed[slot as usize] = slot_of(kept.len());
                kept.push(self.id(slot).0);
            }
        }
        let rename = |slot: u32| match renamed.get(slot as usize) {
            Some(new) => *new,
            None => NONE,
        };
        let mut records = Vec::with_capacity(kept.len());
        for (slot, mut record) in std::mem::take(&mut self.records).into_iter().enumerate() {
            if renamed[slot] != NONE {
                record.next = rename(record.next);
                record.prev = rename(record.prev);
                records.push(record);
            }
        }
        kept.shrink_to_fit();
        self.reduced = std::mem::take(&mut self.reduced)
            .into_iter()
            .map(|(slot, quantity)| (rename(slot), quantity))
            .collect();
        self.records = records;
        self.kept = kept;
        self.base = next_id;
        self.finished = 0;
        renamed
    }

    /// Checks what the table promises by itself; the book and the stops check the links.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.kept.len() > self.records.len() {
            return Err("every kept id has a record".to_owned());
        }
        if self.kept.windows(2).any(|pair| pair[0] >= pair[1])
            || self.kept.last().is_some_and(|id| *id >= self.base)
        {
            return Err(format!("kept ids ascend and stay below {}", self.base));
        }
        if self.kept.first() == Some(&0) || self.base == 0 {
            return Err("ids start at 1".to_owned());
        }
        let marked = self
            .records
            .iter()
            .filter(|record| record.is_reduced)
            .count();
        if marked != self.reduced.len() {
            return Err(format!(
                "{marked} records are marked as reduced, the table has {}",
                self.reduced.len()
            ));
        }
        for slot in self.slots() {
            let (id, record) = (self.id(slot), self.record(slot));
            if self.slot(id) != Some(slot) {
                return Err(format!("order {id} is found at its own slot {slot}"));
            }
            let reduced = match (record.is_reduced, self.reduced.get(&slot)) {
                (false, None) => 0,
                (true, Some(quantity)) if *quantity > 0 && record.state == State::Resting => {
                    *quantity
                }
                _ => {
                    return Err(format!(
                        "order {id}: only a reduced resting order is marked"
                    ));
                }
            };
            if record.state == State::Stop {
                continue;
            }
            if reduced
                .checked_add(record.open_or_filled)
                .is_none_or(|sum| sum > record.original)
            {
                return Err(format!(
                    "order {id}: original {} = remaining + filled + cancelled",
                    record.original
                ));
            }
            if record.state == State::Filled && record.open_or_filled == 0 {
                return Err(format!("order {id}: a filled order has traded"));
            }
            if record.state == State::Cancelled && record.open_or_filled == record.original {
                return Err(format!(
                    "order {id}: of a cancelled order not all has traded"
                ));
            }
            if record.state == State::Resting && record.time_in_force != TimeInForce::GTC {
                return Err(format!("order {id}: only GTC orders rest"));
            }
        }
        Ok(())
    }
}

/// Returns a slot from an index that `next_slot` has let pass.
#[inline]
pub(crate) fn slot_of(index: usize) -> u32 {
    u32::try_from(index).expect("an index below the number of records is a slot")
}

/// The table as it is saved: without links, which follow from the rest.
#[cfg(feature = "persistence")]
#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct OrdersImage {
    records: Vec<Record>,
    kept: Vec<u64>,
    base: u64,
    reduced: BTreeMap<u32, Quantity>,
}

#[cfg(feature = "persistence")]
impl Orders {
    pub(crate) fn to_image(&self) -> OrdersImage {
        OrdersImage {
            records: self.records.clone(),
            kept: self.kept.clone(),
            base: self.base,
            reduced: self.reduced.clone(),
        }
    }

    /// Takes the records over as they are; `check` and the links are the caller's.
    pub(crate) fn from_image(image: OrdersImage) -> Result<Self, String> {
        if u32::try_from(image.records.len()).is_err() {
            return Err("there are fewer than 2^32 records".to_owned());
        }
        let dense = image.records.len().checked_sub(image.kept.len());
        if dense
            .and_then(|dense| image.base.checked_add(dense as u64))
            .is_none()
        {
            return Err("ids fit in 64 bits".to_owned());
        }
        Ok(Self {
            records: image.records,
            kept: image.kept,
            base: image.base,
            reduced: image.reduced,
            finished: 0,
        })
    }

    /// Sets the count that an image leaves out.
    pub(crate) fn set_finished(&mut self, finished: usize) {
        self.finished = finished;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Order 2 rests, reduced from 5 to 3, and is kept from before the history was dropped;
    /// order 4 is filled, 5 cancelled, 6 rests and 7 is a stop.
    fn small_table() -> Orders {
        let mut orders = Orders::new();
        let push = |orders: &mut Orders, state, open_or_filled| {
            orders.push(Record {
                price: Price(100),
                original: 5,
                open_or_filled,
                timestamp: 1,
                next: NONE,
                prev: NONE,
                level: NONE,
                side: Side::Buy,
                time_in_force: TimeInForce::GTC,
                state,
                is_reduced: false,
            })
        };
        push(&mut orders, State::Filled, 5);
        let slot = push(&mut orders, State::Resting, 5);
        push(&mut orders, State::Filled, 5);
        orders.reduce(slot, 2);
        orders.compact(|record| record.state == State::Resting);
        push(&mut orders, State::Filled, 5);
        push(&mut orders, State::Cancelled, 1);
        push(&mut orders, State::Resting, 5);
        push(&mut orders, State::Stop, 0);
        orders.check().unwrap();
        orders
    }

    /// Each way to break the table, and what the check says of it.
    #[test]
    fn check_names_what_is_broken() {
        type Break = fn(&mut Orders);
        let breaks: &[(Break, &str)] = &[
            (
                |orders| orders.records.clear(),
                "every kept id has a record",
            ),
            (
                |orders| orders.kept[0] = 4,
                "kept ids ascend and stay below 4",
            ),
            (
                |orders| orders.kept = vec![2, 2],
                "kept ids ascend and stay below 4",
            ),
            (|orders| orders.kept[0] = 0, "ids start at 1"),
            (
                |orders| orders.records[0].is_reduced = false,
                "0 records are marked as reduced, the table has 1",
            ),
            (
                |orders| orders.reduced.clear(),
                "1 records are marked as reduced, the table has 0",
            ),
            (
                |orders| {
                    orders.reduced.clear();
                    orders.reduced.insert(3, 2);
                },
                "order 2: only a reduced resting order is marked",
            ),
            (
                |orders| {
                    orders.records[1].is_reduced = true;
                    orders.reduced.insert(1, 1);
                },
                "order 4: only a reduced resting order is marked",
            ),
            (
                |orders| {
                    orders.records[4].is_reduced = true;
                    orders.reduced.insert(4, 1);
                },
                "order 7: only a reduced resting order is marked",
            ),
            (
                |orders| {
                    orders.reduced.insert(0, 0);
                },
                "order 2: only a reduced resting order is marked",
            ),
            (
                |orders| orders.records[0].open_or_filled = 4,
                "order 2: original 5 = remaining + filled + cancelled",
            ),
            (
                |orders| orders.records[1].open_or_filled = 6,
                "order 4: original 5 = remaining + filled + cancelled",
            ),
            (
                |orders| orders.records[1].open_or_filled = 0,
                "order 4: a filled order has traded",
            ),
            (
                |orders| orders.records[2].open_or_filled = 5,
                "order 5: of a cancelled order not all has traded",
            ),
            (
                |orders| orders.records[3].time_in_force = TimeInForce::IOC,
                "order 6: only GTC orders rest",
            ),
        ];
        for (breaks, expected) in breaks {
            let mut orders = small_table();
            breaks(&mut orders);
            assert_eq!(orders.check(), Err((*expected).to_owned()));
        }
    }
}
