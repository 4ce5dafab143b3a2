"""The compiled part of nanobook; `import nanobook` gives all of it.

Prices and money are integers in the smallest currency unit (10050 is $100.50 in cents), quantities
are integers of at least 1, and timestamps count the orders and trades of one exchange from 1.

An argument that is no integer (a bool or a float included) where one is meant raises `TypeError`;
one that does not fit raises `OutOfRangeError`, which is a `ValueError` and an `OverflowError`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from os import PathLike
from types import TracebackType
from typing import (
    Any,
    ClassVar,
    Literal,
    Self,
    SupportsIndex,
    TypeAlias,
    final,
    overload,
)

import numpy as np
from numpy.typing import DTypeLike, NDArray
from typing_extensions import Buffer

from nanobook._enums import FeedKind, OrderStatus, Side, StopStatus, TimeInForce
from nanobook._types import (
    Commands,
    FeedCounts,
    Frame,
    Money,
    MoneyRows,
    PortfolioSnapshot,
    PriceSeriesLike,
    QueuePosition,
    Rows,
    StopOrder,
    Strategy,
    Weights,
)

__all__ = [
    "BacktestResult",
    "BatchResult",
    "BenchmarkMetrics",
    "BookSnapshot",
    "CancelFlag",
    "CancelResult",
    "CostModel",
    "Drawdown",
    "EqualWeight",
    "Event",
    "Exchange",
    "FeedDriver",
    "FeedMessage",
    "Fill",
    "ItchReader",
    "LevelSnapshot",
    "LobsterBookReader",
    "LobsterReader",
    "Metrics",
    "ModifyResult",
    "MultiExchange",
    "Order",
    "Portfolio",
    "Position",
    "PriceSeries",
    "StopSubmitResult",
    "SubmitResult",
    "SweepSettings",
    "Table",
    "Trade",
    "VenueBook",
    "WeightSchedule",
    "__version__",
    "compute_benchmark_metrics",
    "compute_metrics",
    "drawdown_series",
    "drawdowns",
    "py_compute_metrics",
    "py_sweep_equal_weight",
    "read_price_series",
    "rolling_max_drawdown",
    "rolling_sharpe",
    "rolling_volatility",
    "run_backtest",
    "sweep_equal_weight",
    "warn_if_annual",
]

# Any case and any underscores are understood; these are the spellings worth writing.
_Side: TypeAlias = Side | Literal["buy", "sell", "b", "s", "Buy", "Sell", "BUY", "SELL", "B", "S"]
_Tif: TypeAlias = TimeInForce | Literal["gtc", "ioc", "fok", "GTC", "IOC", "FOK"]
_OrderStatus: TypeAlias = OrderStatus | Literal["new", "partially_filled", "filled", "cancelled"]
_StopStatus: TypeAlias = StopStatus | Literal["pending", "triggered", "cancelled"]
_Fixed: TypeAlias = Literal["fixed", "Fixed", "FIXED"]
_Percentage: TypeAlias = Literal["percentage", "Percentage", "PERCENTAGE"]
_Atr: TypeAlias = Literal["atr", "Atr", "ATR"]
_FeedKind: TypeAlias = (
    FeedKind
    | Literal[
        "add",
        "execute",
        "reduce",
        "delete",
        "replace",
        "hidden_trade",
        "cross",
        "halt",
        "quote_only",
        "resume",
        "other",
    ]
)
_Feed: TypeAlias = ItchReader | LobsterReader | Iterable[FeedMessage]
_Path: TypeAlias = str | bytes | PathLike[str] | PathLike[bytes]
_CancelError: TypeAlias = Literal["OrderNotFound", "OrderNotActive"]
_ModifyError: TypeAlias = Literal[
    "OrderNotFound", "OrderNotActive", "InvalidQuantity", "InvalidPrice"
]
_Result: TypeAlias = SubmitResult | StopSubmitResult | CancelResult | ModifyResult
_Kind: TypeAlias = Literal[
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

_Prices: TypeAlias = Mapping[str, int] | Iterable[tuple[str, int]]
_Targets: TypeAlias = Mapping[str, float] | Iterable[tuple[str, float]]
_Returns: TypeAlias = Iterable[float]

__version__: str
"""The version of nanobook."""

@final
class Trade:
    """A trade between an aggressor and a passive order, at the passive order's price.

    Parameters
    ----------
    trade_id : int
        Its number.
    price : int
        The passive order's price, in the smallest currency unit; positive.
    quantity : int
        How much traded; at least 1.
    aggressor_order_id : int
        The incoming order.
    passive_order_id : int
        The resting order.
    aggressor_side : Side or str
        The side of the incoming order.
    timestamp : int
        When it happened, by the exchange's own counter.

    Raises
    ------
    ValidationError
        If the price or the quantity is not positive, or the side is none.
    OutOfRangeError
        If price x quantity does not fit in 64 bits.
    """

    def __new__(
        cls,
        trade_id: SupportsIndex,
        price: SupportsIndex,
        quantity: SupportsIndex,
        aggressor_order_id: SupportsIndex,
        passive_order_id: SupportsIndex,
        aggressor_side: _Side,
        timestamp: SupportsIndex,
    ) -> Self: ...
    @property
    def trade_id(self) -> int:
        """The trade's number, from 1 in each exchange, never reused."""
    @property
    def price(self) -> int:
        """The passive order's price, in the smallest currency unit."""
    @property
    def quantity(self) -> int:
        """How much traded."""
    @property
    def aggressor_order_id(self) -> int:
        """The incoming order."""
    @property
    def passive_order_id(self) -> int:
        """The resting order."""
    @property
    def aggressor_side(self) -> Side:
        """The side of the incoming order."""
    @property
    def timestamp(self) -> int:
        """When it happened, by the exchange's own counter."""
    @property
    def price_float(self) -> float:
        """The price divided by 100, for scripts that count in cents and show dollars."""
    def passive_side(self) -> Side:
        """Return the side of the resting order."""
    def notional(self) -> int:
        """Return price x quantity in the smallest currency unit."""
    @staticmethod
    def vwap(trades: Iterable[Trade]) -> int | None:
        """Return the volume-weighted average price of trades, rounded toward zero.

        Parameters
        ----------
        trades : iterable of Trade
            The trades; none give ``None``.

        Returns
        -------
        int or None
            ``sum(price * quantity) / sum(quantity)``, both sums exact, in the smallest currency
            unit.

        Raises
        ------
        TypeError
            If one of them is not a `Trade`.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Order:
    """An order at one moment: ``original = remaining + filled + cancelled``, always.

    Parameters
    ----------
    id : int
        Its number.
    side : Side or str
        Its side.
    price : int
        Its limit, in the smallest currency unit.
    original_quantity : int
        What was submitted.
    remaining_quantity : int
        What rests now.
    filled_quantity : int
        What has traded.
    cancelled_quantity : int
        What was cancelled or reduced.
    timestamp : int
        When it was submitted, by the exchange's own counter.
    time_in_force : TimeInForce or str
        Its time in force.
    status : OrderStatus or str
        Where it stands.

    Raises
    ------
    ValidationError
        If the parts do not add up to the original quantity, or a name is not a choice.
    """

    def __new__(
        cls,
        id: SupportsIndex,
        side: _Side,
        price: SupportsIndex,
        original_quantity: SupportsIndex,
        remaining_quantity: SupportsIndex,
        filled_quantity: SupportsIndex,
        cancelled_quantity: SupportsIndex,
        timestamp: SupportsIndex,
        time_in_force: _Tif,
        status: _OrderStatus,
    ) -> Self: ...
    @property
    def id(self) -> int:
        """The order's number, from 1 in each exchange, never reused."""
    @property
    def side(self) -> Side:
        """Its side."""
    @property
    def price(self) -> int:
        """Its limit, in the smallest currency unit.

        For a market order the largest 64-bit integer (buy) or the smallest (sell).
        """
    @property
    def original_quantity(self) -> int:
        """What was submitted."""
    @property
    def remaining_quantity(self) -> int:
        """What rests now."""
    @property
    def filled_quantity(self) -> int:
        """What has traded."""
    @property
    def cancelled_quantity(self) -> int:
        """What was cancelled or reduced."""
    @property
    def timestamp(self) -> int:
        """When it was submitted, by the exchange's own counter."""
    @property
    def time_in_force(self) -> TimeInForce:
        """Its time in force; IOC for a market order."""
    @property
    def status(self) -> OrderStatus:
        """Where it stands.

        `NEW` and `PARTIALLY_FILLED` mean "on the book now"; `FILLED` and `CANCELLED` are final.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class LevelSnapshot:
    """One price level.

    Parameters
    ----------
    price : int
        Its price, in the smallest currency unit; positive.
    quantity : int
        What rests there in all; at least 1.
    order_count : int
        How many orders rest there; 0 where nobody knows, as in LOBSTER's books.
    orders : iterable of (int, int), optional
        Each order's id and remaining quantity, first in the queue first.

    Raises
    ------
    ValidationError
        If a price or quantity is not positive, if there are not as many orders as counted, or if
        they add up to more than the level.
    """

    def __new__(
        cls,
        price: SupportsIndex,
        quantity: SupportsIndex,
        order_count: SupportsIndex,
        orders: Iterable[tuple[SupportsIndex, SupportsIndex]] | None = None,
    ) -> Self: ...
    @property
    def price(self) -> int:
        """The price, in the smallest currency unit."""
    @property
    def quantity(self) -> int:
        """What rests there in all."""
    @property
    def order_count(self) -> int:
        """How many orders rest there; of a `VenueBook`, how many known ones."""
    @property
    def orders(self) -> list[tuple[int, int]] | None:
        """Each order's id and remaining quantity, first in the queue first.

        Only a `full_book` gives them; otherwise ``None``.
        """
    @property
    def price_float(self) -> float:
        """The price divided by 100, for scripts that count in cents and show dollars."""
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class BookSnapshot:
    """The best levels of both sides at one moment. `print` shows it as a ladder.

    Parameters
    ----------
    bids : iterable of LevelSnapshot
        Bid levels, the highest first.
    asks : iterable of LevelSnapshot
        Ask levels, the lowest first.
    timestamp : int
        The last timestamp the exchange issued.

    Raises
    ------
    ValidationError
        If the levels of a side are not best first.
    OutOfRangeError
        If the quantities of a side do not fit in 64 bits.
    """

    def __new__(
        cls,
        bids: Iterable[LevelSnapshot],
        asks: Iterable[LevelSnapshot],
        timestamp: SupportsIndex,
    ) -> Self: ...
    @property
    def bids(self) -> list[LevelSnapshot]:
        """Bid levels, the highest first."""
    @property
    def asks(self) -> list[LevelSnapshot]:
        """Ask levels, the lowest first."""
    @property
    def timestamp(self) -> int:
        """The last timestamp the exchange issued; 0 before the first."""
    def best_bid(self) -> int | None:
        """Return the highest bid, in the smallest currency unit, or ``None`` without bids."""
    def best_ask(self) -> int | None:
        """Return the lowest ask, in the smallest currency unit, or ``None`` without asks."""
    def spread(self) -> int | None:
        """Return best ask - best bid, or ``None`` where a side is empty."""
    def mid_price(self) -> int | None:
        """Return (best bid + best ask) / 2 rounded down, or ``None`` where a side is empty."""
    def weighted_mid(self) -> float | None:
        """Return the mid with each side's price weighted by the other side's best quantity.

        Returns
        -------
        float or None
            ``(bid * ask_quantity + ask * bid_quantity) / (bid_quantity + ask_quantity)``, in the
            smallest currency unit; ``None`` where a side is empty.
        """
    def imbalance(self) -> float | None:
        """Return (bid - ask) / (bid + ask) over the quantities of all levels shown.

        Returns
        -------
        float or None
            In [-1, 1]: 1.0 without asks, -1.0 without bids, ``None`` without either.
        """
    def total_bid_quantity(self) -> int:
        """Return the quantity of all bid levels shown."""
    def total_ask_quantity(self) -> int:
        """Return the quantity of all ask levels shown."""
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def _repr_html_(self) -> str: ...

@final
class SubmitResult:
    """What submitting an order did: its own matching, without what stops did afterwards.

    ``filled_quantity + resting_quantity + cancelled_quantity`` is the quantity submitted.

    Parameters
    ----------
    order_id : int
        The new order.
    status : OrderStatus or str
        Where it stands.
    trades : iterable of Trade
        Its trades, in order.
    filled_quantity : int
        What traded.
    resting_quantity : int
        What rests.
    cancelled_quantity : int
        What was cancelled.

    Raises
    ------
    ValidationError
        If the status is none.
    """

    def __new__(
        cls,
        order_id: SupportsIndex,
        status: _OrderStatus,
        trades: Iterable[Trade],
        filled_quantity: SupportsIndex,
        resting_quantity: SupportsIndex,
        cancelled_quantity: SupportsIndex,
    ) -> Self: ...
    @property
    def order_id(self) -> int:
        """The new order's number."""
    @property
    def status(self) -> OrderStatus:
        """Where the order stands."""
    @property
    def trades(self) -> list[Trade]:
        """The order's trades, in order. Each access makes a new list."""
    @property
    def filled_quantity(self) -> int:
        """What traded."""
    @property
    def resting_quantity(self) -> int:
        """What rests."""
    @property
    def cancelled_quantity(self) -> int:
        """What was cancelled."""
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class CancelResult:
    """What a cancel or reduce did.

    Parameters
    ----------
    success : bool
        Whether anything was cancelled.
    cancelled_quantity : int
        How much.
    error : str, optional
        Why nothing was.

    Raises
    ------
    ValidationError
        If the error is none of the names.
    """

    def __new__(
        cls, success: bool, cancelled_quantity: SupportsIndex, error: _CancelError | None = None
    ) -> Self: ...
    @property
    def success(self) -> bool:
        """Whether anything was cancelled."""
    @property
    def cancelled_quantity(self) -> int:
        """How much was cancelled."""
    @property
    def error(self) -> _CancelError | None:
        """Why nothing was cancelled.

        ``"OrderNotFound"``: no order or stop has this id, or its history was cleared.
        ``"OrderNotActive"``: the order is filled or cancelled, or the stop is not pending.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class ModifyResult:
    """What a modify did. On an error the old order still rests.

    Parameters
    ----------
    success : bool
        Whether the order was replaced.
    old_order_id : int
        The order that was to be replaced.
    new_order_id : int or None
        Its replacement.
    cancelled_quantity : int
        What was left of the old order.
    trades : iterable of Trade
        The trades of the replacement, in order.
    error : str, optional
        Why it was not replaced.

    Raises
    ------
    ValidationError
        If the error is none of the names.
    """

    def __new__(
        cls,
        success: bool,
        old_order_id: SupportsIndex,
        new_order_id: SupportsIndex | None,
        cancelled_quantity: SupportsIndex,
        trades: Iterable[Trade],
        error: _ModifyError | None = None,
    ) -> Self: ...
    @property
    def success(self) -> bool:
        """Whether the order was replaced."""
    @property
    def old_order_id(self) -> int:
        """The number given."""
    @property
    def new_order_id(self) -> int | None:
        """The replacement's number, or ``None``."""
    @property
    def cancelled_quantity(self) -> int:
        """What was left of the old order."""
    @property
    def trades(self) -> list[Trade]:
        """The replacement's trades, in order. Each access makes a new list."""
    @property
    def error(self) -> _ModifyError | None:
        """Why the order was not replaced.

        ``"OrderNotFound"``: no order has this id (stops cannot be modified), or its history was
        cleared. ``"OrderNotActive"``: the order is filled or cancelled. ``"InvalidQuantity"``: the
        new quantity is 0. ``"InvalidPrice"``: the new price is out of range for the new quantity.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class StopSubmitResult:
    """What submitting a stop did.

    Parameters
    ----------
    order_id : int
        The new stop.
    status : StopStatus or str
        Where it stands.

    Raises
    ------
    ValidationError
        If the status is none.
    """

    def __new__(cls, order_id: SupportsIndex, status: _StopStatus) -> Self: ...
    @property
    def order_id(self) -> int:
        """The new stop's number; stops and orders share one sequence."""
    @property
    def status(self) -> StopStatus:
        """`TRIGGERED` if the last trade was already through it, else `PENDING`."""
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Event:
    """A command as the exchange accepted it.

    Applying the same events in the same order to a new exchange gives the same state. Events come
    from `Exchange.events` and `Event.from_json`.
    """

    @property
    def kind(self) -> _Kind:
        """The name of the command: ``"submit_limit"``, ``"cancel"``, ..."""
    def to_dict(self) -> dict[str, Any]:
        """Return the kind and the arguments of the command.

        Returns
        -------
        dict
            ``kind``, and the arguments of the `Exchange` method of that name, so that
            ``getattr(exchange, d.pop("kind"))(**d)`` submits it again.
        """
    def to_json(self) -> str:
        """Return the event as one line of JSON, as `Exchange.save` writes it."""
    @classmethod
    def from_json(cls, text: str) -> Event:
        """Return the event that a line of JSON describes.

        Parameters
        ----------
        text : str
            What `to_json` gave.

        Raises
        ------
        PersistenceError
            If the text does not describe an event.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __getstate__(self) -> str: ...

@final
class BatchResult:
    """What the commands of a batch did: a row for each, as columns.

    Arrow libraries read the columns without a copy: ``polars.DataFrame(result)``. Its attributes
    are arrays of NumPy; `to_table` has the same without it.

    Examples
    --------
    >>> exchange = Exchange()
    >>> result = exchange.submit_batch(
    ...     {
    ...         "kind": ["submit_limit", "submit_market", "cancel"],
    ...         "side": ["sell", "buy", None],
    ...         "price": [101_00, None, None],
    ...         "quantity": [50, 20, None],
    ...         "order_row": [None, None, 0],
    ...     }
    ... )
    >>> result
    BatchResult(commands=3, trades=1)
    >>> result.order_id.tolist(), result.cancelled_quantity.tolist()
    ([1, 2, 1], [0, 0, 30])
    >>> result.trades.to_dict()["row"]
    [1]
    """

    @property
    def order_id(self) -> NDArray[np.uint64]:
        """The order or stop that each command is about.

        The new one of a submission or a modify, and the one named by what cancels, reduces or
        failed to modify.
        """
    @property
    def status(self) -> NDArray[np.uint8]:
        """Where each new order or stop stands, as a code.

        That of `OrderStatus.code`; 4 for a stop that is pending, 5 for one that was triggered; 255
        for a command that makes neither.
        """
    @property
    def filled_quantity(self) -> NDArray[np.uint64]:
        """What each order traded in its own matching."""
    @property
    def resting_quantity(self) -> NDArray[np.uint64]:
        """What rested of each order after its own matching."""
    @property
    def cancelled_quantity(self) -> NDArray[np.uint64]:
        """What each command cancelled; for a modify, what was left of the old order."""
    @property
    def error(self) -> NDArray[np.uint8]:
        """Why a cancel, modify or reduce did nothing, as a code.

        0 is ``"OrderNotFound"``, 1 ``"OrderNotActive"``, 2 ``"InvalidQuantity"``, 3
        ``"InvalidPrice"``, and 255 no error.
        """
    @property
    def trades(self) -> Table:
        """All trades of the batch, each with the ``row`` of its command.

        Also those of stops: they belong to the command that triggered them.
        """
    def to_table(self) -> Table:
        """Return the columns as a table."""
    def __len__(self) -> int: ...
    def __arrow_c_schema__(self) -> object: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def _repr_html_(self) -> str: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object) -> Self: ...

@final
class Table:
    """Columns of equal length: prices and ids as integers, sides and the like as categories.

    Arrow libraries read it without a copy: ``pyarrow.table(t)``, ``polars.DataFrame(t)``. NumPy
    gets a copy: of one column by its name, read-only, or of all as a structured array. There a
    category is its code, its place among the names; where a row has no value stands 0, NaN or the
    code 255.

    Examples
    --------
    >>> exchange = Exchange()
    >>> order_id = exchange.submit_limit("sell", 101_00, 50).order_id
    >>> table = exchange.depth_table()
    >>> table
    Table(rows=1, columns=['side', 'price', 'quantity', 'order_count'])
    >>> table.to_dict()
    {'side': ['sell'], 'price': [10100], 'quantity': [50], 'order_count': [1]}
    >>> table["price"].tolist(), table["side"].tolist()
    ([10100], [1])
    """

    @property
    def columns(self) -> list[str]:
        """The names of the columns. Each access makes a new list."""
    def to_dict(self) -> dict[str, list[Any]]:
        """Return the columns as lists by name, ``None`` where a row has no value."""
    def to_numpy(self) -> NDArray[np.void]:
        """Return the rows as a structured array, which is the caller's."""
    def keys(self) -> list[str]:
        """Return the names of the columns, so that ``dict(table)`` has an array for each."""
    def __len__(self) -> int: ...
    def __getitem__(self, column: str, /) -> NDArray[Any]: ...
    def __iter__(self) -> Iterator[str]: ...
    def __contains__(self, column: object, /) -> bool: ...
    def __array__(
        self, dtype: DTypeLike | None = None, copy: bool | None = None
    ) -> NDArray[Any]: ...
    def __arrow_c_schema__(self) -> object: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def _repr_html_(self) -> str: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object) -> Self: ...

