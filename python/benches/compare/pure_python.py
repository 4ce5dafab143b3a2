"""An order book as one writes it in an afternoon: price-time priority, and nothing else."""

from __future__ import annotations

from heapq import heappop, heappush

BUY, SELL = 0, 1


class Order:
    """What rests of an order; `key` is the price, negated for bids: the smallest is the best."""

    __slots__ = ("id", "key", "quantity", "side")

    def __init__(self, id: int, side: int, key: int, quantity: int) -> None:
        self.id, self.side, self.key, self.quantity = id, side, key, quantity


class Book:
    """Levels in dictionaries, which keep their order, and their keys in a heap for each side."""

    def __init__(self) -> None:
        self.orders: dict[int, Order] = {}
        self.levels: tuple[dict[int, dict[int, Order]], ...] = ({}, {})
        self.keys: tuple[list[int], ...] = ([], [])
        # Of each trade: the incoming order, the resting one, price and quantity.
        self.trades: list[tuple[int, int, int, int]] = []
        self.last_id = 0

    def limit(self, side: int, price: int, quantity: int) -> int:
        self.last_id = id = self.last_id + 1
        self._place(id, side, price, quantity)
        return id

    def market(self, side: int, quantity: int) -> int:
        self.last_id = id = self.last_id + 1
        self._match(id, side, None, quantity)
        return id

    def cancel(self, id: int) -> bool:
        order = self.orders.pop(id, None)
        if order is None:
            return False
        level = self.levels[order.side][order.key]
        del level[id]
        if not level:
            # Its key stays in the heap until it comes up.
            del self.levels[order.side][order.key]
        return True

    def modify(self, id: int, price: int, quantity: int) -> int | None:
        """Cancel and replace: a new id, and the last place in the queue."""
        order = self.orders.get(id)
        if order is None:
            return None
        self.cancel(id)
        return self.limit(order.side, price, quantity)

    def depth(self, count: int) -> tuple[list[tuple[int, int]], ...]:
        """Return price and quantity of the best levels: of the bids, and of the asks."""
        sides: list[list[tuple[int, int]]] = []
        for side, levels in enumerate(self.levels):
            best = sorted(levels)[:count]
            totals = [sum(order.quantity for order in levels[key].values()) for key in best]
            prices = [key if side else -key for key in best]
            sides.append(list(zip(prices, totals, strict=True)))
        return tuple(sides)

    def _place(self, id: int, side: int, price: int, quantity: int) -> None:
        quantity = self._match(id, side, price, quantity)
        if quantity == 0:
            return
        key = price if side else -price
        level = self.levels[side].get(key)
        if level is None:
            level = self.levels[side][key] = {}
            heappush(self.keys[side], key)
        level[id] = self.orders[id] = Order(id, side, key, quantity)

    def _match(self, id: int, side: int, price: int | None, quantity: int) -> int:
        """Trade with the other side, and return what is left."""
        levels, keys = self.levels[1 - side], self.keys[1 - side]
        limit = None if price is None else (-price if side else price)
        while quantity and keys:
            key = keys[0]
            level = levels.get(key)
            if level is None:
                heappop(keys)
                continue
            if limit is not None and key > limit:
                break
            while quantity and level:
                order = next(iter(level.values()))
                traded = min(quantity, order.quantity)
                self.trades.append((id, order.id, -key if side else key, traded))
                quantity -= traded
                order.quantity -= traded
                if order.quantity == 0:
                    self.cancel(order.id)
        return quantity
