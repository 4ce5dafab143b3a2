//! Every conversion between Python and Rust values that the classes do not do themselves.

use std::borrow::Cow;
use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

use nanobook::{
    Digest, FeedKind, FillTiming, OrderId, OrderStatus, Price, Quantity, Side, StopStatus, Symbol,
    TimeInForce, TrailMethod,
};
use pyo3::buffer::{Element, PyBuffer};
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::sync::PyOnceLock;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyDict, PyFloat, PyFrozenSet, PyInt, PyIterator, PyList, PySet,
    PyString, PyTuple, PyType,
};

use crate::array;
use crate::errors::{
    BindingError, BindingResult, OutOfRangeError, invalid, out_of_range, shown, wrong_type,
};

/// An argument as Python passed it.
pub(crate) type Arg<'a, 'py> = &'a Bound<'py, PyAny>;

/// An argument that may be left out but not be `None`.
#[derive(Clone, Copy)]
pub(crate) struct Optional<'a, 'py>(Option<Borrowed<'a, 'py, PyAny>>);

impl Optional<'_, '_> {
    pub(crate) const ABSENT: Self = Self(None);
}

impl<'a, 'py> Optional<'a, 'py> {
    /// Returns the argument, if there is one.
    pub(crate) const fn get(self) -> Option<Borrowed<'a, 'py, PyAny>> {
        self.0
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for Optional<'a, 'py> {
    type Error = Infallible;

    #[inline]
    fn extract(value: Borrowed<'a, 'py, PyAny>) -> Result<Self, Infallible> {
        Ok(Self(Some(value)))
    }
}

/// An integer type with its bounds.
pub(crate) trait Integer: Sized + for<'a, 'py> FromPyObject<'a, 'py, Error = PyErr> {
    const RANGE: (i128, i128);
}

impl Integer for i64 {
    const RANGE: (i128, i128) = (i64::MIN as i128, i64::MAX as i128);
}

impl Integer for u64 {
    const RANGE: (i128, i128) = (0, u64::MAX as i128);
}

impl Integer for u16 {
    const RANGE: (i128, i128) = (0, u16::MAX as i128);
}

impl Integer for u32 {
    const RANGE: (i128, i128) = (0, u32::MAX as i128);
}

impl Integer for usize {
    const RANGE: (i128, i128) = (0, usize::MAX as i128);
}

/// Reads an integer: an `int` or what has `__index__` (an integer of `NumPy`), but no bool or float.
#[inline]
pub(crate) fn integer<T: Integer>(value: Arg<'_, '_>, name: &str) -> PyResult<T> {
    integer_of(value, name, T::RANGE)
}

/// Reads an integer whose error states a narrower range than that of its type. What lies between
/// the two is for the core to refuse.
#[inline]
fn integer_of<T: Integer>(value: Arg<'_, '_>, name: &str, range: (i128, i128)) -> PyResult<T> {
    if value.is_exact_instance_of::<PyInt>() {
        if let Ok(integer) = value.extract() {
            return Ok(integer);
        }
    }
    unusual_integer(value, name, range)
}

#[cold]
fn unusual_integer<T: Integer>(
    value: Arg<'_, '_>,
    name: &str,
    (min, max): (i128, i128),
) -> PyResult<T> {
    let py = value.py();
    if !is_bool(value) {
        match value.extract() {
            Ok(integer) => return Ok(integer),
            Err(error) if error.is_instance_of::<PyOverflowError>(py) => {
                return Err(out_of_range(format!(
                    "{name} must be {min} to {max}, got {}",
                    shown(value)
                )));
            }
            Err(error) if is_wrong_type(py, &error) => {}
            // Raised by an `__index__` of the caller's.
            Err(error) => return Err(error),
        }
    }
    Err(wrong_type(name, "an integer", value))
}

/// Reads a price.
#[inline]
pub(crate) fn price(value: Arg<'_, '_>, name: &str) -> PyResult<Price> {
    const RANGE: (i128, i128) = (1, i64::MAX as i128 - 1);
    integer_of(value, name, RANGE).map(Price)
}

/// Checks the price of what has traded.
pub(crate) fn check_price(price: Price, name: &str) -> PyResult<()> {
    if price.is_valid() {
        return Ok(());
    }
    Err(invalid(format!(
        "{name} must be positive and below {}, got {price}",
        Price::MAX
    )))
}

/// Returns a price / 100: cents as dollars.
#[expect(clippy::cast_precision_loss, reason = "a float is what is asked for")]
pub(crate) fn hundredths(price: Price) -> f64 {
    price.0 as f64 / 100.0
}

/// Reads a quantity.
#[inline]
pub(crate) fn quantity(value: Arg<'_, '_>, name: &str) -> PyResult<Quantity> {
    const RANGE: (i128, i128) = (1, u64::MAX as i128);
    integer_of(value, name, RANGE)
}

/// Reads an amount of money that is not negative.
pub(crate) fn fee(value: Arg<'_, '_>, name: &str) -> PyResult<i64> {
    const RANGE: (i128, i128) = (0, i64::MAX as i128);
    integer_of(value, name, RANGE)
}

/// Reads the number of an order or stop.
#[inline]
pub(crate) fn order_id(value: Arg<'_, '_>, name: &str) -> PyResult<OrderId> {
    integer(value, name).map(OrderId)
}

/// Reads how many levels to show, 10 when it was left out.
#[inline]
pub(crate) fn levels(value: Optional<'_, '_>) -> PyResult<usize> {
    value.0.map_or(Ok(10), |value| integer(&value, "levels"))
}

/// Returns whether a value is a bool, that of `NumPy` included.
pub(crate) fn is_bool(value: Arg<'_, '_>) -> bool {
    let of_numpy = || {
        let class = value.get_type();
        let name = class.name()?;
        // `bool_` before NumPy 2.
        PyResult::Ok((name == "bool" || name == "bool_") && class.module()? == "numpy")
    };
    value.is_instance_of::<PyBool>() || of_numpy().unwrap_or(false)
}

/// Returns whether a value's class is named like an integer or a float of `NumPy`: what is no number
/// all the same does not become one.
fn is_named_real(value: Arg<'_, '_>) -> bool {
    let is_real = |name: &str| {
        ["float", "int", "uint"]
            .iter()
            .any(|kind| name.starts_with(kind))
    };
    let name = value.get_type().name();
    name.is_ok_and(|name| name.to_str().is_ok_and(is_real))
}

/// Reads a bool.
pub(crate) fn flag(value: Arg<'_, '_>, name: &str) -> PyResult<bool> {
    if is_bool(value) {
        value.is_truthy()
    } else {
        Err(wrong_type(name, "a bool", value))
    }
}

/// Reads a float; an integer is one too, a bool is not.
pub(crate) fn float(value: Arg<'_, '_>, name: &str) -> PyResult<f64> {
    let py = value.py();
    // Those of `NumPy` too.
    if let Ok(float) = value.cast::<PyFloat>() {
        return Ok(float.value());
    }
    // Looked for first, because looking for what is no number takes longer.
    let is_number = value.is_exact_instance_of::<PyInt>()
        || is_named_real(value)
        || !(is_bool(value) || array::is_complex(value)? || array::is_masked(value)?);
    if is_number {
        match value.extract::<f64>() {
            Ok(float) => return Ok(float),
            Err(error) if error.is_instance_of::<PyOverflowError>(py) => {
                return Err(out_of_range(format!(
                    "{name} is too large for a float: {}",
                    shown(value)
                )));
            }
            Err(error) if is_wrong_type(py, &error) => {}
            Err(error) => return Err(error),
        }
    }
    Err(wrong_type(name, "a number", value))
}

/// Reads how many periods a window has.
pub(crate) fn window(value: Arg<'_, '_>) -> PyResult<usize> {
    let error = match integer(value, "window") {
        Ok(window) => return Ok(window),
        Err(error) => error,
    };
    if !error.is_instance_of::<OutOfRangeError>(value.py()) {
        return Err(error);
    }
    let rule = if value.call_method0("__index__")?.lt(0)? {
        "at least 1".to_owned()
    } else {
        format!("at most {}", usize::MAX)
    };
    Err(out_of_range(format!(
        "window {}: must be {rule}",
        shown(value)
    )))
}

/// Returns the items of an iterable.
pub(crate) fn items<'py>(
    value: Arg<'_, 'py>,
    name: &str,
    expected: &str,
) -> PyResult<Bound<'py, PyIterator>> {
    value.try_iter().map_err(|error| {
        if is_wrong_type(value.py(), &error) {
            wrong_type(name, expected, value)
        } else {
            error
        }
    })
}

