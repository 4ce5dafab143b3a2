//! One event per accepted command.

use crate::order::TrailMethod;
use crate::types::{OrderId, Price, Quantity, Side, TimeInForce};

/// A command as the exchange accepted it. Applying the same events in the same order to a new
/// exchange gives the same state.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(
    feature = "persistence",
    derive(serde::Serialize, serde::Deserialize),
    serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)
)]
pub enum Event {
    /// A limit order.
    SubmitLimit {
        /// Its side.
        side: Side,
        /// Its limit.
        price: Price,
        /// Its quantity.
        quantity: Quantity,
        /// Its time in force.
        time_in_force: TimeInForce,
    },
    /// A market order.
    SubmitMarket {
        /// Its side.
        side: Side,
        /// Its quantity.
        quantity: Quantity,
    },
    /// A cancel of a resting order or a pending stop.
    Cancel {
        /// The order or stop.
        order_id: OrderId,
    },
    /// A cancel and replace of a resting order.
    Modify {
        /// The order replaced.
        order_id: OrderId,
        /// The limit of its replacement.
        new_price: Price,
        /// The quantity of its replacement.
        new_quantity: Quantity,
    },
    /// A resting order made smaller in its place.
    Reduce {
        /// The order.
        order_id: OrderId,
        /// How much is taken off.
        quantity: Quantity,
    },
    /// A stop that becomes a market order.
    SubmitStopMarket {
        /// Its side.
        side: Side,
        /// Its trigger.
        stop_price: Price,
        /// Its quantity.
        quantity: Quantity,
    },
    /// A stop that becomes a limit order.
    SubmitStopLimit {
        /// Its side.
        side: Side,
        /// Its trigger.
        stop_price: Price,
        /// The limit of the order it becomes.
        limit_price: Price,
        /// Its quantity.
        quantity: Quantity,
        /// The TIF of the order it becomes.
        time_in_force: TimeInForce,
    },
    /// A trailing stop that becomes a market order.
    SubmitTrailingStopMarket {
        /// Its side.
        side: Side,
        /// Its trigger until it first moves.
        initial_stop_price: Price,
        /// Its quantity.
        quantity: Quantity,
        /// How it trails.
        trail_method: TrailMethod,
    },
    /// A trailing stop that becomes a limit order.
    SubmitTrailingStopLimit {
        /// Its side.
        side: Side,
        /// Its trigger until it first moves.
        initial_stop_price: Price,
        /// The limit of the order it becomes.
        limit_price: Price,
        /// Its quantity.
        quantity: Quantity,
        /// The TIF of the order it becomes.
        time_in_force: TimeInForce,
        /// How it trails.
        trail_method: TrailMethod,
    },
}

impl Event {
    /// Returns the variant's name in lower case with underscores: `"submit_limit"`, ...
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::SubmitLimit { .. } => "submit_limit",
            Self::SubmitMarket { .. } => "submit_market",
            Self::Cancel { .. } => "cancel",
            Self::Modify { .. } => "modify",
            Self::Reduce { .. } => "reduce",
            Self::SubmitStopMarket { .. } => "submit_stop_market",
            Self::SubmitStopLimit { .. } => "submit_stop_limit",
            Self::SubmitTrailingStopMarket { .. } => "submit_trailing_stop_market",
            Self::SubmitTrailingStopLimit { .. } => "submit_trailing_stop_limit",
        }
    }
}
