//! Prices of many symbols over many bars.

use std::borrow::Borrow;
use std::error::Error;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use crate::portfolio::NO_PRICE;
use crate::types::{Price, Symbol};

/// An immutable table of prices, bars x symbols, gaps allowed. Clones and slices share the table.
///
/// Symbols have the order in which they first appeared. Two series are equal when they have the
/// same symbols in the same order, and at each bar the same prices given in the same order.
///
/// ```
/// use nanobook::{Price, PriceSeries, Symbol};
/// let (aapl, goog) = (Symbol::new("AAPL"), Symbol::new("GOOG"));
/// let series = PriceSeries::from_rows(&[
///     vec![(goog, Price(20_00))],
///     vec![(aapl, Price(10_00)), (goog, Price(21_00))],
/// ])?;
/// assert_eq!(series.symbols(), [goog, aapl]);
/// assert_eq!(series.prices(0).get(aapl), None);
/// assert!(series.prices(1).iter().eq([(aapl, Price(10_00)), (goog, Price(21_00))]));
/// # Ok::<(), nanobook::SeriesError>(())
/// ```
#[derive(Clone)]
pub struct PriceSeries {
    table: Arc<Table>,
    /// The first bar of the table that belongs to the series.
    start: usize,
    bars: usize,
}

struct Table {
    symbols: Vec<Symbol>,
    /// The columns in symbol order.
    by_symbol: Vec<usize>,
    /// Row after row, [`NO_PRICE`] for a gap: a bar's prices are one slice.
    prices: Vec<i64>,
    /// For each bar whose prices were not given in column order, their columns as given. Empty when
    /// there is no such bar.
    orders: Vec<Option<Box<[usize]>>>,
}

/// The prices of one symbol, one for each bar.
#[derive(Clone, Debug, PartialEq)]
pub enum PriceColumn {
    /// Integers, `None` for a gap: ticks, or units of money beside columns of floats.
    Integers(Vec<Option<i64>>),
    /// Units of money; NaN is a gap.
    Floats(Vec<f64>),
}

impl PriceColumn {
    /// Returns the number of bars.
    pub fn len(&self) -> usize {
        match self {
            Self::Integers(prices) => prices.len(),
            Self::Floats(prices) => prices.len(),
        }
    }

    /// Returns whether there are no bars.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn has_price(&self) -> bool {
        match self {
            Self::Integers(prices) => prices.iter().any(Option::is_some),
            Self::Floats(prices) => prices.iter().any(|price| !price.is_nan()),
        }
    }

    #[inline]
    fn ticks(
        &self,
        bar: usize,
        symbol: Symbol,
        tick_size: Option<f64>,
    ) -> Result<i64, SeriesError> {
        let price = match (self, tick_size) {
            (Self::Integers(prices), None) => {
                return match prices[bar].map(Price) {
                    None => Ok(NO_PRICE),
                    Some(price) if price.is_valid() => Ok(price.0),
                    Some(price) => Err(SeriesError::InvalidPrice { bar, symbol, price }),
                };
            }
            (Self::Integers(prices), Some(_)) => prices[bar].map_or(f64::NAN, to_float),
            (Self::Floats(prices), _) => prices[bar],
        };
        let tick_size = tick_size.ok_or(SeriesError::MissingTickSize(symbol))?;
        ticks_or_gap(price, tick_size).map_err(|price| SeriesError::InvalidFloat {
            bar,
            symbol,
            price,
        })
    }
}

