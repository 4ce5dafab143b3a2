//! Strategies: Python callables, and those that never enter Python.

use std::sync::Arc;

use nanobook::{
    Decision, EqualWeight, Portfolio, PriceColumn, PriceSeries, Prices, ScheduleError, Strategy,
    Symbol, Targets, WeightSchedule,
};
use pyo3::buffer::PyUntypedBuffer;
use pyo3::prelude::*;
use pyo3::types::{
    PyByteArray, PyBytes, PyDict, PyFloat, PyList, PyMemoryView, PySlice, PyString, PyTuple, PyType,
};

use crate::array::{self, floats};
use crate::arrow;
use crate::backtest::own_error;
use crate::convert::{self, Arg};
use crate::errors::{BindingResult, OutOfRangeError, invalid, shown, with_note};
use crate::portfolio::PyPortfolio;
use crate::series;
use crate::series_input;
use crate::sweep::{CancelFlag, cancelled};

/// ``1/n`` in each of the n symbols that have had a price so far; never enters Python.
#[pyclass(name = "EqualWeight", module = "nanobook", frozen, eq, hash)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PyEqualWeight;

#[pymethods]
impl PyEqualWeight {
    #[new]
    fn new() -> Self {
        Self
    }

    #[expect(
        clippy::unused_self,
        clippy::trivially_copy_pass_by_ref,
        reason = "Python calls it on an instance"
    )]
    fn __repr__(&self) -> &'static str {
        "EqualWeight()"
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> (Bound<'py, PyType>, Bound<'py, PyTuple>) {
        (PyType::new::<Self>(slf.py()), PyTuple::empty(slf.py()))
    }

    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[expect(unused_variables, reason = "the protocol passes it")]
    fn __deepcopy__(slf: Py<Self>, memo: Arg<'_, '_>) -> Py<Self> {
        slf
    }
}

/// Targets computed before, bars x symbols; never enters Python.
#[pyclass(name = "WeightSchedule", module = "nanobook", frozen, eq, hash)]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PyWeightSchedule(WeightSchedule);

#[pymethods]
impl PyWeightSchedule {
    #[new]
    #[pyo3(signature = (array, symbols=None))]
    fn new(array: Arg<'_, '_>, symbols: Option<Arg<'_, '_>>) -> BindingResult<Self> {
        let symbols = symbols.map(series_input::read_symbols).transpose()?;
        read_schedule(array, symbols).map(Self)
    }

    /// The symbols of the columns, or ``None`` for those of the prices.
    #[getter]
    fn symbols(&self) -> Option<Vec<&str>> {
        let symbols = self.0.symbols()?;
        Some(symbols.iter().map(Symbol::as_str).collect())
    }

    /// The table, bars x symbols, as a read-only NumPy array.
    #[getter]
    fn weights<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let flat = floats(py, self.0.weights())?;
        flat.call_method1("reshape", ((self.__len__(), self.0.columns()),))
    }

    /// How many bars there are.
    fn __len__(&self) -> usize {
        let cells = self.0.weights().len();
        cells.checked_div(self.0.columns()).unwrap_or(0)
    }

    /// Return the schedule as bytes, versioned and checksummed; pickling uses it.
    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &py.detach(|| self.0.to_bytes()))
    }

    /// Return the schedule that ``to_bytes`` gave.
    #[staticmethod]
    fn from_bytes(py: Python<'_>, data: Arg<'_, '_>) -> BindingResult<Self> {
        let bytes = convert::bytes_like(data, "data")?;
        Ok(Self(
            py.detach(|| WeightSchedule::from_bytes(bytes.as_ref()))?,
        ))
    }

    fn __repr__(&self) -> String {
        let names = self.0.symbols().map_or_else(String::new, |symbols| {
            format!(", symbols={}", series::shown_symbols(symbols))
        });
        format!(
            "WeightSchedule(<{} bars x {} symbols>{names})",
            self.__len__(),
            self.0.columns()
        )
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        let py = slf.py();
        let from_bytes = PyType::new::<Self>(py).getattr("from_bytes")?;
        Ok((from_bytes, (slf.get().to_bytes(py),)))
    }

    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[expect(unused_variables, reason = "the protocol passes it")]
    fn __deepcopy__(slf: Py<Self>, memo: Arg<'_, '_>) -> Py<Self> {
        slf
    }
}

