//! `FeedMessage`.

use nanobook::{FeedMessage, Price};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString, PyType};

use crate::convert::{self, Arg, Member, Optional, Reduced};
use crate::errors::{invalid, wrong_type};
use crate::records::{self, Cell, Kept, Kind, Record};

/// One message of a venue's feed.
#[pyclass(name = "FeedMessage", module = "nanobook", frozen, eq, hash)]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PyFeedMessage(pub(crate) FeedMessage);

/// The arguments of the constructor, in their order.
type Fields = (
    &'static str,
    u64,
    u16,
    u64,
    u64,
    Option<Py<PyAny>>,
    Option<i64>,
    u64,
    char,
);

/// Reads one message; `name` is what an error calls it.
pub(crate) fn read_one(
    message: &Bound<'_, PyAny>,
    name: impl Fn() -> String,
) -> PyResult<FeedMessage> {
    match message.cast::<PyFeedMessage>() {
        Ok(message) => Ok(message.get().0),
        Err(_) => Err(wrong_type(&name(), "a FeedMessage", message)),
    }
}

fn or_zero<T: convert::Integer + Default>(value: Optional<'_, '_>, name: &str) -> PyResult<T> {
    value
        .get()
        .map_or_else(|| Ok(T::default()), |value| convert::integer(&value, name))
}

fn venue_code(value: Optional<'_, '_>) -> PyResult<u8> {
    let Some(value) = value.get() else {
        return Ok(b'?');
    };
    let Ok(text) = value.cast::<PyString>() else {
        return Err(wrong_type("venue_code", "a str", &value));
    };
    match text.to_string_lossy().as_bytes() {
        [code @ b' '..=b'~'] => Ok(*code),
        _ => Err(invalid(format!(
            "venue_code must be one printable ASCII character, got {}",
            crate::errors::shown(&value)
        ))),
    }
}

#[pymethods]
impl PyFeedMessage {
    #[new]
    #[pyo3(
        signature = (
            kind, timestamp_ns=Optional::ABSENT, instrument=Optional::ABSENT,
            reference=Optional::ABSENT, new_reference=Optional::ABSENT, side=None, price=None,
            quantity=Optional::ABSENT, venue_code=Optional::ABSENT
        ),
        text_signature = "(kind, timestamp_ns=0, instrument=0, reference=0, new_reference=0, side=None, price=None, quantity=0, venue_code='?')"
    )]
    #[expect(clippy::too_many_arguments, reason = "the Python signature")]
    fn new(
        kind: Arg<'_, '_>,
        timestamp_ns: Optional<'_, '_>,
        instrument: Optional<'_, '_>,
        reference: Optional<'_, '_>,
        new_reference: Optional<'_, '_>,
        side: Option<Arg<'_, '_>>,
        price: Option<Arg<'_, '_>>,
        quantity: Optional<'_, '_>,
        venue_code: Optional<'_, '_>,
    ) -> PyResult<Self> {
        Ok(Self(FeedMessage {
            kind: convert::feed_kind(kind, "kind")?,
            venue_code: self::venue_code(venue_code)?,
            timestamp_ns: or_zero(timestamp_ns, "timestamp_ns")?,
            instrument: or_zero(instrument, "instrument")?,
            reference: or_zero(reference, "reference")?,
            new_reference: or_zero(new_reference, "new_reference")?,
            side: side.map(|side| convert::side(side, "side")).transpose()?,
            price: price
                .map(|price| convert::integer(price, "price").map(Price))
                .transpose()?,
            quantity: or_zero(quantity, "quantity")?,
        }))
    }

    /// What it tells.
    #[getter]
    fn kind(&self, py: Python<'_>) -> Py<PyAny> {
        self.0.kind.member(py)
    }

    /// When, in nanoseconds since midnight.
    #[getter]
    fn timestamp_ns(&self) -> u64 {
        self.0.timestamp_ns
    }

    /// The feed's number of the instrument; 0 where a file has only one.
    #[getter]
    fn instrument(&self) -> u16 {
        self.0.instrument
    }

    /// The venue's name of the order; 0 where there is none.
    #[getter]
    fn reference(&self) -> u64 {
        self.0.reference
    }

    /// The name of the order that comes for it, in a replace; otherwise 0.
    #[getter]
    fn new_reference(&self) -> u64 {
        self.0.new_reference
    }

    /// The side of the resting order, also where it traded; ``None`` where it is not told.
    #[getter]
    fn side(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.0.side.map(|side| side.member(py))
    }

    /// A new order's price, or the one something traded at; ``None`` where it is not told.
    #[getter]
    fn price(&self) -> Option<i64> {
        self.0.price.map(|price| price.0)
    }

    /// How much: of a new order, of a trade, or what went off; 0 where it is not told.
    #[getter]
    fn quantity(&self) -> u64 {
        self.0.quantity
    }

    /// The venue's own letter or digit for the kind.
    #[getter]
    fn venue_code(&self) -> char {
        char::from(self.0.venue_code)
    }

    /// Return the fields by name.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("kind", self.kind(py))?;
        dict.set_item("timestamp_ns", self.0.timestamp_ns)?;
        dict.set_item("instrument", self.0.instrument)?;
        dict.set_item("reference", self.0.reference)?;
        dict.set_item("new_reference", self.0.new_reference)?;
        dict.set_item("side", self.side(py))?;
        dict.set_item("price", self.price())?;
        dict.set_item("quantity", self.0.quantity)?;
        dict.set_item("venue_code", self.venue_code())?;
        Ok(dict)
    }

    fn __repr__(&self) -> String {
        let FeedMessage {
            kind,
            venue_code,
            timestamp_ns,
            instrument,
            reference,
            new_reference,
            side,
            price,
            quantity,
        } = self.0;
        let side = convert::shown_option(side.map(Member::shown));
        let price = convert::shown_option(price);
        let code = match char::from(venue_code) {
            code @ ('\'' | '\\') => format!("'\\{code}'"),
            code => format!("'{code}'"),
        };
        format!(
            "FeedMessage(kind={}, timestamp_ns={timestamp_ns}, instrument={instrument}, \
             reference={reference}, new_reference={new_reference}, side={side}, price={price}, \
             quantity={quantity}, venue_code={code})",
            kind.shown()
        )
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> Reduced<'py, Fields> {
        let py = slf.py();
        let message = slf.get();
        (
            PyType::new::<Self>(py),
            (
                message.0.kind.as_str(),
                message.0.timestamp_ns,
                message.0.instrument,
                message.0.reference,
                message.0.new_reference,
                message.side(py),
                message.price(),
                message.0.quantity,
                message.venue_code(),
            ),
        )
    }
}