/// Why prices are not a [`PriceSeries`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum SeriesError {
    /// A price was not positive and below [`Price::MAX`].
    InvalidPrice {
        /// The bar, from 0.
        bar: usize,
        /// The symbol.
        symbol: Symbol,
        /// The price.
        price: Price,
    },
    /// A float price was, in ticks, not positive and below [`Price::MAX`].
    InvalidFloat {
        /// The bar, from 0.
        bar: usize,
        /// The symbol.
        symbol: Symbol,
        /// The price.
        price: f64,
    },
    /// A symbol was named twice in a bar.
    DuplicatePrice {
        /// The bar, from 0.
        bar: usize,
        /// The symbol.
        symbol: Symbol,
    },
    /// A symbol was named twice among the columns.
    DuplicateSymbol(Symbol),
    /// The prices do not fill whole rows.
    Shape {
        /// How many symbols there are.
        symbols: usize,
        /// How many prices were given.
        prices: usize,
    },
    /// A column has more or fewer bars than the first.
    UnevenColumns {
        /// The column's symbol.
        symbol: Symbol,
        /// How many bars it has.
        bars: usize,
        /// How many bars the first column has.
        first: usize,
    },
    /// The tick size was not positive and finite.
    InvalidTickSize(f64),
    /// A column has floats, and there is no tick size.
    MissingTickSize(Symbol),
    /// There is a tick size, and all prices are integers.
    UnusedTickSize(f64),
}

impl fmt::Display for SeriesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidPrice { bar, symbol, price } => write!(
                f,
                "a price must be positive and below {}, got {price} for {symbol} at bar {bar}",
                Price::MAX
            ),
            Self::InvalidFloat { bar, symbol, price } => write!(
                f,
                "a price must be at least 1 and below {} ticks, got {price} for {symbol} at bar {bar}",
                Price::MAX
            ),
            Self::DuplicatePrice { bar, symbol } => {
                write!(
                    f,
                    "a symbol may have one price, {symbol} has two at bar {bar}"
                )
            }
            Self::DuplicateSymbol(symbol) => {
                write!(f, "a symbol may have one column, {symbol} has two")
            }
            Self::Shape { symbols, prices } => write!(
                f,
                "prices must fill rows of {symbols} symbols, got {prices} of them"
            ),
            Self::UnevenColumns {
                symbol,
                bars,
                first,
            } => write!(
                f,
                "every column must have the {first} bars of the first, {symbol} has {bars}"
            ),
            Self::InvalidTickSize(tick) => {
                write!(f, "a tick size must be positive and finite, got {tick}")
            }
            Self::MissingTickSize(symbol) => write!(
                f,
                "tick_size is required where prices are floats, as those of {symbol} are"
            ),
            Self::UnusedTickSize(tick) => {
                write!(f, "tick_size goes with float prices only, got {tick}")
            }
        }
    }
}

impl Error for SeriesError {}

impl PriceSeries {
    /// Returns the series with one row for each bar.
    ///
    /// # Errors
    ///
    /// [`SeriesError`] for a symbol twice in a row or a price out of range.
    pub fn from_rows<R: AsRef<[(Symbol, Price)]>>(rows: &[R]) -> Result<Self, SeriesError> {
        let mut builder = PriceSeriesBuilder::new();
        for row in rows {
            for &(symbol, price) in row.as_ref() {
                builder.push(symbol, price)?;
            }
            builder.end_bar();
        }
        Ok(builder.finish())
    }

    /// Returns the series with these columns and prices, row after row, `None` for a gap.
    ///
    /// # Errors
    ///
    /// [`SeriesError`] for a symbol twice, rows that are not whole, or a price out of range.
    pub fn from_prices(
        symbols: &[Symbol],
        prices: impl IntoIterator<Item = Option<Price>>,
    ) -> Result<Self, SeriesError> {
        Self::from_cells(
            symbols,
            prices,
            |price| match price {
                None => Ok(NO_PRICE),
                Some(price) if price.is_valid() => Ok(price.0),
                Some(price) => Err(price),
            },
            |bar, symbol, price| SeriesError::InvalidPrice { bar, symbol, price },
        )
    }

