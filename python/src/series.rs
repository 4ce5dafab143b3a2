//! `PriceSeries`: prices, bars x symbols, converted once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::{ArrayRef, Int64Array};
use nanobook::{PriceSeries, Prices, Symbol};
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyIndexError, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyCapsule, PyDict, PySlice, PyString, PyType};

use crate::array::numpy;
use crate::convert::{self, Arg};
use crate::errors::{BindingResult, invalid, shown, wrong_type};
use crate::series_input;
use crate::table::PyTable;

/// Prices of symbols at bars: immutable, and shared by every run that uses it.
#[pyclass(name = "PriceSeries", module = "nanobook", frozen)]
pub(crate) struct PyPriceSeries {
    series: PriceSeries,
    /// The symbols as Python strings: dicts of the same strings are built fast.
    names: PyOnceLock<Vec<Py<PyString>>>,
}

/// Returns the series that an argument is or describes.
pub(crate) fn read(data: Arg<'_, '_>) -> BindingResult<PriceSeries> {
    match data.cast::<PyPriceSeries>() {
        Ok(series) => Ok(series.get().series.clone()),
        Err(_) => series_input::read(data, "price_series", None, None),
    }
}

impl From<PriceSeries> for PyPriceSeries {
    fn from(series: PriceSeries) -> Self {
        Self {
            series,
            names: PyOnceLock::new(),
        }
    }
}

impl PyPriceSeries {
    /// Returns the prices of a bar, by symbol.
    fn dict<'py>(&self, py: Python<'py>, prices: &Prices<'_>) -> PyResult<Bound<'py, PyDict>> {
        let names = self.names.get_or_init(py, || {
            let symbols = self.series.symbols().iter();
            symbols
                .map(|symbol| PyString::intern(py, symbol.as_str()).unbind())
                .collect()
        });
        let dict = PyDict::new(py);
        for (column, price) in prices.columns() {
            dict.set_item(&names[column], price.0)?;
        }
        Ok(dict)
    }
}

#[pymethods]
impl PyPriceSeries {
    #[new]
    #[pyo3(signature = (data, symbols=None, tick_size=None))]
    fn new(
        data: Arg<'_, '_>,
        symbols: Option<Arg<'_, '_>>,
        tick_size: Option<Arg<'_, '_>>,
    ) -> BindingResult<Self> {
        let tick_size = tick_size.map(|size| convert::float(size, "tick_size"));
        let tick_size = tick_size.transpose()?;
        if let Ok(series) = data.cast::<Self>() {
            if symbols.is_some() || tick_size.is_some() {
                let message = "a PriceSeries has its symbols and ticks: leave out symbols and \
                               tick_size";
                return Err(invalid(message.to_owned()).into());
            }
            return Ok(series.get().series.clone().into());
        }
        series_input::read(data, "data", symbols, tick_size).map(Self::from)
    }

    /// The symbols, in the order they first appeared.
    #[getter]
    fn symbols(&self) -> Vec<&str> {
        self.series.symbols().iter().map(Symbol::as_str).collect()
    }

