//! `Metrics` and `compute_metrics`.

use nanobook::{Metrics, compute_metrics_until};
use pyo3::exceptions::PyUserWarning;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple, PyType};

use crate::arguments::{PeriodsPerYear, RiskFree};
use crate::array;
use crate::convert::{self, Arg, Reduced};
use crate::errors::{BindingResult, invalid, shown};
use crate::fields::{Fields, Value};

/// Above this a risk free rate per period is more likely an annual one.
const RISK_FREE_USUAL_MAX: f64 = 0.01;

/// Measures of a series of returns; NaN where one is undefined.
#[pyclass(name = "Metrics", module = "nanobook", frozen, eq)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PyMetrics(pub(crate) Metrics);

impl Fields<18> for PyMetrics {
    const CLASS: &'static str = "Metrics";
    const NAMES: [&'static str; 18] = [
        "total_return",
        "cagr",
        "volatility",
        "sharpe",
        "sortino",
        "max_drawdown",
        "calmar",
        "num_periods",
        "winning_periods",
        "losing_periods",
        "var_95",
        "cvar_95",
        "win_rate",
        "profit_factor",
        "payoff_ratio",
        "skew",
        "kurtosis",
        "max_drawdown_periods",
    ];

    fn values(&self) -> [Value; 18] {
        use Value::{Count, Float};
        let metrics = &self.0;
        [
            Float(metrics.total_return),
            Float(metrics.cagr),
            Float(metrics.volatility),
            Float(metrics.sharpe),
            Float(metrics.sortino),
            Float(metrics.max_drawdown),
            Float(metrics.calmar),
            Count(metrics.num_periods),
            Count(metrics.winning_periods),
            Count(metrics.losing_periods),
            Float(metrics.var_95),
            Float(metrics.cvar_95),
            Float(metrics.win_rate),
            Float(metrics.profit_factor),
            Float(metrics.payoff_ratio),
            Float(metrics.skew),
            Float(metrics.kurtosis),
            Count(metrics.max_drawdown_periods),
        ]
    }
}

/// Warns about a risk free rate that looks annual.
///
/// The warning names the line of the caller, or that of a caller's caller with a level above 1.
pub(crate) fn warn_if_annual(py: Python<'_>, risk_free: f64, level: i32) -> PyResult<()> {
    if risk_free.is_nan() || risk_free <= RISK_FREE_USUAL_MAX {
        return Ok(());
    }
    let message = format!(
        "risk_free is per period, and {risk_free:?} is above {RISK_FREE_USUAL_MAX}: \
         divide an annual rate by the periods per year"
    );
    let category = py.get_type::<PyUserWarning>();
    let message = std::ffi::CString::new(message).expect("a message without zero bytes");
    PyErr::warn(py, &category, &message, level)
}

/// Returns from any sequence or one-dimensional buffer of numbers.
pub(crate) fn read_returns(returns: Arg<'_, '_>, name: &str) -> PyResult<Vec<f64>> {
    if !returns.is_instance_of::<PyList>() && !returns.is_instance_of::<PyTuple>() {
        if let Some(shape) = returns.getattr_opt("shape")? {
            if let Ok(sizes) = shape.extract::<Vec<usize>>() {
                check_dimensions(returns.py(), &sizes, name)?;
            }
        }
        array::check_real(returns, name)?;
        array::check_unmasked(returns, name)?;
        let mut buffer = convert::native_buffer::<f64>(returns);
        if buffer.is_none() {
            let floats = array::as_floats(returns)?;
            buffer = floats.and_then(|floats| convert::native_buffer(&floats));
        }
        if let Some(buffer) = buffer {
            check_dimensions(returns.py(), buffer.shape(), name)?;
            if buffer.dimensions() == 1 {
                return buffer.to_vec(returns.py());
            }
        }
    }
    convert::ordered(returns, name, "a sequence of numbers")?
        .enumerate()
        .map(|(index, item)| convert::float(&item?, &format!("{name}[{index}]")))
        .collect()
}

/// Fails for an array or a frame of several dimensions.
fn check_dimensions(py: Python<'_>, sizes: &[usize], name: &str) -> PyResult<()> {
    if sizes.len() < 2 {
        return Ok(());
    }
    Err(invalid(format!(
        "{name} must be one-dimensional, this has shape {}",
        shown(PyTuple::new(py, sizes)?.as_any())
    )))
}

/// Return the metrics of simple returns per period, or ``None`` for no returns.
#[pyfunction]
#[pyo3(
    signature = (
        returns, periods_per_year=PeriodsPerYear::DEFAULT, risk_free=RiskFree::DEFAULT
    ),
    text_signature = "(returns, periods_per_year=252.0, risk_free=0.0)"
)]
pub(crate) fn compute_metrics(
    py: Python<'_>,
    returns: Arg<'_, '_>,
    periods_per_year: PeriodsPerYear,
    risk_free: RiskFree,
) -> BindingResult<Option<PyMetrics>> {
    let (periods_per_year, risk_free) = (periods_per_year.0?, risk_free.0?);
    let returns = read_returns(returns, "returns")?;
    warn_if_annual(py, risk_free, 1)?;
    compute(py, &returns, periods_per_year, risk_free)
}

/// Computes metrics without the interpreter, and looks for signals now and then.
pub(crate) fn compute(
    py: Python<'_>,
    returns: &[f64],
    periods_per_year: f64,
    risk_free: f64,
) -> BindingResult<Option<PyMetrics>> {
    // What a signal's handler raised: `KeyboardInterrupt`, mostly.
    let (metrics, signal) = py.detach(|| {
        let mut signal = None;
        let metrics = compute_metrics_until(returns, periods_per_year, risk_free, || {
            signal = Python::attach(|py| py.check_signals().err());
            signal.is_some()
        });
        (metrics, signal)
    });
    match signal {
        Some(raised) => Err(raised.into()),
        None => Ok(metrics?.map(PyMetrics)),
    }
}

