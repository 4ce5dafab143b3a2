//! A deterministic limit order book, matching engine, portfolio simulator and backtest loop.
//!
//! [`Exchange`] matches orders by price-time priority; [`MultiExchange`] holds one per symbol.
#![forbid(unsafe_code)]

mod backtest;
mod book;
mod error;
mod event;
mod exchange;
mod feed;
mod matching;
mod multi;
mod order;
#[cfg(feature = "persistence")]
mod persist;
mod portfolio;
mod result;
mod trade;
mod types;

pub use backtest::{
    BacktestConfig, BacktestError, BacktestResult, Decision, EqualWeight, FillTiming, PriceColumn,
    PriceSeries, PriceSeriesBuilder, Prices, ScheduleError, SeriesError, Strategy, SweepError,
    Targets, TradeColumns, TradeRecord, WeightRows, WeightSchedule, run_backtest,
    run_backtest_until, sweep, sweep_strategy,
};
pub use book::{BookSnapshot, LevelSnapshot, QueuePosition};
#[cfg(feature = "persistence")]
pub use error::PersistenceError;
pub use error::{
    CancelError, InvariantError, ModifyError, ReplayError, SymbolError, ValidationError,
};
pub use event::Event;
pub use exchange::{EventLog, EventLogIter, Exchange};
pub use feed::{
    FeedCounts, FeedDriver, FeedError, FeedKind, FeedMessage, ItchReader, LobsterBookReader,
    LobsterReader, VenueBook,
};
pub use multi::{MultiError, MultiExchange};
pub use order::{Order, OrderStatus, StopOrder, StopStatus, TrailMethod};
pub use portfolio::{
    BenchmarkMetrics, CostModel, Drawdown, Fill, Metrics, MetricsError, Portfolio, PortfolioError,
    PortfolioSnapshot, Position, compute_benchmark_metrics, compute_metrics, compute_metrics_until,
    drawdown_series, drawdowns, rolling_max_drawdown, rolling_sharpe, rolling_volatility,
};
pub use result::{CancelResult, Execution, ModifyResult, Outcome, StopSubmitResult, SubmitResult};
pub use trade::Trade;
pub use types::{Digest, OrderId, Price, Quantity, Side, Symbol, TimeInForce, Timestamp, TradeId};

/// The examples of the README run as doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;

/// The examples of the guide run as doctests.
#[cfg(doctest)]
#[doc = include_str!("../docs/rust.md")]
struct GuideDoctests;