    /// Return the prices as a NumPy array of its own, bars x symbols.
    #[pyo3(signature = (dtype=None), text_signature = "($self, dtype='float64')")]
    fn to_numpy<'py>(
        &self,
        py: Python<'py>,
        dtype: Option<Arg<'_, 'py>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let numpy = numpy(py)?;
        let wanted = dtype.map(|dtype| -> PyResult<String> {
            let kind = numpy.call_method1("dtype", (dtype,))?;
            kind.getattr("name")?.extract()
        });
        let wanted = wanted.transpose()?;
        let shape = (self.series.len(), self.series.symbols().len());
        let empty = |dtype: &str| numpy.call_method1("empty", (shape, dtype));
        match wanted.as_deref() {
            None | Some("float64") => {
                let array = empty("float64")?;
                let prices = self.series.ticks().iter();
                let prices: Vec<f64> = prices.map(|&price| float_or_nan(price)).collect();
                PyBuffer::<f64>::get(&array)?.copy_from_slice(py, &prices)?;
                Ok(array)
            }
            Some("int64") => {
                let array = empty("int64")?;
                PyBuffer::<i64>::get(&array)?.copy_from_slice(py, self.series.ticks())?;
                Ok(array)
            }
            Some(name) => Err(invalid(format!(
                "dtype must be 'float64', with NaN for a gap, or 'int64', with 0 for a gap, got \
                 '{name}'"
            ))),
        }
    }

    /// Return symbols and prices as bytes, versioned and checksummed.
    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let bytes = py.detach(|| self.series.to_bytes());
        PyBytes::new(py, &bytes)
    }

    /// Return the series that `to_bytes` wrote.
    #[classmethod]
    fn from_bytes(class: &Bound<'_, PyType>, data: Arg<'_, '_>) -> BindingResult<Self> {
        let data = convert::bytes_like(data, "data")?;
        let series = class
            .py()
            .detach(|| PriceSeries::from_bytes(data.as_ref()))?;
        Ok(series.into())
    }

    fn __len__(&self) -> usize {
        self.series.len()
    }

    fn __getitem__<'py>(
        slf: &Bound<'py, Self>,
        index: Arg<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let series = &slf.get().series;
        let len = isize::try_from(series.len()).expect("a table fits in memory");
        if let Ok(slice) = index.cast::<PySlice>() {
            let range = slice.indices(len)?;
            if range.step != 1 {
                return Err(invalid(format!(
                    "a slice of bars must have step 1, got {}",
                    range.step
                )));
            }
            let start = range.start.unsigned_abs();
            let bars = series.slice(start..start + range.slicelength);
            return Ok(Bound::new(py, Self::from(bars))?.into_any());
        }
        let bar = match convert::integer::<i64>(index, "bar") {
            Ok(bar) => isize::try_from(bar).ok(),
            Err(error) if error.is_instance_of::<PyTypeError>(py) => {
                return Err(wrong_type("bar", "an integer or a slice", index));
            }
            // Too large for an integer is out of range as well.
            Err(_) => None,
        };
        let place = bar.and_then(|bar| {
            if bar < 0 {
                bar.checked_add(len)
            } else {
                Some(bar)
            }
        });
        match place.filter(|place| (0..len).contains(place)) {
            Some(place) => {
                let prices = series.prices(place.unsigned_abs());
                Ok(slf.get().dict(py, &prices)?.into_any())
            }
            None => Err(PyIndexError::new_err(format!(
                "there is no bar {}: the series has {len}",
                shown(index)
            ))),
        }
    }

    fn __contains__(&self, symbol: Arg<'_, '_>) -> bool {
        symbol.is_instance_of::<PyString>()
            && convert::symbol(symbol).is_ok_and(|symbol| self.series.column_of(symbol).is_some())
    }

    fn __iter__(slf: Py<Self>) -> Bars {
        Bars::new(slf, false)
    }

    fn __reversed__(slf: Py<Self>) -> Bars {
        Bars::new(slf, true)
    }

    fn __eq__(&self, py: Python<'_>, other: &Self) -> bool {
        py.detach(|| self.series == other.series)
    }

    fn __hash__(&self, py: Python<'_>) -> u64 {
        py.detach(|| convert::hash_of(&self.series))
    }

    // Nothing can change, so a copy is the series itself.
    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[expect(unused_variables, reason = "the protocol passes it")]
    fn __deepcopy__(slf: Py<Self>, memo: Arg<'_, '_>) -> Py<Self> {
        slf
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        let py = slf.py();
        let rebuild = PyType::new::<Self>(py).getattr(intern!(py, "from_bytes"))?;
        Ok((rebuild, (slf.get().to_bytes(py),)))
    }

    fn __repr__(&self) -> String {
        format!(
            "PriceSeries(bars={}, symbols={})",
            self.series.len(),
            shown_symbols(self.series.symbols())
        )
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let empty = self.series.slice(0..0);
        table(&empty).to_schema(py)
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
        py.detach(|| table(&self.series)).to_stream(py)
    }

    fn _repr_html_(&self) -> String {
        html(&self.series)
    }
}

