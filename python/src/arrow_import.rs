//! Arrays of the Arrow C data interface, checked.
//!
//! The interface has no lengths of buffers, so what a producer says of them is believed. All else is
//! checked once, here: what follows looks into an array without a check of its own.

use std::fmt::Display;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::ffi::{FFI_ArrowArray, from_ffi_and_data_type};
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, NullArray, OffsetSizeTrait, PrimitiveArray,
    downcast_integer_array, make_array, new_empty_array,
};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, Buffer, NullBuffer};
use arrow_data::{ArrayData, ByteView, MAX_INLINE_VIEW_LEN};
use arrow_schema::DataType;
use arrow_schema::ffi::FFI_ArrowSchema;

/// Returns whether arrays of this type are imported: numbers, times, texts, categories, and what is
/// all null.
pub(crate) fn is_known(data_type: &DataType) -> bool {
    match data_type {
        DataType::Null => true,
        DataType::Dictionary(keys, values) => keys.is_dictionary_key_type() && is_text(values),
        other => other.is_primitive() || is_text(other),
    }
}

pub(crate) const fn is_text(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    )
}

/// Checks what reading a schema relies on.
#[expect(unsafe_code, reason = "the C data interface is made of raw pointers")]
pub(crate) fn check_schema(schema: &FFI_ArrowSchema) -> Result<(), String> {
    let is_utf8 = |text: *const std::ffi::c_char| {
        // SAFETY: the interface says that a text that is not null ends with a zero.
        text.is_null() || unsafe { std::ffi::CStr::from_ptr(text) }.to_str().is_ok()
    };
    if schema.format.is_null() || !is_utf8(schema.format) || !is_utf8(schema.name) {
        return Err("a name or a type in its schema is not UTF-8".to_owned());
    }
    let needed = match schema.format() {
        "+s" => 0,
        "+r" => 2,
        format => i64::from(format.starts_with('+') && !format.starts_with("+u")),
    };
    let has_null = || {
        schema.children.is_null()
            || (0..schema.n_children.unsigned_abs()).any(|place| {
                // SAFETY: there are so many pointers.
                unsafe { *schema.children.add(place.as_usize()) }.is_null()
            })
    };
    if schema.n_children < needed || (schema.n_children > 0 && has_null()) {
        return Err(format!(
            "its schema has {} types in a '{}'",
            schema.n_children,
            schema.format()
        ));
    }
    schema
        .children()
        .chain(schema.dictionary())
        .try_for_each(check_schema)
}

/// A record batch, with its columns still to be imported.
pub(crate) struct Batch {
    pub(crate) rows: usize,
    /// Which rows are null as a whole.
    pub(crate) nulls: Option<NullBuffer>,
    columns: Vec<Option<FFI_ArrowArray>>,
    /// Those of the columns that have been imported.
    arrays: Vec<Option<ArrayRef>>,
}

impl Batch {
    /// Takes a batch apart.
    #[expect(unsafe_code, reason = "the C data interface is made of raw pointers")]
    pub(crate) fn new(batch: &FFI_ArrowArray, columns: usize) -> Result<Self, String> {
        let window = window(batch)?;
        if usize::try_from(batch.n_children) != Ok(columns) {
            return Err(format!(
                "a batch has {} columns and its schema {columns}",
                batch.n_children
            ));
        }
        if columns > 0 && batch.children.is_null() {
            return Err("a batch has no columns".to_owned());
        }
        let take = |place| {
            // SAFETY: there are so many pointers, each to an array of its own or null. The interface
            // allows that children are moved out; the batch is released with what is left.
            let child = unsafe { (*batch.children.add(place)).as_mut() };
            let child = child.filter(|child| child.release.is_some());
            let child = child.ok_or_else(|| "a column is missing in a batch".to_owned())?;
            // SAFETY: the reference is to a valid array, which is left as a released one.
            let mut child = unsafe { FFI_ArrowArray::from_raw(child) };
            if child.length < batch.offset + batch.length {
                return Err("a column is shorter than its batch".to_owned());
            }
            if child.length > batch.length {
                child.null_count = UNCOUNTED;
            }
            child.length = batch.length;
            child.offset = child.offset.saturating_add(batch.offset);
            Ok(Some(child))
        };
        Ok(Self {
            rows: window.len(),
            nulls: nulls(batch, &window),
            columns: (0..columns).map(take).collect::<Result<_, String>>()?,
            arrays: vec![None; columns],
        })
    }