@final
class Exchange:
    """A limit order book with its matching engine, stop orders and event log.

    A continuous double auction: orders trade by price, then time, at the passive order's price.
    The same commands always lead to the same state; `replay` applies them again. Calls from several
    threads are serialised.

    Parameters
    ----------
    event_log : bool, default True
        Whether to record every accepted command. Without the log `events` is empty and `save` and
        `replay` have nothing to stand on; all else works.

    Examples
    --------
    >>> exchange = Exchange()
    >>> exchange.submit_limit("sell", 10050, 100).status
    OrderStatus.NEW
    >>> exchange.submit_market("buy", 40).filled_quantity
    40
    """

    def __new__(cls, event_log: bool = True) -> Self: ...
    def submit_limit(
        self, side: _Side, price: SupportsIndex, quantity: SupportsIndex, tif: _Tif = "gtc"
    ) -> SubmitResult:
        """Submit a limit order.

        Parameters
        ----------
        side : Side or str
            ``"buy"`` or ``"sell"``; also ``"b"`` and ``"s"``, in any case.
        price : int
            The worst price to trade at, in the smallest currency unit; positive.
        quantity : int
            At least 1.
        tif : TimeInForce or str, default "gtc"
            What happens to what does not trade at once: ``"gtc"`` rests, ``"ioc"`` is cancelled,
            ``"fok"`` fills whole or not at all.

        Returns
        -------
        SubmitResult
            What the order's own matching did.

        Raises
        ------
        ValidationError
            If a value breaks a rule, price x quantity does not fit in 64 bits, or the side's
            resting total would not. Nothing has changed then: no id and no event was spent.
        """
    def submit_market(self, side: _Side, quantity: SupportsIndex) -> SubmitResult:
        """Submit a market order: an IOC at any price.

        Parameters
        ----------
        side : Side or str
            ``"buy"`` or ``"sell"``.
        quantity : int
            At least 1.

        Returns
        -------
        SubmitResult
            What the order's own matching did; what found no counterparty is cancelled.

        Raises
        ------
        ValidationError
            If a value breaks a rule. Nothing has changed then.
        """
    def submit_stop_market(
        self, side: _Side, stop_price: SupportsIndex, quantity: SupportsIndex
    ) -> StopSubmitResult:
        """Submit a stop that becomes a market order when a trade reaches its price.

        Parameters
        ----------
        side : Side or str
            A buy stop triggers at a trade price at or above its stop price, a sell stop at or
            below.
        stop_price : int
            In the smallest currency unit; positive.
        quantity : int
            At least 1.

        Returns
        -------
        StopSubmitResult
            Its status is `TRIGGERED` if the last trade was already through it.

        Raises
        ------
        ValidationError
            If a value breaks a rule. Nothing has changed then.
        """
    def submit_stop_limit(
        self,
        side: _Side,
        stop_price: SupportsIndex,
        limit_price: SupportsIndex,
        quantity: SupportsIndex,
        tif: _Tif = "gtc",
    ) -> StopSubmitResult:
        """Submit a stop that becomes a limit order when a trade reaches its price.

        Parameters
        ----------
        side : Side or str
            A buy stop triggers at a trade price at or above its stop price, a sell stop at or
            below.
        stop_price : int
            The trigger, in the smallest currency unit; positive.
        limit_price : int
            The limit of the order it becomes, in the smallest currency unit; positive.
        quantity : int
            At least 1.
        tif : TimeInForce or str, default "gtc"
            The time in force of the order it becomes.

        Returns
        -------
        StopSubmitResult
            Its status is `TRIGGERED` if the last trade was already through it.

        Raises
        ------
        ValidationError
            If a value breaks a rule. Nothing has changed then.
        """
    @overload
    def submit_trailing_stop_market(
        self,
        side: _Side,
        initial_stop_price: SupportsIndex,
        quantity: SupportsIndex,
        trail_type: _Fixed | _Percentage,
        trail_value: float | SupportsIndex,
        atr_period: None = None,
    ) -> StopSubmitResult:
        """Submit a stop-market whose price trails the best trade price.

        On every trade the stop moves to the watermark (the best trade price since submission) less
        the offset for a sell, plus the offset for a buy, but never away from the market.

        Parameters
        ----------
        side : Side or str
            ``"buy"`` or ``"sell"``.
        initial_stop_price : int
            The trigger until it first moves, in the smallest currency unit; positive.
        quantity : int
            At least 1.
        trail_type : str
            ``"fixed"``, ``"percentage"`` or ``"atr"``.
        trail_value : float
            For ``"fixed"`` the offset in price units, a whole number of at least 1; for
            ``"percentage"`` a fraction of the watermark between 0 and 1; for ``"atr"`` a multiple
            of the mean absolute change between consecutive trades.
        atr_period : int, optional
            For ``"atr"``, and required there: over how many changes, 1 to 1,024.

        Returns
        -------
        StopSubmitResult
            Always pending: a trailing stop waits for the next trade.

        Raises
        ------
        ValidationError
            If a value breaks a rule. Nothing has changed then.
        """
    @overload
    def submit_trailing_stop_market(
        self,
        side: _Side,
        initial_stop_price: SupportsIndex,
        quantity: SupportsIndex,
        trail_type: _Fixed | _Percentage | _Atr,
        trail_value: float | SupportsIndex,
        atr_period: SupportsIndex | None,
    ) -> StopSubmitResult: ...
    @overload
    def submit_trailing_stop_limit(
        self,
        side: _Side,
        initial_stop_price: SupportsIndex,
        limit_price: SupportsIndex,
        quantity: SupportsIndex,
        trail_type: _Fixed | _Percentage,
        trail_value: float | SupportsIndex,
        tif: _Tif = "gtc",
        atr_period: None = None,
    ) -> StopSubmitResult:
        """Submit a stop-limit whose stop price trails the best trade price.

        Parameters
        ----------
        side : Side or str
            ``"buy"`` or ``"sell"``.
        initial_stop_price : int
            The trigger until it first moves, in the smallest currency unit; positive.
        limit_price : int
            The limit of the order it becomes, in the smallest currency unit; it does not move.
        quantity : int
            At least 1.
        trail_type : str
            ``"fixed"``, ``"percentage"`` or ``"atr"``.
        trail_value : float
            For ``"fixed"`` the offset in price units, a whole number of at least 1; for
            ``"percentage"`` a fraction of the watermark between 0 and 1; for ``"atr"`` a multiple
            of the mean absolute change between consecutive trades.
        tif : TimeInForce or str, default "gtc"
            The time in force of the order it becomes.
        atr_period : int, optional
            For ``"atr"``, and required there: over how many changes, 1 to 1,024.

        Returns
        -------
        StopSubmitResult
            Always pending: a trailing stop waits for the next trade.

        Raises
        ------
        ValidationError
            If a value breaks a rule. Nothing has changed then.
        """
    @overload
    def submit_trailing_stop_limit(
        self,
        side: _Side,
        initial_stop_price: SupportsIndex,
        limit_price: SupportsIndex,
        quantity: SupportsIndex,
        trail_type: _Fixed | _Percentage | _Atr,
        trail_value: float | SupportsIndex,
        tif: _Tif = "gtc",
        *,
        atr_period: SupportsIndex | None,
    ) -> StopSubmitResult: ...
    @overload
    def submit_trailing_stop_limit(
        self,
        side: _Side,
        initial_stop_price: SupportsIndex,
        limit_price: SupportsIndex,
        quantity: SupportsIndex,
        trail_type: _Fixed | _Percentage | _Atr,
        trail_value: float | SupportsIndex,
        tif: _Tif,
        atr_period: SupportsIndex | None,
    ) -> StopSubmitResult: ...
    def apply(self, event: Event) -> _Result:
        """Execute a command given as an event, and return what its own method returns.

        Parameters
        ----------
        event : Event
            The command, from another exchange's `events` or `Event.from_json`. It is checked,
            logged and executed like any other.

        Returns
        -------
        SubmitResult, StopSubmitResult, CancelResult or ModifyResult
            That of the method that `Event.kind` names.

        Raises
        ------
        ValidationError
            If a value breaks a rule. Nothing has changed then.
        """
    def submit_batch(self, commands: Commands) -> BatchResult:
        """Execute many commands, given as columns, and return what they did as columns.

        The results, events and trades are those of one call each, without an object for any of
        them. Other threads of Python run meanwhile; the exchange is locked until the batch is done.

        Parameters
        ----------
        commands : columns
            A dictionary of lists or arrays, a structured array, a frame of pandas or polars, an
            Arrow table, or a `Table`, with the columns of `events_array`. ``order_row`` may stand
            in place of ``order_id``: the earlier row of this batch whose order the command is
            about, and -1 or null in the other rows. Columns that no row needs may be missing.

        Returns
        -------
        BatchResult
            A row for each command.

        Raises
        ------
        BatchError
            If a row breaks a rule. The rows before it stand, and none after it ran.
        ValidationError
            If a column is unknown or missing, or of another length; nothing ran.
        TypeError
            If a column has no such values; nothing ran.
        """
    def cancel(self, order_id: SupportsIndex) -> CancelResult:
        """Cancel a resting order or a pending stop.

        Parameters
        ----------
        order_id : int
            The order or stop.

        Returns
        -------
        CancelResult
            With the quantity cancelled, or the error. A failed cancel changes nothing.
        """
    def modify(
        self, order_id: SupportsIndex, new_price: SupportsIndex, new_quantity: SupportsIndex
    ) -> ModifyResult:
        """Cancel a resting order and replace it.

        The replacement has a new id and a new place in time, the same side and time in force, and
        may trade at once.

        Parameters
        ----------
        order_id : int
            The resting order; stops cannot be modified.
        new_price : int
            In the smallest currency unit.
        new_quantity : int
            At least 1.

        Returns
        -------
        ModifyResult
            With the replacement, or the error; on an error the old order still rests.
        """
    def reduce(self, order_id: SupportsIndex, quantity: SupportsIndex) -> CancelResult:
        """Take quantity off a resting order, which keeps its place in the queue.

        Parameters
        ----------
        order_id : int
            The resting order; stops cannot be reduced.
        quantity : int
            At least 1; all that is left, or more, cancels the order.

        Returns
        -------
        CancelResult
            With the quantity cancelled, or the error.

        Raises
        ------
        ValidationError
            If the quantity is 0.
        """
    def get_order(self, order_id: SupportsIndex) -> Order | None:
        """Return an order, finished or not.

        Parameters
        ----------
        order_id : int
            The order; stops are not known here.

        Returns
        -------
        Order or None
            ``None`` if the id is unknown or was dropped by `clear_order_history`.
        """
    def get_stop_order(self, id: SupportsIndex) -> StopOrder | None:
        """Return a stop order.

        Parameters
        ----------
        id : int
            The stop.

        Returns
        -------
        dict or None
            ``id, side, stop_price, limit_price, quantity, time_in_force, timestamp, status,
            trail_method, watermark, triggered_order_id``; ``None`` if the id is unknown.
        """
    def queue_position(self, order_id: SupportsIndex) -> QueuePosition | None:
        """Return what stands before an order at its price.

        Parameters
        ----------
        order_id : int
            The order.

        Returns
        -------
        QueuePosition or None
            Orders ahead and quantity ahead; ``None`` if the order does not rest.
        """
    def best_bid(self) -> int | None:
        """Return the highest bid, in the smallest currency unit, or ``None`` without bids."""
    def best_ask(self) -> int | None:
        """Return the lowest ask, in the smallest currency unit, or ``None`` without asks."""
    def best_bid_ask(self) -> tuple[int | None, int | None]:
        """Return the highest bid and the lowest ask, ``None`` where a side is empty."""
    def spread(self) -> int | None:
        """Return best ask - best bid, or ``None`` where a side is empty."""
    def last_trade_price(self) -> int | None:
        """Return the price of the last trade, or ``None`` before the first."""
    def depth(self, levels: SupportsIndex = 10) -> BookSnapshot:
        """Return the best levels of each side.

        Parameters
        ----------
        levels : int, default 10
            How many levels a side at most.
        """
    def full_book(self) -> BookSnapshot:
        """Return every level, with each level's orders in the order of their queue."""
    def timestamp(self) -> int:
        """Return the last timestamp issued; 0 before the first."""
    def trades(self) -> list[Trade]:
        """Return all trades since the start or the last `clear_trades`, oldest first."""
    def trades_table(self) -> Table:
        """Return the trades that `trades` lists as a table, without an object for each."""
    def trades_array(self) -> NDArray[np.void]:
        """Return the trades that `trades` lists as a structured array.

        Its fields are the attributes of `Trade`; sides are codes, as in `Side.code`.

        Examples
        --------
        >>> exchange = Exchange()
        >>> order_id = exchange.submit_limit("sell", 101_00, 50).order_id
        >>> result = exchange.submit_market("buy", 20)
        >>> trades = exchange.trades_array()
        >>> trades["quantity"].tolist(), trades["aggressor_side"].tolist()
        ([20], [0])
        """
    def orders_table(self) -> Table:
        """Return the orders that `get_order` knows, by id, as a table."""
    def orders_array(self) -> NDArray[np.void]:
        """Return the orders that `get_order` knows, by id, as a structured array.

        Its fields are the attributes of `Order`; sides, times in force and statuses are codes, as
        in `OrderStatus.code`.
        """
    def stop_orders_table(self) -> Table:
        """Return the stops that `get_stop_order` knows, by id, as a table.

        Examples
        --------
        >>> exchange = Exchange()
        >>> stop = exchange.submit_stop_limit("sell", 95_00, 94_90, 10)
        >>> stop = exchange.submit_trailing_stop_market("sell", 96_00, 5, "percentage", 0.02)
        >>> columns = exchange.stop_orders_table().to_dict()
        >>> columns["stop_price"], columns["limit_price"], columns["trail_value"]
        ([9500, 9600], [9490, None], [None, 0.02])
        """
    def stop_orders_array(self) -> NDArray[np.void]:
        """Return the stops that `get_stop_order` knows, by id, as a structured array.

        Its fields are those of `StopOrder`, with ``trail_type``, ``trail_offset``, ``trail_value``
        and ``atr_period``, as events have them, in place of ``trail_method``. Sides, times in force
        and statuses are codes, as in `StopStatus.code`.
        """
    def depth_table(self, levels: SupportsIndex = 10) -> Table:
        """Return the best levels of each side as a table: bids, best first, and then asks.

        Parameters
        ----------
        levels : int, default 10
            How many levels a side at most.
        """
    def depth_array(self, levels: SupportsIndex = 10) -> NDArray[np.void]:
        """Return the best levels of each side as a structured array.

        Its fields are ``side`` (a code, as in `Side.code`), ``price``, ``quantity`` and
        ``order_count``. Bids come first, best first, and then asks, best first.

        Parameters
        ----------
        levels : int, default 10
            How many levels a side at most.

        Examples
        --------
        >>> exchange = Exchange()
        >>> order_id = exchange.submit_limit("sell", 101_00, 50).order_id
        >>> exchange.depth_array(1)[["price", "quantity"]].tolist()
        [(10100, 50)]
        """
    def clear_trades(self) -> None:
        """Forget the trades. The last trade price stays, and so does the digest."""
    def events(self) -> list[Event]:
        """Return the event log: every accepted command, oldest first."""
    def events_table(self) -> Table:
        """Return the event log as a table; see `events_array`."""
    def events_array(self) -> NDArray[np.void]:
        """Return the event log as a structured array.

        Its fields are ``kind``, ``side``, ``tif`` and ``trail_type`` (codes), ``price`` (a limit,
        also that of a stop-limit, or the new price of a modify), ``quantity``, ``order_id``,
        ``stop_price``, ``trail_offset`` (of a fixed trail), ``trail_value`` (of the others) and
        ``atr_period``. Where an event has no such value stands 0, NaN or the code 255.

        Examples
        --------
        >>> exchange = Exchange()
        >>> order_id = exchange.submit_limit("sell", 101_00, 50).order_id
        >>> events = exchange.events_array()
        >>> events[["kind", "side", "price", "quantity"]].tolist()
        [(0, 1, 10100, 50)]
        >>> Exchange.replay(events) == exchange
        True
        """
    def has_event_log(self) -> bool:
        """Return whether accepted commands are logged, as ``event_log`` said."""
    def clear_events(self) -> None:
        """Forget the event log. `save` needs a complete one; `to_bytes` does not."""
    def clear_order_history(self) -> int:
        """Forget finished orders and finished stops, and return how many they were.

        Their ids are unknown afterwards. Resting orders and pending stops stay.
        """
    def pending_stop_count(self) -> int:
        """Return how many stops wait for their price."""
    def check_invariants(self) -> None:
        """Check the book's internal consistency.

        Raises
        ------
        InvariantError
            If something is broken, which would be a bug in nanobook.
        """
    def state_digest(self) -> str:
        """Return a hash of the state, 16 hexadecimal digits.

        It covers what can still affect the future and every trade so far, and is the same on every
        platform, Python version and process.
        """
    @classmethod
    def replay(cls, events: Iterable[Event] | Commands) -> Exchange:
        """Return the exchange that events lead to.

        Parameters
        ----------
        events : iterable of Event, or columns
            All events of an exchange, from the first. Columns as in `events_array`: a structured
            array, a dictionary of lists or arrays, a frame, or an Arrow table.

        Raises
        ------
        ValidationError
            If an event breaks a rule; the message names its index, from 0.
        """
    def to_bytes(self) -> bytes:
        """Return the whole state, versioned and checksummed, with or without an event log."""
    @classmethod
    def from_bytes(cls, data: Buffer) -> Exchange:
        """Return the exchange that `to_bytes` wrote.

        Parameters
        ----------
        data : bytes-like
            What `to_bytes` gave.

        Raises
        ------
        PersistenceError
            If the data is damaged or of another version.
        """
    def save(self, path: _Path) -> None:
        """Write the event log to a file, as JSON Lines.

        A crash leaves the old file or the new one, never half of one.

        Parameters
        ----------
        path : str or os.PathLike
            Where to write.

        Raises
        ------
        PersistenceError
            If the event log is not complete: it was switched off or cleared.
        StorageError
            If the file cannot be written.
        """
    @classmethod
    def load(cls, path: _Path) -> Exchange:
        """Return the exchange that `save` wrote to a file.

        Parameters
        ----------
        path : str or os.PathLike
            Where to read.

        Raises
        ------
        PersistenceError
            If the file is damaged; the message names the line, from 1, or the checksum.
        StorageError
            If the file cannot be read; `MissingFileError` if there is none.
        """
    def __enter__(self) -> Exchange: ...
    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None: ...
    def __eq__(self, other: object, /) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]  # Mutable, so without what `object` has.
    def __copy__(self) -> Exchange: ...
    def __deepcopy__(self, memo: object) -> Exchange: ...

