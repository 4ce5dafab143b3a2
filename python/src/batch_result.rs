//! `BatchResult`: what the commands of a batch did, as columns.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};

use arrow_array::{ArrayRef, UInt64Array};
use nanobook::{Event, Execution, OrderId, Outcome, StopStatus, Trade};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyCapsule, PyType};

use crate::convert::Arg;
use crate::errors::invalid;
use crate::records::{Cell, Kept, Kind, NO_CODE, Record};
use crate::table::{PyTable, codes};

/// Orders' statuses first, under their own codes, and then those of stops that are no order's.
const STATUSES: &[&str] = &[
    "new",
    "partially_filled",
    "filled",
    "cancelled",
    "pending",
    "triggered",
];
const PENDING: u8 = 4;
const TRIGGERED: u8 = 5;

/// The errors of a modify in their own order; those of a cancel are the first of them.
const ERRORS: &[&str] = &[
    "OrderNotFound",
    "OrderNotActive",
    "InvalidQuantity",
    "InvalidPrice",
];

/// The columns of a result while its commands run.
pub(crate) struct Outcomes {
    order_id: Vec<u64>,
    status: Vec<u8>,
    filled: Vec<u64>,
    resting: Vec<u64>,
    cancelled: Vec<u64>,
    error: Vec<u8>,
    trades: Vec<RowTrade>,
}

impl Outcomes {
    pub(crate) fn with_capacity(rows: usize) -> Self {
        Self {
            order_id: Vec::with_capacity(rows),
            status: Vec::with_capacity(rows),
            filled: Vec::with_capacity(rows),
            resting: Vec::with_capacity(rows),
            cancelled: Vec::with_capacity(rows),
            error: Vec::with_capacity(rows),
            trades: Vec::new(),
        }
    }

    /// Returns the orders that the rows so far are about.
    #[inline]
    pub(crate) fn orders(&self) -> &[u64] {
        &self.order_id
    }

    /// Adds what a command did.
    #[inline]
    pub(crate) fn push(&mut self, event: &Event, outcome: &Outcome) {
        let named = match *event {
            Event::Cancel { order_id }
            | Event::Modify { order_id, .. }
            | Event::Reduce { order_id, .. } => order_id,
            _ => OrderId(0),
        };
        match outcome {
            Outcome::Submit(execution) => {
                self.push_execution(execution, execution.cancelled_quantity);
            }
            Outcome::Modify(Ok((cancelled, execution))) => {
                self.push_execution(execution, *cancelled);
            }
            Outcome::Modify(Err(error)) => {
                self.push_row(named, NO_CODE, [0; 3], *error as u8);
            }
            Outcome::Cancel(result) => {
                let error = result.error.map_or(NO_CODE, |error| error as u8);
                self.push_row(named, NO_CODE, [0, 0, result.cancelled_quantity], error);
            }
            Outcome::Stop(result) => {
                let status = match result.status {
                    StopStatus::Triggered => TRIGGERED,
                    _ => PENDING,
                };
                self.push_row(result.order_id, status, [0; 3], NO_CODE);
            }
        }
    }

    #[inline]
    fn push_execution(&mut self, execution: &Execution, cancelled: u64) {
        let quantities = [
            execution.filled_quantity,
            execution.resting_quantity,
            cancelled,
        ];
        self.push_row(
            execution.order_id,
            execution.status as u8,
            quantities,
            NO_CODE,
        );
    }

    #[inline]
    fn push_row(&mut self, order_id: OrderId, status: u8, quantities: [u64; 3], error: u8) {
        let [filled, resting, cancelled] = quantities;
        self.order_id.push(order_id.0);
        self.status.push(status);
        self.filled.push(filled);
        self.resting.push(resting);
        self.cancelled.push(cancelled);
        self.error.push(error);
    }

    /// Adds the trades that a row made.
    #[inline]
    pub(crate) fn push_trades(&mut self, row: usize, trades: &[Trade]) {
        for trade in trades {
            self.trades.push(RowTrade(row as u64, *trade));
        }
    }

    pub(crate) fn finish(self) -> PyBatchResult {
        let (rows, trade_count) = (self.order_id.len(), self.trades.len());
        let trades = self.trades;
        let columns = move || {
            let uints = |values: Vec<u64>| -> ArrayRef { Arc::new(UInt64Array::from(values)) };
            let columns: [(&str, ArrayRef); 6] = [
                ("order_id", uints(self.order_id)),
                ("status", codes(self.status, STATUSES)),
                ("filled_quantity", uints(self.filled)),
                ("resting_quantity", uints(self.resting)),
                ("cancelled_quantity", uints(self.cancelled)),
                ("error", codes(self.error, ERRORS)),
            ];
            let columns = columns.into_iter();
            PyTable::new(columns.map(|(name, column)| (name.to_owned(), column)))
        };
        PyBatchResult {
            rows,
            trade_count,
            commands: LazyLock::new(Box::new(columns)),
            trades: LazyLock::new(Box::new(move || PyTable::of(trades.into_iter()))),
        }
    }
}

