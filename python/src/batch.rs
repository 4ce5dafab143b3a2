//! Commands as columns: from tables to events, and on to exchanges without the interpreter.

use std::collections::BTreeMap;
use std::fmt::Write;

use arrow_array::{Array, Float64Array};
use nanobook::{
    Event, Exchange, MultiError, MultiExchange, OrderId, Outcome, Price, Symbol, Trade, TrailMethod,
};
use pyo3::prelude::*;

use crate::batch_result::{Outcomes, PyBatchResult};
use crate::columns::{self, Column, Integers, SIGNALS_EVERY, UNKNOWN};
use crate::convert::{Arg, SIDES, TIMES_IN_FORCE, TRAIL_TYPES, TrailType};
use crate::errors::{BatchError, BindingResult, invalid, shown};
use crate::records::{EVENT_KINDS, NO_CODE};

/// The columns of events; those of a batch are more.
const COLUMNS: &[&str] = &[
    "kind",
    "side",
    "tif",
    "trail_type",
    "price",
    "quantity",
    "order_id",
    "stop_price",
    "trail_offset",
    "trail_value",
    "atr_period",
];

/// Where commands go, which says what other columns they have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Replay,
    Batch,
    /// To the exchanges of many symbols.
    MultiBatch,
}

impl Purpose {
    const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Replay => &[],
            Self::Batch => &["order_row"],
            Self::MultiBatch => &["order_row", "symbol"],
        }
    }
}

/// What is wrong with a row.
#[derive(Debug)]
pub(crate) struct Bad {
    pub(crate) column: &'static str,
    /// Why, up to the value: "must be at least 1".
    rule: String,
}

impl Bad {
    #[cold]
    pub(crate) fn new(column: &'static str, rule: impl Into<String>) -> Self {
        Self {
            column,
            rule: rule.into(),
        }
    }
}

/// The columns of commands, ready to become events without the interpreter.
pub(crate) struct Commands {
    columns: Vec<Column>,
    kind: Vec<u8>,
    side: Option<Vec<u8>>,
    tif: Option<Vec<u8>>,
    trail_type: Option<Vec<u8>>,
    price: Option<Integers>,
    quantity: Option<Integers>,
    order_id: Option<Integers>,
    stop_price: Option<Integers>,
    trail_offset: Option<Integers>,
    trail_value: Option<Float64Array>,
    atr_period: Option<Integers>,
    order_row: Option<Integers>,
    symbol: Option<Symbols>,
}

/// A column of symbols: each row's place among the names.
struct Symbols {
    places: Vec<usize>,
    /// `None` for a name that cannot be a symbol.
    names: Vec<Option<Symbol>>,
}

impl Symbols {
    const NONE: usize = usize::MAX;

    fn read(py: Python<'_>, column: &Column) -> PyResult<Self> {
        let mut names = Vec::new();
        let mut known = BTreeMap::new();
        let places = column.each_text(py, Self::NONE, |text| {
            if let Some(place) = known.get(text) {
                return *place;
            }
            names.push(Symbol::try_new(text).ok());
            known.insert(text.to_owned(), names.len() - 1);
            names.len() - 1
        })?;
        Ok(Self { places, names })
    }
}

/// Returns the columns that every row of a kind needs.
fn needs(kind: u8) -> &'static [&'static str] {
    match kind {
        0 => &["side", "price", "quantity"],
        1 => &["side", "quantity"],
        2 => &["order_id"],
        3 => &["order_id", "price", "quantity"],
        4 => &["order_id", "quantity"],
        5 => &["side", "stop_price", "quantity"],
        6 => &["side", "stop_price", "price", "quantity"],
        7 => &["side", "stop_price", "quantity", "trail_type"],
        8 => &["side", "stop_price", "price", "quantity", "trail_type"],
        _ => &[],
    }
}

/// Returns the columns that rows of a kind may have beside those they need.
fn may_have(kind: u8) -> &'static [&'static str] {
    match kind {
        0 | 6 => &["tif"],
        2..=4 => &["order_row"],
        7 => &["trail_offset", "trail_value", "atr_period"],
        8 => &["tif", "trail_offset", "trail_value", "atr_period"],
        _ => &[],
    }
}

