//! Everything that becomes a price series: rows, arrays, frames and Arrow tables.
//!
//! One rule for units holds for all of them: integers are ticks, and where at least one price is a
//! float, `tick_size` is required and all prices are units of money.

use std::fmt::Display;

use nanobook::{Price, PriceColumn, PriceSeries, PriceSeriesBuilder, SeriesError, Symbol};
use pyo3::buffer::{Element, PyBuffer};
use pyo3::exceptions::{PyMemoryError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyInt, PyIterator, PyList, PySlice, PyString, PyTuple, PyType};

use crate::arrow;
use crate::convert::{self, Arg};
use crate::errors::{
    BindingResult, OutOfRangeError, ValidationError, invalid, out_of_range, shown, with_note,
    wrong_type,
};

/// A column that has its symbol.
pub(crate) type SymbolColumn = (Symbol, PriceColumn);

const EXPECTED: &str = "rows of prices (dicts or lists of (symbol, price)), a two-dimensional \
                        array, a frame or an Arrow table";

/// Returns the series that data other than a series describe; errors call them `name`.
pub(crate) fn read(
    data: Arg<'_, '_>,
    name: &str,
    symbols: Option<Arg<'_, '_>>,
    tick_size: Option<f64>,
) -> BindingResult<PriceSeries> {
    let is_list = data.is_instance_of::<PyList>() || data.is_instance_of::<PyTuple>();
    if data.is_instance_of::<PyType>() {
        return Err(wrong_type(name, EXPECTED, data).into());
    }
    if !is_list {
        let columns = if is_pandas(data)? {
            let symbols = symbols.map(read_symbols).transpose()?;
            Some((pandas_columns(data, symbols.as_deref())?, data.len()?))
        } else if is_arrow(data)? {
            let symbols = symbols.map(read_symbols).transpose()?;
            arrow::read(data, symbols.as_deref(), "prices")?
        } else {
            refuse_lazy(data, name)?;
            None
        };
        if columns.is_none() {
            refuse_column(data, name)?;
        }
        if let Some((columns, bars)) = columns {
            let series = data
                .py()
                .detach(|| PriceSeries::from_columns(&columns, tick_size));
            return with_bars(series?, || Ok(bars));
        }
        if let Some(series) = from_array(data, symbols, tick_size)? {
            return with_bars(series, || data.len());
        }
    }
    match symbols {
        Some(symbols) => from_unnamed_rows(data, name, symbols, tick_size),
        None => from_rows(data, name, tick_size),
    }
}

/// Returns a series with its bars where it has no columns, which would tell how many there are.
fn with_bars(
    series: PriceSeries,
    bars: impl FnOnce() -> PyResult<usize>,
) -> BindingResult<PriceSeries> {
    if !series.symbols().is_empty() {
        return Ok(series);
    }
    let bars = bars()?;
    // An array without columns has any number of rows in no memory; bars need some each.
    let mut room = Vec::<[usize; 4]>::new();
    room.try_reserve_exact(bars)
        .map_err(|_| PyMemoryError::new_err(format!("{bars} bars do not fit in memory")))?;
    // Memory that nothing uses may else be left out by the compiler.
    std::hint::black_box(&room);
    let mut builder = PriceSeriesBuilder::new();
    for _ in 0..bars {
        builder.end_bar();
    }
    Ok(builder.finish())
}

/// Returns whether it is a frame of pandas.
pub(crate) fn is_pandas(data: Arg<'_, '_>) -> PyResult<bool> {
    Ok(data.hasattr("iloc")? && data.hasattr("columns")?)
}

/// Returns whether it has an Arrow form.
fn is_arrow(data: Arg<'_, '_>) -> PyResult<bool> {
    Ok(data.hasattr("__arrow_c_stream__")? || data.hasattr("__arrow_c_array__")?)
}

