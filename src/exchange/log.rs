//! The event log: every accepted command, in 32 bytes each.

use super::pieces::{self, Pieces};
use crate::event::Event;
use crate::order::TrailMethod;
use crate::types::{OrderId, Price, Quantity, Side, TimeInForce};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "persistence", derive(serde::Serialize, serde::Deserialize))]
enum Kind {
    SubmitLimit,
    SubmitMarket,
    Cancel,
    Modify,
    Reduce,
    SubmitStopMarket,
    SubmitStopLimit,
    SubmitTrailingStopMarket,
    SubmitTrailingStopLimit,
}

/// An event as it is kept. Fields that a kind does not have are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "persistence", derive(serde::Serialize, serde::Deserialize))]
struct Entry {
    /// An order's limit, a modify's new limit, or a stop's price.
    price: i64,
    /// A stop's limit, or the order that a command refers to.
    second: u64,
    quantity: Quantity,
    /// A trailing stop's place in `EventLog::trails`.
    trail: u32,
    kind: Kind,
    side: Side,
    time_in_force: TimeInForce,
}

impl Entry {
    const EMPTY: Self = Self {
        price: 0,
        second: 0,
        quantity: 0,
        trail: 0,
        kind: Kind::Cancel,
        side: Side::Buy,
        time_in_force: TimeInForce::GTC,
    };

    /// Returns the entry of an event, and the trail that stands beside it.
    #[expect(
        clippy::inline_always,
        reason = "a known kind leaves a few stores of all this"
    )]
    #[inline(always)]
    fn new(event: &Event) -> (Self, Option<TrailMethod>) {
        let (kind, trail) = match *event {
            Event::SubmitLimit { .. } => (Kind::SubmitLimit, None),
            Event::SubmitMarket { .. } => (Kind::SubmitMarket, None),
            Event::Cancel { .. } => (Kind::Cancel, None),
            Event::Modify { .. } => (Kind::Modify, None),
            Event::Reduce { .. } => (Kind::Reduce, None),
            Event::SubmitStopMarket { .. } => (Kind::SubmitStopMarket, None),
            Event::SubmitStopLimit { .. } => (Kind::SubmitStopLimit, None),
            Event::SubmitTrailingStopMarket { trail_method, .. } => {
                (Kind::SubmitTrailingStopMarket, Some(trail_method))
            }
            Event::SubmitTrailingStopLimit { trail_method, .. } => {
                (Kind::SubmitTrailingStopLimit, Some(trail_method))
            }
        };
        let mut entry = Self {
            kind,
            ..Self::EMPTY
        };
        match *event {
            Event::SubmitLimit {
                side,
                price,
                quantity,
                time_in_force,
            } => {
                entry = Self {
                    side,
                    price: price.0,
                    quantity,
                    time_in_force,
                    ..entry
                };
            }
            Event::SubmitMarket { side, quantity } => {
                entry = Self {
                    quantity,
                    side,
                    ..entry
                };
            }
            Event::Cancel { order_id } => entry.second = order_id.0,
            Event::Modify {
                order_id,
                new_price,
                new_quantity,
            } => {
                entry.second = order_id.0;
                entry.price = new_price.0;
                entry.quantity = new_quantity;
            }
            Event::Reduce { order_id, quantity } => {
                entry.second = order_id.0;
                entry.quantity = quantity;
            }
            Event::SubmitStopMarket {
                side,
                stop_price,
                quantity,
            }
            | Event::SubmitTrailingStopMarket {
                side,
                initial_stop_price: stop_price,
                quantity,
                ..
            } => {
                entry = Self {
                    side,
                    price: stop_price.0,
                    quantity,
                    ..entry
                };
            }
            Event::SubmitStopLimit {
                side,
                stop_price,
                limit_price,
                quantity,
                time_in_force,
            }
            | Event::SubmitTrailingStopLimit {
                side,
                initial_stop_price: stop_price,
                limit_price,
                quantity,
                time_in_force,
                ..
            } => {
                entry = Self {
                    side,
                    price: stop_price.0,
                    quantity,
                    time_in_force,
                    ..entry
                };
                // Only valid stops are recorded, and their limits are positive.
                entry.second = limit_price.0.unsigned_abs();
            }
        }
        (entry, trail)
    }
}

