"""nautilus_trader: its order book takes orders and shows them; it does not match them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from measure import Report, each, main
from streams import BUY, SELL, load

if TYPE_CHECKING:
    from pathlib import Path

book_module: Any = import_module("nautilus_trader.model.book")
data: Any = import_module("nautilus_trader.model.data")
enums: Any = import_module("nautilus_trader.model.enums")
identifiers: Any = import_module("nautilus_trader.model.identifiers")
objects: Any = import_module("nautilus_trader.model.objects")


def new_book() -> Any:  # noqa: ANN401
    instrument = identifiers.InstrumentId.from_str("A.B")
    return book_module.OrderBook(instrument, enums.BookType.L3_MBO)


def p1(folder: Path) -> Report:
    rows = load(folder, "limits").tolist()
    sides = {BUY: enums.OrderSide.BUY, SELL: enums.OrderSide.SELL}
    # There are few prices and quantities, and a user of it would keep them.
    prices = {price: objects.Price.from_int(price) for _, price, _ in rows}
    sizes = {size: objects.Quantity.from_int(size) for *_, size in rows}
    orders = [(sides[side], prices[price], sizes[size]) for side, price, size in rows]

    def run(book: Any) -> Any:  # noqa: ANN401
        add, order = book.add, data.BookOrder
        for id, (side, price, size) in enumerate(orders, 1):
            add(order(side, price, size, id), id)
        return book

    time, book = each(run, new_book, of=len(orders))
    values = {
        "bid": float(book.best_bid_price()),
        "ask": float(book.best_ask_price()),
        "resting": sum(level.size() for level in [*book.bids(), *book.asks()]),
    }
    return {"figures": {"": time}, "values": values}


main({"P1": p1})