/// Returns whether an error is the interpreter's for a value of the wrong type. One that a method of
/// the caller's raised has a traceback.
pub(crate) fn is_wrong_type(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<PyTypeError>(py) && error.traceback(py).is_none()
}

/// Returns whether a value is a mapping. Asking runs Python code, and what that raises arrives, an
/// interrupt too.
pub(crate) fn is_mapping(value: Arg<'_, '_>) -> PyResult<bool> {
    static MAPPING: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    if value.is_instance_of::<PyDict>() {
        return Ok(true);
    }
    let mapping = MAPPING.import(value.py(), "collections.abc", "Mapping")?;
    value.is_instance(mapping)
}

/// Returns the items of what has them in an order of its own: not those of a text, of bytes, of a
/// mapping, which are its keys, or of a set.
pub(crate) fn ordered<'py>(
    value: Arg<'_, 'py>,
    name: &str,
    expected: &str,
) -> PyResult<Bound<'py, PyIterator>> {
    let is_other = value.is_instance_of::<PyString>()
        || value.is_instance_of::<PyBytes>()
        || value.is_instance_of::<PyByteArray>()
        || value.is_instance_of::<PySet>()
        || value.is_instance_of::<PyFrozenSet>();
    if is_other || is_mapping(value)? {
        return Err(wrong_type(name, expected, value));
    }
    items(value, name, expected)
}

