//! What commands did: `SubmitResult`, `CancelResult`, `ModifyResult`, `StopSubmitResult`.

use std::hash::{Hash, Hasher};

use nanobook::{
    CancelError, CancelResult, Event, ModifyError, ModifyResult, OrderId, Outcome,
    StopSubmitResult, SubmitResult, Trade,
};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};

use crate::convert::{self, Arg, Member, Reduced};
use crate::errors::{invalid, shown, wrong_type};
use crate::trade::{self, PyTrade};

/// What a command did, whatever its kind.
#[derive(IntoPyObject)]
pub(crate) enum AnyResult {
    Submit(PySubmitResult),
    Cancel(PyCancelResult),
    Modify(PyModifyResult),
    Stop(PyStopSubmitResult),
}

impl AnyResult {
    /// Wraps the outcome of `event`; `trades` are the exchange's.
    pub(crate) fn new_from(event: &Event, outcome: Outcome, trades: &[Trade]) -> Self {
        let replaced = match event {
            Event::Modify { order_id, .. } => Some(*order_id),
            _ => None,
        };
        Self::of(replaced, outcome, trades)
    }

    /// Wraps an outcome; `replaced` is the order that a modify was about.
    pub(crate) fn of(replaced: Option<OrderId>, outcome: Outcome, trades: &[Trade]) -> Self {
        match (replaced, &outcome) {
            (Some(order_id), Outcome::Modify(_)) => {
                Self::Modify(PyModifyResult::new_from(order_id, outcome, trades))
            }
            (_, Outcome::Cancel(_)) => Self::Cancel(PyCancelResult::new_from(outcome)),
            (_, Outcome::Stop(_)) => Self::Stop(PyStopSubmitResult::new_from(outcome)),
            _ => Self::Submit(PySubmitResult::new_from(outcome, trades)),
        }
    }
}

/// What submitting an order did: its own matching, without what stops did afterwards.
///
/// ``filled + resting + cancelled`` is the quantity submitted.
#[pyclass(name = "SubmitResult", module = "nanobook", frozen, eq, hash)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PySubmitResult(pub(crate) SubmitResult);

impl PySubmitResult {
    /// Wraps the outcome of a submit; `trades` are the exchange's.
    #[inline]
    pub(crate) fn new_from(outcome: Outcome, trades: &[Trade]) -> Self {
        let Outcome::Submit(execution) = outcome else {
            unreachable!("a submit has a submit's outcome")
        };
        Self(SubmitResult {
            order_id: execution.order_id,
            status: execution.status,
            trades: trades[execution.trades].to_vec(),
            filled_quantity: execution.filled_quantity,
            resting_quantity: execution.resting_quantity,
            cancelled_quantity: execution.cancelled_quantity,
        })
    }
}

// What is left out follows from the rest, nearly always.
impl Hash for PySubmitResult {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.order_id.hash(state);
        self.0.status.hash(state);
        self.0.trades.hash(state);
        self.0.cancelled_quantity.hash(state);
    }
}

#[pymethods]
impl PySubmitResult {
    #[new]
    fn new(
        order_id: Arg<'_, '_>,
        status: Arg<'_, '_>,
        trades: Arg<'_, '_>,
        filled_quantity: Arg<'_, '_>,
        resting_quantity: Arg<'_, '_>,
        cancelled_quantity: Arg<'_, '_>,
    ) -> PyResult<Self> {
        Ok(Self(SubmitResult {
            order_id: convert::order_id(order_id, "order_id")?,
            status: convert::order_status(status, "status")?,
            trades: trade::read(trades, "trades")?,
            filled_quantity: convert::quantity(filled_quantity, "filled_quantity")?,
            resting_quantity: convert::quantity(resting_quantity, "resting_quantity")?,
            cancelled_quantity: convert::quantity(cancelled_quantity, "cancelled_quantity")?,
        }))
    }

    /// The new order's number.
    #[getter]
    fn order_id(&self) -> u64 {
        self.0.order_id.0
    }

    /// Where the order stands.
    #[getter]
    fn status(&self, py: Python<'_>) -> Py<PyAny> {
        self.0.status.member(py)
    }

    /// The order's trades, in order.
    #[getter]
    fn trades(&self) -> Vec<PyTrade> {
        trade::wrap(&self.0.trades)
    }

    /// What traded.
    #[getter]
    fn filled_quantity(&self) -> u64 {
        self.0.filled_quantity
    }

    /// What rests.
    #[getter]
    fn resting_quantity(&self) -> u64 {
        self.0.resting_quantity
    }

    /// What was cancelled.
    #[getter]
    fn cancelled_quantity(&self) -> u64 {
        self.0.cancelled_quantity
    }

    fn __repr__(&self) -> String {
        let result = &self.0;
        format!(
            "SubmitResult(order_id={}, status={}, trades={}, filled_quantity={}, \
             resting_quantity={}, cancelled_quantity={})",
            result.order_id,
            result.status.shown(),
            trade::shown(&result.trades),
            result.filled_quantity,
            result.resting_quantity,
            result.cancelled_quantity
        )
    }

