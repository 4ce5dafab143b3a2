//! `Exchange`: one of its own, or a live handle to one inside a `MultiExchange`.
//!
//! Every method takes the lock, calls the core once and lets go before it makes Python objects:
//! making one can run the garbage collector, and that any code, this exchange's methods too.

use std::cmp::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};

use nanobook::{
    Event, Exchange, MultiExchange, Order, OrderId, Outcome, ReplayError, StopOrder,
    ValidationError,
};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::{PyBytes, PyDict, PyType};

use crate::arguments::EventLog;
use crate::batch::{self, Commands, Purpose};
use crate::batch_result::PyBatchResult;
use crate::columns;
use crate::command;
use crate::convert::{self, Arg, Optional};
use crate::errors::{BindingError, BindingResult};
use crate::event::{self, PyEvent};
use crate::multi::PyMultiExchange;
use crate::order::PyOrder;
use crate::records;
use crate::results::{
    AnyResult, PyCancelResult, PyModifyResult, PyStopSubmitResult, PySubmitResult,
};
use crate::snapshot::PyBookSnapshot;
use crate::stop;
use crate::table::PyTable;
use crate::trade::{self, PyTrade};

/// A limit order book with its matching engine, stop orders and event log.
///
/// Prices are integers in the smallest currency unit (10050 is $100.50 in cents), quantities are
/// integers of at least 1. Calls from several threads are serialised.
#[pyclass(name = "Exchange", module = "nanobook", frozen)]
#[derive(Debug)]
pub(crate) struct PyExchange(Inner);

#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "the common one stays in place: one pointer less to follow in every call"
)]
enum Inner {
    Own(Mutex<Exchange>),
    /// Books are never removed, so the index stays that of the symbol.
    Live {
        multi: Py<PyMultiExchange>,
        index: usize,
    },
}

/// Locks while attached to the interpreter, which is let go only if another thread has the lock.
///
/// A panic is a bug of the core, and every command leaves a state that can be used: poison would
/// turn one error into one for every call that follows.
#[inline]
pub(crate) fn lock<'a, T>(py: Python<'_>, mutex: &'a Mutex<T>) -> MutexGuard<'a, T> {
    mutex
        .lock_py_attached(py)
        .unwrap_or_else(PoisonError::into_inner)
}

/// Locks while detached from the interpreter.
pub(crate) fn lock_detached<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `compare` on two locked values without the interpreter.
///
/// Two threads that compare the same values the other way round take the locks in one order, that
/// of their addresses; a value compared with itself is locked once.
pub(crate) fn lock_both<T: Send, R: Send>(
    py: Python<'_>,
    left: &Mutex<T>,
    right: &Mutex<T>,
    compare: impl FnOnce(&T, &T) -> R + Send,
) -> R {
    py.detach(|| {
        let (left_at, right_at) = (std::ptr::from_ref(left), std::ptr::from_ref(right));
        match left_at.cmp(&right_at) {
            Ordering::Equal => {
                let both = lock_detached(left);
                compare(&both, &both)
            }
            Ordering::Less => {
                let left = lock_detached(left);
                let right = lock_detached(right);
                compare(&left, &right)
            }
            Ordering::Greater => {
                let right = lock_detached(right);
                let left = lock_detached(left);
                compare(&left, &right)
            }
        }
    })
}

/// Applies a submit, with the trades it made.
#[inline]
pub(crate) fn submit(
    exchange: &mut Exchange,
    event: &Event,
) -> Result<PySubmitResult, ValidationError> {
    let outcome = exchange.apply(event)?;
    Ok(PySubmitResult::new_from(outcome, exchange.trades()))
}

impl PyExchange {
    /// Wraps an exchange of its own.
    pub(crate) fn own(exchange: Exchange) -> Self {
        Self(Inner::Own(Mutex::new(exchange)))
    }

    /// Returns a live handle to the exchange at `index`.
    pub(crate) fn live(multi: Py<PyMultiExchange>, index: usize) -> Self {
        Self(Inner::Live { multi, index })
    }

