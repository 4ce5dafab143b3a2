//! Columns that a caller gives, from whatever library they come.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, Float64Array, Int64Array, NullArray, PrimitiveArray,
    StringArray, UInt64Array,
};
use arrow_buffer::{NullBuffer, ScalarBuffer};
use arrow_schema::DataType;
use pyo3::buffer::Element;
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyFloat, PyString, PyTuple};

use crate::array;
use crate::arrow;
use crate::arrow_import::is_text;
use crate::convert::{self, Arg};
use crate::errors::{OutOfRangeError, invalid, wrong_type};
use crate::records::NO_CODE;
use crate::table::PyTable;

/// A column as the caller gave it.
pub(crate) struct Column {
    pub(crate) name: String,
    values: Values,
    odd: Odd,
}

impl Column {
    fn new(name: String, values: impl Into<Values>) -> Self {
        Self {
            name,
            values: values.into(),
            odd: Odd::new(),
        }
    }
}

/// What stands in a list among numbers and is no number of 64 bits, by row. It breaks a rule of the
/// rows that need it.
type Odd = BTreeMap<usize, OddValue>;

struct OddValue {
    value: Py<PyAny>,
    is_integer: bool,
}

enum Values {
    /// In one piece or several.
    Chunks(Vec<ArrayRef>),
    /// Arrow's type of what cannot be read, and how many rows it has.
    Other(DataType, usize),
    /// An array of NumPy, which is read when a row needs it.
    Array(Py<PyAny>),
}

impl From<Vec<ArrayRef>> for Values {
    fn from(chunks: Vec<ArrayRef>) -> Self {
        Self::Chunks(chunks)
    }
}

impl From<arrow::Column> for Values {
    fn from(column: arrow::Column) -> Self {
        match column {
            arrow::Column::Known(chunks) => Self::Chunks(chunks),
            arrow::Column::Other(data_type, rows) => Self::Other(data_type, rows),
        }
    }
}

/// One value of a list.
#[derive(Clone, Debug, IntoPyObject)]
enum Value {
    Int(i64),
    Uint(u64),
    Float(f64),
    Text(String),
}

/// Returns whether `read` reads it, and not what walks through a list of objects.
pub(crate) fn is_table(data: Arg<'_, '_>) -> PyResult<bool> {
    if data.hasattr("iloc")? {
        // A frame of pandas, and not one of its series.
        return data.hasattr("columns");
    }
    Ok(data.is_instance_of::<PyTable>()
        || convert::is_mapping(data)?
        || data.hasattr("__arrow_c_stream__")?
        || data.hasattr("__arrow_c_array__")?
        || fields_of(data)?.is_some())
}

/// Returns the names of the fields of a structured array.
fn fields_of<'py>(data: Arg<'_, 'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
    let Some(dtype) = data.getattr_opt("dtype")? else {
        return Ok(None);
    };
    let names = dtype.getattr_opt("names")?;
    Ok(names.and_then(|names| names.cast_into::<PyTuple>().ok()))
}

/// Reads columns of equal length: a dictionary of them, a structured array, a frame, or anything
/// with an Arrow stream. `name` is that of the argument.
pub(crate) fn read(data: Arg<'_, '_>, name: &str) -> PyResult<Vec<Column>> {
    let columns: Vec<Column> = if let Ok(table) = data.cast::<PyTable>() {
        let batch = &table.get().0;
        let fields = batch.schema_ref().fields().iter();
        let columns = fields
            .zip(batch.columns())
            .map(|(field, column)| Column::new(field.name().clone(), vec![Arc::clone(column)]));
        columns.collect()
    } else if convert::is_mapping(data)? {
        let pairs = data.call_method0("items")?;
        let pairs = pairs.try_iter()?.map(|pair| pair?.extract());
        let pairs: Vec<(Bound<'_, PyAny>, Bound<'_, PyAny>)> = pairs.collect::<PyResult<_>>()?;
        pairs
            .iter()
            .map(|(key, value)| read_column(key, value, name))
            .collect::<PyResult<_>>()?
    } else if let Some(names) = fields_of(data)? {
        names
            .iter()
            .map(|key| read_column(&key, &data.get_item(&key)?, name))
            .collect::<PyResult<_>>()?
    } else if data.hasattr("iloc")? && data.hasattr("columns")? {
        let keys = data.getattr("columns")?.try_iter()?;
        let keys: Vec<Bound<'_, PyAny>> = keys.collect::<PyResult<_>>()?;
        for (place, key) in keys.iter().enumerate() {
            // By that name there would be a frame.
            if keys[..place]
                .iter()
                .any(|other| other.eq(key).unwrap_or(false))
            {
                return Err(twice(name, &key.str()?.to_string_lossy()));
            }
        }
        keys.iter()
            .map(|key| read_column(key, &data.get_item(key)?, name))
            .collect::<PyResult<_>>()?
    } else if let Some(columns) = arrow::read_columns(data, name)? {
        columns
            .into_iter()
            .map(|(name, column)| Column::new(name, column))
            .collect()
    } else {
        let expected = "columns by name: a dict, a structured array, a frame or an Arrow table";
        return Err(wrong_type(name, expected, data));
    };
    check_lengths(data.py(), &columns, name)?;
    Ok(columns)
}