    /// Returns the column at a place; `first_row` is the number of the batch's first row.
    pub(crate) fn import(
        &mut self,
        place: usize,
        data_type: &DataType,
        first_row: usize,
    ) -> Result<ArrayRef, String> {
        if let Some(column) = self.columns[place].take() {
            self.arrays[place] = Some(import(column, data_type, first_row)?);
        }
        let array = self.arrays[place].as_ref();
        Ok(Arc::clone(array.expect("a column is taken or imported")))
    }
}

/// What stands for a number of nulls that nobody counted.
const UNCOUNTED: i64 = -1;

/// Returns which rows of the buffers are the array's.
fn window(array: &FFI_ArrowArray) -> Result<Range<usize>, String> {
    // So that no size in bits overflows.
    const ROWS_MAX: i64 = 1 << 48;
    let allowed = 0..=ROWS_MAX;
    if !allowed.contains(&array.length) || !allowed.contains(&array.offset) {
        return Err(format!(
            "a length of {} after an offset of {}",
            array.length, array.offset
        ));
    }
    Ok(array.offset.as_usize()..array.offset.as_usize() + array.length.as_usize())
}

/// Copies which rows of a batch are null.
#[expect(unsafe_code, reason = "the C data interface is made of raw pointers")]
fn nulls(batch: &FFI_ArrowArray, window: &Range<usize>) -> Option<NullBuffer> {
    if batch.n_buffers < 1 || batch.buffers.is_null() || batch.buffer(0).is_null() {
        return None;
    }
    // SAFETY: the interface says that a bitmap has a bit for each row.
    let bits = unsafe { std::slice::from_raw_parts(batch.buffer(0), window.end.div_ceil(8)) };
    let bits = BooleanBuffer::new(Buffer::from(bits), window.start, window.len());
    Some(NullBuffer::new(bits))
}

/// Imports an array of a known type; `first_row` is the number of its first row.
#[expect(unsafe_code, reason = "the producer's buffers are raw pointers")]
pub(crate) fn import(
    mut array: FFI_ArrowArray,
    data_type: &DataType,
    first_row: usize,
) -> Result<ArrayRef, String> {
    debug_assert!(is_known(data_type));
    let rows = window(&array)?.len();
    if *data_type == DataType::Null {
        // Some producers give it a buffer.
        return Ok(Arc::new(NullArray::new(rows)));
    }
    if rows == 0 {
        return Ok(new_empty_array(data_type));
    }
    check_buffers(&array, data_type)?;
    let null_count = std::mem::replace(&mut array.null_count, UNCOUNTED);
    // SAFETY: there are as many buffers as the type has, offsets and lengths among them can be read,
    // and the C data interface says that the others are as long as lengths and types tell. They live
    // until the array is released, which happens when the imported one drops.
    let data = unsafe { from_ffi_and_data_type(array, data_type.clone()) };
    let data = data.map_err(|error| error.to_string())?;
    if null_count != UNCOUNTED && usize::try_from(null_count) != Ok(data.null_count()) {
        return Err(format!(
            "{null_count} rows are said to be null, and {} are",
            data.null_count()
        ));
    }
    check_data(&data, "row", first_row)?;
    Ok(make_array(data))
}

/// Checks that there are the buffers that `arrow-array` looks for, and that it can read those of
/// offsets and lengths.
fn check_buffers(array: &FFI_ArrowArray, data_type: &DataType) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("an array of {data_type} has {what}"));
    let rows = window(array)?;
    let expected = match data_type {
        DataType::Utf8 | DataType::LargeUtf8 => 3,
        DataType::Utf8View => array.n_buffers.max(3),
        _ => 2,
    };
    if array.n_buffers != expected || array.buffers.is_null() {
        return wrong(&format!("{} buffers", array.n_buffers));
    }
    let is_readable = match data_type {
        DataType::Utf8 => ends(readable::<i32>(array.buffer(1)), rows.end),
        DataType::LargeUtf8 => ends(readable::<i64>(array.buffer(1)), rows.end),
        DataType::Utf8View if expected > 3 => {
            let lengths = readable(array.buffer(expected.as_usize() - 1));
            lengths.is_some_and(|lengths| are_lengths(lengths, expected.as_usize() - 3))
        }
        DataType::Dictionary(_, values) => {
            let Some(dictionary) = array.dictionary() else {
                return wrong("no categories");
            };
            if !window(dictionary)?.is_empty() {
                check_buffers(dictionary, values)?;
            }
            true
        }
        _ => true,
    };
    if is_readable {
        Ok(())
    } else {
        wrong("offsets or lengths that cannot be read")
    }
}

/// Returns a pointer of the type, if there is anything to read at it.
fn readable<T>(buffer: *const u8) -> Option<*const T> {
    let buffer = buffer.cast::<T>();
    (!buffer.is_null() && buffer.is_aligned()).then_some(buffer)
}

