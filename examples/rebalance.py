"""Rebalance through two order books: what an order's size costs, and what does not fill at all."""

from __future__ import annotations

import nanobook

INITIAL_CASH = 100_000_00  # cents
TARGETS = {"AAPL": 0.5, "GOOG": 0.5}
MIDS = {"AAPL": 100_00, "GOOG": 200_00}


def dollars(cents: int) -> str:
    """Return cents as text in dollars."""
    return f"${cents // 100}.{cents % 100:02}"


def two_books() -> nanobook.MultiExchange:
    """Return books with three levels on each side; GOOG's is the thin one."""
    books = nanobook.MultiExchange()
    for step in range(1, 4):
        books.submit_limit("AAPL", "buy", 100_00 - 10 * step, 200)
        books.submit_limit("AAPL", "sell", 100_00 + 10 * step, 200)
        books.submit_limit("GOOG", "buy", 200_00 - 20 * step, 50)
        books.submit_limit("GOOG", "sell", 200_00 + 20 * step, 50)
    return books


def main() -> None:
    """Rebalance once in the books and once at the mids, and compare."""
    books = two_books()
    portfolio = nanobook.Portfolio(INITIAL_CASH, nanobook.CostModel(commission_bps=1))
    print(f"{dollars(INITIAL_CASH)}, half into AAPL at {dollars(MIDS['AAPL'])},", end=" ")
    print(f"half into GOOG at {dollars(MIDS['GOOG'])}")
    print()
    print("symbol  quantity    price   cost")
    fills = portfolio.rebalance_lob(TARGETS, books)
    for fill in fills:
        print(f"{fill.symbol:<6}  {fill.quantity:>8}  {dollars(fill.price)}  {dollars(fill.cost)}")

    ideal = nanobook.Portfolio(INITIAL_CASH)
    ideal.rebalance_simple(TARGETS, MIDS)
    print()
    bought, wanted = portfolio.positions(), ideal.positions()
    slippage = 0
    for symbol, held in bought.items():
        above = held.total_cost - held.market_value(MIDS[symbol])
        slippage += above
        print(f"{symbol}: {held.quantity} of {wanted[symbol].quantity},", end=" ")
        print(f"{dollars(above)} above the mid")
    # GOOG's book had only 150 shares. Nothing waits there for the other 100.
    assert bought["GOOG"].quantity == 150
    assert wanted["GOOG"].quantity == 250
    assert books.exchange("GOOG").best_ask() is None

    # What the books cost: the price of size, and a basis point of commission.
    shortfall = ideal.total_equity(MIDS) - portfolio.total_equity(MIDS)
    print(f"equity {dollars(portfolio.total_equity(MIDS))} at the mids,", end=" ")
    print(f"{dollars(shortfall)} less than without books")
    assert shortfall == slippage + portfolio.costs == 158_00

    # Where all money is, to the cent.
    state = portfolio.snapshot(MIDS)
    market_value = sum(held.market_value(MIDS[symbol]) for symbol, held in bought.items())
    gained = state["total_realized_pnl"] + state["unrealized"] - state["costs"]
    assert state["cash"] + market_value == INITIAL_CASH + gained
    assert state["cash"] == INITIAL_CASH - sum(
        fill.quantity * fill.price + fill.cost for fill in fills
    )


if __name__ == "__main__":
    main()