    /// Returns the series with these columns and prices in units of money, row after row, each
    /// rounded to the nearest tick: `floor(price / tick_size + 0.5)`, in floats, so that a decimal
    /// half may go either way. NaN is a gap.
    ///
    /// ```
    /// use nanobook::{Price, PriceSeries, Symbol};
    /// let aapl = Symbol::new("AAPL");
    /// let series = PriceSeries::from_floats(&[aapl], [100.50, f64::NAN], 0.01)?;
    /// assert_eq!(series.prices(0).get(aapl), Some(Price(100_50)));
    /// assert_eq!(series.prices(1).get(aapl), None);
    /// # Ok::<(), nanobook::SeriesError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SeriesError`] for a symbol twice, rows that are not whole, a tick size that is not
    /// positive, or a price out of range.
    pub fn from_floats(
        symbols: &[Symbol],
        prices: impl IntoIterator<Item: Borrow<f64>>,
        tick_size: f64,
    ) -> Result<Self, SeriesError> {
        check_tick_size(tick_size)?;
        Self::from_cells(
            symbols,
            prices,
            |price| ticks_or_gap(*price.borrow(), tick_size),
            |bar, symbol, price| SeriesError::InvalidFloat { bar, symbol, price },
        )
    }

    /// Returns the series with these columns.
    ///
    /// Integers are ticks. Where at least one column has floats, `tick_size` is required, all prices
    /// are units of money, and each is rounded to the nearest tick as in
    /// [`from_floats`](Self::from_floats).
    ///
    /// ```
    /// use nanobook::{Price, PriceColumn, PriceSeries, Symbol};
    /// let (aapl, goog) = (Symbol::new("AAPL"), Symbol::new("GOOG"));
    /// let columns = [
    ///     (aapl, PriceColumn::Integers(vec![Some(100), None])),
    ///     (goog, PriceColumn::Floats(vec![20.25, 20.50])),
    /// ];
    /// let series = PriceSeries::from_columns(&columns, Some(0.01))?;
    /// assert_eq!(series.prices(0).to_vec(), [(aapl, Price(100_00)), (goog, Price(20_25))]);
    /// assert_eq!(series.prices(1).to_vec(), [(goog, Price(20_50))]);
    /// # Ok::<(), nanobook::SeriesError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SeriesError`] for a symbol twice, columns that differ in length, a tick size that is not
    /// positive, missing beside floats or given without any, or a price out of range.
    pub fn from_columns(
        columns: &[(Symbol, PriceColumn)],
        tick_size: Option<f64>,
    ) -> Result<Self, SeriesError> {
        /// So many rows of 100 columns stay in a core's cache while they are filled.
        const BARS_AT_ONCE: usize = 64;

        if let Some(tick_size) = tick_size {
            check_tick_size(tick_size)?;
        }
        let symbols: Vec<Symbol> = columns.iter().map(|&(symbol, _)| symbol).collect();
        let by_symbol = sorted_distinct(&symbols)?;
        let bars = columns.first().map_or(0, |(_, column)| column.len());
        let uneven = columns.iter().find(|(_, column)| column.len() != bars);
        if let Some((symbol, column)) = uneven {
            return Err(SeriesError::UnevenColumns {
                symbol: *symbol,
                bars: column.len(),
                first: bars,
            });
        }
        let floats = columns
            .iter()
            .find(|(_, column)| matches!(column, PriceColumn::Floats(_)));
        match (floats, tick_size) {
            (Some((symbol, _)), None) => return Err(SeriesError::MissingTickSize(*symbol)),
            (None, Some(tick_size)) if columns.iter().any(|(_, column)| column.has_price()) => {
                return Err(SeriesError::UnusedTickSize(tick_size));
            }
            _ => {}
        }

        let width = columns.len();
        let mut prices = vec![NO_PRICE; width * bars];
        for start in (0..bars).step_by(BARS_AT_ONCE) {
            let end = bars.min(start + BARS_AT_ONCE);
            for (place, (symbol, column)) in columns.iter().enumerate() {
                let cells = prices[start * width..end * width].iter_mut();
                for (cell, bar) in cells.skip(place).step_by(width).zip(start..end) {
                    *cell = column.ticks(bar, *symbol, tick_size)?;
                }
            }
        }
        Ok(Self::of_table(
            Table {
                symbols,
                by_symbol,
                prices,
                orders: Vec::new(),
            },
            bars,
        ))
    }