/// Returns whether the last offset, which tells how many bytes there are, is a number of them.
#[expect(unsafe_code, reason = "the C data interface is made of raw pointers")]
fn ends<T: OffsetSizeTrait>(offsets: Option<*const T>, end: usize) -> bool {
    // SAFETY: they can be read, and the interface says that one follows the last row's.
    offsets.is_some_and(|offsets| unsafe { *offsets.add(end) } >= T::zero())
}

#[expect(unsafe_code, reason = "the C data interface is made of raw pointers")]
fn are_lengths(buffer: *const i64, count: usize) -> bool {
    // SAFETY: it can be read, and the interface says that there are so many.
    let lengths = unsafe { std::slice::from_raw_parts(buffer, count) };
    lengths.iter().all(|length| *length >= 0)
}

/// Checks that each value is one; `what` and `first` tell what to call the first.
fn check_data(data: &ArrayData, what: &str, first: usize) -> Result<(), String> {
    data.validate().map_err(|error| error.to_string())?;
    match data.data_type() {
        DataType::Utf8 => check_texts::<i32>(data, what, first),
        DataType::LargeUtf8 => check_texts::<i64>(data, what, first),
        DataType::Utf8View => check_views(data, what, first),
        DataType::Dictionary(..) => {
            let categories = &data.child_data()[0];
            check_data(categories, "category", 0)?;
            let array = make_array(data.clone());
            let keys = array.as_any_dictionary().keys();
            downcast_integer_array!(
                keys => check_keys(keys, categories.len(), first),
                _ => Ok(())
            )
        }
        _ => Ok(()),
    }
}

#[cold]
fn not_utf8(what: &str, place: usize) -> String {
    format!("{what} {place} is not UTF-8")
}

fn check_texts<T: OffsetSizeTrait + Display>(
    data: &ArrayData,
    what: &str,
    first: usize,
) -> Result<(), String> {
    if data.is_empty() {
        return Ok(());
    }
    let offsets = &data.buffer::<T>(0)[..=data.len()];
    // `validate` looked at the first offset and the last.
    let window = offsets[0].as_usize()..offsets[data.len()].as_usize();
    let bytes = data.buffers()[1].as_slice();
    let is_ascii = bytes.get(window).is_some_and(<[u8]>::is_ascii);
    for (row, pair) in offsets.windows(2).enumerate() {
        let [start, end] = [pair[0], pair[1]];
        if start > end {
            return Err(format!(
                "{what} {} is from byte {start} to {end}",
                first + row
            ));
        }
        // Where the offsets go up to the last one, none of them is out of range.
        if !is_ascii && data.is_valid(row) {
            let text = bytes.get(start.as_usize()..end.as_usize());
            if text.is_none_or(|text| std::str::from_utf8(text).is_err()) {
                return Err(not_utf8(what, first + row));
            }
        }
    }
    Ok(())
}

/// The highest bit of each byte that stands in a view itself.
const INLINE_NOT_ASCII: u128 = 0x8080_8080_8080_8080_8080_8080 << 32;

fn check_views(data: &ArrayData, what: &str, first: usize) -> Result<(), String> {
    let (views, buffers) = (&data.buffer::<u128>(0)[..data.len()], &data.buffers()[1..]);
    for (row, value) in views.iter().enumerate() {
        let view = ByteView::from(*value);
        // Most are short and ASCII.
        if view.length <= MAX_INLINE_VIEW_LEN && value & INLINE_NOT_ASCII == 0 {
            continue;
        }
        let inline = value.to_le_bytes();
        let bytes = if view.length <= MAX_INLINE_VIEW_LEN {
            Some(&inline[4..4 + view.length.as_usize()])
        } else {
            let buffer = buffers.get(view.buffer_index.as_usize());
            let start = view.offset.as_usize();
            buffer.and_then(|buffer| buffer.get(start..start + view.length.as_usize()))
        };
        if data.is_valid(row) && bytes.is_none_or(|bytes| std::str::from_utf8(bytes).is_err()) {
            return Err(not_utf8(what, first + row));
        }
    }
    Ok(())
}

fn check_keys<T: ArrowPrimitiveType>(
    keys: &PrimitiveArray<T>,
    categories: usize,
    first: usize,
) -> Result<(), String> {
    let is_wrong = |key: T::Native| key.to_usize().is_none_or(|key| key >= categories);
    let mut wrong = keys.values().iter().enumerate();
    match wrong.find(|&(row, key)| is_wrong(*key) && keys.is_valid(row)) {
        None => Ok(()),
        Some((row, key)) => Err(format!(
            "row {} has the index {key:?}, and there are {categories} categories",
            first + row
        )),
    }
}