#[pymethods]
impl PyMetrics {
    #[new]
    #[expect(clippy::too_many_arguments, reason = "one for each field")]
    fn new(
        total_return: Arg<'_, '_>,
        cagr: Arg<'_, '_>,
        volatility: Arg<'_, '_>,
        sharpe: Arg<'_, '_>,
        sortino: Arg<'_, '_>,
        max_drawdown: Arg<'_, '_>,
        calmar: Arg<'_, '_>,
        num_periods: Arg<'_, '_>,
        winning_periods: Arg<'_, '_>,
        losing_periods: Arg<'_, '_>,
        var_95: Arg<'_, '_>,
        cvar_95: Arg<'_, '_>,
        win_rate: Arg<'_, '_>,
        profit_factor: Arg<'_, '_>,
        payoff_ratio: Arg<'_, '_>,
        skew: Arg<'_, '_>,
        kurtosis: Arg<'_, '_>,
        max_drawdown_periods: Arg<'_, '_>,
    ) -> PyResult<Self> {
        use convert::{float, integer};
        Ok(Self(Metrics {
            total_return: float(total_return, "total_return")?,
            cagr: float(cagr, "cagr")?,
            volatility: float(volatility, "volatility")?,
            sharpe: float(sharpe, "sharpe")?,
            sortino: float(sortino, "sortino")?,
            max_drawdown: float(max_drawdown, "max_drawdown")?,
            calmar: float(calmar, "calmar")?,
            num_periods: integer(num_periods, "num_periods")?,
            winning_periods: integer(winning_periods, "winning_periods")?,
            losing_periods: integer(losing_periods, "losing_periods")?,
            var_95: float(var_95, "var_95")?,
            cvar_95: float(cvar_95, "cvar_95")?,
            win_rate: float(win_rate, "win_rate")?,
            profit_factor: float(profit_factor, "profit_factor")?,
            payoff_ratio: float(payoff_ratio, "payoff_ratio")?,
            skew: float(skew, "skew")?,
            kurtosis: float(kurtosis, "kurtosis")?,
            max_drawdown_periods: integer(max_drawdown_periods, "max_drawdown_periods")?,
        }))
    }

    /// ``prod(1 + r) - 1``; -1 after a return of -1 or less.
    #[getter]
    fn total_return(&self) -> f64 {
        self.0.total_return
    }

    /// Compound annual growth rate: ``(1 + total_return) ** (P / n) - 1``.
    #[getter]
    fn cagr(&self) -> f64 {
        self.0.cagr
    }

    /// Annualized standard deviation of the returns, ddof 1.
    #[getter]
    fn volatility(&self) -> f64 {
        self.0.volatility
    }

    /// ``mean(r - rf) / sd(r - rf) * sqrt(P)``, ddof 1.
    #[getter]
    fn sharpe(&self) -> f64 {
        self.0.sharpe
    }

    /// ``mean(r - rf) * P / (dd * sqrt(P))``, dd the downside deviation over all periods.
    #[getter]
    fn sortino(&self) -> f64 {
        self.0.sortino
    }

    /// The largest peak-to-trough fall of wealth, as a positive fraction.
    #[getter]
    fn max_drawdown(&self) -> f64 {
        self.0.max_drawdown
    }

    /// ``cagr / max_drawdown``.
    #[getter]
    fn calmar(&self) -> f64 {
        self.0.calmar
    }

    /// How many returns there are.
    #[getter]
    fn num_periods(&self) -> usize {
        self.0.num_periods
    }

    /// How many are above zero.
    #[getter]
    fn winning_periods(&self) -> usize {
        self.0.winning_periods
    }

    /// How many are below zero.
    #[getter]
    fn losing_periods(&self) -> usize {
        self.0.losing_periods
    }

    /// The 5th percentile of the returns, as numpy computes it.
    #[getter]
    fn var_95(&self) -> f64 {
        self.0.var_95
    }

    /// The mean of the ``floor((n - 1) * 0.05) + 1`` lowest returns.
    #[getter]
    fn cvar_95(&self) -> f64 {
        self.0.cvar_95
    }

    /// ``winning_periods / num_periods``.
    #[getter]
    fn win_rate(&self) -> f64 {
        self.0.win_rate
    }

    /// Sum of the gains over the sum of the losses.
    #[getter]
    fn profit_factor(&self) -> f64 {
        self.0.profit_factor
    }

    /// Mean gain over mean loss.
    #[getter]
    fn payoff_ratio(&self) -> f64 {
        self.0.payoff_ratio
    }

    /// Skewness, ``m3 / m2 ** 1.5`` with moments over n.
    #[getter]
    fn skew(&self) -> f64 {
        self.0.skew
    }

    /// Excess kurtosis, ``m4 / m2 ** 2 - 3`` with moments over n.
    #[getter]
    fn kurtosis(&self) -> f64 {
        self.0.kurtosis
    }

    /// The most periods that any drawdown took.
    #[getter]
    fn max_drawdown_periods(&self) -> usize {
        self.0.max_drawdown_periods
    }

    fn __hash__(&self) -> u64 {
        self.hash()
    }

    /// Return the fields by name.
    fn to_dict<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        Fields::to_dict(slf.get(), slf.py())
    }

    fn __repr__(&self) -> String {
        self.shown()
    }

    fn _repr_html_(&self) -> String {
        self.html()
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py, Bound<'py, PyTuple>>> {
        slf.get().reduce(PyType::new::<Self>(slf.py()))
    }
}
