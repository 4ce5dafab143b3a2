//! `Table`: named columns that Arrow libraries read without a copy, and NumPy with one.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, UInt8Type, UInt64Type};
use arrow_array::{
    Array, ArrayRef, DictionaryArray, Float64Array, Int64Array, PrimitiveArray, RecordBatch,
    RecordBatchIterator, RecordBatchOptions, StringArray, UInt64Array,
};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_schema::ffi::FFI_ArrowSchema;
use arrow_schema::{DataType, Field, Schema};
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyCapsule, PyDict, PyIterator, PyList, PyString, PyType};

use crate::array;
use crate::convert::{self, Arg};
use crate::errors::{invalid, shown, wrong_type};
use crate::records::{self, Cell, Kind, NO_CODE, Record};
use crate::series::{escaped, shorten};

/// Columns of equal length: prices, quantities and ids as integers, sides and the like as
/// categories.
///
/// Arrow libraries read it without a copy: ``pyarrow.table(t)``, ``polars.DataFrame(t)``.
#[pyclass(name = "Table", module = "nanobook", frozen, eq, hash)]
#[derive(Clone, Debug)]
pub(crate) struct PyTable(pub(crate) RecordBatch);

/// The numbers of a column. Where it has no value they are 0, NaN or the largest code.
pub(crate) enum Values<'a> {
    Int(&'a [i64]),
    Uint(&'a [u64]),
    Float(&'a [f64]),
    Code(&'a [u8]),
    /// Codes of names, of which there may be many.
    Name(&'a [i32]),
}

/// Returns a column's numbers, and the names of its categories.
fn values(column: &dyn Array) -> (Values<'_>, Option<&StringArray>) {
    match column.data_type() {
        DataType::Int64 => (
            Values::Int(column.as_primitive::<Int64Type>().values()),
            None,
        ),
        DataType::UInt64 => (
            Values::Uint(column.as_primitive::<UInt64Type>().values()),
            None,
        ),
        DataType::Float64 => (
            Values::Float(column.as_primitive::<Float64Type>().values()),
            None,
        ),
        DataType::Dictionary(key, _) if **key == DataType::UInt8 => {
            let column = column.as_dictionary::<UInt8Type>();
            let names = column.values().as_string();
            (Values::Code(column.keys().values()), Some(names))
        }
        _ => {
            let column = column.as_dictionary::<Int32Type>();
            let names = column.values().as_string();
            (Values::Name(column.keys().values()), Some(names))
        }
    }
}

impl Values<'_> {
    const fn kind(&self) -> Kind {
        match self {
            Self::Int(_) => Kind::Int,
            Self::Uint(_) => Kind::Uint,
            Self::Float(_) => Kind::Float,
            Self::Code(_) => Kind::Code(&[]),
            Self::Name(_) => Kind::Name,
        }
    }

    /// Returns the numbers as a read-only array.
    fn to_array<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self {
            Self::Int(values) => array::integers(py, values),
            Self::Uint(values) => array::to_array(py, values, "u8", u64::to_ne_bytes),
            Self::Float(values) => array::floats(py, values),
            Self::Code(values) => array::to_array(py, values, "u1", u8::to_ne_bytes),
            Self::Name(values) => array::to_array(py, values, "i4", i32::to_ne_bytes),
        }
    }

    fn get(&self, row: usize) -> Cell {
        match self {
            Self::Int(values) => Cell::Int(values[row]),
            Self::Uint(values) => Cell::Uint(values[row]),
            Self::Float(values) => Cell::Float(values[row]),
            Self::Code(values) => Cell::Code(values[row]),
            Self::Name(values) => Cell::Name(values[row]),
        }
    }
}

/// Returns a number that is the same for equal floats: one zero and one NaN.
fn float_key(value: f64) -> u64 {
    if value.is_nan() {
        f64::NAN.to_bits()
    } else {
        (value + 0.0).to_bits()
    }
}

fn same_column(left: &dyn Array, right: &dyn Array) -> bool {
    let ((left_values, left_names), (right_values, right_names)) = (values(left), values(right));
    let same_values = match (left_values, right_values) {
        (Values::Int(left), Values::Int(right)) => left == right,
        (Values::Uint(left), Values::Uint(right)) => left == right,
        (Values::Float(left), Values::Float(right)) => {
            let keys = |floats: &[f64]| floats.iter().copied().map(float_key).collect::<Vec<_>>();
            keys(left) == keys(right)
        }
        (Values::Code(left), Values::Code(right)) => left == right,
        (Values::Name(left), Values::Name(right)) => left == right,
        _ => false,
    };
    same_values && left_names == right_names && left.nulls() == right.nulls()
}

impl PartialEq for PyTable {
    fn eq(&self, other: &Self) -> bool {
        let columns = self.0.columns().iter().zip(other.0.columns());
        self.names().eq(other.names())
            && columns.fold(self.0.num_rows() == other.0.num_rows(), |same, (a, b)| {
                same && same_column(a, b)
            })
    }
}

impl Hash for PyTable {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for (name, column) in self.names().zip(self.0.columns()) {
            name.hash(state);
            match values(column).0 {
                Values::Int(values) => values.hash(state),
                Values::Uint(values) => values.hash(state),
                Values::Float(values) => values.iter().for_each(|v| float_key(*v).hash(state)),
                Values::Code(values) => values.hash(state),
                Values::Name(values) => values.hash(state),
            }
        }
    }
}

/// A column while its rows arrive.
enum Numbers {
    Int(Vec<i64>),
    Uint(Vec<u64>),
    Float(Vec<f64>),
    Code(Vec<u8>, &'static [&'static str]),
}

