//! Saved exchanges: the whole state as bytes, the event log as JSON Lines.
//!
//! `docs/event-log.md` describes both formats.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use xxhash_rust::xxh3::Xxh3;

use super::log::LogImage;
use super::stop::{PriceChanges, StopBook};
use super::{Exchange, check_price, check_quantity, check_stop};
use crate::book::{Book, Orders, OrdersImage, State, slot_of};
use crate::error::{PersistenceError, ValidationError};
use crate::event::Event;
use crate::matching::Tape;
use crate::order::{StopOrder, StopStatus, TrailMethod};
use crate::persist::{self, Frame};
use crate::trade::Trade;
use crate::types::Price;

const FRAME: Frame = Frame {
    magic: *b"nanobkEX",
    version: 1,
};

const FORMAT: &str = "nanobook-events";
const VERSION: u32 = 1;

/// No exchange counts this far, and one that says so would overflow with the orders to come.
const COUNTER_MAX: u64 = u64::MAX / 2;

const NOT_OBJECTS: &str = "not an event: it must be an object, with its values by name";

/// No line of a saved log is longer; what is, is not read into memory.
const LINE_MAX: u64 = 1024;

/// The whole state without what follows from it: links, indices and sums.
#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct ExchangeImage {
    orders: OrdersImage,
    stops: Vec<StopOrder>,
    trades: Vec<Trade>,
    last_trade_id: u64,
    clock: u64,
    last_trade_price: Option<Price>,
    changes: PriceChanges,
    trade_hash: u64,
    log: LogImage,
}

/// The first line of a saved log.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: String,
    version: u32,
}

/// The last line of a saved log.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Footer {
    count: u64,
    /// XXH3 of all bytes before this line, as 16 hexadecimal digits.
    checksum: String,
}

impl Event {
    /// Returns the event as one line of JSON: `kind` and the fields by name.
    ///
    /// ```
    /// use nanobook::{Event, Side};
    /// let event = Event::SubmitMarket { side: Side::Buy, quantity: 5 };
    /// assert_eq!(event.to_json(), r#"{"kind":"submit_market","side":"buy","quantity":5}"#);
    /// assert_eq!(Event::from_json(&event.to_json())?, event);
    /// # Ok::<(), nanobook::PersistenceError>(())
    /// ```
    #[expect(
        clippy::missing_panics_doc,
        reason = "serialising plain fields cannot fail"
    )]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("an event has a JSON form")
    }

    /// Returns the event that [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    ///
    /// [`PersistenceError::Malformed`] for text that is not one event.
    pub fn from_json(text: &str) -> Result<Self, PersistenceError> {
        let event: Self = serde_json::from_str(text)
            .map_err(|error| PersistenceError::malformed(format!("not an event: {error}")))?;
        if !event.has_form_of(text) {
            return Err(PersistenceError::malformed(NOT_OBJECTS));
        }
        Ok(event)
    }

    /// Returns whether the text that gave this event is made of objects, as the format says. The
    /// parser also takes a list of values for an object, and `{"buy":null}` for `"buy"`.
    fn has_form_of(&self, text: &str) -> bool {
        let objects = match self {
            Self::SubmitTrailingStopMarket { trail_method, .. }
            | Self::SubmitTrailingStopLimit { trail_method, .. } => match trail_method {
                TrailMethod::Fixed(_) | TrailMethod::Percentage(_) => 2,
                TrailMethod::Atr { .. } => 3,
            },
            _ => 1,
        };
        // No name and no value of an event has a bracket in it, and the deepest has five pairs. Sums
        // of bytes that may wrap are those that the compiler adds sixteen at a time.
        let brackets = text.bytes().fold(0_u8, |sum, byte| {
            let one = u8::from(byte == b'{');
            let many = u8::from(byte == b'[') << 4;
            sum.wrapping_add(one | many)
        });
        brackets == objects
    }
}

impl Exchange {
    /// Returns the whole state, versioned and checksummed, whether or not events are logged.
    pub fn to_bytes(&self) -> Vec<u8> {
        persist::to_frame(FRAME, &self.to_image())
    }

    /// Returns the state that [`to_bytes`](Self::to_bytes) gave, equal in every observable way.
    ///
    /// # Errors
    ///
    /// [`PersistenceError::Malformed`] for bytes that are damaged or of another version.
    ///
    /// ```
    /// use nanobook::{Exchange, Price, Side, TimeInForce};
    /// let mut exchange = Exchange::new();
    /// exchange.submit_limit(Side::Buy, Price(100_00), 10, TimeInForce::GTC);
    /// let mut bytes = exchange.to_bytes();
    /// assert_eq!(Exchange::from_bytes(&bytes)?, exchange);
    /// bytes[20] ^= 1;
    /// assert!(Exchange::from_bytes(&bytes).is_err());
    /// # Ok::<(), nanobook::PersistenceError>(())
    /// ```
    pub fn from_bytes(data: &[u8]) -> Result<Self, PersistenceError> {
        Self::from_image(persist::from_frame(FRAME, data)?)
    }