@final
class MultiExchange:
    """One `Exchange` per symbol, in the order symbols first appeared.

    Every method of `Exchange` is here too, with the symbol first. Submitting opens an unknown
    symbol, if the command is accepted; everything else about one raises `UnknownSymbolError`, a
    `KeyError`. A symbol is 1 to 24 bytes of printable ASCII.

    Parameters
    ----------
    event_log : bool, default True
        Whether the exchanges record every accepted command.

    Examples
    --------
    >>> multi = MultiExchange()
    >>> multi.submit_limit("AAPL", "buy", 10000, 100).order_id
    1
    >>> multi.best_prices()
    [('AAPL', 10000, None)]
    """

    def __new__(cls, event_log: bool = True) -> Self: ...
    def exchange(self, symbol: str) -> Exchange:
        """Return a live handle to the exchange of a symbol.

        What is done through it is done to the exchange in here. It is a context manager too.

        Parameters
        ----------
        symbol : str
            A symbol that is known.

        Raises
        ------
        UnknownSymbolError
            If it is not.
        """
    def get_or_create(self, symbol: str) -> Exchange:
        """Return a live handle to the exchange of a symbol, which is opened if it is unknown.

        Parameters
        ----------
        symbol : str
            1 to 24 bytes of printable ASCII.

        Raises
        ------
        ValidationError
            If it is something else.
        """
    def symbols(self) -> list[str]:
        """Return the symbols in the order they first appeared."""
    def best_prices(self) -> list[tuple[str, int | None, int | None]]:
        """Return ``(symbol, best bid, best ask)`` for each symbol."""
    def len(self) -> int:
        """Return how many symbols there are; ``len(multi)`` does too."""
    def submit_limit(
        self,
        symbol: str,
        side: _Side,
        price: SupportsIndex,
        quantity: SupportsIndex,
        tif: _Tif = "gtc",
    ) -> SubmitResult:
        """Submit a limit order; see `Exchange.submit_limit`. Opens an unknown symbol."""
    def submit_market(self, symbol: str, side: _Side, quantity: SupportsIndex) -> SubmitResult:
        """Submit a market order; see `Exchange.submit_market`. Opens an unknown symbol."""
    def submit_stop_market(
        self, symbol: str, side: _Side, stop_price: SupportsIndex, quantity: SupportsIndex
    ) -> StopSubmitResult:
        """Submit a stop-market; see `Exchange.submit_stop_market`. Opens an unknown symbol."""
    def submit_stop_limit(
        self,
        symbol: str,
        side: _Side,
        stop_price: SupportsIndex,
        limit_price: SupportsIndex,
        quantity: SupportsIndex,
        tif: _Tif = "gtc",
    ) -> StopSubmitResult:
        """Submit a stop-limit; see `Exchange.submit_stop_limit`. Opens an unknown symbol."""
    @overload
    def submit_trailing_stop_market(
        self,
        symbol: str,
        side: _Side,
        initial_stop_price: SupportsIndex,
        quantity: SupportsIndex,
        trail_type: _Fixed | _Percentage,
        trail_value: float | SupportsIndex,
        atr_period: None = None,
    ) -> StopSubmitResult:
        """Submit a trailing stop-market; see `Exchange.submit_trailing_stop_market`.

        Opens an unknown symbol.
        """
    @overload
    def submit_trailing_stop_market(
        self,
        symbol: str,
        side: _Side,
        initial_stop_price: SupportsIndex,
        quantity: SupportsIndex,
        trail_type: _Fixed | _Percentage | _Atr,
        trail_value: float | SupportsIndex,
        atr_period: SupportsIndex | None,
    ) -> StopSubmitResult: ...
    @overload
    def submit_trailing_stop_limit(
        self,
        symbol: str,
        side: _Side,
        initial_stop_price: SupportsIndex,
        limit_price: SupportsIndex,
        quantity: SupportsIndex,
        trail_type: _Fixed | _Percentage,
        trail_value: float | SupportsIndex,
        tif: _Tif = "gtc",
        atr_period: None = None,
    ) -> StopSubmitResult:
        """Submit a trailing stop-limit; see `Exchange.submit_trailing_stop_limit`.

        Opens an unknown symbol.
        """
    @overload
    def submit_trailing_stop_limit(
        self,
        symbol: str,
        side: _Side,
        initial_stop_price: SupportsIndex,
        limit_price: SupportsIndex,
        quantity: SupportsIndex,
        trail_type: _Fixed | _Percentage | _Atr,
        trail_value: float | SupportsIndex,
        tif: _Tif = "gtc",
        *,
        atr_period: SupportsIndex | None,
    ) -> StopSubmitResult: ...
    @overload
    def submit_trailing_stop_limit(
        self,
        symbol: str,
        side: _Side,
        initial_stop_price: SupportsIndex,
        limit_price: SupportsIndex,
        quantity: SupportsIndex,
        trail_type: _Fixed | _Percentage | _Atr,
        trail_value: float | SupportsIndex,
        tif: _Tif,
        atr_period: SupportsIndex | None,
    ) -> StopSubmitResult: ...
    def apply(self, symbol: str, event: Event) -> _Result:
        """Execute a command given as an event; see `Exchange.apply`."""
    def submit_batch(self, commands: Commands) -> BatchResult:
        """Execute many commands; see `Exchange.submit_batch`.

        Parameters
        ----------
        commands : columns
            Those of `Exchange.submit_batch`, and ``symbol``. A submission that is accepted opens an
            unknown symbol; ``order_row`` is a row of the same symbol.

        Returns
        -------
        BatchResult
            A row for each command.

        Raises
        ------
        BatchError
            If a row breaks a rule, or is about an unknown symbol.
        """
    def cancel(self, symbol: str, order_id: SupportsIndex) -> CancelResult:
        """Cancel a resting order or a pending stop; see `Exchange.cancel`."""
    def modify(
        self,
        symbol: str,
        order_id: SupportsIndex,
        new_price: SupportsIndex,
        new_quantity: SupportsIndex,
    ) -> ModifyResult:
        """Cancel a resting order and replace it; see `Exchange.modify`."""
    def reduce(self, symbol: str, order_id: SupportsIndex, quantity: SupportsIndex) -> CancelResult:
        """Take quantity off a resting order; see `Exchange.reduce`."""
    def get_order(self, symbol: str, order_id: SupportsIndex) -> Order | None:
        """Return an order, or ``None`` if its id is unknown; see `Exchange.get_order`."""
    def get_stop_order(self, symbol: str, id: SupportsIndex) -> StopOrder | None:
        """Return a stop, or ``None`` if its id is unknown; see `Exchange.get_stop_order`."""
    def queue_position(self, symbol: str, order_id: SupportsIndex) -> QueuePosition | None:
        """Return what stands before an order at its price; see `Exchange.queue_position`."""
    def best_bid(self, symbol: str) -> int | None:
        """Return the highest bid, in the smallest currency unit, or ``None`` without bids."""
    def best_ask(self, symbol: str) -> int | None:
        """Return the lowest ask, in the smallest currency unit, or ``None`` without asks."""
    def best_bid_ask(self, symbol: str) -> tuple[int | None, int | None]:
        """Return the highest bid and the lowest ask, ``None`` where a side is empty."""
    def spread(self, symbol: str) -> int | None:
        """Return best ask - best bid, or ``None`` where a side is empty."""
    def last_trade_price(self, symbol: str) -> int | None:
        """Return the price of the last trade, or ``None`` before the first."""
    def depth(self, symbol: str, levels: SupportsIndex = 10) -> BookSnapshot:
        """Return the best levels of each side; see `Exchange.depth`."""
    def full_book(self, symbol: str) -> BookSnapshot:
        """Return every level, with each level's orders in the order of their queue."""
    def timestamp(self, symbol: str) -> int:
        """Return the last timestamp issued; 0 before the first."""
    def trades(self, symbol: str) -> list[Trade]:
        """Return all trades since the start or the last `clear_trades`, oldest first."""
    def trades_table(self, symbol: str) -> Table:
        """Return the trades as a table; see `Exchange.trades_table`."""
    def trades_array(self, symbol: str) -> NDArray[np.void]:
        """Return the trades as a structured array; see `Exchange.trades_array`."""
    def orders_table(self, symbol: str) -> Table:
        """Return the orders as a table; see `Exchange.orders_table`."""
    def orders_array(self, symbol: str) -> NDArray[np.void]:
        """Return the orders as a structured array; see `Exchange.orders_array`."""
    def stop_orders_table(self, symbol: str) -> Table:
        """Return the stops as a table; see `Exchange.stop_orders_table`."""
    def stop_orders_array(self, symbol: str) -> NDArray[np.void]:
        """Return the stops as a structured array; see `Exchange.stop_orders_array`."""
    def depth_table(self, symbol: str, levels: SupportsIndex = 10) -> Table:
        """Return the best levels of each side as a table; see `Exchange.depth_table`."""
    def depth_array(self, symbol: str, levels: SupportsIndex = 10) -> NDArray[np.void]:
        """Return the best levels as a structured array; see `Exchange.depth_array`."""
    def clear_trades(self, symbol: str) -> None:
        """Forget the trades; see `Exchange.clear_trades`."""
    def events(self, symbol: str) -> list[Event]:
        """Return the event log: every accepted command, oldest first."""
    def events_table(self, symbol: str) -> Table:
        """Return the event log as a table; see `Exchange.events_array`."""
    def events_array(self, symbol: str) -> NDArray[np.void]:
        """Return the event log as a structured array; see `Exchange.events_array`."""
    def has_event_log(self, symbol: str) -> bool:
        """Return whether accepted commands are logged, as ``event_log`` said."""
    def clear_events(self, symbol: str) -> None:
        """Forget the event log; see `Exchange.clear_events`."""
    def clear_order_history(self, symbol: str) -> int:
        """Forget finished orders and stops; see `Exchange.clear_order_history`."""
    def pending_stop_count(self, symbol: str) -> int:
        """Return how many stops wait for their price."""
    def check_invariants(self, symbol: str | None = None) -> None:
        """Check internal consistency, of one exchange or of all.

        Raises
        ------
        InvariantError
            If something is broken, which would be a bug in nanobook.
        """
    def state_digest(self, symbol: str | None = None) -> str:
        """Return a hash of the state of one exchange or of all, 16 hexadecimal digits."""
    def to_bytes(self, symbol: str | None = None) -> bytes:
        """Return the whole state of one exchange or of all, versioned and checksummed.

        `Exchange.from_bytes` reads that of one, `MultiExchange.from_bytes` that of all.
        """
    @classmethod
    def from_bytes(cls, data: Buffer) -> MultiExchange:
        """Return the exchanges that `to_bytes` wrote without a symbol.

        Parameters
        ----------
        data : bytes-like
            What `to_bytes` gave.

        Raises
        ------
        PersistenceError
            If the data is damaged or of another version.
        """
    def save(self, symbol: str, path: _Path) -> None:
        """Write the event log of one exchange to a file; see `Exchange.save`.

        `Exchange.load` reads it.
        """
    def __len__(self) -> int: ...
    def __contains__(self, symbol: object, /) -> bool: ...
    def __iter__(self) -> Iterator[str]: ...
    def __getitem__(self, symbol: str, /) -> Exchange: ...
    def __eq__(self, other: object, /) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]  # Mutable, so without what `object` has.
    def __copy__(self) -> MultiExchange: ...
    def __deepcopy__(self, memo: object) -> MultiExchange: ...

