"""Sides, times in force and statuses: strings with names.

The compiled module hands out these very members, so ``is`` works as well as ``==``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from nanobook._errors import ValidationError, shown

__all__ = ["FeedKind", "OrderStatus", "Side", "StopStatus", "TimeInForce"]


def _fold(text: str) -> str:
    return text.replace("_", "").lower()


class _Spelled(StrEnum):
    """A string that equals any spelling of its name, whatever its case and underscores.

    The hash is that of the string itself, so in a dictionary or set only the exact string
    (lower case with underscores) finds a member.
    """

    _folded: str

    def __init__(self, value: str) -> None:
        self._folded = _fold(value)

    def _place(self) -> int:
        return list(type(self)).index(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}.{self.name}"

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if isinstance(other, str):
            return self._folded == _fold(other)
        return NotImplemented

    # `str` has an `__ne__` of its own, which would not ask `__eq__`.
    def __ne__(self, other: object) -> bool:
        if isinstance(other, str):
            return not self == other
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self._value_)

    @classmethod
    def _missing_(cls, value: object) -> Self:
        if isinstance(value, str):
            folded = _fold(value)
            for member in cls:
                if member._folded == folded:
                    return member
        choices = ", ".join(repr(member.value) for member in cls)
        message = f"{cls.__name__} must be one of {choices}, got {shown(value)}"
        raise ValidationError(message)


class Side(_Spelled):
    """Which side of the book an order belongs to."""

    __module__ = "nanobook"

    BUY = "buy"
    """Bids."""
    SELL = "sell"
    """Asks."""

    @property
    def code(self) -> int:
        """Its number in arrays and tables: 0 for ``BUY``, 1 for ``SELL``."""
        return self._place()

    def opposite(self) -> Side:
        """Return the other side."""
        return Side.SELL if self is Side.BUY else Side.BUY

    @classmethod
    def _missing_(cls, value: object) -> Self:
        if isinstance(value, str) and value.lower() in {"b", "s"}:
            return cls("buy" if value.lower() == "b" else "sell")
        return super()._missing_(value)


class TimeInForce(_Spelled):
    """What happens to the part of a limit order that does not trade at once."""

    __module__ = "nanobook"

    GTC = "gtc"
    """Good till cancelled: it rests."""
    IOC = "ioc"
    """Immediate or cancel: it is cancelled."""
    FOK = "fok"
    """Fill or kill: the order fills whole or not at all."""

    @property
    def code(self) -> int:
        """Its number in arrays and tables: 0 for ``GTC``, 1 for ``IOC``, 2 for ``FOK``."""
        return self._place()


class FeedKind(_Spelled):
    """What a message of a venue's feed tells."""

    __module__ = "nanobook"

    ADD = "add"
    """A new order rests."""
    EXECUTE = "execute"
    """A resting order traded."""
    REDUCE = "reduce"
    """Quantity was taken off a resting order, which keeps its place."""
    DELETE = "delete"
    """A resting order is gone."""
    REPLACE = "replace"
    """A resting order is gone, and another of its side came for it, at the end of its queue."""
    HIDDEN_TRADE = "hidden_trade"
    """An order that nobody saw traded; the visible book is as it was."""
    CROSS = "cross"
    """An auction or cross traded; the visible book is as it was."""
    HALT = "halt"
    """Trading is halted or paused."""
    QUOTE_ONLY = "quote_only"
    """Orders are taken, and nothing trades yet."""
    RESUME = "resume"
    """Trading goes on."""
    OTHER = "other"
    """Nothing about orders, trades or the state of trading."""

    @property
    def code(self) -> int:
        """Its number in arrays and tables: 0 for ``ADD``, and so on in the order above."""
        return self._place()


class OrderStatus(_Spelled):
    """Where an order stands. The first two mean "on the book now", the others are final."""

    __module__ = "nanobook"

    NEW = "new"
    """On the book, nothing has traded."""
    PARTIALLY_FILLED = "partially_filled"
    """On the book, a part has traded."""
    FILLED = "filled"
    """Its last open quantity traded."""
    CANCELLED = "cancelled"
    """Its last open quantity was cancelled, whatever had traded before."""

    @property
    def code(self) -> int:
        """Its number in arrays and tables: its place among the members, from 0."""
        return self._place()

    def is_active(self) -> bool:
        """Return whether the order is on the book now."""
        return self is OrderStatus.NEW or self is OrderStatus.PARTIALLY_FILLED


class StopStatus(_Spelled):
    """Where a stop order stands."""

    __module__ = "nanobook"

    PENDING = "pending"
    """It waits for its price."""
    TRIGGERED = "triggered"
    """It became an order."""
    CANCELLED = "cancelled"
    """It was cancelled before that."""

    @property
    def code(self) -> int:
        """Its number in `Exchange.stop_orders_array`: its place among the members, from 0."""
        return self._place()