    #[expect(clippy::type_complexity, reason = "the arguments of the constructor")]
    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> Reduced<'py, (u64, Py<PyAny>, Vec<PyTrade>, u64, u64, u64)> {
        let py = slf.py();
        let result = &slf.get().0;
        (
            PyType::new::<Self>(py),
            (
                result.order_id.0,
                result.status.member(py),
                trade::wrap(&result.trades),
                result.filled_quantity,
                result.resting_quantity,
                result.cancelled_quantity,
            ),
        )
    }
}

/// What a cancel or reduce did.
#[pyclass(name = "CancelResult", module = "nanobook", frozen, eq, hash)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PyCancelResult(pub(crate) CancelResult);

impl PyCancelResult {
    /// Wraps the outcome of a cancel or reduce.
    #[inline]
    pub(crate) fn new_from(outcome: Outcome) -> Self {
        let Outcome::Cancel(result) = outcome else {
            unreachable!("a cancel or reduce has a cancel's outcome")
        };
        Self(result)
    }
}

/// Checks that a result has success or an error.
fn check_success(success: bool, has_error: bool) -> PyResult<()> {
    if success != has_error {
        return Ok(());
    }
    Err(invalid(
        if success {
            "a success has no error"
        } else {
            "what is no success has an error"
        }
        .to_owned(),
    ))
}

#[pymethods]
impl PyCancelResult {
    #[new]
    #[pyo3(signature = (success, cancelled_quantity, error=None))]
    fn new(
        success: Arg<'_, '_>,
        cancelled_quantity: Arg<'_, '_>,
        error: Option<Arg<'_, '_>>,
    ) -> PyResult<Self> {
        const ERRORS: &[CancelError] = &[CancelError::OrderNotFound, CancelError::OrderNotActive];
        let result = CancelResult {
            success: convert::flag(success, "success")?,
            cancelled_quantity: convert::quantity(cancelled_quantity, "cancelled_quantity")?,
            error: error.map(|error| read_error(error, ERRORS)).transpose()?,
        };
        check_success(result.success, result.error.is_some())?;
        Ok(Self(result))
    }

    /// Whether anything was cancelled.
    #[getter]
    fn success(&self) -> bool {
        self.0.success
    }

    /// How much was cancelled.
    #[getter]
    fn cancelled_quantity(&self) -> u64 {
        self.0.cancelled_quantity
    }

    /// Why nothing was: ``"OrderNotFound"``, ``"OrderNotActive"``, or ``None``.
    #[getter]
    fn error(&self) -> Option<String> {
        self.0.error.map(error_name)
    }

    fn __repr__(&self) -> String {
        format!(
            "CancelResult(success={}, cancelled_quantity={}, error={})",
            shown_bool(self.0.success),
            self.0.cancelled_quantity,
            shown_error(self.0.error)
        )
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> Reduced<'py, (bool, u64, Option<String>)> {
        let result = slf.get().0;
        (
            PyType::new::<Self>(slf.py()),
            (
                result.success,
                result.cancelled_quantity,
                result.error.map(error_name),
            ),
        )
    }
}

/// What a modify did. On an error the old order still rests.
#[pyclass(name = "ModifyResult", module = "nanobook", frozen, eq, hash)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PyModifyResult(pub(crate) ModifyResult);

impl PyModifyResult {
    /// Wraps the outcome of a modify of `old_order_id`; `trades` are the exchange's.
    #[inline]
    pub(crate) fn new_from(old_order_id: OrderId, outcome: Outcome, trades: &[Trade]) -> Self {
        let Outcome::Modify(result) = outcome else {
            unreachable!("a modify has a modify's outcome")
        };
        Self(match result {
            Ok((cancelled_quantity, execution)) => ModifyResult {
                success: true,
                old_order_id,
                new_order_id: Some(execution.order_id),
                cancelled_quantity,
                trades: trades[execution.trades].to_vec(),
                error: None,
            },
            Err(error) => ModifyResult {
                success: false,
                old_order_id,
                new_order_id: None,
                cancelled_quantity: 0,
                trades: Vec::new(),
                error: Some(error),
            },
        })
    }
}

impl Hash for PyModifyResult {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.old_order_id.hash(state);
        self.0.new_order_id.hash(state);
        self.0.trades.hash(state);
        self.0.error.hash(state);
    }
}

#[pymethods]
impl PyModifyResult {
    #[new]
    #[pyo3(signature = (success, old_order_id, new_order_id, cancelled_quantity, trades, error=None))]
    fn new(
        success: Arg<'_, '_>,
        old_order_id: Arg<'_, '_>,
        new_order_id: Option<Arg<'_, '_>>,
        cancelled_quantity: Arg<'_, '_>,
        trades: Arg<'_, '_>,
        error: Option<Arg<'_, '_>>,
    ) -> PyResult<Self> {
        const ERRORS: &[ModifyError] = &[
            ModifyError::OrderNotFound,
            ModifyError::OrderNotActive,
            ModifyError::InvalidQuantity,
            ModifyError::InvalidPrice,
        ];
        let result = ModifyResult {
            success: convert::flag(success, "success")?,
            old_order_id: convert::order_id(old_order_id, "old_order_id")?,
            new_order_id: new_order_id
                .map(|id| convert::order_id(id, "new_order_id"))
                .transpose()?,
            cancelled_quantity: convert::quantity(cancelled_quantity, "cancelled_quantity")?,
            trades: trade::read(trades, "trades")?,
            error: error.map(|error| read_error(error, ERRORS)).transpose()?,
        };
        check_success(result.success, result.error.is_some())?;
        Ok(Self(result))
    }

