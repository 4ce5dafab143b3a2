//! One way to send an event to the real exchange, whichever of its three doors is used.

use nanobook::{
    CancelResult, Event, Exchange, Execution, ModifyResult, Outcome, StopSubmitResult,
    SubmitResult, Trade, ValidationError,
};

/// What a command answered, in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Submit(SubmitResult),
    Cancel(CancelResult),
    Modify(ModifyResult),
    Stop(StopSubmitResult),
}

/// The door: they must all do the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Through {
    /// `try_submit_limit` and the like.
    Try,
    /// `submit_limit` and the like, which panic where `try_submit_limit` gives an error.
    Plain,
    /// `apply`.
    Apply,
}

/// Sends an event to an exchange. [`Through::Plain`] is for events known to be valid.
pub(crate) fn drive(
    exchange: &mut Exchange,
    event: &Event,
    through: Through,
) -> Result<Reply, ValidationError> {
    match through {
        Through::Try => drive_try(exchange, event),
        Through::Plain => Ok(drive_plain(exchange, event)),
        Through::Apply => {
            let outcome = exchange.apply(event)?;
            Ok(reply(event, outcome, exchange.trades()))
        }
    }
}

/// Errors carry floats, and a NaN must equal itself here.
pub(crate) fn same_error(one: &ValidationError, other: &ValidationError) -> bool {
    one == other || format!("{one:?}") == format!("{other:?}")
}

fn drive_try(exchange: &mut Exchange, event: &Event) -> Result<Reply, ValidationError> {
    Ok(match *event {
        Event::SubmitLimit {
            side,
            price,
            quantity,
            time_in_force,
        } => Reply::Submit(exchange.try_submit_limit(side, price, quantity, time_in_force)?),
        Event::SubmitMarket { side, quantity } => {
            Reply::Submit(exchange.try_submit_market(side, quantity)?)
        }
        Event::Cancel { order_id } => Reply::Cancel(exchange.cancel(order_id)),
        Event::Modify {
            order_id,
            new_price,
            new_quantity,
        } => Reply::Modify(exchange.modify(order_id, new_price, new_quantity)),
        Event::Reduce { order_id, quantity } => {
            Reply::Cancel(exchange.try_reduce(order_id, quantity)?)
        }
        Event::SubmitStopMarket {
            side,
            stop_price,
            quantity,
        } => Reply::Stop(exchange.try_submit_stop_market(side, stop_price, quantity)?),
        Event::SubmitStopLimit {
            side,
            stop_price,
            limit_price,
            quantity,
            time_in_force,
        } => Reply::Stop(exchange.try_submit_stop_limit(
            side,
            stop_price,
            limit_price,
            quantity,
            time_in_force,
        )?),
        Event::SubmitTrailingStopMarket {
            side,
            initial_stop_price,
            quantity,
            trail_method,
        } => Reply::Stop(exchange.try_submit_trailing_stop_market(
            side,
            initial_stop_price,
            quantity,
            trail_method,
        )?),
        Event::SubmitTrailingStopLimit {
            side,
            initial_stop_price,
            limit_price,
            quantity,
            time_in_force,
            trail_method,
        } => Reply::Stop(exchange.try_submit_trailing_stop_limit(
            side,
            initial_stop_price,
            limit_price,
            quantity,
            time_in_force,
            trail_method,
        )?),
    })
}

fn drive_plain(exchange: &mut Exchange, event: &Event) -> Reply {
    match *event {
        Event::SubmitLimit {
            side,
            price,
            quantity,
            time_in_force,
        } => Reply::Submit(exchange.submit_limit(side, price, quantity, time_in_force)),
        Event::SubmitMarket { side, quantity } => {
            Reply::Submit(exchange.submit_market(side, quantity))
        }
        Event::Cancel { order_id } => Reply::Cancel(exchange.cancel(order_id)),
        Event::Modify {
            order_id,
            new_price,
            new_quantity,
        } => Reply::Modify(exchange.modify(order_id, new_price, new_quantity)),
        Event::Reduce { order_id, quantity } => Reply::Cancel(exchange.reduce(order_id, quantity)),
        Event::SubmitStopMarket {
            side,
            stop_price,
            quantity,
        } => Reply::Stop(exchange.submit_stop_market(side, stop_price, quantity)),
        Event::SubmitStopLimit {
            side,
            stop_price,
            limit_price,
            quantity,
            time_in_force,
        } => Reply::Stop(exchange.submit_stop_limit(
            side,
            stop_price,
            limit_price,
            quantity,
            time_in_force,
        )),
        Event::SubmitTrailingStopMarket {
            side,
            initial_stop_price,
            quantity,
            trail_method,
        } => Reply::Stop(exchange.submit_trailing_stop_market(
            side,
            initial_stop_price,
            quantity,
            trail_method,
        )),
        Event::SubmitTrailingStopLimit {
            side,
            initial_stop_price,
            limit_price,
            quantity,
            time_in_force,
            trail_method,
        } => Reply::Stop(exchange.submit_trailing_stop_limit(
            side,
            initial_stop_price,
            limit_price,
            quantity,
            time_in_force,
            trail_method,
        )),
    }
}

/// Spells an outcome out as the result that the named methods give.
fn reply(event: &Event, outcome: Outcome, trades: &[Trade]) -> Reply {
    match outcome {
        Outcome::Submit(execution) => Reply::Submit(submit_result(execution, trades)),
        Outcome::Cancel(result) => Reply::Cancel(result),
        Outcome::Stop(result) => Reply::Stop(result),
        Outcome::Modify(result) => {
            let Event::Modify { order_id, .. } = *event else {
                panic!("the outcome of a modify for {event:?}");
            };
            Reply::Modify(match result {
                Ok((cancelled_quantity, execution)) => {
                    let new = submit_result(execution, trades);
                    ModifyResult {
                        success: true,
                        old_order_id: order_id,
                        new_order_id: Some(new.order_id),
                        cancelled_quantity,
                        trades: new.trades,
                        error: None,
                    }
                }
                Err(error) => ModifyResult {
                    success: false,
                    old_order_id: order_id,
                    new_order_id: None,
                    cancelled_quantity: 0,
                    trades: Vec::new(),
                    error: Some(error),
                },
            })
        }
    }
}

fn submit_result(execution: Execution, trades: &[Trade]) -> SubmitResult {
    SubmitResult {
        order_id: execution.order_id,
        status: execution.status,
        trades: trades[execution.trades].to_vec(),
        filled_quantity: execution.filled_quantity,
        resting_quantity: execution.resting_quantity,
        cancelled_quantity: execution.cancelled_quantity,
    }
}
