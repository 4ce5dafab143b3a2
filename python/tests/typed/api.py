"""The whole public API, for type checkers: each use has to have the type that is asserted.

The functions are also run, with `assert_type` looking at the values: a type here is one that the
value has. Those whose parameter is of a public class use every member of it. What needs NumPy is in
`api_numpy.py`; this file has to pass where NumPy is not installed.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, assert_type

import nanobook
from nanobook import (
    BacktestResult,
    BatchError,
    BatchResult,
    BenchmarkMetrics,
    BookSnapshot,
    CancelResult,
    CostModel,
    Drawdown,
    EqualWeight,
    Event,
    Exchange,
    FeedCounts,
    FeedDriver,
    FeedError,
    FeedKind,
    FeedMessage,
    Fill,
    InvariantError,
    ItchReader,
    LevelSnapshot,
    LobsterBookReader,
    LobsterReader,
    Metrics,
    MissingFileError,
    MissingPackageError,
    ModifyResult,
    MultiExchange,
    NanobookError,
    Order,
    OrderStatus,
    OutOfRangeError,
    PersistenceError,
    Portfolio,
    PortfolioSnapshot,
    Position,
    PriceSeries,
    QueuePosition,
    ReadOnlyError,
    Side,
    StopOrder,
    StopStatus,
    StopSubmitResult,
    StorageError,
    SubmitResult,
    Table,
    TimeInForce,
    Trade,
    TrailMethod,
    UnknownSymbolError,
    ValidationError,
    VenueBook,
    WeightSchedule,
)

if TYPE_CHECKING:
    from pathlib import Path

CancelError = Literal["OrderNotFound", "OrderNotActive"]
ModifyError = Literal["OrderNotFound", "OrderNotActive", "InvalidQuantity", "InvalidPrice"]
Kind = Literal[
    "submit_limit",
    "submit_market",
    "cancel",
    "modify",
    "reduce",
    "submit_stop_market",
    "submit_stop_limit",
    "submit_trailing_stop_market",
    "submit_trailing_stop_limit",
]
ROWS = [{"AAPL": 100_00, "GOOG": 50_00}, {"AAPL": 101_00, "GOOG": 49_00}]


def use_module() -> None:
    assert_type(nanobook.__version__, str)


def use_sides(side: Side) -> None:
    assert_type(side.value, str)
    assert_type(side.code, int)
    assert_type(Side("B"), Side)
    assert_type(Side.BUY, Literal[Side.BUY])
    assert_type(Side.SELL, Literal[Side.SELL])
    assert_type(side == "buy", bool)
    assert_type(side.upper(), str)
    assert_type(side.opposite(), Side)


def use_times_in_force(tif: TimeInForce) -> None:
    assert_type(tif.code, int)
    assert_type(tif.value, str)
    assert_type(TimeInForce.GTC, Literal[TimeInForce.GTC])
    assert_type(TimeInForce.IOC, Literal[TimeInForce.IOC])
    assert_type(TimeInForce.FOK, Literal[TimeInForce.FOK])


def use_order_statuses(status: OrderStatus) -> None:
    assert_type(status.code, int)
    assert_type(status.value, str)
    assert_type(OrderStatus.NEW, Literal[OrderStatus.NEW])
    assert_type(OrderStatus.PARTIALLY_FILLED, Literal[OrderStatus.PARTIALLY_FILLED])
    assert_type(OrderStatus.FILLED, Literal[OrderStatus.FILLED])
    assert_type(OrderStatus.CANCELLED, Literal[OrderStatus.CANCELLED])
    assert_type(status.is_active(), bool)


def use_stop_statuses(status: StopStatus) -> None:
    assert_type(status.code, int)
    assert_type(status.value, str)
    assert_type(StopStatus.PENDING, Literal[StopStatus.PENDING])
    assert_type(StopStatus.TRIGGERED, Literal[StopStatus.TRIGGERED])
    assert_type(StopStatus.CANCELLED, Literal[StopStatus.CANCELLED])


def use_trade(trade: Trade) -> None:
    assert_type(trade.trade_id, int)
    assert_type(trade.price, int)
    assert_type(trade.quantity, int)
    assert_type(trade.aggressor_order_id, int)
    assert_type(trade.passive_order_id, int)
    assert_type(trade.aggressor_side, Side)
    assert_type(trade.timestamp, int)
    assert_type(trade.price_float, float)
    assert_type(trade.passive_side(), Side)
    assert_type(trade.notional(), int)
    assert_type(Trade.vwap([trade]), int | None)
    assert_type(Trade.vwap(trade for _ in range(2)), int | None)
    assert_type(Trade(1, 100, 2, 2, 1, "buy", 3), Trade)
    assert_type({trade: 1}, dict[Trade, int])


def use_order(order: Order) -> None:
    assert_type(order.id, int)
    assert_type(order.side, Side)
    assert_type(order.price, int)
    assert_type(order.original_quantity, int)
    assert_type(order.remaining_quantity, int)
    assert_type(order.filled_quantity, int)
    assert_type(order.cancelled_quantity, int)
    assert_type(order.timestamp, int)
    assert_type(order.time_in_force, TimeInForce)
    assert_type(order.status, OrderStatus)
    made = Order(1, "buy", 100, 10, 5, 3, 2, 4, TimeInForce.GTC, OrderStatus.PARTIALLY_FILLED)
    assert_type(made, Order)


def use_level(level: LevelSnapshot) -> None:
    assert_type(level.price, int)
    assert_type(level.quantity, int)
    assert_type(level.order_count, int)
    assert_type(level.orders, list[tuple[int, int]] | None)
    assert_type(level.price_float, float)
    assert_type(LevelSnapshot(9_900, 5, 2, orders=[(1, 3), (4, 2)]), LevelSnapshot)


def use_book(book: BookSnapshot) -> None:
    assert_type(book.bids, list[LevelSnapshot])
    assert_type(book.asks, list[LevelSnapshot])
    assert_type(book.timestamp, int)
    assert_type(book.best_bid(), int | None)
    assert_type(book.best_ask(), int | None)
    assert_type(book.spread(), int | None)
    assert_type(book.mid_price(), int | None)
    assert_type(book.weighted_mid(), float | None)
    assert_type(book.imbalance(), float | None)
    assert_type(book.total_bid_quantity(), int)
    assert_type(book.total_ask_quantity(), int)
    assert_type(BookSnapshot(book.bids, asks=(), timestamp=9), BookSnapshot)


def use_submit_result(result: SubmitResult) -> None:
    assert_type(result.order_id, int)
    assert_type(result.status, OrderStatus)
    assert_type(result.trades, list[Trade])
    assert_type(result.filled_quantity, int)
    assert_type(result.resting_quantity, int)
    assert_type(result.cancelled_quantity, int)
    assert_type(SubmitResult(2, "new", result.trades, 3, 2, 0), SubmitResult)


def use_cancel_result(result: CancelResult) -> None:
    assert_type(result.success, bool)
    assert_type(result.cancelled_quantity, int)
    assert_type(result.error, CancelError | None)
    assert_type(CancelResult(False, 0, "OrderNotFound"), CancelResult)


def use_modify_result(result: ModifyResult) -> None:
    assert_type(result.success, bool)
    assert_type(result.old_order_id, int)
    assert_type(result.new_order_id, int | None)
    assert_type(result.cancelled_quantity, int)
    assert_type(result.trades, list[Trade])
    assert_type(result.error, ModifyError | None)
    assert_type(ModifyResult(False, 1, None, 0, [], error="InvalidPrice"), ModifyResult)


def use_stop_submit_result(result: StopSubmitResult) -> None:
    assert_type(result.order_id, int)
    assert_type(result.status, StopStatus)
    assert_type(StopSubmitResult(4, "pending"), StopSubmitResult)


def use_queue_position(position: QueuePosition) -> None:
    assert_type(position.orders_ahead, int)
    assert_type(position.quantity_ahead, int)
    orders, quantity = position
    assert_type(orders, int)
    assert_type(quantity, int)


def use_feed_kind(kind: FeedKind) -> None:
    assert_type(kind.code, int)
    assert_type(FeedKind("Hidden_Trade") == FeedKind.HIDDEN_TRADE, bool)
    kinds = [FeedKind.ADD, FeedKind.EXECUTE, FeedKind.REDUCE, FeedKind.DELETE, FeedKind.REPLACE]
    kinds += [FeedKind.CROSS, FeedKind.HALT, FeedKind.QUOTE_ONLY, FeedKind.RESUME, FeedKind.OTHER]
    assert_type(kinds, list[FeedKind])


def use_feed_message(message: FeedMessage) -> None:
    assert_type(message.kind, FeedKind)
    assert_type(message.timestamp_ns, int)
    assert_type(message.instrument, int)
    assert_type(message.reference, int)
    assert_type(message.new_reference, int)
    assert_type(message.side, Side | None)
    assert_type(message.price, int | None)
    assert_type(message.quantity, int)
    assert_type(message.venue_code, str)
    assert_type(message.to_dict(), dict[str, Any])
    assert_type(FeedMessage(**message.to_dict()), FeedMessage)
    assert_type(FeedMessage("delete", reference=7), FeedMessage)
    assert_type(FeedMessage(FeedKind.ADD, 1, 0, 7, 0, "sell", 5, 5, "A"), FeedMessage)


def use_feed_counts(counts: FeedCounts) -> None:
    assert_type(counts.messages, int)
    assert_type(counts.unknown_references, int)
    assert_type(counts.contradictions, int)


def use_itch_reader(reader: ItchReader) -> None:
    assert_type(reader.offset, int)
    assert_type(reader.symbol(13), str | None)
    assert_type(next(reader), FeedMessage)
    assert_type(reader.read_table(5), Table)
    for message in reader:
        assert_type(message, FeedMessage)
    with reader as same:
        assert_type(same, ItchReader)
    reader.close()


def use_lobster_readers(reader: LobsterReader, books: LobsterBookReader) -> None:
    assert_type(reader.offset, int)
    assert_type(next(reader), FeedMessage)
    assert_type(reader.read_table(), Table)
    reader.close()
    assert_type(books.offset, int)
    assert_type(next(books), BookSnapshot)
    books.close()


def use_venue_book(book: VenueBook, message: FeedMessage, reader: LobsterReader) -> None:
    book.apply(message)
    assert_type(book.apply_all(reader, 1), int)
    assert_type(book.apply_all([message]), int)
    book.set_level("buy", 9_800, 5)
    book.keep_levels(5)
    assert_type(book.best_bid(), int | None)
    assert_type(book.best_ask(), int | None)
    assert_type(book.depth(), BookSnapshot)
    assert_type(book.full_book(), BookSnapshot)
    assert_type(book.order(7), tuple[Side, int, int] | None)
    assert_type(book.queue_position(7), QueuePosition | None)
    assert_type(book.order_count(), int)
    assert_type(book.counts(), FeedCounts)
    book.check_invariants()
    assert_type(VenueBook.from_snapshot(book.depth()), VenueBook)
    assert_type(VenueBook.from_bytes(book.to_bytes()), VenueBook)
    assert_type(copy.deepcopy(book), VenueBook)


def use_feed_driver(
    driver: FeedDriver, exchange: Exchange, message: FeedMessage, book: VenueBook
) -> None:
    driver.seed(exchange, book.depth())
    done = driver.apply(exchange, message)
    assert_type(done, SubmitResult | CancelResult | ModifyResult | None)
    assert_type(driver.apply_all(exchange, [message], count=1), int)
    assert_type(driver.order_id(7), int | None)
    assert_type(driver.counts(), FeedCounts)
    assert_type(FeedDriver.from_bytes(driver.to_bytes()), FeedDriver)


def use_trail_method(exchange: Exchange, multi: MultiExchange, method: TrailMethod) -> None:
    assert_type(method["trail_type"], Literal["fixed", "percentage", "atr"])
    assert_type(method["trail_value"], float)
    assert_type(method["atr_period"], int | None)
    # What an exchange says of a stop can be submitted again.
    assert_type(exchange.submit_trailing_stop_market("sell", 9_500, 5, **method), StopSubmitResult)
    assert_type(
        exchange.submit_trailing_stop_limit("sell", 9_500, 9_400, 5, **method), StopSubmitResult
    )
    assert_type(
        multi.submit_trailing_stop_market("AAPL", "sell", 9_500, 5, **method), StopSubmitResult
    )
    assert_type(
        multi.submit_trailing_stop_limit("AAPL", "sell", 9_500, 9_400, 5, **method),
        StopSubmitResult,
    )


def use_stop_order(stop: StopOrder) -> None:
    assert_type(stop["id"], int)
    assert_type(stop["side"], Side)
    assert_type(stop["stop_price"], int)
    assert_type(stop["limit_price"], int | None)
    assert_type(stop["quantity"], int)
    assert_type(stop["time_in_force"], TimeInForce)
    assert_type(stop["timestamp"], int)
    assert_type(stop["status"], StopStatus)
    assert_type(stop["trail_method"], TrailMethod | None)
    assert_type(stop["watermark"], int | None)
    assert_type(stop["triggered_order_id"], int | None)


def use_event(event: Event) -> None:
    assert_type(event.kind, Kind)
    assert_type(event.to_dict(), dict[str, Any])
    assert_type(event.to_json(), str)
    assert_type(Event.from_json(event.to_json()), Event)


def use_exchange(exchange: Exchange) -> None:
    assert_type(Exchange(event_log=False), Exchange)
    assert_type(exchange.has_event_log(), bool)
    assert_type(exchange.timestamp(), int)
    assert_type(exchange.submit_limit("buy", 9_950, 5), SubmitResult)
    assert_type(exchange.submit_limit(Side.SELL, 9_950, 5, TimeInForce.IOC), SubmitResult)
    assert_type(exchange.submit_limit("S", 9_960, quantity=5, tif="FOK"), SubmitResult)
    assert_type(exchange.submit_market("b", 5), SubmitResult)
    assert_type(exchange.submit_stop_market("buy", 20_000, 5), StopSubmitResult)
    assert_type(exchange.submit_stop_limit("buy", 20_000, 20_010, 5), StopSubmitResult)
    assert_type(exchange.submit_stop_limit("buy", 20_000, 20_010, 5, "ioc"), StopSubmitResult)
    assert_type(
        exchange.submit_trailing_stop_market("sell", 9_500, 5, "fixed", 50), StopSubmitResult
    )
    assert_type(
        exchange.submit_trailing_stop_market("sell", 9_500, 5, "percentage", 0.05),
        StopSubmitResult,
    )
    assert_type(
        exchange.submit_trailing_stop_market("sell", 9_500, 5, "atr", 2.0, 14), StopSubmitResult
    )
    assert_type(
        exchange.submit_trailing_stop_limit("sell", 9_500, 9_400, 5, "fixed", 50, "gtc"),
        StopSubmitResult,
    )
    assert_type(
        exchange.submit_trailing_stop_limit("sell", 9_500, 9_400, 5, "atr", 2.0, "gtc", 14),
        StopSubmitResult,
    )
    assert_type(
        exchange.submit_trailing_stop_limit("sell", 9_500, 9_400, 5, "atr", 2.0, atr_period=14),
        StopSubmitResult,
    )
    columns = {"kind": ["submit_market"], "side": [Side.BUY], "quantity": [1]}
    assert_type(exchange.submit_batch(columns), BatchResult)
    assert_type(exchange.cancel(4), CancelResult)
    assert_type(exchange.modify(1, 9_901, 9), ModifyResult)
    assert_type(exchange.reduce(2, 1), CancelResult)
    assert_type(exchange.get_order(1), Order | None)
    assert_type(exchange.get_stop_order(4), StopOrder | None)
    assert_type(exchange.queue_position(2), QueuePosition | None)
    assert_type(exchange.best_bid(), int | None)
    assert_type(exchange.best_ask(), int | None)
    assert_type(exchange.best_bid_ask(), tuple[int | None, int | None])
    assert_type(exchange.spread(), int | None)
    assert_type(exchange.last_trade_price(), int | None)
    assert_type(exchange.depth(), BookSnapshot)
    assert_type(exchange.depth(levels=3), BookSnapshot)
    assert_type(exchange.full_book(), BookSnapshot)
    assert_type(exchange.depth_table(3), Table)
    assert_type(exchange.trades_table(), Table)
    assert_type(exchange.orders_table(), Table)
    assert_type(exchange.stop_orders_table(), Table)
    assert_type(exchange.events_table(), Table)
    assert_type(Exchange.replay(exchange.events_table()), Exchange)
    assert_type(Exchange.replay({"kind": ["cancel"], "order_id": [1]}), Exchange)
    assert_type(exchange.trades(), list[Trade])
    assert_type(exchange.events(), list[Event])
    assert_type(exchange.pending_stop_count(), int)
    assert_type(exchange.state_digest(), str)
    assert_type(exchange.to_bytes(), bytes)
    assert_type(Exchange.replay(exchange.events()), Exchange)
    assert_type(Exchange.from_bytes(bytearray(exchange.to_bytes())), Exchange)
    assert_type(exchange == Exchange(), bool)
    assert_type(copy.deepcopy(exchange), Exchange)
    with exchange as same:
        assert_type(same, Exchange)
    exchange.check_invariants()
    exchange.clear_trades()
    assert_type(exchange.clear_order_history(), int)


def use_events_again(exchange: Exchange, multi: MultiExchange, event: Event) -> None:
    done = exchange.apply(event)
    assert_type(done, SubmitResult | CancelResult | ModifyResult | StopSubmitResult)
    done = multi.apply("AAPL", event)
    assert_type(done, SubmitResult | CancelResult | ModifyResult | StopSubmitResult)


def use_exchange_files(exchange: Exchange, folder: Path) -> None:
    exchange.save(folder / "exchange.jsonl")
    exchange.save(str(folder / "exchange.jsonl"))
    assert_type(Exchange.load(folder / "exchange.jsonl"), Exchange)
    exchange.clear_events()


def use_batch_result(result: BatchResult) -> None:
    assert_type(len(result), int)
    assert_type(result.trades, Table)
    assert_type(result.to_table(), Table)
    try:
        Exchange().submit_batch({"kind": [None]})
    except BatchError as error:
        assert_type(error.row, int)
        assert_type(error.column, str)
        assert_type(error.value, int | float | str | None)
        assert_type(error.completed, int)
        assert_type(error.result, BatchResult)


def use_table(table: Table) -> None:
    assert_type(table.columns, list[str])
    assert_type(table.to_dict(), dict[str, list[Any]])
    assert_type(len(table), int)
    assert_type("price" in table, bool)
    assert_type(table.keys(), list[str])
    assert_type(list(table), list[str])


def use_multi(multi: MultiExchange) -> None:
    symbol = "AAPL"
    assert_type(MultiExchange(event_log=False), MultiExchange)
    assert_type(multi.has_event_log(symbol), bool)
    assert_type(multi.timestamp(symbol), int)
    assert_type(multi.exchange(symbol), Exchange)
    assert_type(multi.get_or_create("GOOG"), Exchange)
    assert_type(multi.symbols(), list[str])
    assert_type(multi.best_prices(), list[tuple[str, int | None, int | None]])
    assert_type(multi.len(), int)
    assert_type(multi.submit_limit(symbol, "buy", 9_950, 5), SubmitResult)
    assert_type(multi.submit_limit(symbol, "sell", 9_950, 5, "ioc"), SubmitResult)
    assert_type(multi.submit_market(symbol, Side.BUY, 5), SubmitResult)
    assert_type(multi.submit_stop_market(symbol, "buy", 20_000, 5), StopSubmitResult)
    assert_type(multi.submit_stop_limit(symbol, "buy", 20_000, 20_010, 5), StopSubmitResult)
    assert_type(
        multi.submit_trailing_stop_market(symbol, "sell", 9_500, 5, "fixed", 50),
        StopSubmitResult,
    )
    assert_type(
        multi.submit_trailing_stop_market(symbol, "sell", 9_500, 5, "atr", 2.0, atr_period=14),
        StopSubmitResult,
    )
    assert_type(
        multi.submit_trailing_stop_limit(symbol, "sell", 9_500, 9_400, 5, "percentage", 0.5),
        StopSubmitResult,
    )
    assert_type(
        multi.submit_trailing_stop_limit(symbol, "sell", 9_500, 9_400, 5, "atr", 2, "gtc", 14),
        StopSubmitResult,
    )
    columns = {"kind": ["cancel"], "symbol": ["AAPL"], "order_id": [3]}
    assert_type(multi.submit_batch(columns), BatchResult)
    assert_type(multi.cancel(symbol, 4), CancelResult)
    assert_type(multi.modify(symbol, 1, 9_901, 9), ModifyResult)
    assert_type(multi.reduce(symbol, 2, 1), CancelResult)
    assert_type(multi.get_order(symbol, 1), Order | None)
    assert_type(multi.get_stop_order(symbol, 4), StopOrder | None)
    assert_type(multi.queue_position(symbol, 2), QueuePosition | None)
    assert_type(multi.best_bid(symbol), int | None)
    assert_type(multi.best_ask(symbol), int | None)
    assert_type(multi.best_bid_ask(symbol), tuple[int | None, int | None])
    assert_type(multi.spread(symbol), int | None)
    assert_type(multi.last_trade_price(symbol), int | None)
    assert_type(multi.depth(symbol, 3), BookSnapshot)
    assert_type(multi.full_book(symbol), BookSnapshot)
    assert_type(multi.depth_table(symbol, levels=3), Table)
    assert_type(multi.trades_table(symbol), Table)
    assert_type(multi.orders_table(symbol), Table)
    assert_type(multi.stop_orders_table(symbol), Table)
    assert_type(multi.events_table(symbol), Table)
    assert_type(multi.trades(symbol), list[Trade])
    assert_type(multi.events(symbol), list[Event])
    assert_type(multi.pending_stop_count(symbol), int)
    assert_type(multi.state_digest(), str)
    assert_type(multi.state_digest(symbol), str)
    assert_type(multi.to_bytes(), bytes)
    assert_type(Exchange.from_bytes(multi.to_bytes(symbol)), Exchange)
    assert_type(MultiExchange.from_bytes(memoryview(multi.to_bytes())), MultiExchange)
    assert_type(len(multi), int)
    assert_type(symbol in multi, bool)
    assert_type(multi[symbol], Exchange)
    assert_type(list(multi), list[str])
    multi.check_invariants()
    multi.check_invariants(symbol)
    multi.clear_trades(symbol)
    assert_type(multi.clear_order_history(symbol), int)


def use_multi_files(multi: MultiExchange, folder: Path) -> None:
    multi.save("AAPL", folder / "multi.jsonl")
    multi.clear_events("AAPL")


def use_cost_model(model: CostModel) -> None:
    assert_type(CostModel(), CostModel)
    assert_type(CostModel(10, slippage_bps=5, min_trade_fee=100), CostModel)
    assert_type(CostModel.zero(), CostModel)
    assert_type(model.commission_bps, int)
    assert_type(model.slippage_bps, int)
    assert_type(model.min_trade_fee, int)
    assert_type(model.compute_cost(-1_000_000), int)


def use_position(position: Position) -> None:
    assert_type(Position("AAPL", -10, -100_000, 0), Position)
    assert_type(position.symbol, str)
    assert_type(position.quantity, int)
    assert_type(position.total_cost, int)
    assert_type(position.avg_entry_price, int)
    assert_type(position.realized_pnl, int)
    assert_type(position.market_value(100), int)
    assert_type(position.unrealized_pnl(price=100), int)


def use_fill(fill: Fill) -> None:
    assert_type(Fill("AAPL", 1, 100, 0), Fill)
    assert_type(fill.symbol, str)
    assert_type(fill.quantity, int)
    assert_type(fill.price, int)
    assert_type(fill.cost, int)


def use_metrics(metrics: Metrics) -> None:
    assert_type(metrics.total_return, float)
    assert_type(metrics.cagr, float)
    assert_type(metrics.volatility, float)
    assert_type(metrics.sharpe, float)
    assert_type(metrics.sortino, float)
    assert_type(metrics.max_drawdown, float)
    assert_type(metrics.calmar, float)
    assert_type(metrics.num_periods, int)
    assert_type(metrics.winning_periods, int)
    assert_type(metrics.losing_periods, int)
    assert_type(metrics.var_95, float)
    assert_type(metrics.cvar_95, float)
    assert_type(metrics.win_rate, float)
    assert_type(metrics.profit_factor, float)
    assert_type(metrics.payoff_ratio, float)
    assert_type(metrics.skew, float)
    assert_type(metrics.kurtosis, float)
    assert_type(metrics.max_drawdown_periods, int)
    assert_type(metrics.to_dict(), dict[str, float])


def use_benchmark_metrics(metrics: BenchmarkMetrics) -> None:
    assert_type(metrics.alpha, float)
    assert_type(metrics.beta, float)
    assert_type(metrics.correlation, float)
    assert_type(metrics.tracking_error, float)
    assert_type(metrics.information_ratio, float)
    assert_type(metrics.up_capture, float)
    assert_type(metrics.down_capture, float)
    assert_type(metrics.to_dict(), dict[str, float])


def use_drawdown(drawdown: Drawdown) -> None:
    assert_type(drawdown.start, int)
    assert_type(drawdown.trough, int)
    assert_type(drawdown.end, int | None)
    assert_type(drawdown.depth, float)
    assert_type(drawdown.length, int)
    assert_type(drawdown.to_trough, int)
    assert_type(drawdown.recovery, int | None)
    assert_type(drawdown.to_dict(), dict[str, float | None])


def use_portfolio(portfolio: Portfolio) -> None:
    assert_type(Portfolio(100), Portfolio)
    assert_type(Portfolio(100, cost_model=CostModel(1)), Portfolio)
    assert_type(portfolio.cash, int)
    assert_type(portfolio.initial_cash, int)
    assert_type(portfolio.cost_model, CostModel)
    assert_type(portfolio.costs, int)
    assert_type(portfolio.position("AAPL"), Position | None)
    assert_type(portfolio.positions(), dict[str, Position])
    assert_type(portfolio.last_price("AAPL"), int | None)
    assert_type(portfolio.equity_curve(), list[int])
    assert_type(portfolio.returns(), list[float])
    prices: Mapping[str, int] = {"AAPL": 10_100}
    assert_type(portfolio.total_equity(prices), int)
    assert_type(portfolio.total_equity([("AAPL", 10_100)]), int)
    assert_type(portfolio.current_weights(prices), list[tuple[str, float]])
    portfolio.record_return(prices)
    assert_type(portfolio.rebalance_simple({"AAPL": 0.25}, prices), list[Fill])
    assert_type(portfolio.rebalance_simple([("AAPL", 1)], prices.items()), list[Fill])
    assert_type(portfolio.rebalance_lob({"AAPL": 0}, exchanges(1)), list[Fill])
    assert_type(portfolio.snapshot(prices), PortfolioSnapshot)
    assert_type(portfolio.compute_metrics(252.0, risk_free=0.0), Metrics | None)
    assert_type(portfolio.state_digest(), str)
    assert_type(portfolio.to_json(), str)
    assert_type(Portfolio.from_json(portfolio.to_json()), Portfolio)
    portfolio.check_invariants()
    assert_type(copy.copy(portfolio), Portfolio)


def exchanges(quantity: int) -> MultiExchange:
    multi = MultiExchange()
    multi.submit_limit("AAPL", "buy", 10_000, quantity)
    return multi


def use_portfolio_files(portfolio: Portfolio, folder: Path) -> None:
    portfolio.save_json(folder / "portfolio.json")
    assert_type(Portfolio.load_json(str(folder / "portfolio.json")), Portfolio)


def use_portfolio_snapshot(snapshot: PortfolioSnapshot) -> None:
    assert_type(snapshot["cash"], int)
    assert_type(snapshot["equity"], int)
    assert_type(snapshot["unrealized"], int)
    assert_type(snapshot["total_realized_pnl"], int)
    assert_type(snapshot["costs"], int)
    assert_type(snapshot["num_positions"], int)
    assert_type(snapshot["weights"], list[tuple[str, float]])


def use_price_series(series: PriceSeries) -> None:
    assert_type(PriceSeries(ROWS), PriceSeries)
    assert_type(PriceSeries([[("AAPL", 1)], [("AAPL", 2)]]), PriceSeries)
    assert_type(PriceSeries(series), PriceSeries)
    assert_type(PriceSeries([{"AAPL": 1.5, "GOOG": None}], tick_size=0.01), PriceSeries)
    assert_type(PriceSeries([{"AAPL": Decimal("1.5")}], tick_size=0.01), PriceSeries)
    assert_type(series.symbols, list[str])
    assert_type(series.to_bytes(), bytes)
    assert_type(PriceSeries.from_bytes(series.to_bytes()), PriceSeries)
    assert_type(len(series), int)
    assert_type(series[0], dict[str, int])
    assert_type(series[:1], PriceSeries)
    assert_type("AAPL" in series, bool)
    assert_type(iter(series), Iterator[dict[str, int]])
    assert_type(list(reversed(series)), list[dict[str, int]])
    assert_type(hash(series), int)


def use_built_ins(schedule: WeightSchedule) -> None:
    assert_type(EqualWeight(), EqualWeight)
    assert_type(WeightSchedule([[0.5, 0.5], [1, 0]]), WeightSchedule)
    assert_type(WeightSchedule([[0.5, 0.5]], symbols=["AAPL", "GOOG"]), WeightSchedule)
    assert_type(schedule.symbols, list[str] | None)
    assert_type(WeightSchedule.from_bytes(schedule.to_bytes()), WeightSchedule)
    assert_type(len(schedule), int)


def use_result(result: BacktestResult) -> None:
    assert_type(result.portfolio, Portfolio)
    assert_type(result.metrics, Metrics | None)
    assert_type(result.costs, int)
    assert_type(result.turnover, float)
    assert_type(result.digest, str)
    assert_type(result.symbols, list[str])
    assert_type(result.trade_count, int)
    assert_type(result.equity_table(), Table)
    assert_type(result.weights_table(), Table)
    assert_type(result.trades_table(), Table)
    assert_type(result.to_dict(), dict[str, Any])
    assert_type(result.to_bytes(), bytes)
    assert_type(BacktestResult.from_bytes(result.to_bytes()), BacktestResult)


def by_dict(bar_index: int, prices: dict[str, int], portfolio: Portfolio) -> dict[str, float]:
    return dict.fromkeys(prices, 0.5)


def by_pairs(
    bar_index: int, prices: dict[str, int], portfolio: Portfolio
) -> list[tuple[str, float]] | None:
    return None if bar_index else [("AAPL", 1.0)]


def use_run_backtest() -> None:
    assert_type(nanobook.run_backtest(by_dict, ROWS, 1_000_000), BacktestResult)
    assert_type(
        nanobook.run_backtest(
            strategy=by_pairs,
            price_series=PriceSeries(ROWS),
            initial_cash=1_000_000,
            cost_model=CostModel(10, 5, 100),
            periods_per_year=12.0,
            risk_free=0.0,
            fill="next",
        ),
        BacktestResult,
    )
    assert_type(nanobook.run_backtest(EqualWeight(), ROWS, 1_000_000), BacktestResult)
    # The arguments of a lambda are known.
    nanobook.run_backtest(lambda bar, prices, view: {"AAPL": bar / view.cash}, ROWS, 1_000_000)


def use_metrics_functions() -> None:
    returns = [0.5, -0.25, 0.125]
    assert_type(nanobook.compute_metrics(returns), Metrics | None)
    assert_type(nanobook.compute_metrics((r for r in returns), 12, risk_free=0), Metrics | None)
    assert_type(nanobook.py_compute_metrics(returns, 12.0), Metrics | None)
    assert_type(nanobook.compute_benchmark_metrics(returns, returns), BenchmarkMetrics | None)
    assert_type(nanobook.drawdowns(returns, top=1), list[Drawdown])


class Momentum:
    """A strategy with a parameter, as a class."""

    def __init__(self, window: int) -> None:
        self.window = window

    def __call__(
        self, bar_index: int, prices: dict[str, int], portfolio: Portfolio
    ) -> dict[str, float]:
        return dict.fromkeys(prices, 1 / self.window)


def returns_of(param: tuple[int, float]) -> list[float]:
    return [param[1]] * param[0]


def use_sweeps() -> None:
    assert_type(nanobook.sweep(returns_of, [(3, 0.1), (4, 0.2)]), list[Metrics | None])
    # The parameters have the type that the function takes.
    assert_type(nanobook.sweep(lambda size: [size, -size], [0.1]), list[Metrics | None])
    runs = nanobook.sweep_strategy(Momentum, range(2, 4), ROWS, 1_000_000, max_workers=1)
    assert_type(runs, list[BacktestResult])
    pool: Executor
    with ThreadPoolExecutor(1) as pool:
        spread = nanobook.sweep_strategy(Momentum, [2], ROWS, 1_000_000, executor=pool)
    assert_type(spread, list[BacktestResult])
    equal = nanobook.sweep_equal_weight(2, ROWS, 1_000_000, risk_free=0.0)
    assert_type(equal, list[Metrics | None])
    assert_type(nanobook.py_sweep_equal_weight(2, ROWS, 1_000_000), list[Metrics | None])


def use_feed_error(reader: LobsterReader) -> None:
    try:
        list(reader)
    except FeedError as error:
        assert_type(error.offset, int)
    assert_type(reader.offset, int)


def use_errors() -> None:
    values: list[ValueError] = [ValidationError(), OutOfRangeError(), PersistenceError()]
    values.append(FeedError())
    assert_type(values[0], ValueError)
    overflow: OverflowError = OutOfRangeError()
    key: KeyError = UnknownSymbolError("AAPL")
    storage: OSError = StorageError(2, "no such file", "path")
    missing: FileNotFoundError = MissingFileError(2, "no such file", "path")
    package: ImportError = MissingPackageError()
    read_only: TypeError = ReadOnlyError()
    invariant: AssertionError = InvariantError()
    errors = (overflow, key, storage, missing, package, read_only, invariant)
    assert all(isinstance(error, NanobookError) for error in errors)


def refused(exchange: Exchange, portfolio: Portfolio, series: PriceSeries) -> None:
    """Never run: a checker that misses one of the errors calls its comment unused."""
    exchange.submit_limit("hold", 100, 1)  # type: ignore[arg-type]
    exchange.submit_limit("buy", 100.0, 1)  # type: ignore[arg-type]
    exchange.submit_limit("buy", "100", 1)  # type: ignore[arg-type]
    exchange.submit_limit("buy", 100, 1, "day")  # type: ignore[arg-type]
    exchange.submit_limit("buy", 100)  # type: ignore[call-arg]
    exchange.submit_market(side=1, quantity=1)  # type: ignore[arg-type]
    exchange.submit_trailing_stop_market("sell", 95, 1, "atr", 2.0)  # type: ignore[call-overload]
    exchange.submit_trailing_stop_market("sell", 95, 1, "slow", 5)  # type: ignore[call-overload]
    _ = exchange.get_order(1).price  # type: ignore[union-attr]
    exchange.load(1)  # type: ignore[arg-type]
    portfolio.cash = 1  # type: ignore[misc]
    portfolio.rebalance_simple({"AAPL": "half"}, {"AAPL": 1})  # type: ignore[arg-type]
    portfolio.rebalance_lob({"AAPL": 0.5}, exchange)  # type: ignore[arg-type]
    PriceSeries([{"AAPL": 1.5}])  # type: ignore[arg-type]
    _ = series["AAPL"]  # type: ignore[call-overload]
    nanobook.run_backtest(by_dict, ROWS, 100, fill="open")  # type: ignore[arg-type]
    nanobook.run_backtest(lambda bar: None, ROWS, 100)  # type: ignore[arg-type, misc]
    nanobook.run_backtest(by_dict, ROWS, 100, cost_model=10)  # type: ignore[arg-type]
    nanobook.sweep(returns_of, [1, 2])  # type: ignore[arg-type]
    nanobook.sweep(returns_of, [(1, 0.5)], executor=8)  # type: ignore[arg-type]
    nanobook.compute_metrics(0.5)  # type: ignore[arg-type]