@final
class CostModel:
    """What each fill costs: basis points of its notional, and a least fee.

    Parameters
    ----------
    commission_bps : int, default 0
        The commission in basis points of the notional, from 0.
    slippage_bps : int, default 0
        The slippage in basis points of the notional, from 0.
    min_trade_fee : int, default 0
        The least cost of a fill, in the smallest currency unit, from 0.

    Raises
    ------
    ValidationError
        If a number is negative.

    Examples
    --------
    >>> import nanobook
    >>> nanobook.CostModel(10, 5, 100).compute_cost(1_000_000)
    1500
    """

    def __new__(
        cls,
        commission_bps: SupportsIndex = 0,
        slippage_bps: SupportsIndex = 0,
        min_trade_fee: SupportsIndex = 0,
    ) -> Self: ...
    @staticmethod
    def zero() -> CostModel:
        """Return a model that charges nothing."""
    @property
    def commission_bps(self) -> int:
        """The commission in basis points of the notional."""
    @property
    def slippage_bps(self) -> int:
        """The slippage in basis points of the notional."""
    @property
    def min_trade_fee(self) -> int:
        """The least fee of a fill, in the smallest currency unit."""
    def compute_cost(self, notional: SupportsIndex) -> int:
        """Return the cost of a fill, in the smallest currency unit.

        Parameters
        ----------
        notional : int
            Quantity x price, in the smallest currency unit; its sign does not matter.

        Returns
        -------
        int
            ``(commission_bps + slippage_bps) * abs(notional) // 10_000``, at least
            `min_trade_fee`.

        Raises
        ------
        OutOfRangeError
            If the cost does not fit in 64 bits.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Position:
    """What is held of one symbol, what it cost, and what was made on the part that was closed.

    Parameters
    ----------
    symbol : str
        1 to 24 printable ASCII characters.
    quantity : int
        How much is held; below zero for a short position.
    total_cost : int
        The exact cost of what is open, in the smallest currency unit, signed like the quantity.
    realized_pnl : int
        What closing made so far, in the smallest currency unit; trading costs not counted.

    Raises
    ------
    ValidationError
        If the symbol is none, or `total_cost` has another sign than `quantity`.
    """

    def __new__(
        cls,
        symbol: str,
        quantity: SupportsIndex,
        total_cost: SupportsIndex,
        realized_pnl: SupportsIndex,
    ) -> Self: ...
    @property
    def symbol(self) -> str:
        """The symbol."""
    @property
    def quantity(self) -> int:
        """How much is held; below zero for a short position."""
    @property
    def total_cost(self) -> int:
        """The exact cost of what is open, in the smallest currency unit, signed like `quantity`."""
    @property
    def avg_entry_price(self) -> int:
        """``total_cost / quantity``, rounded toward zero; 0 when flat."""
    @property
    def realized_pnl(self) -> int:
        """What closing made so far, in the smallest currency unit; trading costs not counted."""
    def market_value(self, price: SupportsIndex) -> int:
        """Return quantity x price, in the smallest currency unit.

        Raises
        ------
        OutOfRangeError
            If that does not fit in 64 bits.
        """
    def unrealized_pnl(self, price: SupportsIndex) -> int:
        """Return quantity x price - total cost, in the smallest currency unit.

        Raises
        ------
        OutOfRangeError
            If that does not fit in 64 bits.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Fill:
    """What a rebalance bought or sold at one price.

    Parameters
    ----------
    symbol : str
        1 to 24 printable ASCII characters.
    quantity : int
        How much was bought, or sold when below zero.
    price : int
        The price of each, in the smallest currency unit.
    cost : int
        What it cost beside quantity x price, in the smallest currency unit.

    Raises
    ------
    ValidationError
        If the symbol is none, or the price is not positive.
    """

    def __new__(
        cls,
        symbol: str,
        quantity: SupportsIndex,
        price: SupportsIndex,
        cost: SupportsIndex,
    ) -> Self: ...
    @property
    def symbol(self) -> str:
        """The symbol."""
    @property
    def quantity(self) -> int:
        """How much was bought, or sold when below zero."""
    @property
    def price(self) -> int:
        """The price of each, in the smallest currency unit."""
    @property
    def cost(self) -> int:
        """What it cost beside quantity x price, in the smallest currency unit."""
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class FeedMessage:
    """One message of a venue's feed, as the readers yield it; make your own for other formats.

    Prices and sizes are the feed's own integers: ITCH and LOBSTER count ten-thousandths of a
    dollar. A field that a message does not tell is 0 or ``None``: an ITCH execution names its order
    and a quantity, no side and no price; one of LOBSTER tells all four.

    Parameters
    ----------
    kind : FeedKind or str
        What it tells.
    timestamp_ns : int
        When, in nanoseconds since midnight.
    instrument : int
        The feed's number of the instrument, below 65,536; 0 where a file has only one.
    reference : int
        The venue's name of the order.
    new_reference : int
        The name of the order that comes for it, in a replace.
    side : Side or str, optional
        The side of the resting order, also where it traded.
    price : int, optional
        A new order's price, or the one something traded at.
    quantity : int
        How much: of a new order, of a trade, or what went off.
    venue_code : str
        The venue's own letter or digit for the kind: ``"A"`` in ITCH, ``"1"`` in LOBSTER.

    Raises
    ------
    ValidationError
        If the kind, the side or the code is not one.

    Examples
    --------
    >>> import nanobook
    >>> message = nanobook.FeedMessage("add", reference=7, side="buy", price=320_1400, quantity=100)
    >>> message.kind, message.price
    (FeedKind.ADD, 3201400)
    """

    def __new__(
        cls,
        kind: _FeedKind,
        timestamp_ns: SupportsIndex = 0,
        instrument: SupportsIndex = 0,
        reference: SupportsIndex = 0,
        new_reference: SupportsIndex = 0,
        side: _Side | None = None,
        price: SupportsIndex | None = None,
        quantity: SupportsIndex = 0,
        venue_code: str = "?",
    ) -> Self: ...
    @property
    def kind(self) -> FeedKind:
        """What it tells."""
    @property
    def timestamp_ns(self) -> int:
        """When, in nanoseconds since midnight."""
    @property
    def instrument(self) -> int:
        """The feed's number of the instrument: the stock locate of ITCH, 0 in LOBSTER."""
    @property
    def reference(self) -> int:
        """The venue's name of the order; 0 where there is none."""
    @property
    def new_reference(self) -> int:
        """The name of the order that comes for it, in a replace; otherwise 0."""
    @property
    def side(self) -> Side | None:
        """The side of the resting order, also where it traded; ``None`` where it is not told.

        NASDAQ says of every hidden trade that it was a buy.
        """
    @property
    def price(self) -> int | None:
        """A new order's price, or the one something traded at; ``None`` where it is not told."""
    @property
    def quantity(self) -> int:
        """How much: of a new order, of a trade, or what went off; 0 where it is not told."""
    @property
    def venue_code(self) -> str:
        """The venue's own letter or digit for the kind."""
    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name, as the constructor takes them."""
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class ItchReader:
    """A NASDAQ TotalView-ITCH 5.0 file, plain or gzip, read message by message.

    It streams: memory is the same however long the file. Iterating yields each `FeedMessage`;
    `VenueBook.apply_all` and `FeedDriver.apply_all` take the reader itself and read without the
    interpreter. Source of the format: "Nasdaq TotalView-ITCH 5.0", sections 3 and 4.

    Parameters
    ----------
    path : str or os.PathLike
        The file: each message behind its length of two bytes, as NASDAQ publishes it. A compressed
        one is known by its first bytes.
    symbols : iterable of str, optional
        The symbols whose messages are yielded, at least one; those of all if it is left out. Which
        instrument a symbol is, its directory message tells, at the start of the day: what comes
        before that is left out too.

    Raises
    ------
    StorageError
        If the file cannot be opened; `MissingFileError` if there is none.
    FeedError
        While it is read, if the bytes are not what the format says; nothing comes after it.

    Examples
    --------
    >>> import nanobook, pathlib, tempfile
    >>> delete = b"D" + (13).to_bytes(2, "big") + bytes(2) + (5).to_bytes(6, "big")
    >>> delete += (7).to_bytes(8, "big")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "day.itch")
    ...     _ = path.write_bytes(len(delete).to_bytes(2, "big") + delete)
    ...     with nanobook.ItchReader(path) as reader:
    ...         for message in reader:
    ...             print(message.kind, message.instrument, message.timestamp_ns, message.reference)
    delete 13 5 7
    """

    def __new__(cls, path: _Path, symbols: Iterable[str] | None = None) -> Self: ...
    @property
    def offset(self) -> int:
        """How many bytes have been read, after decompression: where the next message begins."""
    def symbol(self, instrument: SupportsIndex) -> str | None:
        """Return the symbol of an instrument, or ``None`` before its directory message was read."""
    def read_table(self, count: SupportsIndex | None = None) -> Table:
        """Read messages as columns: so many, or all that are left.

        Parameters
        ----------
        count : int, optional
            How many at most. A whole day of every symbol may not fit into memory; read a million at
            a time, until a table is empty.

        Returns
        -------
        Table
            A row a message, with the fields of `FeedMessage` as columns: ``kind``,
            ``timestamp_ns``, ``instrument``, ``reference``, ``new_reference``, ``side``, ``price``,
            ``quantity`` and ``venue_code``. A side or price that is not told is null, anything else
            0.

        Raises
        ------
        FeedError
            If the bytes are not what the format says. The messages before them come first, in a
            shorter table; the next call raises.
        KeyboardInterrupt
            On Ctrl-C; what this call has read is lost.
        """
    def close(self) -> None:
        """Close the file; what is read after that raises `ValidationError`."""
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None: ...
    def __iter__(self) -> Self: ...
    def __next__(self) -> FeedMessage: ...

@final
class LobsterReader:
    """A LOBSTER message file, plain or gzip, read message by message.

    It streams, as `ItchReader` does. A depth-N file has only what touches the N best levels, and
    `FeedMessage.side` is that of the resting order, also where it traded. Source of the format:
    "LOBSTER: output structure" (lobsterdata.com).

    Parameters
    ----------
    path : str or os.PathLike
        The file.

    Raises
    ------
    StorageError
        If the file cannot be opened; `MissingFileError` if there is none.
    FeedError
        While it is read, if a line is not what the format says; nothing comes after it.

    Examples
    --------
    >>> import nanobook, pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "messages.csv")
    ...     _ = path.write_text("34200.18960767,1,11885113,21,2238100,1")
    ...     with nanobook.LobsterReader(path) as reader:
    ...         message = next(reader)
    >>> message.kind, message.timestamp_ns, message.side, message.price
    (FeedKind.ADD, 34200189607670, Side.BUY, 2238100)
    """

    def __new__(cls, path: _Path) -> Self: ...
    @property
    def offset(self) -> int:
        """How many bytes have been read, after decompression: where the next line begins."""
    def read_table(self, count: SupportsIndex | None = None) -> Table:
        """Read messages as columns: so many, or all that are left.

        Parameters
        ----------
        count : int, optional
            How many at most. A whole day of every symbol may not fit into memory; read a million at
            a time, until a table is empty.

        Returns
        -------
        Table
            A row a message, with the fields of `FeedMessage` as columns: ``kind``,
            ``timestamp_ns``, ``instrument``, ``reference``, ``new_reference``, ``side``, ``price``,
            ``quantity`` and ``venue_code``. A side or price that is not told is null, anything else
            0.

        Raises
        ------
        FeedError
            If the bytes are not what the format says. The messages before them come first, in a
            shorter table; the next call raises.
        KeyboardInterrupt
            On Ctrl-C; what this call has read is lost.
        """
    def close(self) -> None:
        """Close the file; what is read after that raises `ValidationError`."""
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None: ...
    def __iter__(self) -> Self: ...
    def __next__(self) -> FeedMessage: ...

@final
class LobsterBookReader:
    """A LOBSTER orderbook file, plain or gzip, read row by row.

    Iterating yields a `BookSnapshot` a row, without order counts (0) and without a timestamp (0).
    Row i is the book after message i: what goes on from row 0 are the messages from the second on.

    Parameters
    ----------
    path : str or os.PathLike
        The file.

    Raises
    ------
    StorageError
        If the file cannot be opened; `MissingFileError` if there is none.
    FeedError
        While it is read, if a row is not what the format says; nothing comes after it.

    Examples
    --------
    >>> import nanobook, pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "books.csv")
    ...     _ = path.write_text("2239500,100,2231800,100")
    ...     with nanobook.LobsterBookReader(path) as reader:
    ...         book = next(reader)
    >>> book.spread()
    7700
    """

    def __new__(cls, path: _Path) -> Self: ...
    @property
    def offset(self) -> int:
        """How many bytes have been read, after decompression: where the next row begins."""
    def close(self) -> None:
        """Close the file; what is read after that raises `ValidationError`."""
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None: ...
    def __iter__(self) -> Self: ...
    def __next__(self) -> BookSnapshot: ...

@final
class VenueBook:
    """The book of a venue, rebuilt from its feed.

    Nothing is matched: bids may meet asks where the venue says so. Give it the messages of one
    instrument. What a message says of an order that is not known is counted; where it tells side
    and price (LOBSTER does), it is taken from the level's quantity that belongs to no known order.

    Memory is that of the orders that rest, however many messages there were.

    Examples
    --------
    >>> import nanobook
    >>> book = nanobook.VenueBook()
    >>> book.apply(nanobook.FeedMessage("add", reference=7, side="buy", price=100, quantity=30))
    >>> book.apply(nanobook.FeedMessage("add", reference=8, side="buy", price=100, quantity=20))
    >>> book.apply(nanobook.FeedMessage("execute", reference=7, quantity=10))
    >>> book.depth(1).bids[0].quantity, book.queue_position(8)
    (40, QueuePosition(orders_ahead=1, quantity_ahead=20))
    """

    def __new__(cls) -> Self: ...
    @classmethod
    def from_snapshot(cls, snapshot: BookSnapshot) -> VenueBook:
        """Return a book whose levels are those of a snapshot, of orders that nobody knows.

        The messages of LOBSTER from the second on go on from the first row of the orderbook file.

        Parameters
        ----------
        snapshot : BookSnapshot
            The levels; orders in it are not looked at.

        Raises
        ------
        ValidationError
            If a price is out of range, or the total of a side does not fit in 64 bits.
        """
    def apply(self, message: FeedMessage) -> None:
        """Do to the book what a message says.

        What cannot be right is counted (`counts`) and never raises.
        """
    def apply_all(self, feed: _Feed, count: SupportsIndex | None = None) -> int:
        """Do to the book what the messages of a feed say, and return how many there were.

        Parameters
        ----------
        feed : ItchReader, LobsterReader or iterable of FeedMessage
            The messages. Those of a reader go without the interpreter.
        count : int, optional
            How many to take at most; all if it is left out. What is not taken stays in the reader.

        Raises
        ------
        FeedError
            If the file is not what its format says. The messages before that are applied.
        """
    def set_level(self, side: _Side, price: SupportsIndex, quantity: SupportsIndex) -> None:
        """Set what rests at a price to a quantity that belongs to no known order.

        Known orders at this price are forgotten. A level that comes into the window of a depth-N
        file is told by its orderbook file alone.

        Parameters
        ----------
        side : Side or str
            The side.
        price : int
            The price.
        quantity : int
            What rests there; 0 is no level.

        Raises
        ------
        ValidationError
            If the price is out of range, or the total of the side does not fit in 64 bits.
        """
    def keep_levels(self, levels: SupportsIndex) -> None:
        """Forget all but the best levels of both sides, with their orders.

        What happens below the N levels of a depth-N file is not told, so what was known of it ages.
        """
    def best_bid(self) -> int | None:
        """Return the highest bid, or ``None`` without bids."""
    def best_ask(self) -> int | None:
        """Return the lowest ask, or ``None`` without asks."""
    def depth(self, levels: SupportsIndex = 10) -> BookSnapshot:
        """Return the best levels of both sides.

        The timestamp is the last message's, in nanoseconds since midnight. Quantity that belongs to
        no known order is in `LevelSnapshot.quantity`, and not in `LevelSnapshot.order_count`.
        """
    def full_book(self) -> BookSnapshot:
        """Return all levels, each with its known orders: the venue's references as ids."""
    def order(self, reference: SupportsIndex) -> tuple[Side, int, int] | None:
        """Return side, price and what remains of an order, or ``None`` if it is not known."""
    def queue_position(self, reference: SupportsIndex) -> QueuePosition | None:
        """Return what is ahead of an order at its level, or ``None`` if it is not known.

        Quantity that belongs to no known order was there first: it counts as quantity ahead, and as
        no order.
        """
    def order_count(self) -> int:
        """Return how many known orders rest."""
    def counts(self) -> FeedCounts:
        """Return how well the messages so far agreed with the book."""
    def check_invariants(self) -> None:
        """Check what must always be so.

        Raises
        ------
        InvariantError
            If something is broken: a bug in nanobook, please report it.
        """
    def to_bytes(self) -> bytes:
        """Return the book as bytes, versioned and checksummed; pickling uses them."""
    @classmethod
    def from_bytes(cls, data: Buffer) -> VenueBook:
        """Return the book that `to_bytes` wrote.

        Raises
        ------
        PersistenceError
            If the bytes are damaged.
        """
    def __eq__(self, other: object, /) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]  # Mutable, so without what `object` has.
    def _repr_html_(self) -> str: ...
    def __copy__(self) -> VenueBook: ...
    def __deepcopy__(self, memo: object) -> VenueBook: ...