/// A choice: its exact spelling first, then any.
pub(crate) struct Choices<T: 'static> {
    names: &'static [(&'static str, T)],
    pub(crate) expected: &'static str,
}

impl<T: Copy> Choices<T> {
    #[inline]
    fn read(&self, value: Arg<'_, '_>, name: &str) -> PyResult<T> {
        if let Ok(text) = value.cast::<PyString>() {
            // Borrowed from the Python string, which keeps its UTF-8 form.
            if let Ok(text) = text.to_str() {
                for (spelling, choice) in self.names {
                    if text == *spelling {
                        return Ok(*choice);
                    }
                }
                return self.read_unusual(text, value, name);
            }
        }
        Err(self.refuse(value, name))
    }

    #[cold]
    fn read_unusual(&self, text: &str, value: Arg<'_, '_>, name: &str) -> PyResult<T> {
        self.find(text).ok_or_else(|| self.refuse(value, name))
    }

    /// Returns the choice that any spelling means.
    pub(crate) fn find(&self, text: &str) -> Option<T> {
        let fold = |text: &'_ str| -> String {
            text.chars()
                .filter(|c| *c != '_')
                .map(|c| c.to_ascii_lowercase())
                .collect()
        };
        let folded = fold(text);
        self.names
            .iter()
            .find(|(spelling, _)| fold(spelling) == folded)
            .map(|(_, choice)| *choice)
    }

    #[cold]
    fn refuse(&self, value: Arg<'_, '_>, name: &str) -> PyErr {
        if value.is_instance_of::<PyString>() {
            invalid(format!(
                "{name} must be {}, got {}",
                self.expected,
                shown(value)
            ))
        } else {
            wrong_type(name, self.expected, value)
        }
    }
}

pub(crate) const SIDES: Choices<Side> = Choices {
    names: &[
        ("buy", Side::Buy),
        ("sell", Side::Sell),
        ("b", Side::Buy),
        ("s", Side::Sell),
    ],
    expected: "'buy' or 'sell'",
};

