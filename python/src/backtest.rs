//! `run_backtest` and its result.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array};
use nanobook::{
    BacktestConfig, BacktestError, BacktestResult, EqualWeight, PriceSeries, ScheduleError,
    Strategy, Symbol, TradeRecord, run_backtest_until,
};
use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyList, PyType};

use crate::arguments::{Costs, Fill, PeriodsPerYear, RiskFree};
use crate::array::{floats, integers, numpy, to_array};
use crate::convert::{self, Arg};
use crate::errors::{BindingError, BindingResult, invalid, wrong_type};
use crate::fields::Fields;
use crate::metrics::{PyMetrics, warn_if_annual};
use crate::portfolio::PyPortfolio;
use crate::series;
use crate::strategy::{BuiltIn, PyEqualWeight, PyStrategy, PyWeightSchedule};
use crate::sweep::{CancelFlag, cancelled};
use crate::table::{self, PyTable};

/// What came of a backtest.
#[pyclass(name = "BacktestResult", module = "nanobook", frozen)]
pub(crate) struct PyBacktestResult {
    result: Arc<BacktestResult>,
    portfolio: Py<PyPortfolio>,
    arrays: [PyOnceLock<Py<PyAny>>; 4],
}

/// The places in `PyBacktestResult::arrays`.
#[derive(Clone, Copy)]
enum Array {
    EquityCurve,
    Returns,
    Weights,
    Trades,
}

impl PyBacktestResult {
    pub(crate) fn wrap(py: Python<'_>, result: BacktestResult) -> PyResult<Self> {
        let portfolio = PyPortfolio::of_result(Arc::clone(&result.portfolio));
        Ok(Self {
            result: Arc::new(result),
            portfolio: Py::new(py, portfolio)?,
            arrays: [const { PyOnceLock::new() }; 4],
        })
    }

    /// Returns an array, made once and read-only.
    fn array(
        &self,
        py: Python<'_>,
        array: Array,
        make: impl FnOnce() -> PyResult<Py<PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let made = self.arrays[array as usize].get_or_try_init(py, make)?;
        Ok(made.clone_ref(py))
    }
}

/// Returns the size of a table in bytes, or the error for one that no memory holds.
fn size_of_table(rows: usize, row: usize) -> PyResult<usize> {
    let size = rows.checked_mul(row);
    size.filter(|&size| isize::try_from(size).is_ok())
        .ok_or_else(|| PyMemoryError::new_err("the weights of all bars do not fit in memory"))
}

/// Refuses lists of so many floats that there is no memory for them: it would run out halfway.
fn check_memory(lists: usize, floats: usize) -> PyResult<()> {
    /// A pointer in a list and the object it points to, on a machine of 64 bits.
    const CELL: usize = 8 + 24;
    let size = size_of_table(lists, floats.saturating_mul(CELL))?;
    let mut room = Vec::<u8>::new();
    let reserved = room.try_reserve_exact(size);
    // Memory that nothing uses may else be left out by the compiler.
    std::hint::black_box(&room);
    reserved.map_err(|_| {
        PyMemoryError::new_err(format!(
            "the weights of {lists} bars x {floats} symbols do not fit in memory"
        ))
    })
}

/// Runs a strategy without the interpreter, and looks for signals now and then.
fn run<S>(
    py: Python<'_>,
    strategy: S,
    series: &PriceSeries,
    config: &BacktestConfig,
    cancel: &CancelFlag,
    own: impl FnOnce(S::Error) -> PyErr,
) -> PyResult<BacktestResult>
where
    S: Strategy + Send,
    S::Error: Send,
{
    // What a signal's handler raised: `KeyboardInterrupt`, mostly.
    let (result, signal) = py.detach(|| {
        let mut signal = None;
        let result = run_backtest_until(strategy, series, config, || {
            signal = Python::attach(|py| py.check_signals().err());
            signal.is_some() || cancel.is_set()
        });
        (result, signal)
    });
    result.map_err(|error| signal.unwrap_or_else(|| raise(error, own)))
}