@final
class FeedDriver:
    """Sends a feed's orders to an exchange, which matches them with all others there.

    A new order of the feed is a limit order; what is reduced, deleted or replaced is reduced,
    cancelled or modified. Of an execution the feed names the passive order alone: an IOC order of
    the same quantity and price comes from the other side, and trades by price-time priority: with
    an order of your own, where that is ahead. What the venue's order then has left is what the feed
    says, and no more. Submit your own orders to the same exchange in between.

    An order of the venue that a new one would meet, or that an execution passes by, cannot be there
    any more: it is cancelled and counted. A depth-N file of LOBSTER does not tell the end of orders
    below its window.

    Memory is that of the venue's resting orders; the exchange's own history is yours to clear
    (`Exchange.clear_order_history` and its like).

    Examples
    --------
    >>> import nanobook
    >>> exchange, driver = nanobook.Exchange(), nanobook.FeedDriver()
    >>> own = exchange.submit_limit("buy", 100, 50)
    >>> order = nanobook.FeedMessage("add", reference=7, side="buy", price=100, quantity=80)
    >>> driver.apply(exchange, order).order_id
    2
    >>> execution = nanobook.FeedMessage("execute", reference=7, quantity=60)
    >>> driver.apply(exchange, execution).filled_quantity
    60
    >>> exchange.get_order(own.order_id).filled_quantity
    50
    """

    def __new__(cls) -> Self: ...
    def seed(self, exchange: Exchange, snapshot: BookSnapshot) -> None:
        """Put an order at each level of a snapshot, for those there before the file began.

        What a later message takes off an unknown order at such a level goes off this one. Orders of
        a snapshot before are cancelled.

        Parameters
        ----------
        exchange : Exchange
            Where the orders go.
        snapshot : BookSnapshot
            The levels.

        Raises
        ------
        ValidationError
            If the exchange cannot take all of them; it took none.
        """
    def apply(
        self, exchange: Exchange, message: FeedMessage
    ) -> SubmitResult | CancelResult | ModifyResult | None:
        """Send what a message tells to an exchange, and return what came of it.

        An order that is not known is counted, and nothing is sent, unless the message tells side
        and price: then an execution trades with the seed of that level, or with an order that comes
        for this trade alone, and what is reduced or deleted goes off the seed.

        Parameters
        ----------
        exchange : Exchange
            The same one each time.
        message : FeedMessage
            The message.

        Returns
        -------
        SubmitResult, CancelResult or ModifyResult, optional
            What the command did; ``None`` where there was nothing to send.
        """
    def apply_all(self, exchange: Exchange, feed: _Feed, count: SupportsIndex | None = None) -> int:
        """Send what the messages of a feed tell to an exchange, and return how many there were.

        Parameters
        ----------
        exchange : Exchange
            The same one each time.
        feed : ItchReader, LobsterReader or iterable of FeedMessage
            The messages. Those of a reader go without the interpreter.
        count : int, optional
            How many to take at most; all if it is left out. What is not taken stays in the reader.

        Raises
        ------
        FeedError
            If the file is not what its format says. The messages before that are sent.
        """
    def order_id(self, reference: SupportsIndex) -> int | None:
        """Return what the venue's order became, or ``None`` if it is not known or gone."""
    def counts(self) -> FeedCounts:
        """Return how well the messages so far agreed with what was sent."""
    def to_bytes(self) -> bytes:
        """Return what the driver knows as bytes, versioned and checksummed; pickling uses them.

        The exchange that it drove is saved by itself.
        """
    @classmethod
    def from_bytes(cls, data: Buffer) -> FeedDriver:
        """Return the driver that `to_bytes` wrote.

        Raises
        ------
        PersistenceError
            If the bytes are damaged.
        """
    def __eq__(self, other: object, /) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]  # Mutable, so without what `object` has.
    def __copy__(self) -> FeedDriver: ...
    def __deepcopy__(self, memo: object) -> FeedDriver: ...

