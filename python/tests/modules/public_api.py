"""Every public callable with its arguments: what each means, and a value that it takes.

The tests of conventions call all of them by keyword, those of hostile calls with bad values.
"""

from __future__ import annotations

import inspect
import pickle
import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import nanobook

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Argument(NamedTuple):
    """What an argument means, and a value that is taken, or a function of the world to it."""

    kind: str
    good: Any


def hold(bar_index: int, prices: dict[str, int], portfolio: nanobook.Portfolio) -> None:
    """Leave the portfolio alone."""


def make_equal_weight(param: int) -> nanobook.EqualWeight:
    return nanobook.EqualWeight()


def one_return(param: float) -> list[float]:
    return [param]


TRADE = nanobook.Trade(7, 10_000, 3, 2, 1, "buy", 9)
BID = nanobook.LevelSnapshot(9_900, 5, 1)
ASK = nanobook.LevelSnapshot(10_100, 5, 1)
ADD = nanobook.FeedMessage("add", 1, reference=7, side="buy", price=9_900, quantity=5)
ROWS = [{"AAPL": 100_00, "GOOG": 50_00}, {"AAPL": 101_00, "GOOG": 49_00}]


class World:
    """An object of each class that has methods, in a state that a wrong call could damage."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.exchange = nanobook.Exchange()
        self.multi = nanobook.MultiExchange()
        for book in (self.exchange, self.multi.get_or_create("AAPL")):
            book.submit_limit("buy", 9_900, 10)
            book.submit_limit("sell", 10_100, 10)
            book.submit_limit("buy", 10_100, 4)
            book.submit_stop_market("sell", 9_000, 5)
        self.portfolio = nanobook.Portfolio(1_000_000, nanobook.CostModel(10, 5, 1))
        self.portfolio.rebalance_simple({"AAPL": 0.5}, {"AAPL": 10_000})
        self.portfolio.record_return({"AAPL": 10_100})
        self.cost_model = nanobook.CostModel(10, 5, 100)
        self.position = nanobook.Position("AAPL", 10, 100_000, 0)
        self.series = nanobook.PriceSeries(ROWS)
        self.schedule = nanobook.WeightSchedule([[0.5, 0.5], [1.0, 0.0]])
        self.result = nanobook.run_backtest(nanobook.EqualWeight(), ROWS, 1_000_000)
        self.event = self.exchange.events()[0]
        self.venue_book, self.driver = nanobook.VenueBook(), nanobook.FeedDriver()
        self.venue_book.apply(ADD)
        self.driver.apply(self.exchange, ADD)
        self.itch_path, self.lobster_path = folder / "day.itch", folder / "messages.csv"
        self.books_path = folder / "books.csv"
        self.itch_path.write_bytes(bytes([0, 12]) + b"S" + bytes(11))
        self.lobster_path.write_text("1,1,7,5,9900,1\n", "utf-8")
        self.books_path.write_text("10100,5,9900,5\n", "utf-8")
        self.path = folder / "exchange.jsonl"
        self.portfolio_path = folder / "portfolio.json"
        self.exchange.save(self.path)
        self.portfolio.save_json(self.portfolio_path)

    def of(self, owner: str) -> object:
        """Return the object of a class."""
        return {
            "Exchange": self.exchange,
            "MultiExchange": self.multi,
            "Portfolio": self.portfolio,
            "CostModel": self.cost_model,
            "Position": self.position,
            "PriceSeries": self.series,
            "WeightSchedule": self.schedule,
            "BacktestResult": self.result,
            "Event": self.event,
            "EqualWeight": nanobook.EqualWeight(),
            "Trade": TRADE,
            "FeedMessage": ADD,
            "VenueBook": self.venue_book,
            "FeedDriver": self.driver,
            "ItchReader": nanobook.ItchReader(self.itch_path),
            "LobsterReader": nanobook.LobsterReader(self.lobster_path),
            "LobsterBookReader": nanobook.LobsterBookReader(self.books_path),
            "Table": self.exchange.trades_table(),
            "BatchResult": nanobook.Exchange().submit_batch(BATCH),
            "BookSnapshot": nanobook.BookSnapshot([BID], [ASK], 9),
            "Metrics": nanobook.compute_metrics([0.5, -0.5, 0.0]),
            "BenchmarkMetrics": nanobook.compute_benchmark_metrics([0.5, -0.5], [0.1, -0.1]),
            "Drawdown": nanobook.drawdowns([-0.5])[0],
        }[owner]

    def state(self) -> tuple[object, ...]:
        """Return all that a call could change."""
        return (
            self.exchange.to_bytes(),
            self.exchange.state_digest(),
            self.multi.to_bytes(),
            self.multi.symbols(),
            self.portfolio.to_json(),
            self.venue_book.to_bytes(),
            self.driver.to_bytes(),
            self.series.to_bytes(),
            self.schedule.to_bytes(),
            self.result.to_bytes(),
            self.path.read_bytes(),
            self.portfolio_path.read_bytes(),
            sorted(path.name for path in self.folder.iterdir()),
        )

    def copy(self) -> World:
        """Return a world of its own; only the files are shared."""
        other = object.__new__(World)
        other.__dict__.update(vars(self))
        for name in ("exchange", "multi", "portfolio", "venue_book", "driver"):
            setattr(other, name, pickle.loads(pickle.dumps(getattr(self, name))))
        return other


@dataclass(frozen=True)
class Call:
    """A public callable; `name` is "function", "Class" or "Class.method"."""

    name: str
    arguments: dict[str, Argument]

    def function(self, world: World) -> Callable[..., Any]:
        """Return what is called: for a method of objects, that of the world's own object."""
        owner, _, method = self.name.partition(".")
        top: Any = getattr(nanobook, owner)
        if not method:
            return top
        static = inspect.getattr_static(top, method)
        if isinstance(static, types.ClassMethodDescriptorType | staticmethod):
            return getattr(top, method)
        return getattr(world.of(owner), method)

    def good(self, world: World) -> dict[str, Any]:
        """Return arguments that are taken."""
        values = {name: argument.good for name, argument in self.arguments.items()}
        return {
            name: value(world) if isinstance(value, Of) else value for name, value in values.items()
        }