    pub(crate) fn to_image(&self) -> ExchangeImage {
        ExchangeImage {
            orders: self.book.orders.to_image(),
            stops: self.stops.iter().copied().collect(),
            trades: self.tape.trades.clone(),
            last_trade_id: self.tape.last_id,
            clock: self.tape.clock,
            last_trade_price: self.last_trade_price,
            changes: self.changes.clone(),
            trade_hash: self.running_trade_hash(),
            log: LogImage::new(&self.log),
        }
    }

    pub(crate) fn from_image(image: ExchangeImage) -> Result<Self, PersistenceError> {
        Self::rebuild(image).map_err(|reason| {
            PersistenceError::malformed(format!("the data contradicts itself: {reason}"))
        })
    }

    fn rebuild(image: ExchangeImage) -> Result<Self, String> {
        let log = image.log.into_log()?;
        for (index, event) in log.iter().enumerate() {
            check_event(&event).map_err(|error| format!("event {index}: {error}"))?;
        }
        image.changes.check()?;
        let mut orders = Orders::from_image(image.orders)?;
        let counters = [orders.next_id().0, image.last_trade_id, image.clock];
        if counters.iter().any(|counter| *counter > COUNTER_MAX) {
            return Err("ids and timestamps leave room for those to come".to_owned());
        }
        let mut stops = image.stops.iter();
        let mut finished = 0;
        for slot in orders.slots() {
            let is_open = match orders.record(slot).state {
                State::Resting => true,
                State::Filled | State::Cancelled => false,
                State::Stop => {
                    let place = slot_of(image.stops.len() - stops.len());
                    let Some(stop) = stops.next() else {
                        return Err("every stop record has its stop".to_owned());
                    };
                    check_stop(
                        stop.stop_price,
                        stop.limit_price,
                        stop.quantity,
                        stop.trail_method,
                    )
                    .map_err(|error| format!("stop {}: {error}", stop.id))?;
                    orders.record_mut(slot).level = place;
                    stop.status == StopStatus::Pending
                }
            };
            finished += usize::from(!is_open);
        }
        orders.set_finished(finished);
        let exchange = Self {
            book: Book::from_orders(orders)?,
            hashed: image.trades.len(),
            tape: Tape {
                trades: image.trades,
                last_id: image.last_trade_id,
                clock: image.clock,
            },
            last_trade_price: image.last_trade_price,
            stops: StopBook::from_stops(image.stops, &image.changes),
            changes: image.changes,
            log,
            trade_hash: image.trade_hash,
        };
        exchange.check()?;
        Ok(exchange)
    }

    /// Writes the event log to a file of JSON Lines: a header, an event a line, and a last line
    /// with count and checksum. A crash leaves the old file or the new one.
    ///
    /// # Errors
    ///
    /// [`PersistenceError::IncompleteLog`] when events were not logged or were cleared,
    /// [`PersistenceError::Io`] from the file system.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), PersistenceError> {
        if !self.log.is_complete() {
            return Err(PersistenceError::IncompleteLog);
        }
        persist::write_atomically(path.as_ref(), |file| {
            let mut hasher = Xxh3::new();
            let mut put = |line: &str| {
                hasher.update(line.as_bytes());
                hasher.update(b"\n");
                file.write_all(line.as_bytes())?;
                file.write_all(b"\n")
            };
            put(&header_line())?;
            for event in &self.log {
                put(&event.to_json())?;
            }
            let footer = footer_line(self.log.len() as u64, &hasher);
            file.write_all(footer.as_bytes())?;
            file.write_all(b"\n")
        })?;
        Ok(())
    }

    /// Returns the exchange that a saved log leads to.
    ///
    /// # Errors
    ///
    /// [`PersistenceError::Malformed`] names the line that is wrong, or says that the checksum
    /// does not fit; [`PersistenceError::Io`] comes from the file system.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, PersistenceError> {
        let mut lines = Lines::new(File::open(path)?);
        let Some(header) = lines.next_line()? else {
            return Err(PersistenceError::at_line(1, "the file is empty"));
        };
        check_header(header)?;
        let mut exchange = Self::new();
        loop {
            let hasher = lines.hasher.clone();
            let count = lines.number - 1;
            let number = lines.number + 1;
            let Some(line) = lines.next_line()? else {
                return Err(PersistenceError::at_line(
                    number,
                    "the last line, with count and checksum, is missing: the file is cut",
                ));
            };
            if line.starts_with("{\"count\"") {
                check_footer(line, count, &hasher, number)?;
                break;
            }
            let event: Event = serde_json::from_str(line).map_err(|error| {
                // The parser's own place is always its line 1.
                let reason = error.to_string();
                let reason = reason.split(" at line 1 ").next().unwrap_or_default();
                PersistenceError::at_line(number, format!("not an event: {reason}"))
            })?;
            if !event.has_form_of(line) {
                return Err(PersistenceError::at_line(number, NOT_OBJECTS));
            }
            exchange
                .apply(&event)
                .map_err(|error| PersistenceError::at_line(number, error.to_string()))?;
        }
        if lines.next_line()?.is_some() {
            return Err(PersistenceError::at_line(
                lines.number,
                "nothing follows the line with the checksum",
            ));
        }
        Ok(exchange)
    }
}

