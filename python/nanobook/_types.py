"""Small named tuples that the compiled module hands out."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["QueuePosition"]


class QueuePosition(NamedTuple):
    """What stands before an order in the queue of its price level."""

    orders_ahead: int
    """How many orders are ahead of it."""
    quantity_ahead: int
    """Their remaining quantity."""


QueuePosition.__module__ = "nanobook"
