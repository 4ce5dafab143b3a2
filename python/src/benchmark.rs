//! `BenchmarkMetrics` and `compute_benchmark_metrics`.

use nanobook::BenchmarkMetrics;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};

use crate::arguments::{PeriodsPerYear, RiskFree};
use crate::convert::{self, Arg, Reduced};
use crate::errors::BindingResult;
use crate::fields::{Fields, Value};
use crate::metrics::{read_returns, warn_if_annual};

/// Measures of a series of returns against a benchmark's; NaN where one is undefined.
#[pyclass(name = "BenchmarkMetrics", module = "nanobook", frozen, eq)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PyBenchmarkMetrics(BenchmarkMetrics);

impl Fields<7> for PyBenchmarkMetrics {
    const CLASS: &'static str = "BenchmarkMetrics";
    const NAMES: [&'static str; 7] = [
        "alpha",
        "beta",
        "correlation",
        "tracking_error",
        "information_ratio",
        "up_capture",
        "down_capture",
    ];

    fn values(&self) -> [Value; 7] {
        let metrics = &self.0;
        [
            metrics.alpha,
            metrics.beta,
            metrics.correlation,
            metrics.tracking_error,
            metrics.information_ratio,
            metrics.up_capture,
            metrics.down_capture,
        ]
        .map(Value::Float)
    }
}

/// Return the metrics of simple returns against a benchmark's, or ``None`` for no returns.
#[pyfunction]
#[pyo3(
    signature = (
        returns, benchmark, periods_per_year=PeriodsPerYear::DEFAULT, risk_free=RiskFree::DEFAULT
    ),
    text_signature = "(returns, benchmark, periods_per_year=252.0, risk_free=0.0)"
)]
pub(crate) fn compute_benchmark_metrics(
    py: Python<'_>,
    returns: Arg<'_, '_>,
    benchmark: Arg<'_, '_>,
    periods_per_year: PeriodsPerYear,
    risk_free: RiskFree,
) -> BindingResult<Option<PyBenchmarkMetrics>> {
    let (periods_per_year, risk_free) = (periods_per_year.0?, risk_free.0?);
    let returns = read_returns(returns, "returns")?;
    let benchmark = read_returns(benchmark, "benchmark")?;
    warn_if_annual(py, risk_free, 1)?;
    let metrics = py.detach(|| {
        nanobook::compute_benchmark_metrics(&returns, &benchmark, periods_per_year, risk_free)
    })?;
    Ok(metrics.map(PyBenchmarkMetrics))
}

#[pymethods]
impl PyBenchmarkMetrics {
    #[new]
    fn new(
        alpha: Arg<'_, '_>,
        beta: Arg<'_, '_>,
        correlation: Arg<'_, '_>,
        tracking_error: Arg<'_, '_>,
        information_ratio: Arg<'_, '_>,
        up_capture: Arg<'_, '_>,
        down_capture: Arg<'_, '_>,
    ) -> PyResult<Self> {
        use convert::float;
        Ok(Self(BenchmarkMetrics {
            alpha: float(alpha, "alpha")?,
            beta: float(beta, "beta")?,
            correlation: float(correlation, "correlation")?,
            tracking_error: float(tracking_error, "tracking_error")?,
            information_ratio: float(information_ratio, "information_ratio")?,
            up_capture: float(up_capture, "up_capture")?,
            down_capture: float(down_capture, "down_capture")?,
        }))
    }

    /// Jensen's alpha, ``mean(r - rf) - beta * mean(b - rf)``, compounded to a year.
    #[getter]
    fn alpha(&self) -> f64 {
        self.0.alpha
    }

    /// ``cov(r, b) / var(b)``.
    #[getter]
    fn beta(&self) -> f64 {
        self.0.beta
    }

    /// ``cov(r, b) / (sd(r) * sd(b))``.
    #[getter]
    fn correlation(&self) -> f64 {
        self.0.correlation
    }

    /// ``sd(r - b) * sqrt(P)``, ddof 1.
    #[getter]
    fn tracking_error(&self) -> f64 {
        self.0.tracking_error
    }

    /// ``mean(r - b) / sd(r - b) * sqrt(P)``, ddof 1.
    #[getter]
    fn information_ratio(&self) -> f64 {
        self.0.information_ratio
    }

    /// Annual growth over that of the benchmark, in the periods in which the benchmark gained.
    #[getter]
    fn up_capture(&self) -> f64 {
        self.0.up_capture
    }

    /// Annual growth over that of the benchmark, in the periods in which the benchmark lost.
    #[getter]
    fn down_capture(&self) -> f64 {
        self.0.down_capture
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