    /// Runs a short call on the exchange.
    #[inline]
    pub(crate) fn with<R>(&self, py: Python<'_>, run: impl FnOnce(&mut Exchange) -> R) -> R {
        match &self.0 {
            Inner::Own(exchange) => run(&mut lock(py, exchange)),
            Inner::Live { multi, index } => run(lock(py, &multi.get().0).exchange_at_mut(*index)),
        }
    }

    /// Runs a call that may take long on the exchange, without the interpreter.
    fn with_detached<R: Send>(
        &self,
        py: Python<'_>,
        run: impl FnOnce(&mut Exchange) -> R + Send,
    ) -> R {
        py.detach(|| self.locked(run))
    }

    /// Runs a call on the exchange while detached from the interpreter.
    pub(crate) fn locked<R>(&self, run: impl FnOnce(&mut Exchange) -> R) -> R {
        match &self.0 {
            Inner::Own(exchange) => run(&mut lock_detached(exchange)),
            Inner::Live { multi, index } => {
                run(lock_detached(&multi.get().0).exchange_at_mut(*index))
            }
        }
    }

    #[inline]
    fn apply(&self, py: Python<'_>, event: &Event) -> BindingResult<Outcome> {
        Ok(self.with(py, |exchange| exchange.apply(event))?)
    }

    #[inline]
    fn submit(&self, py: Python<'_>, event: &Event) -> BindingResult<PySubmitResult> {
        Ok(self.with(py, |exchange| submit(exchange, event))?)
    }

    #[inline]
    fn submit_stop(&self, py: Python<'_>, event: &Event) -> BindingResult<PyStopSubmitResult> {
        self.apply(py, event).map(PyStopSubmitResult::new_from)
    }

    /// Returns a copy of the exchange.
    pub(crate) fn cloned(&self, py: Python<'_>) -> Exchange {
        self.with_detached(py, |exchange| exchange.clone())
    }

    fn orders(&self, py: Python<'_>) -> Vec<Order> {
        self.with_detached(py, |exchange| exchange.orders().collect())
    }

    fn stop_orders(&self, py: Python<'_>) -> Vec<StopOrder> {
        self.with_detached(py, |exchange| exchange.stop_orders().collect())
    }

    fn equals(&self, py: Python<'_>, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Inner::Own(left), Inner::Own(right)) => lock_both(py, left, right, PartialEq::eq),
            (
                Inner::Live { multi, index },
                Inner::Live {
                    multi: other_multi,
                    index: other_index,
                },
            ) => lock_both(
                py,
                &multi.get().0,
                &other_multi.get().0,
                |left: &MultiExchange, right: &MultiExchange| {
                    left.exchange_at(*index) == right.exchange_at(*other_index)
                },
            ),
            // One lock at a time: the two kinds of lock have no common order.
            (Inner::Own(_), Inner::Live { .. }) => {
                let other = other.cloned(py);
                self.with_detached(py, |exchange| *exchange == other)
            }
            (Inner::Live { .. }, Inner::Own(_)) => {
                let own = self.cloned(py);
                other.with_detached(py, |exchange| *exchange == own)
            }
        }
    }
}

#[pymethods]
impl PyExchange {
    #[new]
    #[pyo3(signature = (event_log=EventLog::DEFAULT), text_signature = "(event_log=True)")]
    fn new(event_log: EventLog) -> PyResult<Self> {
        Ok(Self::own(if event_log.0? {
            Exchange::new()
        } else {
            Exchange::without_event_log()
        }))
    }