    fn from_cells<T, B>(
        symbols: &[Symbol],
        cells: impl IntoIterator<Item = T>,
        to_ticks: impl Fn(T) -> Result<i64, B>,
        error: impl Fn(usize, Symbol, B) -> SeriesError,
    ) -> Result<Self, SeriesError> {
        let by_symbol = sorted_distinct(symbols)?;
        // Collected in one step, so that a list of floats becomes the table in place.
        let cells = cells.into_iter().enumerate();
        let prices: Vec<i64> = cells
            .map(|(place, cell)| match to_ticks(cell) {
                Ok(price) => Ok(price),
                // Without symbols the shape is wrong, whatever the price.
                Err(_) if symbols.is_empty() => Ok(NO_PRICE),
                Err(cell) => {
                    let (bar, column) = (place / symbols.len(), place % symbols.len());
                    Err(error(bar, symbols[column], cell))
                }
            })
            .collect::<Result<_, _>>()?;
        if prices
            .len()
            .checked_rem(symbols.len())
            .unwrap_or(prices.len())
            != 0
        {
            return Err(SeriesError::Shape {
                symbols: symbols.len(),
                prices: prices.len(),
            });
        }
        let bars = prices.len().checked_div(symbols.len()).unwrap_or(0);
        Ok(Self::of_table(
            Table {
                symbols: symbols.to_vec(),
                by_symbol,
                prices,
                orders: Vec::new(),
            },
            bars,
        ))
    }

    fn of_table(table: Table, bars: usize) -> Self {
        Self {
            table: Arc::new(table),
            start: 0,
            bars,
        }
    }

    /// Returns the number of bars.
    pub fn len(&self) -> usize {
        self.bars
    }

    /// Returns whether there are no bars.
    pub fn is_empty(&self) -> bool {
        self.bars == 0
    }

    /// Returns the symbols, one for each column.
    pub fn symbols(&self) -> &[Symbol] {
        &self.table.symbols
    }

    /// Returns a symbol's column.
    pub fn column_of(&self, symbol: Symbol) -> Option<usize> {
        self.table.column_of(symbol, 0)
    }

    /// Returns some of the bars, with all the symbols. Shares the table, which lives as long as the
    /// last series that shows a part of it.
    ///
    /// ```
    /// use nanobook::{Price, PriceSeries, Symbol};
    /// let aapl = Symbol::new("AAPL");
    /// let series = PriceSeries::from_prices(&[aapl], [1, 2, 3].map(|price| Some(Price(price))))?;
    /// let last = series.slice(1..);
    /// assert_eq!(last.len(), 2);
    /// assert_eq!(last.prices(0).get(aapl), Some(Price(2)));
    /// # Ok::<(), nanobook::SeriesError>(())
    /// ```
    ///
    /// # Panics
    ///
    /// When the range is not within the bars.
    #[must_use]
    pub fn slice(&self, bars: impl RangeBounds<usize>) -> Self {
        let start = match bars.start_bound() {
            Bound::Included(&start) => start,
            Bound::Excluded(&before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match bars.end_bound() {
            Bound::Included(&last) => last.saturating_add(1),
            Bound::Excluded(&end) => end,
            Bound::Unbounded => self.bars,
        };
        assert!(
            start <= end && end <= self.bars,
            "bars {start}..{end} are within 0..{}",
            self.bars
        );
        Self {
            table: Arc::clone(&self.table),
            start: self.start + start,
            bars: end - start,
        }
    }

    /// Returns the prices of each bar, from the first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Prices<'_>> + ExactSizeIterator {
        (0..self.bars).map(|bar| self.prices(bar))
    }

    /// Returns the prices by row, 0 for a gap: bars x symbols.
    pub fn ticks(&self) -> &[i64] {
        let width = self.symbols().len();
        &self.table.prices[self.start * width..][..self.bars * width]
    }

    /// Returns the prices of a bar.
    ///
    /// # Panics
    ///
    /// When there is no such bar.
    pub fn prices(&self, bar: usize) -> Prices<'_> {
        Prices {
            table: &self.table,
            row: self.row(bar),
            order: self.order(bar),
        }
    }