/// Reads a schedule from a table whose columns have names, or from one that goes by order.
fn read_schedule(
    table: Arg<'_, '_>,
    symbols: Option<Vec<Symbol>>,
) -> BindingResult<WeightSchedule> {
    let named = |symbols: &[Symbol], weights: Vec<f64>| {
        WeightSchedule::with_symbols(symbols, weights).map_err(|error| own_error(error).into())
    };
    let is_class = table.is_instance_of::<PyType>();
    if !is_class && series_input::is_pandas(table)? {
        let names = series_input::pandas_names(table)?;
        let has_names = names.iter().any(PyAnyMethods::is_instance_of::<PyString>);
        if symbols.is_none() && !has_names {
            let (columns, weights) = read_table(&table.call_method0("to_numpy")?)?;
            return WeightSchedule::new(columns, weights).map_err(|error| own_error(error).into());
        }
        let selected = series_input::select_pandas(&names, symbols.as_deref())?;
        let (places, symbols): (Vec<usize>, Vec<Symbol>) = selected.into_iter().unzip();
        let rows = PySlice::full(table.py());
        let selected = table.getattr("iloc")?.get_item((rows, places))?;
        let (_, weights) = read_table(&selected.call_method0("to_numpy")?)?;
        return named(&symbols, weights);
    }
    if !is_class {
        if let Some((columns, _)) = arrow::read(table, symbols.as_deref(), "weights")? {
            let (symbols, columns): (Vec<Symbol>, Vec<PriceColumn>) = columns.into_iter().unzip();
            return named(&symbols, by_rows(&columns));
        }
        series_input::refuse_lazy(table, "weights")?;
    }
    let (columns, weights) = read_table(table)?;
    let Some(symbols) = symbols else {
        return WeightSchedule::new(columns, weights).map_err(|error| own_error(error).into());
    };
    // Rows of which there are none tell of no columns.
    if columns != symbols.len() && (columns > 0 || !weights.is_empty()) {
        return Err(invalid(format!(
            "symbols must name the {columns} columns of the weights, got {}",
            symbols.len()
        ))
        .into());
    }
    named(&symbols, weights)
}

/// Returns the cells of columns, row after row, NaN for a gap.
#[expect(clippy::cast_precision_loss, reason = "a weight is a float")]
fn by_rows(columns: &[PriceColumn]) -> Vec<f64> {
    let bars = columns.first().map_or(0, PriceColumn::len);
    let cell = |column: &PriceColumn, bar: usize| match column {
        PriceColumn::Integers(cells) => cells[bar].map_or(f64::NAN, |weight| weight as f64),
        PriceColumn::Floats(cells) => cells[bar],
    };
    (0..bars)
        .flat_map(|bar| columns.iter().map(move |column| cell(column, bar)))
        .collect()
}

/// Reads a table of numbers, and returns the number of its columns with its rows one after the
/// other. `None` and the `NA` of pandas are NaN.
fn read_table(table: Arg<'_, '_>) -> PyResult<(usize, Vec<f64>)> {
    if let Some(filled) = without_mask(table)? {
        return read_table(&filled);
    }
    if let Some(buffer) = convert::native_buffer::<f64>(table) {
        let &[_, columns] = buffer.shape() else {
            return Err(invalid(format!(
                "weights must have two dimensions, bars and symbols, got {}",
                buffer.dimensions()
            )));
        };
        return Ok((columns, buffer.to_vec(table.py())?));
    }
    array::check_real(table, "weights")?;
    // A table of another library; what it makes is an array.
    let is_class = table.is_instance_of::<PyType>();
    if let Some(to_numpy) = table.getattr_opt("to_numpy")?.filter(|_| !is_class) {
        let array = to_numpy.call0()?;
        if array.getattr_opt("to_numpy")?.is_none() {
            return read_table(&array);
        }
    }
    let rows = convert::ordered(table, "weights", "a table of numbers, bars x symbols")?;
    let (mut columns, mut cells) = (None, Vec::new());
    for (bar, row) in rows.enumerate() {
        let row = row?;
        let row = without_mask(&row)?.unwrap_or(row);
        let name = format!("weights[{bar}]");
        let items = convert::ordered(&row, &name, "a row of numbers")?;
        let before = cells.len();
        for (column, weight) in items.enumerate() {
            let weight = weight?;
            let is_gap = weight.is_none() || series_input::is_na(&weight)?;
            cells.push(if is_gap {
                f64::NAN
            } else {
                convert::float(&weight, &format!("{name}[{column}]"))?
            });
        }
        let width = cells.len() - before;
        if *columns.get_or_insert(width) != width {
            return Err(invalid(format!(
                "{name} must have as many weights as the rows before, {}, got {width}",
                columns.unwrap_or(0)
            )));
        }
    }
    Ok((columns.unwrap_or(0), cells))
}

/// Returns a masked array of NumPy with NaN where it is masked: its buffer shows what is behind the
/// mask.
fn without_mask<'py>(array: Arg<'_, 'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
    if !array::is_masked(array)? {
        return Ok(None);
    }
    let kind: String = array.getattr("dtype")?.getattr("kind")?.extract()?;
    let dtype = match kind.as_str() {
        "f" | "i" | "u" => "f8",
        // For the caller to refuse.
        "c" => "c16",
        _ => "O",
    };
    let floats = array.call_method1("astype", (dtype,))?;
    floats.call_method1("filled", (f64::NAN,)).map(Some)
}

