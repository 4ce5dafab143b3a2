//! LOBSTER: a day of one NASDAQ stock as two text files, the messages and the book after each.
//!
//! Source: "LOBSTER: output structure" (lobsterdata.com), both files. A depth-N message file has
//! only what touches the N best levels. `direction` is the side of the resting order, also of one
//! that trades.

use std::io::{BufRead, Read};
use std::path::Path;

use super::input::{self, Input};
use super::{FeedError, FeedKind, FeedMessage};
use crate::book::{BookSnapshot, LevelSnapshot};
use crate::types::{Price, Quantity, Side};

/// The longest line: a book of 500 levels has less than half of it.
const LINE_MAX: usize = 1 << 16;

/// Lines of a file, and where each begins.
struct Lines<R> {
    input: R,
    /// Where the next line begins.
    offset: u64,
    /// The number of the line that was read last, from 1.
    number: u64,
    line: Vec<u8>,
    is_done: bool,
}

impl<R: BufRead> Lines<R> {
    const fn new(input: R) -> Self {
        Self {
            input,
            offset: 0,
            number: 0,
            line: Vec::new(),
            is_done: false,
        }
    }

    /// Reads the next line and returns what `parse` makes of it; nothing at the end of the file,
    /// or after an error.
    fn next<T>(
        &mut self,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, FeedError> {
        if self.is_done {
            return Ok(None);
        }
        self.is_done = true;
        let start = self.offset;
        self.line.clear();
        let read = (&mut self.input)
            .take(LINE_MAX as u64)
            .read_until(b'\n', &mut self.line)
            .map_err(|error| input::error(start, error))?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        let number = self.number;
        let at_line = |reason| FeedError::malformed(start, format!("line {number}: {reason}"));
        let line = match self.line.as_slice() {
            [line @ .., b'\r', b'\n'] | [line @ .., b'\n'] => line,
            line if line.len() < LINE_MAX => line,
            _ => return Err(at_line(format!("is longer than {LINE_MAX} bytes"))),
        };
        let line = std::str::from_utf8(line)
            .map_err(|_| at_line(format!("\"{}\": is no text", line.escape_ascii())))?;
        let parsed = parse(line).map_err(at_line)?;
        self.offset += read as u64;
        self.is_done = false;
        Ok(Some(parsed))
    }
}

/// Reads a LOBSTER message file as a stream, plain or (from a path) gzip.
///
/// ```
/// use nanobook::{FeedKind, LobsterReader, Price, Side};
/// let file = "34200.18960767,1,11885113,21,2238100,1\n";
/// let mut reader = LobsterReader::new(file.as_bytes());
/// let message = reader.next().expect("there is a message")?;
/// assert_eq!(message.kind, FeedKind::Add);
/// assert_eq!(message.timestamp_ns, 34_200_189_607_670);
/// assert_eq!(message.side, Some(Side::Buy));
/// assert_eq!(message.price, Some(Price(223_8100)));
/// # Ok::<(), nanobook::FeedError>(())
/// ```
pub struct LobsterReader<R = Input> {
    lines: Lines<R>,
}

/// Reads a LOBSTER orderbook file as a stream, plain or (from a path) gzip: a [`BookSnapshot`] a
/// line, without order counts (0) and without a timestamp (0).
///
/// Row i is the book after message i.
///
/// ```
/// use nanobook::{LobsterBookReader, Price};
/// let file = "2239500,100,2231800,100,9999999999,0,2230700,200\n";
/// let book = LobsterBookReader::new(file.as_bytes()).next().expect("there is a row")?;
/// assert_eq!(book.best_ask(), Some(Price(223_9500)));
/// assert_eq!((book.asks.len(), book.bids.len()), (1, 2));
/// # Ok::<(), nanobook::FeedError>(())
/// ```
pub struct LobsterBookReader<R = Input> {
    lines: Lines<R>,
    columns: Option<usize>,
}

impl<R> std::fmt::Debug for LobsterReader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LobsterReader")
            .field("offset", &self.lines.offset)
            .finish_non_exhaustive()
    }
}