/// Returns the columns that any of these kinds looks at.
fn needed_by(kinds: &[u8]) -> Vec<&'static str> {
    let mut seen = [false; 256];
    for kind in kinds {
        seen[usize::from(*kind)] = true;
    }
    (0..=u8::MAX)
        .filter(|kind| seen[usize::from(*kind)])
        .flat_map(|kind| [needs(kind), may_have(kind)].concat())
        .collect()
}

/// Returns the place of a kind's name, in any spelling.
fn kind_of(text: &str) -> Option<u8> {
    let fold = |text: &str| text.replace('_', "").to_ascii_lowercase();
    let is_named = |name: &&str| **name == *text || fold(name) == fold(text);
    let place = EVENT_KINDS.iter().position(is_named)?;
    u8::try_from(place).ok()
}

impl Commands {
    /// Reads the columns; `name` is that of the argument.
    pub(crate) fn read(data: Arg<'_, '_>, name: &str, purpose: Purpose) -> PyResult<Self> {
        let columns = columns::read(data, name)?;
        check_names(&columns, name, purpose)?;
        let py = data.py();
        let find = |name: &str| columns.iter().find(|column| column.name == name);
        let kind = find("kind").map(|column| column.codes(py, 9, kind_of));
        let Some(kind) = kind.transpose()? else {
            return Err(invalid(format!("{name} must have a column 'kind'")));
        };
        let needed = needed_by(&kind);
        let find_needed = |name: &str, letters: &str| match find(name) {
            Some(column) if !needed.contains(&name) && column.may_stay_unread(py, letters)? => {
                PyResult::Ok(None)
            }
            column => Ok(column),
        };
        let codes = |name: &str, count, code_of: &dyn Fn(&str) -> Option<u8>| {
            let column = find_needed(name, "iu")?;
            column
                .map(|column| column.codes(py, count, code_of))
                .transpose()
        };
        let integers = |name: &str| {
            let column = find_needed(name, "iu")?;
            column.map(|column| column.integers(py)).transpose()
        };
        let floats = |name: &str| {
            let column = find_needed(name, "iuf")?;
            column.map(|column| column.floats(py)).transpose()
        };
        let symbols = find("symbol").map(|column| Symbols::read(py, column));
        let commands = Self {
            side: codes("side", 2, &|text| SIDES.find(text).map(|side| side as u8))?,
            tif: codes("tif", 3, &|text| {
                TIMES_IN_FORCE.find(text).map(|tif| tif as u8)
            })?,
            trail_type: codes("trail_type", 3, &|text| {
                TRAIL_TYPES.find(text).map(|trail_type| trail_type as u8)
            })?,
            price: integers("price")?,
            quantity: integers("quantity")?,
            order_id: integers("order_id")?,
            stop_price: integers("stop_price")?,
            trail_offset: integers("trail_offset")?,
            trail_value: floats("trail_value")?,
            atr_period: integers("atr_period")?,
            order_row: integers("order_row")?,
            symbol: symbols.transpose()?,
            kind,
            columns,
        };
        if purpose == Purpose::MultiBatch && commands.symbol.is_none() {
            return Err(invalid(format!("{name} must have a column 'symbol'")));
        }
        commands.check_needs()?;
        Ok(commands)
    }

    pub(crate) fn len(&self) -> usize {
        self.kind.len()
    }

    fn has(&self, name: &str) -> bool {
        let has = |name| self.columns.iter().any(|column| column.name == name);
        has(name) || (name == "order_id" && has("order_row"))
    }

    /// Checks that there is every column that a row needs.
    fn check_needs(&self) -> PyResult<()> {
        let mut seen = [false; 256];
        for (row, &kind) in self.kind.iter().enumerate() {
            if kind >= 7 && !seen[usize::from(kind)] {
                self.check_trail(row, kind)?;
                continue;
            }
            if !std::mem::replace(&mut seen[usize::from(kind)], true) {
                self.check_columns(kind, needs(kind))?;
            }
        }
        Ok(())
    }

