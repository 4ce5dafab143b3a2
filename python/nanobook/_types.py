"""Named tuples and dictionaries that the compiled module hands out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Protocol, SupportsFloat, SupportsIndex, TypeAlias

    from nanobook._enums import Side, StopStatus, TimeInForce
    from nanobook.nanobook import EqualWeight, Portfolio, PriceSeries, WeightSchedule

    # For annotations only: what calls take.
    # Arrays by what they have: `NDArray` would make every strategy's type unknown without NumPy.
    class Weights(Protocol):
        @property
        def dtype(self) -> object: ...
        @property
        def ndim(self) -> int: ...
        def __len__(self) -> int: ...

    Answer: TypeAlias = Mapping[str, float] | Iterable[tuple[str, float]] | Weights | None
    Strategy: TypeAlias = (
        Callable[[int, dict[str, int], Portfolio], Answer] | EqualWeight | WeightSchedule
    )
    Rows: TypeAlias = Iterable[Mapping[str, int]] | Iterable[Iterable[tuple[str, int]]]

    # Prices in units of money: an integer, a float, a `Decimal`, or `None` for a gap.
    Money: TypeAlias = SupportsFloat | SupportsIndex | None
    MoneyRows: TypeAlias = Iterable[Mapping[str, Money]] | Iterable[Iterable[tuple[str, Money]]]

    class ArrowStream(Protocol):
        def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

    class ArrowArray(Protocol):
        def __arrow_c_array__(
            self, requested_schema: object | None = None
        ) -> tuple[object, object]: ...

    class PandasFrame(Protocol):
        @property
        def columns(self) -> object: ...
        @property
        def iloc(self) -> object: ...

    # A frame of pandas or polars, or anything else that Arrow libraries understand.
    Frame: TypeAlias = PandasFrame | ArrowStream | ArrowArray
    PriceSeriesLike: TypeAlias = PriceSeries | Rows | Frame

    # Columns of commands by name; a structured array is known by what it has, as above.
    Commands: TypeAlias = Mapping[str, object] | Frame | Weights

__all__ = ["FeedCounts", "PortfolioSnapshot", "QueuePosition", "StopOrder", "TrailMethod"]


class QueuePosition(NamedTuple):
    """What stands before an order in the queue of its price level."""

    orders_ahead: int
    """How many orders are ahead of it."""
    quantity_ahead: int
    """Their remaining quantity."""


class FeedCounts(NamedTuple):
    """How well a feed and what follows it agree."""

    messages: int
    """All messages, whatever they told."""
    unknown_references: int
    """Messages about an order that is not known: it came before the file begins, was not shown, or
    was cancelled by a `FeedDriver`."""
    contradictions: int
    """Messages that cannot be right: more goes off an order than it has, or nothing; a reference is
    there already; a new order has no side, no valid price or no quantity.

    In a `FeedDriver` also each order of the venue that cannot be there any more.
    """


class TrailMethod(TypedDict):
    """How a trailing stop follows its watermark: the arguments it was submitted with."""

    trail_type: Literal["fixed", "percentage", "atr"]
    """What `trail_value` is."""
    trail_value: float
    """An offset in price units, a fraction of the watermark, or a multiple of the ATR."""
    atr_period: int | None
    """Over how many price changes the ATR is taken; ``None`` for the other two."""


class StopOrder(TypedDict):
    """A stop order at one moment."""

    id: int
    """Its number; stops and orders share one sequence."""
    side: Side
    """The side of the order it becomes."""
    stop_price: int
    """The trade price that triggers it; for a trailing stop, where it stands now."""
    limit_price: int | None
    """The limit of the order it becomes; ``None`` for a market order."""
    quantity: int
    """The quantity of the order it becomes."""
    time_in_force: TimeInForce
    """The time in force of the order it becomes; IOC for a market order."""
    timestamp: int
    """When it was submitted, by the exchange's own counter."""
    status: StopStatus
    """Where it stands."""
    trail_method: TrailMethod | None
    """How it trails; ``None`` for a stop whose price is fixed."""
    watermark: int | None
    """The best trade price since submission; ``None`` before the first and without a trail."""
    triggered_order_id: int | None
    """The order it became."""


class PortfolioSnapshot(TypedDict):
    """A portfolio's numbers at given prices. Money is in the smallest currency unit."""

    cash: int
    """Cash; below zero when it was borrowed."""
    equity: int
    """Cash and market value."""
    unrealized: int
    """Unrealized PnL of all positions."""
    total_realized_pnl: int
    """Realized PnL of all positions, those that are closed included."""
    costs: int
    """Costs paid so far."""
    num_positions: int
    """How many positions are open."""
    weights: list[tuple[str, float]]
    """Each open position's fraction of the equity, in symbol order."""


FeedCounts.__module__ = "nanobook"
PortfolioSnapshot.__module__ = "nanobook"
QueuePosition.__module__ = "nanobook"
TrailMethod.__module__ = "nanobook"
StopOrder.__module__ = "nanobook"