/// Refuses a frame of polars that is not computed yet.
pub(crate) fn refuse_lazy(data: Arg<'_, '_>, name: &str) -> PyResult<()> {
    if data.hasattr("collect")? && data.hasattr("lazy")? {
        let class = data.get_type();
        return Err(PyTypeError::new_err(format!(
            "{name} must be a frame that has its values, got a {}: collect it first",
            class.name()?
        )));
    }
    Ok(())
}

/// Refuses a series of pandas or polars: it does not say whose prices it has.
fn refuse_column(data: Arg<'_, '_>, name: &str) -> PyResult<()> {
    if !data.hasattr("to_frame")? {
        return Ok(());
    }
    let column = data.getattr_opt("name")?;
    let column = match column {
        Some(column) if column.is_instance_of::<PyString>() => shown(&column),
        _ => "'AAPL'".to_owned(),
    };
    Err(invalid(format!(
        "{name} must be a frame, got a column: use frame[[{column}]]"
    )))
}

/// Reads names of columns.
pub(crate) fn read_symbols(symbols: Arg<'_, '_>) -> BindingResult<Vec<Symbol>> {
    let expected = "an iterable of str";
    if symbols.is_instance_of::<PyString>() {
        return Err(wrong_type("symbols", expected, symbols).into());
    }
    convert::items(symbols, "symbols", expected)?
        .map(|name| convert::symbol(&name?))
        .collect()
}

/// Returns the place of each column that is wanted, with its symbol: those of `symbols` in their
/// order, or all.
pub(crate) fn select(
    names: &[&str],
    symbols: Option<&[Symbol]>,
) -> BindingResult<Vec<(usize, Symbol)>> {
    let Some(symbols) = symbols else {
        return names
            .iter()
            .enumerate()
            .map(|(place, name)| Ok((place, Symbol::try_new(name)?)))
            .collect();
    };
    symbols
        .iter()
        .map(|symbol| {
            let mut places = (0..names.len()).filter(|&place| names[place] == symbol.as_str());
            match (places.next(), places.next()) {
                (Some(place), None) => Ok((place, *symbol)),
                (None, _) => {
                    let message = format!("symbols must name columns, and no column is '{symbol}'");
                    Err(invalid(message).into())
                }
                (Some(_), Some(_)) => Err(SeriesError::DuplicateSymbol(*symbol).into()),
            }
        })
        .collect()
}

/// Returns the error for a column that has no prices.
#[cold]
pub(crate) fn wrong_column(name: &str, kind: impl Display, content: &str) -> PyErr {
    PyTypeError::new_err(format!(
        "column '{name}' must have {content}, integers or floats, and has {kind}: drop it, or name \
         the columns of {content} in symbols"
    ))
}

/// Returns the message for an integer that is no price in any unit.
#[cold]
pub(crate) fn too_large(price: impl Display, symbol: Symbol, bar: usize) -> String {
    format!(
        "a price must be positive and below {}, got {price} for {symbol} at bar {bar}",
        Price::MAX
    )
}

// Arrays.

/// Reads an array, or returns `None` for what is none.
fn from_array(
    data: Arg<'_, '_>,
    symbols: Option<Arg<'_, '_>>,
    tick_size: Option<f64>,
) -> BindingResult<Option<PriceSeries>> {
    let kind = if data.hasattr("astype")? {
        ArrayKind::of(data)?
    } else {
        // A buffer of another library.
        ArrayKind::default()
    };
    let py = data.py();
    if kind.is_masked {
        return from_masked(data, symbols, tick_size).map(Some);
    }
    let data = match kind.convert_to {
        None => data,
        Some("O") => return from_objects(data, symbols, tick_size).map(Some),
        Some(dtype) => &data.call_method1("astype", (dtype,))?,
    };
    if let Some(buffer) = convert::native_buffer::<f64>(data) {
        let symbols = read_columns(symbols, buffer.shape())?;
        let Some(tick_size) = tick_size else {
            return Err(invalid("tick_size is required where prices are floats".to_owned()).into());
        };
        let prices = buffer.to_vec(py)?;
        let series = py.detach(|| PriceSeries::from_floats(&symbols, prices, tick_size));
        return Ok(Some(series?));
    }
    if let Some(buffer) = convert::native_buffer::<i64>(data) {
        let symbols = read_columns(symbols, buffer.shape())?;
        no_tick_size(tick_size)?;
        let prices = buffer.to_vec(py)?.into_iter().map(Price).map(Some);
        return Ok(Some(PriceSeries::from_prices(&symbols, prices)?));
    }
    if let Some(buffer) = convert::native_buffer::<u64>(data) {
        let symbols = read_columns(symbols, buffer.shape())?;
        no_tick_size(tick_size)?;
        let prices = signed(buffer.to_vec(py)?, |place| {
            (symbols[place % symbols.len()], place / symbols.len())
        })?;
        let prices = prices.into_iter().map(Price).map(Some);
        return Ok(Some(PriceSeries::from_prices(&symbols, prices)?));
    }
    Ok(None)
}