    fn check_trail(&self, row: usize, kind: u8) -> PyResult<()> {
        self.check_columns(kind, needs(kind))?;
        let trail_type = self.trail_type.as_ref().map(|types| types[row]);
        self.check_columns(
            kind,
            match trail_type {
                Some(0) => &["trail_offset"],
                Some(1) => &["trail_value"],
                Some(2) => &["trail_value", "atr_period"],
                _ => &[],
            },
        )
    }

    fn check_columns(&self, kind: u8, names: &[&str]) -> PyResult<()> {
        match names.iter().find(|name| !self.has(name)) {
            None => Ok(()),
            Some(name) => Err(invalid(format!(
                "no column '{name}', which '{}' needs",
                EVENT_KINDS[usize::from(kind)]
            ))),
        }
    }

    /// Returns the command of a row; `orders` are those that the rows before it are about.
    #[inline]
    pub(crate) fn event(&self, row: usize, orders: &[u64]) -> Result<Event, Bad> {
        Ok(match self.kind[row] {
            0 => Event::SubmitLimit {
                side: self.side(row)?,
                price: self.price(row)?,
                quantity: self.quantity(row)?,
                time_in_force: self.tif(row)?,
            },
            1 => Event::SubmitMarket {
                side: self.side(row)?,
                quantity: self.quantity(row)?,
            },
            2 => Event::Cancel {
                order_id: self.order_id(row, orders)?,
            },
            3 => Event::Modify {
                order_id: self.order_id(row, orders)?,
                new_price: self.price(row)?,
                new_quantity: self.quantity(row)?,
            },
            4 => Event::Reduce {
                order_id: self.order_id(row, orders)?,
                quantity: self.quantity(row)?,
            },
            5 => Event::SubmitStopMarket {
                side: self.side(row)?,
                stop_price: self.stop_price(row)?,
                quantity: self.quantity(row)?,
            },
            6 => Event::SubmitStopLimit {
                side: self.side(row)?,
                stop_price: self.stop_price(row)?,
                limit_price: self.price(row)?,
                quantity: self.quantity(row)?,
                time_in_force: self.tif(row)?,
            },
            7 => Event::SubmitTrailingStopMarket {
                side: self.side(row)?,
                initial_stop_price: self.stop_price(row)?,
                quantity: self.quantity(row)?,
                trail_method: self.trail_method(row)?,
            },
            8 => Event::SubmitTrailingStopLimit {
                side: self.side(row)?,
                initial_stop_price: self.stop_price(row)?,
                limit_price: self.price(row)?,
                quantity: self.quantity(row)?,
                time_in_force: self.tif(row)?,
                trail_method: self.trail_method(row)?,
            },
            NO_CODE => return Err(Bad::new("kind", "must have a value")),
            _ => {
                return Err(Bad::new(
                    "kind",
                    "must be the name of a command: 'submit_limit', 'cancel', ...",
                ));
            }
        })
    }

    #[inline]
    fn side(&self, row: usize) -> Result<nanobook::Side, Bad> {
        match code(self.side.as_deref(), row) {
            0 => Ok(nanobook::Side::Buy),
            1 => Ok(nanobook::Side::Sell),
            code => Err(wrong_code("side", code, SIDES.expected)),
        }
    }

    /// Returns GTC where the row says nothing.
    #[inline]
    fn tif(&self, row: usize) -> Result<nanobook::TimeInForce, Bad> {
        match code(self.tif.as_deref(), row) {
            0 | NO_CODE => Ok(nanobook::TimeInForce::GTC),
            1 => Ok(nanobook::TimeInForce::IOC),
            2 => Ok(nanobook::TimeInForce::FOK),
            code => Err(wrong_code("tif", code, TIMES_IN_FORCE.expected)),
        }
    }

    #[inline]
    fn price(&self, row: usize) -> Result<Price, Bad> {
        number(self.price.as_ref(), "price", row).map(Price)
    }

    #[inline]
    fn stop_price(&self, row: usize) -> Result<Price, Bad> {
        number(self.stop_price.as_ref(), "stop_price", row).map(Price)
    }