/// A trade, and the row of the command that made it.
struct RowTrade(u64, Trade);

impl Record for RowTrade {
    const FIELDS: &'static [(&'static str, Kind)] = &{
        let mut fields = [("row", Kind::Uint); 8];
        let mut place = 0;
        while place < 7 {
            fields[place + 1] = Trade::FIELDS[place];
            place += 1;
        }
        fields
    };
    type Cells = std::iter::Chain<std::array::IntoIter<Cell, 1>, std::array::IntoIter<Cell, 7>>;

    #[inline]
    fn cells(&self) -> Self::Cells {
        [Cell::Uint(self.0)].into_iter().chain(self.1.cells())
    }

    fn kept() -> &'static Kept {
        static KEPT: Kept = PyOnceLock::new();
        &KEPT
    }
}

/// A table that is made when it is first looked at; many a batch is submitted for its effect alone.
type LazyTable = LazyLock<PyTable, Box<dyn FnOnce() -> PyTable + Send>>;

/// What the commands of a batch did: a row for each.
#[pyclass(name = "BatchResult", module = "nanobook", frozen, eq, hash)]
pub(crate) struct PyBatchResult {
    rows: usize,
    trade_count: usize,
    commands: LazyTable,
    trades: LazyTable,
}

impl PartialEq for PyBatchResult {
    fn eq(&self, other: &Self) -> bool {
        *self.commands == *other.commands && *self.trades == *other.trades
    }
}

impl Hash for PyBatchResult {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.commands.hash(state);
        self.trades.hash(state);
    }
}

#[pymethods]
impl PyBatchResult {
    /// The orders that the commands are about.
    #[getter]
    fn order_id<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.commands.column(py, 0)
    }

    /// Where each new order or stop stands, as a code.
    #[getter]
    fn status<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.commands.column(py, 1)
    }

    /// What traded.
    #[getter]
    fn filled_quantity<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.commands.column(py, 2)
    }

    /// What rests.
    #[getter]
    fn resting_quantity<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.commands.column(py, 3)
    }

    /// What was cancelled.
    #[getter]
    fn cancelled_quantity<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.commands.column(py, 4)
    }

    /// Why a cancel, modify or reduce did nothing, as a code.
    #[getter]
    fn error<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.commands.column(py, 5)
    }

    /// All trades, each with the ``row`` of its command.
    #[getter]
    fn trades(&self, py: Python<'_>) -> PyTable {
        py.detach(|| PyTable::clone(&self.trades))
    }

    /// Return the columns as a table.
    fn to_table(&self) -> PyTable {
        PyTable::clone(&self.commands)
    }

    fn __len__(&self) -> usize {
        self.rows
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        self.commands.to_schema(py)
    }

    #[pyo3(signature = (requested_schema=None))]
    #[expect(
        unused_variables,
        reason = "the protocol passes it, and lets a producer ignore it"
    )]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Arg<'_, '_>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        self.commands.to_stream(py)
    }

    fn __repr__(&self) -> String {
        format!(
            "BatchResult(commands={}, trades={})",
            self.rows, self.trade_count
        )
    }

    fn _repr_html_(&self) -> String {
        self.commands.html()
    }

    // It never changes.
    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[expect(unused_variables, reason = "the protocol passes it")]
    fn __deepcopy__(slf: Py<Self>, memo: Arg<'_, '_>) -> Py<Self> {
        slf
    }

    /// Returns the result of what `__reduce__` gives.
    #[classmethod]
    fn _rebuild(
        _class: &Bound<'_, PyType>,
        commands: PyRef<'_, PyTable>,
        trades: PyRef<'_, PyTable>,
    ) -> PyResult<Self> {
        let (commands, trades) = (commands.clone(), trades.clone());
        let empty = Outcomes::with_capacity(0).finish();
        if commands.0.schema() != empty.commands.0.schema()
            || trades.0.schema() != empty.trades.0.schema()
        {
            return Err(invalid("the pickled result is damaged".to_owned()));
        }
        Ok(Self {
            rows: commands.0.num_rows(),
            trade_count: trades.0.num_rows(),
            commands: LazyLock::new(Box::new(|| commands)),
            trades: LazyLock::new(Box::new(|| trades)),
        })
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, (PyTable, PyTable))> {
        let result = slf.get();
        let rebuild = PyType::new::<Self>(slf.py()).getattr("_rebuild")?;
        let (commands, trades) = (&*result.commands, &*result.trades);
        Ok((rebuild, (commands.clone(), trades.clone())))
    }
}