/// How an array's prices are read.
#[derive(Default)]
struct ArrayKind {
    /// The `NumPy` type to convert it to first; `O` for objects, which are read one by one.
    convert_to: Option<&'static str>,
    is_masked: bool,
}

impl ArrayKind {
    /// Looks at the type of a `NumPy` array.
    fn of(data: Arg<'_, '_>) -> BindingResult<Self> {
        let dtype = data.getattr("dtype")?;
        let kind: String = dtype.getattr("kind")?.extract()?;
        let dimensions: usize = data.getattr("ndim")?.extract()?;
        let refuse = |advice: &str| {
            let message =
                format!("an array of prices must have integers or floats, got {dtype}{advice}");
            Err(PyTypeError::new_err(message).into())
        };
        let names = dtype.getattr_opt("names")?;
        if names.is_some_and(|names| !names.is_none()) {
            return refuse(": pass its fields as a frame, or an array of two dimensions");
        }
        if dimensions != 2 {
            return Err(not_two_dimensions(dimensions).into());
        }
        let is_plain =
            dtype.getattr("itemsize")?.eq(8)? && dtype.getattr("isnative")?.is_truthy()?;
        let convert_to = match kind.as_str() {
            "f" | "i" | "u" if is_plain => None,
            "f" => Some("f8"),
            "i" => Some("i8"),
            "u" => Some("u8"),
            "O" => Some("O"),
            _ => return refuse(""),
        };
        // The buffer of a masked array shows what is behind the mask.
        let is_masked = data.hasattr("mask")?;
        Ok(Self {
            convert_to,
            is_masked,
        })
    }
}

/// Reads a masked array: what is masked is a gap.
fn from_masked(
    data: Arg<'_, '_>,
    symbols: Option<Arg<'_, '_>>,
    tick_size: Option<f64>,
) -> BindingResult<PriceSeries> {
    let is_float = data.getattr("dtype")?.getattr("kind")?.eq("f")?;
    let filled = data
        .call_method1("astype", (if is_float { "f8" } else { "O" },))?
        .call_method1("filled", (f64::NAN,))?;
    let series = from_array(&filled, symbols, tick_size)?;
    Ok(series.expect("an array without a mask is read"))
}

/// Reads an array of objects: integers, floats and `None`.
fn from_objects(
    data: Arg<'_, '_>,
    symbols: Option<Arg<'_, '_>>,
    tick_size: Option<f64>,
) -> BindingResult<PriceSeries> {
    let shape: Vec<usize> = data.getattr("shape")?.extract()?;
    let symbols = read_columns(symbols, &shape)?;
    let columns = data.getattr("T")?.call_method0("tolist")?;
    let mut series = Vec::with_capacity(symbols.len());
    for (symbol, cells) in symbols.into_iter().zip(columns.try_iter()?) {
        series.push((symbol, object_column(&cells?, symbol)?));
    }
    Ok(PriceSeries::from_columns(&series, tick_size)?)
}