@final
class Metrics:
    """Measures of a series of simple returns per period, from `compute_metrics`.

    ``r`` are the returns, ``n`` how many, ``P`` the periods per year, ``rf`` the risk free rate
    per period. What is undefined, a denominator of zero too, is NaN; what is too large for a float
    is infinite. Bacon is C. Bacon, "Practical Portfolio Performance Measurement and Attribution",
    2nd ed., 2008.
    """

    def __new__(
        cls,
        total_return: float,
        cagr: float,
        volatility: float,
        sharpe: float,
        sortino: float,
        max_drawdown: float,
        calmar: float,
        num_periods: int,
        winning_periods: int,
        losing_periods: int,
        var_95: float,
        cvar_95: float,
        win_rate: float,
        profit_factor: float,
        payoff_ratio: float,
        skew: float,
        kurtosis: float,
        max_drawdown_periods: int,
    ) -> Self: ...
    @property
    def total_return(self) -> float:
        """``prod(1 + r) - 1``; -1 after a return of -1 or less.

        Bacon, "chain linking".
        """
    @property
    def cagr(self) -> float:
        """``(1 + total_return) ** (P / n) - 1``: compound annual growth; -1 when all is lost.

        Bacon, "annualised return", geometric.
        """
    @property
    def volatility(self) -> float:
        """``sd(r) * sqrt(P)``, ddof 1; NaN for one return.

        Bacon, "annualised risk", with n - 1 in the denominator.
        """
    @property
    def sharpe(self) -> float:
        """``mean(r - rf) / sd(r - rf) * sqrt(P)``, ddof 1.

        Sharpe, "The Sharpe Ratio", Journal of Portfolio Management 21 (1), 1994.
        """
    @property
    def sortino(self) -> float:
        """``mean(r - rf) * P / (dd * sqrt(P))``.

        ``dd = sqrt(sum(min(r - rf, 0) ** 2) / n)`` over all ``n``. Sortino and Price,
        "Performance Measurement in a Downside Risk Framework", Journal of Investing 3 (3), 1994.
        """
    @property
    def max_drawdown(self) -> float:
        """``max(1 - wealth / peak so far)``: the largest fall of wealth, as a positive fraction.

        Wealth starts at 1, which is a peak. Bacon, "maximum drawdown".
        """
    @property
    def calmar(self) -> float:
        """``cagr / max_drawdown``.

        Young, "Calmar Ratio: A Smoother Tool", Futures 20 (1), 1991, over all periods.
        """
    @property
    def num_periods(self) -> int:
        """How many returns there are."""
    @property
    def winning_periods(self) -> int:
        """How many are above zero."""
    @property
    def losing_periods(self) -> int:
        """How many are below zero."""
    @property
    def var_95(self) -> float:
        """The 5th percentile of the returns, as `numpy.percentile` takes it; a loss is negative.

        Definition 7 of Hyndman and Fan, "Sample Quantiles in Statistical Packages", The American
        Statistician 50 (4), 1996.
        """
    @property
    def cvar_95(self) -> float:
        """The mean of the ``floor((n - 1) * 0.05) + 1`` lowest returns.

        The expected shortfall of Acerbi and Tasche, "On the Coherence of Expected Shortfall",
        Journal of Banking & Finance 26 (7), 2002, with the tail counted as in empyrical.
        """
    @property
    def win_rate(self) -> float:
        """``winning_periods / num_periods``.

        Bacon, "upside frequency" at a threshold of 0.
        """
    @property
    def profit_factor(self) -> float:
        """``sum(max(r, 0)) / sum(max(-r, 0))``: the sum of the gains over that of the losses.

        Bernardo and Ledoit, "Gain, Loss, and Asset Pricing", Journal of Political Economy 108 (1),
        2000.
        """
    @property
    def payoff_ratio(self) -> float:
        """``mean(r[r > 0]) / -mean(r[r < 0])``: the mean gain over the mean loss.

        `payoff_ratio` of QuantStats.
        """
    @property
    def skew(self) -> float:
        """``m3 / m2 ** 1.5`` with central moments over ``n``.

        g1 of Joanes and Gill, "Comparing Measures of Sample Skewness and Kurtosis", The
        Statistician 47 (1), 1998.
        """
    @property
    def kurtosis(self) -> float:
        """``m4 / m2 ** 2 - 3``, excess kurtosis; g2 of the same source as `skew`."""
    @property
    def max_drawdown_periods(self) -> int:
        """The most periods that any drawdown took, from the first below the peak to recovery.

        Both ends counted, to the last return where there is no recovery: the largest length in
        ``table.Drawdowns`` of PerformanceAnalytics.
        """
    def to_dict(self) -> dict[str, float]:
        """Return the fields by name."""
    def _repr_html_(self) -> str: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class BenchmarkMetrics:
    """Measures of a series of returns against a benchmark's, from `compute_benchmark_metrics`.

    ``r`` are the returns, ``b`` those of the benchmark, ``n`` how many, ``P`` the periods per year,
    ``rf`` the risk free rate per period. What is undefined, a denominator of zero too, is NaN.
    """

    def __new__(
        cls,
        alpha: float,
        beta: float,
        correlation: float,
        tracking_error: float,
        information_ratio: float,
        up_capture: float,
        down_capture: float,
    ) -> Self: ...
    @property
    def alpha(self) -> float:
        """Jensen's alpha, compounded to a year: ``(1 + a) ** P - 1``; -1 where ``a <= -1``.

        ``a = mean(r - rf) - beta * mean(b - rf)``. Jensen, "The Performance of Mutual Funds in the
        Period 1945-1964", Journal of Finance 23 (2), 1968, equation 8; annualized as in
        PerformanceAnalytics and empyrical.
        """
    @property
    def beta(self) -> float:
        """``cov(r, b) / var(b)``: the slope of the regression of which `alpha` is the intercept."""
    @property
    def correlation(self) -> float:
        """``cov(r, b) / (sd(r) * sd(b))``, Pearson's; its square is the regression's R squared."""
    @property
    def tracking_error(self) -> float:
        """``sd(r - b) * sqrt(P)``, ddof 1.

        Bacon, Practical Portfolio Performance Measurement and Attribution, 2nd ed., 2008.
        """
    @property
    def information_ratio(self) -> float:
        """``mean(r - b) / sd(r - b) * sqrt(P)``, ddof 1.

        Sharpe, "The Sharpe Ratio", Journal of Portfolio Management 21 (1), 1994, equations 4 to 6;
        Goodwin, "The Information Ratio", Financial Analysts Journal 54 (4), 1998, arithmetic.
        """
    @property
    def up_capture(self) -> float:
        """Annual growth of ``r`` over that of ``b`` in the ``m`` periods with ``b > 0``.

        Growth is ``prod(1 + x) ** (P / m) - 1``. Morningstar, "Upside/Downside Capture Ratio",
        geometric; as in empyrical.
        """
    @property
    def down_capture(self) -> float:
        """The same as `up_capture` in the periods with ``b < 0``."""
    def to_dict(self) -> dict[str, float]:
        """Return the fields by name."""
    def _repr_html_(self) -> str: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Drawdown:
    """One fall of wealth from a peak and, if it came to that, its recovery; from `drawdowns`.

    Periods are places in the returns, from 0. The fields are the columns of ``table.Drawdowns`` in
    the R package PerformanceAnalytics.
    """

    def __new__(
        cls,
        start: int,
        trough: int,
        end: int | None,
        depth: float,
        length: int,
        to_trough: int,
        recovery: int | None,
    ) -> Self: ...
    @property
    def start(self) -> int:
        """The first period below the peak."""
    @property
    def trough(self) -> int:
        """The period of the lowest wealth, the first of several."""
    @property
    def end(self) -> int | None:
        """The period that reached the peak again; ``None`` when none did."""
    @property
    def depth(self) -> float:
        """The fall from the peak to the trough, as a positive fraction of the peak."""
    @property
    def length(self) -> int:
        """Periods from `start` to `end`, or to the last return, both counted."""
    @property
    def to_trough(self) -> int:
        """Periods from `start` to `trough`, both counted."""
    @property
    def recovery(self) -> int | None:
        """Periods after `trough` up to `end`; ``None`` without an end."""
    def to_dict(self) -> dict[str, float | None]:
        """Return the fields by name."""
    def _repr_html_(self) -> str: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Portfolio:
    """Cash, positions, costs paid, equity curve and returns, exact to the smallest currency unit.

    At every moment cash + market value = initial cash + realized + unrealized PnL - costs.
    Prices and targets are dicts, or pairs of symbol and value. A call that raises has changed
    nothing.

    Parameters
    ----------
    initial_cash : int
        In the smallest currency unit.
    cost_model : CostModel, optional
        What fills cost; nothing by default.

    Examples
    --------
    >>> import nanobook
    >>> portfolio = nanobook.Portfolio(100)
    >>> fills = portfolio.rebalance_simple({"AAPL": 0.5, "GOOG": 0.5}, {"AAPL": 10, "GOOG": 20})
    >>> [(fill.symbol, fill.quantity) for fill in fills]
    [('AAPL', 5), ('GOOG', 2)]
    >>> portfolio.total_equity({"AAPL": 12, "GOOG": 18})
    106
    """

    def __new__(cls, initial_cash: SupportsIndex, cost_model: CostModel = ...) -> Self: ...
    @property
    def cash(self) -> int:
        """The cash, in the smallest currency unit; below zero when it was borrowed."""
    @property
    def initial_cash(self) -> int:
        """The cash at the start, in the smallest currency unit."""
    @property
    def cost_model(self) -> CostModel:
        """What fills cost."""
    @property
    def costs(self) -> int:
        """The costs paid so far, in the smallest currency unit."""
    def position(self, symbol: str) -> Position | None:
        """Return the position in a symbol, or ``None`` if it never traded."""
    def positions(self) -> dict[str, Position]:
        """Return the positions in every symbol that ever traded, in symbol order."""
    def last_price(self, symbol: str) -> int | None:
        """Return the price at which a symbol is marked when no other is given.

        It is the last one given to a ``rebalance_`` method or `record_return`; queries do not
        set it.
        """
    def equity_curve(self) -> list[int]:
        """Return the initial cash and the equity at each `record_return`."""
    def returns(self) -> list[float]:
        """Return the simple return of each period whose starting equity was positive."""
    def total_equity(self, prices: _Prices) -> int:
        """Return cash + market value, in the smallest currency unit.

        A held symbol that is not among the prices is marked at its last known price.

        Raises
        ------
        ValidationError
            If a symbol is there twice, or a price is not positive.
        OutOfRangeError
            If a sum does not fit in 64 bits.
        """
    def current_weights(self, prices: _Prices) -> list[tuple[str, float]]:
        """Return each open position's fraction of the equity, in symbol order.

        Raises
        ------
        ValidationError
            As `total_equity`.
        """
    def record_return(self, prices: _Prices) -> None:
        """Append the equity at these prices to the curve, and its return to the returns.

        The return is ``equity / previous - 1``; there is none while the previous equity is not
        positive.

        Raises
        ------
        ValidationError
            As `total_equity`.
        ReadOnlyError
            On the portfolio of a strategy or of a result: trade on a copy of it.
        """
    def rebalance_simple(self, targets: _Targets, prices: _Prices) -> list[Fill]:
        """Trade towards target weights at these prices.

        The target quantity is (equity x weight) / price, toward zero, where equity x weight is
        the exact product rounded to the nearest unit, halves away from zero. What is held without
        a target is closed. Sells come before buys, each in symbol order. While the equity is not
        positive nothing is traded. Cash may go below zero.

        Parameters
        ----------
        targets : dict or pairs
            The fraction of the equity to hold of each symbol; below zero to be short.
        prices : dict or pairs
            Prices in the smallest currency unit. A symbol without one that had one before is
            marked at that and not traded.

        Returns
        -------
        list of Fill
            In the order made; each paid its cost.

        Raises
        ------
        ValidationError
            If a symbol is there twice, a weight is not finite, a price is not positive, or a
            target other than 0 never had a price.
        OutOfRangeError
            If a result does not fit in 64 bits.
        ReadOnlyError
            On the portfolio of a strategy or of a result: trade on a copy of it.
        """
    def rebalance_lob(self, targets: _Targets, exchanges: MultiExchange) -> list[Fill]:
        """Trade towards target weights in real order books.

        Targets are those of `rebalance_simple` at each book's mid, rounded down (one side if the
        other is empty), sent as market orders, sells first. What a book cannot fill stays
        unfilled. Each trade is a fill at its own price and pays its own cost.

        Raises
        ------
        ValidationError, OutOfRangeError
            As `rebalance_simple`; neither the portfolio nor a book has changed.
        ReadOnlyError
            On the portfolio of a strategy or of a result: trade on a copy of it.
        """
    def snapshot(self, prices: _Prices) -> PortfolioSnapshot:
        """Return the portfolio's numbers at these prices.

        Raises
        ------
        ValidationError
            As `total_equity`.
        """
    def compute_metrics(
        self, periods_per_year: float = 252.0, risk_free: float = 0.0
    ) -> Metrics | None:
        """Return the metrics of the returns so far, or ``None`` when there are none.

        Raises
        ------
        ValidationError
            As the function `compute_metrics`.
        """
    def state_digest(self) -> str:
        """Return a hash of everything the portfolio is, as 16 hexadecimal digits."""
    def check_invariants(self) -> None:
        """Check the accounting identity and the indices.

        Raises
        ------
        InvariantError
            If one is broken: a bug in nanobook.
        """
    def to_json(self) -> str:
        """Return the whole portfolio as JSON text, with a checksum."""
    @staticmethod
    def from_json(text: str) -> Portfolio:
        """Return the portfolio that `to_json` wrote.

        Raises
        ------
        PersistenceError
            If the text is damaged.
        """
    def save_json(self, path: _Path) -> None:
        """Write the portfolio to a file; a crash leaves the old file or the new one.

        Raises
        ------
        StorageError
            If the file cannot be written.
        """
    @staticmethod
    def load_json(path: _Path) -> Portfolio:
        """Return the portfolio that `save_json` wrote.

        Raises
        ------
        PersistenceError
            If the file is damaged.
        StorageError
            If it cannot be read.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __copy__(self) -> Portfolio: ...
    def __deepcopy__(self, memo: object) -> Portfolio: ...

@final
class PriceSeries:
    """Prices of symbols at bars: immutable, converted once, shared by every run that uses it.

    Iterating gives each bar's prices, by symbol, in a new dict; ``series[3]`` is one bar and
    ``series[10:20]`` a series of ten that shares the table and has all its symbols. Series are
    equal when symbols, prices and their order are. ``symbol in series`` looks at the symbols.

    Parameters
    ----------
    data : rows, array, frame or Arrow table
        For each bar a dict, or pairs of symbol and price; or a two-dimensional NumPy array, or rows
        of prices with `symbols`, bars x symbols; or a frame of pandas or polars, or any table with
        ``__arrow_c_stream__`` or ``__arrow_c_array__``, whose columns are symbols. An index is not
        looked at.
    symbols : iterable of str, optional
        Of an array or rows of prices: the symbols of its columns. Of a frame or table: the columns
        to take, in this order; all are taken without it. Dicts and pairs name their own.
    tick_size : float, optional
        What one tick is worth in the units of the data; required where prices are floats. Each
        price becomes ``floor(price / tick_size + 0.5)`` ticks, the nearest, in binary floating
        point: what is halfway between two ticks as a decimal, a `Decimal` too, may go either way
        (2.235 is 223 ticks of 0.01). Where that matters, give integers. Integers beside floats are
        in the same units; where all prices are integers they are ticks, and a `tick_size` is an
        error.

    Raises
    ------
    ValidationError
        If a price is not positive or is infinite, or a symbol is there twice (it names bar and
        symbol), `tick_size` is missing or not wanted, or `symbols` do not fit.
    OutOfRangeError
        If an integer does not fit in 64 bits.
    TypeError
        If a price is no number (it names bar and symbol), or a column has none: leave it out.

    Notes
    -----
    A gap is a symbol that a row does not name; NaN; where `tick_size` is given or prices are in
    columns also ``None``, a null, or what is masked.

    Examples
    --------
    >>> import nanobook
    >>> series = nanobook.PriceSeries([{"AAPL": 100_00}, {"AAPL": 101_00, "GOOG": 50_00}])
    >>> len(series), series.symbols
    (2, ['AAPL', 'GOOG'])
    >>> series[1:]
    PriceSeries(bars=1, symbols=['AAPL', 'GOOG'])
    >>> floats = [{"AAPL": 100.0, "GOOG": None}, {"AAPL": 101.0, "GOOG": 50.0}]
    >>> nanobook.PriceSeries(floats, tick_size=0.01) == series
    True
    """

    @overload
    def __new__(
        cls, data: PriceSeries | Rows, symbols: None = None, tick_size: None = None
    ) -> Self: ...
    @overload
    def __new__(
        cls, data: NDArray[np.integer[Any]], symbols: Iterable[str], tick_size: None = None
    ) -> Self: ...
    @overload
    def __new__(
        cls, data: NDArray[np.floating[Any]], symbols: Iterable[str], tick_size: float
    ) -> Self: ...
    @overload
    def __new__(
        cls, data: NDArray[np.object_], symbols: Iterable[str], tick_size: float | None = None
    ) -> Self: ...
    @overload
    def __new__(
        cls, data: Frame, symbols: Iterable[str] | None = None, tick_size: float | None = None
    ) -> Self: ...
    @overload
    def __new__(
        cls,
        data: Iterable[Iterable[int | None]],
        symbols: Iterable[str],
        tick_size: None = None,
    ) -> Self: ...
    @overload
    def __new__(
        cls, data: Iterable[Iterable[Money]], symbols: Iterable[str], tick_size: float
    ) -> Self: ...
    @overload
    def __new__(cls, data: MoneyRows, symbols: None = None, *, tick_size: float) -> Self: ...
    @property
    def symbols(self) -> list[str]:
        """The symbols, in the order they first appeared."""
    @overload
    def to_numpy(
        self, dtype: Literal["float64"] | type[np.float64] = "float64"
    ) -> NDArray[np.float64]:
        """Return the prices as a NumPy array of its own, bars x symbols.

        Parameters
        ----------
        dtype : {"float64", "int64"}
            Floats have NaN for a gap, integers 0, which no price is.

        Examples
        --------
        >>> import nanobook
        >>> series = nanobook.PriceSeries([{"AAPL": 100_00}, {"GOOG": 50_00}])
        >>> series.to_numpy("int64").tolist()
        [[10000, 0], [0, 5000]]
        """
    @overload
    def to_numpy(self, dtype: Literal["int64"] | type[np.int64]) -> NDArray[np.int64]: ...
    def to_bytes(self) -> bytes:
        """Return symbols and prices as bytes, versioned and checksummed.

        Of a slice they are its own bars. Pickling does the same.
        """
    @classmethod
    def from_bytes(cls, data: Buffer) -> PriceSeries:
        """Return the series that `to_bytes` wrote.

        Raises
        ------
        PersistenceError
            If the data are damaged.
        """
    def _repr_html_(self) -> str: ...
    def __arrow_c_schema__(self) -> object: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: SupportsIndex, /) -> dict[str, int]: ...
    @overload
    def __getitem__(self, index: slice, /) -> PriceSeries: ...
    def __contains__(self, symbol: object, /) -> bool: ...
    def __iter__(self) -> Iterator[dict[str, int]]: ...
    def __reversed__(self) -> Iterator[dict[str, int]]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object) -> Self: ...

@final
class EqualWeight:
    """``1/n`` in each of the n symbols that have had a price so far; never enters Python."""

    def __new__(cls) -> Self: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object) -> Self: ...

@final
class WeightSchedule:
    """Target weights computed before the run; never enters Python.

    Parameters
    ----------
    array : table of bars x symbols
        A two-dimensional array, rows of numbers, a frame of pandas or polars, or any Arrow table.
        A row that is all NaN, ``None``, null or masked leaves the portfolio alone at that bar. An
        index is not looked at.
    symbols : iterable of str, optional
        Of an array or rows: the symbols of the columns; without it they are those of the price
        series, in its order. Of a frame or table: the columns to take; all are taken without it.

    Raises
    ------
    ValidationError
        If the table does not have two dimensions, or a symbol is there twice. `run_backtest` raises
        it where a column is no symbol of the prices, the bars are not as many, or a weight is not
        finite in a row that trades.
    TypeError
        If a weight is no real number, or a column of a frame has none.

    Notes
    -----
    Columns that have names, which those of a frame do, go by name, whatever their order; a symbol
    of the prices without a column has no target and is closed. A frame of pandas whose columns are
    numbers, or anything else but text, goes by order.

    Examples
    --------
    >>> import nanobook
    >>> schedule = nanobook.WeightSchedule([[0.5, 0.5], [1.0, 0.0]])
    >>> prices = [{"AAPL": 10_00, "GOOG": 20_00}, {"AAPL": 12_00, "GOOG": 18_00}]
    >>> nanobook.run_backtest(schedule, prices, 100_00).portfolio.equity_curve()
    [10000, 10000, 10600]
    """

    def __new__(
        cls,
        array: Weights | Frame | Iterable[Iterable[float | None]],
        symbols: Iterable[str] | None = None,
    ) -> Self: ...
    @property
    def symbols(self) -> list[str] | None:
        """The symbols of the columns, or ``None`` for those of the prices."""
    @property
    def weights(self) -> NDArray[np.float64]:
        """The table, bars x symbols, read-only; needs NumPy."""
    def to_bytes(self) -> bytes:
        """Return the schedule as bytes, versioned and checksummed; pickling uses it."""
    @staticmethod
    def from_bytes(data: Buffer) -> WeightSchedule:
        """Return the schedule that `to_bytes` gave.

        Raises
        ------
        PersistenceError
            If the bytes are damaged or of another version.
        """
    def __len__(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object) -> Self: ...

@final
class BacktestResult:
    """What came of a backtest, from `run_backtest`. Nothing in it can be changed.

    Arrays are read-only and need NumPy.
    """

    @property
    def portfolio(self) -> Portfolio:
        """The portfolio at the end, read-only: ``copy.copy(result.portfolio)`` can be traded on."""
    @property
    def metrics(self) -> Metrics | None:
        """The metrics of the returns, or ``None`` when there are none."""
    @property
    def costs(self) -> int:
        """The costs paid, in the smallest currency unit."""
    @property
    def turnover(self) -> float:
        """What was traded over the whole run, as a multiple of the mean equity.

        ``sum(abs(quantity) * price) / mean(equity_curve)``, purchases and sales alike; NaN where
        the mean equity is not positive.
        """
    @property
    def digest(self) -> str:
        """A hash of the portfolio and of every fill, as 16 hexadecimal digits."""
    @property
    def symbols(self) -> list[str]:
        """The symbols of the columns, in the order they first appeared."""
    @property
    def trade_count(self) -> int:
        """How many fills there were."""
    @property
    def equity_curve(self) -> NDArray[np.int64]:
        """The initial cash and the equity at the end of each bar, in the smallest currency unit."""
    @property
    def returns(self) -> NDArray[np.float64]:
        """The return of each bar whose starting equity was positive."""
    @property
    def weights(self) -> NDArray[np.float64]:
        """The targets given, bars x symbols; a row of NaN where the answer was ``None``.

        Raises
        ------
        MemoryError
            If the table does not fit in memory; a result keeps rows that are the same once.
        """
    @property
    def trades(self) -> NDArray[np.void]:
        """The fills in the order made, with the fields bar, symbol, quantity, price and cost."""
    def equity_table(self) -> Table:
        """Return each bar, the equity at its end and its return as a table.

        Its columns are ``bar``, ``equity`` and ``return``.
        """
    def weights_table(self) -> Table:
        """Return the targets of each bar as a table with a column for each symbol.

        There is no value at a bar whose answer was ``None``.
        """
    def trades_table(self) -> Table:
        """Return the fills in the order made as a table.

        Its columns are ``bar``, ``symbol`` (a category), ``quantity``, ``price`` and ``cost``.
        """
    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain Python values, without NumPy.

        Returns
        -------
        dict
            `symbols`, `cash`, `positions` (quantities by symbol), `costs`, `turnover`, `digest`,
            `metrics` (a dict or ``None``), `equity_curve`, `returns`, `weights` (a list for each
            bar, ``None`` where the answer was ``None``) and `trades` (a dict for each fill).
        """
    def to_bytes(self) -> bytes:
        """Return the result as bytes, versioned and checksummed; pickling uses it.

        The prices it was made from are not in it, save those of its fills.
        """
    @staticmethod
    def from_bytes(data: Buffer) -> BacktestResult:
        """Return the result that `to_bytes` gave.

        Raises
        ------
        PersistenceError
            If the bytes are damaged or of another version.
        """
    def _repr_html_(self) -> str: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> BacktestResult: ...
    def __deepcopy__(self, memo: object) -> BacktestResult: ...