    #[inline]
    fn quantity(&self, row: usize) -> Result<u64, Bad> {
        number(self.quantity.as_ref(), "quantity", row)
    }

    #[inline]
    fn order_id(&self, row: usize, orders: &[u64]) -> Result<OrderId, Bad> {
        match &self.order_row {
            Some(rows) if !rows.is_null(row) && rows.get::<i64>(row) != Some(-1) => {
                self.order_of(rows, row, orders)
            }
            Some(rows) if rows.odd(row).is_some() => Err(not_earlier()),
            _ => number(self.order_id.as_ref(), "order_id", row).map(OrderId),
        }
    }

    /// Returns the order that an earlier row is about.
    fn order_of(&self, rows: &Integers, row: usize, orders: &[u64]) -> Result<OrderId, Bad> {
        let earlier = rows.get::<usize>(row).filter(|earlier| *earlier < row);
        let Some(earlier) = earlier else {
            return Err(not_earlier());
        };
        if let Some(symbols) = &self.symbol {
            if symbols.places[earlier] != symbols.places[row] {
                let rule = "must be a row of the same symbol";
                return Err(Bad::new("order_row", rule));
            }
        }
        let is_given = |ids: &Integers| {
            if ids.is_null(row) {
                ids.odd(row).is_some()
            } else {
                ids.get::<u64>(row) != Some(0)
            }
        };
        if self.order_id.as_ref().is_some_and(is_given) {
            let rule = "must be -1 or null where there is an order_id";
            return Err(Bad::new("order_row", rule));
        }
        Ok(OrderId(orders[earlier]))
    }

    /// Returns the place of a row's symbol among the names, and the symbol.
    fn symbol(&self, row: usize) -> Result<(usize, Symbol), Bad> {
        let symbols = self.symbol.as_ref();
        let symbols = symbols.expect("a batch for many symbols has them");
        let place = symbols.places[row];
        match symbols.names.get(place) {
            Some(Some(symbol)) => Ok((place, *symbol)),
            Some(None) => {
                let rule = "must be 1 to 24 bytes of printable ASCII";
                Err(Bad::new("symbol", rule))
            }
            None => Err(Bad::new("symbol", "must have a value")),
        }
    }

    fn trail_method(&self, row: usize) -> Result<TrailMethod, Bad> {
        let value = || match &self.trail_value {
            Some(values) if !values.is_null(row) => Ok(values.value(row)),
            _ => Err(Bad::new("trail_value", "must have a value")),
        };
        match code(self.trail_type.as_deref(), row) {
            code if code == TrailType::Fixed as u8 => {
                let offset = number(self.trail_offset.as_ref(), "trail_offset", row);
                offset.map(TrailMethod::Fixed)
            }
            code if code == TrailType::Percentage as u8 => value().map(TrailMethod::Percentage),
            code if code == TrailType::Atr as u8 => Ok(TrailMethod::Atr {
                multiplier: value()?,
                period: number(self.atr_period.as_ref(), "atr_period", row)?,
            }),
            code => Err(wrong_code("trail_type", code, TRAIL_TYPES.expected)),
        }
    }

    /// Returns the value that a row is refused for.
    pub(crate) fn value<'py>(
        &self,
        py: Python<'py>,
        bad: &Bad,
        row: usize,
    ) -> Option<Bound<'py, PyAny>> {
        let column = self.columns.iter().find(|column| column.name == bad.column);
        column.and_then(|column| column.value(py, row))
    }

    /// Returns what a message says of a bad row.
    pub(crate) fn message(&self, py: Python<'_>, bad: &Bad, row: usize) -> String {
        let mut text = format!("row {row}: column '{}' {}", bad.column, bad.rule);
        if let Some(value) = self.value(py, bad, row) {
            // Writing to a string cannot fail.
            let _ = write!(text, ", got {}", shown(&value));
        }
        text
    }

    /// Returns the exchange that the commands lead to.
    pub(crate) fn replay(&self, py: Python<'_>) -> BindingResult<Exchange> {
        let replayed = replay(py, self.len(), |exchange, row| {
            let event = self.event(row, &[])?;
            exchange.apply(&event).map_err(|error| refused(&error))
        });
        replayed?.map_err(|(row, bad)| invalid(self.message(py, &bad, row)).into())
    }
}