/// Reads the symbols of a two-dimensional array's columns.
fn read_columns(symbols: Option<Arg<'_, '_>>, shape: &[usize]) -> BindingResult<Vec<Symbol>> {
    let [_, columns] = *shape else {
        return Err(not_two_dimensions(shape.len()).into());
    };
    let Some(symbols) = symbols else {
        return Err(invalid("symbols are required with an array of prices".to_owned()).into());
    };
    let symbols = read_symbols(symbols)?;
    if symbols.len() != columns {
        return Err(invalid(format!(
            "symbols must name the {columns} columns of the prices, got {}",
            symbols.len()
        ))
        .into());
    }
    Ok(symbols)
}

#[cold]
fn not_two_dimensions(dimensions: usize) -> PyErr {
    invalid(format!(
        "an array of prices must have two dimensions, bars and symbols, got {dimensions}"
    ))
}

/// Integer prices are ticks already.
fn no_tick_size(tick_size: Option<f64>) -> Result<(), SeriesError> {
    tick_size.map_or(Ok(()), |size| Err(SeriesError::UnusedTickSize(size)))
}

/// Returns unsigned prices as signed ones, or the error for one that is too large; `place` tells
/// its symbol and bar.
fn signed(prices: Vec<u64>, place: impl Fn(usize) -> (Symbol, usize)) -> PyResult<Vec<i64>> {
    let prices = prices.into_iter().enumerate();
    prices
        .map(|(index, price)| {
            i64::try_from(price).map_err(|_| {
                let (symbol, bar) = place(index);
                out_of_range(too_large(price, symbol, bar))
            })
        })
        .collect()
}

// Frames of pandas, which give their columns as NumPy arrays.

/// Returns the names of a frame's columns.
pub(crate) fn pandas_names<'py>(frame: Arg<'_, 'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    frame.getattr("columns")?.try_iter()?.collect()
}