#[cold]
pub(crate) fn twice(name: &str, column: &str) -> PyErr {
    invalid(format!(
        "{name} has the column '{}' twice",
        column.escape_debug()
    ))
}

fn check_lengths(py: Python<'_>, columns: &[Column], name: &str) -> PyResult<()> {
    let Some(first) = columns.first() else {
        return Ok(());
    };
    let rows = first.len(py)?;
    for other in columns {
        let others = other.len(py)?;
        if others != rows {
            return Err(invalid(format!(
                "the columns of {name} must have one length, and '{}' has {rows} rows, '{}' {others}",
                first.name, other.name
            )));
        }
    }
    Ok(())
}

fn read_column(key: Arg<'_, '_>, value: Arg<'_, '_>, argument: &str) -> PyResult<Column> {
    let name = convert::text(key, &format!("a column of {argument}"))?.into_owned();
    let (values, odd) = read_values(&name, value, argument)?;
    Ok(Column { name, values, odd })
}

fn read_values(name: &str, value: Arg<'_, '_>, argument: &str) -> PyResult<(Values, Odd)> {
    let plain = |values| Ok((values, Odd::new()));
    let listed = |(array, odd)| (Values::Chunks(vec![array]), odd);
    // A plain array of NumPy first: looking for what it has not takes longer than reading it. A
    // masked one is of another class.
    if value.get_type().name()? == "ndarray" && letter(value)?.is_some_and(|c| "iuf".contains(c)) {
        check_dimensions(name, value)?;
        return plain(Values::Array(value.clone().unbind()));
    }
    if array::is_masked(value)? {
        // What is behind the mask is no value.
        let items = value.call_method0("tolist")?;
        return read_items(name, &items).map(listed);
    }
    if value.hasattr("iloc")? {
        return read_pandas(name, value).map(listed);
    }
    if let Some(column) = arrow::read_column(value, name, argument)? {
        return plain(column.into());
    }
    read_array(name, value).map(listed)
}

/// Returns the letter of `NumPy` for what an array holds, if it is an array.
fn letter(value: Arg<'_, '_>) -> PyResult<Option<char>> {
    let Some(dtype) = value.getattr_opt(intern!(value.py(), "dtype"))? else {
        return Ok(None);
    };
    let kind = dtype.getattr_opt(intern!(value.py(), "kind"))?;
    Ok(kind.and_then(|kind| kind.extract().ok()))
}

fn check_dimensions(name: &str, array: Arg<'_, '_>) -> PyResult<()> {
    let dimensions: usize = array.getattr(intern!(array.py(), "ndim"))?.extract()?;
    if dimensions == 1 {
        return Ok(());
    }
    let what = format!("column '{name}'");
    Err(wrong_type(&what, "an array of one dimension", array))
}