/// A strategy that never enters Python.
#[derive(Clone)]
pub(crate) enum BuiltIn {
    EqualWeight(EqualWeight),
    WeightSchedule(WeightSchedule),
}

impl BuiltIn {
    /// Returns the strategy that an object stands for, if it is built in.
    pub(crate) fn read(strategy: Arg<'_, '_>) -> Option<Self> {
        if strategy.is_instance_of::<PyEqualWeight>() {
            return Some(Self::EqualWeight(EqualWeight::new()));
        }
        let schedule = strategy.cast::<PyWeightSchedule>().ok()?;
        Some(Self::WeightSchedule(schedule.get().0.clone()))
    }
}

impl Strategy for BuiltIn {
    type Error = ScheduleError;

    fn start(&mut self, series: &PriceSeries) -> Result<(), ScheduleError> {
        match self {
            Self::EqualWeight(strategy) => strategy.start(series).map_err(|never| match never {}),
            Self::WeightSchedule(strategy) => strategy.start(series),
        }
    }

    fn compute_weights(
        &mut self,
        bar: usize,
        prices: &Prices<'_>,
        portfolio: &Arc<Portfolio>,
        targets: &mut Targets<'_>,
    ) -> Result<Decision, ScheduleError> {
        match self {
            Self::EqualWeight(strategy) => strategy
                .compute_weights(bar, prices, portfolio, targets)
                .map_err(|never| match never {}),
            Self::WeightSchedule(strategy) => {
                strategy.compute_weights(bar, prices, portfolio, targets)
            }
        }
    }
}

/// A Python callable as a strategy. Its exceptions are its error.
pub(crate) struct PyStrategy {
    callable: Py<PyAny>,
    view: Py<PyPortfolio>,
    cancel: CancelFlag,
    /// The symbols of the columns, made once: dicts of the same strings are built fast, and an
    /// answer's symbols are mostly these very objects.
    names: Vec<Py<PyString>>,
}

impl PyStrategy {
    pub(crate) fn new(callable: Arg<'_, '_>, cancel: CancelFlag) -> PyResult<Self> {
        Ok(Self {
            callable: callable.clone().unbind(),
            view: Py::new(callable.py(), PyPortfolio::view())?,
            cancel,
            names: Vec::new(),
        })
    }

    /// Returns the view that the callable gets.
    pub(crate) fn view(&self, py: Python<'_>) -> Py<PyPortfolio> {
        self.view.clone_ref(py)
    }

    fn ask(
        &self,
        py: Python<'_>,
        bar: usize,
        prices: &Prices<'_>,
        targets: &mut Targets<'_>,
    ) -> PyResult<Decision> {
        let dict = PyDict::new(py);
        for (column, price) in prices.columns() {
            dict.set_item(&self.names[column], price.0)?;
        }
        let called = self.callable.bind(py).call1((bar, dict, &self.view));
        // A callable in C returns without looking at signals.
        let called = called.and_then(|answer| py.check_signals().map(|()| answer));
        let answer = called.map_err(|error| at_bar(py, error, bar))?;
        self.read(&answer, bar, targets)
    }

    /// Reads a strategy's answer into the targets.
    fn read(
        &self,
        answer: Arg<'_, '_>,
        bar: usize,
        targets: &mut Targets<'_>,
    ) -> PyResult<Decision> {
        if answer.is_none() {
            return Ok(Decision::Hold);
        }
        if let Ok(dict) = answer.cast::<PyDict>() {
            // Of a copy: reading a weight can run code of the caller's, which may change the dict.
            for (place, (symbol, weight)) in dict.copy()?.iter().enumerate() {
                self.set(&symbol, &weight, place, bar, targets)?;
            }
            return Ok(Decision::Rebalance);
        }
        let is_list = answer.is_instance_of::<PyList>() || answer.is_instance_of::<PyTuple>();
        if !is_list {
            if let Some(weights) = read_array(answer, bar)? {
                targets.set_all(&weights);
                return Ok(Decision::Rebalance);
            }
        }
        if answer.is_instance_of::<PyString>() {
            return Err(wrong_answer(answer, bar));
        }
        let items = convert::items_of_mapping(answer).and_then(|items| items.try_iter());
        let items = items.map_err(|error| {
            if convert::is_wrong_type(answer.py(), &error) {
                wrong_answer(answer, bar)
            } else {
                at_bar(answer.py(), error, bar)
            }
        })?;
        for (place, item) in items.enumerate() {
            let item = item.map_err(|error| at_bar(answer.py(), error, bar))?;
            let Some((symbol, weight)) = convert::pair(&item) else {
                return Err(wrong_answer(&item, bar));
            };
            self.set(&symbol, &weight, place, bar, targets)?;
        }
        Ok(Decision::Rebalance)
    }

