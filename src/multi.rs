//! One exchange per symbol.

use std::error::Error;
use std::fmt;

use xxhash_rust::xxh3::Xxh3;

use crate::error::{InvariantError, ValidationError};
use crate::event::Event;
use crate::exchange::Exchange;
use crate::result::Outcome;
use crate::types::{Digest, Price, Symbol};

#[expect(
    clippy::disallowed_types,
    reason = "for look-ups only; the order of symbols is that of a Vec"
)]
type SymbolIndex = std::collections::HashMap<Symbol, usize>;

/// One [`Exchange`] per symbol, in the order symbols first appeared. Books are never removed, so
/// an index stays that of its symbol.
///
/// ```
/// use nanobook::{MultiExchange, Price, Side, Symbol, TimeInForce};
/// let mut multi = MultiExchange::new();
/// let apple = Symbol::new("AAPL");
/// let exchange = multi.get_or_create(apple);
/// exchange.submit_limit(Side::Buy, Price(100_00), 10, TimeInForce::GTC);
/// assert_eq!(multi.best_prices(), [(apple, Some(Price(100_00)), None)]);
/// ```
#[derive(Clone, Debug)]
pub struct MultiExchange {
    symbols: Vec<Symbol>,
    exchanges: Vec<Exchange>,
    index: SymbolIndex,
    has_event_log: bool,
}

impl Default for MultiExchange {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for MultiExchange {
    fn eq(&self, other: &Self) -> bool {
        self.has_event_log == other.has_event_log
            && self.symbols == other.symbols
            && self.exchanges == other.exchanges
    }
}

/// Why a command to a [`MultiExchange`] was refused. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum MultiError {
    /// There is no book for this symbol, and the command does not open one.
    UnknownSymbol(Symbol),
    /// The symbol's exchange refused the command.
    Validation(ValidationError),
}

impl fmt::Display for MultiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownSymbol(symbol) => write!(f, "there is no book for symbol {symbol}"),
            Self::Validation(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl Error for MultiError {}

impl From<ValidationError> for MultiError {
    fn from(error: ValidationError) -> Self {
        Self::Validation(error)
    }
}

impl MultiExchange {
    /// Returns one without books, whose exchanges log their events.
    pub fn new() -> Self {
        Self::with_event_log(true)
    }

    /// Returns one without books, whose exchanges do not log their events.
    pub fn without_event_log() -> Self {
        Self::with_event_log(false)
    }

    fn with_event_log(has_event_log: bool) -> Self {
        Self {
            symbols: Vec::new(),
            exchanges: Vec::new(),
            index: SymbolIndex::new(),
            has_event_log,
        }
    }

    /// Returns a symbol's exchange, opening an empty one for a new symbol.
    pub fn get_or_create(&mut self, symbol: Symbol) -> &mut Exchange {
        let index = match self.index_of(symbol) {
            Some(index) => index,
            None => self.insert(symbol, self.empty_exchange()),
        };
        &mut self.exchanges[index]
    }

    fn empty_exchange(&self) -> Exchange {
        if self.has_event_log {
            Exchange::new()
        } else {
            Exchange::without_event_log()
        }
    }

    fn insert(&mut self, symbol: Symbol, exchange: Exchange) -> usize {
        let index = self.symbols.len();
        self.symbols.push(symbol);
        self.exchanges.push(exchange);
        self.index.insert(symbol, index);
        index
    }

    /// Executes a command on a symbol's exchange. Submitting an order or stop opens the book of
    /// an unknown symbol, if the command is accepted.
    ///
    /// # Errors
    ///
    /// [`MultiError`] for a command other than a submission to an unknown symbol, or when the
    /// exchange refuses the command.
    pub fn apply(&mut self, symbol: Symbol, event: &Event) -> Result<Outcome, MultiError> {
        if let Some(exchange) = self.exchange_mut(symbol) {
            return exchange.apply(event).map_err(MultiError::Validation);
        }
        if matches!(
            event,
            Event::Cancel { .. } | Event::Modify { .. } | Event::Reduce { .. }
        ) {
            return Err(MultiError::UnknownSymbol(symbol));
        }
        let mut exchange = self.empty_exchange();
        let outcome = exchange.apply(event).map_err(MultiError::Validation)?;
        self.insert(symbol, exchange);
        Ok(outcome)
    }

    /// Returns a symbol's exchange, if there is one.
    pub fn exchange(&self, symbol: Symbol) -> Option<&Exchange> {
        self.index_of(symbol).map(|index| &self.exchanges[index])
    }

    /// Returns a symbol's exchange, if there is one.
    pub fn exchange_mut(&mut self, symbol: Symbol) -> Option<&mut Exchange> {
        self.index_of(symbol)
            .map(|index| &mut self.exchanges[index])
    }

    /// Returns a symbol's place, if it has a book.
    pub fn index_of(&self, symbol: Symbol) -> Option<usize> {
        self.index.get(&symbol).copied()
    }

    /// Returns the exchange at a place.
    ///
    /// # Panics
    ///
    /// When the place is not below [`len`](Self::len).
    pub fn exchange_at(&self, index: usize) -> &Exchange {
        &self.exchanges[index]
    }

    /// Returns the exchange at a place.
    ///
    /// # Panics
    ///
    /// When the place is not below [`len`](Self::len).
    pub fn exchange_at_mut(&mut self, index: usize) -> &mut Exchange {
        &mut self.exchanges[index]
    }

    /// Returns the symbols in the order they first appeared.
    pub fn symbols(&self) -> &[Symbol] {
        &self.symbols
    }

    /// Returns how many books there are.
    pub fn len(&self) -> usize {
        self.symbols.len()
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.symbols.is_empty()
    }

    /// Returns whether a symbol has a book.
    pub fn contains(&self, symbol: Symbol) -> bool {
        self.index.contains_key(&symbol)
    }

    /// Returns the symbols with their exchanges, in the order symbols first appeared.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Symbol, &Exchange)> {
        self.symbols.iter().copied().zip(&self.exchanges)
    }

    /// Returns each symbol's highest bid and lowest ask, in the order symbols first appeared.
    pub fn best_prices(&self) -> Vec<(Symbol, Option<Price>, Option<Price>)> {
        self.iter()
            .map(|(symbol, exchange)| (symbol, exchange.best_bid(), exchange.best_ask()))
            .collect()
    }

    /// Returns a hash of the symbols in their order and of each exchange's
    /// [`state_digest`](Exchange::state_digest).
    pub fn state_digest(&self) -> Digest {
        let mut hasher = Xxh3::new();
        for (symbol, exchange) in self.iter() {
            hasher.update(symbol.as_str().as_bytes());
            // No symbol contains a zero byte.
            hasher.update(&[0]);
            hasher.update(&exchange.state_digest().0.to_le_bytes());
        }
        Digest(hasher.digest())
    }

    /// Checks every exchange and the index of symbols.
    ///
    /// # Errors
    ///
    /// [`InvariantError`] states the first invariant that does not hold, and where.
    pub fn check_invariants(&self) -> Result<(), InvariantError> {
        if self.index.len() != self.symbols.len() || self.exchanges.len() != self.symbols.len() {
            return Err(InvariantError("every symbol has one exchange".to_owned()));
        }
        for (place, (symbol, exchange)) in self.iter().enumerate() {
            if self.index_of(symbol) != Some(place) {
                return Err(InvariantError(format!(
                    "{symbol} is found at its place {place}"
                )));
            }
            exchange
                .check_invariants()
                .map_err(|error| InvariantError(format!("{symbol}: {}", error.0)))?;
        }
        Ok(())
    }
}