class Of(NamedTuple):
    """A good value that depends on the world."""

    attribute: str
    method: str = ""

    def __call__(self, world: World) -> object:
        """Return an attribute of the world, or what a method of it returns."""
        value = getattr(world, self.attribute)
        return getattr(value, self.method)() if self.method else value


def argument(kind: str) -> Callable[[Any], Argument]:
    return lambda good: Argument(kind, good)


flag = argument("flag")
side = argument("side")
tif = argument("tif")
order_status = argument("order_status")
stop_status = argument("stop_status")
fill = argument("fill")
# Prices and quantities of commands, which have to be positive; numbers that need not be.
price = argument("price")
quantity = argument("quantity")
natural = argument("natural")
size = argument("size")
integer = argument("integer")
bps = argument("bps")
natural_or_none = argument("natural_or_none")
trail_type = argument("trail_type")
trail_value = argument("trail_value")
fraction = argument("fraction")
atr_period = argument("atr_period")
new_symbol = argument("new_symbol")
known_symbol = argument("known_symbol")
known_symbol_or_none = argument("known_symbol_or_none")
price_pairs = argument("price_pairs")
weight_pairs = argument("weight_pairs")
trades = argument("trades")
levels = argument("levels")
event = argument("event")
events = argument("events")
feed_kind = argument("feed_kind")
feed_message = argument("feed_message")
feed = argument("feed")
feed_path = argument("feed_path")
venue_code = argument("venue_code")
instrument = argument("instrument")
side_or_none = argument("side_or_none")
price_or_none = argument("price_or_none")
exchange = argument("exchange")
snapshot = argument("snapshot")
commands = argument("commands")
level_orders = argument("level_orders")
cancel_error = argument("cancel_error")
modify_error = argument("modify_error")
state_bytes = argument("state_bytes")
event_json = argument("event_json")
portfolio_json = argument("portfolio_json")
path_to_write = argument("path_to_write")
path_to_read = argument("path_to_read")
cost_model = argument("cost_model")
multi = argument("multi")
rate = argument("rate")
periods = argument("periods")
returns = argument("returns")
real = argument("real")
rows = argument("rows")
symbols = argument("symbols")
symbols_or_none = argument("symbols_or_none")
tick_size = argument("tick_size")
dtype = argument("dtype")
weights = argument("weights")
strategy = argument("strategy")
run = argument("run")
make_strategy = argument("make_strategy")
params = argument("params")
executor = argument("executor")
progress = argument("progress")
workers = argument("workers")

