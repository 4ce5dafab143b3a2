"""bourse: a market simulator in Rust.

Orders at one price and one time take each other's place in the queue, so the clock has to move on
with every order: `set_time` is part of the work.
"""

from __future__ import annotations

from importlib import import_module
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
from measure import Report, bytes_an_order, each, main, repeated, traded
from streams import ADD, BUY, CANCEL, MARKET, MODIFY, ids, load

if TYPE_CHECKING:
    from pathlib import Path

core = import_module("bourse.core")


# Whatever bourse gives has no types here: it is in an environment of its own.
def new_book() -> Any:  # noqa: ANN401
    return core.OrderBook(0, 1)


def touch(book: Any) -> dict[str, float]:  # noqa: ANN401
    bid, ask = book.bid_ask()
    return {"bid": bid, "ask": ask, "resting": book.bid_vol() + book.ask_vol()}


def p1(folder: Path) -> Report:
    orders = [
        (side == BUY, price, quantity) for side, price, quantity in load(folder, "limits").tolist()
    ]

    def run(book: Any) -> Any:  # noqa: ANN401
        place, set_time = book.place_order, book.set_time
        for time, (bid, price, quantity) in enumerate(orders):
            set_time(time)
            place(bid, quantity, 0, price)
        return book

    time, book = each(run, new_book, of=len(orders))
    return {"figures": {"": time}, "values": touch(book)}


def p2(folder: Path) -> Report:
    rows = load(folder, "messages")
    own = ids(rows, keep=True, first=0)
    messages = [
        (kind, side == BUY, price, quantity, id)
        for (kind, side, price, quantity, *_), id in zip(rows.tolist(), own, strict=True)
    ]

    def run(book: Any) -> Any:  # noqa: ANN401
        place, set_time = book.place_order, book.set_time
        cancel, modify = book.cancel_order, book.modify_order
        for time, (kind, bid, price, quantity, id) in enumerate(messages):
            if kind == ADD:
                set_time(time)
                place(bid, quantity, 0, price)
            elif kind == CANCEL:
                cancel(id)
            elif kind == MARKET:
                place(bid, quantity, 0)
            else:
                set_time(time)
                modify(id, price, quantity)
        return book

    time, book = each(run, new_book, of=len(messages))
    values = traded((price, quantity) for _, _, price, quantity, *_ in book.get_trades())
    return {"figures": {"": time}, "values": values}


def p3(folder: Path) -> Report:
    order = load(folder, "shuffled").tolist()

    def prepare() -> Any:  # noqa: ANN401
        book = new_book()
        for time in range(len(order)):
            book.set_time(time)
            book.place_order(True, 10, 0, 10_000)
        return book

    def run(book: Any) -> Any:  # noqa: ANN401
        cancel = book.cancel_order
        for id in order:
            cancel(id)
        return book

    time, book = each(run, prepare, of=len(order))
    return {"figures": {"": time}, "values": {"bid": book.bid_ask()[0]}}


def p4(folder: Path) -> Report:
    environment = core.StepEnvNumpy(1, 0, 1, 1)
    levels = np.arange(1_000, dtype="u4")
    for bid, prices in (True, 10_000 - levels), (False, 10_001 + levels):
        sides = np.full(1_000, bid)
        environment.submit_limit_orders((sides, 5 + levels, 0 * levels, prices))
    environment.step()
    time, rows = repeated(environment.level_2_data, calls=20_000)
    # Of each level: volume and orders of the bids, volume and orders of the asks.
    volume = int(rows[5::4].sum() + rows[7::4].sum())
    return {"figures": {"array": time}, "values": {"volume of ten levels": volume}}


def p5(folder: Path) -> Report:
    """Run the stream in steps of 1,000: the only batches there are, each shuffled.

    There is no modify among the instructions: it is a cancel and a new order.
    """
    rows = load(folder, "messages")
    kinds, sides, prices, quantities = rows[:, :4].T
    modified = kinds == MODIFY
    # One row for each instruction: a modify is two, of which the first cancels.
    counts = np.where(modified, 2, 1)
    place = counts.cumsum() - counts
    take = np.repeat(np.arange(len(rows)), counts)
    second = np.zeros(len(take), bool)
    second[place[modified] + 1] = True
    instruction = np.where((kinds[take] == CANCEL) | (modified[take] & ~second), 2, 1)
    # A market order is a limit order at a price that any other meets.
    price = np.where(kinds == MARKET, np.where(sides == BUY, 100_000, 1), prices)[take]
    new = instruction == 1
    own = np.cumsum(new) - 1
    # The order that a row made is made by its last instruction.
    made = own[place + counts - 1]
    origin = rows[take, 4]
    columns = (
        instruction.astype("u4"),
        (sides == BUY)[take],
        np.maximum(quantities[take], 0).astype("u4"),
        np.zeros(len(take), "u4"),
        np.maximum(price, 0).astype("u4"),
        np.where(new, 0, made[origin]).astype("u8"),
    )

    def run(environment: Any) -> Any:  # noqa: ANN401
        for start in range(0, len(take), 1_000):
            environment.submit_instructions(
                tuple(column[start : start + 1_000] for column in columns)
            )
            environment.step()
        return environment

    time, environment = each(run, lambda: core.StepEnvNumpy(1, 0, 1, 1_000), of=len(rows))
    values = traded((price, quantity) for _, _, price, quantity, *_ in environment.get_trades())
    return {"figures": {"": time}, "values": values}


def p7(folder: Path) -> Report:
    book = new_book()
    times = count()

    def add(side: int, price: int, quantity: int) -> None:
        book.set_time(next(times))
        book.place_order(side == BUY, quantity, 0, price)

    taken = bytes_an_order(add)
    return {"figures": {"": taken}, "values": touch(book)}


main({"P1": p1, "P2": p2, "P3": p3, "P4": p4, "P5": p5, "P7": p7})