struct Builder {
    numbers: Numbers,
    /// Kept from the first row without a value on.
    is_valid: Option<Vec<bool>>,
}

impl Builder {
    fn new(kind: Kind, rows: usize) -> Self {
        let numbers = match kind {
            Kind::Int => Numbers::Int(Vec::with_capacity(rows)),
            Kind::Uint => Numbers::Uint(Vec::with_capacity(rows)),
            Kind::Float => Numbers::Float(Vec::with_capacity(rows)),
            Kind::Code(names) => Numbers::Code(Vec::with_capacity(rows), names),
            Kind::Name => unreachable!("records have no names"),
        };
        Self {
            numbers,
            is_valid: None,
        }
    }

    #[inline]
    fn push(&mut self, cell: Cell) {
        let row = match (&mut self.numbers, cell) {
            (Numbers::Int(values), cell) => {
                values.push(cell.int());
                values.len()
            }
            (Numbers::Uint(values), cell) => {
                values.push(cell.uint());
                values.len()
            }
            (Numbers::Float(values), cell) => {
                values.push(cell.float());
                values.len()
            }
            (Numbers::Code(values, _), cell) => {
                values.push(cell.code());
                values.len()
            }
        };
        let is_valid = !matches!(cell, Cell::None);
        if let Some(valid) = &mut self.is_valid {
            valid.push(is_valid);
        } else if !is_valid {
            let mut valid = vec![true; row];
            valid[row - 1] = false;
            self.is_valid = Some(valid);
        }
    }

    fn finish(self) -> ArrayRef {
        let nulls = self.is_valid.map(Into::into);
        match self.numbers {
            Numbers::Int(values) => Arc::new(Int64Array::new(values.into(), nulls)),
            Numbers::Uint(values) => Arc::new(UInt64Array::new(values.into(), nulls)),
            Numbers::Float(values) => Arc::new(Float64Array::new(values.into(), nulls)),
            Numbers::Code(values, names) => categories(values, names, nulls),
        }
    }
}

/// Returns a column of floats, some of which may be missing.
pub(crate) fn floats(values: impl Iterator<Item = Option<f64>>) -> ArrayRef {
    let mut column = Builder::new(Kind::Float, values.size_hint().0);
    for value in values {
        column.push(value.map_or(Cell::None, Cell::Float));
    }
    column.finish()
}

/// Returns a column of the names at these places.
pub(crate) fn names(places: Vec<i32>, names: impl Iterator<Item = String>) -> ArrayRef {
    let keys = PrimitiveArray::<Int32Type>::from(places);
    let names = StringArray::from_iter_values(names);
    Arc::new(DictionaryArray::new(keys, Arc::new(names)))
}

