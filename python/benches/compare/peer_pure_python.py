"""The book of pure_python.py: what plain Python can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from measure import Report, bytes_an_order, each, main, repeated, traded
from pure_python import BUY, Book
from streams import ADD, CANCEL, MARKET, ids, load

if TYPE_CHECKING:
    from pathlib import Path


def touch(book: Book) -> dict[str, float]:
    (bid,), (ask,) = book.depth(1)
    resting = sum(order.quantity for order in book.orders.values())
    return {"bid": bid[0], "ask": ask[0], "resting": resting}


def p1(folder: Path) -> Report:
    orders = load(folder, "limits").tolist()

    def run(book: Book) -> Book:
        limit = book.limit
        for side, price, quantity in orders:
            limit(side, price, quantity)
        return book

    time, book = each(run, Book, of=len(orders))
    return {"figures": {"": time}, "values": touch(book)}


def p2(folder: Path) -> Report:
    rows = load(folder, "messages")
    messages = [
        (kind, side, price, quantity, id)
        for (kind, side, price, quantity, *_), id in zip(rows.tolist(), ids(rows), strict=True)
    ]

    def run(book: Book) -> Book:
        limit, market, cancel, modify = book.limit, book.market, book.cancel, book.modify
        for kind, side, price, quantity, id in messages:
            if kind == ADD:
                limit(side, price, quantity)
            elif kind == CANCEL:
                cancel(id)
            elif kind == MARKET:
                market(side, quantity)
            else:
                modify(id, price, quantity)
        return book

    time, book = each(run, Book, of=len(messages))
    values = traded((price, quantity) for _, _, price, quantity in book.trades)
    return {"figures": {"": time}, "values": values}


def p3(folder: Path) -> Report:
    order = [1 + place for place in load(folder, "shuffled").tolist()]

    def prepare() -> Book:
        book = Book()
        for _ in order:
            book.limit(BUY, 10_000, 10)
        return book

    def run(book: Book) -> Book:
        cancel = book.cancel
        for id in order:
            cancel(id)
        return book

    time, book = each(run, prepare, of=len(order))
    return {"figures": {"": time}, "values": {"bid": len(book.orders)}}


def p4(folder: Path) -> Report:
    book = Book()
    for level in range(1_000):
        book.limit(0, 10_000 - level, 5 + level)
        book.limit(1, 10_001 + level, 5 + level)

    def read() -> int:
        bids, asks = book.depth(10)
        return sum(price + quantity for price, quantity in [*bids, *asks])

    time, total = repeated(read, calls=500)
    return {"figures": {"objects": time}, "values": {"sum of ten levels": total}}


def p7(folder: Path) -> Report:
    book = Book()
    return {"figures": {"": bytes_an_order(book.limit)}, "values": touch(book)}


main({"P1": p1, "P2": p2, "P3": p3, "P4": p4, "P7": p7})