/// Returns the exchange that so many commands lead to, or the first that failed. Without the
/// interpreter, but for a look at signals now and then.
pub(crate) fn replay<E: Send>(
    py: Python<'_>,
    commands: usize,
    apply: impl Fn(&mut Exchange, usize) -> Result<Outcome, E> + Sync,
) -> PyResult<Result<Exchange, (usize, E)>> {
    let mut exchange = Exchange::new();
    for start in (0..commands).step_by(SIGNALS_EVERY) {
        let end = commands.min(start + SIGNALS_EVERY);
        let done = py.detach(|| {
            (start..end).try_for_each(|place| match apply(&mut exchange, place) {
                Ok(_) => Ok(()),
                Err(error) => Err((place, error)),
            })
        });
        if let Err(failed) = done {
            return Ok(Err(failed));
        }
        py.check_signals()?;
    }
    Ok(Ok(exchange))
}

/// Returns the bad value of a command that the exchange refused.
#[cold]
pub(crate) fn refused(error: &nanobook::ValidationError) -> Bad {
    use nanobook::ValidationError as Error;
    let below = || format!("must be positive and below {}", Price::MAX);
    match error {
        Error::ZeroQuantity => Bad::new("quantity", "must be at least 1"),
        Error::InvalidPrice(_) => Bad::new("price", below()),
        Error::InvalidStopPrice(_) => Bad::new("stop_price", below()),
        Error::InvalidTrailOffset(_) => Bad::new("trail_offset", "must be at least 1"),
        Error::InvalidTrailPercentage(_) => {
            Bad::new("trail_value", "must be a fraction between 0 and 1")
        }
        Error::InvalidTrailMultiplier(_) => Bad::new("trail_value", "must be positive and finite"),
        Error::InvalidTrailPeriod(_) => Bad::new("atr_period", "must be 1 to 1024"),
        error => Bad::new("quantity", format!("is too large: {error}")),
    }
}

fn check_names(columns: &[Column], name: &str, purpose: Purpose) -> PyResult<()> {
    let known = [COLUMNS, purpose.columns()].concat();
    for (place, column) in columns.iter().enumerate() {
        if !known.contains(&column.name.as_str()) {
            return Err(invalid(format!(
                "{name} has the unknown column '{}': there are {}",
                column.name.escape_debug(),
                known.join(", ")
            )));
        }
        if columns[..place]
            .iter()
            .any(|other| other.name == column.name)
        {
            return Err(columns::twice(name, &column.name));
        }
    }
    Ok(())
}

#[inline]
fn code(codes: Option<&[u8]>, row: usize) -> u8 {
    codes.map_or(NO_CODE, |codes| codes[row])
}

#[cold]
fn wrong_code(column: &'static str, code: u8, expected: &str) -> Bad {
    debug_assert!(code == NO_CODE || code == UNKNOWN);
    Bad::new(column, format!("must be {expected}"))
}

#[inline]
fn number<T: TryFrom<i64> + TryFrom<u64>>(
    column: Option<&Integers>,
    name: &'static str,
    row: usize,
) -> Result<T, Bad> {
    match column {
        Some(values) if !values.is_null(row) => {
            values.get(row).ok_or_else(|| out_of_range::<T>(name))
        }
        _ => Err(no_number::<T>(column, name, row)),
    }
}

#[cold]
fn not_earlier() -> Bad {
    Bad::new("order_row", "must be an earlier row, or -1 for none")
}

#[cold]
fn no_number<T>(column: Option<&Integers>, name: &'static str, row: usize) -> Bad {
    match column.and_then(|values| values.odd(row)) {
        None => Bad::new(name, "must have a value"),
        Some(false) => Bad::new(name, "must be an integer"),
        Some(true) => out_of_range::<T>(name),
    }
}

#[cold]
fn out_of_range<T>(name: &'static str) -> Bad {
    let is_price = matches!(name, "price" | "stop_price" | "trail_offset");
    let bits = 8 * size_of::<T>();
    if is_price {
        Bad::new(name, format!("must fit in {bits} bits"))
    } else {
        Bad::new(
            name,
            format!("must not be negative, and fit in {bits} bits"),
        )
    }
}

