//! NumPy arrays of numbers; NumPy is imported when the first is asked for.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyComplex};

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

/// Fails for an array that has no real number in each of its places: complex numbers, or what is
/// masked, behind which a buffer shows any number.
pub(crate) fn check_real(array: Arg<'_, '_>, name: &str) -> PyResult<()> {
    if is_complex(array)? {
        let dtype = match array.getattr_opt("dtype")? {
            Some(dtype) => dtype.str()?.to_string_lossy().into_owned(),
            None => "complex".to_owned(),
        };
        return Err(PyTypeError::new_err(format!(
            "{name} must be real numbers, got {dtype}"
        )));
    }
    // A frame may have a column of that name.
    let is_masked = match array.getattr_opt("filled")? {
        Some(filled) => filled.is_callable() && array.hasattr("mask")?,
        None => false,
    };
    if !is_masked {
        return Ok(());
    }
    let places = numpy(array.py())?.call_method1("argwhere", (array.getattr("mask")?,))?;
    let places: Vec<Vec<usize>> = places.call_method0("tolist")?.extract()?;
    match places.first() {
        None => Ok(()),
        Some(place) => {
            let place: String = place.iter().map(|index| format!("[{index}]")).collect();
            Err(invalid(format!(
                "{name}{place} is masked: a number must be there"
            )))
        }
    }
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
