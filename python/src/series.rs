//! `PriceSeries`: prices, bars x symbols, converted once.

use nanobook::{Price, PriceSeries, PriceSeriesBuilder, Symbol};
use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::convert::{self, Arg};
use crate::errors::{BindingResult, invalid, wrong_type};

/// Prices of symbols at bars: immutable, and shared by every run that uses it.
#[pyclass(name = "PriceSeries", module = "nanobook", frozen)]
#[derive(Debug)]
pub(crate) struct PyPriceSeries(pub(crate) PriceSeries);

/// Returns the series that an argument is or describes.
pub(crate) fn read(data: Arg<'_, '_>) -> BindingResult<PriceSeries> {
    match data.cast::<PyPriceSeries>() {
        Ok(series) => Ok(series.get().0.clone()),
        Err(_) => from_data(data, None, None),
    }
}

fn from_data(
    data: Arg<'_, '_>,
    symbols: Option<Arg<'_, '_>>,
    tick_size: Option<f64>,
) -> BindingResult<PriceSeries> {
    if let Some(buffer) = convert::native_buffer::<f64>(data) {
        let symbols = read_symbols(symbols, &buffer)?;
        let Some(tick_size) = tick_size else {
            return Err(invalid("tick_size is required where prices are floats".to_owned()).into());
        };
        let prices = buffer.to_vec(data.py())?;
        return Ok(data
            .py()
            .detach(|| PriceSeries::from_floats(&symbols, &prices, tick_size))?);
    }
    if let Some(buffer) = convert::native_buffer::<i64>(data) {
        let symbols = read_symbols(symbols, &buffer)?;
        no_tick_size(tick_size)?;
        let prices = buffer.to_vec(data.py())?.into_iter().map(Price).map(Some);
        return Ok(PriceSeries::from_prices(&symbols, prices)?);
    }
    no_tick_size(tick_size)?;
    if let Some(symbols) = symbols {
        return Err(wrong_type(
            "symbols",
            "left out: rows of prices name their symbols",
            symbols,
        )
        .into());
    }
    from_rows(data)
}

/// Integer prices are ticks already.
fn no_tick_size(tick_size: Option<f64>) -> BindingResult<()> {
    match tick_size {
        None => Ok(()),
        Some(tick_size) => Err(invalid(format!(
            "tick_size goes with float prices only, got {tick_size}"
        ))
        .into()),
    }
}

/// Reads the symbols of a two-dimensional array's columns.
fn read_symbols<T: pyo3::buffer::Element>(
    symbols: Option<Arg<'_, '_>>,
    buffer: &PyBuffer<T>,
) -> BindingResult<Vec<Symbol>> {
    let [_, columns] = buffer.shape() else {
        return Err(invalid(format!(
            "an array of prices must have two dimensions, bars and symbols, got {}",
            buffer.dimensions()
        ))
        .into());
    };
    let Some(names) = symbols else {
        return Err(invalid("symbols are required with an array of prices".to_owned()).into());
    };
    let mut symbols = Vec::with_capacity(*columns);
    for name in names.try_iter()? {
        symbols.push(convert::symbol(&name?)?);
    }
    if symbols.len() != *columns {
        return Err(invalid(format!(
            "symbols must name the {columns} columns of the prices, got {}",
            symbols.len()
        ))
        .into());
    }
    Ok(symbols)
}

/// Reads one dict, or list of pairs, for each bar.
fn from_rows(data: Arg<'_, '_>) -> BindingResult<PriceSeries> {
    let expected = "rows of prices: dicts or lists of (symbol, price)";
    let is_text = data.is_instance_of::<PyString>() || data.is_instance_of::<PyDict>();
    let Some(rows) = data.try_iter().ok().filter(|_| !is_text) else {
        return Err(wrong_type("price_series", expected, data).into());
    };
    let mut builder = PriceSeriesBuilder::new();
    for (bar, row) in rows.enumerate() {
        let row = row?;
        let mut push = |symbol: Arg<'_, '_>, price: Arg<'_, '_>| -> BindingResult<()> {
            let name = convert::symbol(symbol)?;
            let price = convert::integer(price, "price")
                .map_err(|error| with_place(price.py(), error, bar, name))?;
            Ok(builder.push(name, Price(price))?)
        };
        if let Ok(dict) = row.cast::<PyDict>() {
            // Of a copy: reading a value can run code of the caller's, which may change the dict.
            for (symbol, price) in &dict.copy()? {
                push(&symbol, &price)?;
            }
        } else {
            let Some(items) = convert::items_of_mapping(&row)?
                .try_iter()
                .ok()
                .filter(|_| !row.is_instance_of::<PyString>())
            else {
                return Err(wrong_type(&format!("price_series[{bar}]"), expected, &row).into());
            };
            for item in items {
                let item = item?;
                let Some((symbol, price)) = convert::pair(&item) else {
                    return Err(wrong_type(&format!("price_series[{bar}]"), expected, &item).into());
                };
                push(&symbol, &price)?;
            }
        }
        builder.end_bar();
    }
    Ok(builder.finish())
}

/// Names bar and symbol in the error of a price.
#[cold]
fn with_place(py: Python<'_>, error: PyErr, bar: usize, symbol: Symbol) -> PyErr {
    let message = format!("{} ({symbol} at bar {bar})", error.value(py));
    PyErr::from_type(error.get_type(py), message)
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
        from_data(data, symbols, tick_size.transpose()?).map(Self)
    }

    /// The symbols, in the order they first appeared.
    #[getter]
    fn symbols(&self) -> Vec<&str> {
        self.0.symbols().iter().map(Symbol::as_str).collect()
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    fn __repr__(&self) -> String {
        format!(
            "PriceSeries(bars={}, symbols={})",
            self.0.len(),
            self.0.symbols().len()
        )
    }
}