/// The accepted commands of an exchange, oldest first.
///
/// ```
/// use nanobook::{Event, Exchange, Side};
/// let mut exchange = Exchange::new();
/// exchange.submit_market(Side::Buy, 5);
/// let events = exchange.events();
/// assert_eq!(events.len(), 1);
/// assert_eq!(events.get(0), Some(Event::SubmitMarket { side: Side::Buy, quantity: 5 }));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct EventLog {
    entries: Pieces<Entry>,
    trails: Vec<TrailMethod>,
    is_on: bool,
    /// Whether every command since the exchange was new is here.
    is_complete: bool,
}

impl EventLog {
    pub(crate) const fn new(is_on: bool) -> Self {
        Self {
            entries: Pieces::new(),
            trails: Vec::new(),
            is_on,
            is_complete: is_on,
        }
    }

    /// Makes room for so many events in a new log.
    pub(crate) fn reserve(&mut self, events: usize) {
        if self.is_on {
            self.entries.reserve(events, Entry::EMPTY);
        }
    }

    pub(crate) const fn is_on(&self) -> bool {
        self.is_on
    }

    /// Returns whether the log leads to the present state: it was on from the start and never
    /// cleared.
    pub const fn is_complete(&self) -> bool {
        self.is_complete
    }

    pub(crate) fn clear(&mut self) {
        self.is_complete &= self.is_empty();
        self.entries = Pieces::new();
        self.trails = Vec::new();
    }

    #[expect(
        clippy::inline_always,
        reason = "a known kind leaves a few stores of all this"
    )]
    #[inline(always)]
    pub(crate) fn record(&mut self, event: &Event) {
        if self.is_on {
            self.push(event);
        }
    }

    #[expect(
        clippy::inline_always,
        reason = "a known kind leaves a few stores of all this"
    )]
    #[inline(always)]
    fn push(&mut self, event: &Event) {
        let (mut entry, trail) = Entry::new(event);
        if let Some(trail_method) = trail {
            entry.trail = u32::try_from(self.trails.len())
                .expect("a log keeps fewer than 2^32 trailing stops; clear it in between");
            self.trails.push(trail_method);
        }
        self.entries.push(entry);
    }

    /// Returns how many events there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the event at an index, from 0.
    #[inline]
    pub fn get(&self, index: usize) -> Option<Event> {
        Some(self.event(self.entries.get(index)?))
    }

    /// Returns the events, oldest first.
    pub fn iter(&self) -> EventLogIter<'_> {
        EventLogIter {
            log: self,
            entries: self.entries.iter(),
        }
    }

    /// Returns the events as a list.
    pub fn to_vec(&self) -> Vec<Event> {
        self.iter().collect()
    }

    #[inline]
    fn event(&self, entry: &Entry) -> Event {
        let Entry {
            side,
            quantity,
            time_in_force,
            ..
        } = *entry;
        let price = Price(entry.price);
        let order_id = OrderId(entry.second);
        // Only valid stops are recorded, and their limits are positive.
        let limit_price = Price(i64::try_from(entry.second).unwrap_or(i64::MAX));
        match entry.kind {
            Kind::SubmitLimit => Event::SubmitLimit {
                side,
                price,
                quantity,
                time_in_force,
            },
            Kind::SubmitMarket => Event::SubmitMarket { side, quantity },
            Kind::Cancel => Event::Cancel { order_id },
            Kind::Modify => Event::Modify {
                order_id,
                new_price: price,
                new_quantity: quantity,
            },
            Kind::Reduce => Event::Reduce { order_id, quantity },
            Kind::SubmitStopMarket => Event::SubmitStopMarket {
                side,
                stop_price: price,
                quantity,
            },
            Kind::SubmitStopLimit => Event::SubmitStopLimit {
                side,
                stop_price: price,
                limit_price,
                quantity,
                time_in_force,
            },
            Kind::SubmitTrailingStopMarket => Event::SubmitTrailingStopMarket {
                side,
                initial_stop_price: price,
                quantity,
                trail_method: self.trails[entry.trail as usize],
            },
            Kind::SubmitTrailingStopLimit => Event::SubmitTrailingStopLimit {
                side,
                initial_stop_price: price,
                limit_price,
                quantity,
                time_in_force,
                trail_method: self.trails[entry.trail as usize],
            },
        }
    }
}