impl LobsterReader {
    /// Opens a file, plain or gzip.
    ///
    /// # Errors
    ///
    /// [`FeedError::Io`] where the file cannot be opened.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, FeedError> {
        input::open(path.as_ref()).map(Self::new)
    }
}

impl<R: BufRead> LobsterReader<R> {
    /// Reads from anything that has a buffer.
    pub const fn new(input: R) -> Self {
        Self {
            lines: Lines::new(input),
        }
    }

    /// Returns how many bytes have been read, after decompression: where the next line begins.
    pub const fn offset(&self) -> u64 {
        self.lines.offset
    }
}

impl<R: BufRead> Iterator for LobsterReader<R> {
    type Item = Result<FeedMessage, FeedError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.lines.next(parse_message).transpose()
    }
}

impl<R: BufRead> std::iter::FusedIterator for LobsterReader<R> {}

impl<R> std::fmt::Debug for LobsterBookReader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LobsterBookReader")
            .field("offset", &self.lines.offset)
            .finish_non_exhaustive()
    }
}

impl LobsterBookReader {
    /// Opens a file, plain or gzip.
    ///
    /// # Errors
    ///
    /// [`FeedError::Io`] where the file cannot be opened.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, FeedError> {
        input::open(path.as_ref()).map(Self::new)
    }
}

impl<R: BufRead> LobsterBookReader<R> {
    /// Reads from anything that has a buffer.
    pub const fn new(input: R) -> Self {
        Self {
            lines: Lines::new(input),
            columns: None,
        }
    }

    /// Returns how many bytes have been read, after decompression: where the next row begins.
    pub const fn offset(&self) -> u64 {
        self.lines.offset
    }
}

impl<R: BufRead> Iterator for LobsterBookReader<R> {
    type Item = Result<BookSnapshot, FeedError>;

    fn next(&mut self) -> Option<Self::Item> {
        let columns = &mut self.columns;
        self.lines
            .next(|line| parse_book(line, columns))
            .transpose()
    }
}

impl<R: BufRead> std::iter::FusedIterator for LobsterBookReader<R> {}

/// Returns the whole number of a field.
fn integer(name: &str, field: &str) -> Result<i64, String> {
    let digits = field.strip_prefix('-').unwrap_or(field);
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = plain.then(|| field.parse().ok()).flatten();
    number.ok_or_else(|| format!("{name} {field:?}: must be a whole number of 64 bits"))
}

fn price(name: &str, field: &str) -> Result<Price, String> {
    let price = Price(integer(name, field)?);
    if price.is_valid() {
        Ok(price)
    } else {
        Err(format!("{name} {price}: must be positive"))
    }
}

/// Returns a size. More than 32 bits are more shares than there are, and sums must fit.
fn size(name: &str, field: &str) -> Result<Quantity, String> {
    let size = integer(name, field)?;
    u32::try_from(size)
        .map(Quantity::from)
        .map_err(|_| format!("{name} {size}: must be at least 0 and at most {}", u32::MAX))
}

