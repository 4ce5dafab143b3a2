//! What a row of each table has, and its place in a structured array.

use std::fmt;

use nanobook::{
    BookSnapshot, Event, LevelSnapshot, Order, OrderId, OrderStatus, Price, Side, StopOrder,
    TimeInForce, Trade, TrailMethod,
};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyByteArray, PyDict};

use crate::array;

/// What a column holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Int,
    Uint,
    Float,
    /// A category, by its place among these names.
    Code(&'static [&'static str]),
    /// A category of which there may be many.
    Name,
}

impl Kind {
    /// Returns how NumPy writes it.
    pub(crate) const fn format(self) -> &'static str {
        match self {
            Self::Int => "i8",
            Self::Uint => "u8",
            Self::Float => "f8",
            Self::Code(_) => "u1",
            Self::Name => "i4",
        }
    }

    const fn size(self) -> usize {
        match self {
            Self::Int | Self::Uint | Self::Float => 8,
            Self::Code(_) => 1,
            Self::Name => 4,
        }
    }
}

/// One value of a row.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cell {
    Int(i64),
    Uint(u64),
    Float(f64),
    Code(u8),
    Name(i32),
    /// The row has no such value: null in Arrow, and in NumPy 0, NaN or [`NO_CODE`].
    None,
}

/// The code where a row has no such category.
pub(crate) const NO_CODE: u8 = u8::MAX;

impl Cell {
    #[inline]
    pub(crate) fn int(self) -> i64 {
        match self {
            Self::Int(value) => value,
            _ => 0,
        }
    }

    #[inline]
    pub(crate) fn uint(self) -> u64 {
        match self {
            Self::Uint(value) => value,
            _ => 0,
        }
    }

    #[inline]
    pub(crate) fn float(self) -> f64 {
        match self {
            Self::Float(value) => value,
            _ => f64::NAN,
        }
    }

    #[inline]
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Code(value) => value,
            _ => NO_CODE,
        }
    }

    #[inline]
    pub(crate) fn name(self) -> i32 {
        match self {
            Self::Name(value) => value,
            _ => -1,
        }
    }

    pub(crate) fn object(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        Ok(match self {
            Self::Int(value) => value.into_pyobject(py)?.into_any(),
            Self::Uint(value) => value.into_pyobject(py)?.into_any(),
            Self::Float(value) => value.into_pyobject(py)?.into_any(),
            Self::Code(value) => value.into_pyobject(py)?.into_any(),
            Self::Name(value) => value.into_pyobject(py)?.into_any(),
            Self::None => py.None().into_bound(py),
        })
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(value) => value.fmt(f),
            Self::Uint(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::Code(value) => value.fmt(f),
            Self::Name(value) => value.fmt(f),
            Self::None => Ok(()),
        }
    }
}

/// A row of a table.
pub(crate) trait Record {
    /// The names of the columns, and what they hold.
    const FIELDS: &'static [(&'static str, Kind)];
    type Cells: IntoIterator<Item = Cell>;

    /// Returns the values in the order of the fields.
    fn cells(&self) -> Self::Cells;

    /// Returns where the type of NumPy is kept.
    fn kept() -> &'static Kept;
}

/// A type of NumPy, its layout and the function that makes an array of bytes.
pub(crate) type Kept = PyOnceLock<(Layout, Py<PyAny>)>;

/// Where the fields of a structured array are: aligned, as C does it.
#[derive(Debug)]
pub(crate) struct Layout {
    fields: Vec<(usize, Kind)>,
    pub(crate) size: usize,
}

impl Layout {
    pub(crate) fn new(fields: &[(&str, Kind)]) -> Self {
        let mut end = 0_usize;
        let mut align = 1;
        let fields = fields.iter().map(|(_, kind)| {
            let start = end.next_multiple_of(kind.size());
            end = start + kind.size();
            align = align.max(kind.size());
            (start, *kind)
        });
        let fields = fields.collect();
        Self {
            fields,
            size: end.next_multiple_of(align),
        }
    }

    /// Writes a row.
    #[inline]
    pub(crate) fn write(&self, row: &mut [u8], cells: impl IntoIterator<Item = Cell>) {
        for (&(start, kind), cell) in self.fields.iter().zip(cells) {
            match kind {
                Kind::Int => row[start..start + 8].copy_from_slice(&cell.int().to_ne_bytes()),
                Kind::Uint => row[start..start + 8].copy_from_slice(&cell.uint().to_ne_bytes()),
                Kind::Float => row[start..start + 8].copy_from_slice(&cell.float().to_ne_bytes()),
                Kind::Code(_) => row[start] = cell.code(),
                Kind::Name => row[start..start + 4].copy_from_slice(&cell.name().to_ne_bytes()),
            }
        }
    }
}