    #[inline]
    fn set(
        &self,
        symbol: Arg<'_, '_>,
        weight: Arg<'_, '_>,
        place: usize,
        bar: usize,
        targets: &mut Targets<'_>,
    ) -> PyResult<()> {
        let weight = match weight.cast_exact::<PyFloat>() {
            Ok(weight) => weight.value(),
            Err(_) => convert::float(weight, "weight").map_err(|error| {
                let py = weight.py();
                if convert::is_wrong_type(py, &error) || error.is_instance_of::<OutOfRangeError>(py)
                {
                    invalid(format!(
                        "bar {bar}: the weight of {} must be a number that fits a float, got {}",
                        shown(symbol),
                        shown(weight)
                    ))
                } else {
                    at_bar(py, error, bar)
                }
            })?,
        };
        if self.names.get(place).is_some_and(|name| symbol.is(name)) {
            targets.set_column(place, weight);
            return Ok(());
        }
        let name = symbol.cast::<PyString>().ok();
        let name = name.and_then(|name| Symbol::try_new(name.to_str().ok()?).ok());
        match name {
            Some(name) => targets.set(name, weight),
            None => {
                return Err(invalid(format!(
                    "bar {bar}: a target must be for a symbol of the price series, got {}",
                    shown(symbol)
                )));
            }
        }
        Ok(())
    }
}

/// Names the bar in an exception of the strategy's own.
#[cold]
fn at_bar(py: Python<'_>, error: PyErr, bar: usize) -> PyErr {
    with_note(py, error, &format!("raised by the strategy at bar {bar}"))
}

/// Reads an array of one dimension, of floats or integers of any size.
fn read_array(answer: Arg<'_, '_>, bar: usize) -> PyResult<Option<Vec<f64>>> {
    /// What the `struct` module calls them.
    const NUMBERS: &[u8] = b"efdgbBhHiIlLqQ";
    if is_bytes(answer) {
        return Err(wrong_answer(answer, bar));
    }
    if let Some(filled) = without_mask(answer)? {
        return read_array(&filled, bar);
    }
    if let Some(buffer) = convert::native_buffer::<f64>(answer) {
        return match buffer.dimensions() {
            1 => buffer.to_vec(answer.py()).map(Some),
            _ => Ok(None),
        };
    }
    let Ok(buffer) = PyUntypedBuffer::get(answer) else {
        return Ok(None);
    };
    if array::is_complex(answer)? {
        return Err(wrong_answer(answer, bar));
    }
    let kind = buffer.format().to_bytes().last();
    if buffer.dimensions() != 1 || !kind.is_some_and(|kind| NUMBERS.contains(kind)) {
        return Ok(None);
    }
    let weights = answer.try_iter()?;
    weights
        .map(|weight| convert::float(&weight?, "weight"))
        .collect::<PyResult<_>>()
        .map(Some)
}

/// Returns whether a value is bytes and no array: not one of numbers of that size.
fn is_bytes(value: Arg<'_, '_>) -> bool {
    value.is_instance_of::<PyBytes>()
        || value.is_instance_of::<PyByteArray>()
        || value.cast::<PyMemoryView>().is_ok_and(|view| {
            view.getattr("format")
                .is_ok_and(|format| format.eq("B").unwrap_or(false))
        })
}

#[cold]
fn wrong_answer(answer: Arg<'_, '_>, bar: usize) -> PyErr {
    invalid(format!(
        "bar {bar}: a strategy must return pairs of symbol and weight, a dict, an array of one \
         weight for each symbol, or None, got {}",
        shown(answer)
    ))
}

impl Strategy for PyStrategy {
    type Error = PyErr;

    fn start(&mut self, series: &PriceSeries) -> PyResult<()> {
        Python::attach(|py| {
            self.names = series
                .symbols()
                .iter()
                .map(|symbol| PyString::intern(py, symbol.as_str()).unbind())
                .collect();
        });
        Ok(())
    }

    fn compute_weights(
        &mut self,
        bar: usize,
        prices: &Prices<'_>,
        portfolio: &Arc<Portfolio>,
        targets: &mut Targets<'_>,
    ) -> PyResult<Decision> {
        // A sweep that was stopped does not wait for the runs it has begun.
        if self.cancel.is_set() {
            return Err(cancelled());
        }
        Python::attach(|py| {
            let view = self.view.get();
            view.show(py, Some(Arc::clone(portfolio)));
            let decision = self.ask(py, bar, prices, targets)?;
            // What is not lent any more can be changed without a copy. After an exception nothing
            // changes any more, and the view keeps what the strategy saw last.
            view.show(py, None);
            Ok(decision)
        })
    }
}