/// Returns the place of each column of a frame that is wanted, with its symbol, as [`select`] does.
pub(crate) fn select_pandas(
    names: &[Bound<'_, PyAny>],
    symbols: Option<&[Symbol]>,
) -> BindingResult<Vec<(usize, Symbol)>> {
    let mut texts = Vec::with_capacity(names.len());
    for name in names {
        let text = name.cast::<PyString>().ok();
        texts.push(match text.and_then(|text| text.to_str().ok()) {
            Some(text) => text,
            // It can only be a column that is left out.
            None if symbols.is_some() => "",
            None => return Err(wrong_type("a column's name", "a str", name).into()),
        });
    }
    select(&texts, symbols)
}

fn pandas_columns(
    frame: Arg<'_, '_>,
    symbols: Option<&[Symbol]>,
) -> BindingResult<Vec<SymbolColumn>> {
    let mut columns = Vec::new();
    for (place, symbol) in select_pandas(&pandas_names(frame)?, symbols)? {
        let column = frame
            .getattr("iloc")?
            .get_item((PySlice::full(frame.py()), place))?;
        columns.push((symbol, pandas_column(&column, symbol)?));
    }
    Ok(columns)
}

fn pandas_column(column: Arg<'_, '_>, symbol: Symbol) -> BindingResult<PriceColumn> {
    let py = column.py();
    let dtype = column.getattr("dtype")?;
    let kind: String = dtype.getattr("kind")?.extract()?;
    // Types of pandas' own have a value for what is missing, those of NumPy have not.
    let is_numpy = !dtype.hasattr("na_value")?;
    let to_numpy = |target: &str, gap: Py<PyAny>| {
        if is_numpy {
            column.call_method0("to_numpy")
        } else {
            let arguments = PyDict::new(py);
            arguments.set_item("dtype", target)?;
            arguments.set_item("na_value", gap)?;
            column.call_method("to_numpy", (), Some(&arguments))
        }
    };
    let missing = || -> PyResult<Option<Vec<bool>>> {
        if is_numpy {
            return Ok(None);
        }
        let missing = column.call_method0("isna")?.call_method0("to_numpy")?;
        vec_of::<u8>(&missing.call_method1("view", ("u1",))?, "u1")
            .map(|missing| Some(missing.into_iter().map(|missing| missing != 0).collect()))
    };
    let zero = || PyInt::new(py, 0).into_any().unbind();
    match kind.as_str() {
        "f" => {
            let gap = PyFloat::new(py, f64::NAN).into_any().unbind();
            let prices = vec_of::<f64>(&to_numpy("f8", gap)?, "f8")?;
            Ok(PriceColumn::Floats(prices))
        }
        "i" => {
            let prices = vec_of::<i64>(&to_numpy("i8", zero())?, "i8")?;
            Ok(with_gaps(prices, missing()?))
        }
        "u" => {
            let prices = vec_of::<u64>(&to_numpy("u8", zero())?, "u8")?;
            let prices = signed(prices, |bar| (symbol, bar))?;
            Ok(with_gaps(prices, missing()?))
        }
        "O" => {
            let name = dtype.str()?.to_string();
            if name == "object" || name.starts_with("decimal") {
                let cells = column.call_method0("tolist")?;
                return object_column(&cells, symbol);
            }
            Err(wrong_column(symbol.as_str(), name, "prices").into())
        }
        _ => Err(wrong_column(symbol.as_str(), dtype, "prices").into()),
    }
}

fn with_gaps(prices: Vec<i64>, missing: Option<Vec<bool>>) -> PriceColumn {
    let prices = prices.into_iter();
    PriceColumn::Integers(match missing {
        None => prices.map(Some).collect(),
        Some(missing) => prices
            .zip(missing)
            .map(|(price, missing)| (!missing).then_some(price))
            .collect(),
    })
}

/// Returns an array's elements, converted to the type first where they are of another.
fn vec_of<T: Element>(array: Arg<'_, '_>, dtype: &str) -> PyResult<Vec<T>> {
    let py = array.py();
    match convert::native_buffer::<T>(array) {
        Some(buffer) => buffer.to_vec(py),
        None => PyBuffer::get(&array.call_method1("astype", (dtype,))?)?.to_vec(py),
    }
}

// Rows and other objects.

/// Returns whether it is what pandas has for a missing value.
pub(crate) fn is_na(value: Arg<'_, '_>) -> PyResult<bool> {
    Ok(value.get_type().name()? == "NAType")
}

/// A price as it was given.
enum Cell {
    Gap,
    Integer(i64),
    Float(f64),
}

impl Cell {
    /// Reads an integer, a float (or what converts to one, such as a `Decimal`), or a gap: `None`,
    /// the `NA` of pandas, and NaN.
    #[inline]
    fn read(value: Arg<'_, '_>) -> PyResult<Self> {
        if let Ok(float) = value.cast::<PyFloat>() {
            return Ok(Self::of_float(float.value()));
        }
        if value.is_exact_instance_of::<PyInt>() {
            return convert::integer(value, "price").map(Self::Integer);
        }
        if value.is_none() {
            return Ok(Self::Gap);
        }
        Self::read_unusual(value)
    }

    #[cold]
    fn read_unusual(value: Arg<'_, '_>) -> PyResult<Self> {
        let py = value.py();
        if is_na(value)? {
            return Ok(Self::Gap);
        }
        let class = value.get_type();
        let class = class.name()?;
        // A bool of NumPy converts to a float.
        if class != "bool" && class != "bool_" {
            match convert::integer(value, "price") {
                Ok(integer) => return Ok(Self::Integer(integer)),
                Err(error) if error.is_instance_of::<PyTypeError>(py) => {}
                Err(error) => return Err(error),
            }
            match convert::float(value, "price") {
                Ok(float) => return Ok(Self::of_float(float)),
                Err(error) if convert::is_wrong_type(py, &error) => {}
                Err(error) => return Err(error),
            }
        }
        Err(wrong_type("price", "an integer, a float or None", value))
    }

    fn of_float(float: f64) -> Self {
        if float.is_nan() {
            Self::Gap
        } else {
            Self::Float(float)
        }
    }
}

/// Reads a column of objects.
fn object_column(cells: Arg<'_, '_>, symbol: Symbol) -> BindingResult<PriceColumn> {
    let mut prices = Vec::new();
    for (bar, cell) in cells.try_iter()?.enumerate() {
        prices.push(read_cell(&cell?, bar, symbol)?);
    }
    Ok(column_of(prices))
}

fn read_cell(value: Arg<'_, '_>, bar: usize, symbol: Symbol) -> BindingResult<Cell> {
    match Cell::read(value) {
        // Among integers it must not ask for a tick size, which would not help.
        Ok(Cell::Float(price)) if price.is_infinite() => {
            Err(SeriesError::InvalidFloat { bar, symbol, price }.into())
        }
        Ok(cell) => Ok(cell),
        Err(error) => Err(with_place(value.py(), error, bar, symbol).into()),
    }
}

fn column_of(prices: Vec<Cell>) -> PriceColumn {
    let has_floats = prices.iter().any(|cell| matches!(cell, Cell::Float(_)));
    if has_floats {
        PriceColumn::Floats(
            prices
                .into_iter()
                .map(|cell| match cell {
                    Cell::Gap => f64::NAN,
                    Cell::Integer(price) => to_float(price),
                    Cell::Float(price) => price,
                })
                .collect(),
        )
    } else {
        PriceColumn::Integers(
            prices
                .into_iter()
                .map(|cell| match cell {
                    Cell::Integer(price) => Some(price),
                    _ => None,
                })
                .collect(),
        )
    }
}

/// Returns an integer price in units of money.
#[expect(
    clippy::cast_precision_loss,
    reason = "it is rounded to a tick, as all floats are"
)]
fn to_float(price: i64) -> f64 {
    price as f64
}