/// Returns the type of a structured array.
pub(crate) fn dtype<'py>(
    py: Python<'py>,
    fields: &[(&str, Kind)],
    layout: &Layout,
) -> PyResult<Bound<'py, PyAny>> {
    let numpy = array::numpy(py)?;
    let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    let formats: Vec<&str> = fields.iter().map(|(_, kind)| kind.format()).collect();
    let offsets: Vec<usize> = layout.fields.iter().map(|(start, _)| *start).collect();
    let described = PyDict::new(py);
    described.set_item("names", names)?;
    described.set_item("formats", formats)?;
    described.set_item("offsets", offsets)?;
    described.set_item("itemsize", layout.size)?;
    numpy.call_method1("dtype", (described,))
}

/// Returns bytes as an array of a type.
pub(crate) fn structured<'py>(
    bytes: &Bound<'py, PyByteArray>,
    dtype: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    static FROM_BUFFER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = bytes.py();
    let from_buffer = FROM_BUFFER.get_or_try_init(py, || {
        let numpy = array::numpy(py)?;
        PyResult::Ok(numpy.getattr("frombuffer")?.unbind())
    })?;
    from_buffer.bind(py).call1((bytes, dtype))
}

/// Returns records as a structured array, written straight into its memory.
pub(crate) fn to_array<R: Record>(
    py: Python<'_>,
    rows: impl ExactSizeIterator<Item = R>,
) -> PyResult<Bound<'_, PyAny>> {
    let (layout, dtype) = R::kept().get_or_try_init(py, || {
        let layout = Layout::new(R::FIELDS);
        let dtype = dtype(py, R::FIELDS, &layout)?.unbind();
        PyResult::Ok((layout, dtype))
    })?;
    let bytes = PyByteArray::new_with(py, rows.len() * layout.size, |bytes| {
        for (bytes, row) in bytes.chunks_exact_mut(layout.size).zip(rows) {
            layout.write(bytes, row.cells());
        }
        Ok(())
    })?;
    structured(&bytes, dtype.bind(py))
}

pub(crate) const SIDES: Kind = Kind::Code(&["buy", "sell"]);
pub(crate) const TIMES_IN_FORCE: Kind = Kind::Code(&["gtc", "ioc", "fok"]);
const STOP_STATUSES: Kind = Kind::Code(&["pending", "triggered", "cancelled"]);
const ORDER_STATUSES: Kind = Kind::Code(&["new", "partially_filled", "filled", "cancelled"]);

pub(crate) const fn side(side: Side) -> Cell {
    Cell::Code(side as u8)
}

pub(crate) const fn time_in_force(tif: TimeInForce) -> Cell {
    Cell::Code(tif as u8)
}

const fn order_status(status: OrderStatus) -> Cell {
    Cell::Code(status as u8)
}

fn price(price: Option<Price>) -> Cell {
    price.map_or(Cell::None, |Price(price)| Cell::Int(price))
}

fn order_id(order_id: Option<OrderId>) -> Cell {
    order_id.map_or(Cell::None, |OrderId(id)| Cell::Uint(id))
}

/// Returns how a stop trails: the type, a fixed offset, the value of another trail, the period.
fn trail(method: Option<TrailMethod>) -> [Cell; 4] {
    match method {
        None => [Cell::None; 4],
        Some(TrailMethod::Fixed(offset)) => {
            [Cell::Code(0), Cell::Int(offset), Cell::None, Cell::None]
        }
        Some(TrailMethod::Percentage(fraction)) => {
            [Cell::Code(1), Cell::None, Cell::Float(fraction), Cell::None]
        }
        Some(TrailMethod::Atr { multiplier, period }) => {
            let period = Cell::Uint(period.into());
            [Cell::Code(2), Cell::None, Cell::Float(multiplier), period]
        }
    }
}

impl Record for Trade {
    const FIELDS: &'static [(&'static str, Kind)] = &[
        ("trade_id", Kind::Uint),
        ("price", Kind::Int),
        ("quantity", Kind::Uint),
        ("aggressor_order_id", Kind::Uint),
        ("passive_order_id", Kind::Uint),
        ("aggressor_side", SIDES),
        ("timestamp", Kind::Uint),
    ];
    type Cells = [Cell; 7];

    #[inline]
    fn cells(&self) -> [Cell; 7] {
        [
            Cell::Uint(self.id.0),
            Cell::Int(self.price.0),
            Cell::Uint(self.quantity),
            Cell::Uint(self.aggressor_order_id.0),
            Cell::Uint(self.passive_order_id.0),
            side(self.aggressor_side),
            Cell::Uint(self.timestamp),
        ]
    }

    fn kept() -> &'static Kept {
        static KEPT: Kept = PyOnceLock::new();
        &KEPT
    }
}