/// Turns a run's error into Python's, with `own` for that of the strategy itself.
pub(crate) fn raise<E>(error: BacktestError<E>, own: impl FnOnce(E) -> PyErr) -> PyErr {
    match error {
        BacktestError::Strategy { error, .. } => own(error),
        BacktestError::Portfolio { bar, error } => crate::errors::portfolio(&error, Some(bar)),
        BacktestError::Metrics(error) => BindingError::from(error).into(),
        // Only the flag of a sweep stops a run without a signal.
        _ => cancelled(),
    }
}

/// Returns the error of a built-in strategy.
pub(crate) fn own_error(error: ScheduleError) -> PyErr {
    invalid(error.to_string())
}

/// Refuses what is neither callable nor a built-in strategy.
fn check_strategy(strategy: Arg<'_, '_>) -> PyResult<()> {
    let is_built_in = |class: &Bound<'_, PyType>| {
        let py = class.py();
        class.is(PyType::new::<PyEqualWeight>(py)) || class.is(PyType::new::<PyWeightSchedule>(py))
    };
    if strategy.cast::<PyType>().is_ok_and(is_built_in) {
        let expected = "an instance of a built-in strategy, not its class";
        return Err(wrong_type("strategy", expected, strategy));
    }
    if strategy.is_callable() || BuiltIn::read(strategy).is_some() {
        return Ok(());
    }
    let expected = "callable or a built-in strategy";
    Err(wrong_type("strategy", expected, strategy))
}

/// Runs a strategy, built in or not, until it is done or the flag is set.
pub(crate) fn run_one(
    py: Python<'_>,
    strategy: Arg<'_, '_>,
    series: &PriceSeries,
    config: &BacktestConfig,
    cancel: CancelFlag,
) -> BindingResult<PyBacktestResult> {
    if let Some(built_in) = BuiltIn::read(strategy) {
        let result = run(py, built_in, series, config, &cancel, own_error)?;
        return Ok(PyBacktestResult::wrap(py, result)?);
    }
    check_strategy(strategy)?;
    let strategy = PyStrategy::new(strategy, cancel.clone())?;
    let view = strategy.view(py);
    let result = run(py, strategy, series, config, &cancel, |own| own)?;
    // A view that the strategy kept shows the end of the run.
    view.get().show(py, Some(Arc::clone(&result.portfolio)));
    Ok(PyBacktestResult::wrap(py, result)?)
}

/// Run a strategy over a series of prices.
///
/// The default of ``cost_model`` is ``CostModel.zero()``, which the signature of a compiled function
/// cannot show.
#[pyfunction]
#[pyo3(
    signature = (
        strategy, price_series, initial_cash, cost_model=Costs::DEFAULT,
        periods_per_year=PeriodsPerYear::DEFAULT, risk_free=RiskFree::DEFAULT, fill=Fill::DEFAULT
    ),
    text_signature = "(strategy, price_series, initial_cash, cost_model=..., \
                      periods_per_year=252.0, risk_free=0.0, fill='close')"
)]
#[expect(clippy::too_many_arguments, reason = "as specified")]
pub(crate) fn run_backtest(
    py: Python<'_>,
    strategy: Arg<'_, '_>,
    price_series: Arg<'_, '_>,
    initial_cash: Arg<'_, '_>,
    cost_model: Costs,
    periods_per_year: PeriodsPerYear,
    risk_free: RiskFree,
    fill: Fill,
) -> BindingResult<PyBacktestResult> {
    let config = BacktestConfig {
        initial_cash: convert::integer(initial_cash, "initial_cash")?,
        cost_model: cost_model.0?,
        periods_per_year: periods_per_year.0?,
        risk_free: risk_free.0?,
        fill: fill.0?,
    };
    check_strategy(strategy)?;
    warn_if_annual(py, config.risk_free, 1)?;
    let series = series::read(price_series)?;
    run_one(py, strategy, &series, &config, CancelFlag::default())
}

