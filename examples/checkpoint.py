"""Keep a state, try something and go back; find the command that did it; keep a day on disk."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import nanobook

if TYPE_CHECKING:
    from collections.abc import Callable


def first_event_after_which(
    exchange: nanobook.Exchange, is_true: Callable[[nanobook.Exchange], bool]
) -> int:
    """Return the index of an event by halving; `is_true` has to stay true once it is."""
    events = exchange.events()
    low, high = 0, len(events)
    while low < high:
        middle = (low + high) // 2
        if is_true(nanobook.Exchange.replay(events[:middle])):
            high = middle
        else:
            low = middle + 1
    return low - 1


def first_is_filled(exchange: nanobook.Exchange) -> bool:
    """Return whether order 1 is filled."""
    order = exchange.get_order(1)
    return order is not None and order.status == "filled"


def main() -> None:
    """Go back once, then look for an event in the log."""
    exchange = nanobook.Exchange()
    for price in (101_00, 102_00, 103_00):
        exchange.submit_limit("sell", price, 10)

    # A state is bytes. The clock and the ids are part of it.
    checkpoint = exchange.to_bytes()
    digest = exchange.state_digest()
    print(f"checkpoint: best ask {exchange.best_ask()} cents, digest {digest}")
    tried = exchange.submit_market("buy", 25)
    print(f"bought {tried.filled_quantity}: best ask {exchange.best_ask()} cents")
    assert exchange.state_digest() != digest
    exchange = nanobook.Exchange.from_bytes(checkpoint)
    print(f"back again: best ask {exchange.best_ask()} cents")
    assert exchange.state_digest() == digest
    # The same command gives the same answer, its id included.
    assert nanobook.Exchange.from_bytes(checkpoint).submit_market("buy", 25) == tried

    # A log replays as far as you like. Which command emptied the level at $101.00?
    exchange.submit_market("buy", 4)
    exchange.cancel(2)
    exchange.submit_market("buy", 6)
    exchange.submit_market("buy", 1)
    print()
    print(f"{len(exchange.events())} events")
    traded = first_event_after_which(exchange, lambda state: bool(state.trades()))
    print(f"the first trade: event {traded}, {exchange.events()[traded]}")
    emptied = first_event_after_which(exchange, first_is_filled)
    print(f"$101.00 emptied: event {emptied}, {exchange.events()[emptied]}")
    assert (traded, emptied) == (3, 5)

    # The file is text: a header, one command a line, and a checksum.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "day.jsonl"
        exchange.save(path)
        print()
        lines = path.read_text("utf-8").splitlines()
        print(f"saved {len(lines)} lines, the fifth is {lines[4]}")
        again = nanobook.Exchange.load(path)
    assert len(lines) == len(exchange.events()) + 2
    assert again == exchange
    assert again.state_digest() == exchange.state_digest()
    print(f"loaded the same state, digest {again.state_digest()}")


if __name__ == "__main__":
    main()
