//! `BookSnapshot` and `LevelSnapshot`.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::hash::{Hash, Hasher};

use nanobook::{BookSnapshot, LevelSnapshot, OrderId, Price, Quantity};
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyType};

use crate::convert::{self, Arg, Reduced};
use crate::errors::{invalid, out_of_range, wrong_type};

/// One price level.
// What nearly every reader asks for is there as a Python object: the interpreter reads it from its
// place, a sixth of the time that a getter which makes an integer takes.
#[pyclass(name = "LevelSnapshot", module = "nanobook", frozen, eq, hash)]
#[derive(Debug)]
pub(crate) struct PyLevelSnapshot {
    /// The price, in the smallest currency unit.
    #[pyo3(get)]
    price: Py<PyInt>,
    /// What rests there in all.
    #[pyo3(get)]
    quantity: Py<PyInt>,
    level: LevelSnapshot,
}

impl PyLevelSnapshot {
    fn new_from(py: Python<'_>, level: LevelSnapshot) -> Self {
        Self {
            price: integer(level.price.0.into_pyobject(py)),
            quantity: integer(level.quantity.into_pyobject(py)),
            level,
        }
    }
}

fn integer(made: Result<Bound<'_, PyInt>, Infallible>) -> Py<PyInt> {
    let Ok(integer) = made;
    integer.unbind()
}

impl PartialEq for PyLevelSnapshot {
    fn eq(&self, other: &Self) -> bool {
        self.level == other.level
    }
}

impl Hash for PyLevelSnapshot {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.level.hash(state);
    }
}

#[pymethods]
impl PyLevelSnapshot {
    #[new]
    #[pyo3(signature = (price, quantity, order_count, orders=None))]
    fn new(
        py: Python<'_>,
        price: Arg<'_, '_>,
        quantity: Arg<'_, '_>,
        order_count: Arg<'_, '_>,
        orders: Option<Arg<'_, '_>>,
    ) -> PyResult<Self> {
        let level = LevelSnapshot {
            price: convert::price(price, "price")?,
            quantity: convert::quantity(quantity, "quantity")?,
            order_count: convert::integer(order_count, "order_count")?,
            orders: orders.map(read_orders).transpose()?,
        };
        if !level.price.is_valid() || level.quantity == 0 {
            return Err(invalid(format!(
                "a level needs a positive price and quantity, got {} and {}",
                level.price, level.quantity
            )));
        }
        // A venue's book may hold a quantity that belongs to no known order.
        if let Some(orders) = &level.orders {
            let total: u128 = orders
                .iter()
                .map(|(_, quantity)| u128::from(*quantity))
                .sum();
            if orders.len() != level.order_count || total > u128::from(level.quantity) {
                return Err(invalid(format!(
                    "a level of {} in {} orders has orders for {total} in {}",
                    level.quantity,
                    level.order_count,
                    orders.len()
                )));
            }
        }
        Ok(Self::new_from(py, level))
    }

    /// How many orders rest there.
    #[getter]
    fn order_count(&self) -> usize {
        self.level.order_count
    }

    /// In a full book, each order's id and remaining quantity, first in the queue first;
    /// otherwise ``None``.
    #[getter]
    fn orders(&self) -> Option<Vec<(u64, u64)>> {
        self.level.orders.as_deref().map(plain_orders)
    }

    /// The price divided by 100, for scripts that count in cents and show dollars.
    #[getter]
    fn price_float(&self) -> f64 {
        convert::hundredths(self.level.price)
    }

    fn __repr__(&self) -> String {
        shown_level(&self.level)
    }

    #[expect(clippy::type_complexity, reason = "the arguments of the constructor")]
    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> Reduced<'py, (i64, u64, usize, Option<Vec<(u64, u64)>>)> {
        let level = &slf.get().level;
        (
            PyType::new::<Self>(slf.py()),
            (
                level.price.0,
                level.quantity,
                level.order_count,
                level.orders.as_deref().map(plain_orders),
            ),
        )
    }
}

fn plain_orders(orders: &[(OrderId, Quantity)]) -> Vec<(u64, u64)> {
    orders
        .iter()
        .map(|(id, quantity)| (id.0, *quantity))
        .collect()
}