/// Run `EqualWeight` at zero cost so many times, and return the metrics of each run.
///
/// Kept for scripts written for 0.4: every run is the same.
#[pyfunction]
#[pyo3(
    signature = (
        n_params, price_series, initial_cash, periods_per_year=PeriodsPerYear::MONTHS,
        risk_free=RiskFree::DEFAULT
    ),
    text_signature = "(n_params, price_series, initial_cash, periods_per_year=12.0, risk_free=0.0)"
)]
pub(crate) fn sweep_equal_weight(
    py: Python<'_>,
    n_params: Arg<'_, '_>,
    price_series: Arg<'_, '_>,
    initial_cash: Arg<'_, '_>,
    periods_per_year: PeriodsPerYear,
    risk_free: RiskFree,
) -> BindingResult<Vec<Option<PyMetrics>>> {
    let runs: usize = convert::integer(n_params, "n_params")?;
    let config = BacktestConfig {
        periods_per_year: periods_per_year.0?,
        risk_free: risk_free.0?,
        ..BacktestConfig::new(convert::integer(initial_cash, "initial_cash")?)
    };
    warn_if_annual(py, config.risk_free, 1)?;
    let series = series::read(price_series)?;
    if runs == 0 {
        return Ok(Vec::new());
    }
    // Every run would give the same metrics, so one is made.
    let strategy = EqualWeight::new();
    let cancel = CancelFlag::default();
    let result = run(
        py,
        strategy,
        &series,
        &config,
        &cancel,
        |never| match never {},
    )?;
    let mut all = Vec::new();
    all.try_reserve_exact(runs).map_err(|_| {
        crate::errors::out_of_range(format!("n_params is too many for memory: {runs}"))
    })?;
    all.resize(runs, result.metrics.map(PyMetrics));
    Ok(all)
}

#[pymethods]
impl PyBacktestResult {
    /// The portfolio at the end, read-only: ``copy.copy`` gives one to trade on.
    #[getter]
    fn portfolio(&self, py: Python<'_>) -> Py<PyPortfolio> {
        self.portfolio.clone_ref(py)
    }

    /// The metrics of the returns, or ``None`` when there are none.
    #[getter]
    fn metrics(&self) -> Option<PyMetrics> {
        self.result.metrics.map(PyMetrics)
    }

    /// The costs paid, in the smallest currency unit.
    #[getter]
    fn costs(&self) -> i64 {
        self.result.costs()
    }

    /// What was traded over the whole run, as a multiple of the mean equity.
    #[getter]
    fn turnover(&self) -> f64 {
        self.result.turnover()
    }

    /// A hash of the portfolio and of every fill, as 16 hexadecimal digits.
    #[getter]
    fn digest(&self) -> String {
        convert::digest(self.result.digest())
    }

    /// The symbols of the columns, in the order they first appeared.
    #[getter]
    fn symbols(&self) -> Vec<&str> {
        self.result.symbols.iter().map(Symbol::as_str).collect()
    }

    /// How many fills there were.
    #[getter]
    fn trade_count(&self) -> usize {
        self.result.trades.len()
    }

    /// The initial cash and the equity at the end of each bar, as a NumPy array.
    #[getter]
    fn equity_curve(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.array(py, Array::EquityCurve, || {
            Ok(integers(py, self.result.equity_curve())?.unbind())
        })
    }

    /// The return of each bar, as a NumPy array.
    #[getter]
    fn returns(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.array(py, Array::Returns, || {
            Ok(floats(py, self.result.returns())?.unbind())
        })
    }

    /// Return the equity and the return of each bar as a table.
    fn equity_table(&self, py: Python<'_>) -> PyTable {
        py.detach(|| {
            // The curve begins before the first bar.
            let curve = self.result.equity_curve();
            let equity = curve.iter().skip(1).copied().collect::<Vec<_>>();
            // Bars that started without equity have none.
            let mut returns = self.result.returns().iter().copied();
            let starts = curve.iter().take(equity.len());
            let returns = starts.map(|start| (*start > 0).then(|| returns.next()).flatten());
            let returns = table::floats(returns);
            let bars = (0_i64..).take(equity.len()).collect::<Vec<_>>();
            let columns: [(&str, ArrayRef); 3] = [
                ("bar", Arc::new(Int64Array::from(bars))),
                ("equity", Arc::new(Int64Array::from(equity))),
                ("return", returns),
            ];
            PyTable::new(
                columns
                    .into_iter()
                    .map(|(name, column)| (name.to_owned(), column)),
            )
        })
    }

