"""A deterministic limit order book, matching engine and portfolio simulator.

>>> import nanobook
>>> exchange = nanobook.Exchange()
>>> exchange.submit_limit("sell", 10050, 100).order_id
1
>>> result = exchange.submit_market("buy", 40)
>>> result.trades[0].price, result.filled_quantity
(10050, 40)
"""

from __future__ import annotations

from nanobook._enums import OrderStatus, Side, StopStatus, TimeInForce
from nanobook._errors import (
    InvariantError,
    MissingFileError,
    NanobookError,
    OutOfRangeError,
    PersistenceError,
    StorageError,
    UnknownSymbolError,
    ValidationError,
)
from nanobook._types import QueuePosition, StopOrder, TrailMethod
from nanobook.nanobook import (
    BookSnapshot,
    CancelResult,
    Event,
    Exchange,
    LevelSnapshot,
    ModifyResult,
    MultiExchange,
    Order,
    StopSubmitResult,
    SubmitResult,
    Trade,
    __version__,
)

__all__ = [
    "BookSnapshot",
    "CancelResult",
    "Event",
    "Exchange",
    "InvariantError",
    "LevelSnapshot",
    "MissingFileError",
    "ModifyResult",
    "MultiExchange",
    "NanobookError",
    "Order",
    "OrderStatus",
    "OutOfRangeError",
    "PersistenceError",
    "QueuePosition",
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
    "__version__",
]
