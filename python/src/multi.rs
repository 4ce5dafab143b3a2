//! `MultiExchange`: one exchange per symbol.

use std::sync::Mutex;

use nanobook::{
    Event, Exchange, MultiError, MultiExchange, Order, OrderId, Outcome, StopOrder, Symbol,
};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyIterator, PyList, PyString, PyType};

use crate::arguments::EventLog;
use crate::batch::{self, Commands, ManyBooks, Purpose};
use crate::batch_result::PyBatchResult;
use crate::command;
use crate::convert::{self, Arg, Optional};
use crate::errors::{BindingError, BindingResult};
use crate::event::{self, PyEvent};
use crate::exchange::{PyExchange, lock, lock_both, lock_detached};
use crate::order::PyOrder;
use crate::records;
use crate::results::{
    AnyResult, PyCancelResult, PyModifyResult, PyStopSubmitResult, PySubmitResult,
};
use crate::snapshot::PyBookSnapshot;
use crate::stop;
use crate::table::PyTable;
use crate::trade::{self, PyTrade};

/// One `Exchange` per symbol, in the order symbols first appeared.
///
/// Every method of `Exchange` is here too, with the symbol first. Submitting opens an unknown
/// symbol; everything else about one raises `UnknownSymbolError`, a `KeyError`.
#[pyclass(name = "MultiExchange", module = "nanobook", frozen)]
#[derive(Debug)]
pub(crate) struct PyMultiExchange(pub(crate) Mutex<MultiExchange>);

fn known(multi: &MultiExchange, symbol: Symbol) -> Result<&Exchange, MultiError> {
    multi
        .exchange(symbol)
        .ok_or(MultiError::UnknownSymbol(symbol))
}

fn known_mut(multi: &mut MultiExchange, symbol: Symbol) -> Result<&mut Exchange, MultiError> {
    multi
        .exchange_mut(symbol)
        .ok_or(MultiError::UnknownSymbol(symbol))
}

impl PyMultiExchange {
    fn wrap(multi: MultiExchange) -> Self {
        Self(Mutex::new(multi))
    }

    #[inline]
    fn with<R>(&self, py: Python<'_>, run: impl FnOnce(&mut MultiExchange) -> R) -> R {
        run(&mut lock(py, &self.0))
    }

    fn with_detached<R: Send>(
        &self,
        py: Python<'_>,
        run: impl FnOnce(&mut MultiExchange) -> R + Send,
    ) -> R {
        py.detach(|| run(&mut lock_detached(&self.0)))
    }

    /// Runs a short call on the exchange of a known symbol.
    #[inline]
    fn book<R>(
        &self,
        symbol: Arg<'_, '_>,
        run: impl FnOnce(&mut Exchange) -> R,
    ) -> BindingResult<R> {
        let name = convert::known_symbol(symbol)?;
        Ok(self.with(symbol.py(), |multi| known_mut(multi, name).map(run))?)
    }

    /// Runs a call that may take long on the exchange of a known symbol, without the interpreter.
    fn book_detached<R: Send>(
        &self,
        symbol: Arg<'_, '_>,
        run: impl FnOnce(&mut Exchange) -> R + Send,
    ) -> BindingResult<R> {
        let name = convert::known_symbol(symbol)?;
        Ok(self.with_detached(symbol.py(), |multi| known_mut(multi, name).map(run))?)
    }

    #[inline]
    fn submit(&self, symbol: Arg<'_, '_>, event: &Event) -> BindingResult<PySubmitResult> {
        let name = convert::symbol(symbol)?;
        Ok(self.with(symbol.py(), |multi| {
            let outcome = multi.apply(name, event)?;
            let trades = known(multi, name)?.trades();
            Ok::<_, MultiError>(PySubmitResult::new_from(outcome, trades))
        })?)
    }

    fn submit_stop(&self, symbol: Arg<'_, '_>, event: &Event) -> BindingResult<PyStopSubmitResult> {
        let name = convert::symbol(symbol)?;
        let outcome = self.with(symbol.py(), |multi| multi.apply(name, event))?;
        Ok(PyStopSubmitResult::new_from(outcome))
    }

    /// Applies a command that needs a known symbol.
    #[inline]
    fn apply(&self, symbol: Arg<'_, '_>, event: &Event) -> BindingResult<Outcome> {
        let name = convert::known_symbol(symbol)?;
        Ok(self.with(symbol.py(), |multi| multi.apply(name, event))?)
    }

