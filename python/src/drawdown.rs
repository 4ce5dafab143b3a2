//! `Drawdown`, `drawdowns` and `drawdown_series`.

use nanobook::Drawdown;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};

use crate::array;
use crate::convert::{self, Arg, Reduced};
use crate::errors::BindingResult;
use crate::fields::{Fields, Value};
use crate::metrics::read_returns;

/// One fall of wealth from a peak and, if it came to that, its recovery.
#[pyclass(name = "Drawdown", module = "nanobook", frozen, eq)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PyDrawdown(Drawdown);

impl Fields<7> for PyDrawdown {
    const CLASS: &'static str = "Drawdown";
    const NAMES: [&'static str; 7] = [
        "start",
        "trough",
        "end",
        "depth",
        "length",
        "to_trough",
        "recovery",
    ];

    fn values(&self) -> [Value; 7] {
        use Value::{Count, Float, Maybe};
        let drawdown = &self.0;
        [
            Count(drawdown.start),
            Count(drawdown.trough),
            Maybe(drawdown.end),
            Float(drawdown.depth),
            Count(drawdown.length),
            Count(drawdown.to_trough),
            Maybe(drawdown.recovery),
        ]
    }
}

/// Return the fall of wealth from its peak so far, for each period, as a positive fraction.
#[pyfunction]
pub(crate) fn drawdown_series<'py>(
    py: Python<'py>,
    returns: Arg<'_, 'py>,
) -> BindingResult<Bound<'py, PyAny>> {
    let returns = read_returns(returns, "returns")?;
    let falls = py.detach(|| nanobook::drawdown_series(&returns))?;
    Ok(array::own_floats(py, &falls)?)
}

/// Return the drawdowns, the deepest first: ``top`` of them, or all.
#[pyfunction]
#[pyo3(signature = (returns, top=None))]
pub(crate) fn drawdowns(
    py: Python<'_>,
    returns: Arg<'_, '_>,
    top: Option<Arg<'_, '_>>,
) -> BindingResult<Vec<PyDrawdown>> {
    let returns = read_returns(returns, "returns")?;
    let top = top.map(|top| convert::integer(top, "top")).transpose()?;
    let found = py.detach(|| nanobook::drawdowns(&returns, top))?;
    Ok(found.into_iter().map(PyDrawdown).collect())
}

#[pymethods]
impl PyDrawdown {
    #[new]
    fn new(
        start: Arg<'_, '_>,
        trough: Arg<'_, '_>,
        end: Option<Arg<'_, '_>>,
        depth: Arg<'_, '_>,
        length: Arg<'_, '_>,
        to_trough: Arg<'_, '_>,
        recovery: Option<Arg<'_, '_>>,
    ) -> PyResult<Self> {
        use convert::{float, integer};
        Ok(Self(Drawdown {
            start: integer(start, "start")?,
            trough: integer(trough, "trough")?,
            end: end.map(|end| integer(end, "end")).transpose()?,
            depth: float(depth, "depth")?,
            length: integer(length, "length")?,
            to_trough: integer(to_trough, "to_trough")?,
            recovery: recovery
                .map(|recovery| integer(recovery, "recovery"))
                .transpose()?,
        }))
    }

    /// The first period below the peak.
    #[getter]
    fn start(&self) -> usize {
        self.0.start
    }

    /// The period of the lowest wealth, the first of several.
    #[getter]
    fn trough(&self) -> usize {
        self.0.trough
    }

    /// The period that reached the peak again; ``None`` when none did.
    #[getter]
    fn end(&self) -> Option<usize> {
        self.0.end
    }

    /// The fall from the peak to the trough, as a positive fraction of the peak.
    #[getter]
    fn depth(&self) -> f64 {
        self.0.depth
    }

    /// Periods from ``start`` to ``end``, or to the last return, both counted.
    #[getter]
    fn length(&self) -> usize {
        self.0.length
    }

    /// Periods from ``start`` to ``trough``, both counted.
    #[getter(to_trough)]
    fn length_to_trough(&self) -> usize {
        self.0.to_trough
    }

    /// Periods after ``trough`` up to ``end``; ``None`` without an end.
    #[getter]
    fn recovery(&self) -> Option<usize> {
        self.0.recovery
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
