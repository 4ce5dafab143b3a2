//! `Position` and `Fill`.

use nanobook::{Fill, Position, Price};
use pyo3::prelude::*;
use pyo3::types::PyType;

use crate::convert::{self, Arg, Reduced};
use crate::errors::{BindingResult, invalid};

/// What is held of one symbol, what it cost, and what was made on the part that was closed.
#[pyclass(name = "Position", module = "nanobook", frozen, eq, hash)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PyPosition(pub(crate) Position);

#[pymethods]
impl PyPosition {
    #[new]
    fn new(
        symbol: Arg<'_, '_>,
        quantity: Arg<'_, '_>,
        total_cost: Arg<'_, '_>,
        realized_pnl: Arg<'_, '_>,
    ) -> BindingResult<Self> {
        let position = Position {
            symbol: convert::symbol(symbol)?,
            quantity: convert::integer(quantity, "quantity")?,
            total_cost: convert::integer(total_cost, "total_cost")?,
            realized_pnl: convert::integer(realized_pnl, "realized_pnl")?,
        };
        if position.quantity.signum() != position.total_cost.signum() {
            return Err(invalid(format!(
                "total_cost must have the sign of quantity, got {} and {}",
                position.total_cost, position.quantity
            ))
            .into());
        }
        Ok(Self(position))
    }

    /// The symbol.
    #[getter]
    fn symbol(&self) -> &str {
        self.0.symbol.as_str()
    }

    /// How much is held; below zero for a short position.
    #[getter]
    fn quantity(&self) -> i64 {
        self.0.quantity
    }

    /// The exact cost of what is open, in the smallest currency unit, signed like the quantity.
    #[getter]
    fn total_cost(&self) -> i64 {
        self.0.total_cost
    }

    /// ``total_cost / quantity``, rounded toward zero; 0 when flat.
    #[getter]
    fn avg_entry_price(&self) -> i64 {
        self.0.avg_entry_price().0
    }

    /// What closing made so far, in the smallest currency unit; trading costs not counted.
    #[getter]
    fn realized_pnl(&self) -> i64 {
        self.0.realized_pnl
    }

    /// Return quantity x price, in the smallest currency unit.
    fn market_value(&self, price: Arg<'_, '_>) -> BindingResult<i64> {
        Ok(self
            .0
            .market_value(Price(convert::integer(price, "price")?))?)
    }

    /// Return quantity x price - total cost, in the smallest currency unit.
    fn unrealized_pnl(&self, price: Arg<'_, '_>) -> BindingResult<i64> {
        Ok(self
            .0
            .unrealized_pnl(Price(convert::integer(price, "price")?))?)
    }

    fn __repr__(&self) -> String {
        let position = &self.0;
        format!(
            "Position(symbol={}, quantity={}, total_cost={}, realized_pnl={})",
            convert::shown_symbol(position.symbol),
            position.quantity,
            position.total_cost,
            position.realized_pnl
        )
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> Reduced<'py, (String, i64, i64, i64)> {
        let position = slf.get().0;
        (
            PyType::new::<Self>(slf.py()),
            (
                position.symbol.into(),
                position.quantity,
                position.total_cost,
                position.realized_pnl,
            ),
        )
    }
}

/// What a rebalance bought or sold at one price.
#[pyclass(name = "Fill", module = "nanobook", frozen, eq, hash)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PyFill(pub(crate) Fill);

/// Returns fills as the classes that Python sees.
pub(crate) fn wrap_fills(fills: Vec<Fill>) -> Vec<PyFill> {
    fills.into_iter().map(PyFill).collect()
}

#[pymethods]
impl PyFill {
    #[new]
    fn new(
        symbol: Arg<'_, '_>,
        quantity: Arg<'_, '_>,
        price: Arg<'_, '_>,
        cost: Arg<'_, '_>,
    ) -> BindingResult<Self> {
        let fill = Fill {
            symbol: convert::symbol(symbol)?,
            quantity: convert::integer(quantity, "quantity")?,
            price: convert::price(price, "price")?,
            cost: convert::integer(cost, "cost")?,
        };
        convert::check_price(fill.price, "a fill's price")?;
        Ok(Self(fill))
    }

    /// The symbol.
    #[getter]
    fn symbol(&self) -> &str {
        self.0.symbol.as_str()
    }

    /// How much was bought, or sold when below zero.
    #[getter]
    fn quantity(&self) -> i64 {
        self.0.quantity
    }

    /// The price of each, in the smallest currency unit.
    #[getter]
    fn price(&self) -> i64 {
        self.0.price.0
    }

    /// What it cost beside quantity x price, in the smallest currency unit.
    #[getter]
    fn cost(&self) -> i64 {
        self.0.cost
    }

    fn __repr__(&self) -> String {
        let fill = &self.0;
        format!(
            "Fill(symbol={}, quantity={}, price={}, cost={})",
            convert::shown_symbol(fill.symbol),
            fill.quantity,
            fill.price,
            fill.cost
        )
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> Reduced<'py, (String, i64, i64, i64)> {
        let fill = slf.get().0;
        (
            PyType::new::<Self>(slf.py()),
            (fill.symbol.into(), fill.quantity, fill.price.0, fill.cost),
        )
    }
}
