//! Numbers, identifiers and symbols.
//!
//! Integers that could be swapped by mistake are types of their own; none of
//! them is a float.

use std::fmt;
use std::str::FromStr;

use crate::error::SymbolError;

/// A price in the smallest currency unit: `Price(100_50)` is $100.50 in cents.
///
/// Limit, stop and trail prices are positive and below [`Price::MAX`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "persistence", derive(serde::Serialize, serde::Deserialize))]
pub struct Price(pub i64);

impl Price {
    /// Zero.
    pub const ZERO: Self = Self(0);
    /// The price of a market sell order: it trades at any price.
    pub const MIN: Self = Self(i64::MIN);
    /// The price of a market buy order: it trades at any price.
    pub const MAX: Self = Self(i64::MAX);

    /// Returns whether an order may carry this price: positive and below [`Price::MAX`].
    #[inline]
    pub const fn is_valid(self) -> bool {
        self.0 > 0 && self.0 < i64::MAX
    }

    /// Returns price x quantity in the smallest currency unit, or `None` where it does not fit.
    ///
    /// ```
    /// use nanobook::Price;
    /// assert_eq!(Price(100_50).checked_notional(3), Some(301_50));
    /// assert_eq!(Price(i64::MAX - 1).checked_notional(2), None);
    /// ```
    #[inline]
    pub fn checked_notional(self, quantity: Quantity) -> Option<i64> {
        self.0.checked_mul(i64::try_from(quantity).ok()?)
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A number of shares, contracts or lots; an order has at least 1.
pub type Quantity = u64;

/// A tick of the exchange's own counter, from 1; never the wall clock.
pub type Timestamp = u64;

/// The number of an order or stop: from 1 in each exchange, never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "persistence", derive(serde::Serialize, serde::Deserialize))]
pub struct OrderId(pub u64);

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The number of a trade: from 1 in each exchange, never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "persistence", derive(serde::Serialize, serde::Deserialize))]
pub struct TradeId(pub u64);

impl fmt::Display for TradeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Which side of the book an order belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "persistence",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum Side {
    /// Bids.
    Buy,
    /// Asks.
    Sell,
}

impl Side {
    /// Returns the other side.
    #[inline]
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        })
    }
}

/// What happens to the part of a limit order that does not trade at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "persistence",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "lowercase")
)]
pub enum TimeInForce {
    /// Good till cancelled: it rests.
    GTC,
    /// Immediate or cancel: it is cancelled.
    IOC,
    /// Fill or kill: the order fills whole or not at all.
    FOK,
}

impl fmt::Display for TimeInForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::GTC => "gtc",
            Self::IOC => "ioc",
            Self::FOK => "fok",
        })
    }
}

/// The name of an instrument: 1 to 24 bytes of printable ASCII, without heap memory.
///
/// Symbols order by their bytes.
///
/// ```
/// use nanobook::Symbol;
/// let symbol = Symbol::try_new("BRK-B")?;
/// assert_eq!(symbol.as_str(), "BRK-B");
/// assert!(Symbol::try_new("").is_err());
/// assert!(Symbol::try_new("a name of more than 24 bytes").is_err());
/// # Ok::<(), nanobook::SymbolError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "persistence",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "String", into = "String")
)]
// Padded with zero bytes, which are not printable, so the order of the arrays is that of the names.
pub struct Symbol([u8; Symbol::LEN_MAX]);

impl Symbol {
    /// The longest name, in bytes.
    pub const LEN_MAX: usize = 24;

    /// Returns the symbol with this name.
    ///
    /// # Errors
    ///
    /// [`SymbolError`] unless the name is 1 to 24 bytes of printable ASCII (space to `~`).
    pub fn try_new(name: &str) -> Result<Self, SymbolError> {
        let valid = (1..=Self::LEN_MAX).contains(&name.len())
            && name.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if !valid {
            return Err(SymbolError(name.to_owned()));
        }
        let mut bytes = [0; Self::LEN_MAX];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        Ok(Self(bytes))
    }

    /// Returns the symbol with this name.
    ///
    /// # Panics
    ///
    /// Where [`Symbol::try_new`] gives an error.
    #[track_caller]
    pub fn new(name: &str) -> Self {
        match Self::try_new(name) {
            Ok(symbol) => symbol,
            Err(error) => panic!("{error}"),
        }
    }

    /// Returns the name.
    #[expect(clippy::missing_panics_doc, reason = "only ASCII was let in")]
    pub fn as_str(&self) -> &str {
        let end = self
            .0
            .iter()
            .position(|byte| *byte == 0)
            .unwrap_or(Self::LEN_MAX);
        std::str::from_utf8(&self.0[..end]).expect("a symbol is ASCII")
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Symbol({:?})", self.as_str())
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl AsRef<str> for Symbol {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl FromStr for Symbol {
    type Err = SymbolError;

    fn from_str(name: &str) -> Result<Self, SymbolError> {
        Self::try_new(name)
    }
}

impl TryFrom<&str> for Symbol {
    type Error = SymbolError;

    fn try_from(name: &str) -> Result<Self, SymbolError> {
        Self::try_new(name)
    }
}

impl TryFrom<String> for Symbol {
    type Error = SymbolError;

    fn try_from(name: String) -> Result<Self, SymbolError> {
        Self::try_new(&name)
    }
}

impl From<Symbol> for String {
    fn from(symbol: Symbol) -> Self {
        symbol.as_str().to_owned()
    }
}

/// A 64-bit hash of a state, printed as 16 hexadecimal digits.
///
/// Equal states have equal digests on every platform and in every process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub u64);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:016x}", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_1_to_24_printable_ascii_bytes() {
        for name in ["A", " ", "~", "BRK-B", "abcdefghijklmnopqrstuvwx"] {
            assert_eq!(Symbol::new(name).as_str(), name);
        }
        for name in [
            "",
            "abcdefghijklmnopqrstuvwxy",
            "\u{e9}",
            "a\nb",
            "a\0",
            "\u{7f}",
        ] {
            assert_eq!(Symbol::try_new(name), Err(SymbolError(name.to_owned())));
        }
    }

    #[test]
    fn texts_are_padded_as_a_table_asks() {
        use crate::order::{OrderStatus, StopStatus};
        assert_eq!(
            format!("|{:>6}|{:<6}|", Side::Buy, Side::Sell),
            "|   buy|sell  |"
        );
        assert_eq!(format!("|{:^5}|", TimeInForce::IOC), "| ioc |");
        assert_eq!(format!("|{:>9}|", OrderStatus::Filled), "|   filled|");
        assert_eq!(format!("|{:<9}|", StopStatus::Pending), "|pending  |");
        assert_eq!(format!("|{:>18}|", Digest(10)), "|  000000000000000a|");
    }

    #[test]
    fn symbols_order_by_bytes() {
        let mut symbols = ["b", "AA", "A", "a", "AB"].map(Symbol::new);
        symbols.sort();
        assert_eq!(symbols.map(|s| s.to_string()), ["A", "AA", "AB", "a", "b"]);
    }
}