/// Rows on their way into a series.
struct Rows {
    builder: PriceSeriesBuilder,
    /// The number of rows so far.
    bar: usize,
    tick_size: Option<f64>,
    has_integers: bool,
    has_floats: bool,
}

impl Rows {
    #[inline]
    fn push(&mut self, symbol: Arg<'_, '_>, price: Arg<'_, '_>) -> BindingResult<()> {
        let symbol = convert::symbol(symbol)?;
        let at_place = |error| with_place(price.py(), error, self.bar, symbol);
        let Some(tick_size) = self.tick_size else {
            let ticks = convert::integer(price, "price")
                .map_err(|error| at_place(without_tick_size(price, error)))?;
            return Ok(self.builder.push(symbol, Price(ticks))?);
        };
        let price = match Cell::read(price).map_err(at_place)? {
            Cell::Gap => f64::NAN,
            Cell::Integer(price) => {
                self.has_integers = true;
                to_float(price)
            }
            Cell::Float(price) => {
                self.has_floats = true;
                price
            }
        };
        Ok(self.builder.push_float(symbol, price, tick_size)?)
    }

    fn end_bar(&mut self) {
        self.builder.end_bar();
        self.bar += 1;
    }

    fn finish(self) -> Result<PriceSeries, SeriesError> {
        match self.tick_size {
            Some(size) if self.has_integers && !self.has_floats => {
                Err(SeriesError::UnusedTickSize(size))
            }
            _ => Ok(self.builder.finish()),
        }
    }
}

/// Returns the rows of what has them.
fn read_rows<'py>(data: Arg<'_, 'py>, name: &str) -> PyResult<Bound<'py, PyIterator>> {
    if data.is_instance_of::<PyString>() || data.is_instance_of::<PyDict>() {
        return Err(wrong_type(name, EXPECTED, data));
    }
    convert::items(data, name, EXPECTED)
}

