"""Would my order have been filled? One more bid in the queue of a day, by its ITCH messages.

Without arguments it makes a day of a few messages. With FILE SYMBOL SECONDS it reads a real one,
and joins the best bid so many seconds after midnight.
"""

from __future__ import annotations

import struct
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import nanobook


class Wait(NamedTuple):
    """What became of the order; times are in nanoseconds since midnight."""

    first_trade_ns: int | None
    filled_ns: int | None
    ahead_at_first: int
    traded_ahead: int
    hidden: int


def clock(time_ns: int) -> str:
    """Return a time of day."""
    ms = time_ns // 1_000_000
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1_000 % 60:02}.{ms % 1_000:03}"


def show(time_ns: int, what: str, place: nanobook.QueuePosition | None) -> None:
    """Print what happened, and what stands before the order then."""
    where = f"{place.orders_ahead:>6} {place.quantity_ahead:>6}" if place else "     -      -"
    print(f"{clock(time_ns)}  {what:<24} {where}")


def wait(feed: nanobook.ItchReader, from_ns: int, quantity: int) -> Wait:
    """Join the best bid at a time, and wait until the order has traded or the day ends."""
    exchange, driver = nanobook.Exchange(event_log=False), nanobook.FeedDriver()
    mine = None
    price = ahead = traded_ahead = hidden = 0
    first_trade_ns = filled_ns = None
    for message in feed:
        now = message.timestamp_ns
        if mine is None and now >= from_ns:
            best = exchange.best_bid()
            if best is None:
                continue
            price = best
            mine = exchange.submit_limit("buy", price, quantity).order_id
            place = exchange.queue_position(mine)
            assert place is not None
            ahead = place.quantity_ahead
            print(f"my bid for {quantity} shares at ${price // 10_000}.{price % 10_000 // 100:02}")
            print("time          what                     orders  ahead")
            show(from_ns, "I join", place)

        sent = driver.apply(exchange, message)
        if mine is None:
            continue
        if message.kind == "hidden_trade" and message.price is not None and message.price <= price:
            # Nothing is sent for it, so it fills nothing here. Perhaps it would have.
            hidden += message.quantity
        if not isinstance(sent, nanobook.SubmitResult):
            continue
        for trade in sent.trades:
            if trade.passive_order_id == mine:
                show(now, f"{trade.quantity} of mine trade", exchange.queue_position(mine))
            elif trade.price == price and trade.passive_order_id < mine:
                traded_ahead += trade.quantity
                show(now, f"{trade.quantity} trade", exchange.queue_position(mine))
            else:
                continue
            first_trade_ns = first_trade_ns or now
        order = exchange.get_order(mine)
        assert order is not None
        if order.status == "filled":
            filled_ns = now
            break
    return Wait(first_trade_ns, filled_ns, ahead, traded_ahead, hidden)


def itch(code: bytes, seconds: int, layout: str, *fields: int | bytes) -> bytes:
    """Return one message of instrument 13 behind its length."""
    time = (seconds * 1_000_000_000).to_bytes(6, "big")
    message = code + struct.pack(">HH", 13, 0) + time + struct.pack(f">{layout}", *fields)
    return len(message).to_bytes(2, "big") + message


def small_day() -> bytes:
    """Return a day of a dozen messages."""
    name = b"AAPL    "
    return b"".join(
        [
            itch(b"R", 11_000, "8s20x", name),
            itch(b"A", 34_199, "QcI8sI", 1, b"B", 100, name, 320_1400),
            itch(b"A", 34_199, "QcI8sI", 2, b"B", 200, name, 320_1400),
            itch(b"A", 34_199, "QcI8sI", 3, b"S", 100, name, 320_1600),
            # Behind my order, which joins at 34,200.
            itch(b"A", 34_202, "QcI8sI", 4, b"B", 400, name, 320_1400),
            itch(b"E", 34_203, "QIQ", 1, 60, 1),
            itch(b"X", 34_204, "QI", 2, 50),
            itch(b"E", 34_205, "QIQ", 1, 40, 2),
            itch(b"P", 34_206, "QcI8sIQ", 0, b"B", 30, name, 320_1400, 3),
            itch(b"D", 34_207, "Q", 2),
            itch(b"E", 34_208, "QIQ", 4, 30, 4),
            itch(b"E", 34_209, "QIQ", 4, 120, 5),
        ]
    )


def main() -> None:
    """Wait in the queue of a day."""
    if len(sys.argv) > 1:
        file, symbol, seconds = sys.argv[1:]
        with nanobook.ItchReader(file, [symbol]) as feed:
            waited = wait(feed, int(seconds) * 1_000_000_000, 100)
    else:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "day.itch")
            path.write_bytes(small_day())
            with nanobook.ItchReader(path, ["AAPL"]) as feed:
                waited = wait(feed, 34_200_000_000_000, 100)
        # 300 were ahead: 100 traded, 200 were cancelled. Then 30 and 70 came to me.
        assert waited == Wait(34_203_000_000_000, 34_209_000_000_000, 300, 100, 30)

    print()
    if waited.first_trade_ns is not None:
        print(f"my price traded first at  {clock(waited.first_trade_ns)}")
    if waited.filled_ns is None:
        print("I was not filled")
    else:
        print(f"I was filled at           {clock(waited.filled_ns)}")
        cancelled = waited.ahead_at_first - waited.traded_ahead
        print(f"ahead of me               {waited.traded_ahead} traded, {cancelled} cancelled")
    print(f"hidden, at it or lower    {waited.hidden}")


if __name__ == "__main__":
    main()