fn read_orders(orders: Arg<'_, '_>) -> PyResult<Vec<(OrderId, Quantity)>> {
    let mut read = Vec::new();
    let items = convert::items(orders, "orders", "pairs of id and quantity")?;
    for (index, order) in items.enumerate() {
        let order = order?;
        let name = |field: &str| format!("orders[{index}]{field}");
        let (id, quantity) = order
            .extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()
            .map_err(|_| wrong_type(&name(""), "a pair of id and quantity", &order))?;
        read.push((
            convert::order_id(&id, &name("[0]"))?,
            convert::quantity(&quantity, &name("[1]"))?,
        ));
    }
    Ok(read)
}

fn shown_level(level: &LevelSnapshot) -> String {
    let LevelSnapshot {
        price,
        quantity,
        order_count,
        orders,
    } = level;
    let mut text =
        format!("LevelSnapshot(price={price}, quantity={quantity}, order_count={order_count}");
    if let Some(orders) = orders {
        let orders = convert::shown_list(
            orders
                .iter()
                .map(|(id, quantity)| format!("({id}, {quantity})")),
        );
        // Writing to a string cannot fail.
        let _ = write!(text, ", orders={orders}");
    }
    text + ")"
}

/// The best levels of both sides at one moment. `print` shows it as a ladder.
#[pyclass(name = "BookSnapshot", module = "nanobook", frozen, eq, hash)]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PyBookSnapshot(pub(crate) BookSnapshot);

#[pymethods]
impl PyBookSnapshot {
    #[new]
    fn new(bids: Arg<'_, '_>, asks: Arg<'_, '_>, timestamp: Arg<'_, '_>) -> PyResult<Self> {
        Ok(Self(BookSnapshot {
            bids: read_levels(bids, "bids", |better, worse| better > worse)?,
            asks: read_levels(asks, "asks", |better, worse| better < worse)?,
            timestamp: convert::integer(timestamp, "timestamp")?,
        }))
    }

    /// Bid levels, the highest first.
    #[getter]
    fn bids(&self, py: Python<'_>) -> Vec<PyLevelSnapshot> {
        wrap(py, &self.0.bids)
    }

    /// Ask levels, the lowest first.
    #[getter]
    fn asks(&self, py: Python<'_>) -> Vec<PyLevelSnapshot> {
        wrap(py, &self.0.asks)
    }

    /// The last timestamp the exchange issued; 0 before the first.
    #[getter]
    fn timestamp(&self) -> u64 {
        self.0.timestamp
    }

    /// Return the highest bid, or ``None`` without bids.
    fn best_bid(&self) -> Option<i64> {
        self.0.best_bid().map(|price| price.0)
    }

    /// Return the lowest ask, or ``None`` without asks.
    fn best_ask(&self) -> Option<i64> {
        self.0.best_ask().map(|price| price.0)
    }

    /// Return best ask - best bid, or ``None`` where a side is empty.
    fn spread(&self) -> Option<i64> {
        self.0.spread()
    }

    /// Return (best bid + best ask) / 2 rounded down, or ``None`` where a side is empty.
    fn mid_price(&self) -> Option<i64> {
        self.0.mid_price().map(|price| price.0)
    }

    /// Return the mid with each side's price weighted by the other side's best quantity, or
    /// ``None`` where a side is empty.
    fn weighted_mid(&self) -> Option<f64> {
        self.0.weighted_mid()
    }

    /// Return (bid - ask) / (bid + ask) over the quantities of all levels shown, in [-1, 1]:
    /// 1.0 or -1.0 with one side empty, ``None`` with both.
    fn imbalance(&self) -> Option<f64> {
        self.0.imbalance()
    }

    /// Return the quantity of all bid levels shown.
    fn total_bid_quantity(&self) -> u64 {
        self.0.total_bid_quantity()
    }

    /// Return the quantity of all ask levels shown.
    fn total_ask_quantity(&self) -> u64 {
        self.0.total_ask_quantity()
    }

    fn __str__(&self) -> String {
        ladder(&self.0)
    }

    fn __repr__(&self) -> String {
        let side = |levels: &[LevelSnapshot]| convert::shown_list(levels.iter().map(shown_level));
        format!(
            "BookSnapshot(bids={}, asks={}, timestamp={})",
            side(&self.0.bids),
            side(&self.0.asks),
            self.0.timestamp
        )
    }

    fn _repr_html_(&self) -> String {
        html(&self.0)
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> Reduced<'py, (Vec<PyLevelSnapshot>, Vec<PyLevelSnapshot>, u64)> {
        let py = slf.py();
        let book = &slf.get().0;
        (
            PyType::new::<Self>(py),
            (wrap(py, &book.bids), wrap(py, &book.asks), book.timestamp),
        )
    }
}

