//! `Order`.

use nanobook::{Order, OrderStatus};
use pyo3::prelude::*;
use pyo3::types::PyType;

use crate::convert::{self, Arg, Member, Reduced};
use crate::errors::invalid;

/// An order at one moment: ``original = remaining + filled + cancelled``, always.
#[pyclass(name = "Order", module = "nanobook", frozen, eq, hash)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PyOrder(pub(crate) Order);

#[pymethods]
impl PyOrder {
    #[new]
    #[expect(clippy::too_many_arguments, reason = "an order has as many fields")]
    fn new(
        id: Arg<'_, '_>,
        side: Arg<'_, '_>,
        price: Arg<'_, '_>,
        original_quantity: Arg<'_, '_>,
        remaining_quantity: Arg<'_, '_>,
        filled_quantity: Arg<'_, '_>,
        cancelled_quantity: Arg<'_, '_>,
        timestamp: Arg<'_, '_>,
        time_in_force: Arg<'_, '_>,
        status: Arg<'_, '_>,
    ) -> PyResult<Self> {
        let order = Order {
            id: convert::order_id(id, "id")?,
            side: convert::side(side, "side")?,
            price: convert::price(price, "price")?,
            original_quantity: convert::quantity(original_quantity, "original_quantity")?,
            remaining_quantity: convert::quantity(remaining_quantity, "remaining_quantity")?,
            filled_quantity: convert::quantity(filled_quantity, "filled_quantity")?,
            cancelled_quantity: convert::quantity(cancelled_quantity, "cancelled_quantity")?,
            timestamp: convert::integer(timestamp, "timestamp")?,
            time_in_force: convert::time_in_force(time_in_force, "time_in_force")?,
            status: convert::order_status(status, "status")?,
        };
        let parts = [
            order.remaining_quantity,
            order.filled_quantity,
            order.cancelled_quantity,
        ];
        let total: u128 = parts.map(u128::from).iter().sum();
        if total != u128::from(order.original_quantity) {
            return Err(invalid(format!(
                "original_quantity must be remaining + filled + cancelled, got {} and {total}",
                order.original_quantity
            )));
        }
        let fits = match order.status {
            OrderStatus::New => order.remaining_quantity > 0 && order.filled_quantity == 0,
            OrderStatus::PartiallyFilled => {
                order.remaining_quantity > 0 && order.filled_quantity > 0
            }
            OrderStatus::Filled => order.remaining_quantity == 0 && order.filled_quantity > 0,
            OrderStatus::Cancelled => order.remaining_quantity == 0 && order.cancelled_quantity > 0,
        };
        if !fits {
            return Err(invalid(format!(
                "no order is {} with {} remaining, {} filled and {} cancelled",
                order.status,
                order.remaining_quantity,
                order.filled_quantity,
                order.cancelled_quantity
            )));
        }
        Ok(Self(order))
    }

    /// The order's number, from 1 in each exchange.
    #[getter]
    fn id(&self) -> u64 {
        self.0.id.0
    }

    /// Its side.
    #[getter]
    fn side(&self, py: Python<'_>) -> Py<PyAny> {
        self.0.side.member(py)
    }

    /// Its limit, in the smallest currency unit; for a market order the largest 64-bit integer
    /// (buy) or the smallest (sell).
    #[getter]
    fn price(&self) -> i64 {
        self.0.price.0
    }

    /// What was submitted.
    #[getter]
    fn original_quantity(&self) -> u64 {
        self.0.original_quantity
    }

    /// What rests now.
    #[getter]
    fn remaining_quantity(&self) -> u64 {
        self.0.remaining_quantity
    }

    /// What has traded.
    #[getter]
    fn filled_quantity(&self) -> u64 {
        self.0.filled_quantity
    }

    /// What was cancelled or reduced.
    #[getter]
    fn cancelled_quantity(&self) -> u64 {
        self.0.cancelled_quantity
    }

    /// When it was submitted, by the exchange's own counter.
    #[getter]
    fn timestamp(&self) -> u64 {
        self.0.timestamp
    }

    /// Its time in force; IOC for a market order.
    #[getter]
    fn time_in_force(&self, py: Python<'_>) -> Py<PyAny> {
        self.0.time_in_force.member(py)
    }

    /// Where it stands.
    #[getter]
    fn status(&self, py: Python<'_>) -> Py<PyAny> {
        self.0.status.member(py)
    }

    fn __repr__(&self) -> String {
        let Order {
            id,
            side,
            price,
            original_quantity,
            remaining_quantity,
            filled_quantity,
            cancelled_quantity,
            timestamp,
            time_in_force,
            status,
        } = self.0;
        format!(
            "Order(id={id}, side={}, price={price}, original_quantity={original_quantity}, \
             remaining_quantity={remaining_quantity}, filled_quantity={filled_quantity}, \
             cancelled_quantity={cancelled_quantity}, timestamp={timestamp}, \
             time_in_force={}, status={})",
            side.shown(),
            time_in_force.shown(),
            status.shown()
        )
    }

    #[expect(clippy::type_complexity, reason = "the arguments of the constructor")]
    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> Reduced<
        'py,
        (
            u64,
            Py<PyAny>,
            i64,
            u64,
            u64,
            u64,
            u64,
            u64,
            Py<PyAny>,
            Py<PyAny>,
        ),
    > {
        let py = slf.py();
        let order = slf.get().0;
        (
            PyType::new::<Self>(py),
            (
                order.id.0,
                order.side.member(py),
                order.price.0,
                order.original_quantity,
                order.remaining_quantity,
                order.filled_quantity,
                order.cancelled_quantity,
                order.timestamp,
                order.time_in_force.member(py),
                order.status.member(py),
            ),
        )
    }
}