#[cfg(feature = "persistence")]
mod persist {
    use super::MultiExchange;
    use crate::error::PersistenceError;
    use crate::exchange::ExchangeImage;
    use crate::persist::{self, Frame};
    use crate::types::Symbol;

    const FRAME: Frame = Frame {
        magic: *b"nanobkMX",
        version: 1,
    };

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Image {
        has_event_log: bool,
        books: Vec<(Symbol, ExchangeImage)>,
    }

    impl MultiExchange {
        /// Returns the whole state, versioned and checksummed.
        pub fn to_bytes(&self) -> Vec<u8> {
            let books = self.iter();
            let books = books.map(|(symbol, exchange)| (symbol, exchange.to_image()));
            persist::to_frame(
                FRAME,
                &Image {
                    has_event_log: self.has_event_log,
                    books: books.collect(),
                },
            )
        }

        /// Returns the state that [`to_bytes`](Self::to_bytes) gave.
        ///
        /// # Errors
        ///
        /// [`PersistenceError::Malformed`] for bytes that are damaged or of another version.
        pub fn from_bytes(data: &[u8]) -> Result<Self, PersistenceError> {
            let image: Image = persist::from_frame(FRAME, data)?;
            let mut multi = Self::with_event_log(image.has_event_log);
            for (symbol, book) in image.books {
                if multi.contains(symbol) {
                    return Err(PersistenceError::malformed(format!(
                        "symbol {symbol} has two books"
                    )));
                }
                let exchange = crate::Exchange::from_image(book)?;
                multi.insert(symbol, exchange);
            }
            Ok(multi)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_names_what_is_broken() {
        let [one, other] = ["A", "B"].map(Symbol::new);
        let mut multi = MultiExchange::new();
        multi.get_or_create(one);
        multi.get_or_create(other);
        assert_eq!(multi.check_invariants(), Ok(()));
        let told = |multi: &MultiExchange| multi.check_invariants().unwrap_err().0;

        let mut broken = multi.clone();
        broken.symbols.pop();
        assert_eq!(told(&broken), "every symbol has one exchange");
        let mut broken = multi.clone();
        broken.symbols.swap(0, 1);
        assert_eq!(told(&broken), "B is found at its place 0");
        let mut broken = multi.clone();
        broken.exchanges[1] = Exchange::broken();
        assert_eq!(
            told(&broken),
            "B: 0 orders and stops are finished, the count is 1"
        );
    }

    /// Which symbols there are, and in which order, is in the digest.
    #[test]
    fn symbols_are_told_apart() {
        let of = |names: &[&str]| {
            let mut multi = MultiExchange::new();
            for name in names {
                multi.get_or_create(Symbol::new(name));
            }
            multi
        };
        let multis = [
            of(&[]),
            of(&["AB"]),
            of(&["AC"]),
            of(&["AB", "AC"]),
            of(&["AC", "AB"]),
            of(&["A", "B"]),
        ];
        for (place, one) in multis.iter().enumerate() {
            for (other_place, other) in multis.iter().enumerate() {
                let is_same = place == other_place;
                assert_eq!(one.state_digest() == other.state_digest(), is_same);
                assert_eq!(one == other, is_same);
            }
        }
        let mut silent = MultiExchange::without_event_log();
        assert!(silent != MultiExchange::new());
        assert_eq!(silent.state_digest(), MultiExchange::new().state_digest());
        assert!(!silent.get_or_create(Symbol::new("AB")).has_event_log());
    }
}