/// Reads a series of pandas.
fn read_pandas(name: &str, series: Arg<'_, '_>) -> PyResult<(ArrayRef, Odd)> {
    let dtype = series.getattr("dtype")?;
    if !dtype.hasattr("categories")? {
        let kwargs = PyDict::new(series.py());
        // NumPy has no integer that is missing, and pandas would make floats of all.
        if dtype.hasattr("na_value")? && series.getattr("hasnans")?.is_truthy()? {
            kwargs.set_item("dtype", "object")?;
            kwargs.set_item("na_value", series.py().None())?;
        }
        let array = series.call_method("to_numpy", (), Some(&kwargs))?;
        return read_array(name, &array);
    }
    let categorical = series.getattr("cat")?;
    let codes = categorical.getattr("codes")?.call_method0("to_numpy")?;
    let codes = integers(&read_array(name, &codes)?.0);
    let names = categorical.getattr("categories")?.call_method0("tolist")?;
    let (names, _) = read_items(name, &names)?;
    let texts = codes.map(|codes| {
        let text = |code: i64| text_at(&names, usize::try_from(code).ok()?);
        codes
            .iter()
            .map(|code| code.and_then(text))
            .collect::<StringArray>()
    });
    let texts = texts.filter(|_| matches!(names.data_type(), DataType::Utf8 | DataType::Null));
    match texts {
        Some(texts) => Ok((Arc::new(texts), Odd::new())),
        None => Err(wrong_type(
            &format!("column '{name}'"),
            "categories that are strings",
            series,
        )),
    }
}

fn buffer<T: ArrowPrimitiveType<Native: Element>>(
    array: Arg<'_, '_>,
) -> PyResult<Option<ArrayRef>> {
    let buffer = convert::native_buffer::<T::Native>(array)
        .filter(|buffer| buffer.dimensions() == 1 && buffer.is_c_contiguous());
    let Some(buffer) = buffer else {
        return Ok(None);
    };
    let values = buffer.to_vec(array.py())?;
    Ok(Some(Arc::new(PrimitiveArray::<T>::new(
        values.into(),
        None,
    ))))
}

/// Reads an array of NumPy, or any list.
fn read_array(name: &str, value: Arg<'_, '_>) -> PyResult<(ArrayRef, Odd)> {
    let Some(dtype) = value.getattr_opt("dtype")? else {
        return read_items(name, value);
    };
    array::check_real(value, &format!("column '{name}'"))?;
    let wide = match letter(value)? {
        Some('i') => "i8",
        Some('u') => "u8",
        Some('f') => "f8",
        Some('U' | 'S' | 'O' | 'T') => {
            return read_items(name, &value.call_method0("tolist")?);
        }
        _ => return Err(wrong_dtype(name, &dtype.str()?.to_string_lossy())),
    };
    check_dimensions(name, value)?;
    let read = |array: Arg<'_, '_>| {
        PyResult::Ok(match wide {
            "i8" => buffer::<Int64Type>(array)?,
            "u8" => buffer::<UInt64Type>(array)?.or(buffer::<UInt8Type>(array)?),
            _ => buffer::<Float64Type>(array)?,
        })
    };
    // NumPy is faster at gathering what is apart, such as a field of a structured array.
    let together = array::numpy(value.py())?.call_method1("ascontiguousarray", (value,))?;
    if let Some(array) = read(&together)? {
        return Ok((array, Odd::new()));
    }
    // Narrow ones, and those of the other byte order.
    let array = read(&together.call_method1("astype", (wide,))?)?;
    let array = array.ok_or_else(|| wrong_dtype(name, &dtype.to_string()))?;
    Ok((array, Odd::new()))
}

#[cold]
fn wrong_dtype(name: &str, dtype: &str) -> PyErr {
    PyTypeError::new_err(format!(
        "column '{name}' must be integers, floats or strings, got {dtype}"
    ))
}

fn is_missing(item: Arg<'_, '_>) -> PyResult<bool> {
    // That of pandas.
    Ok(item.is_none() || item.get_type().name()? == "NAType")
}

/// How many Python objects are read, or events replayed, before a signal is looked for.
pub(crate) const SIGNALS_EVERY: usize = 1 << 16;

