"""Buy 1,000 shares at $100.20 or better, without a resting order that others could see.

An IOC order takes what is there at once; what is left of it is cancelled. Others offer more shares
in between, so the purchase is made in rounds.
"""

from __future__ import annotations

import nanobook

TARGET = 1_000  # shares
LIMIT = 100_20  # cents
SLICE = 400  # shares in one order
ROUNDS = 3


def dollars(cents: int) -> str:
    """Return cents as text in dollars."""
    return f"${cents // 100}.{cents % 100:02}"


def others_offer(exchange: nanobook.Exchange) -> None:
    """Offer 320 shares up to the limit, and 500 above it."""
    exchange.submit_limit("sell", 100_10, 120)
    exchange.submit_limit("sell", 100_20, 200)
    exchange.submit_limit("sell", 100_40, 500)


def buy_in_rounds() -> None:
    """Buy with IOC orders, and say what each did."""
    exchange = nanobook.Exchange()
    trades: list[nanobook.Trade] = []
    left = TARGET
    print(f"buy {TARGET} at {dollars(LIMIT)} or better, {SLICE} at most in one order")
    for number in range(1, ROUNDS + 1):
        others_offer(exchange)
        order = exchange.submit_limit("buy", LIMIT, min(SLICE, left), "ioc")
        trades += order.trades
        left -= order.filled_quantity
        print(
            f"round {number}: filled {order.filled_quantity:>3},"
            f" cancelled {order.cancelled_quantity:>2}, still to buy {left:>3}"
        )
        # Nothing ever rests: nobody sees a bid.
        assert order.resting_quantity == 0
        assert exchange.best_bid() is None

    average = nanobook.Trade.vwap(trades)
    assert average is not None
    filled = TARGET - left
    print(f"bought {filled} at {dollars(average)} on average")

    assert filled == sum(trade.quantity for trade in trades) == 960
    # A trade is at the seller's price, so the average is better than the limit.
    assert max(trade.price for trade in trades) == LIMIT
    assert average == (120 * 100_10 + 200 * 100_20) // 320
    # The last order filled in part and ends cancelled: look at the quantity, not at the status.
    last = exchange.get_order(trades[-1].aggressor_order_id)
    assert last is not None
    assert (last.status, last.filled_quantity) == ("cancelled", 320)


def compare_times_in_force() -> None:
    """Send the same order three times, each to a book of its own."""
    print()
    print(f"one order for {SLICE} where 320 are for sale")
    print("tif  filled  resting  cancelled")
    for tif, expected in (
        (nanobook.TimeInForce.GTC, (320, 80, 0)),
        (nanobook.TimeInForce.IOC, (320, 0, 80)),
        (nanobook.TimeInForce.FOK, (0, 0, 400)),
    ):
        exchange = nanobook.Exchange()
        others_offer(exchange)
        order = exchange.submit_limit("buy", LIMIT, SLICE, tif)
        quantities = (order.filled_quantity, order.resting_quantity, order.cancelled_quantity)
        print("{}  {:>6}  {:>7}  {:>9}".format(tif, *quantities))
        assert quantities == expected
        # The three quantities add up to what was sent.
        assert sum(quantities) == SLICE


if __name__ == "__main__":
    buy_in_rounds()
    compare_times_in_force()
