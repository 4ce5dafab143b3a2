//! `Event`.

use nanobook::Event;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

use crate::columns::SIGNALS_EVERY;
use crate::convert::{self, Arg, Member};
use crate::errors::{BindingResult, wrong_type};
use crate::stop;

/// A command as the exchange accepted it.
///
/// Applying the same events in the same order to a new exchange gives the same state.
#[pyclass(name = "Event", module = "nanobook", frozen, eq)]
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PyEvent(pub(crate) Event);

/// Reads events from any iterable.
pub(crate) fn read(events: Arg<'_, '_>) -> PyResult<Vec<Event>> {
    // A length is only what the caller's object says: memory is taken for what comes.
    let mut read = Vec::new();
    for (index, event) in convert::items(events, "events", "an iterable of events")?.enumerate() {
        let event = event?;
        if index % SIGNALS_EVERY == 0 {
            events.py().check_signals()?;
        }
        read.push(read_one(&event, || format!("events[{index}]"))?);
    }
    Ok(read)
}

/// Reads one event; `name` is what an error calls it.
pub(crate) fn read_one(event: &Bound<'_, PyAny>, name: impl Fn() -> String) -> PyResult<Event> {
    match event.cast::<PyEvent>() {
        Ok(event) => Ok(event.get().0),
        Err(_) => Err(wrong_type(&name(), "an Event", event)),
    }
}

#[pymethods]
impl PyEvent {
    /// The name of the command: ``"submit_limit"``, ``"cancel"``, ...
    #[getter]
    fn kind(&self) -> &'static str {
        self.0.kind()
    }

    /// Return the kind and the arguments of the command.
    ///
    /// The other keys are the argument names of the `Exchange` method named by ``kind``, so that
    /// ``getattr(exchange, d.pop("kind"))(**d)`` submits it again.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item(intern!(py, "kind"), self.0.kind())?;
        match self.0 {
            Event::SubmitLimit {
                side,
                price,
                quantity,
                time_in_force,
            } => {
                dict.set_item(intern!(py, "side"), side.member(py))?;
                dict.set_item(intern!(py, "price"), price.0)?;
                dict.set_item(intern!(py, "quantity"), quantity)?;
                dict.set_item(intern!(py, "tif"), time_in_force.member(py))?;
            }
            Event::SubmitMarket { side, quantity } => {
                dict.set_item(intern!(py, "side"), side.member(py))?;
                dict.set_item(intern!(py, "quantity"), quantity)?;
            }
            Event::Cancel { order_id } => {
                dict.set_item(intern!(py, "order_id"), order_id.0)?;
            }
            Event::Modify {
                order_id,
                new_price,
                new_quantity,
            } => {
                dict.set_item(intern!(py, "order_id"), order_id.0)?;
                dict.set_item(intern!(py, "new_price"), new_price.0)?;
                dict.set_item(intern!(py, "new_quantity"), new_quantity)?;
            }
            Event::Reduce { order_id, quantity } => {
                dict.set_item(intern!(py, "order_id"), order_id.0)?;
                dict.set_item(intern!(py, "quantity"), quantity)?;
            }
            Event::SubmitStopMarket {
                side,
                stop_price,
                quantity,
            } => {
                dict.set_item(intern!(py, "side"), side.member(py))?;
                dict.set_item(intern!(py, "stop_price"), stop_price.0)?;
                dict.set_item(intern!(py, "quantity"), quantity)?;
            }
            Event::SubmitStopLimit {
                side,
                stop_price,
                limit_price,
                quantity,
                time_in_force,
            } => {
                dict.set_item(intern!(py, "side"), side.member(py))?;
                dict.set_item(intern!(py, "stop_price"), stop_price.0)?;
                dict.set_item(intern!(py, "limit_price"), limit_price.0)?;
                dict.set_item(intern!(py, "quantity"), quantity)?;
                dict.set_item(intern!(py, "tif"), time_in_force.member(py))?;
            }
            Event::SubmitTrailingStopMarket {
                side,
                initial_stop_price,
                quantity,
                trail_method,
            } => {
                dict.set_item(intern!(py, "side"), side.member(py))?;
                dict.set_item(intern!(py, "initial_stop_price"), initial_stop_price.0)?;
                dict.set_item(intern!(py, "quantity"), quantity)?;
                stop::set_trail_method(&dict, trail_method)?;
            }
            Event::SubmitTrailingStopLimit {
                side,
                initial_stop_price,
                limit_price,
                quantity,
                time_in_force,
                trail_method,
            } => {
                dict.set_item(intern!(py, "side"), side.member(py))?;
                dict.set_item(intern!(py, "initial_stop_price"), initial_stop_price.0)?;
                dict.set_item(intern!(py, "limit_price"), limit_price.0)?;
                dict.set_item(intern!(py, "quantity"), quantity)?;
                dict.set_item(intern!(py, "tif"), time_in_force.member(py))?;
                stop::set_trail_method(&dict, trail_method)?;
            }
        }
        Ok(dict)
    }

    /// Return the event as one line of JSON, as `Exchange.save` writes it.
    fn to_json(&self) -> String {
        self.0.to_json()
    }

    /// Return the event that a line of JSON describes.
    #[classmethod]
    fn from_json(_class: &Bound<'_, PyType>, text: Arg<'_, '_>) -> BindingResult<Self> {
        Ok(Self(Event::from_json(&convert::text(text, "text")?)?))
    }

    fn __repr__(&self) -> String {
        format!("{:?}", self.0)
    }

    // The text and not the fields, which may be floats.
    fn __hash__(&self) -> u64 {
        convert::hash_of(&self.0.to_json())
    }

    fn __getstate__(&self) -> String {
        self.0.to_json()
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (String,))> {
        let rebuild = PyType::new::<Self>(slf.py()).getattr(intern!(slf.py(), "from_json"))?;
        Ok((rebuild, (slf.get().0.to_json(),)))
    }
}
