//! Every Rust error as a Python exception.
//!
//! The exception classes are Python (`nanobook/_errors.py`), because each derives from two.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;

use nanobook::{
    FeedError as CoreFeedError, InvariantError as CoreInvariantError, MetricsError, MultiError,
    PersistenceError as CorePersistenceError, PortfolioError, ReplayError, SeriesError,
    SymbolError, ValidationError as CoreValidationError,
};
use pyo3::exceptions::{PyImportError, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyString};

use crate::convert;

pyo3::import_exception!(nanobook._errors, BatchError);
pyo3::import_exception!(nanobook._errors, FeedError);
pyo3::import_exception!(nanobook._errors, InvariantError);
pyo3::import_exception!(nanobook._errors, MissingFileError);
pyo3::import_exception!(nanobook._errors, MissingPackageError);
pyo3::import_exception!(nanobook._errors, OutOfRangeError);
pyo3::import_exception!(nanobook._errors, PersistenceError);
pyo3::import_exception!(nanobook._errors, ReadOnlyError);
pyo3::import_exception!(nanobook._errors, StorageError);
pyo3::import_exception!(nanobook._errors, UnknownSymbolError);
pyo3::import_exception!(nanobook._errors, ValidationError);

/// What a binding can fail with.
pub(crate) type BindingResult<T> = Result<T, BindingError>;

/// An error of the core, of the arguments, or of Python itself.
#[derive(Debug)]
pub(crate) enum BindingError {
    /// Raised by Python, or on the way to the core.
    Python(PyErr),
    /// A command that breaks a rule.
    Validation(CoreValidationError),
    /// A name that cannot be a symbol.
    Symbol(SymbolError),
    /// A symbol without an exchange, as a message shows it.
    UnknownSymbol(String),
    /// An event that cannot be applied.
    Replay(ReplayError),
    /// Saved data, or the file it is in.
    Persistence(CorePersistenceError),
    /// The file system, and the path that was asked for.
    File(io::Error, OsString),
    /// Market data, or the file it is in.
    Feed(CoreFeedError, OsString),
    /// A bug in the core.
    Invariant(CoreInvariantError),
    /// What a portfolio or a cost model refused.
    Portfolio(PortfolioError),
    /// Prices that make no series.
    Series(SeriesError),
    /// Returns or rates that have no metrics.
    Metrics(MetricsError),
}

impl BindingError {
    /// Returns the error of reading or writing `path`.
    pub(crate) fn file(error: CorePersistenceError, path: &Path) -> Self {
        match error {
            CorePersistenceError::Io(error) => Self::File(error, path.as_os_str().to_owned()),
            error => Self::Persistence(error),
        }
    }

    /// Returns the error of reading market data from `path`.
    pub(crate) fn feed(error: CoreFeedError, path: &Path) -> Self {
        Self::Feed(error, path.as_os_str().to_owned())
    }
}

impl From<BindingError> for PyErr {
    fn from(error: BindingError) -> Self {
        match error {
            BindingError::Python(error) => error,
            BindingError::Validation(error) => invalid(error.to_string()),
            BindingError::Symbol(error) => invalid(SymbolError(shortened(&error.0)).to_string()),
            BindingError::Replay(error) => invalid(error.to_string()),
            BindingError::UnknownSymbol(name) => {
                UnknownSymbolError::new_err(format!("no exchange has the symbol {name}"))
            }
            BindingError::Persistence(CorePersistenceError::Io(error)) => {
                Python::attach(|py| storage(py, &error, None).unwrap_or_else(|error| error))
            }
            BindingError::Persistence(error) => PersistenceError::new_err(error.to_string()),
            BindingError::File(error, path)
            | BindingError::Feed(CoreFeedError::Io(error), path) => {
                Python::attach(|py| storage(py, &error, Some(path)).unwrap_or_else(|error| error))
            }
            BindingError::Feed(CoreFeedError::Malformed { offset, reason }, path) => {
                malformed(offset, &reason, &path)
            }
            BindingError::Feed(error, _) => invalid(error.to_string()),
            BindingError::Invariant(error) => InvariantError::new_err(error.to_string()),
            BindingError::Portfolio(error) => portfolio(&error, None),
            BindingError::Series(error) => invalid(error.to_string()),
            BindingError::Metrics(error) => invalid(error.to_string()),
        }
    }
}