/// Reads Python objects.
fn read_items(name: &str, values: Arg<'_, '_>) -> PyResult<(ArrayRef, Odd)> {
    let py = values.py();
    let what = format!("column '{name}'");
    let mut items: Vec<Option<Value>> = Vec::new();
    let mut odd = Odd::new();
    let (mut has_text, mut has_float, mut has_number) = (false, false, false);
    for item in convert::ordered(values, &what, "a list or an array")? {
        let item = item?;
        if items.len() % SIGNALS_EVERY == 0 {
            py.check_signals()?;
        }
        let value = if let Ok(text) = item.cast::<PyString>() {
            has_text = true;
            Some(Value::Text(text.to_string_lossy().into_owned()))
        } else if let Ok(float) = item.cast::<PyFloat>() {
            // Among objects, as pandas keeps what is missing.
            has_float |= !float.value().is_nan();
            Some(Value::Float(float.value()))
        } else if is_missing(&item)? {
            None
        } else if let Ok(bytes) = item.cast::<PyBytes>() {
            has_text = true;
            Some(Value::Text(
                String::from_utf8_lossy(bytes.as_bytes()).into_owned(),
            ))
        } else {
            has_number = true;
            let place = || format!("row {} of column '{name}'", items.len());
            let value = read_number(&item, place)?;
            if let Err(is_integer) = value {
                let value = item.unbind();
                odd.insert(items.len(), OddValue { value, is_integer });
            }
            value.ok()
        };
        items.push(value);
    }
    if has_text && (has_float || has_number) {
        return Err(PyTypeError::new_err(format!(
            "column '{name}' must be of one kind, and has strings and numbers"
        )));
    }
    let array = collected(py, items, &mut odd, has_text, has_float)?;
    Ok((array, odd))
}

/// Returns a number of 64 bits, or of a bool and of what is longer whether it is an integer.
fn read_number(item: Arg<'_, '_>, place: impl Fn() -> String) -> PyResult<Result<Value, bool>> {
    let py = item.py();
    match convert::integer::<i64>(item, "") {
        Ok(value) => Ok(Ok(Value::Int(value))),
        Err(error) if error.is_instance_of::<OutOfRangeError>(py) => {
            Ok(convert::integer(item, "").map_or(Err(true), |value| Ok(Value::Uint(value))))
        }
        Err(error) if error.is_instance_of::<PyTypeError>(py) => {
            if convert::is_bool(item) {
                return Ok(Err(false));
            }
            let expected = "an integer, a float, a str or None";
            Err(wrong_type(&place(), expected, item))
        }
        Err(error) => Err(error),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "beside floats, an integer is one"
)]
fn collected(
    py: Python<'_>,
    items: Vec<Option<Value>>,
    odd: &mut Odd,
    has_text: bool,
    has_float: bool,
) -> PyResult<ArrayRef> {
    let is_missing = |item: &Option<Value>| match item {
        None => true,
        Some(Value::Float(value)) => value.is_nan(),
        Some(_) => false,
    };
    if odd.is_empty() && items.iter().all(is_missing) {
        return Ok(Arc::new(NullArray::new(items.len())));
    }
    if has_text {
        let texts = items.into_iter().map(|item| match item {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        });
        return Ok(Arc::new(texts.collect::<StringArray>()));
    }
    if has_float {
        let floats = items.into_iter().map(|item| match item? {
            Value::Int(value) => Some(value as f64),
            Value::Uint(value) => Some(value as f64),
            Value::Float(value) => Some(value),
            Value::Text(_) => None,
        });
        return Ok(Arc::new(floats.collect::<Float64Array>()));
    }
    let is_wide = items
        .iter()
        .any(|item| matches!(item, Some(Value::Uint(_))));
    if !is_wide {
        let integers = items.into_iter().map(|item| match item? {
            Value::Int(value) => Some(value),
            _ => None,
        });
        return Ok(Arc::new(integers.collect::<Int64Array>()));
    }
    let mut integers = Vec::with_capacity(items.len());
    for (row, item) in items.into_iter().enumerate() {
        integers.push(match item {
            Some(Value::Uint(value)) => Some(value),
            Some(Value::Int(value)) => {
                let wide = u64::try_from(value).ok();
                if wide.is_none() {
                    let value = value.into_pyobject(py)?.into_any().unbind();
                    let is_integer = true;
                    odd.insert(row, OddValue { value, is_integer });
                }
                wide
            }
            _ => None,
        });
    }
    Ok(Arc::new(UInt64Array::from(integers)))
}