/// An iterator over bars.
#[pyclass(name = "PriceSeriesIterator", module = "nanobook", frozen)]
struct Bars {
    series: Py<PyPriceSeries>,
    /// How many bars were given; threads may share an iterator.
    given: AtomicUsize,
    reversed: bool,
}

impl Bars {
    fn new(series: Py<PyPriceSeries>, reversed: bool) -> Self {
        Self {
            series,
            given: AtomicUsize::new(0),
            reversed,
        }
    }
}

#[pymethods]
impl Bars {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let series = self.series.get();
        let len = series.series.len();
        let given = self.given.fetch_add(1, Ordering::Relaxed);
        if given >= len {
            // Stays at its end, however often it is asked.
            self.given.store(len, Ordering::Relaxed);
            return Ok(None);
        }
        let bar = if self.reversed {
            len - 1 - given
        } else {
            given
        };
        series.dict(py, &series.series.prices(bar)).map(Some)
    }

    fn __length_hint__(&self) -> usize {
        let len = self.series.get().series.len();
        len.saturating_sub(self.given.load(Ordering::Relaxed))
    }
}

/// Returns a price as a float, NaN for a gap.
#[expect(clippy::cast_precision_loss, reason = "a float is what is asked for")]
fn float_or_nan(price: i64) -> f64 {
    if price == 0 { f64::NAN } else { price as f64 }
}

/// Returns a table with a column for each symbol, null where there is a gap.
fn table(series: &PriceSeries) -> PyTable {
    PyTable::new(series.symbols().iter().enumerate().map(|(column, symbol)| {
        let prices = (0..series.len()).map(|bar| series.prices(bar).column(column));
        let prices: Int64Array = prices.map(|price| price.map(|price| price.0)).collect();
        (symbol.to_string(), Arc::new(prices) as ArrayRef)
    }))
}

/// Returns symbols as a list's repr, cut where it is long.
pub(crate) fn shown_symbols(symbols: &[Symbol]) -> String {
    let symbols = shorten(symbols, 3).map(|symbol| match symbol {
        Some(symbol) => convert::shown_symbol(symbol),
        None => "...".to_owned(),
    });
    convert::shown_list(symbols)
}

/// Returns the first and the last `ends` items with `None` for what is between, or all where that
/// is not more.
pub(crate) fn shorten<T: Copy>(items: &[T], ends: usize) -> impl Iterator<Item = Option<T>> + '_ {
    let cut = items.len() > 2 * ends + 1;
    let (first, last) = if cut {
        (&items[..ends], &items[items.len() - ends..])
    } else {
        (items, &items[items.len()..])
    };
    let first = first.iter().copied().map(Some);
    let gap = cut.then_some(None);
    first.chain(gap).chain(last.iter().copied().map(Some))
}

/// Returns the first and last bars and symbols as an HTML table.
fn html(series: &PriceSeries) -> String {
    let bars: Vec<usize> = (0..series.len()).collect();
    let columns: Vec<usize> = (0..series.symbols().len()).collect();
    let cells = |tag: &str, cell: &dyn Fn(usize) -> String| {
        let cells = shorten(&columns, 5).map(|column| {
            let text = column.map_or_else(|| "...".to_owned(), cell);
            format!("<{tag}>{text}</{tag}>")
        });
        cells.collect::<Vec<_>>().concat()
    };
    let head = cells("th", &|column| escaped(series.symbols()[column].as_str()));
    let rows = shorten(&bars, 5).map(|bar| match bar {
        None => {
            let dots = cells("td", &|_| "...".to_owned());
            format!("<tr><th>...</th>{dots}</tr>")
        }
        Some(bar) => {
            let prices = series.prices(bar);
            let row = cells("td", &|column| {
                let price = prices.column(column);
                price.map_or_else(String::new, |price| price.to_string())
            });
            format!("<tr><th>{bar}</th>{row}</tr>")
        }
    });
    let rows = rows.collect::<Vec<_>>().concat();
    format!("<table><tr><th>bar</th>{head}</tr>{rows}</table>")
}

/// Returns a text as HTML.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
