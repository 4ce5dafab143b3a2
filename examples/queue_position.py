"""At one price, who came first trades first: what moves an order forward, what loses its place."""

from __future__ import annotations

import nanobook


def show(exchange: nanobook.Exchange, order_id: int, what: str) -> int:
    """Print how much stands before an order, and return it."""
    position = exchange.queue_position(order_id)
    assert position is not None
    print(f"{what:<34} {position.orders_ahead:>6} {position.quantity_ahead:>6}")
    return position.quantity_ahead


def main() -> None:
    """Follow one order to the front of its queue, and then to the end."""
    exchange = nanobook.Exchange()
    exchange.submit_limit("buy", 100_00, 300)
    second = exchange.submit_limit("buy", 100_00, 200).order_id
    mine = exchange.submit_limit("buy", 100_00, 50).order_id
    exchange.submit_limit("buy", 100_00, 400)

    print("my bid for 50 shares at $100.00    orders shares ahead")
    assert show(exchange, mine, "two came before, one after") == 500

    # Trades, cancels and reduces of those ahead move an order forward.
    exchange.submit_market("sell", 120)
    assert show(exchange, mine, "120 were sold") == 380
    exchange.cancel(second)
    assert show(exchange, mine, "the second cancelled its 200") == 180

    # A better price does not stand in this queue, but it trades first.
    better = exchange.submit_limit("buy", 100_01, 70)
    assert show(exchange, mine, "somebody bids $100.01") == 180
    exchange.submit_market("sell", 70)
    filled = exchange.get_order(better.order_id)
    assert filled is not None
    assert filled.status == "filled"

    # A smaller order keeps its place; a replaced one has a new id and goes to the end.
    exchange.reduce(mine, 10)
    assert show(exchange, mine, "I reduce mine by 10") == 180
    replaced = exchange.modify(mine, 100_00, 60).new_order_id
    assert replaced is not None
    ahead = show(exchange, replaced, "I modify it to 60")
    assert ahead == 180 + 400
    assert exchange.queue_position(mine) is None

    # It fills when all that is ahead, and it, have traded: one share less is not enough.
    exchange.submit_market("sell", ahead + 59)
    assert show(exchange, replaced, f"{ahead + 59} were sold") == 0
    order = exchange.get_order(replaced)
    assert order is not None
    assert (order.status, order.remaining_quantity) == ("partially_filled", 1)
    exchange.submit_market("sell", 1)
    order = exchange.get_order(replaced)
    assert order is not None
    print(f"one more was sold: {order.status}")
    assert order.status == "filled"


if __name__ == "__main__":
    main()
