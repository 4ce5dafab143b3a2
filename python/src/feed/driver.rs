//! `FeedDriver`.

use std::sync::Mutex;

use nanobook::FeedDriver;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyType};

use super::venue::read_snapshot;
use super::{Feed, message, read_count};
use crate::convert::{self, Arg};
use crate::errors::{BindingResult, wrong_type};
use crate::exchange::{PyExchange, lock, lock_both, lock_detached};
use crate::results::AnyResult;

/// Sends a feed's orders to an exchange, which matches them with all others there.
// Its lock is taken before that of an exchange.
#[pyclass(name = "FeedDriver", module = "nanobook", frozen)]
#[derive(Debug)]
pub(crate) struct PyFeedDriver(Mutex<FeedDriver>);

impl PyFeedDriver {
    fn own(driver: FeedDriver) -> Self {
        Self(Mutex::new(driver))
    }

    fn with<T>(&self, py: Python<'_>, run: impl FnOnce(&mut FeedDriver) -> T) -> T {
        run(&mut lock(py, &self.0))
    }
}

fn read_exchange<'a, 'py>(value: &'a Bound<'py, PyAny>) -> PyResult<&'a Bound<'py, PyExchange>> {
    value
        .cast::<PyExchange>()
        .map_err(|_| wrong_type("exchange", "an Exchange", value))
}

#[pymethods]
impl PyFeedDriver {
    #[new]
    fn new() -> Self {
        Self::own(FeedDriver::new())
    }

    /// Put an order at each level of a snapshot, for those that were there before the file began.
    fn seed(
        &self,
        py: Python<'_>,
        exchange: Bound<'_, PyAny>,
        snapshot: Bound<'_, PyAny>,
    ) -> BindingResult<()> {
        let exchange = read_exchange(&exchange)?.get();
        let snapshot = read_snapshot(&snapshot)?.get();
        Ok(self.with(py, |driver| {
            exchange.with(py, |exchange| driver.seed(exchange, &snapshot.0))
        })?)
    }

    /// Send what a message tells to an exchange, and return what came of it.
    fn apply(
        &self,
        py: Python<'_>,
        exchange: Bound<'_, PyAny>,
        message: Bound<'_, PyAny>,
    ) -> PyResult<Option<AnyResult>> {
        let exchange = read_exchange(&exchange)?.get();
        let message = message::read_one(&message, || "message".into())?;
        Ok(self.with(py, |driver| {
            let before = driver.order_id(message.reference);
            exchange.with(py, |exchange| {
                let outcome = driver.apply(exchange, &message)?;
                Some(AnyResult::of(before, outcome, exchange.trades()))
            })
        }))
    }

    /// Send what the messages of a feed tell to an exchange, and return how many there were.
    #[pyo3(signature = (exchange, feed, count=None))]
    fn apply_all(
        &self,
        py: Python<'_>,
        exchange: Bound<'_, PyAny>,
        feed: Arg<'_, '_>,
        count: Option<Arg<'_, '_>>,
    ) -> BindingResult<usize> {
        let exchange = read_exchange(&exchange)?.get();
        let count = read_count(count)?;
        Feed::read(feed)?.drain(py, count, |messages| {
            py.detach(|| {
                let mut driver = lock_detached(&self.0);
                exchange.locked(|exchange| {
                    for message in messages {
                        driver.apply(exchange, message);
                    }
                });
            });
        })
    }

    /// Return what the venue's order became, or ``None`` if it is not known or gone.
    fn order_id(&self, py: Python<'_>, reference: Arg<'_, '_>) -> PyResult<Option<u64>> {
        let reference = convert::integer(reference, "reference")?;
        Ok(self
            .with(py, |driver| driver.order_id(reference))
            .map(|id| id.0))
    }

    /// Return how well the messages so far agreed with what was sent.
    fn counts(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let counts = self.with(py, |driver| driver.counts());
        convert::feed_counts(py, counts)
    }

    /// Return what the driver knows as bytes, versioned and checksummed.
    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let bytes = py.detach(|| lock_detached(&self.0).to_bytes());
        PyBytes::new(py, &bytes)
    }

    /// Return the driver that `to_bytes` wrote.
    #[classmethod]
    fn from_bytes(class: &Bound<'_, PyType>, data: Arg<'_, '_>) -> BindingResult<Self> {
        let data = convert::bytes_like(data, "data")?;
        let driver = class
            .py()
            .detach(|| FeedDriver::from_bytes(data.as_ref()))?;
        Ok(Self::own(driver))
    }

    // Without `__hash__`, because the value changes.
    fn __eq__(&self, py: Python<'_>, other: &Self) -> bool {
        lock_both(py, &self.0, &other.0, PartialEq::eq)
    }

    fn __copy__(&self, py: Python<'_>) -> Self {
        Self::own(py.detach(|| lock_detached(&self.0).clone()))
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
        let counts = self.with(py, |driver| driver.counts());
        format!(
            "FeedDriver(messages={}, unknown_references={}, contradictions={})",
            counts.messages, counts.unknown_references, counts.contradictions
        )
    }
}
