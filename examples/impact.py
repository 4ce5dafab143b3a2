"""How much worse does the price get when you buy more? Ask a copy of the book.

A copy shares nothing with the original, so each order is tried on the same book.
"""

from __future__ import annotations

import copy

import nanobook


def dollars(cents: int) -> str:
    """Return cents as text in dollars."""
    return f"${cents // 100}.{cents % 100:02}"


def book_of_ten_levels() -> nanobook.Exchange:
    """Return a book around $100.00 with 100 shares each 5 cents, on both sides."""
    exchange = nanobook.Exchange()
    for step in range(1, 11):
        exchange.submit_limit("buy", 100_00 - 5 * step, 100)
        exchange.submit_limit("sell", 100_00 + 5 * step, 100)
    return exchange


def main() -> None:
    """Try orders of five sizes."""
    exchange = book_of_ten_levels()
    before = exchange.state_digest()
    mid = exchange.depth(1).mid_price()
    assert mid == 100_00

    print(f"mid {dollars(mid)}, 100 shares for sale each 5 cents")
    print("wanted  filled  average  above the mid      bps  next ask")
    costs: dict[int, int] = {}
    for wanted in (50, 100, 300, 900, 2_000):
        trial = copy.deepcopy(exchange)
        order = trial.submit_market("buy", wanted)
        average = nanobook.Trade.vwap(order.trades)
        assert average is not None

        # What was paid more than at the mid: exact, in cents.
        filled = order.filled_quantity
        paid = sum(trade.notional() for trade in order.trades)
        cost = paid - mid * filled
        costs[wanted] = cost
        tenths = 100_000 * cost // (mid * filled)
        bps = f"{tenths // 10}.{tenths % 10}"
        ask = trial.best_ask()
        next_ask = "none" if ask is None else dollars(ask)
        print(
            f"{wanted:>6}  {filled:>6}  {dollars(average)}  {dollars(cost):>13}  {bps:>7}"
            f"  {next_ask:>8}"
        )

    # Half the spread is paid by everyone: 5 cents for each of 50 shares.
    assert costs[50] == 50 * 5
    # Three levels at 5, 10 and 15 cents: three times the shares cost six times as much.
    assert costs[300] == 100 * (5 + 10 + 15) == 6 * costs[100]
    # There are only 1,000 shares. The rest of a market order is cancelled.
    assert costs[2_000] == 100 * sum(range(5, 55, 5))
    # The original has all its orders.
    assert exchange.state_digest() == before


if __name__ == "__main__":
    main()
