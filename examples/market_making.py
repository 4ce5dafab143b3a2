"""A market maker earns the spread; what it holds in the meantime, its inventory, is the risk.

It quotes a bid and an ask around a fair price that moves. Where it moves both quotes away from what
it holds (it leans), the inventory stays small, and so does the profit.
"""

from __future__ import annotations

from typing import NamedTuple

import nanobook

HALF_SPREAD = 5  # cents
SIZE = 10  # shares of each quote
VISITORS = 500
DAYS = 20


class Chance:
    """A small random generator (Lehmer, 1951): the same numbers on every machine."""

    def __init__(self, seed: int) -> None:
        self.state = seed

    def below(self, limit: int) -> int:
        """Return a whole number from 0, below the limit."""
        self.state = self.state * 48_271 % 2_147_483_647
        return self.state % limit


class Day(NamedTuple):
    """What a day brought, in cents and shares."""

    profit: int
    edge: int
    drift: int
    largest: int


def day(lean: int, seed: int) -> Day:
    """Quote to all visitors; `lean` is in cents for each 100 shares held."""
    exchange = nanobook.Exchange()
    chance = Chance(seed)
    quotes: list[int] = []
    fair, cash, inventory = 100_00, 0, 0
    edge, drift, largest = 0, 0, 0
    for _ in range(VISITORS):
        step = 2 * chance.below(3) - 2
        fair += step
        drift += inventory * step

        # Quotes that were filled answer `OrderNotActive`, and nothing happens.
        for order_id in quotes:
            exchange.cancel(order_id)
        center = fair - lean * inventory // 100
        bid = exchange.submit_limit("buy", center - HALF_SPREAD, SIZE)
        ask = exchange.submit_limit("sell", center + HALF_SPREAD, SIZE)
        quotes = [bid.order_id, ask.order_id]

        # A visitor has an opinion of what a share is worth, and trades if a quote is better.
        worth = fair + chance.below(41) - 20
        quantity = 1 + chance.below(15)
        if worth > center + HALF_SPREAD:
            visit = exchange.submit_market("buy", quantity)
        elif worth < center - HALF_SPREAD:
            visit = exchange.submit_market("sell", quantity)
        else:
            continue
        for trade in visit.trades:
            # The passive side is the market maker's.
            bought = trade.quantity if trade.passive_side() == "buy" else -trade.quantity
            inventory += bought
            cash -= bought * trade.price
            edge += bought * (fair - trade.price)
        largest = max(largest, abs(inventory))

    exchange.check_invariants()
    profit = cash + inventory * fair
    # All profit comes from two places: what a fill was better than the fair price, and what the
    # fair price did to the inventory afterwards.
    assert profit == edge + drift
    return Day(profit, edge, drift, largest)


def dollars(cents: int) -> str:
    """Return cents as text in dollars."""
    whole, rest = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}${whole}.{rest:02}"


def main() -> None:
    """Compare three ways to lean, each on the same days."""
    print(f"{DAYS} days of {VISITORS} visitors")
    print(f"quotes of {SIZE} shares, {HALF_SPREAD} cents from the fair price")
    print("lean is in cents for each 100 shares held")
    print()
    print("lean    profit = spread  +  drift   worst drift of a day  most held")
    earned: list[int] = []
    held: list[int] = []
    for lean in (0, 25, 100):
        days = [day(lean, seed) for seed in range(1, DAYS + 1)]
        profit = sum(one.profit for one in days)
        edge = sum(one.edge for one in days)
        drift = sum(one.drift for one in days)
        worst = min(one.drift for one in days)
        largest = max(one.largest for one in days)
        print(
            f"{lean:>4} {dollars(profit):>9} {dollars(edge):>9} {dollars(drift):>9}"
            f" {dollars(worst):>21} {largest:>10}"
        )
        earned.append(edge)
        held.append(largest)

    # Leaning costs a part of the spread, and keeps the inventory small.
    assert earned[0] > earned[1] > earned[2]
    assert held[0] > held[1] > held[2]


if __name__ == "__main__":
    main()
