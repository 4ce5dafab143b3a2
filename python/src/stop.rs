//! Stop orders, which Python sees as dictionaries.

use nanobook::{Price, StopOrder, TrailMethod};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::convert::Member;

/// Returns a stop order as a dictionary.
pub(crate) fn to_dict<'py>(py: Python<'py>, stop: &StopOrder) -> PyResult<Bound<'py, PyDict>> {
    let StopOrder {
        id,
        side,
        stop_price,
        limit_price,
        quantity,
        time_in_force,
        timestamp,
        status,
        trail_method,
        watermark,
        triggered_order_id,
    } = *stop;
    let trail_method = trail_method
        .map(|method| {
            let dict = PyDict::new(py);
            set_trail_method(&dict, method)?;
            PyResult::Ok(dict)
        })
        .transpose()?;
    let number = |price: Price| price.0;
    let dict = PyDict::new(py);
    dict.set_item(intern!(py, "id"), id.0)?;
    dict.set_item(intern!(py, "side"), side.member(py))?;
    dict.set_item(intern!(py, "stop_price"), stop_price.0)?;
    dict.set_item(intern!(py, "limit_price"), limit_price.map(number))?;
    dict.set_item(intern!(py, "quantity"), quantity)?;
    dict.set_item(intern!(py, "time_in_force"), time_in_force.member(py))?;
    dict.set_item(intern!(py, "timestamp"), timestamp)?;
    dict.set_item(intern!(py, "status"), status.member(py))?;
    dict.set_item(intern!(py, "trail_method"), trail_method)?;
    dict.set_item(intern!(py, "watermark"), watermark.map(number))?;
    dict.set_item(
        intern!(py, "triggered_order_id"),
        triggered_order_id.map(|id| id.0),
    )?;
    Ok(dict)
}

/// Adds a trail method under the names of the arguments that make one.
pub(crate) fn set_trail_method(dict: &Bound<'_, PyDict>, method: TrailMethod) -> PyResult<()> {
    let py = dict.py();
    let (trail_type, trail_value, atr_period) = match method {
        TrailMethod::Fixed(offset) => ("fixed", offset.into_pyobject(py)?.into_any(), None),
        TrailMethod::Percentage(fraction) => {
            ("percentage", fraction.into_pyobject(py)?.into_any(), None)
        }
        TrailMethod::Atr { multiplier, period } => (
            "atr",
            multiplier.into_pyobject(py)?.into_any(),
            Some(period),
        ),
    };
    dict.set_item(intern!(py, "trail_type"), trail_type)?;
    dict.set_item(intern!(py, "trail_value"), trail_value)?;
    dict.set_item(intern!(py, "atr_period"), atr_period)
}