/// Returns nanoseconds; further decimals are artefacts of printing.
fn nanoseconds(field: &str) -> Result<u64, String> {
    let error = || format!("time {field:?}: must be seconds after midnight");
    let (seconds, decimals) = field.split_once('.').unwrap_or((field, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(seconds) || !is_number(decimals) {
        return Err(error());
    }
    let seconds: u32 = seconds.parse().map_err(|_| error())?;
    let nanoseconds = decimals
        .bytes()
        .chain(std::iter::repeat(b'0'))
        .take(9)
        .fold(0, |number, digit| 10 * number + u64::from(digit - b'0'));
    Ok(u64::from(seconds) * 1_000_000_000 + nanoseconds)
}

fn not_six(line: &str) -> String {
    let shown = shortened(line);
    format!("{shown:?}: must be time, type, order id, size, price and direction")
}

/// Returns a text, cut where it is long.
fn shortened(text: &str) -> String {
    const LEN_MAX: usize = 100;
    match text.char_indices().nth(LEN_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", &text[..end]),
    }
}

fn parse_message(line: &str) -> Result<FeedMessage, String> {
    let mut fields = line.split(',');
    let mut next = || fields.next();
    let (Some(time), Some(code), Some(id), Some(shares), Some(at), Some(direction)) =
        (next(), next(), next(), next(), next(), next())
    else {
        return Err(not_six(line));
    };
    // Some files have a seventh field, the participant.
    if fields.nth(1).is_some() {
        return Err(not_six(line));
    }
    let timestamp_ns = nanoseconds(time)?;
    let id = integer("order id", id)?;
    let reference = match u64::try_from(id) {
        Ok(reference) if reference > 0 => reference,
        // Hidden orders, crosses and halts have no name; files differ in whether that is 0 or -1.
        _ if matches!(code, "5" | "6" | "7") => 0,
        _ => return Err(format!("order id {id}: must be at least 1")),
    };
    let side = match direction {
        "1" => Side::Buy,
        "-1" => Side::Sell,
        _ => return Err(format!("direction {direction:?}: must be 1 or -1")),
    };
    let kind = match code {
        "1" => FeedKind::Add,
        "2" => FeedKind::Reduce,
        "3" => FeedKind::Delete,
        "4" => FeedKind::Execute,
        "5" => FeedKind::HiddenTrade,
        "6" => FeedKind::Cross,
        "7" => match at {
            "-1" => FeedKind::Halt,
            "0" => FeedKind::QuoteOnly,
            "1" => FeedKind::Resume,
            _ => return Err(format!("price {at:?}: must be -1, 0 or 1 in a halt")),
        },
        _ => return Err(format!("type {code:?}: must be 1 to 7")),
    };
    let is_status = code == "7";
    Ok(FeedMessage {
        kind,
        venue_code: code.as_bytes()[0],
        timestamp_ns,
        instrument: 0,
        reference,
        new_reference: 0,
        side: (!is_status).then_some(side),
        price: if is_status {
            None
        } else {
            Some(price("price", at)?)
        },
        quantity: if is_status { 0 } else { size("size", shares)? },
    })
}

/// Returns the book of a row; `columns` is how many fields the rows before it have.
fn parse_book(line: &str, columns: &mut Option<usize>) -> Result<BookSnapshot, String> {
    let fields: Vec<&str> = line.split(',').collect();
    let before = *columns.get_or_insert(fields.len());
    if fields.len() != before {
        return Err(format!(
            "{} fields: the row before has {before}",
            fields.len()
        ));
    }
    if fields.len() % 4 != 0 {
        return Err(format!(
            "{} fields: must be four for each level: ask price, ask size, bid price, bid size",
            fields.len()
        ));
    }
    let mut book = BookSnapshot {
        bids: Vec::new(),
        asks: Vec::new(),
        timestamp: 0,
    };
    let level = |name, pair: &[&str]| -> Result<Option<LevelSnapshot>, String> {
        let quantity = size(&format!("{name} size"), pair[1])?;
        let name = format!("{name} price");
        if quantity == 0 {
            // An empty level has a price out of reach.
            return integer(&name, pair[0]).map(|_| None);
        }
        Ok(Some(LevelSnapshot {
            price: price(&name, pair[0])?,
            quantity,
            order_count: 0,
            orders: None,
        }))
    };
    for four in fields.chunks_exact(4) {
        book.asks.extend(level("ask", &four[..2])?);
        book.bids.extend(level("bid", &four[2..])?);
    }
    let rises = |levels: &[LevelSnapshot]| levels.is_sorted_by(|a, b| a.price < b.price);
    let falls = |levels: &[LevelSnapshot]| levels.is_sorted_by(|a, b| a.price > b.price);
    if !rises(&book.asks) || !falls(&book.bids) {
        return Err("the levels of a side: must be best first".to_owned());
    }
    Ok(book)
}
