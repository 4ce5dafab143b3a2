//! Prices of many symbols over many bars.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::portfolio::NO_PRICE;
use crate::types::{Price, Symbol};

/// An immutable table of prices, bars x symbols, gaps allowed. A clone shares the table.
///
/// Symbols have the order in which they first appeared.
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
#[derive(Clone, PartialEq, Eq)]
pub struct PriceSeries(Arc<Table>);

#[derive(PartialEq, Eq)]
struct Table {
    symbols: Vec<Symbol>,
    /// The columns in symbol order.
    by_symbol: Vec<usize>,
    bars: usize,
    /// Row after row, [`NO_PRICE`] for a gap: a bar's prices are one slice.
    prices: Vec<i64>,
    /// For each bar whose prices were not given in column order, their columns as given. Empty when
    /// there is no such bar.
    orders: Vec<Option<Box<[usize]>>>,
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
    /// The tick size was not positive and finite.
    InvalidTickSize(f64),
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
            Self::InvalidTickSize(tick) => {
                write!(f, "a tick size must be positive and finite, got {tick}")
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
    /// rounded to the nearest tick, halves up. What is not finite is a gap.
    ///
    /// ```
    /// use nanobook::{Price, PriceSeries, Symbol};
    /// let aapl = Symbol::new("AAPL");
    /// let series = PriceSeries::from_floats(&[aapl], &[100.50, f64::NAN], 0.01)?;
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
        prices: &[f64],
        tick_size: f64,
    ) -> Result<Self, SeriesError> {
        if !(tick_size > 0.0 && tick_size.is_finite()) {
            return Err(SeriesError::InvalidTickSize(tick_size));
        }
        let to_ticks = |price: f64| {
            if price.is_finite() {
                ticks(price, tick_size).ok_or(price)
            } else {
                Ok(NO_PRICE)
            }
        };
        Self::from_cells(
            symbols,
            prices.iter().copied(),
            to_ticks,
            |bar, symbol, price| SeriesError::InvalidFloat { bar, symbol, price },
        )
    }

    fn from_cells<T, B>(
        symbols: &[Symbol],
        cells: impl IntoIterator<Item = T>,
        to_ticks: impl Fn(T) -> Result<i64, B>,
        error: impl Fn(usize, Symbol, B) -> SeriesError,
    ) -> Result<Self, SeriesError> {
        let by_symbol = sorted(symbols);
        let twice = by_symbol
            .windows(2)
            .find(|pair| symbols[pair[0]] == symbols[pair[1]]);
        if let Some(pair) = twice {
            return Err(SeriesError::DuplicateSymbol(symbols[pair[0]]));
        }
        let cells = cells.into_iter();
        let mut prices = Vec::with_capacity(cells.size_hint().0);
        for cell in cells {
            match to_ticks(cell) {
                Ok(price) => prices.push(price),
                // Without symbols the shape is wrong, whatever the price.
                Err(_) if symbols.is_empty() => prices.push(NO_PRICE),
                Err(cell) => {
                    let (bar, column) =
                        (prices.len() / symbols.len(), prices.len() % symbols.len());
                    return Err(error(bar, symbols[column], cell));
                }
            }
        }
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
        Ok(Self(Arc::new(Table {
            bars: prices.len().checked_div(symbols.len()).unwrap_or(0),
            symbols: symbols.to_vec(),
            by_symbol,
            prices,
            orders: Vec::new(),
        })))
    }

    /// Returns the number of bars.
    pub fn len(&self) -> usize {
        self.0.bars
    }

    /// Returns whether there are no bars.
    pub fn is_empty(&self) -> bool {
        self.0.bars == 0
    }

    /// Returns the symbols, one for each column.
    pub fn symbols(&self) -> &[Symbol] {
        &self.0.symbols
    }

    /// Returns a symbol's column.
    pub fn column_of(&self, symbol: Symbol) -> Option<usize> {
        self.0.column_of(symbol, 0)
    }

    /// Returns the prices of a bar.
    ///
    /// # Panics
    ///
    /// When there is no such bar.
    pub fn prices(&self, bar: usize) -> Prices<'_> {
        Prices {
            table: &self.0,
            row: self.row(bar),
            order: self.0.orders.get(bar).and_then(|order| order.as_deref()),
        }
    }

    /// Returns the prices of a bar by column, [`NO_PRICE`] for a gap.
    pub(crate) fn row(&self, bar: usize) -> &[i64] {
        assert!(bar < self.0.bars, "bar {bar} is below {}", self.0.bars);
        let width = self.0.symbols.len();
        &self.0.prices[bar * width..][..width]
    }
}

impl fmt::Debug for PriceSeries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PriceSeries")
            .field("bars", &self.0.bars)
            .field("symbols", &self.0.symbols)
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

fn sorted(symbols: &[Symbol]) -> Vec<usize> {
    let mut columns: Vec<usize> = (0..symbols.len()).collect();
    columns.sort_unstable_by_key(|&column| symbols[column]);
    columns
}

/// Returns a finite price in ticks, or `None` out of range.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the bounds are checked before"
)]
fn ticks(price: f64, tick_size: f64) -> Option<i64> {
    /// 2^63: the first float that is too large.
    const END: f64 = 9_223_372_036_854_775_808.0;
    let ticks = price / tick_size;
    // Below 2^52, where halves exist, adding one half and cutting off is `round`, save for the
    // float just below one half, which would become 1; 0 is out of range either way.
    let whole = if ticks < 4_503_599_627_370_496.0 {
        ticks + 0.5
    } else {
        ticks
    };
    (ticks >= 0.5 && whole < END).then_some(whole as i64)
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
        let bar = self.ends.len();
        if !price.is_valid() {
            return Err(SeriesError::InvalidPrice { bar, symbol, price });
        }
        let column = self.column_or_new(symbol);
        if self.seen[column] == bar + 1 {
            return Err(SeriesError::DuplicatePrice { bar, symbol });
        }
        self.seen[column] = bar + 1;
        self.cells.push((column, price.0));
        Ok(())
    }

    /// Ends the current bar; one without prices is all gaps.
    pub fn end_bar(&mut self) {
        let start = self.ends.last().copied().unwrap_or(0);
        self.ascending.push(self.cells[start..].is_sorted());
        self.ends.push(self.cells.len());
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
        PriceSeries(Arc::new(Table {
            symbols: self.symbols,
            by_symbol: self.by_symbol,
            bars,
            prices,
            orders,
        }))
    }

    fn column_or_new(&mut self, symbol: Symbol) -> usize {
        // Rows mostly have the same symbols in the same order: try the one after the last.
        let start = self.ends.last().copied().unwrap_or(0);
        let hint = match self.cells[start..].last() {
            Some((column, _)) => column + 1,
            None => 0,
        };
        if self.symbols.get(hint) == Some(&symbol) {
            return hint;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_round_to_the_nearest_tick() {
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