/// Reads a side.
#[inline]
pub(crate) fn side(value: Arg<'_, '_>, name: &str) -> PyResult<Side> {
    SIDES.read(value, name)
}

pub(crate) const TIMES_IN_FORCE: Choices<TimeInForce> = Choices {
    names: &[
        ("gtc", TimeInForce::GTC),
        ("ioc", TimeInForce::IOC),
        ("fok", TimeInForce::FOK),
    ],
    expected: "'gtc', 'ioc' or 'fok'",
};

/// Reads a time in force.
#[inline]
pub(crate) fn time_in_force(value: Arg<'_, '_>, name: &str) -> PyResult<TimeInForce> {
    TIMES_IN_FORCE.read(value, name)
}

/// Reads the time in force of a new order, `"gtc"` when it was left out.
#[inline]
pub(crate) fn tif(value: Optional<'_, '_>) -> PyResult<TimeInForce> {
    value
        .0
        .map_or(Ok(TimeInForce::GTC), |value| time_in_force(&value, "tif"))
}

/// Reads an order's status.
pub(crate) fn order_status(value: Arg<'_, '_>, name: &str) -> PyResult<OrderStatus> {
    const CHOICES: Choices<OrderStatus> = Choices {
        names: &[
            ("new", OrderStatus::New),
            ("partially_filled", OrderStatus::PartiallyFilled),
            ("filled", OrderStatus::Filled),
            ("cancelled", OrderStatus::Cancelled),
        ],
        expected: "'new', 'partially_filled', 'filled' or 'cancelled'",
    };
    CHOICES.read(value, name)
}

/// Reads a stop's status.
pub(crate) fn stop_status(value: Arg<'_, '_>, name: &str) -> PyResult<StopStatus> {
    const CHOICES: Choices<StopStatus> = Choices {
        names: &[
            ("pending", StopStatus::Pending),
            ("triggered", StopStatus::Triggered),
            ("cancelled", StopStatus::Cancelled),
        ],
        expected: "'pending', 'triggered' or 'cancelled'",
    };
    CHOICES.read(value, name)
}

/// Reads the kind of a message of a feed.
pub(crate) fn feed_kind(value: Arg<'_, '_>, name: &str) -> PyResult<FeedKind> {
    const CHOICES: Choices<FeedKind> = Choices {
        names: &[
            ("add", FeedKind::Add),
            ("execute", FeedKind::Execute),
            ("reduce", FeedKind::Reduce),
            ("delete", FeedKind::Delete),
            ("replace", FeedKind::Replace),
            ("hidden_trade", FeedKind::HiddenTrade),
            ("cross", FeedKind::Cross),
            ("halt", FeedKind::Halt),
            ("quote_only", FeedKind::QuoteOnly),
            ("resume", FeedKind::Resume),
            ("other", FeedKind::Other),
        ],
        expected: "a FeedKind ('add', 'execute', 'reduce', 'delete', 'replace', 'hidden_trade', \
                   'cross', 'halt', 'quote_only', 'resume' or 'other')",
    };
    CHOICES.read(value, name)
}

/// Reads when a backtest's targets are traded.
pub(crate) fn fill_timing(value: Arg<'_, '_>, name: &str) -> PyResult<FillTiming> {
    const CHOICES: Choices<FillTiming> = Choices {
        names: &[("close", FillTiming::Close), ("next", FillTiming::Next)],
        expected: "'close' or 'next'",
    };
    CHOICES.read(value, name)
}

/// Returns what [`fill_timing`] reads.
pub(crate) const fn fill_name(fill: FillTiming) -> &'static str {
    match fill {
        FillTiming::Close => "close",
        FillTiming::Next => "next",
    }
}

#[derive(Clone, Copy)]
pub(crate) enum TrailType {
    Fixed,
    Percentage,
    Atr,
}

pub(crate) const TRAIL_TYPES: Choices<TrailType> = Choices {
    names: &[
        ("fixed", TrailType::Fixed),
        ("percentage", TrailType::Percentage),
        ("atr", TrailType::Atr),
    ],
    expected: "'fixed', 'percentage' or 'atr'",
};

