//! Orders and stop orders as a user sees them.

use std::fmt;

use crate::error::ValidationError;
use crate::types::{OrderId, Price, Quantity, Side, TimeInForce, Timestamp};

/// Where an order stands. The first two mean "on the book now", the others are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "persistence",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum OrderStatus {
    /// On the book, nothing has traded.
    New,
    /// On the book, a part has traded.
    PartiallyFilled,
    /// Its last open quantity traded.
    Filled,
    /// Its last open quantity was cancelled, whatever had traded before.
    Cancelled,
}

impl OrderStatus {
    /// Returns whether the order is on the book now.
    #[inline]
    pub const fn is_active(self) -> bool {
        matches!(self, Self::New | Self::PartiallyFilled)
    }
}

impl fmt::Display for OrderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::New => "new",
            Self::PartiallyFilled => "partially_filled",
            Self::Filled => "filled",
            Self::Cancelled => "cancelled",
        })
    }
}

/// An order at one moment. `original = remaining + filled + cancelled`, always.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Order {
    /// Its number.
    pub id: OrderId,
    /// Its side.
    pub side: Side,
    /// Its limit; [`Price::MAX`] for a market buy, [`Price::MIN`] for a market sell.
    pub price: Price,
    /// What was submitted.
    pub original_quantity: Quantity,
    /// What rests now.
    pub remaining_quantity: Quantity,
    /// What has traded.
    pub filled_quantity: Quantity,
    /// What was cancelled or reduced.
    pub cancelled_quantity: Quantity,
    /// When it was submitted.
    pub timestamp: Timestamp,
    /// Its time in force; IOC for a market order.
    pub time_in_force: TimeInForce,
    /// Where it stands.
    pub status: OrderStatus,
}

/// Where a stop order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "persistence",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum StopStatus {
    /// It waits for its price.
    Pending,
    /// It became an order.
    Triggered,
    /// It was cancelled before that.
    Cancelled,
}

impl fmt::Display for StopStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pending => "pending",
            Self::Triggered => "triggered",
            Self::Cancelled => "cancelled",
        })
    }
}

/// How far a trailing stop keeps from its watermark.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(
    feature = "persistence",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case", deny_unknown_fields)
)]
pub enum TrailMethod {
    /// A fixed offset in price units, at least 1.
    Fixed(i64),
    /// A fraction of the watermark, between 0 and 1 (both excluded).
    Percentage(f64),
    /// `multiplier` times the mean absolute change between consecutive trades over the last
    /// `period` changes.
    Atr {
        /// Positive and finite.
        multiplier: f64,
        /// 1 to 1,024 changes.
        period: u32,
    },
}

impl TrailMethod {
    /// The longest ATR period: how many price changes an exchange remembers.
    pub const ATR_PERIOD_MAX: u32 = 1024;

    /// Checks the method's numbers.
    ///
    /// # Errors
    ///
    /// The variant of [`ValidationError`] that names the number out of range.
    pub fn validate(self) -> Result<(), ValidationError> {
        match self {
            Self::Fixed(offset) if offset < 1 => Err(ValidationError::InvalidTrailOffset(offset)),
            // Negated, so that NaN is refused too.
            Self::Percentage(fraction) if !(fraction > 0.0 && fraction < 1.0) => {
                Err(ValidationError::InvalidTrailPercentage(fraction))
            }
            Self::Atr { multiplier, .. } if !(multiplier > 0.0 && multiplier.is_finite()) => {
                Err(ValidationError::InvalidTrailMultiplier(multiplier))
            }
            Self::Atr { period, .. } if !(1..=Self::ATR_PERIOD_MAX).contains(&period) => {
                Err(ValidationError::InvalidTrailPeriod(period))
            }
            _ => Ok(()),
        }
    }
}

/// A stop order at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "persistence", derive(serde::Serialize, serde::Deserialize))]
pub struct StopOrder {
    /// Its number; stops and orders share one sequence.
    pub id: OrderId,
    /// The side of the order it becomes.
    pub side: Side,
    /// The trade price that triggers it: at or above for a buy, at or below for a sell. For a
    /// trailing stop, where it stands now.
    pub stop_price: Price,
    /// The limit of the order it becomes; `None` for a market order.
    pub limit_price: Option<Price>,
    /// The quantity of the order it becomes.
    pub quantity: Quantity,
    /// The TIF of the order it becomes; IOC for a market order.
    pub time_in_force: TimeInForce,
    /// When it was submitted.
    pub timestamp: Timestamp,
    /// Where it stands.
    pub status: StopStatus,
    /// How it trails; `None` for a stop whose price is fixed.
    pub trail_method: Option<TrailMethod>,
    /// The best trade price since submission: the highest for a sell, the lowest for a buy.
    /// `None` before the first trade and for a stop that does not trail.
    pub watermark: Option<Price>,
    /// The order it became.
    pub triggered_order_id: Option<OrderId>,
}
