//! A deterministic limit order book, matching engine, portfolio simulator and backtest loop.
//!
//! The same commands always lead to the same trades, on every machine: nothing here reads a clock or
//! takes randomness, and prices, quantities and money are integers.
//!
//! ```
//! use nanobook::{Exchange, Price, Side, TimeInForce};
//! let mut exchange = Exchange::new();
//! let ask = exchange.submit_limit(Side::Sell, Price(101_00), 50, TimeInForce::GTC);
//! let buy = exchange.submit_market(Side::Buy, 20);
//! assert_eq!((buy.filled_quantity, buy.trades[0].price), (20, Price(101_00)));
//! assert_eq!(exchange.get_order(ask.order_id).expect("it rests").remaining_quantity, 30);
//! let copy = Exchange::replay(exchange.events())?;
//! assert_eq!(copy.state_digest(), exchange.state_digest());
//! # Ok::<(), nanobook::ReplayError>(())
//! ```
//!
//! | for | begin with |
//! |---|---|
//! | an order book and its matching | [`Exchange`], its [`SubmitResult`], [`Order`] and [`Trade`]; [`MultiExchange`] for many symbols |
//! | stops | [`Exchange::submit_stop_market`], [`TrailMethod`] |
//! | commands as data | [`Event`], [`Exchange::apply`], [`EventLog`] |
//! | a portfolio | [`Portfolio`], [`CostModel`] |
//! | a backtest | [`run_backtest`], [`Strategy`], [`PriceSeries`] |
//! | many backtests | [`sweep`], [`sweep_strategy`] |
//! | what a strategy was worth | [`compute_metrics`], [`compute_benchmark_metrics`], [`rolling_sharpe`] |
//! | market data | [`ItchReader`], [`LobsterReader`], [`VenueBook`], [`FeedDriver`] |
//!
//! Features, all on by default: `persistence` (bytes, files and JSON), `parallel` (sweeps on all
//! cores), `gzip` (market data files that are compressed).
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

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
    BacktestConfig, BacktestError, BacktestResult, ByRef, Decision, EqualWeight, FillTiming,
    PriceColumn, PriceSeries, PriceSeriesBuilder, Prices, ScheduleError, SeriesError, Strategy,
    SweepError, Targets, TradeColumns, TradeRecord, WeightRows, WeightSchedule, run_backtest,
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