/// Returns the text at a row of an array of texts.
fn text_at(array: &dyn Array, row: usize) -> Option<&str> {
    if row >= array.len() || array.is_null(row) {
        return None;
    }
    match array.data_type() {
        DataType::Utf8 => Some(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => Some(array.as_string::<i64>().value(row)),
        DataType::Utf8View => Some(array.as_string_view().value(row)),
        _ => None,
    }
}

/// Returns integers of up to 64 bits with a sign.
fn integers(array: &ArrayRef) -> Option<Int64Array> {
    Some(match array.data_type() {
        DataType::Int8 => array.as_primitive::<Int8Type>().unary(i64::from),
        DataType::Int16 => array.as_primitive::<Int16Type>().unary(i64::from),
        DataType::Int32 => array.as_primitive::<Int32Type>().unary(i64::from),
        DataType::Int64 => array.as_primitive::<Int64Type>().clone(),
        DataType::UInt8 => array.as_primitive::<UInt8Type>().unary(i64::from),
        DataType::UInt16 => array.as_primitive::<UInt16Type>().unary(i64::from),
        DataType::UInt32 => array.as_primitive::<UInt32Type>().unary(i64::from),
        DataType::Null => Int64Array::new_null(array.len()),
        _ => return None,
    })
}

#[expect(clippy::cast_precision_loss, reason = "a float is what is asked for")]
fn floats(array: &ArrayRef) -> Option<Float64Array> {
    Some(match array.data_type() {
        DataType::Float16 => array.as_primitive::<Float16Type>().unary(f64::from),
        DataType::Float32 => array.as_primitive::<Float32Type>().unary(f64::from),
        DataType::Float64 => array.as_primitive::<Float64Type>().clone(),
        DataType::UInt64 => array
            .as_primitive::<UInt64Type>()
            .unary(|value| value as f64),
        _ => integers(array)?.unary(|value| value as f64),
    })
}

/// Returns one array of the pieces.
fn joined<T: ArrowPrimitiveType>(mut chunks: Vec<PrimitiveArray<T>>) -> PrimitiveArray<T> {
    match chunks.len() {
        1 => chunks.remove(0),
        _ => chunks.iter().flat_map(PrimitiveArray::iter).collect(),
    }
}

/// A column of integers.
pub(crate) struct Integers {
    bits: ScalarBuffer<u64>,
    is_signed: bool,
    nulls: Option<NullBuffer>,
    /// Which of the null rows have something that is no number of 64 bits, and whether that is an
    /// integer.
    odd: BTreeMap<usize, bool>,
}

impl Integers {
    fn new<T: ArrowPrimitiveType>(array: PrimitiveArray<T>, odd: &Odd) -> Self {
        let (data_type, values, nulls) = array.into_parts();
        let odd = odd.iter().map(|(row, value)| (*row, value.is_integer));
        Self {
            bits: values.into_inner().into(),
            is_signed: data_type == DataType::Int64,
            nulls,
            odd: odd.collect(),
        }
    }

    /// Returns whether a row has no number of 64 bits.
    #[inline]
    pub(crate) fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
    }

    /// Returns of a null row that has something whether that is an integer.
    #[inline]
    pub(crate) fn odd(&self, row: usize) -> Option<bool> {
        self.odd.get(&row).copied()
    }

    /// Returns the number at a row that is not null, unless it does not fit.
    #[inline]
    pub(crate) fn get<T: TryFrom<i64> + TryFrom<u64>>(&self, row: usize) -> Option<T> {
        let bits = self.bits[row];
        if self.is_signed {
            T::try_from(i64::from_ne_bytes(bits.to_ne_bytes())).ok()
        } else {
            T::try_from(bits).ok()
        }
    }
}

/// What a column of codes may be.
const CODES: &str = "strings, categories or their codes";

fn type_of(chunks: &[ArrayRef]) -> Option<&DataType> {
    chunks.first().map(Array::data_type)
}

/// The code of what is no category.
pub(crate) const UNKNOWN: u8 = NO_CODE - 1;

impl Column {
    fn len(&self, py: Python<'_>) -> PyResult<usize> {
        match &self.values {
            Values::Chunks(chunks) => Ok(chunks.iter().map(Array::len).sum()),
            Values::Other(_, rows) => Ok(*rows),
            Values::Array(array) => array.bind(py).len(),
        }
    }