impl Record for Order {
    const FIELDS: &'static [(&'static str, Kind)] = &[
        ("id", Kind::Uint),
        ("side", SIDES),
        ("price", Kind::Int),
        ("original_quantity", Kind::Uint),
        ("remaining_quantity", Kind::Uint),
        ("filled_quantity", Kind::Uint),
        ("cancelled_quantity", Kind::Uint),
        ("timestamp", Kind::Uint),
        ("time_in_force", TIMES_IN_FORCE),
        ("status", ORDER_STATUSES),
    ];
    type Cells = [Cell; 10];

    #[inline]
    fn cells(&self) -> [Cell; 10] {
        [
            Cell::Uint(self.id.0),
            side(self.side),
            Cell::Int(self.price.0),
            Cell::Uint(self.original_quantity),
            Cell::Uint(self.remaining_quantity),
            Cell::Uint(self.filled_quantity),
            Cell::Uint(self.cancelled_quantity),
            Cell::Uint(self.timestamp),
            time_in_force(self.time_in_force),
            order_status(self.status),
        ]
    }

    fn kept() -> &'static Kept {
        static KEPT: Kept = PyOnceLock::new();
        &KEPT
    }
}

impl Record for StopOrder {
    const FIELDS: &'static [(&'static str, Kind)] = &[
        ("id", Kind::Uint),
        ("side", SIDES),
        ("stop_price", Kind::Int),
        ("limit_price", Kind::Int),
        ("quantity", Kind::Uint),
        ("time_in_force", TIMES_IN_FORCE),
        ("timestamp", Kind::Uint),
        ("status", STOP_STATUSES),
        ("trail_type", Kind::Code(TRAIL_TYPES)),
        ("trail_offset", Kind::Int),
        ("trail_value", Kind::Float),
        ("atr_period", Kind::Uint),
        ("watermark", Kind::Int),
        ("triggered_order_id", Kind::Uint),
    ];
    type Cells = [Cell; 14];

    fn cells(&self) -> [Cell; 14] {
        let [trail_type, offset, value, period] = trail(self.trail_method);
        [
            Cell::Uint(self.id.0),
            side(self.side),
            Cell::Int(self.stop_price.0),
            price(self.limit_price),
            Cell::Uint(self.quantity),
            time_in_force(self.time_in_force),
            Cell::Uint(self.timestamp),
            Cell::Code(self.status as u8),
            trail_type,
            offset,
            value,
            period,
            price(self.watermark),
            order_id(self.triggered_order_id),
        ]
    }

    fn kept() -> &'static Kept {
        static KEPT: Kept = PyOnceLock::new();
        &KEPT
    }
}

/// A price level and its side.
pub(crate) struct Level<'a>(pub(crate) Side, pub(crate) &'a LevelSnapshot);

impl Record for Level<'_> {
    const FIELDS: &'static [(&'static str, Kind)] = &[
        ("side", SIDES),
        ("price", Kind::Int),
        ("quantity", Kind::Uint),
        ("order_count", Kind::Uint),
    ];
    type Cells = [Cell; 4];

    #[inline]
    fn cells(&self) -> [Cell; 4] {
        let Self(level_side, level) = self;
        [
            side(*level_side),
            Cell::Int(level.price.0),
            Cell::Uint(level.quantity),
            Cell::Uint(level.order_count as u64),
        ]
    }

    fn kept() -> &'static Kept {
        static KEPT: Kept = PyOnceLock::new();
        &KEPT
    }
}

/// The levels of a snapshot: bids, best first, and then asks.
pub(crate) fn levels(book: &BookSnapshot) -> impl ExactSizeIterator<Item = Level<'_>> {
    let bids = book.bids.len();
    (0..bids + book.asks.len()).map(move |place| match book.bids.get(place) {
        Some(level) => Level(Side::Buy, level),
        None => Level(Side::Sell, &book.asks[place - bids]),
    })
}

/// The kinds of events, by their codes.
pub(crate) const EVENT_KINDS: &[&str] = &[
    "submit_limit",
    "submit_market",
    "cancel",
    "modify",
    "reduce",
    "submit_stop_market",
    "submit_stop_limit",
    "submit_trailing_stop_market",
    "submit_trailing_stop_limit",
];