    /// Returns the prices of a bar by column, [`NO_PRICE`] for a gap.
    pub(crate) fn row(&self, bar: usize) -> &[i64] {
        assert!(bar < self.bars, "bar {bar} is below {}", self.bars);
        let width = self.table.symbols.len();
        &self.table.prices[(self.start + bar) * width..][..width]
    }

    /// Returns the columns priced at a bar as they were given, unless they ascend.
    fn order(&self, bar: usize) -> Option<&[usize]> {
        let order = self.table.orders.get(self.start + bar);
        order.and_then(|order| order.as_deref())
    }

    /// Returns the bars whose columns do not ascend, with their columns.
    fn orders(&self) -> impl Iterator<Item = (usize, &[usize])> {
        let orders = self.table.orders.iter().skip(self.start).take(self.bars);
        orders
            .enumerate()
            .filter_map(|(bar, order)| Some((bar, order.as_deref()?)))
    }
}

impl PartialEq for PriceSeries {
    fn eq(&self, other: &Self) -> bool {
        self.bars == other.bars
            && self.symbols() == other.symbols()
            && self.ticks() == other.ticks()
            && self.orders().eq(other.orders())
    }
}

impl Eq for PriceSeries {}

impl Hash for PriceSeries {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bars.hash(state);
        self.symbols().hash(state);
        self.ticks().hash(state);
        for order in self.orders() {
            order.hash(state);
        }
    }
}

impl fmt::Debug for PriceSeries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PriceSeries")
            .field("bars", &self.bars)
            .field("symbols", &self.table.symbols)
            .finish_non_exhaustive()
    }
}

impl Table {
    fn column_of(&self, symbol: Symbol, hint: usize) -> Option<usize> {
        if self.symbols.get(hint) == Some(&symbol) {
            return Some(hint);
        }
        let place = self
            .by_symbol
            .binary_search_by_key(&symbol, |&c| self.symbols[c]);
        place.ok().map(|place| self.by_symbol[place])
    }
}

/// Returns the columns in symbol order.
fn sorted_distinct(symbols: &[Symbol]) -> Result<Vec<usize>, SeriesError> {
    let mut columns: Vec<usize> = (0..symbols.len()).collect();
    columns.sort_unstable_by_key(|&column| symbols[column]);
    let twice = columns
        .windows(2)
        .find(|pair| symbols[pair[0]] == symbols[pair[1]]);
    match twice {
        None => Ok(columns),
        Some(pair) => Err(SeriesError::DuplicateSymbol(symbols[pair[0]])),
    }
}

fn check_tick_size(tick_size: f64) -> Result<(), SeriesError> {
    if tick_size > 0.0 && tick_size.is_finite() {
        Ok(())
    } else {
        Err(SeriesError::InvalidTickSize(tick_size))
    }
}

/// Returns an integer price in units of money.
#[expect(
    clippy::cast_precision_loss,
    reason = "beside floats it is a float too, rounded like any other"
)]
fn to_float(price: i64) -> f64 {
    price as f64
}

/// The first float of those that are all whole.
const WHOLE: f64 = 4_503_599_627_370_496.0;

/// Returns a price in ticks, [`NO_PRICE`] where it is NaN, or the price itself out of range.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "the bounds are checked before"
)]
fn ticks_or_gap(price: f64, tick_size: f64) -> Result<i64, f64> {
    let ticks = price / tick_size;
    // Most prices are here. Where halves exist, adding one half and cutting off is `round`.
    if (0.5..WHOLE).contains(&ticks) {
        return Ok((ticks + 0.5) as i64);
    }
    unusual_ticks(price, ticks)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the bounds are checked before"
)]
fn unusual_ticks(price: f64, ticks: f64) -> Result<i64, f64> {
    /// 2^63: the first float that is too large.
    const END: f64 = 9_223_372_036_854_775_808.0;
    if price.is_nan() {
        Ok(NO_PRICE)
    } else if (WHOLE..END).contains(&ticks) {
        Ok(ticks as i64)
    } else {
        Err(price)
    }
}

/// The prices of one bar.
#[derive(Clone, Copy)]
pub struct Prices<'a> {
    table: &'a Table,
    row: &'a [i64],
    order: Option<&'a [usize]>,
}

