"""Random commands of every kind: as rows, as columns in every form, and as calls."""

from __future__ import annotations

import random
from typing import Any

import nanobook

Row = dict[str, Any]
Columns = dict[str, list[Any]]

NAMES = [
    *("kind", "side", "tif", "trail_type", "price", "quantity", "order_id", "stop_price"),
    *("trail_offset", "trail_value", "atr_period"),
]
TRAILS: list[Row] = [
    {"trail_type": "fixed", "trail_offset": 3},
    # More than a float holds.
    {"trail_type": "fixed", "trail_offset": 2**53 + 1},
    {"trail_type": "percentage", "trail_value": 0.02},
    {"trail_type": "atr", "trail_value": 1.5, "atr_period": 4},
]


def random_row(rng: random.Random) -> Row:
    """Return a command that an exchange accepts, which may fail."""
    side = {"side": rng.choice(["buy", "sell"]), "quantity": rng.randint(1, 20)}
    price = {"price": rng.randint(95, 105)}
    stop = {"stop_price": rng.randint(93, 107)}
    tif = {"tif": rng.choice(["gtc", "ioc", "fok"])}
    order = {"order_id": rng.randint(0, 60)}
    match rng.choices(range(9), [30, 8, 12, 6, 6, 5, 5, 5, 5])[0]:
        case 0:
            return {"kind": "submit_limit", **side, **price, **tif}
        case 1:
            return {"kind": "submit_market", **side}
        case 2:
            return {"kind": "cancel", **order}
        case 3:
            # What is out of range for the book is in the result.
            price = rng.choice([price, {"price": 0}, {"price": -5}])
            return {"kind": "modify", **order, **price, "quantity": rng.randint(0, 9)}
        case 4:
            return {"kind": "reduce", **order, "quantity": rng.randint(1, 9)}
        case 5:
            return {"kind": "submit_stop_market", **side, **stop}
        case 6:
            return {"kind": "submit_stop_limit", **side, **stop, **price, **tif}
        case 7:
            trail = rng.choice(TRAILS)
            return {"kind": "submit_trailing_stop_market", **side, **stop, **trail}
        case _:
            trail = rng.choice(TRAILS)
            return {"kind": "submit_trailing_stop_limit", **side, **stop, **price, **tif, **trail}


def random_rows(seed: int, count: int) -> list[Row]:
    rng = random.Random(seed)
    return [random_row(rng) for _ in range(count)]


def to_columns(rows: list[Row]) -> Columns:
    """Return lists by name, ``None`` where a row has no value."""
    names = [name for name in NAMES if any(name in row for row in rows)]
    return {name: [row.get(name) for row in rows] for name in names}


def call(exchange: Any, row: Row, *symbol: str) -> Any:  # noqa: ANN401 - either kind, any result
    """Execute a row by the method of its kind."""
    arguments = dict(row)
    kind = arguments.pop("kind")
    if kind == "modify":
        arguments = {
            "order_id": row["order_id"],
            "new_price": row["price"],
            "new_quantity": row["quantity"],
        }
    elif "stop" in kind:
        if "price" in arguments:
            arguments["limit_price"] = arguments.pop("price")
        if "trail" in kind:
            arguments["initial_stop_price"] = arguments.pop("stop_price")
        if "trail_offset" in arguments:
            arguments["trail_value"] = arguments.pop("trail_offset")
    return getattr(exchange, kind)(*symbol, **arguments)


def one_by_one(rows: list[Row]) -> tuple[nanobook.Exchange, list[Any]]:
    """Return the exchange that one call each leads to, and what the calls returned."""
    exchange = nanobook.Exchange()
    return exchange, [call(exchange, row) for row in rows]
