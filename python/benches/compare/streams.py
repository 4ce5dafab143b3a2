"""What every engine is given: the same numbers on every machine, from a fixed seed.

`python streams.py FOLDER` writes them as .npy files, and `load` reads them.
"""

from __future__ import annotations

import math
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pure_python import BUY, SELL, Book

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

ADD, MARKET, CANCEL, MODIFY = range(4)
MIDDLE = 10_000


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in everything():
        np.save(folder / f"{name}.npy", values)


def load(folder: Path, name: str) -> NDArray[Any]:
    return np.load(folder / f"{name}.npy")


def everything() -> Iterator[tuple[str, NDArray[Any]]]:
    yield "limits", limits(200_000)
    yield "messages", messages(500_000, about=2_000)
    yield "shuffled", np.array(random.Random(3).sample(range(20_000), 20_000))
    yield "prices", walks(2_520, 100, seed=8)
    yield "one", walks(2_520, 1, seed=11)
    yield "bars_10k", walks(10_000, 1, seed=9)
    yield "bars_100k", walks(100_000, 1, seed=9)
    yield "bars_1m", walks(1_000_000, 1, seed=9)
    gauss = random.Random(10).gauss
    yield "returns", np.array([gauss(0.0003, 0.01) for _ in range(1_000_000)])


def limits(count: int) -> NDArray[np.int64]:
    """Return orders that do not cross: side, price within 100 ticks of the middle, quantity."""
    rng = random.Random(1)
    rows = np.zeros((count, 3), "i8")
    for row in rows:
        side = rng.randrange(2)
        away = rng.randint(1, 100)
        row[:] = side, MIDDLE + away if side else MIDDLE - away, rng.randint(1, 100)
    return rows


def messages(count: int, about: int) -> NDArray[np.int64]:
    """Return 53 % adds, 38 % cancels, 8 % market orders and 2 % modifies.

    The columns are kind, side, price, quantity, and of a cancel or modify the row that its order
    comes from twice: the row that gave the order its place (an add or a modify), and the add that
    it began as. Engines differ in whether a modified order keeps its id, and agree that it has to
    give up its place when its price changes, as here it always does.

    One add in 25 crosses. A book runs along, so that cancels and modifies find their order, and
    market orders grow once `about` orders rest.
    """
    rng = random.Random(2)
    book = Book()
    rows = np.zeros((count, 6), "i8")
    # By the book's id, which counts adds, market orders and modifies.
    placed, began = [-1], [-1]
    resting: list[int] = []

    def some_order() -> int:
        """Take the id of any resting order out of `resting`."""
        while True:
            place = rng.randrange(len(resting))
            resting[place], resting[-1] = resting[-1], resting[place]
            if (id := resting.pop()) in book.orders:
                return id

    for row, values in enumerate(rows):
        kind = rng.choices((ADD, MARKET, CANCEL, MODIFY), (53, 8, 38, 2))[0] if book.orders else ADD
        side = rng.randrange(2)
        away = 1 + int(rng.expovariate(0.1))
        quantity = rng.randint(1, 100)
        price = origin = first = -1
        if kind == ADD:
            if rng.randrange(25) == 0:
                away = -away
            price = MIDDLE + away if side else MIDDLE - away
            new = book.limit(side, price, quantity)
        elif kind == MARKET:
            if len(book.orders) > about:
                quantity *= 4
            new = book.market(side, quantity)
        else:
            id = some_order()
            order = book.orders[id]
            side, origin, first = order.side, placed[id], began[id]
            new = None
            if kind == CANCEL:
                price = quantity = -1
                book.cancel(id)
            else:
                before = order.key if side == SELL else -order.key
                price = MIDDLE + away if side == SELL else MIDDLE - away
                price += 1 if price == before else 0
                new = book.modify(id, price, quantity)
        if new is not None:
            placed.append(row)
            began.append(first if kind == MODIFY else row)
            if new in book.orders:
                resting.append(new)
        values[:] = kind, side, price, quantity, origin, first
    return rows


def walks(bars: int, width: int, seed: int) -> NDArray[np.int64]:
    """Return random walks that stay between 1 and 10,000 dollars, in cents."""
    gauss = random.Random(seed).gauss
    steps = np.array([gauss(0, 0.01) for _ in range(bars * width)])
    paths = steps.reshape(bars, width).cumsum(axis=0)
    # Folded, so that a long walk has a price too.
    span = math.log(100)
    folded = np.abs((paths + span) % (4 * span) - 2 * span) - span
    return np.rint(100_00 * np.exp(folded)).astype("i8")


def ids(rows: NDArray[np.int64], *, keep: bool = False, first: int = 1) -> list[int]:
    """Return the id that each row's order has in an engine that counts orders from `first`.

    With `keep`, a modified order keeps its id. Rows that need no id have -1.
    """
    kinds = rows[:, 0]
    makes = (kinds == ADD) | (kinds == MARKET) | ((kinds == MODIFY) & (not keep))
    own = np.cumsum(makes) - 1 + first
    origin = rows[:, 5 if keep else 4]
    return np.where(origin >= 0, own[origin], -1).tolist()


__all__ = ["ADD", "BUY", "CANCEL", "MARKET", "MODIFY", "SELL", "ids", "load"]

if __name__ == "__main__":
    main()