    fn modify_known(
        &self,
        symbol: Arg<'_, '_>,
        order_id: OrderId,
        event: &Event,
    ) -> BindingResult<PyModifyResult> {
        let name = convert::known_symbol(symbol)?;
        Ok(self.with(symbol.py(), |multi| {
            let outcome = multi.apply(name, event)?;
            let trades = known(multi, name)?.trades();
            Ok::<_, MultiError>(PyModifyResult::new_from(order_id, outcome, trades))
        })?)
    }

    fn orders(&self, symbol: Arg<'_, '_>) -> BindingResult<Vec<Order>> {
        self.book_detached(symbol, |exchange| exchange.orders().collect())
    }

    fn stop_orders(&self, symbol: Arg<'_, '_>) -> BindingResult<Vec<StopOrder>> {
        self.book_detached(symbol, |exchange| exchange.stop_orders().collect())
    }

    fn names(&self, py: Python<'_>) -> Vec<Symbol> {
        self.with(py, |multi| multi.symbols().to_vec())
    }

    fn cloned(&self, py: Python<'_>) -> Self {
        Self::wrap(self.with_detached(py, |multi| multi.clone()))
    }
}

#[pymethods]
impl PyMultiExchange {
    #[new]
    #[pyo3(signature = (event_log=EventLog::DEFAULT), text_signature = "(event_log=True)")]
    fn new(event_log: EventLog) -> PyResult<Self> {
        Ok(Self::wrap(if event_log.0? {
            MultiExchange::new()
        } else {
            MultiExchange::without_event_log()
        }))
    }

    /// Return a live handle to the exchange of a symbol: what is done through it is done here.
    fn exchange(slf: &Bound<'_, Self>, symbol: Arg<'_, '_>) -> BindingResult<PyExchange> {
        let name = convert::known_symbol(symbol)?;
        let index = slf
            .get()
            .with(slf.py(), |multi| multi.index_of(name))
            .ok_or(MultiError::UnknownSymbol(name))?;
        Ok(PyExchange::live(slf.clone().unbind(), index))
    }

    /// Return a live handle to the exchange of a symbol, which is opened if it is unknown.
    fn get_or_create(slf: &Bound<'_, Self>, symbol: Arg<'_, '_>) -> BindingResult<PyExchange> {
        let name = convert::symbol(symbol)?;
        let index = slf.get().with(slf.py(), |multi| {
            multi.get_or_create(name);
            multi.index_of(name)
        });
        let index = index.ok_or(MultiError::UnknownSymbol(name))?;
        Ok(PyExchange::live(slf.clone().unbind(), index))
    }

    /// Return the symbols in the order they first appeared.
    fn symbols(&self, py: Python<'_>) -> Vec<String> {
        self.names(py).into_iter().map(String::from).collect()
    }

    /// Return ``(symbol, best bid, best ask)`` for each symbol.
    fn best_prices(&self, py: Python<'_>) -> Vec<(String, Option<i64>, Option<i64>)> {
        self.with(py, |multi| multi.best_prices())
            .into_iter()
            .map(|(symbol, bid, ask)| {
                (
                    String::from(symbol),
                    bid.map(|price| price.0),
                    ask.map(|price| price.0),
                )
            })
            .collect()
    }

    /// Return how many symbols there are.
    fn len(&self, py: Python<'_>) -> usize {
        self.with(py, |multi| multi.len())
    }