    /// Submit a limit order.
    #[pyo3(
        signature = (side, price, quantity, tif=Optional::ABSENT),
        text_signature = "($self, side, price, quantity, tif='gtc')"
    )]
    fn submit_limit(
        &self,
        py: Python<'_>,
        side: Arg<'_, '_>,
        price: Arg<'_, '_>,
        quantity: Arg<'_, '_>,
        tif: Optional<'_, '_>,
    ) -> BindingResult<PySubmitResult> {
        self.submit(py, &command::submit_limit(side, price, quantity, tif)?)
    }

    /// Submit a market order: an IOC at any price.
    fn submit_market(
        &self,
        py: Python<'_>,
        side: Arg<'_, '_>,
        quantity: Arg<'_, '_>,
    ) -> BindingResult<PySubmitResult> {
        self.submit(py, &command::submit_market(side, quantity)?)
    }

    /// Submit a stop that becomes a market order when a trade reaches its price.
    fn submit_stop_market(
        &self,
        py: Python<'_>,
        side: Arg<'_, '_>,
        stop_price: Arg<'_, '_>,
        quantity: Arg<'_, '_>,
    ) -> BindingResult<PyStopSubmitResult> {
        self.submit_stop(
            py,
            &command::submit_stop_market(side, stop_price, quantity)?,
        )
    }

    /// Submit a stop that becomes a limit order when a trade reaches its price.
    #[pyo3(
        signature = (side, stop_price, limit_price, quantity, tif=Optional::ABSENT),
        text_signature = "($self, side, stop_price, limit_price, quantity, tif='gtc')"
    )]
    fn submit_stop_limit(
        &self,
        py: Python<'_>,
        side: Arg<'_, '_>,
        stop_price: Arg<'_, '_>,
        limit_price: Arg<'_, '_>,
        quantity: Arg<'_, '_>,
        tif: Optional<'_, '_>,
    ) -> BindingResult<PyStopSubmitResult> {
        let event = command::submit_stop_limit(side, stop_price, limit_price, quantity, tif)?;
        self.submit_stop(py, &event)
    }

    /// Submit a stop-market whose price trails the best trade price.
    #[pyo3(signature = (side, initial_stop_price, quantity, trail_type, trail_value, atr_period=None))]
    #[expect(clippy::too_many_arguments, reason = "the Python signature")]
    fn submit_trailing_stop_market(
        &self,
        py: Python<'_>,
        side: Arg<'_, '_>,
        initial_stop_price: Arg<'_, '_>,
        quantity: Arg<'_, '_>,
        trail_type: Arg<'_, '_>,
        trail_value: Arg<'_, '_>,
        atr_period: Option<Arg<'_, '_>>,
    ) -> BindingResult<PyStopSubmitResult> {
        let event = command::submit_trailing_stop_market(
            side,
            initial_stop_price,
            quantity,
            trail_type,
            trail_value,
            atr_period,
        )?;
        self.submit_stop(py, &event)
    }

    /// Submit a stop-limit whose stop price trails the best trade price.
    #[pyo3(
        signature = (
            side, initial_stop_price, limit_price, quantity, trail_type, trail_value,
            tif=Optional::ABSENT, atr_period=None
        ),
        text_signature = "($self, side, initial_stop_price, limit_price, quantity, trail_type, trail_value, tif='gtc', atr_period=None)"
    )]
    #[expect(clippy::too_many_arguments, reason = "the Python signature")]
    fn submit_trailing_stop_limit(
        &self,
        py: Python<'_>,
        side: Arg<'_, '_>,
        initial_stop_price: Arg<'_, '_>,
        limit_price: Arg<'_, '_>,
        quantity: Arg<'_, '_>,
        trail_type: Arg<'_, '_>,
        trail_value: Arg<'_, '_>,
        tif: Optional<'_, '_>,
        atr_period: Option<Arg<'_, '_>>,
    ) -> BindingResult<PyStopSubmitResult> {
        let event = command::submit_trailing_stop_limit(
            side,
            initial_stop_price,
            limit_price,
            quantity,
            trail_type,
            trail_value,
            tif,
            atr_period,
        )?;
        self.submit_stop(py, &event)
    }

    /// Execute a command given as an event, and return what its own method returns.
    #[pyo3(name = "apply")]
    fn apply_event(&self, py: Python<'_>, event: Arg<'_, '_>) -> BindingResult<AnyResult> {
        let event = event::read_one(event, || "event".into())?;
        Ok(self.with(py, |exchange| {
            let outcome = exchange.apply(&event)?;
            Ok::<_, ValidationError>(AnyResult::new_from(&event, outcome, exchange.trades()))
        })?)
    }

    /// Execute many commands, given as columns, and return what they did as columns.
    fn submit_batch(&self, py: Python<'_>, commands: Arg<'_, '_>) -> PyResult<PyBatchResult> {
        let commands = Commands::read(commands, "commands", Purpose::Batch)?;
        let done = self.with_detached(py, |exchange| batch::run(&commands, exchange));
        batch::finish(py, &commands, done)
    }

    /// Cancel a resting order or a pending stop.
    fn cancel(&self, py: Python<'_>, order_id: Arg<'_, '_>) -> BindingResult<PyCancelResult> {
        self.apply(py, &command::cancel(order_id)?)
            .map(PyCancelResult::new_from)
    }

    /// Cancel a resting order and replace it by one with a new id and a new place in time.
    fn modify(
        &self,
        py: Python<'_>,
        order_id: Arg<'_, '_>,
        new_price: Arg<'_, '_>,
        new_quantity: Arg<'_, '_>,
    ) -> BindingResult<PyModifyResult> {
        let (id, event) = command::modify(order_id, new_price, new_quantity)?;
        Ok(self.with(py, |exchange| modify(exchange, id, &event))?)
    }

    /// Take quantity off a resting order, which keeps its place in the queue.
    fn reduce(
        &self,
        py: Python<'_>,
        order_id: Arg<'_, '_>,
        quantity: Arg<'_, '_>,
    ) -> BindingResult<PyCancelResult> {
        self.apply(py, &command::reduce(order_id, quantity)?)
            .map(PyCancelResult::new_from)
    }

    /// Return an order, finished or not, or ``None`` if its id is unknown.
    fn get_order(&self, py: Python<'_>, order_id: Arg<'_, '_>) -> BindingResult<Option<PyOrder>> {
        let id = convert::order_id(order_id, "order_id")?;
        Ok(self
            .with(py, |exchange| exchange.get_order(id))
            .map(PyOrder))
    }

    /// Return a stop order as a dictionary, or ``None`` if its id is unknown.
    fn get_stop_order<'py>(
        &self,
        py: Python<'py>,
        id: Arg<'_, 'py>,
    ) -> BindingResult<Option<Bound<'py, PyDict>>> {
        let id = convert::order_id(id, "id")?;
        let stop = self.with(py, |exchange| exchange.get_stop_order(id));
        Ok(stop.map(|stop| stop::to_dict(py, &stop)).transpose()?)
    }

    /// Return the orders and the quantity ahead of an order at its price, or ``None`` if it does
    /// not rest.
    fn queue_position(
        &self,
        py: Python<'_>,
        order_id: Arg<'_, '_>,
    ) -> BindingResult<Option<Py<PyAny>>> {
        let id = convert::order_id(order_id, "order_id")?;
        let position = self.with(py, |exchange| exchange.queue_position(id));
        Ok(position
            .map(|position| convert::queue_position(py, position))
            .transpose()?)
    }

    /// Return the highest bid, or ``None`` without bids.
    fn best_bid(&self, py: Python<'_>) -> Option<i64> {
        self.with(py, |exchange| exchange.best_bid())
            .map(|price| price.0)
    }

    /// Return the lowest ask, or ``None`` without asks.
    fn best_ask(&self, py: Python<'_>) -> Option<i64> {
        self.with(py, |exchange| exchange.best_ask())
            .map(|price| price.0)
    }

    /// Return the highest bid and the lowest ask, ``None`` where a side is empty.
    fn best_bid_ask(&self, py: Python<'_>) -> (Option<i64>, Option<i64>) {
        let (bid, ask) = self.with(py, |exchange| exchange.best_bid_ask());
        (bid.map(|price| price.0), ask.map(|price| price.0))
    }

    /// Return best ask - best bid, or ``None`` where a side is empty.
    fn spread(&self, py: Python<'_>) -> Option<i64> {
        self.with(py, |exchange| exchange.spread())
    }

    /// Return the price of the last trade, or ``None`` before the first.
    fn last_trade_price(&self, py: Python<'_>) -> Option<i64> {
        self.with(py, |exchange| exchange.last_trade_price())
            .map(|price| price.0)
    }

    /// Return the best levels of each side.
    #[pyo3(signature = (levels=Optional::ABSENT), text_signature = "($self, levels=10)")]
    fn depth(&self, py: Python<'_>, levels: Optional<'_, '_>) -> BindingResult<PyBookSnapshot> {
        let levels = convert::levels(levels)?;
        Ok(PyBookSnapshot(
            self.with(py, |exchange| exchange.depth(levels)),
        ))
    }

    /// Return every level, with each level's orders in the order of their queue.
    fn full_book(&self, py: Python<'_>) -> PyBookSnapshot {
        PyBookSnapshot(self.with(py, |exchange| exchange.full_book()))
    }

    /// Return the last timestamp issued; 0 before the first.
    fn timestamp(&self, py: Python<'_>) -> u64 {
        self.with(py, |exchange| exchange.timestamp())
    }

    /// Return all trades since the start or the last `clear_trades`, oldest first.
    fn trades(&self, py: Python<'_>) -> Vec<PyTrade> {
        trade::wrap_owned(self.with(py, |exchange| exchange.trades().to_vec()))
    }

    /// Return the trades that `trades` lists as a table.
    fn trades_table(&self, py: Python<'_>) -> PyTable {
        self.with_detached(py, |exchange| {
            PyTable::of(exchange.trades().iter().copied())
        })
    }

    /// Return the trades that `trades` lists as a structured array.
    fn trades_array<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let trades = self.with_detached(py, |exchange| exchange.trades().to_vec());
        records::to_array(py, trades.into_iter())
    }

    /// Return the orders that `get_order` knows as a table, by id.
    fn orders_table(&self, py: Python<'_>) -> PyTable {
        PyTable::of(self.orders(py).into_iter())
    }

    /// Return the orders that `get_order` knows as a structured array, by id.
    fn orders_array<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        records::to_array(py, self.orders(py).into_iter())
    }

    /// Return the stops that `get_stop_order` knows as a table, by id.
    fn stop_orders_table(&self, py: Python<'_>) -> PyTable {
        PyTable::of(self.stop_orders(py).into_iter())
    }

    /// Return the stops that `get_stop_order` knows as a structured array, by id.
    fn stop_orders_array<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        records::to_array(py, self.stop_orders(py).into_iter())
    }

    /// Return the best levels of each side as a table: bids, best first, and then asks.
    #[pyo3(signature = (levels=Optional::ABSENT), text_signature = "($self, levels=10)")]
    fn depth_table(&self, py: Python<'_>, levels: Optional<'_, '_>) -> PyResult<PyTable> {
        let levels = convert::levels(levels)?;
        let book = self.with(py, |exchange| exchange.depth(levels));
        Ok(PyTable::of(records::levels(&book)))
    }

    /// Return the best levels of each side as a structured array: bids, best first, and then asks.
    #[pyo3(signature = (levels=Optional::ABSENT), text_signature = "($self, levels=10)")]
    fn depth_array<'py>(
        &self,
        py: Python<'py>,
        levels: Optional<'_, '_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let levels = convert::levels(levels)?;
        let book = self.with(py, |exchange| exchange.depth(levels));
        records::to_array(py, records::levels(&book))
    }

    /// Forget the trades; the last trade price stays.
    fn clear_trades(&self, py: Python<'_>) {
        self.with(py, Exchange::clear_trades);
    }

    /// Return the event log: every accepted command, oldest first.
    fn events(&self, py: Python<'_>) -> Vec<PyEvent> {
        let events = self.with(py, |exchange| exchange.events().to_vec());
        events.into_iter().map(PyEvent).collect()
    }

    /// Return the event log as a table.
    fn events_table(&self, py: Python<'_>) -> PyTable {
        self.with_detached(py, |exchange| PyTable::of(exchange.events().iter()))
    }

    /// Return the event log as a structured array.
    fn events_array<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let events = self.with(py, |exchange| exchange.events().to_vec());
        records::to_array(py, events.into_iter())
    }

    /// Return whether accepted commands are logged.
    fn has_event_log(&self, py: Python<'_>) -> bool {
        self.with(py, |exchange| exchange.has_event_log())
    }

    /// Forget the event log; `save` needs a complete one.
    fn clear_events(&self, py: Python<'_>) {
        self.with(py, Exchange::clear_events);
    }

    /// Forget finished orders and stops, and return how many they were.
    fn clear_order_history(&self, py: Python<'_>) -> usize {
        self.with(py, Exchange::clear_order_history)
    }

    /// Return how many stops wait for their price.
    fn pending_stop_count(&self, py: Python<'_>) -> usize {
        self.with(py, |exchange| exchange.pending_stop_count())
    }

    /// Check the book's internal consistency; raise `InvariantError` where it is broken.
    fn check_invariants(&self, py: Python<'_>) -> BindingResult<()> {
        Ok(self.with_detached(py, |exchange| exchange.check_invariants())?)
    }

    /// Return a hash of the state, 16 hexadecimal digits.
    fn state_digest(&self, py: Python<'_>) -> String {
        convert::digest(self.with_detached(py, |exchange| exchange.state_digest()))
    }

    /// Return the exchange that a list of events leads to.
    #[classmethod]
    fn replay(class: &Bound<'_, PyType>, events: Arg<'_, '_>) -> BindingResult<Self> {
        let py = class.py();
        let exchange = if columns::is_table(events)? {
            Commands::read(events, "events", Purpose::Replay)?.replay(py)?
        } else {
            let events = event::read(events)?;
            let replayed = batch::replay(py, events.len(), |exchange, index| {
                let applied = exchange.apply(&events[index]);
                applied.map_err(|error| ReplayError { index, error })
            })?;
            replayed.map_err(|(_, error)| error)?
        };
        Ok(Self::own(exchange))
    }

    /// Return the whole state as bytes, versioned and checksummed.
    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let bytes = self.with_detached(py, |exchange| exchange.to_bytes());
        PyBytes::new(py, &bytes)
    }

    /// Return the exchange that `to_bytes` wrote.
    #[classmethod]
    fn from_bytes(class: &Bound<'_, PyType>, data: Arg<'_, '_>) -> BindingResult<Self> {
        let data = convert::bytes_like(data, "data")?;
        let exchange = class.py().detach(|| Exchange::from_bytes(data.as_ref()))?;
        Ok(Self::own(exchange))
    }

    /// Write the event log to a file, as JSON Lines.
    fn save(&self, py: Python<'_>, path: Arg<'_, '_>) -> BindingResult<()> {
        let path = convert::path(path)?;
        self.with_detached(py, |exchange| exchange.save(&path))
            .map_err(|error| BindingError::file(error, &path))
    }

    /// Return the exchange that `save` wrote to a file.
    #[classmethod]
    fn load(class: &Bound<'_, PyType>, path: Arg<'_, '_>) -> BindingResult<Self> {
        let path = convert::path(path)?;
        class
            .py()
            .detach(|| Exchange::load(&path))
            .map(Self::own)
            .map_err(|error| BindingError::file(error, &path))
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (exc_type=None, exc_value=None, traceback=None))]
    #[expect(
        unused_variables,
        clippy::unused_self,
        reason = "the protocol passes them"
    )]
    fn __exit__(
        &self,
        exc_type: Option<Arg<'_, '_>>,
        exc_value: Option<Arg<'_, '_>>,
        traceback: Option<Arg<'_, '_>>,
    ) {
    }

    // Without `__hash__`, because the value changes.
    fn __eq__(&self, py: Python<'_>, other: &Self) -> bool {
        self.equals(py, other)
    }

    fn __copy__(&self, py: Python<'_>) -> Self {
        Self::own(self.cloned(py))
    }

    #[expect(unused_variables, reason = "the protocol passes it")]
    fn __deepcopy__(&self, py: Python<'_>, memo: Arg<'_, '_>) -> Self {
        Self::own(self.cloned(py))
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        let py = slf.py();
        let rebuild = PyType::new::<Self>(py).getattr(intern!(py, "from_bytes"))?;
        Ok((rebuild, (slf.get().to_bytes(py),)))
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        self.with(py, |exchange| {
            let (bid, ask) = exchange.best_bid_ask();
            format!(
                "Exchange(best_bid={}, best_ask={}, trades={}, pending_stops={})",
                convert::shown_option(bid),
                convert::shown_option(ask),
                exchange.trades().len(),
                exchange.pending_stop_count()
            )
        })
    }
}

/// Applies a modify, with the trades it made.
#[inline]
pub(crate) fn modify(
    exchange: &mut Exchange,
    order_id: OrderId,
    event: &Event,
) -> Result<PyModifyResult, ValidationError> {
    let outcome = exchange.apply(event)?;
    Ok(PyModifyResult::new_from(
        order_id,
        outcome,
        exchange.trades(),
    ))
}