fn categories(values: Vec<u8>, names: &[&str], nulls: Option<NullBuffer>) -> ArrayRef {
    let keys = PrimitiveArray::<UInt8Type>::new(values.into(), nulls);
    let names = StringArray::from_iter_values(names);
    Arc::new(DictionaryArray::new(keys, Arc::new(names)))
}

/// Returns a column of categories; [`NO_CODE`] is none.
pub(crate) fn codes(values: Vec<u8>, names: &[&str]) -> ArrayRef {
    let is_valid = BooleanBuffer::collect_bool(values.len(), |row| values[row] != NO_CODE);
    let nulls = NullBuffer::new(is_valid);
    categories(
        values,
        names,
        Some(nulls).filter(|nulls| nulls.null_count() > 0),
    )
}

impl PyTable {
    /// Returns the table of these records.
    pub(crate) fn of<R: Record>(rows: impl ExactSizeIterator<Item = R>) -> Self {
        let mut columns: Vec<Builder> = R::FIELDS
            .iter()
            .map(|(_, kind)| Builder::new(*kind, rows.len()))
            .collect();
        for row in rows {
            for (column, cell) in columns.iter_mut().zip(row.cells()) {
                column.push(cell);
            }
        }
        let names = R::FIELDS.iter().map(|(name, _)| (*name).to_owned());
        Self::new(names.zip(columns.into_iter().map(Builder::finish)))
    }

    /// Returns the table of these columns, which have one length.
    pub(crate) fn new(columns: impl Iterator<Item = (String, ArrayRef)>) -> Self {
        let (fields, columns): (Vec<Field>, Vec<ArrayRef>) = columns
            .map(|(name, column)| (Field::new(name, column.data_type().clone(), true), column))
            .unzip();
        // Said, because there may be no column that says it.
        let rows = columns.first().map_or(0, Array::len);
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let schema = Arc::new(Schema::new(fields));
        let batch = RecordBatch::try_new_with_options(schema, columns, &options);
        Self(batch.expect("the columns have one length and the types of the fields"))
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        let fields = self.0.schema_ref().fields();
        fields.iter().map(|field| field.name().as_str())
    }

    /// Returns what stands at a row of a column: a text, or nothing.
    fn shown(&self, column: usize, row: usize) -> String {
        let column = self.0.column(column);
        if column.is_null(row) {
            return String::new();
        }
        let (values, names) = values(column);
        match (values.get(row), names) {
            (Cell::Code(code), Some(names)) => names.value(code.into()).to_owned(),
            (Cell::Name(code), Some(names)) => names.value(code.unsigned_abs() as usize).to_owned(),
            (cell, _) => cell.to_string(),
        }
    }

    pub(crate) fn html(&self) -> String {
        let head: Vec<String> = self
            .names()
            .map(|name| format!("<th>{}</th>", escaped(name)))
            .collect();
        let rows: Vec<usize> = (0..self.0.num_rows()).collect();
        let rows: Vec<String> = shorten(&rows, 5)
            .map(|row| {
                let title = row.map_or_else(|| "...".to_owned(), |row| row.to_string());
                let cells: Vec<String> = (0..self.0.num_columns())
                    .map(|column| match row {
                        None => "<td>...</td>".to_owned(),
                        Some(row) => format!("<td>{}</td>", escaped(&self.shown(column, row))),
                    })
                    .collect();
                format!("<tr><th>{title}</th>{}</tr>", cells.concat())
            })
            .collect();
        let (head, rows) = (head.concat(), rows.concat());
        format!("<table><tr><th>row</th>{head}</tr>{rows}</table>")
    }

