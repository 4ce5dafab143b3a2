//! `VenueBook`.

use std::sync::Mutex;

use nanobook::VenueBook;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyType};

use super::message;
use super::{Feed, read_count};
use crate::convert::{self, Arg, Member, Optional};
use crate::errors::{BindingResult, wrong_type};
use crate::exchange::{lock, lock_both, lock_detached};
use crate::snapshot::{self, PyBookSnapshot};

/// The book of a venue, rebuilt from its feed: nothing is matched here.
#[pyclass(name = "VenueBook", module = "nanobook", frozen)]
#[derive(Debug)]
pub(crate) struct PyVenueBook(Mutex<VenueBook>);

impl PyVenueBook {
    fn own(book: VenueBook) -> Self {
        Self(Mutex::new(book))
    }

    fn with<T>(&self, py: Python<'_>, run: impl FnOnce(&mut VenueBook) -> T) -> T {
        run(&mut lock(py, &self.0))
    }

    fn with_detached<T: Send>(
        &self,
        py: Python<'_>,
        run: impl FnOnce(&mut VenueBook) -> T + Send,
    ) -> T {
        py.detach(|| run(&mut lock_detached(&self.0)))
    }
}

/// Reads a snapshot.
pub(super) fn read_snapshot<'a, 'py>(
    value: &'a Bound<'py, PyAny>,
) -> PyResult<&'a Bound<'py, PyBookSnapshot>> {
    value
        .cast::<PyBookSnapshot>()
        .map_err(|_| wrong_type("snapshot", "a BookSnapshot", value))
}

#[pymethods]
impl PyVenueBook {
    #[new]
    fn new() -> Self {
        Self::own(VenueBook::new())
    }

    /// Return a book whose levels are those of a snapshot, of orders that nobody knows.
    #[classmethod]
    fn from_snapshot(
        _class: &Bound<'_, PyType>,
        snapshot: Bound<'_, PyAny>,
    ) -> BindingResult<Self> {
        let snapshot = read_snapshot(&snapshot)?;
        Ok(Self::own(VenueBook::from_snapshot(&snapshot.get().0)?))
    }

    /// Do to the book what a message says.
    fn apply(&self, message: Bound<'_, PyAny>) -> PyResult<()> {
        let read = message::read_one(&message, || "message".into())?;
        self.with(message.py(), |book| book.apply(&read));
        Ok(())
    }

    /// Do to the book what the messages of a feed say, and return how many there were.
    #[pyo3(signature = (feed, count=None))]
    fn apply_all(
        &self,
        py: Python<'_>,
        feed: Arg<'_, '_>,
        count: Option<Arg<'_, '_>>,
    ) -> BindingResult<usize> {
        let count = read_count(count)?;
        Feed::read(feed)?.drain(py, count, |messages| {
            self.with_detached(py, |book| {
                for message in messages {
                    book.apply(message);
                }
            });
        })
    }

    /// Set what rests at a price to a quantity that belongs to no known order.
    fn set_level(
        &self,
        py: Python<'_>,
        side: Arg<'_, '_>,
        price: Arg<'_, '_>,
        quantity: Arg<'_, '_>,
    ) -> BindingResult<()> {
        let side = convert::side(side, "side")?;
        let price = convert::price(price, "price")?;
        let quantity = convert::integer(quantity, "quantity")?;
        Ok(self.with(py, |book| book.set_level(side, price, quantity))?)
    }

    /// Forget all but the best levels of both sides, with their orders.
    fn keep_levels(&self, py: Python<'_>, levels: Arg<'_, '_>) -> PyResult<()> {
        let levels = convert::integer(levels, "levels")?;
        self.with(py, |book| book.keep_levels(levels));
        Ok(())
    }

    /// Return the highest bid, or ``None`` without bids.
    fn best_bid(&self, py: Python<'_>) -> Option<i64> {
        self.with(py, |book| book.best_bid()).map(|price| price.0)
    }