/// The kinds by their numbers.
const KINDS: Kind = Kind::Code(&[
    "add",
    "execute",
    "reduce",
    "delete",
    "replace",
    "hidden_trade",
    "cross",
    "halt",
    "quote_only",
    "resume",
    "other",
]);

/// The letters of ITCH and the digits of LOBSTER.
const VENUE_CODES: &[&str] = &[
    "A", "B", "C", "D", "E", "F", "H", "I", "J", "K", "L", "N", "O", "P", "Q", "R", "S", "U", "V",
    "W", "X", "Y", "h", "1", "2", "3", "4", "5", "6", "7",
];

fn code_cell(code: u8) -> Cell {
    let place = VENUE_CODES
        .iter()
        .position(|known| known.as_bytes() == [code]);
    place.map_or(Cell::None, |place| {
        Cell::Code(u8::try_from(place).expect("there are few"))
    })
}

impl Record for FeedMessage {
    const FIELDS: &'static [(&'static str, Kind)] = &[
        ("kind", KINDS),
        ("timestamp_ns", Kind::Uint),
        ("instrument", Kind::Uint),
        ("reference", Kind::Uint),
        ("new_reference", Kind::Uint),
        ("side", records::SIDES),
        ("price", Kind::Int),
        ("quantity", Kind::Uint),
        ("venue_code", Kind::Code(VENUE_CODES)),
    ];
    type Cells = [Cell; 9];

    fn cells(&self) -> [Cell; 9] {
        // A name or quantity that is not told is 0 here, as in the message.
        [
            Cell::Code(self.kind as u8),
            Cell::Uint(self.timestamp_ns),
            Cell::Uint(self.instrument.into()),
            Cell::Uint(self.reference),
            Cell::Uint(self.new_reference),
            self.side.map_or(Cell::None, records::side),
            self.price.map_or(Cell::None, |price| Cell::Int(price.0)),
            Cell::Uint(self.quantity),
            code_cell(self.venue_code),
        ]
    }

    fn kept() -> &'static Kept {
        static KEPT: Kept = PyOnceLock::new();
        &KEPT
    }
}

#[cfg(test)]
mod tests {
    use nanobook::FeedKind;

    use super::*;

    #[test]
    fn the_kinds_of_a_table_are_those_of_the_core() {
        let Kind::Code(names) = KINDS else {
            panic!("kinds are categories");
        };
        assert_eq!(names, FeedKind::ALL.map(FeedKind::as_str));
        for (place, kind) in FeedKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place);
        }
    }
}