/// Reads how a stop trails from `trail_type`, `trail_value` and `atr_period`.
pub(crate) fn trail_method(
    trail_type: Arg<'_, '_>,
    trail_value: Arg<'_, '_>,
    atr_period: Option<Arg<'_, '_>>,
) -> PyResult<TrailMethod> {
    let trail_type = TRAIL_TYPES.read(trail_type, "trail_type")?;
    match (trail_type, atr_period) {
        (TrailType::Atr, None) => Err(invalid(
            "atr_period is required with trail_type 'atr'".to_owned(),
        )),
        (TrailType::Atr, Some(period)) => Ok(TrailMethod::Atr {
            multiplier: float(trail_value, "trail_value")?,
            period: integer_of(
                period,
                "atr_period",
                (1, TrailMethod::ATR_PERIOD_MAX.into()),
            )?,
        }),
        (_, Some(period)) => Err(invalid(format!(
            "atr_period goes with trail_type 'atr' only, got {}",
            shown(period)
        ))),
        (TrailType::Fixed, None) => whole(trail_value, "trail_value").map(TrailMethod::Fixed),
        (TrailType::Percentage, None) => {
            float(trail_value, "trail_value").map(TrailMethod::Percentage)
        }
    }
}

/// Reads a positive integer that may also be a float without a fraction.
fn whole(value: Arg<'_, '_>, name: &str) -> PyResult<i64> {
    const RANGE: (i128, i128) = (1, i64::MAX as i128);
    let Ok(float) = value.cast::<PyFloat>() else {
        return integer_of(value, name, RANGE);
    };
    let float = float.value();
    if float.is_finite() && float.fract() == 0.0 {
        // Through Python's own integers, so that a float too large is refused and not clamped.
        integer_of(&value.call_method0("__int__")?, name, RANGE)
    } else {
        Err(invalid(format!(
            "{name} must be a whole number, got {}",
            shown(value)
        )))
    }
}

/// Reads a symbol, or nothing from a text that cannot be one.
#[inline]
fn possible_symbol(value: Arg<'_, '_>) -> PyResult<Option<Symbol>> {
    let name = value
        .cast::<PyString>()
        .map_err(|_| wrong_type("symbol", "a str", value))?;
    // Lone surrogates have no UTF-8 form.
    Ok(name
        .to_str()
        .ok()
        .and_then(|name| Symbol::try_new(name).ok()))
}

/// Reads a symbol that may be new.
#[inline]
pub(crate) fn symbol(value: Arg<'_, '_>) -> BindingResult<Symbol> {
    Ok(possible_symbol(value)?.ok_or_else(|| {
        invalid(format!(
            "a symbol must be 1 to 24 bytes of printable ASCII, got {}",
            shown(value)
        ))
    })?)
}

/// Reads a symbol that must be known: a name that cannot be a symbol is an unknown one.
#[inline]
pub(crate) fn known_symbol(value: Arg<'_, '_>) -> BindingResult<Symbol> {
    possible_symbol(value)?.ok_or_else(|| BindingError::UnknownSymbol(shown(value)))
}

/// Reads a text; lone surrogates, which have no UTF-8 form, become replacement characters.
pub(crate) fn text<'a>(value: Arg<'a, '_>, name: &str) -> PyResult<Cow<'a, str>> {
    value
        .cast::<PyString>()
        .map(|text| text.to_string_lossy())
        .map_err(|_| wrong_type(name, "a str", value))
}

/// Reads the path of a file: a `str`, `bytes`, or what has `__fspath__`.
pub(crate) fn path(value: Arg<'_, '_>) -> PyResult<PathBuf> {
    let py = value.py();
    let has_path = value.is_instance_of::<PyString>() || value.is_instance_of::<PyBytes>();
    if !has_path && !value.hasattr("__fspath__")? {
        return Err(wrong_type(
            "path",
            "a str, bytes or os.PathLike object",
            value,
        ));
    }
    let decode = py.import("os")?.getattr("fsdecode")?;
    let path = decode.call1((value,)).map_err(|error| {
        // What it gives is neither text nor bytes.
        if error.is_instance_of::<PyTypeError>(py) && !has_path {
            wrong_type("path", "a str, bytes or os.PathLike object", value)
        } else {
            error
        }
    })?;
    path.extract()
}