/// Reads one dict, or list of pairs, for each bar.
fn from_rows(data: Arg<'_, '_>, name: &str, tick_size: Option<f64>) -> BindingResult<PriceSeries> {
    let expected = "rows of prices: dicts or lists of (symbol, price)";
    let rows = read_rows(data, name)?;
    let mut read = Rows {
        builder: PriceSeriesBuilder::new(),
        bar: 0,
        tick_size,
        has_integers: false,
        has_floats: false,
    };
    for row in rows {
        let row = row?;
        if let Ok(dict) = row.cast::<PyDict>() {
            // Of a copy: reading a value can run code of the caller's, which may change the dict.
            for (symbol, price) in &dict.copy()? {
                read.push(&symbol, &price)?;
            }
        } else {
            let name = format!("{name}[{}]", read.bar);
            if row.is_instance_of::<PyString>() {
                return Err(wrong_type(&name, expected, &row).into());
            }
            let items = convert::items_of_mapping(&row)?;
            for item in convert::items(&items, &name, expected)? {
                let item = item?;
                let Some((symbol, price)) = convert::pair(&item) else {
                    return Err(wrong_type(&name, expected, &item).into());
                };
                read.push(&symbol, &price)?;
            }
        }
        read.end_bar();
    }
    Ok(read.finish()?)
}

/// Reads one row of prices for each bar, in the order of the symbols.
fn from_unnamed_rows(
    data: Arg<'_, '_>,
    name: &str,
    symbols: Arg<'_, '_>,
    tick_size: Option<f64>,
) -> BindingResult<PriceSeries> {
    let rows = read_rows(data, name)?;
    let named = || {
        let expected = "left out: rows of prices name their symbols";
        Err(wrong_type("symbols", expected, symbols).into())
    };
    let names = read_symbols(symbols)?;
    let mut columns: Vec<Vec<Cell>> = names.iter().map(|_| Vec::new()).collect();
    let mut bars = 0;
    for (bar, row) in rows.enumerate() {
        let row = row?;
        let is_dict = row.is_instance_of::<PyDict>();
        let place = format!("{name}[{bar}]");
        if row.is_instance_of::<PyString>() {
            return Err(wrong_type(&place, "a row of prices", &row).into());
        }
        let cells = convert::items(&row, &place, "a row of prices")?;
        let cells: Vec<_> = cells.collect::<PyResult<_>>()?;
        if is_dict || cells.iter().any(|cell| convert::pair(cell).is_some()) {
            return named();
        }
        if cells.len() != names.len() {
            return Err(invalid(format!(
                "{name}[{bar}] must have a price for each of the {} symbols, got {}",
                names.len(),
                cells.len()
            ))
            .into());
        }
        for ((column, cell), &symbol) in columns.iter_mut().zip(&cells).zip(&names) {
            column.push(read_cell(cell, bar, symbol)?);
        }
        bars = bar + 1;
    }
    let columns: Vec<_> = names
        .into_iter()
        .zip(columns.into_iter().map(column_of))
        .collect();
    with_bars(PriceSeries::from_columns(&columns, tick_size)?, || Ok(bars))
}

/// Says what would make a float a price.
#[cold]
fn without_tick_size(price: Arg<'_, '_>, error: PyErr) -> PyErr {
    // Any other error is no matter of the type: the caller's code is not run again.
    if !error.is_instance_of::<PyTypeError>(price.py()) {
        return error;
    }
    let cell = Cell::read(price);
    if price.is_instance_of::<PyFloat>() || matches!(cell, Ok(Cell::Float(_))) {
        let shown = shown(price);
        return invalid(format!(
            "tick_size is required where prices are floats, got {shown}"
        ));
    }
    match cell {
        Err(raised) if !is_own(price.py(), &raised) => raised,
        _ => error,
    }
}

/// Names bar and symbol in the error of a price: in the text of our own, in a note of any other.
#[cold]
fn with_place(py: Python<'_>, error: PyErr, bar: usize, symbol: Symbol) -> PyErr {
    if is_own(py, &error) {
        let message = format!("{} ({symbol} at bar {bar})", error.value(py));
        return PyErr::from_type(error.get_type(py), message);
    }
    with_note(
        py,
        error,
        &format!("raised by the price of {symbol} at bar {bar}"),
    )
}

/// Returns whether the error of a price is ours: one that a method of the caller's raised has a
/// traceback.
fn is_own(py: Python<'_>, error: &PyErr) -> bool {
    convert::is_wrong_type(py, error)
        || (error.is_instance_of::<ValidationError>(py)
            || error.is_instance_of::<OutOfRangeError>(py))
            && error.traceback(py).is_none()
}
