//! What a command did.

use std::ops::Range;

use crate::error::{CancelError, ModifyError};
use crate::order::{OrderStatus, StopStatus};
use crate::trade::Trade;
use crate::types::{OrderId, Quantity};

/// What submitting an order did: the order's own matching, without what stops did afterwards.
///
/// `filled + resting + cancelled` is the quantity submitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubmitResult {
    /// The new order.
    pub order_id: OrderId,
    /// Where it stands.
    pub status: OrderStatus,
    /// Its trades, in order.
    pub trades: Vec<Trade>,
    /// What traded.
    pub filled_quantity: Quantity,
    /// What rests.
    pub resting_quantity: Quantity,
    /// What was cancelled.
    pub cancelled_quantity: Quantity,
}

/// What a cancel or reduce did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CancelResult {
    /// Whether anything was cancelled.
    pub success: bool,
    /// How much.
    pub cancelled_quantity: Quantity,
    /// Why nothing was.
    pub error: Option<CancelError>,
}

/// What a modify did. On an error the old order still rests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModifyResult {
    /// Whether the order was replaced.
    pub success: bool,
    /// The id given.
    pub old_order_id: OrderId,
    /// The replacement.
    pub new_order_id: Option<OrderId>,
    /// What was left of the old order.
    pub cancelled_quantity: Quantity,
    /// The trades of the replacement, in order.
    pub trades: Vec<Trade>,
    /// Why it was not replaced.
    pub error: Option<ModifyError>,
}

/// What submitting a stop did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StopSubmitResult {
    /// The new stop.
    pub order_id: OrderId,
    /// `Triggered` if the last trade was already through it, else `Pending`.
    pub status: StopStatus,
}

/// What [`Exchange::apply`](crate::Exchange::apply) did, without copying the trades.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Of a limit or market order.
    Submit(Execution),
    /// Of a cancel or reduce.
    Cancel(CancelResult),
    /// Of a modify: what was left of the old order, and the replacement's matching.
    Modify(Result<(Quantity, Execution), ModifyError>),
    /// Of a stop.
    Stop(StopSubmitResult),
}

/// An order's own matching: a [`SubmitResult`] that refers to its trades.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// The new order.
    pub order_id: OrderId,
    /// Where it stands.
    pub status: OrderStatus,
    /// The places of its trades in [`Exchange::trades`](crate::Exchange::trades).
    pub trades: Range<usize>,
    /// What traded.
    pub filled_quantity: Quantity,
    /// What rests.
    pub resting_quantity: Quantity,
    /// What was cancelled.
    pub cancelled_quantity: Quantity,
}
