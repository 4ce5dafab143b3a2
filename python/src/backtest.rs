//! `run_backtest` and its result.

use std::sync::Arc;

use nanobook::{
    BacktestConfig, BacktestError, BacktestResult, EqualWeight, PriceSeries, Strategy, Symbol,
    TradeRecord, run_backtest_until,
};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyList};

use crate::arguments::{Costs, Fill, PeriodsPerYear, RiskFree};
use crate::convert::{self, Arg};
use crate::errors::{BindingResult, missing_numpy, wrong_type};
use crate::metrics::{self, PyMetrics, warn_if_annual};
use crate::portfolio::PyPortfolio;
use crate::series;
use crate::strategy::{PyEqualWeight, PyStrategy};

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
    fn wrap(py: Python<'_>, result: BacktestResult) -> PyResult<Self> {
        let portfolio = PyPortfolio::own(Arc::clone(&result.portfolio));
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

/// Returns an array of numbers in native byte order, read-only.
fn to_array<'py, T: Copy, const N: usize>(
    py: Python<'py>,
    numbers: &[T],
    dtype: &str,
    bytes_of: impl Fn(T) -> [u8; N],
) -> PyResult<Bound<'py, PyAny>> {
    let numpy = py
        .import("numpy")
        .map_err(|error| missing_numpy(py, error))?;
    let bytes = PyBytes::new_with(py, numbers.len() * N, |bytes| {
        for (place, number) in bytes.chunks_exact_mut(N).zip(numbers) {
            place.copy_from_slice(&bytes_of(*number));
        }
        Ok(())
    })?;
    numpy.call_method1("frombuffer", (bytes, dtype))
}

fn floats<'py>(py: Python<'py>, numbers: &[f64]) -> PyResult<Bound<'py, PyAny>> {
    to_array(py, numbers, "f8", f64::to_ne_bytes)
}

fn integers<'py>(py: Python<'py>, numbers: &[i64]) -> PyResult<Bound<'py, PyAny>> {
    to_array(py, numbers, "i8", i64::to_ne_bytes)
}

/// Runs a strategy without the interpreter, and looks for signals now and then.
fn run<S>(
    py: Python<'_>,
    strategy: S,
    series: &PriceSeries,
    config: &BacktestConfig,
) -> Result<BacktestResult, RunError<S::Error>>
where
    S: Strategy + Send,
    S::Error: Send,
{
    py.detach(|| {
        let mut signal = None;
        let result = run_backtest_until(strategy, series, config, || {
            signal = Python::attach(|py| py.check_signals().err());
            signal.is_some()
        });
        result.map_err(|error| match signal {
            Some(signal) => RunError::Signal(signal),
            None => RunError::Backtest(error),
        })
    })
}

enum RunError<E> {
    /// What the signal's handler raised: `KeyboardInterrupt`, mostly.
    Signal(PyErr),
    Backtest(BacktestError<E>),
}

/// Turns a run's error into Python's, with `own` for that of the strategy itself.
fn raise<E>(error: RunError<E>, own: impl FnOnce(E) -> PyErr) -> PyErr {
    match error {
        RunError::Signal(signal) => signal,
        RunError::Backtest(BacktestError::Strategy { error, .. }) => own(error),
        RunError::Backtest(BacktestError::Portfolio { bar, error }) => {
            crate::errors::portfolio(&error, Some(bar))
        }
        RunError::Backtest(error) => crate::errors::invalid(without_strategy(error).to_string()),
    }
}

/// Drops the variant that was dealt with.
fn without_strategy<E>(error: BacktestError<E>) -> BacktestError<std::convert::Infallible> {
    match error {
        BacktestError::Metrics(error) => BacktestError::Metrics(error),
        BacktestError::Interrupted { bar } => BacktestError::Interrupted { bar },
        _ => unreachable!("a strategy's and a portfolio's errors have been raised"),
    }
}

/// Run a strategy over a series of prices.
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
        cost_model: cost_model.0,
        periods_per_year: periods_per_year.0,
        risk_free: risk_free.0,
        fill: fill.0,
    };
    let is_equal_weight = strategy.is_instance_of::<PyEqualWeight>();
    if !is_equal_weight && !strategy.is_callable() {
        return Err(wrong_type("strategy", "callable or a built-in strategy", strategy).into());
    }
    warn_if_annual(py, config.risk_free)?;
    let series = series::read(price_series)?;
    let result = if is_equal_weight {
        run(py, EqualWeight::new(), &series, &config)
            .map_err(|error| raise(error, |never| match never {}))?
    } else {
        let strategy = PyStrategy::new(strategy)?;
        let view = strategy.view(py);
        let result =
            run(py, strategy, &series, &config).map_err(|error| raise(error, |own| own))?;
        // A view that the strategy kept shows the end of the run.
        view.get().show(py, Some(Arc::clone(&result.portfolio)));
        result
    };
    Ok(PyBacktestResult::wrap(py, result)?)
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
        periods_per_year: periods_per_year.0,
        risk_free: risk_free.0,
        ..BacktestConfig::new(convert::integer(initial_cash, "initial_cash")?)
    };
    warn_if_annual(py, config.risk_free)?;
    let series = series::read(price_series)?;
    if runs == 0 {
        return Ok(Vec::new());
    }
    // Every run would give the same metrics, so one is made.
    let result = run(py, EqualWeight::new(), &series, &config)
        .map_err(|error| raise(error, |never| match never {}))?;
    let mut all = Vec::new();
    all.try_reserve_exact(runs).map_err(|_| {
        crate::errors::out_of_range(format!("n_params is too many for memory: {runs}"))
    })?;
    all.resize(runs, result.metrics.map(PyMetrics));
    Ok(all)
}

#[pymethods]
impl PyBacktestResult {
    /// The portfolio at the end.
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

    /// The targets given, bars x symbols, as a NumPy array.
    #[getter]
    fn weights(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.array(py, Array::Weights, || {
            let width = self.result.symbols.len();
            let bars = self.result.weights.len();
            let flat = floats(py, &self.result.weights.to_vec())?;
            Ok(flat.call_method1("reshape", ((bars, width),))?.unbind())
        })
    }

    /// The fills in the order they were made, as a structured NumPy array.
    #[getter]
    fn trades(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.array(py, Array::Trades, || {
            let trades: Vec<TradeRecord> = self.result.trades.iter().collect();
            let numpy = py
                .import("numpy")
                .map_err(|error| missing_numpy(py, error))?;
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
            Ok(array.unbind())
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

    #[classattr]
    const __hash__: Option<Py<PyAny>> = None;

    fn __repr__(&self) -> String {
        let result = &self.result;
        let metrics = result
            .metrics
            .as_ref()
            .map_or_else(|| "None".to_owned(), metrics::shown);
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
            result
                .metrics
                .as_ref()
                .map_or_else(String::new, metrics::html_rows),
        ];
        format!("<table>{}</table>", rows.concat())
    }
}
