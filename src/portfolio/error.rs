//! What can go wrong in a portfolio.

use std::error::Error;
use std::fmt;

use crate::types::{Price, Symbol};

/// Why a portfolio refused something. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum PortfolioError {
    /// A symbol was named twice among the targets.
    DuplicateTarget(Symbol),
    /// A symbol was named twice among the prices.
    DuplicatePrice(Symbol),
    /// A target weight was NaN or infinite.
    WeightNotFinite {
        /// The symbol it was for.
        symbol: Symbol,
        /// The weight.
        weight: f64,
    },
    /// A price was not positive and below [`Price::MAX`].
    InvalidPrice {
        /// The symbol it was for.
        symbol: Symbol,
        /// The price.
        price: Price,
    },
    /// A symbol has a target other than 0, or is held, and never had a price.
    NeverPriced(Symbol),
    /// A target names a symbol that the price series does not have.
    UnknownSymbol(Symbol),
    /// An array of weights is not as long as the list of symbols.
    WeightCount {
        /// How many symbols there are.
        symbols: usize,
        /// How many weights were given.
        weights: usize,
    },
    /// Equity x weight does not fit in `i64`.
    TargetOverflow {
        /// The symbol the weight was for.
        symbol: Symbol,
        /// The equity.
        equity: i64,
        /// The weight.
        weight: f64,
    },
    /// A sum, difference or product of money or quantities does not fit.
    Overflow {
        /// What was computed.
        what: &'static str,
        /// The left operand.
        left: i128,
        /// `+`, `-` or `x`.
        operator: &'static str,
        /// The right operand.
        right: i128,
    },
    /// The minimum fee of a cost model was negative.
    NegativeFee(i64),
}

impl fmt::Display for PortfolioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateTarget(symbol) => {
                write!(f, "a symbol may have one target, {symbol} has two")
            }
            Self::DuplicatePrice(symbol) => {
                write!(f, "a symbol may have one price, {symbol} has two")
            }
            Self::WeightNotFinite { symbol, weight } => {
                write!(f, "a weight must be finite, got {weight:?} for {symbol}")
            }
            Self::InvalidPrice { symbol, price } => write!(
                f,
                "a price must be positive and below {}, got {price} for {symbol}",
                Price::MAX
            ),
            Self::NeverPriced(symbol) => write!(
                f,
                "a symbol that is held or has a target must have had a price, {symbol} never had one"
            ),
            Self::UnknownSymbol(symbol) => {
                write!(
                    f,
                    "a target must be for a symbol of the price series, got {symbol}"
                )
            }
            Self::WeightCount { symbols, weights } => write!(
                f,
                "an array of weights must have one for each of the {symbols} symbols, got {weights}"
            ),
            Self::TargetOverflow {
                symbol,
                equity,
                weight,
            } => write!(
                f,
                "target of {symbol}: equity {equity} x weight {weight:?} does not fit in 64 bits"
            ),
            Self::Overflow {
                what,
                left,
                operator,
                right,
            } => write!(
                f,
                "{what}: {left} {operator} {right} does not fit in 64 bits"
            ),
            Self::NegativeFee(fee) => write!(f, "min_trade_fee must not be negative, got {fee}"),
        }
    }
}

impl Error for PortfolioError {}

/// Narrows an exact result, or names the operands it came from.
pub(crate) fn narrow(
    value: i128,
    what: &'static str,
    left: i128,
    operator: &'static str,
    right: i128,
) -> Result<i64, PortfolioError> {
    i64::try_from(value).map_err(|_| PortfolioError::Overflow {
        what,
        left,
        operator,
        right,
    })
}
