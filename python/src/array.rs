//! NumPy arrays of numbers; NumPy is imported when the first is asked for.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyComplex, PyType};

use crate::convert::Arg;
use crate::errors::{invalid, missing_numpy};

/// Imports NumPy, or says that it is missing.
pub(crate) fn numpy(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    py.import("numpy").map_err(|error| missing_numpy(py, error))
}

/// Returns the letter of `NumPy` for the kind of an array's or a scalar's numbers, if it has one.
fn kind(value: Arg<'_, '_>) -> PyResult<Option<String>> {
    let Some(dtype) = value.getattr_opt("dtype")? else {
        return Ok(None);
    };
    let kind = dtype.getattr_opt("kind")?;
    Ok(kind.and_then(|kind| kind.extract().ok()))
}

/// Returns whether a value has an imaginary part, which a float of `NumPy`'s would lose.
pub(crate) fn is_complex(value: Arg<'_, '_>) -> PyResult<bool> {
    Ok(value.is_instance_of::<PyComplex>() || kind(value)?.is_some_and(|kind| kind == "c"))
}

/// Returns whether a value is of `NumPy`'s masked arrays; what is behind the mask shows in its buffer.
pub(crate) fn is_masked(value: Arg<'_, '_>) -> PyResult<bool> {
    if value.is_instance_of::<PyType>() {
        return Ok(false);
    }
    // A frame may have a column of that name.
    match value.getattr_opt("filled")? {
        Some(filled) => Ok(filled.is_callable() && value.hasattr("mask")?),
        None => Ok(false),
    }
}

/// Fails for an array of complex numbers.
pub(crate) fn check_real(array: Arg<'_, '_>, name: &str) -> PyResult<()> {
    // A number of `NumPy` has a type of array too, but no length.
    if !is_complex(array)? || array.len().is_err() {
        return Ok(());
    }
    Err(PyTypeError::new_err(format!(
        "{name} must be real numbers, got {}",
        array.getattr("dtype")?.str()?.to_string_lossy()
    )))
}

/// Fails for an array of one dimension that has a masked place.
pub(crate) fn check_unmasked(array: Arg<'_, '_>, name: &str) -> PyResult<()> {
    if !is_masked(array)? || array.len().is_err() {
        return Ok(());
    }
    let places = numpy(array.py())?.call_method1("flatnonzero", (array.getattr("mask")?,))?;
    if places.len()? == 0 {
        return Ok(());
    }
    Err(invalid(format!(
        "{name}[{}] is masked: a number must be there",
        places.get_item(0)?
    )))
}

/// Returns an array of `NumPy` as floats of the machine's own, if it has numbers that become floats
/// as single ones do: neither bools nor what is longer.
pub(crate) fn as_floats<'py>(array: Arg<'_, 'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
    const NUMBERS: &str = "efdbBhHiIlLqQ";
    let py = array.py();
    // Whoever has an array has imported it.
    let modules = py.import("sys")?.getattr("modules")?;
    let Ok(numpy) = modules.get_item("numpy") else {
        return Ok(None);
    };
    if !array.is_instance(&numpy.getattr("ndarray")?)? {
        return Ok(None);
    }
    let char: String = array.getattr("dtype")?.getattr("char")?.extract()?;
    if !NUMBERS.contains(&char) {
        return Ok(None);
    }
    array.call_method1("astype", ("f8",)).map(Some)
}

fn fill<T: Copy, const N: usize>(bytes: &mut [u8], numbers: &[T], bytes_of: impl Fn(T) -> [u8; N]) {
    for (place, number) in bytes.chunks_exact_mut(N).zip(numbers) {
        place.copy_from_slice(&bytes_of(*number));
    }
}

/// Returns an array of numbers in native byte order, read-only.
pub(crate) fn to_array<'py, T: Copy, const N: usize>(
    py: Python<'py>,
    numbers: &[T],
    dtype: &str,
    bytes_of: impl Fn(T) -> [u8; N],
) -> PyResult<Bound<'py, PyAny>> {
    let numpy = numpy(py)?;
    let bytes = PyBytes::new_with(py, numbers.len() * N, |bytes| {
        fill(bytes, numbers, bytes_of);
        Ok(())
    })?;
    numpy.call_method1("frombuffer", (bytes, dtype))
}

pub(crate) fn floats<'py>(py: Python<'py>, numbers: &[f64]) -> PyResult<Bound<'py, PyAny>> {
    to_array(py, numbers, "f8", f64::to_ne_bytes)
}

pub(crate) fn integers<'py>(py: Python<'py>, numbers: &[i64]) -> PyResult<Bound<'py, PyAny>> {
    to_array(py, numbers, "i8", i64::to_ne_bytes)
}

/// Returns an array of floats that is the caller's to change.
pub(crate) fn own_floats<'py>(py: Python<'py>, numbers: &[f64]) -> PyResult<Bound<'py, PyAny>> {
    let numpy = numpy(py)?;
    let bytes = PyByteArray::new_with(py, size_of_val(numbers), |bytes| {
        fill(bytes, numbers, f64::to_ne_bytes);
        Ok(())
    })?;
    numpy.call_method1("frombuffer", (bytes, "f8"))
}

/// Returns a new array as `__array__` is asked for it: of another type, never without a copy.
pub(crate) fn as_asked<'py>(
    array: Bound<'py, PyAny>,
    dtype: Option<Arg<'_, 'py>>,
    copy: Option<Arg<'_, 'py>>,
) -> PyResult<Bound<'py, PyAny>> {
    if copy.is_some_and(|copy| copy.is(PyBool::new(array.py(), false))) {
        return Err(PyValueError::new_err(
            "an array of a table cannot be made without a copy",
        ));
    }
    match dtype {
        None => Ok(array),
        Some(dtype) => array.call_method1("astype", (dtype,)),
    }
}