    /// Returns the pieces, of which `expected` are wanted.
    fn chunks(&self, py: Python<'_>, expected: &str) -> PyResult<Cow<'_, [ArrayRef]>> {
        Ok(match &self.values {
            Values::Chunks(chunks) => Cow::Borrowed(chunks),
            Values::Other(data_type, _) => return Err(self.refuse(Some(data_type), expected)),
            // NumPy makes floats of an empty list.
            Values::Array(array) if array.bind(py).len()? == 0 => {
                let empty: ArrayRef = Arc::new(NullArray::new(0));
                Cow::Owned(vec![empty])
            }
            Values::Array(array) => Cow::Owned(vec![read_array(&self.name, array.bind(py))?.0]),
        })
    }

    #[cold]
    fn refuse(&self, data_type: Option<&DataType>, expected: &str) -> PyErr {
        let data_type = data_type.map_or_else(|| "nothing".to_owned(), ToString::to_string);
        let hint = match (expected, data_type.as_str()) {
            ("integers", "Float64" | "Float32" | "Float16") => {
                " (where a row needs none, any integer will do)"
            }
            _ => "",
        };
        PyTypeError::new_err(format!(
            "column '{}' must be {expected}, got {data_type}{hint}",
            self.name
        ))
    }

    /// Returns whether it may stay unread where no row needs it: an array of these letters.
    pub(crate) fn may_stay_unread(&self, py: Python<'_>, letters: &str) -> PyResult<bool> {
        match &self.values {
            Values::Chunks(_) | Values::Other(..) => Ok(false),
            Values::Array(array) => {
                Ok(letter(array.bind(py))?.is_some_and(|c| letters.contains(c)))
            }
        }
    }

    pub(crate) fn integers(&self, py: Python<'_>) -> PyResult<Integers> {
        let chunks = self.chunks(py, "integers")?;
        let is_wide = |chunk: &ArrayRef| *chunk.data_type() == DataType::UInt64;
        if chunks.first().is_some_and(is_wide) {
            let chunks = chunks
                .iter()
                .map(|c| c.as_primitive::<UInt64Type>().clone());
            return Ok(Integers::new(joined(chunks.collect()), &self.odd));
        }
        let numbers: Option<Vec<_>> = chunks.iter().map(integers).collect();
        let numbers = numbers.ok_or_else(|| self.refuse(type_of(&chunks), "integers"))?;
        Ok(Integers::new(joined(numbers), &self.odd))
    }

    pub(crate) fn floats(&self, py: Python<'_>) -> PyResult<Float64Array> {
        let chunks = self.chunks(py, "numbers")?;
        let numbers: Option<Vec<_>> = chunks.iter().map(floats).collect();
        let numbers = joined(numbers.ok_or_else(|| self.refuse(type_of(&chunks), "numbers"))?);
        if self.odd.is_empty() {
            return Ok(numbers);
        }
        let number = |(row, number)| match self.odd.get(&row) {
            Some(odd) if odd.is_integer => Some(odd.value.extract(py).unwrap_or(f64::INFINITY)),
            // It breaks every rule of a number.
            Some(_) => Some(f64::NAN),
            None => number,
        };
        Ok(numbers.iter().enumerate().map(number).collect())
    }

    /// Returns the codes of categories: `code_of` says which text is which, of `count` there are.
    pub(crate) fn codes(
        &self,
        py: Python<'_>,
        count: u8,
        code_of: impl Fn(&str) -> Option<u8>,
    ) -> PyResult<Vec<u8>> {
        let known = |code: Option<u8>| match code {
            Some(code) if code < count || code == NO_CODE => code,
            _ => UNKNOWN,
        };
        let chunks = self.chunks(py, CODES)?;
        let mut codes = Vec::with_capacity(chunks.iter().map(Array::len).sum());
        for chunk in chunks.iter() {
            let values = chunk.as_primitive_opt::<UInt8Type>();
            if let Some(values) = values.filter(|values| values.null_count() == 0) {
                codes.extend(values.values().iter().map(|code| known(Some(*code))));
            } else if chunk.data_type() == &DataType::UInt64 {
                let values = chunk.as_primitive::<UInt64Type>().iter();
                codes.extend(
                    values.map(|code| code.map_or(NO_CODE, |code| known(code.try_into().ok()))),
                );
            } else if let Some(values) = integers(chunk).filter(|_| chunk.data_type().is_integer())
            {
                let values = values.iter();
                codes.extend(
                    values.map(|code| code.map_or(NO_CODE, |code| known(code.try_into().ok()))),
                );
            } else {
                let code = |text: &str| code_of(text).unwrap_or(UNKNOWN);
                self.texts(chunk, &mut codes, NO_CODE, code)?;
            }
        }
        for row in self.odd.keys() {
            codes[*row] = UNKNOWN;
        }
        Ok(codes)
    }

    /// Adds what `found` makes of each text of a chunk, `none` where there is none.
    fn texts<T: Copy>(
        &self,
        chunk: &ArrayRef,
        values: &mut Vec<T>,
        none: T,
        mut found: impl FnMut(&str) -> T,
    ) -> PyResult<()> {
        match chunk.data_type() {
            DataType::Null => values.resize(values.len() + chunk.len(), none),
            data_type if is_text(data_type) => {
                values.extend(
                    (0..chunk.len()).map(|row| text_at(chunk, row).map_or(none, &mut found)),
                );
            }
            DataType::Dictionary(_, data_type) if is_text(data_type) => {
                let dictionary = chunk.as_any_dictionary();
                let names = dictionary.values();
                // Once for each category, not for each row.
                let categories: Vec<T> = (0..names.len())
                    .map(|row| text_at(names, row).map_or(none, &mut found))
                    .collect();
                if categories.is_empty() {
                    values.resize(values.len() + chunk.len(), none);
                    return Ok(());
                }
                let category = |row, key: usize| match categories.get(key) {
                    Some(category) if !chunk.is_null(row) => *category,
                    _ => none,
                };
                // Our own tables have keys of a byte.
                if let Some(keys) = dictionary.keys().as_primitive_opt::<UInt8Type>() {
                    let keys = keys.values().iter().enumerate();
                    values.extend(keys.map(|(row, key)| category(row, usize::from(*key))));
                } else {
                    let keys = dictionary.normalized_keys().into_iter().enumerate();
                    values.extend(keys.map(|(row, key)| category(row, key)));
                }
            }
            _ => {
                return Err(self.refuse(Some(chunk.data_type()), CODES));
            }
        }
        Ok(())
    }

    /// Returns what `found` makes of each text, `none` where there is none.
    pub(crate) fn each_text<T: Copy>(
        &self,
        py: Python<'_>,
        none: T,
        mut found: impl FnMut(&str) -> T,
    ) -> PyResult<Vec<T>> {
        let chunks = self.chunks(py, CODES)?;
        let mut values = Vec::with_capacity(chunks.iter().map(Array::len).sum());
        for chunk in chunks.iter() {
            self.texts(chunk, &mut values, none, &mut found)?;
        }
        Ok(values)
    }

    /// Returns the value at a row as the caller gave it, for a message and an exception.
    pub(crate) fn value<'py>(&self, py: Python<'py>, row: usize) -> Option<Bound<'py, PyAny>> {
        if let Some(odd) = self.odd.get(&row) {
            return Some(odd.value.bind(py).clone());
        }
        self.plain_value(py, row)?.into_pyobject(py).ok()
    }

    fn plain_value(&self, py: Python<'_>, mut row: usize) -> Option<Value> {
        let chunks = self.chunks(py, "").ok()?;
        let mut chunks = chunks.iter();
        let chunk = chunks.find(|chunk| {
            let is_here = row < chunk.len();
            if !is_here {
                row -= chunk.len();
            }
            is_here
        })?;
        if chunk.is_null(row) || *chunk.data_type() == DataType::Null {
            return None;
        }
        match chunk.data_type() {
            DataType::Dictionary(..) => {
                let dictionary = chunk.as_any_dictionary();
                let key = *dictionary.normalized_keys().get(row)?;
                text_at(dictionary.values(), key).map(|text| Value::Text(text.to_owned()))
            }
            DataType::UInt64 => Some(Value::Uint(chunk.as_primitive::<UInt64Type>().value(row))),
            _ => text_at(chunk, row)
                .map(|text| Value::Text(text.to_owned()))
                .or_else(|| integers(chunk).map(|values| Value::Int(values.value(row))))
                .or_else(|| floats(chunk).map(|values| Value::Float(values.value(row)))),
        }
    }
}