    /// Return the targets as a table with a column for each symbol.
    fn weights_table(&self, py: Python<'_>) -> PyResult<PyTable> {
        let rows = &self.result.weights;
        let width = self.result.symbols.len();
        check_memory(rows.len(), width)?;
        Ok(py.detach(|| {
            PyTable::new(
                self.result
                    .symbols
                    .iter()
                    .enumerate()
                    .map(|(column, symbol)| {
                        let cells = (0..rows.len()).map(|bar| rows.row(bar).map(|row| row[column]));
                        (symbol.to_string(), table::floats(cells))
                    }),
            )
        }))
    }

    /// Return the fills in the order they were made as a table.
    fn trades_table(&self, py: Python<'_>) -> PyTable {
        py.detach(|| {
            let trades: Vec<TradeRecord> = self.result.trades.iter().collect();
            let numbers = |number: fn(&TradeRecord) -> i64| -> ArrayRef {
                Arc::new(Int64Array::from_iter_values(trades.iter().map(number)))
            };
            let places = trades.iter().map(|trade| {
                i32::try_from(trade.column).expect("a series has fewer than 2^31 symbols")
            });
            let symbols = self.result.symbols.iter().map(ToString::to_string);
            let columns: [(&str, ArrayRef); 5] = [
                (
                    "bar",
                    numbers(|trade| trade.bar.try_into().unwrap_or(i64::MAX)),
                ),
                ("symbol", table::names(places.collect(), symbols)),
                ("quantity", numbers(|trade| trade.quantity)),
                ("price", numbers(|trade| trade.price.0)),
                ("cost", numbers(|trade| trade.cost)),
            ];
            PyTable::new(
                columns
                    .into_iter()
                    .map(|(name, column)| (name.to_owned(), column)),
            )
        })
    }

    /// The targets given, bars x symbols, as a NumPy array.
    #[getter]
    fn weights(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.array(py, Array::Weights, || {
            let rows = &self.result.weights;
            let shape = (rows.len(), self.result.symbols.len());
            let size = size_of_table(shape.0, shape.1 * size_of::<f64>())?;
            // A run keeps rows that are the same once: the table can be too large for memory.
            let bytes = PyBytes::new_with(py, size, |bytes| {
                let mut cells = bytes.chunks_exact_mut(size_of::<f64>());
                for bar in 0..shape.0 {
                    let row = rows.row(bar);
                    for column in 0..shape.1 {
                        let weight = row.map_or(f64::NAN, |row| row[column]);
                        let cell = cells.next().expect("there is a cell for each weight");
                        cell.copy_from_slice(&weight.to_ne_bytes());
                    }
                }
                Ok(())
            })?;
            let flat = numpy(py)?.call_method1("frombuffer", (bytes, "f8"))?;
            Ok(flat.call_method1("reshape", (shape,))?.unbind())
        })
    }

    /// The fills in the order they were made, as a structured NumPy array.
    #[getter]
    fn trades(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.array(py, Array::Trades, || {
            let trades: Vec<TradeRecord> = self.result.trades.iter().collect();
            let numpy = numpy(py)?;
            let dtype = PyList::new(
                py,
                [
                    ("bar", "i8"),
                    ("symbol", "U24"),
                    ("quantity", "i8"),
                    ("price", "i8"),
                    ("cost", "i8"),
                ],
            )?;
            let array = numpy.call_method1("empty", (trades.len(), dtype))?;
            let names = numpy.call_method1("array", (self.symbols(), "U24"))?;
            let places = |place: fn(&TradeRecord) -> usize| {
                let places: Vec<usize> = trades.iter().map(place).collect();
                to_array(py, &places, "uintp", usize::to_ne_bytes)
            };
            let numbers = |number: fn(&TradeRecord) -> i64| {
                integers(py, &trades.iter().map(number).collect::<Vec<_>>())
            };
            array.set_item("bar", places(|trade| trade.bar)?)?;
            array.set_item("symbol", names.get_item(places(|trade| trade.column)?)?)?;
            array.set_item("quantity", numbers(|trade| trade.quantity)?)?;
            array.set_item("price", numbers(|trade| trade.price.0)?)?;
            array.set_item("cost", numbers(|trade| trade.cost)?)?;
            array.call_method1("setflags", (false,))?;
            // A view of what cannot be written cannot be made writable.
            Ok(array.call_method0("view")?.unbind())
        })
    }