fn wrap(py: Python<'_>, levels: &[LevelSnapshot]) -> Vec<PyLevelSnapshot> {
    let levels = levels.iter().cloned();
    levels
        .map(|level| PyLevelSnapshot::new_from(py, level))
        .collect()
}

/// Reads the levels of one side, best first, whose quantities must add up to a `u64`.
fn read_levels(
    levels: Arg<'_, '_>,
    name: &str,
    better: impl Fn(Price, Price) -> bool,
) -> PyResult<Vec<LevelSnapshot>> {
    let mut read: Vec<LevelSnapshot> = Vec::new();
    let mut total: Quantity = 0;
    let items = convert::items(levels, name, "an iterable of levels")?;
    for (index, level) in items.enumerate() {
        let level = level?;
        let Ok(level) = level.cast::<PyLevelSnapshot>() else {
            let name = format!("{name}[{index}]");
            return Err(wrong_type(&name, "a LevelSnapshot", &level));
        };
        let level = level.get().level.clone();
        if let Some(last) = read.last() {
            if !better(last.price, level.price) {
                return Err(invalid(format!(
                    "{name} must be best first, got {} before {}",
                    last.price, level.price
                )));
            }
        }
        total = total.checked_add(level.quantity).ok_or_else(|| {
            out_of_range(format!("the quantities of {name} do not fit in 64 bits"))
        })?;
        read.push(level);
    }
    Ok(read)
}

/// The levels from the highest ask down to the lowest bid, with the name of their side.
fn rungs(book: &BookSnapshot) -> impl Iterator<Item = (&'static str, &LevelSnapshot)> {
    let asks = book.asks.iter().rev().map(|level| ("ask", level));
    asks.chain(book.bids.iter().map(|level| ("bid", level)))
}

/// Returns what stands between the sides.
fn middle(book: &BookSnapshot) -> String {
    match (book.spread(), book.mid_price()) {
        (Some(spread), Some(mid)) => format!("spread {spread}, mid {mid}"),
        _ if book.bids.is_empty() && book.asks.is_empty() => "empty book".to_owned(),
        _ if book.bids.is_empty() => "no bids".to_owned(),
        _ => "no asks".to_owned(),
    }
}

/// Returns the book as text: asks above, bids below, the best of both in the middle.
fn ladder(book: &BookSnapshot) -> String {
    const HEADS: [&str; 3] = ["price", "quantity", "orders"];
    let cells: Vec<(&str, [String; 3])> = rungs(book)
        .map(|(side, level)| {
            let numbers = [
                level.price.to_string(),
                level.quantity.to_string(),
                level.order_count.to_string(),
            ];
            (side, numbers)
        })
        .collect();
    let width = |column: usize| {
        cells
            .iter()
            .map(|(_, row)| row[column].len())
            .chain([HEADS[column].len()])
            .max()
            .unwrap_or_default()
    };
    let widths = [width(0), width(1), width(2)];
    let line = |side: &str, row: [&str; 3]| {
        let [price, quantity, orders] = row;
        let [w0, w1, w2] = widths;
        format!("{side:3}  {price:>w0$}  {quantity:>w1$}  {orders:>w2$}\n")
    };
    let mut text = line("", HEADS);
    let total = text.len() - 1;
    let rule = format!("{:-<total$}\n", format!("---- {} ", middle(book)));
    let asks = book.asks.len();
    for (side, [price, quantity, orders]) in &cells[..asks] {
        text += &line(side, [price, quantity, orders]);
    }
    text += &rule;
    for (side, [price, quantity, orders]) in &cells[asks..] {
        text += &line(side, [price, quantity, orders]);
    }
    text.truncate(text.len() - 1);
    text
}

/// Returns the book as an HTML table.
pub(crate) fn html(book: &BookSnapshot) -> String {
    let mut text = String::from(
        "<table><thead><tr><th>side</th><th>price</th><th>quantity</th><th>orders</th></tr>\
         </thead><tbody>",
    );
    let rule = format!(
        "<tr><td colspan=\"4\" style=\"text-align: center\">{}</td></tr>",
        middle(book)
    );
    for (index, (side, level)) in rungs(book).enumerate() {
        if index == book.asks.len() {
            text += &rule;
        }
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "<tr><td>{side}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            level.price, level.quantity, level.order_count
        );
    }
    if book.bids.is_empty() {
        text += &rule;
    }
    text + "</tbody></table>"
}
