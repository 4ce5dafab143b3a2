//! Commands as columns: from tables to events, and from outcomes to a table.

use std::fmt::Write;

use arrow_array::{Array, Float64Array};
use nanobook::{Event, Exchange, OrderId, Price, TrailMethod};
use pyo3::prelude::*;

use crate::columns::{self, Column, Integers, UNKNOWN, Value};
use crate::convert::{Arg, SIDES, TIMES_IN_FORCE, TRAIL_TYPES, TrailType};
use crate::errors::{BindingResult, invalid};
use crate::records::{EVENT_KINDS, NO_CODE};

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

/// Returns the place of a kind's name, in any spelling.
fn kind_of(text: &str) -> Option<u8> {
    let fold = |text: &str| text.replace('_', "").to_ascii_lowercase();
    let is_named = |name: &&str| **name == *text || fold(name) == fold(text);
    let place = EVENT_KINDS.iter().position(|name| is_named(&name))?;
    u8::try_from(place).ok()
}

impl Commands {
    /// Reads the columns; `name` is that of the argument.
    pub(crate) fn read(data: Arg<'_, '_>, name: &str) -> PyResult<Self> {
        let columns = columns::read(data, name)?;
        check_names(&columns, name)?;
        let find = |name: &str| columns.iter().find(|column| column.name == name);
        let integers = |name: &str| find(name).map(Column::integers).transpose();
        let codes = |name: &str, count, code_of: &dyn Fn(&str) -> Option<u8>| {
            let column = find(name);
            column
                .map(|column| column.codes(count, code_of))
                .transpose()
        };
        let Some(kind) = codes("kind", 9, &kind_of)? else {
            return Err(invalid(format!("{name} must have a column 'kind'")));
        };
        let commands = Self {
            kind,
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
            trail_value: find("trail_value").map(Column::floats).transpose()?,
            atr_period: integers("atr_period")?,
            columns,
        };
        commands.check_needs()?;
        Ok(commands)
    }

    pub(crate) fn len(&self) -> usize {
        self.kind.len()
    }

    fn has(&self, name: &str) -> bool {
        self.columns.iter().any(|column| column.name == name)
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

    /// Returns the command of a row.
    #[inline]
    pub(crate) fn event(&self, row: usize) -> Result<Event, Bad> {
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
                order_id: self.order_id(row)?,
            },
            3 => Event::Modify {
                order_id: self.order_id(row)?,
                new_price: self.price(row)?,
                new_quantity: self.quantity(row)?,
            },
            4 => Event::Reduce {
                order_id: self.order_id(row)?,
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
    fn order_id(&self, row: usize) -> Result<OrderId, Bad> {
        number(self.order_id.as_ref(), "order_id", row).map(OrderId)
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
    pub(crate) fn value(&self, bad: &Bad, row: usize) -> Option<Value> {
        let column = self.columns.iter().find(|column| column.name == bad.column);
        column.and_then(|column| column.value(row))
    }

    /// Returns what a message says of a bad row.
    pub(crate) fn message(&self, py: Python<'_>, bad: &Bad, row: usize) -> String {
        let mut text = format!("row {row}: column '{}' {}", bad.column, bad.rule);
        let value = self.value(bad, row);
        if value.is_some() {
            // Writing to a string cannot fail.
            let _ = write!(text, ", got {}", Value::shown(value.as_ref(), py));
        }
        text
    }

    /// Returns the exchange that the commands lead to.
    pub(crate) fn replay(&self, py: Python<'_>) -> BindingResult<Exchange> {
        let replayed = py.detach(|| {
            let mut exchange = Exchange::with_capacity(self.len());
            for row in 0..self.len() {
                let applied = self
                    .event(row)
                    .and_then(|event| exchange.apply(&event).map_err(|error| refused(&error)));
                applied.map_err(|bad| (row, bad))?;
            }
            Ok(exchange)
        });
        replayed.map_err(|(row, bad)| invalid(self.message(py, &bad, row)).into())
    }
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

fn check_names(columns: &[Column], name: &str) -> PyResult<()> {
    for (place, column) in columns.iter().enumerate() {
        if !COLUMNS.contains(&column.name.as_str()) {
            return Err(invalid(format!(
                "{name} has the unknown column '{}': there are {}",
                column.name.escape_debug(),
                COLUMNS.join(", ")
            )));
        }
        if columns[..place]
            .iter()
            .any(|other| other.name == column.name)
        {
            return Err(invalid(format!(
                "{name} has the column '{}' twice",
                column.name
            )));
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
        _ => Err(Bad::new(name, "must have a value")),
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
