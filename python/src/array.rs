//! NumPy arrays of numbers; NumPy is imported when the first is asked for.

use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes};

use crate::errors::missing_numpy;

/// Imports NumPy, or says that it is missing.
pub(crate) fn numpy(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    py.import("numpy").map_err(|error| missing_numpy(py, error))
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
