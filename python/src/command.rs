//! Commands: from Python arguments to an event, from an outcome to a result.
//!
//! `Exchange` and `MultiExchange` share them, so an argument is read in one way.

use nanobook::{Event, OrderId};
use pyo3::prelude::*;

use crate::convert::{self, Arg, Optional};

#[inline]
pub(crate) fn submit_limit(
    side: Arg<'_, '_>,
    price: Arg<'_, '_>,
    quantity: Arg<'_, '_>,
    tif: Optional<'_, '_>,
) -> PyResult<Event> {
    Ok(Event::SubmitLimit {
        side: convert::side(side, "side")?,
        price: convert::price(price, "price")?,
        quantity: convert::quantity(quantity, "quantity")?,
        time_in_force: convert::tif(tif)?,
    })
}

#[inline]
pub(crate) fn submit_market(side: Arg<'_, '_>, quantity: Arg<'_, '_>) -> PyResult<Event> {
    Ok(Event::SubmitMarket {
        side: convert::side(side, "side")?,
        quantity: convert::quantity(quantity, "quantity")?,
    })
}

#[inline]
pub(crate) fn cancel(order_id: Arg<'_, '_>) -> PyResult<Event> {
    Ok(Event::Cancel {
        order_id: convert::order_id(order_id, "order_id")?,
    })
}

#[inline]
pub(crate) fn modify(
    order_id: Arg<'_, '_>,
    new_price: Arg<'_, '_>,
    new_quantity: Arg<'_, '_>,
) -> PyResult<(OrderId, Event)> {
    let order_id = convert::order_id(order_id, "order_id")?;
    let event = Event::Modify {
        order_id,
        new_price: convert::price(new_price, "new_price")?,
        new_quantity: convert::quantity(new_quantity, "new_quantity")?,
    };
    Ok((order_id, event))
}

#[inline]
pub(crate) fn reduce(order_id: Arg<'_, '_>, quantity: Arg<'_, '_>) -> PyResult<Event> {
    Ok(Event::Reduce {
        order_id: convert::order_id(order_id, "order_id")?,
        quantity: convert::quantity(quantity, "quantity")?,
    })
}

pub(crate) fn submit_stop_market(
    side: Arg<'_, '_>,
    stop_price: Arg<'_, '_>,
    quantity: Arg<'_, '_>,
) -> PyResult<Event> {
    Ok(Event::SubmitStopMarket {
        side: convert::side(side, "side")?,
        stop_price: convert::price(stop_price, "stop_price")?,
        quantity: convert::quantity(quantity, "quantity")?,
    })
}

pub(crate) fn submit_stop_limit(
    side: Arg<'_, '_>,
    stop_price: Arg<'_, '_>,
    limit_price: Arg<'_, '_>,
    quantity: Arg<'_, '_>,
    tif: Optional<'_, '_>,
) -> PyResult<Event> {
    Ok(Event::SubmitStopLimit {
        side: convert::side(side, "side")?,
        stop_price: convert::price(stop_price, "stop_price")?,
        limit_price: convert::price(limit_price, "limit_price")?,
        quantity: convert::quantity(quantity, "quantity")?,
        time_in_force: convert::tif(tif)?,
    })
}

pub(crate) fn submit_trailing_stop_market(
    side: Arg<'_, '_>,
    initial_stop_price: Arg<'_, '_>,
    quantity: Arg<'_, '_>,
    trail_type: Arg<'_, '_>,
    trail_value: Arg<'_, '_>,
    atr_period: Option<Arg<'_, '_>>,
) -> PyResult<Event> {
    Ok(Event::SubmitTrailingStopMarket {
        side: convert::side(side, "side")?,
        initial_stop_price: convert::price(initial_stop_price, "initial_stop_price")?,
        quantity: convert::quantity(quantity, "quantity")?,
        trail_method: convert::trail_method(trail_type, trail_value, atr_period)?,
    })
}

#[expect(clippy::too_many_arguments, reason = "the Python method has as many")]
pub(crate) fn submit_trailing_stop_limit(
    side: Arg<'_, '_>,
    initial_stop_price: Arg<'_, '_>,
    limit_price: Arg<'_, '_>,
    quantity: Arg<'_, '_>,
    trail_type: Arg<'_, '_>,
    trail_value: Arg<'_, '_>,
    tif: Optional<'_, '_>,
    atr_period: Option<Arg<'_, '_>>,
) -> PyResult<Event> {
    Ok(Event::SubmitTrailingStopLimit {
        side: convert::side(side, "side")?,
        initial_stop_price: convert::price(initial_stop_price, "initial_stop_price")?,
        limit_price: convert::price(limit_price, "limit_price")?,
        quantity: convert::quantity(quantity, "quantity")?,
        time_in_force: convert::tif(tif)?,
        trail_method: convert::trail_method(trail_type, trail_value, atr_period)?,
    })
}
