//! NASDAQ `TotalView-ITCH` 5.0: binary messages, each behind its length of two bytes.
//!
//! Source: "Nasdaq TotalView-ITCH 5.0", sections 3 (data types: big-endian, prices of four
//! decimals) and 4 (messages); `BinaryFILE` for the lengths.

use std::io::{BufRead, ErrorKind, Read};
use std::path::Path;

use super::input::{self, Input};
use super::{FeedError, FeedKind, FeedMessage};
use crate::types::{Price, Quantity, Side, Symbol};

/// How many messages are left out between two looks at whether to stop.
const STOP_EVERY: u32 = 1 << 16;

/// The bytes of a message's length.
const PREFIX: usize = 2;

/// The longest message: an order imbalance.
const LEN_MAX: usize = 50;

/// Returns how long a message of this type is; nothing for a type that does not exist.
const fn len_of(code: u8) -> Option<usize> {
    Some(match code {
        b'S' | b'W' => 12,
        b'D' | b'B' => 19,
        b'Y' | b'N' => 20,
        b'h' => 21,
        b'X' => 23,
        b'H' => 25,
        b'L' => 26,
        b'K' => 28,
        b'E' => 31,
        b'V' | b'J' | b'U' => 35,
        b'A' | b'C' => 36,
        b'R' => 39,
        b'F' | b'Q' => 40,
        b'P' => 44,
        b'O' => 48,
        b'I' => 50,
        _ => return None,
    })
}

/// A message, and what comes behind it where it is short.
type Message = [u8; LEN_MAX];

/// Returns how long the message is whose length and type these are.
#[inline]
fn len_of_message([high, low, code]: [u8; 3], offset: u64) -> Result<usize, FeedError> {
    let told = usize::from(u16::from_be_bytes([high, low]));
    match len_of(code) {
        // Some writers leave the length at 0.
        Some(len) if told == len || told == 0 => Ok(len),
        known => Err(wrong_len(code, told, known, offset)),
    }
}

#[cold]
fn wrong_len(code: u8, told: usize, known: Option<usize>, offset: u64) -> FeedError {
    let shown = char::from(code);
    let reason = known.map_or_else(
        || format!("message type {shown:?} (byte {code}): not one of TotalView-ITCH 5.0"),
        |len| format!("length {told}: a message of type {shown:?} has {len} bytes"),
    );
    FeedError::malformed(offset, reason)
}

/// Reads NASDAQ `TotalView-ITCH` 5.0 as a stream, plain or (from a path) gzip.
///
/// ```
/// use nanobook::{FeedKind, ItchReader, Price, Side, Symbol};
/// // An order to buy 100 shares of instrument 13 at $320.14, one nanosecond after midnight.
/// let mut file = vec![0, 36, b'A', 0, 13, 0, 0, 0, 0, 0, 0, 0, 1];
/// file.extend(7_u64.to_be_bytes());
/// file.push(b'B');
/// file.extend(100_u32.to_be_bytes());
/// file.extend(b"AAPL    ");
/// file.extend(320_1400_u32.to_be_bytes());
///
/// let mut reader = ItchReader::new(&file[..]);
/// let message = reader.next().expect("there is a message")?;
/// assert_eq!(message.kind, FeedKind::Add);
/// assert_eq!((message.instrument, message.reference), (13, 7));
/// assert_eq!(message.side, Some(Side::Buy));
/// assert_eq!(message.price, Some(Price(320_1400)));
/// assert_eq!(message.quantity, 100);
/// assert!(reader.next().is_none());
/// # Ok::<(), nanobook::FeedError>(())
/// ```
pub struct ItchReader<R = Input> {
    input: R,
    /// Where the next message begins.
    offset: u64,
    /// Whether an error or the end has been seen.
    is_done: bool,
    /// By instrument, as far as the directory messages have told.
    symbols: Vec<Option<Symbol>>,
    /// The symbols that are asked for; all if there are none.
    wanted: Vec<Symbol>,
    /// By instrument, whether its symbol is asked for.
    is_wanted: Vec<bool>,
}

impl<R> std::fmt::Debug for ItchReader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ItchReader")
            .field("offset", &self.offset)
            .field("wanted", &self.wanted)
            .finish_non_exhaustive()
    }
}

impl ItchReader {
    /// Opens a file, plain or gzip.
    ///
    /// # Errors
    ///
    /// [`FeedError::Io`] where the file cannot be opened.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, FeedError> {
        input::open(path.as_ref()).map(Self::new)
    }
}