/// Bytes of a `bytes`, or a copy of those of another bytes-like object.
pub(crate) enum BytesLike {
    Bytes(PyBackedBytes),
    Copied(Vec<u8>),
}

impl AsRef<[u8]> for BytesLike {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Copied(bytes) => bytes,
        }
    }
}

/// Reads bytes that stay valid without the interpreter.
pub(crate) fn bytes_like(value: Arg<'_, '_>, name: &str) -> PyResult<BytesLike> {
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(BytesLike::Bytes(bytes.clone().into()));
    }
    PyBuffer::<u8>::get(value)
        .and_then(|buffer| buffer.to_vec(value.py()))
        .map(BytesLike::Copied)
        .map_err(|_| wrong_type(name, "a bytes-like object", value))
}

/// Returns the buffer of an array of `T` in the machine's own byte order; `PyBuffer` looks at size
/// and kind only.
pub(crate) fn native_buffer<T: Element>(value: Arg<'_, '_>) -> Option<PyBuffer<T>> {
    const FOREIGN: &[u8] = if cfg!(target_endian = "little") {
        b">!"
    } else {
        b"<"
    };
    let buffer = PyBuffer::<T>::get(value).ok()?;
    let order = buffer.format().to_bytes().first()?;
    (!FOREIGN.contains(order)).then_some(buffer)
}

/// Returns the items of a mapping or a series of pandas, and anything else as it is.
pub(crate) fn items_of_mapping<'py>(value: Arg<'_, 'py>) -> PyResult<Bound<'py, PyAny>> {
    let is_list = value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>();
    match value.getattr_opt("items") {
        Ok(Some(items)) if !is_list && items.is_callable() => items.call0(),
        _ => Ok(value.clone()),
    }
}

/// Reads a pair: a tuple or a list of two.
pub(crate) fn pair<'py>(item: Arg<'_, 'py>) -> Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    match item.cast::<PyList>() {
        Ok(list) => list.to_tuple().extract().ok(),
        Err(_) => item.extract().ok(),
    }
}

/// The enum members that Rust values become, imported once.
struct Members {
    sides: [Py<PyAny>; 2],
    times_in_force: [Py<PyAny>; 3],
    order_statuses: [Py<PyAny>; 4],
    stop_statuses: [Py<PyAny>; 3],
    feed_kinds: [Py<PyAny>; 11],
    queue_position: Py<PyAny>,
    feed_counts: Py<PyAny>,
}

static MEMBERS: PyOnceLock<Members> = PyOnceLock::new();

impl Members {
    fn import(py: Python<'_>) -> PyResult<Self> {
        let enums = py.import("nanobook._enums")?;
        let types = py.import("nanobook._types")?;
        let members = |class: &str, names: &[&str]| -> PyResult<Vec<Py<PyAny>>> {
            let class = enums.getattr(class)?;
            names
                .iter()
                .map(|name| Ok(class.getattr(*name)?.unbind()))
                .collect()
        };
        Ok(Self {
            sides: exactly(members("Side", &["BUY", "SELL"])?),
            times_in_force: exactly(members("TimeInForce", &["GTC", "IOC", "FOK"])?),
            order_statuses: exactly(members(
                "OrderStatus",
                &["NEW", "PARTIALLY_FILLED", "FILLED", "CANCELLED"],
            )?),
            stop_statuses: exactly(members(
                "StopStatus",
                &["PENDING", "TRIGGERED", "CANCELLED"],
            )?),
            feed_kinds: exactly(members(
                "FeedKind",
                &FeedKind::ALL
                    .map(|kind| kind.as_str().to_uppercase())
                    .each_ref()
                    .map(String::as_str),
            )?),
            queue_position: types.getattr("QueuePosition")?.unbind(),
            feed_counts: types.getattr("FeedCounts")?.unbind(),
        })
    }