@final
class CancelFlag:
    """Stops the runs it was given to at their next bar. For nanobook's own modules."""

    def __new__(cls) -> Self: ...
    def set(self) -> None:
        """Stop the runs that have this flag."""

@final
class SweepSettings:
    """What all runs of a sweep share, checked once. For nanobook's own modules."""

    def __new__(
        cls,
        initial_cash: SupportsIndex,
        cost_model: CostModel,
        periods_per_year: float,
        risk_free: float,
        fill: Literal["close", "next"],
    ) -> Self: ...
    def run(
        self, strategy: Strategy, price_series: PriceSeries, cancel: CancelFlag
    ) -> BacktestResult:
        """Run one strategy, until it is done or the flag is set."""
    def run_built_ins(
        self,
        strategies: list[EqualWeight | WeightSchedule],
        price_series: PriceSeries,
        max_workers: int | None,
        progress: Callable[[int], object] | None,
    ) -> tuple[list[BacktestResult], tuple[int, BaseException] | None]:
        """Run built-in strategies in threads of their own.

        Returns the results and ``None``, or an empty list, and the index and exception of the first
        strategy that failed.
        """
    def metrics(self, returns: _Returns) -> Metrics | None:
        """Return the metrics of returns."""

def read_price_series(price_series: PriceSeriesLike) -> PriceSeries:
    """Return the prices of a sweep as a series."""