impl<R: BufRead> ItchReader<R> {
    /// Reads from anything that has a buffer.
    pub const fn new(input: R) -> Self {
        Self {
            input,
            offset: 0,
            is_done: false,
            symbols: Vec::new(),
            wanted: Vec::new(),
            is_wanted: Vec::new(),
        }
    }

    /// Yields the messages of these symbols alone; those of all where the list is empty.
    ///
    /// Which instrument a symbol is, its directory message tells, at the start of the day: what
    /// comes before that is left out too.
    #[must_use]
    pub fn with_symbols(mut self, symbols: &[Symbol]) -> Self {
        self.wanted = symbols.to_vec();
        self.is_wanted = self
            .symbols
            .iter()
            .map(|symbol| symbol.is_some_and(|symbol| symbols.contains(&symbol)))
            .collect();
        self
    }

    /// Returns how many bytes have been read, after decompression: where the next message begins.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns the symbol of an instrument, once its directory message has been read.
    pub fn symbol(&self, instrument: u16) -> Option<Symbol> {
        *self.symbols.get(usize::from(instrument))?
    }

    /// Reads the next message into `message`, and returns whether there was one.
    ///
    /// What the iterator does, for those who read many: the message is not moved.
    ///
    /// # Errors
    ///
    /// [`FeedError`]; after it there is nothing more.
    #[inline]
    pub fn read_message(&mut self, message: &mut FeedMessage) -> Result<bool, FeedError> {
        self.read_message_until(message, || false)
    }

    /// Reads as [`read_message`](Self::read_message) does, unless `stop` says to stop: it is asked
    /// once in 65,536 messages of symbols that are left out.
    ///
    /// # Errors
    ///
    /// [`FeedError::Interrupted`] where it said so; the next call goes on.
    #[inline]
    pub fn read_message_until(
        &mut self,
        message: &mut FeedMessage,
        stop: impl FnMut() -> bool,
    ) -> Result<bool, FeedError> {
        if self.is_done {
            return Ok(false);
        }
        let found = self.read(message, stop);
        self.is_done = !matches!(found, Ok(true) | Err(FeedError::Interrupted));
        found
    }

    fn read(
        &mut self,
        message: &mut FeedMessage,
        mut stop: impl FnMut() -> bool,
    ) -> Result<bool, FeedError> {
        let mut left_out = 0;
        loop {
            let start = self.offset;
            if left_out == STOP_EVERY {
                if stop() {
                    return Err(FeedError::Interrupted);
                }
                left_out = 0;
            }
            let available = match self.input.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(input::error(start, error)),
            };
            // Nearly every message lies in the buffer with room behind it, for the longest one.
            let (bytes, len) = if let Some(bytes) = available.first_chunk() {
                let bytes: [u8; PREFIX + LEN_MAX] = *bytes;
                let len = len_of_message([bytes[0], bytes[1], bytes[2]], start)?;
                self.input.consume(PREFIX + len);
                (bytes, len)
            } else if let Some(found) = self.read_pieces()? {
                found
            } else {
                return Ok(false);
            };
            let bytes = bytes.last_chunk().expect("the prefix is shorter");
            self.offset += (PREFIX + len) as u64;
            let instrument = u16::from_be_bytes([bytes[1], bytes[2]]);
            if bytes[0] == b'R' {
                self.learn(instrument, bytes, start)?;
            }
            let is_wanted = self.wanted.is_empty()
                || self.is_wanted.get(usize::from(instrument)) == Some(&true);
            if is_wanted {
                return match decode(bytes, message) {
                    Ok(()) => Ok(true),
                    Err(reason) => Err(FeedError::malformed(start, reason)),
                };
            }
            left_out += 1;
        }
    }

    /// Reads a message where a buffer ends, and returns it with its length.
    #[cold]
    fn read_pieces(&mut self) -> Result<Option<([u8; PREFIX + LEN_MAX], usize)>, FeedError> {
        let offset = self.offset;
        let mut bytes = [0; PREFIX + LEN_MAX];
        let mut fill = |bytes: &mut [u8]| {
            fill(&mut self.input, bytes).map_err(|error| input::error(offset, error))
        };
        match fill(&mut bytes[..=PREFIX])? {
            0 => return Ok(None),
            // A length of 0 at the end is how a file says that it ends.
            PREFIX if bytes[..PREFIX] == [0; PREFIX] => {
                self.offset += PREFIX as u64;
                return Ok(None);
            }
            read if read > PREFIX => {}
            _ => return Err(FeedError::malformed(offset, "the file is cut in a message")),
        }
        let len = len_of_message([bytes[0], bytes[1], bytes[2]], offset)?;
        let rest = &mut bytes[PREFIX + 1..PREFIX + len];
        let read = fill(rest)?;
        if read < rest.len() {
            let reason = format!(
                "the file is cut: a message of type {:?} has {len} bytes, and {} are left",
                char::from(bytes[PREFIX]),
                read + 1
            );
            return Err(FeedError::malformed(offset, reason));
        }
        Ok(Some((bytes, len)))
    }

    /// Notes which symbol an instrument is.
    fn learn(&mut self, instrument: u16, message: &Message, start: u64) -> Result<(), FeedError> {
        let name = message[11..19].trim_ascii_end();
        let symbol = std::str::from_utf8(name)
            .ok()
            .and_then(|name| Symbol::try_new(name).ok())
            .ok_or_else(|| {
                let reason = format!("stock \"{}\": must be printable ASCII", name.escape_ascii());
                FeedError::malformed(start, reason)
            })?;
        let index = usize::from(instrument);
        if index >= self.symbols.len() {
            self.symbols.resize(index + 1, None);
            self.is_wanted.resize(index + 1, false);
        }
        self.symbols[index] = Some(symbol);
        self.is_wanted[index] = self.wanted.contains(&symbol);
        Ok(())
    }
}

