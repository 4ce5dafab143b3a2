//! What the classes that are a list of measures have in common.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};

use crate::convert::{self, Reduced};

/// A field's value as Python sees it.
#[derive(Clone, Copy)]
pub(crate) enum Value {
    Float(f64),
    Count(usize),
    /// A count or `None`.
    Maybe(Option<usize>),
}

impl Value {
    fn object(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        match self {
            Self::Float(value) => Ok(value.into_pyobject(py)?.into_any()),
            Self::Count(count) => Ok(count.into_pyobject(py)?.into_any()),
            Self::Maybe(count) => Ok(count.into_pyobject(py)?.into_any()),
        }
    }

    fn shown(self) -> String {
        match self {
            Self::Count(count) => count.to_string(),
            Self::Maybe(count) => convert::shown_option(count),
            Self::Float(value) if value.is_finite() => format!("{value:?}"),
            Self::Float(value) if value.is_nan() => "nan".to_owned(),
            Self::Float(value) => if value > 0.0 { "inf" } else { "-inf" }.to_owned(),
        }
    }

    /// Returns what is equal for equal values and differs in kind.
    fn key(self) -> Option<u64> {
        match self {
            // Equal values have equal bits: one zero and one NaN.
            Self::Float(value) if value.is_nan() => Some(f64::NAN.to_bits()),
            Self::Float(value) => Some((value + 0.0).to_bits()),
            Self::Count(count) => Some(count as u64),
            Self::Maybe(count) => count.map(|count| count as u64),
        }
    }
}

/// A class of `N` measures, which its constructor takes in the order of their names.
pub(crate) trait Fields<const N: usize> {
    /// The name of the class.
    const CLASS: &'static str;
    /// The names of the fields, in the order of the constructor.
    const NAMES: [&'static str; N];

    /// Returns the values in the order of the names.
    fn values(&self) -> [Value; N];

    fn shown(&self) -> String {
        let fields = Self::NAMES.iter().zip(self.values());
        let fields = fields.map(|(name, value)| format!("{name}={}", value.shown()));
        format!("{}({})", Self::CLASS, fields.collect::<Vec<_>>().join(", "))
    }

    /// Returns the rows of an HTML table.
    fn html_rows(&self) -> String {
        let rows = Self::NAMES.iter().zip(self.values()).map(|(name, value)| {
            let value = match value {
                Value::Float(value) => format!("{value:.6}"),
                value => value.shown(),
            };
            format!("<tr><th>{name}</th><td>{value}</td></tr>")
        });
        rows.collect()
    }

    fn html(&self) -> String {
        format!("<table>{}</table>", self.html_rows())
    }

    fn hash(&self) -> u64 {
        convert::hash_of(&self.values().map(Value::key))
    }

    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (name, value) in Self::NAMES.iter().zip(self.values()) {
            dict.set_item(name, value.object(py)?)?;
        }
        Ok(dict)
    }

    /// Returns what pickle calls to build the object again.
    fn reduce<'py>(
        &self,
        class: Bound<'py, PyType>,
    ) -> PyResult<Reduced<'py, Bound<'py, PyTuple>>> {
        let py = class.py();
        let values: PyResult<Vec<_>> = self
            .values()
            .into_iter()
            .map(|value| value.object(py))
            .collect();
        Ok((class, PyTuple::new(py, values?)?))
    }
}