/// How stops trail, by their codes.
pub(crate) const TRAIL_TYPES: &[&str] = &["fixed", "percentage", "atr"];

const fn kind_code(event: &Event) -> u8 {
    match event {
        Event::SubmitLimit { .. } => 0,
        Event::SubmitMarket { .. } => 1,
        Event::Cancel { .. } => 2,
        Event::Modify { .. } => 3,
        Event::Reduce { .. } => 4,
        Event::SubmitStopMarket { .. } => 5,
        Event::SubmitStopLimit { .. } => 6,
        Event::SubmitTrailingStopMarket { .. } => 7,
        Event::SubmitTrailingStopLimit { .. } => 8,
    }
}

/// The fields of an event of any kind, under the names of its columns.
#[derive(Default)]
struct Flat {
    side: Option<Side>,
    tif: Option<TimeInForce>,
    trail: Option<TrailMethod>,
    price: Option<Price>,
    quantity: Option<u64>,
    order_id: Option<OrderId>,
    stop_price: Option<Price>,
}

impl Flat {
    fn new(event: &Event) -> Self {
        match *event {
            Event::SubmitLimit {
                side,
                price,
                quantity,
                time_in_force,
            } => Self {
                side: Some(side),
                price: Some(price),
                quantity: Some(quantity),
                tif: Some(time_in_force),
                ..Self::default()
            },
            Event::SubmitMarket { side, quantity } => Self {
                side: Some(side),
                quantity: Some(quantity),
                ..Self::default()
            },
            Event::Cancel { order_id } => Self {
                order_id: Some(order_id),
                ..Self::default()
            },
            Event::Modify {
                order_id,
                new_price,
                new_quantity,
            } => Self {
                order_id: Some(order_id),
                price: Some(new_price),
                quantity: Some(new_quantity),
                ..Self::default()
            },
            Event::Reduce { order_id, quantity } => Self {
                order_id: Some(order_id),
                quantity: Some(quantity),
                ..Self::default()
            },
            Event::SubmitStopMarket {
                side,
                stop_price,
                quantity,
            } => Self {
                side: Some(side),
                stop_price: Some(stop_price),
                quantity: Some(quantity),
                ..Self::default()
            },
            Event::SubmitStopLimit {
                side,
                stop_price,
                limit_price,
                quantity,
                time_in_force,
            } => Self {
                side: Some(side),
                stop_price: Some(stop_price),
                price: Some(limit_price),
                quantity: Some(quantity),
                tif: Some(time_in_force),
                ..Self::default()
            },
            Event::SubmitTrailingStopMarket {
                side,
                initial_stop_price,
                quantity,
                trail_method,
            } => Self {
                side: Some(side),
                stop_price: Some(initial_stop_price),
                quantity: Some(quantity),
                trail: Some(trail_method),
                ..Self::default()
            },
            Event::SubmitTrailingStopLimit {
                side,
                initial_stop_price,
                limit_price,
                quantity,
                time_in_force,
                trail_method,
            } => Self {
                side: Some(side),
                stop_price: Some(initial_stop_price),
                price: Some(limit_price),
                quantity: Some(quantity),
                tif: Some(time_in_force),
                trail: Some(trail_method),
                ..Self::default()
            },
        }
    }
}

impl Record for Event {
    const FIELDS: &'static [(&'static str, Kind)] = &[
        ("kind", Kind::Code(EVENT_KINDS)),
        ("side", SIDES),
        ("tif", TIMES_IN_FORCE),
        ("trail_type", Kind::Code(TRAIL_TYPES)),
        ("price", Kind::Int),
        ("quantity", Kind::Uint),
        ("order_id", Kind::Uint),
        ("stop_price", Kind::Int),
        ("trail_offset", Kind::Int),
        ("trail_value", Kind::Float),
        ("atr_period", Kind::Uint),
    ];
    type Cells = [Cell; 11];

    fn cells(&self) -> [Cell; 11] {
        let flat = Flat::new(self);
        let [trail_type, offset, value, period] = trail(flat.trail);
        [
            Cell::Code(kind_code(self)),
            flat.side.map_or(Cell::None, side),
            flat.tif.map_or(Cell::None, time_in_force),
            trail_type,
            price(flat.price),
            flat.quantity.map_or(Cell::None, Cell::Uint),
            order_id(flat.order_id),
            price(flat.stop_price),
            offset,
            value,
            period,
        ]
    }

    fn kept() -> &'static Kept {
        static KEPT: Kept = PyOnceLock::new();
        &KEPT
    }
}