/// A log as a part of a saved state.
#[cfg(feature = "persistence")]
#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct LogImage {
    entries: Pieces<Entry>,
    trails: Vec<TrailMethod>,
    is_on: bool,
    is_complete: bool,
}

#[cfg(feature = "persistence")]
impl LogImage {
    pub(crate) fn new(log: &EventLog) -> Self {
        let EventLog {
            entries,
            trails,
            is_on,
            is_complete,
        } = log.clone();
        Self {
            entries,
            trails,
            is_on,
            is_complete,
        }
    }

    /// Returns the log, unless it could not have become what it is.
    pub(crate) fn into_log(self) -> Result<EventLog, String> {
        let trailing = self.entries.iter().filter(|entry| {
            matches!(
                entry.kind,
                Kind::SubmitTrailingStopMarket | Kind::SubmitTrailingStopLimit
            )
        });
        let mut places = trailing.map(|entry| entry.trail as usize);
        if !(0..self.trails.len()).all(|place| places.next() == Some(place))
            || places.next().is_some()
        {
            return Err("every trailing stop in the log has its trail".to_owned());
        }
        if !self.is_on && (self.is_complete || self.entries.len() > 0) {
            return Err("a log that is off is empty and incomplete".to_owned());
        }
        Ok(EventLog {
            entries: self.entries,
            trails: self.trails,
            is_on: self.is_on,
            is_complete: self.is_complete,
        })
    }
}

impl<'a> IntoIterator for &'a EventLog {
    type Item = Event;
    type IntoIter = EventLogIter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The events of a log, oldest first.
#[derive(Clone, Debug)]
pub struct EventLogIter<'a> {
    log: &'a EventLog,
    entries: pieces::Iter<'a, Entry>,
}

impl Iterator for EventLogIter<'_> {
    type Item = Event;

    #[inline]
    fn next(&mut self) -> Option<Event> {
        self.entries.next().map(|entry| self.log.event(entry))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

impl ExactSizeIterator for EventLogIter<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_fits_in_32_bytes() {
        assert_eq!(size_of::<Entry>(), 32);
    }

    #[test]
    fn every_kind_of_event_comes_back_as_it_went_in() {
        let (side, quantity, time_in_force) = (Side::Sell, 7, TimeInForce::FOK);
        let price = Price(11);
        let limit_price = Price(13);
        let order_id = OrderId(u64::MAX);
        let atr = TrailMethod::Atr {
            multiplier: 1.5,
            period: 14,
        };
        let events = [
            Event::SubmitLimit {
                side,
                price,
                quantity,
                time_in_force,
            },
            Event::SubmitMarket { side, quantity },
            Event::Cancel { order_id },
            Event::Modify {
                order_id,
                new_price: Price::MIN,
                new_quantity: 0,
            },
            Event::Reduce { order_id, quantity },
            Event::SubmitStopMarket {
                side,
                stop_price: price,
                quantity,
            },
            Event::SubmitStopLimit {
                side,
                stop_price: price,
                limit_price,
                quantity,
                time_in_force,
            },
            Event::SubmitTrailingStopMarket {
                side,
                initial_stop_price: price,
                quantity,
                trail_method: TrailMethod::Fixed(3),
            },
            Event::SubmitTrailingStopLimit {
                side,
                initial_stop_price: price,
                limit_price,
                quantity,
                time_in_force,
                trail_method: atr,
            },
        ];
        let mut log = EventLog::new(true);
        for event in &events {
            log.record(event);
        }
        assert_eq!(log.to_vec(), events);
        assert_eq!(log.get(8), Some(events[8]));
        assert_eq!(log.get(9), None);
    }
}