STOP = {"initial_stop_price": price(9_500), "quantity": quantity(5)}
FIXED = {"trail_type": trail_type("fixed"), "trail_value": trail_value(50)}
ATR = {"trail_type": argument("atr")("atr"), "trail_value": fraction(2.0)}

BATCH = {"kind": ["submit_limit"], "side": ["buy"], "price": [9_950], "quantity": [5]}

# The methods of `Exchange`, which those of `MultiExchange` are with a symbol first. A command may
# open a symbol, and nothing else does.
COMMANDS: dict[str, dict[str, Argument]] = {
    "submit_limit": {
        "side": side("buy"),
        "price": price(9_950),
        "quantity": quantity(5),
        "tif": tif("gtc"),
    },
    "submit_market": {"side": side("buy"), "quantity": quantity(5)},
    "submit_stop_market": {
        "side": side("buy"),
        "stop_price": price(10_500),
        "quantity": quantity(5),
    },
    "submit_stop_limit": {
        "side": side("buy"),
        "stop_price": price(10_500),
        "limit_price": price(10_600),
        "quantity": quantity(5),
        "tif": tif("fok"),
    },
    "submit_trailing_stop_market": {"side": side("sell"), **STOP, **FIXED},
    "submit_trailing_stop_limit": {
        "side": side("sell"),
        "initial_stop_price": price(9_500),
        "limit_price": price(9_400),
        "quantity": quantity(5),
        **FIXED,
        "tif": tif("ioc"),
    },
    "apply": {"event": event(Of("event"))},
}
QUERIES: dict[str, dict[str, Argument]] = {
    "cancel": {"order_id": natural(1)},
    "modify": {
        "order_id": natural(1),
        # What is out of range for the book is in the result, and what does not fit is not.
        "new_price": integer(9_901),
        "new_quantity": natural(3),
    },
    "reduce": {"order_id": natural(1), "quantity": quantity(3)},
    "get_order": {"order_id": natural(1)},
    "get_stop_order": {"id": natural(4)},
    "queue_position": {"order_id": natural(1)},
    "depth": {"levels": size(5)},
    "depth_array": {"levels": size(5)},
    "depth_table": {"levels": size(5)},
}
WITHOUT_ARGUMENTS = (
    *("best_bid", "best_ask", "best_bid_ask", "spread", "last_trade_price", "full_book"),
    *("timestamp", "trades", "clear_trades", "events", "has_event_log", "clear_events"),
    "clear_order_history",
    "pending_stop_count",
    *("trades_table", "trades_array", "orders_table", "orders_array"),
    *("stop_orders_table", "stop_orders_array"),
    *("events_table", "events_array"),
)
EXCHANGE_STATE = state_bytes(Of("exchange", "to_bytes"))
SERIES = rows(ROWS)
BACKTEST: dict[str, Argument] = {
    "price_series": SERIES,
    "initial_cash": integer(1_000_000),
    "cost_model": cost_model(nanobook.CostModel(10, 5, 100)),
    "periods_per_year": periods(12.0),
    "risk_free": rate(0.001),
    "fill": fill("next"),
}
RATES = {"periods_per_year": periods(12.0), "risk_free": rate(0.001)}
EQUAL_WEIGHTS = {
    "n_params": size(2),
    "price_series": SERIES,
    "initial_cash": integer(1_000_000),
    **RATES,
}