impl<'a> Prices<'a> {
    /// Returns a symbol's price at this bar.
    pub fn get(&self, symbol: Symbol) -> Option<Price> {
        self.column(self.table.column_of(symbol, 0)?)
    }

    /// Returns the price in a column at this bar.
    ///
    /// # Panics
    ///
    /// When there is no such column.
    #[inline]
    pub fn column(&self, column: usize) -> Option<Price> {
        let price = self.row[column];
        (price != NO_PRICE).then_some(Price(price))
    }

    /// Returns the symbols of all columns, with and without a price.
    pub fn symbols(&self) -> &'a [Symbol] {
        &self.table.symbols
    }

    /// Returns the columns that have a price at this bar, in the order in which it was given.
    pub fn columns(&self) -> impl Iterator<Item = (usize, Price)> + use<'a> {
        let Self { row, order, .. } = *self;
        let given = order.unwrap_or_default().iter().copied();
        let all = if order.is_some() { 0..0 } else { 0..row.len() };
        given
            .chain(all)
            .map(move |column| (column, Price(row[column])))
            .filter(|(_, price)| price.0 != NO_PRICE)
    }

    /// Returns the symbols that have a price at this bar, in the order in which it was given.
    pub fn iter(&self) -> impl Iterator<Item = (Symbol, Price)> + use<'a> {
        let symbols = self.symbols();
        self.columns()
            .map(|(column, price)| (symbols[column], price))
    }

    /// Returns the pairs as a list, for [`Portfolio::total_equity`](crate::Portfolio::total_equity)
    /// and its like.
    pub fn to_vec(&self) -> Vec<(Symbol, Price)> {
        self.iter().collect()
    }

    pub(crate) fn column_of(&self, symbol: Symbol, hint: usize) -> Option<usize> {
        self.table.column_of(symbol, hint)
    }
}

impl fmt::Debug for Prices<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// Builds a [`PriceSeries`] price by price.
///
/// ```
/// use nanobook::{Price, PriceSeriesBuilder, Symbol};
/// let mut builder = PriceSeriesBuilder::new();
/// builder.push(Symbol::new("AAPL"), Price(100_00))?;
/// builder.end_bar();
/// assert_eq!(builder.finish().len(), 1);
/// # Ok::<(), nanobook::SeriesError>(())
/// ```
#[derive(Debug, Default)]
pub struct PriceSeriesBuilder {
    symbols: Vec<Symbol>,
    /// The columns in symbol order.
    by_symbol: Vec<usize>,
    /// For each column, 1 + the last bar that has a price in it.
    seen: Vec<usize>,
    /// Column and price, bar after bar.
    cells: Vec<(usize, i64)>,
    /// Where each bar ends in the cells.
    ends: Vec<usize>,
    /// Whether each bar's columns ascend.
    ascending: Vec<bool>,
    /// The column after the last one given, where the next is found as a rule.
    next: usize,
}

impl PriceSeriesBuilder {
    /// Returns a builder of a series without bars.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a price to the current bar.
    ///
    /// # Errors
    ///
    /// [`SeriesError`] for a price out of range, or a symbol that has one in this bar. Nothing is
    /// added then.
    pub fn push(&mut self, symbol: Symbol, price: Price) -> Result<(), SeriesError> {
        if !price.is_valid() {
            let bar = self.ends.len();
            return Err(SeriesError::InvalidPrice { bar, symbol, price });
        }
        let column = self.see(symbol)?;
        self.cells.push((column, price.0));
        Ok(())
    }