    fn __eq__(&self, py: Python<'_>, other: Arg<'_, '_>) -> PyResult<Py<PyAny>> {
        let Ok(other) = other.cast::<Self>() else {
            return Ok(py.NotImplemented());
        };
        let other = other.get();
        let equal = py.detach(|| self.result == other.result);
        Ok(equal.into_pyobject(py)?.to_owned().into_any().unbind())
    }

    fn __hash__(&self, py: Python<'_>) -> u64 {
        py.detach(|| self.result.digest().0)
    }

    /// Return the result as bytes, versioned and checksummed; pickling uses it.
    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &py.detach(|| self.result.to_bytes()))
    }

    /// Return the result that ``to_bytes`` gave.
    #[staticmethod]
    fn from_bytes(py: Python<'_>, data: Arg<'_, '_>) -> BindingResult<Self> {
        let bytes = convert::bytes_like(data, "data")?;
        let result = py.detach(|| BacktestResult::from_bytes(bytes.as_ref()))?;
        Ok(Self::wrap(py, result)?)
    }

    /// Return everything as plain Python values, without NumPy.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let result = &self.result;
        let symbols = self.symbols();
        let positions = PyDict::new(py);
        for position in result.portfolio.positions() {
            positions.set_item(position.symbol.as_str(), position.quantity)?;
        }
        let bars = 0..result.weights.len();
        let weights: Vec<_> = bars.map(|bar| result.weights.row(bar)).collect();
        check_memory(weights.iter().flatten().count(), symbols.len())?;
        let trade = |trade: TradeRecord| {
            let dict = PyDict::new(py);
            dict.set_item("bar", trade.bar)?;
            dict.set_item("symbol", symbols[trade.column])?;
            dict.set_item("quantity", trade.quantity)?;
            dict.set_item("price", trade.price.0)?;
            dict.set_item("cost", trade.cost)?;
            PyResult::Ok(dict)
        };
        let trades = result.trades.iter().map(trade);
        let metrics = self.metrics();

        let dict = PyDict::new(py);
        dict.set_item("symbols", &symbols)?;
        dict.set_item("cash", result.portfolio.cash())?;
        dict.set_item("positions", positions)?;
        dict.set_item("costs", result.costs())?;
        dict.set_item("turnover", result.turnover())?;
        dict.set_item("digest", self.digest())?;
        dict.set_item(
            "metrics",
            metrics
                .map(|metrics| Fields::to_dict(&metrics, py))
                .transpose()?,
        )?;
        dict.set_item("equity_curve", result.equity_curve())?;
        dict.set_item("returns", result.returns())?;
        dict.set_item("weights", weights)?;
        dict.set_item("trades", trades.collect::<PyResult<Vec<_>>>()?)?;
        Ok(dict)
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        let py = slf.py();
        let from_bytes = PyType::new::<Self>(py).getattr("from_bytes")?;
        Ok((from_bytes, (slf.get().to_bytes(py),)))
    }

    // Nothing can change, so a copy is the result itself.
    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[expect(unused_variables, reason = "the protocol passes it")]
    fn __deepcopy__(slf: Py<Self>, memo: Arg<'_, '_>) -> Py<Self> {
        slf
    }

    fn __repr__(&self) -> String {
        let result = &self.result;
        let metrics = self
            .metrics()
            .map_or_else(|| "None".to_owned(), |metrics| metrics.shown());
        format!(
            "BacktestResult(equity={}, costs={}, trades={}, digest='{}', metrics={metrics})",
            result.equity_curve().last().copied().unwrap_or(0),
            result.costs(),
            result.trades.len(),
            result.digest()
        )
    }

    fn _repr_html_(&self) -> String {
        let result = &self.result;
        let row = |name: &str, value: String| format!("<tr><th>{name}</th><td>{value}</td></tr>");
        let rows = [
            row(
                "final equity",
                result
                    .equity_curve()
                    .last()
                    .copied()
                    .unwrap_or(0)
                    .to_string(),
            ),
            row("costs", result.costs().to_string()),
            row("trades", result.trades.len().to_string()),
            row("turnover", format!("{:.6}", result.turnover())),
            row("digest", result.digest().to_string()),
            self.metrics()
                .map_or_else(String::new, |metrics| metrics.html_rows()),
        ];
        format!("<table>{}</table>", rows.concat())
    }
}