TABLE: dict[str, dict[str, Argument]] = {
    "Trade": {
        "trade_id": natural(7),
        "price": price(10_000),
        "quantity": quantity(3),
        "aggressor_order_id": natural(2),
        "passive_order_id": natural(1),
        "aggressor_side": side("buy"),
        "timestamp": natural(9),
    },
    "Trade.vwap": {"trades": trades([TRADE])},
    "Order": {
        "id": natural(1),
        "side": side("buy"),
        "price": integer(10_000),
        "original_quantity": natural(10),
        "remaining_quantity": natural(5),
        "filled_quantity": natural(3),
        "cancelled_quantity": natural(2),
        "timestamp": natural(4),
        "time_in_force": tif("gtc"),
        "status": order_status("partially_filled"),
    },
    "LevelSnapshot": {
        "price": price(9_900),
        "quantity": quantity(5),
        "order_count": size(2),
        "orders": level_orders([(1, 3), (4, 2)]),
    },
    "FeedMessage": {
        "kind": feed_kind("replace"),
        "timestamp_ns": natural(3),
        "instrument": instrument(13),
        "reference": natural(7),
        "new_reference": natural(8),
        "side": side_or_none("buy"),
        "price": price_or_none(9_950),
        "quantity": natural(5),
        "venue_code": venue_code("U"),
    },
    "ItchReader": {"path": feed_path(Of("itch_path")), "symbols": symbols_or_none(["AAPL"])},
    "ItchReader.symbol": {"instrument": instrument(13)},
    "ItchReader.read_table": {"count": natural_or_none(5)},
    "LobsterReader": {"path": feed_path(Of("lobster_path"))},
    "LobsterReader.read_table": {"count": natural_or_none(5)},
    "LobsterBookReader": {"path": feed_path(Of("books_path"))},
    "VenueBook.from_snapshot": {"snapshot": snapshot(nanobook.BookSnapshot([BID], [ASK], 9))},
    "VenueBook.apply": {"message": feed_message(ADD)},
    "VenueBook.apply_all": {"feed": feed([ADD]), "count": natural_or_none(5)},
    "VenueBook.set_level": {"side": side("buy"), "price": price(9_950), "quantity": natural(5)},
    "VenueBook.keep_levels": {"levels": size(5)},
    "VenueBook.depth": {"levels": size(5)},
    "VenueBook.order": {"reference": natural(7)},
    "VenueBook.queue_position": {"reference": natural(7)},
    "VenueBook.from_bytes": {"data": state_bytes(Of("venue_book", "to_bytes"))},
    "FeedDriver.seed": {
        "exchange": exchange(Of("exchange")),
        "snapshot": snapshot(nanobook.BookSnapshot([BID], [ASK], 9)),
    },
    "FeedDriver.apply": {"exchange": exchange(Of("exchange")), "message": feed_message(ADD)},
    "FeedDriver.apply_all": {
        "exchange": exchange(Of("exchange")),
        "feed": feed([ADD]),
        "count": natural_or_none(5),
    },
    "FeedDriver.order_id": {"reference": natural(7)},
    "FeedDriver.from_bytes": {"data": state_bytes(Of("driver", "to_bytes"))},
    "BookSnapshot": {"bids": levels([BID]), "asks": levels([ASK]), "timestamp": natural(9)},
    "SubmitResult": {
        "order_id": natural(2),
        "status": order_status("new"),
        "trades": trades([TRADE]),
        "filled_quantity": natural(3),
        "resting_quantity": natural(2),
        "cancelled_quantity": natural(0),
    },
    "CancelResult": {
        "success": flag(False),
        "cancelled_quantity": natural(0),
        "error": cancel_error("OrderNotFound"),
    },
    "ModifyResult": {
        "success": flag(True),
        "old_order_id": natural(1),
        "new_order_id": natural_or_none(2),
        "cancelled_quantity": natural(5),
        "trades": trades([TRADE]),
        "error": modify_error(None),
    },
    "StopSubmitResult": {"order_id": natural(4), "status": stop_status("pending")},
    "Event.from_json": {"text": event_json(Of("event", "to_json"))},
    "Exchange": {"event_log": flag(False)},
    **{f"Exchange.{name}": arguments for name, arguments in {**COMMANDS, **QUERIES}.items()},
    "Exchange.submit_batch": {"commands": commands(BATCH)},
    "MultiExchange.submit_batch": {"commands": commands({**BATCH, "symbol": ["AAPL"]})},
    "Exchange.replay": {"events": events(Of("exchange", "events"))},
    "Exchange.from_bytes": {"data": EXCHANGE_STATE},
    "Exchange.save": {"path": path_to_write(Of("path"))},
    "Exchange.load": {"path": path_to_read(Of("path"))},
    "MultiExchange": {"event_log": flag(False)},
    "MultiExchange.exchange": {"symbol": known_symbol("AAPL")},
    "MultiExchange.get_or_create": {"symbol": new_symbol("GOOG")},
    **{
        f"MultiExchange.{name}": {"symbol": new_symbol("GOOG"), **arguments}
        for name, arguments in COMMANDS.items()
    },
    **{
        f"MultiExchange.{name}": {"symbol": known_symbol("AAPL"), **arguments}
        for name, arguments in QUERIES.items()
    },
    **{f"MultiExchange.{name}": {"symbol": known_symbol("AAPL")} for name in WITHOUT_ARGUMENTS},
    **{
        f"MultiExchange.{name}": {"symbol": known_symbol_or_none("AAPL")}
        for name in ("check_invariants", "state_digest", "to_bytes")
    },
    "MultiExchange.from_bytes": {"data": state_bytes(Of("multi", "to_bytes"))},
    "MultiExchange.save": {
        "symbol": known_symbol("AAPL"),
        "path": path_to_write(Of("path")),
    },
    "CostModel": {
        "commission_bps": bps(10),
        "slippage_bps": bps(5),
        "min_trade_fee": natural(100),
    },
    "CostModel.compute_cost": {"notional": integer(-1_000_000)},
    "Position": {
        "symbol": new_symbol("AAPL"),
        "quantity": integer(-10),
        "total_cost": integer(-100_000),
        "realized_pnl": integer(-5),
    },
    "Position.market_value": {"price": integer(10_100)},
    "Position.unrealized_pnl": {"price": integer(10_100)},
    "Fill": {
        "symbol": new_symbol("AAPL"),
        "quantity": integer(-10),
        "price": price(10_000),
        "cost": integer(100),
    },
    "Metrics": {
        "total_return": real(0.1),
        "cagr": real(0.1),
        "volatility": real(0.2),
        "sharpe": real(0.5),
        "sortino": real(0.7),
        "max_drawdown": real(0.05),
        "calmar": real(2.0),
        "num_periods": argument("count")(3),
        "winning_periods": argument("count")(2),
        "losing_periods": argument("count")(1),
        "var_95": real(-0.02),
        "cvar_95": real(-0.03),
        "win_rate": real(0.6),
        "profit_factor": real(3.0),
        "payoff_ratio": real(1.5),
        "skew": real(0.1),
        "kurtosis": real(-0.5),
        "max_drawdown_periods": argument("count")(1),
    },
    "BenchmarkMetrics": {
        "alpha": real(0.1),
        "beta": real(1.1),
        "correlation": real(0.9),
        "tracking_error": real(0.05),
        "information_ratio": real(0.4),
        "up_capture": real(1.1),
        "down_capture": real(0.9),
    },
    "Drawdown": {
        "start": argument("count")(1),
        "trough": argument("count")(2),
        "end": natural_or_none(3),
        "depth": real(0.25),
        "length": argument("count")(3),
        "to_trough": argument("count")(2),
        "recovery": natural_or_none(1),
    },
    "Portfolio": {
        "initial_cash": integer(1_000_000),
        "cost_model": cost_model(nanobook.CostModel()),
    },
    "Portfolio.position": {"symbol": new_symbol("AAPL")},
    "Portfolio.last_price": {"symbol": new_symbol("AAPL")},
    **{
        f"Portfolio.{name}": {"prices": price_pairs({"AAPL": 10_100})}
        for name in ("total_equity", "current_weights", "record_return", "snapshot")
    },
    "Portfolio.rebalance_simple": {
        "targets": weight_pairs({"AAPL": 0.25}),
        "prices": price_pairs({"AAPL": 10_100}),
    },
    "Portfolio.rebalance_lob": {
        "targets": weight_pairs({"AAPL": 0.25}),
        "exchanges": multi(Of("multi")),
    },
    "Portfolio.compute_metrics": RATES,
    "Portfolio.from_json": {"text": portfolio_json(Of("portfolio", "to_json"))},
    "Portfolio.save_json": {"path": path_to_write(Of("portfolio_path"))},
    "Portfolio.load_json": {"path": path_to_read(Of("portfolio_path"))},
    "PriceSeries": {
        "data": rows([{"AAPL": 100.5, "GOOG": 50.25}]),
        "symbols": symbols(None),
        "tick_size": tick_size(0.01),
    },
    "PriceSeries.to_numpy": {"dtype": dtype("int64")},
    "PriceSeries.from_bytes": {"data": state_bytes(Of("series", "to_bytes"))},
    "WeightSchedule": {
        "array": weights([[0.5, 0.5], [1.0, 0.0]]),
        "symbols": symbols(None),
    },
    "WeightSchedule.from_bytes": {"data": state_bytes(Of("schedule", "to_bytes"))},
    "BacktestResult.from_bytes": {"data": state_bytes(Of("result", "to_bytes"))},
    "run_backtest": {"strategy": strategy(hold), **BACKTEST},
    "compute_metrics": {"returns": returns([0.1, -0.05]), **RATES},
    "py_compute_metrics": {"returns": returns([0.1, -0.05]), **RATES},
    "compute_benchmark_metrics": {
        "returns": returns([0.1, -0.05]),
        "benchmark": returns([0.05, -0.1]),
        **RATES,
    },
    "drawdown_series": {"returns": returns([0.1, -0.05])},
    "drawdowns": {"returns": returns([0.1, -0.05]), "top": natural_or_none(1)},
    "rolling_max_drawdown": {"returns": returns([0.1, -0.05]), "window": argument("count")(2)},
    "rolling_sharpe": {
        "returns": returns([0.1, -0.05]),
        "window": argument("count")(2),
        **RATES,
    },
    "rolling_volatility": {
        "returns": returns([0.1, -0.05]),
        "window": argument("count")(2),
        "periods_per_year": RATES["periods_per_year"],
    },
    "sweep_equal_weight": EQUAL_WEIGHTS,
    "py_sweep_equal_weight": EQUAL_WEIGHTS,
    "sweep": {
        "run": run(one_return),
        "params": params([0.1, 0.2]),
        **RATES,
        "executor": executor(None),
        "progress": progress(False),
    },
    "sweep_strategy": {
        "make_strategy": make_strategy(make_equal_weight),
        "params": params([1, 2]),
        **BACKTEST,
        "executor": executor(None),
        "max_workers": workers(1),
        "progress": progress(False),
    },
}
CALLS = [Call(name, arguments) for name, arguments in TABLE.items()]

# Calls of the table under other good arguments, where one excludes another.
VARIANTS = [
    Call(f"{owner}submit_trailing_stop_{kind}", {**first, **rest, "atr_period": atr_period(14)})
    for owner, first in (
        ("Exchange.", dict[str, Argument]()),
        ("MultiExchange.", {"symbol": new_symbol("GOOG")}),
    )
    for kind, rest in (
        ("market", {"side": side("sell"), **STOP, **ATR}),
        (
            "limit",
            {
                "side": side("sell"),
                "initial_stop_price": price(9_500),
                "limit_price": price(9_400),
                "quantity": quantity(5),
                **ATR,
            },
        ),
    )
]

# Arguments that exclude what the table passes.
LEFT_OUT = {
    ("Exchange.submit_trailing_stop_market", "atr_period"),
    ("Exchange.submit_trailing_stop_limit", "atr_period"),
    ("MultiExchange.submit_trailing_stop_market", "atr_period"),
    ("MultiExchange.submit_trailing_stop_limit", "atr_period"),
}


def parameters(function: Callable[..., Any]) -> list[str]:
    """Return the names of the arguments of a function, method or class."""
    found = inspect.signature(function).parameters
    return [name for name in found if name not in {"self", "cls"}]
