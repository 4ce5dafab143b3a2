//! A portfolio as JSON text, and in a file.
//!
//! One object: `format`, `version`, `checksum` (of the text of what follows) and `portfolio`. All
//! numbers are integers; the returns are computed again from the equity curve. A text is read only
//! when it is, byte for byte, what a portfolio would have written.

use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::{CostModel, Portfolio, Position, Slot, simple_return};
use crate::error::PersistenceError;
use crate::persist::write_atomically;
use crate::types::{Digest, Symbol};

const FORMAT: &str = "nanobook-portfolio";
const VERSION: u32 = 1;
const BEFORE_STATE: &str = r#","portfolio":"#;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: String,
    version: u32,
    checksum: String,
    portfolio: State,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    cash: i64,
    costs: i64,
    commission_bps: u32,
    slippage_bps: u32,
    min_trade_fee: i64,
    symbols: Vec<SymbolState>,
    equity_curve: Vec<i64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SymbolState {
    symbol: Symbol,
    quantity: i64,
    total_cost: i64,
    realized_pnl: i64,
    last_price: i64,
    traded: bool,
}

impl Portfolio {
    /// Returns the portfolio as one line of JSON, with a checksum.
    ///
    /// # Panics
    ///
    /// Never: numbers and symbols always have a text.
    pub fn to_json(&self) -> String {
        let state =
            serde_json::to_string(&self.to_state()).expect("numbers and symbols have a text");
        let checksum = Digest(xxh3_64(state.as_bytes()));
        format!(
            r#"{{"format":"{FORMAT}","version":{VERSION},"checksum":"{checksum}"{BEFORE_STATE}{state}}}"#
        )
    }

    /// Returns the portfolio as it is saved.
    pub(crate) fn to_state(&self) -> State {
        State {
            cash: self.cash,
            costs: self.costs,
            commission_bps: self.cost_model.commission_bps(),
            slippage_bps: self.cost_model.slippage_bps(),
            min_trade_fee: self.cost_model.min_trade_fee(),
            symbols: self.visible().map(SymbolState::of).collect(),
            equity_curve: self.equity_curve.clone(),
        }
    }

    /// Returns the portfolio that [`Portfolio::to_json`] wrote.
    ///
    /// ```
    /// use nanobook::{CostModel, Portfolio, Price, Symbol};
    /// let aapl = Symbol::new("AAPL");
    /// let mut portfolio = Portfolio::new(1_000_00, CostModel::new(10, 5, 0));
    /// portfolio.rebalance_simple(&[(aapl, 0.5)], &[(aapl, Price(10_00))])?;
    /// let text = portfolio.to_json();
    /// assert_eq!(Portfolio::from_json(&text)?, portfolio);
    /// assert!(Portfolio::from_json(&text.replace("1000", "1001")).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`PersistenceError::Malformed`] for any other text.
    pub fn from_json(text: &str) -> Result<Self, PersistenceError> {
        Self::parse(text.strip_suffix('\n').unwrap_or(text))
    }

    fn parse(text: &str) -> Result<Self, PersistenceError> {
        let file: File =
            serde_json::from_str(text).map_err(|error| PersistenceError::Malformed {
                line: u64::try_from(error.line()).ok(),
                reason: format!("not a saved portfolio: {error}"),
            })?;
        if file.format != FORMAT {
            return Err(malformed(format!(
                "format is {:?}, not {FORMAT:?}",
                file.format
            )));
        }
        if file.version != VERSION {
            let version = file.version;
            return Err(malformed(format!(
                "version is {version}, this reads {VERSION}"
            )));
        }
        let saved = text
            .split_once(BEFORE_STATE)
            .and_then(|(_, rest)| rest.strip_suffix('}'));
        let checksum = saved.map(|state| Digest(xxh3_64(state.as_bytes())).to_string());
        if checksum.as_ref() != Some(&file.checksum) {
            return Err(malformed("the checksum does not match".to_owned()));
        }
        let portfolio = file.portfolio.into_portfolio().map_err(malformed)?;
        if portfolio.to_json() != text {
            return Err(malformed(
                "the text is not what a portfolio writes".to_owned(),
            ));
        }
        Ok(portfolio)
    }

    /// Writes [`Portfolio::to_json`] to a file: a crash leaves the old file or the new one.
    ///
    /// # Errors
    ///
    /// [`PersistenceError::Io`] when the file cannot be written.
    pub fn save_json(&self, path: impl AsRef<Path>) -> Result<(), PersistenceError> {
        let text = self.to_json();
        write_atomically(path.as_ref(), |file: &mut dyn Write| {
            writeln!(file, "{text}")
        })
        .map_err(PersistenceError::Io)
    }

    /// Reads the portfolio that [`Portfolio::save_json`] wrote.
    ///
    /// # Errors
    ///
    /// [`PersistenceError::Io`] when the file cannot be read, [`PersistenceError::Malformed`] when
    /// it was changed.
    pub fn load_json(path: impl AsRef<Path>) -> Result<Self, PersistenceError> {
        let bytes = std::fs::read(path).map_err(PersistenceError::Io)?;
        match std::str::from_utf8(&bytes) {
            // Without its last byte, too, a file is cut.
            Ok(text) => match text.strip_suffix('\n') {
                Some(text) => Self::parse(text),
                None => Err(malformed("the last line has no end".to_owned())),
            },
            Err(error) => Err(malformed(format!("not a saved portfolio: {error}"))),
        }
    }
}

fn malformed(reason: String) -> PersistenceError {
    PersistenceError::Malformed { line: None, reason }
}

impl SymbolState {
    fn of(slot: &Slot) -> Self {
        Self {
            symbol: slot.position.symbol,
            quantity: slot.position.quantity,
            total_cost: slot.position.total_cost,
            realized_pnl: slot.position.realized_pnl,
            last_price: slot.last_price,
            traded: slot.traded,
        }
    }
}

impl From<SymbolState> for Slot {
    fn from(state: SymbolState) -> Self {
        Self {
            position: Position {
                symbol: state.symbol,
                quantity: state.quantity,
                total_cost: state.total_cost,
                realized_pnl: state.realized_pnl,
            },
            last_price: state.last_price,
            traded: state.traded,
        }
    }
}

impl State {
    /// Returns the portfolio, every invariant checked: a checksum stops accidents, not forgery.
    pub(crate) fn into_portfolio(self) -> Result<Portfolio, String> {
        let cost_model =
            CostModel::try_new(self.commission_bps, self.slippage_bps, self.min_trade_fee)
                .map_err(|error| error.to_string())?;
        if self.equity_curve.is_empty() {
            return Err("an equity curve starts with the initial cash".to_owned());
        }
        let returns = self
            .equity_curve
            .windows(2)
            .filter_map(|pair| simple_return(pair[0], pair[1]))
            .collect();
        let slots: Vec<Slot> = self.symbols.into_iter().map(Slot::from).collect();
        let portfolio = Portfolio {
            cash: self.cash,
            costs: self.costs,
            cost_model,
            by_symbol: (0..slots.len()).collect(),
            slots,
            equity_curve: self.equity_curve,
            returns,
        };
        portfolio
            .check_invariants()
            .map_err(|error| error.to_string())?;
        Ok(portfolio)
    }
}