    /// Submit a limit order.
    #[pyo3(
        signature = (symbol, side, price, quantity, tif=Optional::ABSENT),
        text_signature = "($self, symbol, side, price, quantity, tif='gtc')"
    )]
    fn submit_limit(
        &self,
        symbol: Arg<'_, '_>,
        side: Arg<'_, '_>,
        price: Arg<'_, '_>,
        quantity: Arg<'_, '_>,
        tif: Optional<'_, '_>,
    ) -> BindingResult<PySubmitResult> {
        self.submit(symbol, &command::submit_limit(side, price, quantity, tif)?)
    }

    /// Submit a market order: an IOC at any price.
    fn submit_market(
        &self,
        symbol: Arg<'_, '_>,
        side: Arg<'_, '_>,
        quantity: Arg<'_, '_>,
    ) -> BindingResult<PySubmitResult> {
        self.submit(symbol, &command::submit_market(side, quantity)?)
    }

    /// Submit a stop that becomes a market order when a trade reaches its price.
    fn submit_stop_market(
        &self,
        symbol: Arg<'_, '_>,
        side: Arg<'_, '_>,
        stop_price: Arg<'_, '_>,
        quantity: Arg<'_, '_>,
    ) -> BindingResult<PyStopSubmitResult> {
        let event = command::submit_stop_market(side, stop_price, quantity)?;
        self.submit_stop(symbol, &event)
    }

    /// Submit a stop that becomes a limit order when a trade reaches its price.
    #[pyo3(
        signature = (symbol, side, stop_price, limit_price, quantity, tif=Optional::ABSENT),
        text_signature = "($self, symbol, side, stop_price, limit_price, quantity, tif='gtc')"
    )]
    fn submit_stop_limit(
        &self,
        symbol: Arg<'_, '_>,
        side: Arg<'_, '_>,
        stop_price: Arg<'_, '_>,
        limit_price: Arg<'_, '_>,
        quantity: Arg<'_, '_>,
        tif: Optional<'_, '_>,
    ) -> BindingResult<PyStopSubmitResult> {
        let event = command::submit_stop_limit(side, stop_price, limit_price, quantity, tif)?;
        self.submit_stop(symbol, &event)
    }

    /// Submit a stop-market whose price trails the best trade price.
    #[pyo3(
        signature = (
            symbol, side, initial_stop_price, quantity, trail_type, trail_value, atr_period=None
        )
    )]
    #[expect(clippy::too_many_arguments, reason = "the Python signature")]
    fn submit_trailing_stop_market(
        &self,
        symbol: Arg<'_, '_>,
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
        self.submit_stop(symbol, &event)
    }

    /// Submit a stop-limit whose stop price trails the best trade price.
    #[pyo3(
        signature = (
            symbol, side, initial_stop_price, limit_price, quantity, trail_type, trail_value,
            tif=Optional::ABSENT, atr_period=None
        ),
        text_signature = "($self, symbol, side, initial_stop_price, limit_price, quantity, trail_type, trail_value, tif='gtc', atr_period=None)"
    )]
    #[expect(clippy::too_many_arguments, reason = "the Python signature")]
    fn submit_trailing_stop_limit(
        &self,
        symbol: Arg<'_, '_>,
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
        self.submit_stop(symbol, &event)
    }

    /// Execute a command given as an event, and return what its own method returns.
    #[pyo3(name = "apply")]
    fn apply_event(&self, symbol: Arg<'_, '_>, event: Arg<'_, '_>) -> BindingResult<AnyResult> {
        let event = event::read_one(event, || "event".into())?;
        let name = match event {
            Event::Cancel { .. } | Event::Modify { .. } | Event::Reduce { .. } => {
                convert::known_symbol(symbol)?
            }
            _ => convert::symbol(symbol)?,
        };
        Ok(self.with(symbol.py(), |multi| {
            let outcome = multi.apply(name, &event)?;
            let trades = known(multi, name)?.trades();
            Ok::<_, MultiError>(AnyResult::new_from(&event, outcome, trades))
        })?)
    }

    /// Execute many commands, given as columns, and return what they did as columns.
    fn submit_batch(&self, py: Python<'_>, commands: Arg<'_, '_>) -> PyResult<PyBatchResult> {
        let commands = Commands::read(commands, "commands", Purpose::MultiBatch)?;
        let done = self.with_detached(py, |multi| {
            batch::run(&commands, ManyBooks::new(multi, &commands))
        });
        batch::finish(py, &commands, done)
    }

    /// Cancel a resting order or a pending stop.
    fn cancel(&self, symbol: Arg<'_, '_>, order_id: Arg<'_, '_>) -> BindingResult<PyCancelResult> {
        self.apply(symbol, &command::cancel(order_id)?)
            .map(PyCancelResult::new_from)
    }

    /// Cancel a resting order and replace it by one with a new id and a new place in time.
    fn modify(
        &self,
        symbol: Arg<'_, '_>,
        order_id: Arg<'_, '_>,
        new_price: Arg<'_, '_>,
        new_quantity: Arg<'_, '_>,
    ) -> BindingResult<PyModifyResult> {
        let (id, event) = command::modify(order_id, new_price, new_quantity)?;
        self.modify_known(symbol, id, &event)
    }

    /// Take quantity off a resting order, which keeps its place in the queue.
    fn reduce(
        &self,
        symbol: Arg<'_, '_>,
        order_id: Arg<'_, '_>,
        quantity: Arg<'_, '_>,
    ) -> BindingResult<PyCancelResult> {
        self.apply(symbol, &command::reduce(order_id, quantity)?)
            .map(PyCancelResult::new_from)
    }

    /// Return an order, finished or not, or ``None`` if its id is unknown.
    fn get_order(
        &self,
        symbol: Arg<'_, '_>,
        order_id: Arg<'_, '_>,
    ) -> BindingResult<Option<PyOrder>> {
        let id = convert::order_id(order_id, "order_id")?;
        let order = self.book(symbol, |exchange| exchange.get_order(id))?;
        Ok(order.map(PyOrder))
    }

    /// Return a stop order as a dictionary, or ``None`` if its id is unknown.
    fn get_stop_order<'py>(
        &self,
        py: Python<'py>,
        symbol: Arg<'_, 'py>,
        id: Arg<'_, 'py>,
    ) -> BindingResult<Option<Bound<'py, PyDict>>> {
        let id = convert::order_id(id, "id")?;
        let stop = self.book(symbol, |exchange| exchange.get_stop_order(id))?;
        Ok(stop.map(|stop| stop::to_dict(py, &stop)).transpose()?)
    }

    /// Return the orders and the quantity ahead of an order at its price, or ``None`` if it does
    /// not rest.
    fn queue_position(
        &self,
        py: Python<'_>,
        symbol: Arg<'_, '_>,
        order_id: Arg<'_, '_>,
    ) -> BindingResult<Option<Py<PyAny>>> {
        let id = convert::order_id(order_id, "order_id")?;
        let position = self.book(symbol, |exchange| exchange.queue_position(id))?;
        Ok(position
            .map(|position| convert::queue_position(py, position))
            .transpose()?)
    }

    /// Return the highest bid, or ``None`` without bids.
    fn best_bid(&self, symbol: Arg<'_, '_>) -> BindingResult<Option<i64>> {
        let bid = self.book(symbol, |exchange| exchange.best_bid())?;
        Ok(bid.map(|price| price.0))
    }

    /// Return the lowest ask, or ``None`` without asks.
    fn best_ask(&self, symbol: Arg<'_, '_>) -> BindingResult<Option<i64>> {
        let ask = self.book(symbol, |exchange| exchange.best_ask())?;
        Ok(ask.map(|price| price.0))
    }

    /// Return the highest bid and the lowest ask, ``None`` where a side is empty.
    fn best_bid_ask(&self, symbol: Arg<'_, '_>) -> BindingResult<(Option<i64>, Option<i64>)> {
        let (bid, ask) = self.book(symbol, |exchange| exchange.best_bid_ask())?;
        Ok((bid.map(|price| price.0), ask.map(|price| price.0)))
    }

    /// Return best ask - best bid, or ``None`` where a side is empty.
    fn spread(&self, symbol: Arg<'_, '_>) -> BindingResult<Option<i64>> {
        self.book(symbol, |exchange| exchange.spread())
    }

    /// Return the price of the last trade, or ``None`` before the first.
    fn last_trade_price(&self, symbol: Arg<'_, '_>) -> BindingResult<Option<i64>> {
        let price = self.book(symbol, |exchange| exchange.last_trade_price())?;
        Ok(price.map(|price| price.0))
    }

    /// Return the best levels of each side.
    #[pyo3(
        signature = (symbol, levels=Optional::ABSENT),
        text_signature = "($self, symbol, levels=10)"
    )]
    fn depth(
        &self,
        symbol: Arg<'_, '_>,
        levels: Optional<'_, '_>,
    ) -> BindingResult<PyBookSnapshot> {
        let levels = convert::levels(levels)?;
        self.book(symbol, |exchange| exchange.depth(levels))
            .map(PyBookSnapshot)
    }

    /// Return every level, with each level's orders in the order of their queue.
    fn full_book(&self, symbol: Arg<'_, '_>) -> BindingResult<PyBookSnapshot> {
        self.book(symbol, |exchange| exchange.full_book())
            .map(PyBookSnapshot)
    }

    /// Return the last timestamp issued; 0 before the first.
    fn timestamp(&self, symbol: Arg<'_, '_>) -> BindingResult<u64> {
        self.book(symbol, |exchange| exchange.timestamp())
    }

    /// Return all trades since the start or the last `clear_trades`, oldest first.
    fn trades(&self, symbol: Arg<'_, '_>) -> BindingResult<Vec<PyTrade>> {
        self.book(symbol, |exchange| exchange.trades().to_vec())
            .map(trade::wrap_owned)
    }

    /// Return the trades that `trades` lists as a table.
    fn trades_table(&self, symbol: Arg<'_, '_>) -> BindingResult<PyTable> {
        self.book_detached(symbol, |exchange| {
            PyTable::of(exchange.trades().iter().copied())
        })
    }

    /// Return the trades that `trades` lists as a structured array.
    fn trades_array<'py>(
        &self,
        py: Python<'py>,
        symbol: Arg<'_, 'py>,
    ) -> BindingResult<Bound<'py, PyAny>> {
        let trades = self.book_detached(symbol, |exchange| exchange.trades().to_vec())?;
        Ok(records::to_array(py, trades.into_iter())?)
    }

    /// Return the orders that `get_order` knows as a table, by id.
    fn orders_table(&self, symbol: Arg<'_, '_>) -> BindingResult<PyTable> {
        Ok(PyTable::of(self.orders(symbol)?.into_iter()))
    }

    /// Return the orders that `get_order` knows as a structured array, by id.
    fn orders_array<'py>(
        &self,
        py: Python<'py>,
        symbol: Arg<'_, 'py>,
    ) -> BindingResult<Bound<'py, PyAny>> {
        Ok(records::to_array(py, self.orders(symbol)?.into_iter())?)
    }

    /// Return the stops that `get_stop_order` knows as a table, by id.
    fn stop_orders_table(&self, symbol: Arg<'_, '_>) -> BindingResult<PyTable> {
        Ok(PyTable::of(self.stop_orders(symbol)?.into_iter()))
    }

    /// Return the stops that `get_stop_order` knows as a structured array, by id.
    fn stop_orders_array<'py>(
        &self,
        py: Python<'py>,
        symbol: Arg<'_, 'py>,
    ) -> BindingResult<Bound<'py, PyAny>> {
        Ok(records::to_array(
            py,
            self.stop_orders(symbol)?.into_iter(),
        )?)
    }

    /// Return the best levels of each side as a table: bids, best first, and then asks.
    #[pyo3(
        signature = (symbol, levels=Optional::ABSENT),
        text_signature = "($self, symbol, levels=10)"
    )]
    fn depth_table(&self, symbol: Arg<'_, '_>, levels: Optional<'_, '_>) -> BindingResult<PyTable> {
        let levels = convert::levels(levels)?;
        let book = self.book(symbol, |exchange| exchange.depth(levels))?;
        Ok(PyTable::of(records::levels(&book)))
    }

    /// Return the best levels of each side as a structured array: bids, best first, and then asks.
    #[pyo3(
        signature = (symbol, levels=Optional::ABSENT),
        text_signature = "($self, symbol, levels=10)"
    )]
    fn depth_array<'py>(
        &self,
        py: Python<'py>,
        symbol: Arg<'_, 'py>,
        levels: Optional<'_, 'py>,
    ) -> BindingResult<Bound<'py, PyAny>> {
        let levels = convert::levels(levels)?;
        let book = self.book(symbol, |exchange| exchange.depth(levels))?;
        Ok(records::to_array(py, records::levels(&book))?)
    }

    /// Forget the trades; the last trade price stays.
    fn clear_trades(&self, symbol: Arg<'_, '_>) -> BindingResult<()> {
        self.book(symbol, Exchange::clear_trades)
    }

    /// Return the event log: every accepted command, oldest first.
    fn events(&self, symbol: Arg<'_, '_>) -> BindingResult<Vec<PyEvent>> {
        let events = self.book(symbol, |exchange| exchange.events().to_vec())?;
        Ok(events.into_iter().map(PyEvent).collect())
    }

    /// Return the event log as a table.
    fn events_table(&self, symbol: Arg<'_, '_>) -> BindingResult<PyTable> {
        self.book_detached(symbol, |exchange| PyTable::of(exchange.events().iter()))
    }

    /// Return the event log as a structured array.
    fn events_array<'py>(
        &self,
        py: Python<'py>,
        symbol: Arg<'_, 'py>,
    ) -> BindingResult<Bound<'py, PyAny>> {
        let events = self.book(symbol, |exchange| exchange.events().to_vec())?;
        Ok(records::to_array(py, events.into_iter())?)
    }

    /// Return whether accepted commands are logged.
    fn has_event_log(&self, symbol: Arg<'_, '_>) -> BindingResult<bool> {
        self.book(symbol, |exchange| exchange.has_event_log())
    }

    /// Forget the event log; `save` needs a complete one.
    fn clear_events(&self, symbol: Arg<'_, '_>) -> BindingResult<()> {
        self.book(symbol, Exchange::clear_events)
    }

    /// Forget finished orders and stops, and return how many they were.
    fn clear_order_history(&self, symbol: Arg<'_, '_>) -> BindingResult<usize> {
        self.book(symbol, Exchange::clear_order_history)
    }

    /// Return how many stops wait for their price.
    fn pending_stop_count(&self, symbol: Arg<'_, '_>) -> BindingResult<usize> {
        self.book(symbol, |exchange| exchange.pending_stop_count())
    }

    /// Check internal consistency, of one exchange or of all; raise `InvariantError` where it is
    /// broken.
    #[pyo3(signature = (symbol=None))]
    fn check_invariants(&self, py: Python<'_>, symbol: Option<Arg<'_, '_>>) -> BindingResult<()> {
        match symbol {
            Some(symbol) => {
                self.book_detached(symbol, |exchange| exchange.check_invariants())??;
            }
            None => self.with_detached(py, |multi| multi.check_invariants())?,
        }
        Ok(())
    }

    /// Return a hash of the state of one exchange or of all, 16 hexadecimal digits.
    #[pyo3(signature = (symbol=None))]
    fn state_digest(&self, py: Python<'_>, symbol: Option<Arg<'_, '_>>) -> BindingResult<String> {
        let digest = match symbol {
            Some(symbol) => self.book_detached(symbol, |exchange| exchange.state_digest())?,
            None => self.with_detached(py, |multi| multi.state_digest()),
        };
        Ok(convert::digest(digest))
    }

    /// Return the whole state of one exchange or of all as bytes, versioned and checksummed.
    #[pyo3(signature = (symbol=None))]
    fn to_bytes<'py>(
        &self,
        py: Python<'py>,
        symbol: Option<Arg<'_, '_>>,
    ) -> BindingResult<Bound<'py, PyBytes>> {
        let bytes = match symbol {
            Some(symbol) => self.book_detached(symbol, |exchange| exchange.to_bytes())?,
            None => self.with_detached(py, |multi| multi.to_bytes()),
        };
        Ok(PyBytes::new(py, &bytes))
    }

    /// Return the exchanges that `to_bytes` wrote without a symbol.
    #[classmethod]
    fn from_bytes(class: &Bound<'_, PyType>, data: Arg<'_, '_>) -> BindingResult<Self> {
        let data = convert::bytes_like(data, "data")?;
        let multi = class
            .py()
            .detach(|| MultiExchange::from_bytes(data.as_ref()))?;
        Ok(Self::wrap(multi))
    }

    /// Write the event log of one exchange to a file, as JSON Lines; `Exchange.load` reads it.
    fn save(&self, symbol: Arg<'_, '_>, path: Arg<'_, '_>) -> BindingResult<()> {
        let path = convert::path(path)?;
        self.book_detached(symbol, |exchange| exchange.save(&path))?
            .map_err(|error| BindingError::file(error, &path))
    }

    fn __len__(&self, py: Python<'_>) -> usize {
        self.len(py)
    }

    fn __contains__(&self, py: Python<'_>, symbol: Arg<'_, '_>) -> bool {
        symbol.is_instance_of::<PyString>()
            && convert::symbol(symbol)
                .is_ok_and(|symbol| self.with(py, |multi| multi.contains(symbol)))
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        PyList::new(py, self.symbols(py))?.try_iter()
    }

    fn __getitem__(slf: &Bound<'_, Self>, symbol: Arg<'_, '_>) -> BindingResult<PyExchange> {
        Self::exchange(slf, symbol)
    }

    // Without `__hash__`, because the value changes.
    fn __eq__(&self, py: Python<'_>, other: &Self) -> bool {
        lock_both(py, &self.0, &other.0, PartialEq::eq)
    }

    fn __copy__(&self, py: Python<'_>) -> Self {
        self.cloned(py)
    }

    #[expect(unused_variables, reason = "the protocol passes it")]
    fn __deepcopy__(&self, py: Python<'_>, memo: Arg<'_, '_>) -> Self {
        self.cloned(py)
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        let py = slf.py();
        let rebuild = PyType::new::<Self>(py).getattr(intern!(py, "from_bytes"))?;
        let bytes = slf.get().with_detached(py, |multi| multi.to_bytes());
        Ok((rebuild, (PyBytes::new(py, &bytes),)))
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let names = self.names(py);
        let symbols = convert::shown_list(names.iter().map(|name| format!("{:?}", name.as_str())));
        format!("MultiExchange(symbols={})", symbols.replace('"', "'"))
    }
}