impl<R: BufRead> Iterator for ItchReader<R> {
    type Item = Result<FeedMessage, FeedError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut message = FeedMessage::default();
        match self.read_message(&mut message) {
            Ok(true) => Some(Ok(message)),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

impl<R: BufRead> std::iter::FusedIterator for ItchReader<R> {}

/// Reads until the buffer is full or there is nothing more, and returns how much that was.
#[inline]
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match input.read(&mut buffer[read..]) {
            Ok(0) => break,
            Ok(len) => read += len,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

/// Returns the big-endian number of `LEN` bytes at an offset.
#[inline]
fn number<const LEN: usize>(message: &Message, offset: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes[8 - LEN..].copy_from_slice(&message[offset..][..LEN]);
    u64::from_be_bytes(bytes)
}

#[inline]
fn price(message: &Message, offset: usize) -> Price {
    let [a, b, c, d] = [0, 1, 2, 3].map(|place| message[offset + place]);
    Price(u32::from_be_bytes([a, b, c, d]).into())
}

#[inline]
fn side(message: &Message) -> Result<Side, String> {
    match message[19] {
        b'B' => Ok(Side::Buy),
        b'S' => Ok(Side::Sell),
        other => Err(format!(
            "side {:?} (byte {other}): must be 'B' or 'S'",
            char::from(other)
        )),
    }
}

/// Reads what a message tells.
#[inline]
fn decode(bytes: &Message, message: &mut FeedMessage) -> Result<(), String> {
    let reference = || number::<8>(bytes, 11);
    let shares = |offset| -> Quantity { number::<4>(bytes, offset) };
    *message = FeedMessage {
        venue_code: bytes[0],
        timestamp_ns: number::<6>(bytes, 5),
        instrument: u16::from_be_bytes([bytes[1], bytes[2]]),
        ..FeedMessage::default()
    };
    match bytes[0] {
        code @ (b'A' | b'F' | b'P') => {
            message.kind = if code == b'P' {
                FeedKind::HiddenTrade
            } else {
                FeedKind::Add
            };
            message.reference = reference();
            message.side = Some(side(bytes)?);
            message.quantity = shares(20);
            message.price = Some(price(bytes, 32));
        }
        b'E' => {
            message.kind = FeedKind::Execute;
            message.reference = reference();
            message.quantity = shares(19);
        }
        b'C' => {
            message.kind = FeedKind::Execute;
            message.reference = reference();
            message.quantity = shares(19);
            message.price = Some(price(bytes, 32));
        }
        b'X' => {
            message.kind = FeedKind::Reduce;
            message.reference = reference();
            message.quantity = shares(19);
        }
        b'D' => {
            message.kind = FeedKind::Delete;
            message.reference = reference();
        }
        b'U' => {
            message.kind = FeedKind::Replace;
            message.reference = reference();
            message.new_reference = number::<8>(bytes, 19);
            message.quantity = shares(27);
            message.price = Some(price(bytes, 31));
        }
        b'Q' => {
            message.kind = FeedKind::Cross;
            message.quantity = number::<8>(bytes, 11);
            message.price = Some(price(bytes, 27));
        }
        b'H' => {
            message.kind = match bytes[19] {
                b'H' | b'P' => FeedKind::Halt,
                b'Q' => FeedKind::QuoteOnly,
                b'T' => FeedKind::Resume,
                other => {
                    return Err(format!(
                        "trading state {:?} (byte {other}): must be 'H', 'P', 'Q' or 'T'",
                        char::from(other)
                    ));
                }
            };
        }
        _ => {}
    }
    Ok(())
}