def warn_if_annual(risk_free: float) -> None:
    """Warn at the caller of the caller if a risk free rate per period looks annual."""

def run_backtest(
    strategy: Strategy,
    price_series: PriceSeriesLike,
    initial_cash: SupportsIndex,
    cost_model: CostModel = ...,
    periods_per_year: float = 252.0,
    risk_free: float = 0.0,
    fill: Literal["close", "next"] = "close",
) -> BacktestResult:
    """Run a strategy over a series of prices.

    At each bar the strategy is called, the portfolio is rebalanced, and the return is recorded.

    Parameters
    ----------
    strategy : callable, EqualWeight or WeightSchedule
        Called with the bar's index, its prices by symbol in a dict of their own, and a read-only,
        live view of the portfolio. Returns target weights as pairs, a dict, or an array of one
        weight for each symbol; an empty answer closes everything, ``None`` leaves the portfolio
        alone.
    price_series : PriceSeries, rows, frame or Arrow table
        A dict, or pairs of symbol and price, for each bar; or what else `PriceSeries` takes without
        further arguments.
    initial_cash : int
        In the smallest currency unit.
    cost_model : CostModel, optional
        What fills cost; nothing by default.
    periods_per_year : float, default 252.0
        How many bars are a year.
    risk_free : float, default 0.0
        The risk free rate per bar; above 0.01 it warns.
    fill : {"close", "next"}
        ``"close"`` trades at the prices the strategy saw; ``"next"`` at the next bar, sized with
        that bar's equity and prices, before the strategy is called there.

    Returns
    -------
    BacktestResult

    Raises
    ------
    ValidationError
        If prices or an answer are wrong: not pairs, a weight that is not finite, a symbol that is
        unknown or there twice. It names the bar and the value.
    OutOfRangeError
        If money or a quantity does not fit in 64 bits.
    BaseException
        What the strategy raises arrives unchanged, with a note that names the bar.

    Examples
    --------
    >>> import nanobook
    >>> prices = [{"AAPL": 10_00, "GOOG": 20_00}, {"AAPL": 12_00, "GOOG": 18_00}]
    >>> def halves(bar_index, prices, portfolio):
    ...     return {"AAPL": 0.5, "GOOG": 0.5} if bar_index == 0 else None
    >>> result = nanobook.run_backtest(halves, prices, 100_00)
    >>> result.portfolio.equity_curve()
    [10000, 10000, 10600]
    """

def compute_metrics(
    returns: _Returns, periods_per_year: float = 252.0, risk_free: float = 0.0
) -> Metrics | None:
    """Return the metrics of simple returns per period, or ``None`` for no returns.

    Parameters
    ----------
    returns : iterable of float
        Simple returns per period: 0.01 is 1 %. A list, an array of one dimension (which is read
        without Python objects), a series of pandas or polars, or any other iterable; but no set,
        mapping, text or bytes.
    periods_per_year : float, default 252.0
        How many periods are a year.
    risk_free : float, default 0.0
        Per period, like the returns; above 0.01 it warns: an annual rate passed by mistake.

    Raises
    ------
    ValidationError
        If a return is not finite or is masked (it names its index), an array or a frame has several
        dimensions (it names the shape), or a rate is out of range.
    OutOfRangeError
        If an integer is too large for a float.
    TypeError
        If a return is no real number: a complex number, a bool, ``None`` or ``pandas.NA``.

    Examples
    --------
    >>> import nanobook
    >>> metrics = nanobook.compute_metrics([0.5, -0.5, 0.0], periods_per_year=3)
    >>> metrics.total_return, metrics.max_drawdown
    (-0.25, 0.5)
    """

def compute_benchmark_metrics(
    returns: _Returns,
    benchmark: _Returns,
    periods_per_year: float = 252.0,
    risk_free: float = 0.0,
) -> BenchmarkMetrics | None:
    """Return the metrics of simple returns against a benchmark's, or ``None`` for no returns.

    Parameters
    ----------
    returns : iterable of float
        Simple returns per period, as `compute_metrics` takes them.
    benchmark : iterable of float
        The benchmark's return in each of the same periods.
    periods_per_year : float, default 252.0
        How many periods are a year.
    risk_free : float, default 0.0
        Per period, like the returns; above 0.01 it warns: an annual rate passed by mistake.

    Raises
    ------
    ValidationError
        If the lengths differ (it names both), a return is not finite (it names its index), or a
        rate is out of range.

    Examples
    --------
    >>> import nanobook
    >>> benchmark = [0.25, -0.25, 0.5, 0.0]
    >>> returns = [0.5, -0.5, 1.0, 0.0]
    >>> metrics = nanobook.compute_benchmark_metrics(returns, benchmark, periods_per_year=1)
    >>> metrics.alpha, metrics.beta, metrics.down_capture
    (0.0, 2.0, 2.0)
    """

def rolling_sharpe(
    returns: _Returns,
    window: SupportsIndex,
    periods_per_year: float = 252.0,
    risk_free: float = 0.0,
) -> NDArray[np.float64]:
    """Return the annualized Sharpe ratio of every window of returns.

    ``mean(r - rf) / sd(r - rf) * sqrt(P)``, ddof 1, of the `window` returns up to each period:
    Sharpe, "The Sharpe Ratio", Journal of Portfolio Management 21 (1), 1994, equations 4 to 6. The
    work does not grow with the window, and a huge return leaves no trace once it is out of it.

    Parameters
    ----------
    returns : iterable of float
        Simple returns per period, as `compute_metrics` takes them.
    window : int
        How many returns, at least 1.
    periods_per_year : float, default 252.0
        How many periods are a year.
    risk_free : float, default 0.0
        Per period, like the returns; above 0.01 it warns: an annual rate passed by mistake.

    Returns
    -------
    ndarray of float64
        One value for each return: NaN for the first ``window - 1`` (for all when the window is
        longer than the returns), where there is no deviation, and with a window of 1.

    Raises
    ------
    ValidationError
        If the window is 0, a return is not finite (it names its index), or a rate is out of range.
    MissingPackageError
        If NumPy is not installed.

    Examples
    --------
    >>> import nanobook
    >>> nanobook.rolling_sharpe([0.25, 0.5, 0.75], 3, periods_per_year=4).tolist()
    [nan, nan, 4.0]
    """

def rolling_volatility(
    returns: _Returns, window: SupportsIndex, periods_per_year: float = 252.0
) -> NDArray[np.float64]:
    """Return the annualized volatility of every window of returns.

    ``sd(r) * sqrt(P)``, ddof 1, of the `window` returns up to each period; 0 where the deviation is
    below ``1e-12 * max(abs(r))`` of the window. The work does not grow with the window, and a huge
    return leaves no trace once it is out of it.

    Parameters
    ----------
    returns : iterable of float
        Simple returns per period, as `compute_metrics` takes them.
    window : int
        How many returns, at least 1.
    periods_per_year : float, default 252.0
        How many periods are a year.

    Returns
    -------
    ndarray of float64
        One value for each return: NaN for the first ``window - 1`` (for all when the window is
        longer than the returns) and with a window of 1.

    Raises
    ------
    ValidationError
        If the window is 0, a return is not finite (it names its index), or the periods per year are
        not positive.
    MissingPackageError
        If NumPy is not installed.

    Examples
    --------
    >>> import nanobook
    >>> nanobook.rolling_volatility([0.25, 0.5, 0.75], 3, periods_per_year=4).tolist()
    [nan, nan, 0.5]
    """

def rolling_max_drawdown(returns: _Returns, window: SupportsIndex) -> NDArray[np.float64]:
    """Return the largest fall of wealth from a peak inside every window of returns.

    `Metrics.max_drawdown` of the `window` returns up to each period: the wealth before the window
    is its first peak. The work does not grow with the window.

    Parameters
    ----------
    returns : iterable of float
        Simple returns per period, as `compute_metrics` takes them.
    window : int
        How many returns, at least 1.

    Returns
    -------
    ndarray of float64
        A positive fraction for each return; NaN for the first ``window - 1``, for all when the
        window is longer than the returns.

    Raises
    ------
    ValidationError
        If the window is 0 or a return is not finite (it names its index).
    MissingPackageError
        If NumPy is not installed.

    Examples
    --------
    >>> import nanobook
    >>> nanobook.rolling_max_drawdown([-0.5, -0.5, 1.0, -0.25], 2).tolist()
    [nan, 0.75, 0.5, 0.25]
    """

def drawdown_series(returns: _Returns) -> NDArray[np.float64]:
    """Return the fall of wealth from its peak so far, for each period, as a positive fraction.

    ``1 - wealth / max(wealth so far)`` with ``wealth = prod(1 + r)``; the starting wealth of 1 is a
    peak, and after a return of -1 or less all is 1. Bacon, Practical Portfolio Performance
    Measurement and Attribution, 2nd ed., 2008.

    Parameters
    ----------
    returns : iterable of float
        Simple returns per period, as `compute_metrics` takes them.

    Returns
    -------
    ndarray of float64
        One value for each return; the largest is `Metrics.max_drawdown`.

    Raises
    ------
    ValidationError
        If a return is not finite (it names its index).
    MissingPackageError
        If NumPy is not installed.

    Examples
    --------
    >>> import nanobook
    >>> nanobook.drawdown_series([-0.25, 0.0, 1.0, -0.5]).tolist()
    [0.25, 0.25, 0.0, 0.5]
    """

def drawdowns(returns: _Returns, top: SupportsIndex | None = None) -> list[Drawdown]:
    """Return the drawdowns, the deepest first and the earlier of two that are equally deep.

    The table is that of ``table.Drawdowns`` in the R package PerformanceAnalytics (Carl and
    Peterson); for a frame, ``pandas.DataFrame([d.to_dict() for d in drawdowns(returns)])``.

    Parameters
    ----------
    returns : iterable of float
        Simple returns per period, as `compute_metrics` takes them.
    top : int, optional
        At most so many; all when left out.

    Raises
    ------
    ValidationError
        If a return is not finite (it names its index).

    Examples
    --------
    >>> import nanobook
    >>> worst, second = nanobook.drawdowns([-0.25, 0.0, 1.0, -0.5])
    >>> worst.start, worst.depth, worst.end
    (3, 0.5, None)
    >>> second
    Drawdown(start=0, trough=0, end=2, depth=0.25, length=3, to_trough=1, recovery=2)
    """

def sweep_equal_weight(
    n_params: SupportsIndex,
    price_series: PriceSeriesLike,
    initial_cash: SupportsIndex,
    periods_per_year: float = 12.0,
    risk_free: float = 0.0,
) -> list[Metrics | None]:
    """Run `EqualWeight` at zero cost so many times, and return the metrics of each run.

    Kept for scripts written for 0.4: every run is the same.

    Raises
    ------
    ValidationError
        As `run_backtest`.
    """

def py_compute_metrics(
    returns: _Returns, periods_per_year: float = 252.0, risk_free: float = 0.0
) -> Metrics | None:
    """Return what `compute_metrics` returns; the name it had in 0.4."""

def py_sweep_equal_weight(
    n_params: SupportsIndex,
    price_series: PriceSeriesLike,
    initial_cash: SupportsIndex,
    periods_per_year: float = 12.0,
    risk_free: float = 0.0,
) -> list[Metrics | None]:
    """Return what `sweep_equal_weight` returns; the name it had in 0.4."""
