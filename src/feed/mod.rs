//! Market data: readers of a venue's feed, the book it tells of, and an exchange that follows it.
//!
//! A reader streams: it holds one message and a buffer of fixed size, however long the file. What
//! it yields is a [`FeedMessage`], whatever the format; [`VenueBook`] and [`FeedDriver`] know
//! nothing else. An order is named by the venue's *reference*.
//!
//! Prices and sizes are the feed's own integers: ITCH and LOBSTER count ten-thousandths of a
//! dollar. Times are nanoseconds since midnight of the venue's day.

mod driver;
mod input;
mod itch;
mod lobster;
#[cfg(feature = "persistence")]
mod persist;
mod venue;

use std::error::Error;
use std::fmt;
use std::io;

pub use driver::FeedDriver;
pub use itch::ItchReader;
pub use lobster::{LobsterBookReader, LobsterReader};
pub use venue::VenueBook;

use crate::types::{Price, Quantity, Side};

/// What a message of a feed tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FeedKind {
    /// A new order rests.
    Add,
    /// A resting order traded.
    Execute,
    /// Quantity was taken off a resting order, which keeps its place.
    Reduce,
    /// A resting order is gone.
    Delete,
    /// A resting order is gone, and another of its side came for it, at the end of its queue.
    Replace,
    /// An order that nobody saw traded; the visible book is as it was.
    HiddenTrade,
    /// An auction or cross traded; the visible book is as it was.
    Cross,
    /// Trading is halted or paused.
    Halt,
    /// Orders are taken, and nothing trades yet.
    QuoteOnly,
    /// Trading goes on.
    Resume,
    /// Nothing about orders, trades or the state of trading.
    #[default]
    Other,
}

impl FeedKind {
    /// Every kind, in the order of the definition.
    pub const ALL: [Self; 11] = [
        Self::Add,
        Self::Execute,
        Self::Reduce,
        Self::Delete,
        Self::Replace,
        Self::HiddenTrade,
        Self::Cross,
        Self::Halt,
        Self::QuoteOnly,
        Self::Resume,
        Self::Other,
    ];

    /// Returns the name in lower case with underscores: `"hidden_trade"`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Execute => "execute",
            Self::Reduce => "reduce",
            Self::Delete => "delete",
            Self::Replace => "replace",
            Self::HiddenTrade => "hidden_trade",
            Self::Cross => "cross",
            Self::Halt => "halt",
            Self::QuoteOnly => "quote_only",
            Self::Resume => "resume",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for FeedKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One message of a venue's feed.
///
/// A field that the message does not tell is 0 or `None`: an ITCH execution names its order and a
/// quantity, no side and no price; one of LOBSTER tells all four.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FeedMessage {
    /// What it tells.
    pub kind: FeedKind,
    /// The venue's own letter or digit for that, as ASCII: `b'A'` in ITCH, `b'1'` in LOBSTER.
    pub venue_code: u8,
    /// When, in nanoseconds since midnight.
    pub timestamp_ns: u64,
    /// The feed's number of the instrument: the stock locate of ITCH; 0 where a file has only one.
    pub instrument: u16,
    /// The venue's name of the order.
    pub reference: u64,
    /// The name of the order that comes for it, in a [`FeedKind::Replace`].
    pub new_reference: u64,
    /// The side of the resting order, also where it traded. NASDAQ says of every hidden trade
    /// that it was a buy.
    pub side: Option<Side>,
    /// A new order's price, or the one something traded at.
    pub price: Option<Price>,
    /// How much: of a new order, of a trade, or what went off.
    pub quantity: Quantity,
}

/// Why a feed cannot be read further.
#[derive(Debug)]
#[non_exhaustive]
pub enum FeedError {
    /// The file system refused.
    Io(io::Error),
    /// Who reads asked to stop; nothing is lost, and the next call goes on.
    Interrupted,
    /// The bytes are not what the format says.
    Malformed {
        /// Where the message begins that they are part of: how many bytes come before, after
        /// decompression.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
}

impl FeedError {
    fn malformed(offset: u64, reason: impl Into<String>) -> Self {
        Self::Malformed {
            offset,
            reason: reason.into(),
        }
    }
}

impl fmt::Display for FeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => fmt::Display::fmt(error, f),
            Self::Interrupted => f.write_str("stopped on request"),
            Self::Malformed { offset, reason } => write!(f, "byte {offset}: {reason}"),
        }
    }
}

impl Error for FeedError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io(error) => error.source(),
            Self::Interrupted | Self::Malformed { .. } => None,
        }
    }
}

impl From<io::Error> for FeedError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// How well a feed and what follows it agree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "persistence", derive(serde::Serialize, serde::Deserialize))]
pub struct FeedCounts {
    /// All messages, whatever they told.
    pub messages: u64,
    /// Messages about an order that is not known: it came before the file begins, was not shown,
    /// or was cancelled by a [`FeedDriver`].
    pub unknown_references: u64,
    /// Messages that cannot be right: more goes off an order than it has, or nothing; a reference
    /// is there already; a new order has no side, no valid price or no quantity. In a
    /// [`FeedDriver`] also each order of the venue that cannot be there any more.
    pub contradictions: u64,
}