    /// Adds a price in units of money to the current bar, rounded to the nearest tick as in
    /// [`PriceSeries::from_floats`]. NaN is a gap.
    ///
    /// ```
    /// use nanobook::{Price, PriceSeriesBuilder, Symbol};
    /// let (aapl, goog) = (Symbol::new("AAPL"), Symbol::new("GOOG"));
    /// let mut builder = PriceSeriesBuilder::new();
    /// builder.push_float(aapl, f64::NAN, 0.01)?;
    /// builder.push_float(goog, 20.50, 0.01)?;
    /// builder.end_bar();
    /// let series = builder.finish();
    /// assert_eq!(series.symbols(), [aapl, goog]);
    /// assert_eq!(series.prices(0).to_vec(), [(goog, Price(20_50))]);
    /// # Ok::<(), nanobook::SeriesError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push), and for a tick size that is not positive.
    pub fn push_float(
        &mut self,
        symbol: Symbol,
        price: f64,
        tick_size: f64,
    ) -> Result<(), SeriesError> {
        check_tick_size(tick_size)?;
        let bar = self.ends.len();
        let ticks = ticks_or_gap(price, tick_size).map_err(|price| SeriesError::InvalidFloat {
            bar,
            symbol,
            price,
        })?;
        let column = self.see(symbol)?;
        if ticks != NO_PRICE {
            self.cells.push((column, ticks));
        }
        Ok(())
    }

    /// Returns the column of a symbol that this bar has not seen before.
    fn see(&mut self, symbol: Symbol) -> Result<usize, SeriesError> {
        let bar = self.ends.len();
        let column = self.column_or_new(symbol);
        if self.seen[column] == bar + 1 {
            return Err(SeriesError::DuplicatePrice { bar, symbol });
        }
        self.seen[column] = bar + 1;
        self.next = column + 1;
        Ok(column)
    }

    /// Ends the current bar; one without prices is all gaps.
    pub fn end_bar(&mut self) {
        let start = self.ends.last().copied().unwrap_or(0);
        self.ascending.push(self.cells[start..].is_sorted());
        self.ends.push(self.cells.len());
        self.next = 0;
    }

    /// Returns the series of the bars that were ended.
    pub fn finish(self) -> PriceSeries {
        let (width, bars) = (self.symbols.len(), self.ends.len());
        let mut prices = vec![NO_PRICE; width * bars];
        let mut orders = Vec::new();
        if self.ascending.contains(&false) {
            orders.resize(bars, None);
        }
        let mut start = 0;
        for (bar, &end) in self.ends.iter().enumerate() {
            let cells = &self.cells[start..end];
            for &(column, price) in cells {
                prices[bar * width + column] = price;
            }
            if !self.ascending[bar] {
                orders[bar] = Some(cells.iter().map(|&(column, _)| column).collect());
            }
            start = end;
        }
        PriceSeries::of_table(
            Table {
                symbols: self.symbols,
                by_symbol: self.by_symbol,
                prices,
                orders,
            },
            bars,
        )
    }

    fn column_or_new(&mut self, symbol: Symbol) -> usize {
        // Rows mostly have the same symbols in the same order.
        if self.symbols.get(self.next) == Some(&symbol) {
            return self.next;
        }
        match self
            .by_symbol
            .binary_search_by_key(&symbol, |&c| self.symbols[c])
        {
            Ok(place) => self.by_symbol[place],
            Err(place) => {
                let column = self.symbols.len();
                self.by_symbol.insert(place, column);
                self.symbols.push(symbol);
                self.seen.push(0);
                column
            }
        }
    }
}

#[cfg(feature = "persistence")]
mod persist {
    use std::borrow::Cow;

    use super::{NO_PRICE, PriceSeries, Table, sorted_distinct};
    use crate::error::PersistenceError;
    use crate::persist::{self, Frame};
    use crate::types::{Price, Symbol};

    const FRAME: Frame = Frame {
        magic: *b"nanobkPS",
        version: 1,
    };

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Image<'a> {
        symbols: Cow<'a, [Symbol]>,
        /// Row after row, 0 for a gap. Without symbols a 0 for each bar, so that the bars are never
        /// more than the bytes.
        prices: Cow<'a, [i64]>,
        /// The bars whose columns do not ascend, with the columns as given.
        orders: Vec<(usize, Cow<'a, [usize]>)>,
    }