    /// Returns a column as a read-only array.
    pub(crate) fn column<'py>(&self, py: Python<'py>, place: usize) -> PyResult<Bound<'py, PyAny>> {
        values(self.0.column(place)).0.to_array(py)
    }

    /// Returns a stream of the one batch.
    pub(crate) fn to_stream<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let batches = RecordBatchIterator::new([Ok(self.0.clone())], self.0.schema());
        let stream = FFI_ArrowArrayStream::new(Box::new(batches));
        PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
    }

    pub(crate) fn to_schema<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let schema = FFI_ArrowSchema::try_from(self.0.schema_ref().as_ref());
        let schema = schema.expect("each type of a column has a format");
        PyCapsule::new_with_value(py, schema, c"arrow_schema")
    }

    /// Returns a structured array, which is the caller's.
    pub(crate) fn to_structured<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let columns: Vec<Values<'_>> = self.0.columns().iter().map(|c| values(c).0).collect();
        let fields: Vec<(&str, Kind)> =
            self.names().zip(columns.iter().map(Values::kind)).collect();
        let layout = records::Layout::new(&fields);
        let rows = self.0.num_rows();
        if columns.is_empty() {
            let dtype = records::dtype(py, &fields, &layout)?;
            return array::numpy(py)?.call_method1("zeros", (rows, dtype));
        }
        let bytes = PyByteArray::new_with(py, rows * layout.size, |bytes| {
            for (row, bytes) in bytes.chunks_exact_mut(layout.size).enumerate() {
                layout.write(bytes, columns.iter().map(|column| column.get(row)));
            }
            Ok(())
        })?;
        records::structured(&bytes, &records::dtype(py, &fields, &layout)?)
    }
}

#[pymethods]
impl PyTable {
    /// The names of the columns.
    #[getter]
    fn columns(&self) -> Vec<&str> {
        self.names().collect()
    }

    /// Return the columns as lists by name, ``None`` where there is no value.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (name, column) in self.names().zip(self.0.columns()) {
            let (values, names) = values(column);
            let names: Option<Vec<Bound<'py, PyString>>> = names.map(|names| {
                let names = names.iter().map(Option::unwrap_or_default);
                names.map(|name| PyString::new(py, name)).collect()
            });
            let items = (0..column.len()).map(|row| {
                if column.is_null(row) {
                    return Ok(py.None().into_bound(py));
                }
                Ok(match (values.get(row), &names) {
                    (Cell::Code(code), Some(names)) => names[usize::from(code)].clone().into_any(),
                    (Cell::Name(code), Some(names)) => {
                        names[code.unsigned_abs() as usize].clone().into_any()
                    }
                    (cell, _) => cell.object(py)?,
                })
            });
            let items: Vec<Bound<'py, PyAny>> = items.collect::<PyResult<_>>()?;
            dict.set_item(name, PyList::new(py, items)?)?;
        }
        Ok(dict)
    }

    /// Return the rows as a structured array, categories as their codes.
    fn to_numpy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.to_structured(py)
    }

    fn __len__(&self) -> usize {
        self.0.num_rows()
    }

    fn __getitem__<'py>(
        &self,
        py: Python<'py>,
        column: Arg<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let name = convert::text(column, "column")?;
        let Some(column) = self.0.column_by_name(&name) else {
            let names = convert::shown_list(self.names().map(|name| format!("'{name}'")));
            return Err(PyKeyError::new_err(format!(
                "no column {}: there are {names}",
                shown(column)
            )));
        };
        values(column).0.to_array(py)
    }

    /// Return the names of the columns, so that ``dict(table)`` has an array for each.
    fn keys(&self) -> Vec<&str> {
        self.columns()
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        PyList::new(py, self.names())?.try_iter()
    }

    fn __contains__(&self, column: Arg<'_, '_>) -> bool {
        convert::text(column, "column").is_ok_and(|name| self.names().any(|other| other == name))
    }

    #[pyo3(signature = (dtype=None, copy=None))]
    fn __array__<'py>(
        &self,
        py: Python<'py>,
        dtype: Option<Arg<'_, 'py>>,
        copy: Option<Arg<'_, 'py>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        array::as_asked(self.to_structured(py)?, dtype, copy)
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        self.to_schema(py)
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
        self.to_stream(py)
    }

    fn __repr__(&self) -> String {
        let names = convert::shown_list(self.names().map(|name| format!("'{name}'")));
        format!("Table(rows={}, columns={names})", self.0.num_rows())
    }

    fn _repr_html_(&self) -> String {
        self.html()
    }

    // It never changes.
    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[expect(unused_variables, reason = "the protocol passes it")]
    fn __deepcopy__(slf: Py<Self>, memo: Arg<'_, '_>) -> Py<Self> {
        slf
    }

    /// Returns the table of what `__reduce__` gives.
    #[classmethod]
    fn _rebuild(_class: &Bound<'_, PyType>, columns: Arg<'_, '_>) -> PyResult<Self> {
        let columns: Vec<Pickled> = columns
            .extract()
            .map_err(|_| wrong_type("columns", "the columns of a pickled table", columns))?;
        let columns: Option<Vec<(String, ArrayRef)>> = columns.into_iter().map(unpickled).collect();
        let columns = columns.filter(|columns| {
            let mut lengths = columns.iter().map(|(_, column)| column.len());
            let first = lengths.next();
            first.is_some() && lengths.all(|length| Some(length) == first)
        });
        let columns = columns.ok_or_else(|| invalid("the pickled table is damaged".to_owned()))?;
        Ok(Self::new(columns.into_iter()))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (Vec<Pickled>,))> {
        let table = slf.get();
        let rebuild = PyType::new::<Self>(slf.py()).getattr("_rebuild")?;
        let columns = table.names().zip(table.0.columns());
        Ok((
            rebuild,
            (columns.map(|(name, c)| pickled(name, c)).collect(),),
        ))
    }
}