    #[inline]
    fn get(py: Python<'_>) -> &'static Self {
        MEMBERS.get(py).expect("the module's init imported them")
    }
}

fn exactly<const N: usize>(members: Vec<Py<PyAny>>) -> [Py<PyAny>; N] {
    members
        .try_into()
        .unwrap_or_else(|_| unreachable!("as many members as names"))
}

/// Imports what the conversions hand out; called once, by the module's init.
pub(crate) fn init(py: Python<'_>) -> PyResult<()> {
    MEMBERS
        .get_or_try_init(py, || Members::import(py))
        .map(drop)
}

/// A Rust enum that is a Python enum's member.
pub(crate) trait Member {
    fn member(self, py: Python<'_>) -> Py<PyAny>;
    /// Returns the member's repr.
    fn shown(self) -> String;
}

impl Member for Side {
    #[inline]
    fn member(self, py: Python<'_>) -> Py<PyAny> {
        Members::get(py).sides[self as usize].clone_ref(py)
    }

    fn shown(self) -> String {
        format!("Side.{}", self.to_string().to_uppercase())
    }
}

impl Member for TimeInForce {
    #[inline]
    fn member(self, py: Python<'_>) -> Py<PyAny> {
        Members::get(py).times_in_force[self as usize].clone_ref(py)
    }

    fn shown(self) -> String {
        format!("TimeInForce.{}", self.to_string().to_uppercase())
    }
}

impl Member for OrderStatus {
    #[inline]
    fn member(self, py: Python<'_>) -> Py<PyAny> {
        Members::get(py).order_statuses[self as usize].clone_ref(py)
    }

    fn shown(self) -> String {
        format!("OrderStatus.{}", self.to_string().to_uppercase())
    }
}

impl Member for StopStatus {
    #[inline]
    fn member(self, py: Python<'_>) -> Py<PyAny> {
        Members::get(py).stop_statuses[self as usize].clone_ref(py)
    }

    fn shown(self) -> String {
        format!("StopStatus.{}", self.to_string().to_uppercase())
    }
}

impl Member for FeedKind {
    #[inline]
    fn member(self, py: Python<'_>) -> Py<PyAny> {
        Members::get(py).feed_kinds[self as usize].clone_ref(py)
    }

    fn shown(self) -> String {
        format!("FeedKind.{}", self.to_string().to_uppercase())
    }
}

/// Returns `FeedCounts`.
pub(crate) fn feed_counts(py: Python<'_>, counts: nanobook::FeedCounts) -> PyResult<Py<PyAny>> {
    Members::get(py).feed_counts.call1(
        py,
        (
            counts.messages,
            counts.unknown_references,
            counts.contradictions,
        ),
    )
}

/// Returns a `QueuePosition`.
pub(crate) fn queue_position(
    py: Python<'_>,
    position: nanobook::QueuePosition,
) -> PyResult<Py<PyAny>> {
    Members::get(py)
        .queue_position
        .call1(py, (position.orders_ahead, position.quantity_ahead))
}

/// Returns a digest as 16 hexadecimal digits.
pub(crate) fn digest(digest: Digest) -> String {
    digest.to_string()
}

/// Returns a symbol's repr, that of its text in Python: it is printable ASCII.
pub(crate) fn shown_symbol(symbol: Symbol) -> String {
    let text = symbol.as_str().replace('\\', "\\\\");
    if text.contains('\'') && !text.contains('"') {
        format!("\"{text}\"")
    } else {
        format!("'{}'", text.replace('\'', "\\'"))
    }
}

/// Returns `None` or the value, as Python writes it.
pub(crate) fn shown_option<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "None".to_owned(), |value| value.to_string())
}

/// Returns a list's repr.
pub(crate) fn shown_list(items: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", items.into_iter().collect::<Vec<_>>().join(", "))
}

/// Returns the same hash for equal values, in every process.
pub(crate) fn hash_of(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Returns what pickle calls to build a value again.
pub(crate) type Reduced<'py, A> = (Bound<'py, PyType>, A);