    impl PriceSeries {
        /// Returns symbols and prices, versioned and checksummed; of a slice, its own bars only.
        pub fn to_bytes(&self) -> Vec<u8> {
            let prices = if self.symbols().is_empty() {
                Cow::Owned(vec![NO_PRICE; self.len()])
            } else {
                Cow::Borrowed(self.ticks())
            };
            let orders = self.orders();
            let orders = orders.map(|(bar, order)| (bar, Cow::Borrowed(order)));
            let image = Image {
                symbols: Cow::Borrowed(self.symbols()),
                prices,
                orders: orders.collect(),
            };
            persist::to_frame(FRAME, &image)
        }

        /// Returns the series that [`to_bytes`](Self::to_bytes) gave.
        ///
        /// # Errors
        ///
        /// [`PersistenceError::Malformed`] for bytes that are damaged or of another version.
        ///
        /// ```
        /// use nanobook::{Price, PriceSeries, Symbol};
        /// let series = PriceSeries::from_rows(&[[(Symbol::new("AAPL"), Price(100_00))]]).unwrap();
        /// let mut bytes = series.to_bytes();
        /// assert_eq!(PriceSeries::from_bytes(&bytes)?, series);
        /// bytes[20] ^= 1;
        /// assert!(PriceSeries::from_bytes(&bytes).is_err());
        /// # Ok::<(), nanobook::PersistenceError>(())
        /// ```
        pub fn from_bytes(data: &[u8]) -> Result<Self, PersistenceError> {
            rebuild(persist::from_frame(FRAME, data)?).map_err(|reason| {
                PersistenceError::malformed(format!("the data contradicts itself: {reason}"))
            })
        }
    }

    fn rebuild(image: Image<'_>) -> Result<PriceSeries, String> {
        let symbols = image.symbols.into_owned();
        let by_symbol = sorted_distinct(&symbols).map_err(|error| error.to_string())?;
        let mut prices = image.prices.into_owned();
        let is_price = |&price: &i64| Price(price).is_valid();
        let wrong = prices
            .iter()
            .position(|price| *price != NO_PRICE && (symbols.is_empty() || !is_price(price)));
        if let Some(place) = wrong {
            return Err(format!("price {place} is a price or a gap"));
        }
        let width = symbols.len();
        if prices.len() % width.max(1) != 0 {
            return Err(format!("{} prices fill rows of {width}", prices.len()));
        }
        let bars = prices.len() / width.max(1);
        if width == 0 {
            prices = Vec::new();
        }
        let mut orders = Vec::new();
        if !image.orders.is_empty() {
            orders.resize(bars, None);
        }
        let mut end = 0;
        for (bar, order) in image.orders {
            if bar < end || bar >= bars {
                return Err(format!("the order of bar {bar} has its place"));
            }
            end = bar + 1;
            let row = &prices[bar * width..][..width];
            let mut columns = order.to_vec();
            columns.sort_unstable();
            let priced = (0..width).filter(|&column| row[column] != NO_PRICE);
            if order.is_sorted() || !columns.into_iter().eq(priced) {
                return Err(format!("the order of bar {bar} is one of its prices"));
            }
            orders[bar] = Some(order.into());
        }
        let table = Table {
            symbols,
            by_symbol,
            prices,
            orders,
        };
        Ok(PriceSeries::of_table(table, bars))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_round_to_the_nearest_tick() {
        let ticks = |price, tick_size| ticks_or_gap(price, tick_size).ok();
        assert_eq!(ticks(100.50, 0.01), Some(10_050));
        assert_eq!(ticks(0.015, 0.01), Some(2));
        assert_eq!(ticks(2.5, 1.0), Some(3));
        assert_eq!(ticks(2.499_999, 1.0), Some(2));
        assert_eq!(ticks(0.499_999_999_999_999_94, 1.0), None);
        assert_eq!(ticks(-1.0, 1.0), None);
        assert_eq!(ticks(9e15 + 1.0, 1.0), Some(9_000_000_000_000_001));
        assert_eq!(ticks(9_223_372_036_854_775_808.0, 1.0), None);
        assert_eq!(
            ticks(9_223_372_036_854_774_784.0, 1.0),
            Some(9_223_372_036_854_774_784)
        );
        assert_eq!(ticks(1e308, 1e-308), None);
    }
}
