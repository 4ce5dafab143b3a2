//! Tables of any library that has the Arrow `PyCapsule` interface, read without that library.

use std::ffi::CStr;

use arrow_array::cast::AsArray;
use arrow_array::ffi::FFI_ArrowArray;
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::types::{
    ArrowPrimitiveType, Decimal32Type, Decimal64Type, Decimal128Type, Float16Type, Float32Type,
    Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{Array, ArrayRef, new_empty_array};
use arrow_schema::DataType;
use arrow_schema::ffi::FFI_ArrowSchema;
use nanobook::{PriceColumn, Symbol};
use pyo3::exceptions::{PyStopIteration, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::arrow_import::{self, Batch};
use crate::convert::Arg;
use crate::errors::{BindingResult, invalid, out_of_range, wrong_type};
use crate::series_input::{self, SymbolColumn};

/// Returns the columns of a table of `content` and the number of its rows, or `None` for what has no
/// Arrow form of a table.
pub(crate) fn read(
    data: Arg<'_, '_>,
    symbols: Option<&[Symbol]>,
    content: &str,
) -> BindingResult<Option<(Vec<SymbolColumn>, usize)>> {
    let py = data.py();
    let Some((schema, batches)) = open(data)? else {
        return Ok(None);
    };
    if schema.format() != "+s" {
        return Ok(None);
    }
    let types = read_types(&schema)?;
    let names: Vec<&str> = names_of(&schema).collect();
    let places = series_input::select(&names, symbols)?;
    for &(place, _) in &places {
        if empty_column(&types[place]).is_none() {
            return Err(series_input::wrong_column(names[place], &types[place], content).into());
        }
    }
    let columns = py.detach(|| read_batches(batches, &types, &places, content))?;
    Ok(Some(columns))
}

/// Returns the schema and the batches of what has an Arrow form.
fn open(data: Arg<'_, '_>) -> PyResult<Option<(FFI_ArrowSchema, Batches)>> {
    let py = data.py();
    let (schema, batches) = if is_reader(data)? {
        let schema = data.getattr("schema")?.call_method0("__arrow_c_schema__")?;
        let schema = take(&schema, "what __arrow_c_schema__() returns")?;
        arrow_import::check_schema(&schema).map_err(failed)?;
        let types = read_types(&schema)?;
        (schema, Batches::Reader(data.clone().unbind(), types))
    } else if data.hasattr("__arrow_c_stream__")? {
        let capsule = data.call_method0("__arrow_c_stream__")?;
        let mut stream = Stream(take(&capsule, "what __arrow_c_stream__() returns")?);
        // Detached, because a producer's threads may need the interpreter.
        let schema = py.detach(|| stream.schema()).map_err(failed)?;
        arrow_import::check_schema(&schema).map_err(failed)?;
        (schema, Batches::Stream(stream))
    } else if data.hasattr("__arrow_c_array__")? {
        let (schema, array) = take_array(data)?;
        (schema, Batches::One(array))
    } else {
        return Ok(None);
    };
    Ok(Some((schema, batches)))
}

/// A column.
pub(crate) enum Column {
    /// In one piece or several.
    Known(Vec<ArrayRef>),
    /// Its type, of which nothing is read, and how many rows it has.
    Other(DataType, usize),
}

impl Column {
    fn new(data_type: &DataType) -> Self {
        if arrow_import::is_known(data_type) {
            Self::Known(Vec::new())
        } else {
            Self::Other(data_type.clone(), 0)
        }
    }

    /// Makes a piece of what has none.
    fn finish(self, data_type: &DataType) -> Self {
        match self {
            Self::Known(chunks) if chunks.is_empty() => {
                Self::Known(vec![new_empty_array(data_type)])
            }
            column => column,
        }
    }
}

/// Returns the columns of a table by name, or `None` for what has no Arrow form of a table;
/// `argument` is what the caller calls it.
pub(crate) fn read_columns(
    data: Arg<'_, '_>,
    argument: &str,
) -> PyResult<Option<Vec<(String, Column)>>> {
    let Some((schema, mut batches)) = open(data)? else {
        return Ok(None);
    };
    if schema.format() != "+s" {
        return Ok(None);
    }
    let types = read_types(&schema)?;
    let names: Vec<&str> = names_of(&schema).collect();
    let mut columns: Vec<Column> = types.iter().map(Column::new).collect();
    data.py().detach(|| {
        let mut first_row = 0;
        while let Some(array) = batches.next()? {
            let mut batch = Batch::new(&array, types.len()).map_err(failed)?;
            if batch.nulls.as_ref().is_some_and(|n| n.null_count() > 0) {
                return Err(failed("a row is null as a whole"));
            }
            for (place, column) in columns.iter_mut().enumerate() {
                match column {
                    Column::Known(chunks) => chunks.push(
                        batch
                            .import(place, &types[place], first_row)
                            .map_err(|reason| bad_column(names[place], argument, &reason))?,
                    ),
                    Column::Other(_, rows) => *rows += batch.rows,
                }
            }
            first_row += batch.rows;
        }
        Ok(())
    })?;
    let columns = columns.into_iter().zip(&types);
    let columns = columns.map(|(column, data_type)| column.finish(data_type));
    let names = names.into_iter().map(str::to_owned);
    Ok(Some(names.zip(columns).collect()))
}

/// Returns a column, or `None` for what has no Arrow form; `name` and `argument` are what the
/// caller calls it and its table.
pub(crate) fn read_column(
    data: Arg<'_, '_>,
    name: &str,
    argument: &str,
) -> PyResult<Option<Column>> {
    let Some((schema, mut batches)) = open(data)? else {
        return Ok(None);
    };
    let data_type = read_type(&schema, name)?;
    let mut column = Column::new(&data_type);
    data.py().detach(|| {
        let mut first_row = 0;
        while let Some(array) = batches.next()? {
            let rows = array.len();
            match &mut column {
                Column::Known(chunks) => chunks.push(
                    arrow_import::import(array, &data_type, first_row)
                        .map_err(|reason| bad_column(name, argument, &reason))?,
                ),
                Column::Other(_, others) => *others = others.saturating_add(rows),
            }
            first_row = first_row.saturating_add(rows);
        }
        PyResult::Ok(())
    })?;
    Ok(Some(column.finish(&data_type)))
}

/// Returns whether it is a reader of pyarrow. Its batches are asked for one by one: what they are
/// made from may raise, and only so arrives what it raised.
fn is_reader(data: Arg<'_, '_>) -> PyResult<bool> {
    Ok(data.hasattr("read_next_batch")? && data.hasattr("schema")?)
}

/// Reads the types of a table's columns. They must be known even where they are not wanted.
fn read_types(schema: &FFI_ArrowSchema) -> PyResult<Vec<DataType>> {
    let columns = names_of(schema).zip(schema.children());
    columns
        .map(|(name, child)| read_type(child, name))
        .collect()
}

fn read_type(schema: &FFI_ArrowSchema, name: &str) -> PyResult<DataType> {
    DataType::try_from(schema).map_err(|_| {
        PyTypeError::new_err(format!(
            "column '{name}' must have a type that other libraries read, and has the Arrow format \
             '{}': drop it or cast it",
            schema.format()
        ))
    })
}

fn names_of(schema: &FFI_ArrowSchema) -> impl Iterator<Item = &str> {
    schema.children().map(|child| child.name().unwrap_or(""))
}

/// A struct of the C data interface, and what a capsule with one is called.
trait Raw: Sized {
    const NAME: &'static CStr;

    /// Moves the struct out and leaves a released one.
    ///
    /// # Safety
    ///
    /// The pointer is to a valid struct of this kind.
    #[expect(unsafe_code, reason = "the C data interface is made of raw pointers")]
    unsafe fn move_from(pointer: *mut Self) -> Self;

    fn is_released(&self) -> bool;
}

#[expect(unsafe_code, reason = "the C data interface is made of raw pointers")]
impl Raw for FFI_ArrowArrayStream {
    const NAME: &'static CStr = c"arrow_array_stream";

    unsafe fn move_from(pointer: *mut Self) -> Self {
        // SAFETY: the caller promises what `from_raw` asks for.
        unsafe { Self::from_raw(pointer) }
    }

    fn is_released(&self) -> bool {
        self.release.is_none()
    }
}

#[expect(unsafe_code, reason = "the C data interface is made of raw pointers")]
impl Raw for FFI_ArrowArray {
    const NAME: &'static CStr = c"arrow_array";

    unsafe fn move_from(pointer: *mut Self) -> Self {
        // SAFETY: the caller promises what `from_raw` asks for.
        unsafe { Self::from_raw(pointer) }
    }

    fn is_released(&self) -> bool {
        self.is_released()
    }
}

#[expect(unsafe_code, reason = "the C data interface is made of raw pointers")]
impl Raw for FFI_ArrowSchema {
    const NAME: &'static CStr = c"arrow_schema";

    unsafe fn move_from(pointer: *mut Self) -> Self {
        // SAFETY: the caller promises what `from_raw` asks for.
        unsafe { Self::from_raw(pointer) }
    }

    fn is_released(&self) -> bool {
        self.release.is_none()
    }
}

/// Takes the schema and the array that an object has.
fn take_array(data: Arg<'_, '_>) -> PyResult<(FFI_ArrowSchema, FFI_ArrowArray)> {
    let pair = data.call_method0("__arrow_c_array__")?;
    let Ok((schema, array)) = pair.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>() else {
        let name = "what __arrow_c_array__() returns";
        return Err(wrong_type(name, "a pair of capsules", &pair));
    };
    let taken = take(&schema, "what __arrow_c_array__() returns first")?;
    arrow_import::check_schema(&taken).map_err(failed)?;
    Ok((
        taken,
        take(&array, "what __arrow_c_array__() returns second")?,
    ))
}

/// Takes the struct out of a capsule that a method returned.
#[expect(unsafe_code, reason = "the C data interface is made of raw pointers")]
fn take<T: Raw>(returned: Arg<'_, '_>, name: &str) -> PyResult<T> {
    let capsule = returned.cast::<PyCapsule>().ok();
    let pointer = capsule.and_then(|capsule| capsule.pointer_checked(Some(T::NAME)).ok());
    let Some(pointer) = pointer else {
        let expected = format!("a capsule named '{}'", T::NAME.to_string_lossy());
        return Err(wrong_type(name, &expected, returned));
    };
    // SAFETY: the capsule's name says what the pointer, which is not null, points to, and the
    // interface that it is valid as long as the capsule lives. No Python code runs before the struct
    // is moved out; it is marked released then, so that the capsule's destructor leaves it alone and
    // it is released once, when the value drops.
    let taken = unsafe { T::move_from(pointer.as_ptr().cast()) };
    // What is behind the pointers of a released struct is gone.
    if taken.is_released() {
        return Err(failed("it has been read before"));
    }
    Ok(taken)
}

/// A stream of record batches.
struct Stream(FFI_ArrowArrayStream);

#[expect(unsafe_code, reason = "the producer's functions are C")]
impl Stream {
    fn schema(&mut self) -> Result<FFI_ArrowSchema, String> {
        let Some(get_schema) = self.0.get_schema else {
            return Err("it has no schema".to_owned());
        };
        let mut schema = FFI_ArrowSchema::empty();
        // SAFETY: the stream has not been released, which would have emptied `get_schema`, and both
        // pointers are to structs of our own.
        match unsafe { get_schema(&raw mut self.0, &raw mut schema) } {
            0 if schema.is_released() => Err("it has no schema".to_owned()),
            0 => Ok(schema),
            code => Err(self.last_error(code)),
        }
    }

    fn next(&mut self) -> Result<Option<FFI_ArrowArray>, String> {
        let Some(get_next) = self.0.get_next else {
            return Ok(None);
        };
        let mut array = FFI_ArrowArray::empty();
        // SAFETY: as in `schema`.
        match unsafe { get_next(&raw mut self.0, &raw mut array) } {
            0 if array.is_released() => Ok(None),
            0 => Ok(Some(array)),
            code => Err(self.last_error(code)),
        }
    }

    fn last_error(&mut self, code: i32) -> String {
        if let Some(get_last_error) = self.0.get_last_error {
            // SAFETY: as in `schema`; it follows a call that failed.
            let text = unsafe { get_last_error(&raw mut self.0) };
            if !text.is_null() {
                // SAFETY: a text that is not null is a C string until the stream's next call.
                return unsafe { CStr::from_ptr(text) }
                    .to_string_lossy()
                    .into_owned();
            }
        }
        format!("error {code}")
    }
}

/// Where record batches come from.
enum Batches {
    Stream(Stream),
    /// With the types of the columns that each batch must have.
    Reader(Py<PyAny>, Vec<DataType>),
    One(FFI_ArrowArray),
    Ended,
}

impl Batches {
    fn next(&mut self) -> PyResult<Option<FFI_ArrowArray>> {
        match std::mem::replace(self, Self::Ended) {
            Self::Stream(mut stream) => {
                let array = stream.next().map_err(failed)?;
                *self = Self::Stream(stream);
                Ok(array)
            }
            Self::Reader(reader, types) => Python::attach(|py| {
                let batch = match reader.bind(py).call_method0("read_next_batch") {
                    Ok(batch) => batch,
                    Err(error) if error.is_instance_of::<PyStopIteration>(py) => return Ok(None),
                    Err(error) => return Err(error),
                };
                let (schema, array) = take_array(&batch)?;
                let found = read_types(&schema)?;
                let is_same = |(a, b): (&DataType, &DataType)| a.equals_datatype(b);
                if found.len() != types.len() || !found.iter().zip(&types).all(is_same) {
                    return Err(failed("a batch has other types than its reader"));
                }
                *self = Self::Reader(reader, types);
                Ok(Some(array))
            }),
            Self::One(array) => Ok(Some(array)),
            Self::Ended => Ok(None),
        }
    }
}

#[cold]
fn failed(reason: impl std::fmt::Display) -> PyErr {
    invalid(format!("the Arrow table cannot be read: {reason}"))
}

/// Returns the error for values that are none.
#[cold]
fn bad_column(name: &str, argument: &str, reason: &str) -> PyErr {
    invalid(format!(
        "column '{}' of {argument} cannot be read: {reason}",
        name.escape_debug()
    ))
}

/// Returns a column for prices of this type, unless they are none.
fn empty_column(data_type: &DataType) -> Option<PriceColumn> {
    match data_type {
        DataType::Null
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64 => Some(PriceColumn::Integers(Vec::new())),
        DataType::Float16
        | DataType::Float32
        | DataType::Float64
        | DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..) => Some(PriceColumn::Floats(Vec::new())),
        _ => None,
    }
}

fn read_batches(
    mut batches: Batches,
    types: &[DataType],
    places: &[(usize, Symbol)],
    content: &str,
) -> BindingResult<(Vec<SymbolColumn>, usize)> {
    let mut rows = 0;
    let mut columns: Vec<SymbolColumn> = places
        .iter()
        .map(|&(place, symbol)| {
            let column = empty_column(&types[place]);
            (symbol, column.expect("the types were looked at"))
        })
        .collect();
    while let Some(array) = batches.next()? {
        let mut batch = Batch::new(&array, types.len()).map_err(failed)?;
        rows += batch.rows;
        for ((symbol, column), &(place, _)) in columns.iter_mut().zip(places) {
            let part = batch.import(place, &types[place], column.len());
            let part = part.map_err(|reason| bad_column(symbol.as_str(), content, &reason))?;
            append(column, *symbol, part.as_ref())?;
        }
        // A row that is null as a whole is all gaps.
        if let Some(nulls) = batch.nulls.filter(|nulls| nulls.null_count() > 0) {
            for (_, column) in &mut columns {
                let start = column.len() - batch.rows;
                for row in (0..batch.rows).filter(|&row| nulls.is_null(row)) {
                    match column {
                        PriceColumn::Integers(prices) => prices[start + row] = None,
                        PriceColumn::Floats(prices) => prices[start + row] = f64::NAN,
                    }
                }
            }
        }
    }
    Ok((columns, rows))
}

/// Adds a batch's part of a column.
fn append(column: &mut PriceColumn, symbol: Symbol, array: &dyn Array) -> PyResult<()> {
    match column {
        PriceColumn::Integers(prices) => match array.data_type() {
            DataType::Int8 => integers::<Int8Type>(prices, symbol, array),
            DataType::Int16 => integers::<Int16Type>(prices, symbol, array),
            DataType::Int32 => integers::<Int32Type>(prices, symbol, array),
            DataType::Int64 => integers::<Int64Type>(prices, symbol, array),
            DataType::UInt8 => integers::<UInt8Type>(prices, symbol, array),
            DataType::UInt16 => integers::<UInt16Type>(prices, symbol, array),
            DataType::UInt32 => integers::<UInt32Type>(prices, symbol, array),
            DataType::UInt64 => integers::<UInt64Type>(prices, symbol, array),
            _ => {
                prices.resize(prices.len() + array.len(), None);
                Ok(())
            }
        },
        PriceColumn::Floats(prices) => {
            match array.data_type() {
                DataType::Float16 => floats::<Float16Type>(prices, array, f64::from),
                DataType::Float32 => floats::<Float32Type>(prices, array, f64::from),
                DataType::Decimal32(_, scale) => {
                    floats::<Decimal32Type>(prices, array, |value| decimal(value.into(), *scale));
                }
                DataType::Decimal64(_, scale) => {
                    floats::<Decimal64Type>(prices, array, |value| decimal(value.into(), *scale));
                }
                DataType::Decimal128(_, scale) => {
                    floats::<Decimal128Type>(prices, array, |value| decimal(value, *scale));
                }
                _ => floats::<Float64Type>(prices, array, |value| value),
            }
            Ok(())
        }
    }
}

fn integers<T>(prices: &mut Vec<Option<i64>>, symbol: Symbol, array: &dyn Array) -> PyResult<()>
where
    T: ArrowPrimitiveType<Native: TryInto<i64> + std::fmt::Display>,
{
    prices.reserve(array.len());
    for value in array.as_primitive::<T>() {
        let price = value.map(TryInto::try_into).transpose();
        prices.push(price.map_err(|_| {
            let bar = prices.len();
            let value = value.expect("a gap fits");
            out_of_range(series_input::too_large(value, symbol, bar))
        })?);
    }
    Ok(())
}

fn floats<T: ArrowPrimitiveType>(
    prices: &mut Vec<f64>,
    array: &dyn Array,
    to_float: impl Fn(T::Native) -> f64,
) {
    let values = array.as_primitive::<T>().iter();
    prices.extend(values.map(|value| value.map_or(f64::NAN, &to_float)));
}

/// Returns a decimal number as the nearest float, or one beside it where it has over 15 digits.
#[expect(
    clippy::cast_precision_loss,
    reason = "it is rounded to a tick, as all floats are"
)]
fn decimal(value: i128, scale: i8) -> f64 {
    // A power of ten is exact up to 10^22, its inverse is not.
    if scale < 0 {
        value as f64 * 10_f64.powi(-i32::from(scale))
    } else {
        value as f64 / 10_f64.powi(scale.into())
    }
}
