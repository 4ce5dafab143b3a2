//! Every public error of the exchange.

use std::error::Error;
use std::fmt;

use crate::types::{Price, Quantity, Side};

/// Why a command was refused. Nothing has changed: no id, no timestamp and no event was spent.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum ValidationError {
    /// The quantity was zero.
    ZeroQuantity,
    /// A limit price was not positive and below [`Price::MAX`].
    InvalidPrice(Price),
    /// A stop price was not positive and below [`Price::MAX`].
    InvalidStopPrice(Price),
    /// `price * quantity` does not fit in `i64`.
    NotionalOverflow {
        /// The limit price.
        price: Price,
        /// The quantity submitted.
        quantity: Quantity,
    },
    /// The resting total of the side would not fit in `u64`.
    SideTotalOverflow {
        /// The side the order would rest on.
        side: Side,
        /// What rests there now.
        resting: Quantity,
        /// What would be added.
        quantity: Quantity,
    },
    /// The offset of a fixed trail was not positive.
    InvalidTrailOffset(i64),
    /// The fraction of a percentage trail was not between 0 and 1.
    InvalidTrailPercentage(f64),
    /// The multiplier of an ATR trail was not positive and finite.
    InvalidTrailMultiplier(f64),
    /// The period of an ATR trail was not 1 to 1,024.
    InvalidTrailPeriod(u32),
}

impl fmt::Display for ValidationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ZeroQuantity => f.write_str("quantity must be at least 1, got 0"),
            Self::InvalidPrice(price) => write!(
                f,
                "price must be positive and below {}, got {price}",
                Price::MAX
            ),
            Self::InvalidStopPrice(price) => write!(
                f,
                "stop price must be positive and below {}, got {price}",
                Price::MAX
            ),
            Self::NotionalOverflow { price, quantity } => write!(
                f,
                "price {price} x quantity {quantity} does not fit in 64 bits"
            ),
            Self::SideTotalOverflow {
                side,
                resting,
                quantity,
            } => write!(
                f,
                "resting {quantity} more would make the {side} side's total of {resting} pass 64 bits"
            ),
            Self::InvalidTrailOffset(offset) => {
                write!(f, "a fixed trail offset must be at least 1, got {offset}")
            }
            Self::InvalidTrailPercentage(fraction) => write!(
                f,
                "a trail percentage must be a fraction between 0 and 1, got {fraction}"
            ),
            Self::InvalidTrailMultiplier(multiplier) => write!(
                f,
                "an ATR multiplier must be positive and finite, got {multiplier}"
            ),
            Self::InvalidTrailPeriod(period) => {
                write!(f, "an ATR period must be 1 to 1024, got {period}")
            }
        }
    }
}

impl Error for ValidationError {}

/// Why a cancel or reduce did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CancelError {
    /// No order or stop has this id, or its history was cleared.
    OrderNotFound,
    /// The order is filled or cancelled, or the stop is not pending.
    OrderNotActive,
}

impl fmt::Display for CancelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OrderNotFound => "no order has this id",
            Self::OrderNotActive => "the order is not active any more",
        })
    }
}

impl Error for CancelError {}

/// Why a modify did nothing: the old order still rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ModifyError {
    /// No order has this id (stops cannot be modified), or its history was cleared.
    OrderNotFound,
    /// The order is filled or cancelled.
    OrderNotActive,
    /// The new quantity was zero.
    InvalidQuantity,
    /// The new price is out of range, or does not fit together with the new quantity.
    InvalidPrice,
}

impl fmt::Display for ModifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OrderNotFound => "no order has this id",
            Self::OrderNotActive => "the order is not active any more",
            Self::InvalidQuantity => "the new quantity must be at least 1",
            Self::InvalidPrice => "the new price is out of range for the new quantity",
        })
    }
}

impl Error for ModifyError {}

impl From<CancelError> for ModifyError {
    fn from(error: CancelError) -> Self {
        match error {
            CancelError::OrderNotFound => Self::OrderNotFound,
            CancelError::OrderNotActive => Self::OrderNotActive,
        }
    }
}

/// A name that is not a [`Symbol`](crate::Symbol).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SymbolError(pub String);

impl fmt::Display for SymbolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a symbol must be 1 to 24 bytes of printable ASCII, got {:?}",
            self.0
        )
    }
}

impl Error for SymbolError {}

/// An event that cannot be applied, and its place in the list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReplayError {
    /// The event's index, from 0.
    pub index: usize,
    /// Why it was refused.
    pub error: ValidationError,
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event {}: {}", self.index, self.error)
    }
}

/// The message tells the cause too, so that is no source beside it.
impl Error for ReplayError {}

/// What [`Exchange::check_invariants`](crate::Exchange::check_invariants) and its like found broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvariantError(pub String);

impl fmt::Display for InvariantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "broken invariant: {}", self.0)
    }
}

impl Error for InvariantError {}

/// Why a state could not be saved or read back. Nothing that was read is used.
#[cfg(feature = "persistence")]
#[derive(Debug)]
#[non_exhaustive]
pub enum PersistenceError {
    /// The file system refused.
    Io(std::io::Error),
    /// The data is damaged, cut, or of another format or version.
    Malformed {
        /// The line of a text file, from 1, where one is to blame.
        line: Option<u64>,
        /// What is wrong.
        reason: String,
    },
    /// The event log was off or cleared, so it does not lead to the present state.
    IncompleteLog,
}

#[cfg(feature = "persistence")]
impl PersistenceError {
    pub(crate) fn malformed(reason: impl Into<String>) -> Self {
        Self::Malformed {
            line: None,
            reason: reason.into(),
        }
    }

    pub(crate) fn at_line(line: u64, reason: impl Into<String>) -> Self {
        Self::Malformed {
            line: Some(line),
            reason: reason.into(),
        }
    }
}

#[cfg(feature = "persistence")]
impl fmt::Display for PersistenceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => fmt::Display::fmt(error, f),
            Self::Malformed {
                line: Some(line),
                reason,
            } => write!(f, "line {line}: {reason}"),
            Self::Malformed { line: None, reason } => f.write_str(reason),
            Self::IncompleteLog => f.write_str(
                "the event log was switched off or cleared, so it does not lead to this state; \
                 use to_bytes instead",
            ),
        }
    }
}

#[cfg(feature = "persistence")]
impl Error for PersistenceError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io(error) => error.source(),
            _ => None,
        }
    }
}

#[cfg(feature = "persistence")]
impl From<std::io::Error> for PersistenceError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}