impl From<PyErr> for BindingError {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl From<CoreValidationError> for BindingError {
    fn from(error: CoreValidationError) -> Self {
        Self::Validation(error)
    }
}

impl From<SymbolError> for BindingError {
    fn from(error: SymbolError) -> Self {
        Self::Symbol(error)
    }
}

impl From<ReplayError> for BindingError {
    fn from(error: ReplayError) -> Self {
        Self::Replay(error)
    }
}

impl From<CorePersistenceError> for BindingError {
    fn from(error: CorePersistenceError) -> Self {
        Self::Persistence(error)
    }
}

impl From<CoreInvariantError> for BindingError {
    fn from(error: CoreInvariantError) -> Self {
        Self::Invariant(error)
    }
}

impl From<PortfolioError> for BindingError {
    fn from(error: PortfolioError) -> Self {
        Self::Portfolio(error)
    }
}

impl From<SeriesError> for BindingError {
    fn from(error: SeriesError) -> Self {
        match error {
            // What to do depends on the language.
            SeriesError::UnusedTickSize(_) => Self::Python(invalid(format!(
                "{error}; leave it out, or convert with astype(float)"
            ))),
            error => Self::Series(error),
        }
    }
}

impl From<MetricsError> for BindingError {
    fn from(error: MetricsError) -> Self {
        Self::Metrics(error)
    }
}

impl From<MultiError> for BindingError {
    fn from(error: MultiError) -> Self {
        match error {
            MultiError::UnknownSymbol(symbol) => Self::UnknownSymbol(convert::shown_symbol(symbol)),
            MultiError::Validation(error) => Self::Validation(error),
            error => Self::Python(invalid(error.to_string())),
        }
    }
}

/// Returns the error for a value of the right type that breaks a rule.
#[cold]
pub(crate) fn invalid(message: String) -> PyErr {
    ValidationError::new_err(message)
}

/// Returns the error for a number that does not fit.
#[cold]
pub(crate) fn out_of_range(message: String) -> PyErr {
    OutOfRangeError::new_err(message)
}

/// Returns the error for what a portfolio refused, at a bar of a backtest or by itself.
#[cold]
pub(crate) fn portfolio(error: &PortfolioError, bar: Option<usize>) -> PyErr {
    let message = bar.map_or_else(|| error.to_string(), |bar| format!("bar {bar}: {error}"));
    match error {
        PortfolioError::Overflow { .. } | PortfolioError::TargetOverflow { .. } => {
            out_of_range(message)
        }
        _ => invalid(message),
    }
}

/// Returns the error for trading on the portfolio of a strategy or of a result.
#[cold]
pub(crate) fn read_only() -> PyErr {
    ReadOnlyError::new_err(
        "the portfolio of a backtest is read-only: return targets from the strategy, or trade on \
         copy.copy(portfolio)",
    )
}

/// Returns the error for what needs NumPy where it is not installed.
#[cold]
pub(crate) fn missing_numpy(py: Python<'_>, cause: PyErr) -> PyErr {
    if !cause.is_instance_of::<PyImportError>(py) {
        return cause;
    }
    let error =
        MissingPackageError::new_err("this needs NumPy, which is not installed: pip install numpy");
    error.set_cause(py, Some(cause));
    error
}

/// Returns the error for a value of the wrong type: `"{name} must be {expected}, got {value}"`.
#[cold]
pub(crate) fn wrong_type(name: &str, expected: &str, value: &Bound<'_, PyAny>) -> PyErr {
    PyTypeError::new_err(format!("{name} must be {expected}, got {}", shown(value)))
}

/// Adds a note to an exception of the caller's own.
#[cold]
pub(crate) fn with_note(py: Python<'_>, error: PyErr, note: &str) -> PyErr {
    // An exception that takes no notes goes without one.
    let _ = error.value(py).call_method1("add_note", (note,));
    error
}

/// Returns a value as a message shows it: its repr, cut where it is long.
#[cold]
pub(crate) fn shown(value: &Bound<'_, PyAny>) -> String {
    let Ok(repr) = value.repr() else {
        // That of an integer of more than 4,300 digits fails, and maybe one of the caller's.
        return match value.get_type().name() {
            Ok(name) if value.is_instance_of::<PyInt>() => format!("a huge {name}"),
            Ok(name) => format!("a {name} whose repr fails"),
            Err(_) => "a value".to_owned(),
        };
    };
    shortened(&repr.to_string_lossy())
}

/// Returns a text, cut where it is long.
fn shortened(text: &str) -> String {
    const LEN_MAX: usize = 100;
    match text.char_indices().nth(LEN_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", &text[..end]),
    }
}

/// Returns the error of market data, with its place.
fn malformed(offset: u64, reason: &str, path: &OsStr) -> PyErr {
    let path = path.to_string_lossy();
    let error = FeedError::new_err(format!("{path}: byte {offset}: {reason}"));
    Python::attach(
        |py| match error.value(py).setattr(intern!(py, "offset"), offset) {
            Ok(()) => error,
            Err(other) => other,
        },
    )
}

/// Returns an `OSError` with its number, its text and the file's name.
fn storage(py: Python<'_>, error: &io::Error, path: Option<OsString>) -> PyResult<PyErr> {
    let errno = match (error.raw_os_error(), error.kind()) {
        (Some(errno), _) => errno,
        // What no system call said has no number of its own.
        (None, kind) => {
            let name = match kind {
                io::ErrorKind::IsADirectory => "EISDIR",
                io::ErrorKind::NotFound => "ENOENT",
                io::ErrorKind::PermissionDenied => "EACCES",
                io::ErrorKind::InvalidInput => "EINVAL",
                _ => "EIO",
            };
            py.import("errno")?.getattr(name)?.extract()?
        }
    };
    // Rust adds " (os error 2)" to the system's text, Python "[Errno 2]".
    let text = error.to_string();
    let suffix = format!(" (os error {errno})");
    let text = text.strip_suffix(&suffix).unwrap_or(&text);
    let arguments = (
        errno,
        PyString::new(py, text).unbind(),
        path.map(|path| path.to_string_lossy().into_owned()),
    );
    Ok(match error.kind() {
        io::ErrorKind::NotFound => MissingFileError::new_err(arguments),
        _ => StorageError::new_err(arguments),
    })
}