/// Checks that some exchange accepts an event; a side's total is not looked at.
fn check_event(event: &Event) -> Result<(), ValidationError> {
    match *event {
        Event::SubmitLimit {
            price, quantity, ..
        } => {
            check_quantity(quantity)?;
            check_price(price, quantity)
        }
        Event::SubmitMarket { quantity, .. } | Event::Reduce { quantity, .. } => {
            check_quantity(quantity)
        }
        Event::Cancel { .. } | Event::Modify { .. } => Ok(()),
        Event::SubmitStopMarket {
            stop_price,
            quantity,
            ..
        } => check_stop(stop_price, None, quantity, None),
        Event::SubmitStopLimit {
            stop_price,
            limit_price,
            quantity,
            ..
        } => check_stop(stop_price, Some(limit_price), quantity, None),
        Event::SubmitTrailingStopMarket {
            initial_stop_price,
            quantity,
            trail_method,
            ..
        } => check_stop(initial_stop_price, None, quantity, Some(trail_method)),
        Event::SubmitTrailingStopLimit {
            initial_stop_price,
            limit_price,
            quantity,
            trail_method,
            ..
        } => check_stop(
            initial_stop_price,
            Some(limit_price),
            quantity,
            Some(trail_method),
        ),
    }
}

fn header_line() -> String {
    to_line(&Header {
        format: FORMAT.to_owned(),
        version: VERSION,
    })
}

fn footer_line(count: u64, hasher: &Xxh3) -> String {
    to_line(&Footer {
        count,
        checksum: format!("{:016x}", hasher.digest()),
    })
}

fn to_line(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("a line of a log has a JSON form")
}

fn check_header(line: &str) -> Result<(), PersistenceError> {
    if line == header_line() {
        return Ok(());
    }
    Err(match serde_json::from_str::<Header>(line) {
        Ok(header) if header.format == FORMAT && header.version != VERSION => {
            PersistenceError::at_line(
                1,
                format!(
                    "the log has version {}; this version of nanobook reads {VERSION}",
                    header.version
                ),
            )
        }
        _ => PersistenceError::at_line(1, format!("the header must be {}", header_line())),
    })
}

fn check_footer(
    line: &str,
    count: u64,
    hasher: &Xxh3,
    number: u64,
) -> Result<(), PersistenceError> {
    let expected = footer_line(count, hasher);
    if line == expected {
        return Ok(());
    }
    let reason = match serde_json::from_str::<Footer>(line) {
        Ok(footer) if footer.count != count => {
            format!(
                "there are {count} events and the last line counts {}",
                footer.count
            )
        }
        Ok(footer) => format!(
            "the checksum {} does not fit: a line before was changed",
            footer.checksum
        ),
        Err(error) => format!("not a last line: {error}"),
    };
    Err(PersistenceError::at_line(number, reason))
}

/// The lines of a file, hashed as they are read.
struct Lines {
    reader: BufReader<File>,
    buffer: Vec<u8>,
    hasher: Xxh3,
    /// The number of the line read last, from 1.
    number: u64,
}

impl Lines {
    fn new(file: File) -> Self {
        Self {
            reader: BufReader::new(file),
            buffer: Vec::new(),
            hasher: Xxh3::new(),
            number: 0,
        }
    }

    /// Returns the next line without its end, or `None` at the end of the file.
    fn next_line(&mut self) -> Result<Option<&str>, PersistenceError> {
        self.buffer.clear();
        let mut limited = self.reader.by_ref().take(LINE_MAX);
        let len = limited.read_until(b'\n', &mut self.buffer)?;
        if len == 0 {
            return Ok(None);
        }
        self.number += 1;
        if self.buffer.last() != Some(&b'\n') {
            let reason = if len as u64 == LINE_MAX {
                format!("the line is longer than {LINE_MAX} bytes")
            } else {
                "the line has no end: the file is cut".to_owned()
            };
            return Err(PersistenceError::at_line(self.number, reason));
        }
        self.hasher.update(&self.buffer);
        self.buffer.pop();
        match std::str::from_utf8(&self.buffer) {
            Ok(line) => Ok(Some(line)),
            Err(error) => Err(PersistenceError::at_line(self.number, error.to_string())),
        }
    }
}
