"""A deterministic limit order book, matching engine and portfolio simulator.

>>> import nanobook
>>> exchange = nanobook.Exchange()
>>> exchange.submit_limit("sell", 10050, 100).order_id
1
>>> result = exchange.submit_market("buy", 40)
>>> result.trades[0].price, result.filled_quantity
(10050, 40)
"""

from nanobook._enums import OrderStatus, Side, StopStatus, TimeInForce
from nanobook._errors import (
    InvariantError,
    MissingFileError,
    MissingPackageError,
    NanobookError,
    OutOfRangeError,
    PersistenceError,
    ReadOnlyError,
    StorageError,
    UnknownSymbolError,
    ValidationError,
)
from nanobook._sweep import sweep, sweep_strategy
from nanobook._types import PortfolioSnapshot, QueuePosition, StopOrder, TrailMethod
from nanobook.nanobook import (
    BacktestResult,
    BookSnapshot,
    CancelResult,
    CostModel,
    EqualWeight,
    Event,
    Exchange,
    Fill,
    LevelSnapshot,
    Metrics,
    ModifyResult,
    MultiExchange,
    Order,
    Portfolio,
    Position,
    PriceSeries,
    StopSubmitResult,
    SubmitResult,
    Trade,
    WeightSchedule,
    __version__,
    compute_metrics,
    py_compute_metrics,
    py_sweep_equal_weight,
    run_backtest,
    sweep_equal_weight,
)

__all__ = [
    "BacktestResult",
    "BookSnapshot",
    "CancelResult",
    "CostModel",
    "EqualWeight",
    "Event",
    "Exchange",
    "Fill",
    "InvariantError",
    "LevelSnapshot",
    "Metrics",
    "MissingFileError",
    "MissingPackageError",
    "ModifyResult",
    "MultiExchange",
    "NanobookError",
    "Order",
    "OrderStatus",
    "OutOfRangeError",
    "PersistenceError",
    "Portfolio",
    "PortfolioSnapshot",
    "Position",
    "PriceSeries",
    "QueuePosition",
    "ReadOnlyError",
    "Side",
    "StopOrder",
    "StopStatus",
    "StopSubmitResult",
    "StorageError",
    "SubmitResult",
    "TimeInForce",
    "Trade",
    "TrailMethod",
    "UnknownSymbolError",
    "ValidationError",
    "WeightSchedule",
    "__version__",
    "compute_metrics",
    "py_compute_metrics",
    "py_sweep_equal_weight",
    "run_backtest",
    "sweep",
    "sweep_equal_weight",
    "sweep_strategy",
]