/// What a batch is for: one exchange or many.
pub(crate) trait Books {
    /// Executes the command of a row.
    fn apply(&mut self, commands: &Commands, row: usize, event: &Event) -> Result<Outcome, Bad>;

    /// Returns the trades of a row's exchange, none before it is there.
    fn trades(&self, commands: &Commands, row: usize) -> &[Trade];
}

impl Books for &mut Exchange {
    #[inline]
    fn apply(&mut self, _commands: &Commands, _row: usize, event: &Event) -> Result<Outcome, Bad> {
        Exchange::apply(self, event).map_err(|error| refused(&error))
    }

    #[inline]
    fn trades(&self, _commands: &Commands, _row: usize) -> &[Trade] {
        Exchange::trades(self)
    }
}

/// The exchanges of a batch's symbols.
pub(crate) struct ManyBooks<'a> {
    multi: &'a mut MultiExchange,
    /// The place of each symbol's exchange, looked up once.
    indices: Vec<Option<usize>>,
}

impl<'a> ManyBooks<'a> {
    pub(crate) fn new(multi: &'a mut MultiExchange, commands: &Commands) -> Self {
        let names = commands
            .symbol
            .as_ref()
            .map_or(&[][..], |symbols| &symbols.names);
        let indices = names
            .iter()
            .map(|symbol| symbol.and_then(|symbol| multi.index_of(symbol)))
            .collect();
        Self { multi, indices }
    }
}

impl Books for ManyBooks<'_> {
    fn apply(&mut self, commands: &Commands, row: usize, event: &Event) -> Result<Outcome, Bad> {
        let (place, symbol) = commands.symbol(row)?;
        let applied = match self.indices[place] {
            Some(index) => {
                let exchange = self.multi.exchange_at_mut(index);
                exchange.apply(event).map_err(MultiError::Validation)
            }
            None => self.multi.apply(symbol, event),
        };
        let outcome = applied.map_err(|error| match error {
            MultiError::Validation(error) => refused(&error),
            _ => Bad::new("symbol", "must be one that has an exchange"),
        })?;
        if self.indices[place].is_none() {
            self.indices[place] = self.multi.index_of(symbol);
        }
        Ok(outcome)
    }

    fn trades(&self, commands: &Commands, row: usize) -> &[Trade] {
        let place = commands.symbol.as_ref().map(|symbols| symbols.places[row]);
        let index = place.and_then(|place| *self.indices.get(place)?);
        index.map_or(&[], |index| self.multi.exchange_at(index).trades())
    }
}

/// Executes the commands up to the first that is refused.
pub(crate) fn run(commands: &Commands, mut books: impl Books) -> (Outcomes, Option<Bad>) {
    let mut outcomes = Outcomes::with_capacity(commands.len());
    for row in 0..commands.len() {
        let event = match commands.event(row, outcomes.orders()) {
            Ok(event) => event,
            Err(bad) => return (outcomes, Some(bad)),
        };
        let seen = books.trades(commands, row).len();
        match books.apply(commands, row, &event) {
            Ok(outcome) => outcomes.push(&event, &outcome),
            Err(bad) => return (outcomes, Some(bad)),
        }
        outcomes.push_trades(row, &books.trades(commands, row)[seen..]);
    }
    (outcomes, None)
}

/// Returns the result of a batch, or the error of the row that ended it.
pub(crate) fn finish(
    py: Python<'_>,
    commands: &Commands,
    (outcomes, bad): (Outcomes, Option<Bad>),
) -> PyResult<PyBatchResult> {
    let row = outcomes.orders().len();
    let result = py.detach(|| outcomes.finish());
    let Some(bad) = bad else {
        return Ok(result);
    };
    let error = BatchError::new_err(commands.message(py, &bad, row));
    let object = error.value(py);
    object.setattr("row", row)?;
    object.setattr("column", bad.column)?;
    object.setattr("value", commands.value(py, &bad, row))?;
    object.setattr("result", result)?;
    Err(error)
}