    /// Whether the order was replaced.
    #[getter]
    fn success(&self) -> bool {
        self.0.success
    }

    /// The number given.
    #[getter]
    fn old_order_id(&self) -> u64 {
        self.0.old_order_id.0
    }

    /// The replacement's number, or ``None``.
    #[getter]
    fn new_order_id(&self) -> Option<u64> {
        self.0.new_order_id.map(|id| id.0)
    }

    /// What was left of the old order.
    #[getter]
    fn cancelled_quantity(&self) -> u64 {
        self.0.cancelled_quantity
    }

    /// The replacement's trades, in order.
    #[getter]
    fn trades(&self) -> Vec<PyTrade> {
        trade::wrap(&self.0.trades)
    }

    /// Why it was not replaced: ``"OrderNotFound"``, ``"OrderNotActive"``, ``"InvalidQuantity"``,
    /// ``"InvalidPrice"``, or ``None``.
    #[getter]
    fn error(&self) -> Option<String> {
        self.0.error.map(error_name)
    }

    fn __repr__(&self) -> String {
        let result = &self.0;
        format!(
            "ModifyResult(success={}, old_order_id={}, new_order_id={}, cancelled_quantity={}, \
             trades={}, error={})",
            shown_bool(result.success),
            result.old_order_id,
            convert::shown_option(result.new_order_id),
            result.cancelled_quantity,
            trade::shown(&result.trades),
            shown_error(result.error)
        )
    }

    #[expect(clippy::type_complexity, reason = "the arguments of the constructor")]
    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> Reduced<'py, (bool, u64, Option<u64>, u64, Vec<PyTrade>, Option<String>)> {
        let result = &slf.get().0;
        (
            PyType::new::<Self>(slf.py()),
            (
                result.success,
                result.old_order_id.0,
                result.new_order_id.map(|id| id.0),
                result.cancelled_quantity,
                trade::wrap(&result.trades),
                result.error.map(error_name),
            ),
        )
    }
}

/// What submitting a stop did.
#[pyclass(name = "StopSubmitResult", module = "nanobook", frozen, eq, hash)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PyStopSubmitResult(pub(crate) StopSubmitResult);

impl PyStopSubmitResult {
    /// Wraps the outcome of a stop.
    #[inline]
    pub(crate) fn new_from(outcome: Outcome) -> Self {
        let Outcome::Stop(result) = outcome else {
            unreachable!("a stop has a stop's outcome")
        };
        Self(result)
    }
}

#[pymethods]
impl PyStopSubmitResult {
    #[new]
    fn new(order_id: Arg<'_, '_>, status: Arg<'_, '_>) -> PyResult<Self> {
        Ok(Self(StopSubmitResult {
            order_id: convert::order_id(order_id, "order_id")?,
            status: convert::stop_status(status, "status")?,
        }))
    }

    /// The new stop's number.
    #[getter]
    fn order_id(&self) -> u64 {
        self.0.order_id.0
    }

    /// ``StopStatus.TRIGGERED`` if the last trade was already through it, else
    /// ``StopStatus.PENDING``.
    #[getter]
    fn status(&self, py: Python<'_>) -> Py<PyAny> {
        self.0.status.member(py)
    }

    fn __repr__(&self) -> String {
        format!(
            "StopSubmitResult(order_id={}, status={})",
            self.0.order_id,
            self.0.status.shown()
        )
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> Reduced<'py, (u64, Py<PyAny>)> {
        let py = slf.py();
        let result = slf.get().0;
        (
            PyType::new::<Self>(py),
            (result.order_id.0, result.status.member(py)),
        )
    }
}

/// Returns the name of an error's variant.
fn error_name(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}

fn read_error<E: Copy + std::fmt::Debug>(value: Arg<'_, '_>, errors: &[E]) -> PyResult<E> {
    let Ok(text) = value.cast::<PyString>() else {
        return Err(wrong_type("error", "a str or None", value));
    };
    let text = text.to_string_lossy();
    errors
        .iter()
        .find(|error| error_name(error) == text)
        .copied()
        .ok_or_else(|| {
            let names: Vec<_> = errors
                .iter()
                .map(|&error| shown_error(Some(error)))
                .collect();
            let names = names.join(", ");
            invalid(format!(
                "error must be one of {names}, got {}",
                shown(value)
            ))
        })
}

fn shown_bool(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

fn shown_error(error: Option<impl std::fmt::Debug>) -> String {
    error.map_or_else(|| "None".to_owned(), |error| format!("'{error:?}'"))
}