/// A column's name, its numbers in little-endian bytes, which rows have a value, and the names of
/// its categories.
type Pickled = (
    String,
    String,
    Vec<u8>,
    Option<Vec<bool>>,
    Option<Vec<String>>,
);

fn bytes_of<T: Copy, const N: usize>(values: &[T], bytes_of: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|value| bytes_of(*value)).collect()
}

fn pickled(name: &str, column: &ArrayRef) -> Pickled {
    let (values, names) = values(column);
    let bytes = match values {
        Values::Int(values) => bytes_of(values, i64::to_le_bytes),
        Values::Uint(values) => bytes_of(values, u64::to_le_bytes),
        Values::Float(values) => bytes_of(values, f64::to_le_bytes),
        Values::Code(values) => values.to_vec(),
        Values::Name(values) => bytes_of(values, i32::to_le_bytes),
    };
    let names = names.map(|names| names.iter().flatten().map(str::to_owned).collect());
    let nulls = column.nulls().map(|nulls| nulls.iter().collect());
    (
        name.to_owned(),
        values.kind().format().to_owned(),
        bytes,
        nulls,
        names,
    )
}

fn from_bytes<T, const N: usize>(
    bytes: &[u8],
    from_bytes: impl Fn([u8; N]) -> T,
) -> Option<Vec<T>> {
    let chunks = bytes.chunks_exact(N);
    chunks.remainder().is_empty().then_some(())?;
    let values = chunks.map(|chunk| from_bytes(chunk.try_into().expect("N bytes")));
    Some(values.collect())
}

/// Returns what was pickled, unless it is damaged.
fn unpickled((name, format, bytes, is_valid, names): Pickled) -> Option<(String, ArrayRef)> {
    let rows = bytes.len()
        / format
            .get(1..)?
            .parse::<usize>()
            .ok()
            .filter(|size| *size > 0)?;
    let fits = is_valid.as_ref().is_none_or(|valid| valid.len() == rows);
    fits.then_some(())?;
    let nulls = is_valid.map(Into::into);
    let names = names.map(|names| Arc::new(StringArray::from_iter_values(names)));
    let column: ArrayRef = match (format.as_str(), names) {
        ("i8", None) => Arc::new(Int64Array::new(
            from_bytes(&bytes, i64::from_le_bytes)?.into(),
            nulls,
        )),
        ("u8", None) => Arc::new(UInt64Array::new(
            from_bytes(&bytes, u64::from_le_bytes)?.into(),
            nulls,
        )),
        ("f8", None) => Arc::new(Float64Array::new(
            from_bytes(&bytes, f64::from_le_bytes)?.into(),
            nulls,
        )),
        ("u1", Some(names)) => {
            let keys = PrimitiveArray::<UInt8Type>::new(bytes.into(), nulls);
            Arc::new(DictionaryArray::try_new(keys, names).ok()?)
        }
        ("i4", Some(names)) => {
            let keys = from_bytes(&bytes, i32::from_le_bytes)?;
            let keys = PrimitiveArray::<Int32Type>::new(keys.into(), nulls);
            Arc::new(DictionaryArray::try_new(keys, names).ok()?)
        }
        _ => return None,
    };
    Some((name, column))
}