    /// Return the lowest ask, or ``None`` without asks.
    fn best_ask(&self, py: Python<'_>) -> Option<i64> {
        self.with(py, |book| book.best_ask()).map(|price| price.0)
    }

    /// Return the best levels of both sides.
    #[pyo3(
        signature = (levels=Optional::ABSENT),
        text_signature = "($self, levels=10)"
    )]
    fn depth(&self, py: Python<'_>, levels: Optional<'_, '_>) -> PyResult<PyBookSnapshot> {
        let levels = convert::levels(levels)?;
        let depth = self.with_detached(py, |book| book.depth(levels));
        Ok(PyBookSnapshot(depth))
    }

    /// Return all levels, each with its known orders: the venue's references as ids.
    fn full_book(&self, py: Python<'_>) -> PyBookSnapshot {
        PyBookSnapshot(self.with_detached(py, |book| book.full_book()))
    }

    /// Return side, price and what remains of an order, or ``None`` if it is not known.
    fn order(
        &self,
        py: Python<'_>,
        reference: Arg<'_, '_>,
    ) -> PyResult<Option<(Py<PyAny>, i64, u64)>> {
        let reference = convert::integer(reference, "reference")?;
        let order = self.with(py, |book| book.order(reference));
        Ok(order.map(|(side, price, quantity)| (side.member(py), price.0, quantity)))
    }

    /// Return what is ahead of an order at its level, or ``None`` if it is not known.
    fn queue_position(
        &self,
        py: Python<'_>,
        reference: Arg<'_, '_>,
    ) -> PyResult<Option<Py<PyAny>>> {
        let reference = convert::integer(reference, "reference")?;
        let position = self.with(py, |book| book.queue_position(reference));
        position
            .map(|position| convert::queue_position(py, position))
            .transpose()
    }

    /// Return how many known orders rest.
    fn order_count(&self, py: Python<'_>) -> usize {
        self.with(py, |book| book.order_count())
    }

    /// Return how well the messages so far agreed with the book.
    fn counts(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let counts = self.with(py, |book| book.counts());
        convert::feed_counts(py, counts)
    }

    /// Check what must always be so.
    fn check_invariants(&self, py: Python<'_>) -> BindingResult<()> {
        Ok(self.with_detached(py, |book| book.check_invariants())?)
    }

    /// Return the book as bytes, versioned and checksummed.
    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.with_detached(py, |book| book.to_bytes()))
    }

    /// Return the book that `to_bytes` wrote.
    #[classmethod]
    fn from_bytes(class: &Bound<'_, PyType>, data: Arg<'_, '_>) -> BindingResult<Self> {
        let data = convert::bytes_like(data, "data")?;
        let book = class.py().detach(|| VenueBook::from_bytes(data.as_ref()))?;
        Ok(Self::own(book))
    }

    // Without `__hash__`, because the value changes.
    fn __eq__(&self, py: Python<'_>, other: &Self) -> bool {
        lock_both(py, &self.0, &other.0, PartialEq::eq)
    }

    fn __copy__(&self, py: Python<'_>) -> Self {
        Self::own(self.with_detached(py, |book| book.clone()))
    }

    #[expect(unused_variables, reason = "the protocol passes it")]
    fn __deepcopy__(&self, py: Python<'_>, memo: Arg<'_, '_>) -> Self {
        self.__copy__(py)
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        let py = slf.py();
        let rebuild = PyType::new::<Self>(py).getattr(intern!(py, "from_bytes"))?;
        Ok((rebuild, (slf.get().to_bytes(py),)))
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        self.with(py, |book| {
            format!(
                "VenueBook(best_bid={}, best_ask={}, orders={}, messages={})",
                convert::shown_option(book.best_bid()),
                convert::shown_option(book.best_ask()),
                book.order_count(),
                book.counts().messages
            )
        })
    }

    fn _repr_html_(&self, py: Python<'_>) -> String {
        snapshot::html(&self.with_detached(py, |book| book.depth(10)))
    }
}
