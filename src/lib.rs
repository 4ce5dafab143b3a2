//! A deterministic limit order book, matching engine, portfolio simulator and backtest loop.
#![forbid(unsafe_code)]

mod error;
mod event;
mod order;
mod result;
mod trade;
mod types;

pub use error::{
    CancelError, InvariantError, ModifyError, ReplayError, SymbolError, ValidationError,
};
pub use event::Event;
pub use order::{Order, OrderStatus, StopOrder, StopStatus, TrailMethod};
pub use result::{
    CancelResult, Execution, ModifyResult, Outcome, StopSubmitResult, SubmitResult,
};
pub use trade::Trade;
pub use types::{Digest, OrderId, Price, Quantity, Side, Symbol, TimeInForce, Timestamp, TradeId};
