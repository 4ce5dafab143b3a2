//! `Trade`.

use nanobook::{OrderId, Price, Trade, TradeId};
use pyo3::prelude::*;
use pyo3::types::PyType;

use crate::convert::{self, Arg, Member, Reduced};
use crate::errors::{invalid, out_of_range, wrong_type};

/// A trade between an aggressor and a passive order, at the passive order's price.
#[pyclass(name = "Trade", module = "nanobook", frozen, eq, hash)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PyTrade(pub(crate) Trade);

/// Returns trades as the classes that Python sees.
pub(crate) fn wrap(trades: &[Trade]) -> Vec<PyTrade> {
    trades.iter().copied().map(PyTrade).collect()
}

/// Returns trades as the classes that Python sees, without a copy.
pub(crate) fn wrap_owned(trades: Vec<Trade>) -> Vec<PyTrade> {
    trades.into_iter().map(PyTrade).collect()
}

/// Reads trades from any iterable.
pub(crate) fn read(trades: Arg<'_, '_>, name: &str) -> PyResult<Vec<Trade>> {
    let mut read = Vec::new();
    let items = convert::items(trades, name, "an iterable of trades")?;
    for (index, trade) in items.enumerate() {
        let trade = trade?;
        match trade.cast::<PyTrade>() {
            Ok(trade) => read.push(trade.get().0),
            Err(_) => return Err(wrong_type(&format!("{name}[{index}]"), "a Trade", &trade)),
        }
    }
    Ok(read)
}

/// Returns the repr of a list of trades.
pub(crate) fn shown(trades: &[Trade]) -> String {
    convert::shown_list(trades.iter().map(shown_trade))
}

fn shown_trade(trade: &Trade) -> String {
    let Trade {
        id,
        price,
        quantity,
        aggressor_order_id,
        passive_order_id,
        aggressor_side,
        timestamp,
    } = *trade;
    let side = aggressor_side.shown();
    format!(
        "Trade(trade_id={id}, price={price}, quantity={quantity}, \
         aggressor_order_id={aggressor_order_id}, passive_order_id={passive_order_id}, \
         aggressor_side={side}, timestamp={timestamp})"
    )
}

#[pymethods]
impl PyTrade {
    #[new]
    fn new(
        trade_id: Arg<'_, '_>,
        price: Arg<'_, '_>,
        quantity: Arg<'_, '_>,
        aggressor_order_id: Arg<'_, '_>,
        passive_order_id: Arg<'_, '_>,
        aggressor_side: Arg<'_, '_>,
        timestamp: Arg<'_, '_>,
    ) -> PyResult<Self> {
        let trade = Trade {
            id: TradeId(convert::integer(trade_id, "trade_id")?),
            price: convert::price(price, "price")?,
            quantity: convert::quantity(quantity, "quantity")?,
            aggressor_order_id: OrderId(convert::integer(
                aggressor_order_id,
                "aggressor_order_id",
            )?),
            passive_order_id: OrderId(convert::integer(passive_order_id, "passive_order_id")?),
            aggressor_side: convert::side(aggressor_side, "aggressor_side")?,
            timestamp: convert::integer(timestamp, "timestamp")?,
        };
        let Trade {
            price, quantity, ..
        } = trade;
        convert::check_price(price, "a trade's price")?;
        if quantity == 0 {
            return Err(invalid(format!(
                "a trade's quantity must be at least 1, got {quantity}"
            )));
        }
        if price.checked_notional(quantity).is_none() {
            return Err(out_of_range(format!(
                "price {price} x quantity {quantity} does not fit in 64 bits"
            )));
        }
        Ok(Self(trade))
    }

    /// The trade's number, from 1 in each exchange.
    #[getter]
    fn trade_id(&self) -> u64 {
        self.0.id.0
    }

    /// The passive order's price, in the smallest currency unit.
    #[getter]
    fn price(&self) -> i64 {
        self.0.price.0
    }

    /// How much traded.
    #[getter]
    fn quantity(&self) -> u64 {
        self.0.quantity
    }

    /// The incoming order.
    #[getter]
    fn aggressor_order_id(&self) -> u64 {
        self.0.aggressor_order_id.0
    }

    /// The resting order.
    #[getter]
    fn passive_order_id(&self) -> u64 {
        self.0.passive_order_id.0
    }

    /// The side of the incoming order.
    #[getter]
    fn aggressor_side(&self, py: Python<'_>) -> Py<PyAny> {
        self.0.aggressor_side.member(py)
    }

    /// When it happened, by the exchange's own counter.
    #[getter]
    fn timestamp(&self) -> u64 {
        self.0.timestamp
    }

    /// The price divided by 100, for scripts that count in cents and show dollars.
    #[getter]
    fn price_float(&self) -> f64 {
        convert::hundredths(self.0.price)
    }

    /// Return the side of the resting order.
    fn passive_side(&self, py: Python<'_>) -> Py<PyAny> {
        self.0.passive_side().member(py)
    }

    /// Return price x quantity in the smallest currency unit.
    fn notional(&self) -> i64 {
        self.0.notional()
    }

    /// Return the volume-weighted average price of trades, rounded toward zero.
    ///
    /// ``None`` without trades.
    #[staticmethod]
    fn vwap(trades: Arg<'_, '_>) -> PyResult<Option<i64>> {
        let trades = read(trades, "trades")?;
        Ok(Trade::vwap(&trades).map(|Price(price)| price))
    }

    fn __repr__(&self) -> String {
        shown_trade(&self.0)
    }

    #[expect(clippy::type_complexity, reason = "the arguments of the constructor")]
    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> Reduced<'py, (u64, i64, u64, u64, u64, Py<PyAny>, u64)> {
        let py = slf.py();
        let trade = slf.get().0;
        (
            PyType::new::<Self>(py),
            (
                trade.id.0,
                trade.price.0,
                trade.quantity,
                trade.aggressor_order_id.0,
                trade.passive_order_id.0,
                trade.aggressor_side.member(py),
                trade.timestamp,
            ),
        )
    }
}
