"""Draws the pictures of the documentation with nanobook itself.

`python docs/pictures.py` writes them to `docs/pictures`; a test checks that they are up to date.
The same code draws the same bytes everywhere: whole numbers decide what is where, and nothing is
taken from the machine.
"""

from __future__ import annotations

import csv
from importlib import resources
from pathlib import Path
from xml.sax.saxutils import escape

import nanobook

__all__ = ["draw"]

INK = "#222"
FAINT = "#999"
GRID = "#ddd"
BID = "#2a78b5"
ASK = "#c8553d"
MARK = "#e0a030"
BID_PALE = "#d3e4f1"
ASK_PALE = "#f5dcd6"
MARK_PALE = "#f9ecd2"


class Drawing:
    """A picture that is written element by element; positions are in pixels."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self._parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img" '
            'font-family="Helvetica, Arial, sans-serif" font-size="14">',
            f"<title>{escape(title)}</title>",
            f'<rect width="{width}" height="{height}" fill="#fff"/>',
        ]

    def box(self, x: float, y: float, width: float, height: float, fill: str, **more: str) -> None:
        """Draw a rectangle."""
        self._add("rect", x=x, y=y, width=width, height=height, fill=fill, **more)

    def line(self, *points: tuple[float, float], stroke: str = INK, **more: str) -> None:
        """Draw a line through points."""
        through = " ".join(f"{number(x)},{number(y)}" for x, y in points)
        self._add("polyline", points=through, fill="none", stroke=stroke, **more)

    def area(self, *points: tuple[float, float], fill: str) -> None:
        """Fill the polygon with these corners."""
        self._add(
            "polygon", points=" ".join(f"{number(x)},{number(y)}" for x, y in points), fill=fill
        )

    def dot(self, x: float, y: float, fill: str) -> None:
        """Draw a small disc."""
        self._add("circle", cx=x, cy=y, r=5, fill=fill)

    def arrow(self, x: float, y: float, to_x: float, stroke: str = INK) -> None:
        """Draw a horizontal arrow."""
        back = 7 if to_x > x else -7
        self.line((x, y), (to_x, y), stroke=stroke)
        self.area((to_x, y), (to_x - back, y - 4), (to_x - back, y + 4), fill=stroke)

    def text(self, x: float, y: float, text: str, anchor: str = "start", **more: str) -> None:
        """Write a line of text."""
        more = {"fill": INK, "text_anchor": anchor, **more}
        self._parts.append(f"<text{attributes(x=x, y=y, **more)}>{escape(text)}</text>")

    def svg(self) -> str:
        """Return the file's text."""
        return "\n".join([*self._parts, "</svg>", ""])

    def _add(self, element: str, **values: float | str) -> None:
        self._parts.append(f"<{element}{attributes(**values)}/>")


def number(value: float) -> str:
    """Return a coordinate with at most one decimal."""
    return f"{value:.1f}".removesuffix(".0")


def attributes(**values: float | str) -> str:
    """Return the attributes of an element; `text_anchor` becomes ``text-anchor``."""
    return "".join(
        f' {key.replace("_", "-")}="{value if isinstance(value, str) else number(value)}"'
        for key, value in values.items()
    )


def dollars(cents: int) -> str:
    """Return an amount of cents as people write it."""
    return f"${cents // 100:,}.{cents % 100:02}"


def example_book() -> nanobook.Exchange:
    """Return the book that the page on order books explains."""
    exchange = nanobook.Exchange()
    for price, quantity in [(100_00, 200), (100_00, 100), (99_90, 150), (99_80, 400)]:
        exchange.submit_limit("buy", price, quantity)
    for price, quantity in [(100_10, 100), (100_20, 80), (100_20, 40), (100_30, 300)]:
        exchange.submit_limit("sell", price, quantity)
    return exchange


def ladder() -> str:
    """Draw a book as a ladder: asks above, bids below, the best two in the middle."""
    book = example_book().depth()
    picture = Drawing(640, 300, "An order book as a ladder")
    picture.text(160, 24, "bid quantity", "middle", fill=BID)
    picture.text(320, 24, "price", "middle")
    picture.text(480, 24, "ask quantity", "middle", fill=ASK)
    y = 40
    for level in reversed(book.asks):
        width = level.quantity * 0.45
        picture.box(370, y, width, 28, ASK_PALE, stroke=ASK)
        picture.text(320, y + 19, dollars(level.price), "middle")
        picture.text(378, y + 19, str(level.quantity))
        y += 36
    picture.line((260, y + 13), (380, y + 13), stroke=FAINT, stroke_dasharray="4 3")
    spread, mid = book.spread(), book.mid_price()
    assert spread is not None
    assert mid is not None
    picture.text(390, y + 18, f"spread {dollars(spread)}, mid {dollars(mid)}", fill=FAINT)
    y += 34
    for level in book.bids:
        width = level.quantity * 0.45
        picture.box(270 - width, y, width, 28, BID_PALE, stroke=BID)
        picture.text(320, y + 19, dollars(level.price), "middle")
        picture.text(262, y + 19, str(level.quantity), "end")
        y += 36
    return picture.svg()


def queue() -> str:
    """Draw the queues of the bid side: levels by price, orders at a level by time."""
    book = example_book().full_book()
    picture = Drawing(640, 220, "Price-time priority: levels by price, orders by time")
    picture.text(
        20, 24, "bids: the better price first, and at one price the earlier order", fill=INK
    )
    y = 44
    place = 1
    for level in book.bids:
        picture.text(20, y + 26, dollars(level.price), fill=BID)
        x = 100.0
        for order, quantity in level.orders or []:
            width = quantity * 0.6 + 60
            picture.box(x, y, width, 40, BID_PALE, stroke=BID)
            picture.text(x + 8, y + 17, f"order {order}", font_size="12")
            picture.text(x + 8, y + 33, f"{quantity}", font_size="12")
            picture.text(x + width - 8, y + 26, f"{place}.", "end")
            x += width + 10
            place += 1
        y += 54
    picture.text(620, 212, "1. trades first", "end", font_size="12")
    return picture.svg()


def walk() -> str:
    """Draw a market order that takes more than the best level has."""
    exchange = example_book()
    before = exchange.depth().asks
    buy = exchange.submit_market("buy", 250)
    picture = Drawing(640, 250, "A market order for 250 walks up the asks")
    picture.text(20, 24, "asks before, and what a market order to buy 250 takes of them")
    y = 176
    for level in before:
        taken = sum(trade.quantity for trade in buy.trades if trade.price == level.price)
        width = level.quantity * 1.2
        picture.text(20, y + 21, dollars(level.price), fill=ASK)
        picture.box(100, y, width, 32, "#fff", stroke=ASK)
        picture.box(100, y, taken * 1.2, 32, MARK_PALE, stroke=MARK)
        what = f"{taken} of {level.quantity}"
        picture.text(100 + width + 10, y + 21, what)
        y -= 60
    for y in (170, 110):
        picture.line((60, y + 2), (60, y - 16), stroke=MARK)
        picture.area((60, y - 22), (56, y - 15), (64, y - 15), fill=MARK)
    vwap = nanobook.Trade.vwap(buy.trades)
    assert vwap is not None
    best = exchange.best_ask()
    assert best is not None
    filled = f"filled {buy.filled_quantity}, VWAP {dollars(vwap)}"
    picture.text(20, 236, f"{filled}; best ask afterwards {dollars(best)}")
    return picture.svg()


def stop_exchange() -> nanobook.Exchange:
    """Return the book of the page on stops: two sell stops, and bids that thin out."""
    exchange = nanobook.Exchange()
    for price, quantity in [(100_00, 50), (99_00, 40), (98_00, 40), (97_00, 200)]:
        exchange.submit_limit("buy", price, quantity)
    exchange.submit_stop_market("sell", 99_50, 40)
    exchange.submit_stop_market("sell", 98_00, 60)
    return exchange


def stop_waves() -> str:
    """Draw the trades of a command and of the two waves of stops that it sets off."""
    exchange = stop_exchange()
    exchange.submit_market("sell", 60)
    trades = exchange.trades()
    picture = Drawing(640, 330, "A command and the two waves of stops after it")

    def height(price: int) -> float:
        return 60 + (100_00 - price) * 0.7

    for price in (100_00, 99_00, 98_00, 97_00):
        picture.line((90, height(price)), (620, height(price)), stroke=GRID)
        picture.text(80, height(price) + 5, dollars(price), "end", fill=FAINT)
    for price in (99_50, 98_00):
        picture.line((90, height(price)), (620, height(price)), stroke=ASK, stroke_dasharray="5 4")
        what = f"sell stop at {dollars(price)}"
        picture.text(618, height(price) + 18, what, "end", fill=ASK, font_size="12")
    x = 150.0
    names = ["command", "wave 1", "wave 2"]
    colors = [BID, MARK, ASK]
    previous: tuple[float, float] | None = None
    owners: list[int] = []
    for trade in trades:
        if trade.aggressor_order_id not in owners:
            owners.append(trade.aggressor_order_id)
            picture.text(x, 312, names[len(owners) - 1], "middle", fill=colors[len(owners) - 1])
        here = (x, height(trade.price))
        if previous:
            picture.line(previous, here, stroke=FAINT)
        previous = here
        x += 82
    x = 150.0
    for trade in trades:
        wave = owners.index(trade.aggressor_order_id)
        picture.dot(x, height(trade.price), colors[wave])
        picture.text(x, height(trade.price) - 12, str(trade.quantity), "middle", font_size="12")
        x += 82
    picture.text(20, 26, "each dot is a trade with its quantity; time goes to the right")
    return picture.svg()


def bars() -> str:
    """Draw when a decision is made, and when it trades."""
    picture = Drawing(640, 250, "When a decision trades: at its own close, or at the next")
    for row, fill in enumerate(["close", "next"]):
        y = 70 + row * 110
        picture.text(20, y + 5, f'fill="{fill}"')
        picture.line((120, y), (620, y), stroke=FAINT)
        for bar in range(4):
            x = 170 + bar * 130
            picture.line((x, y - 6), (x, y + 6), stroke=FAINT)
            picture.text(x, y - 34, f"bar {bar}", "middle", fill=FAINT, font_size="12")
            # Time goes to the right: with "next", a bar trades before it decides.
            decide, trade = (x - 24, x + 22) if fill == "close" else (x + 24, x + 108)
            picture.box(decide - 20, y - 24, 40, 16, BID_PALE, stroke=BID)
            picture.text(decide, y - 12, "decide", "middle", font_size="11")
            if fill == "next" and bar == 3:
                picture.text(x + 6, y + 26, "never traded", font_size="11")
                continue
            picture.box(trade - 18, y + 14, 36, 16, MARK_PALE, stroke=MARK)
            picture.text(trade, y + 26, "trade", "middle", font_size="11")
            picture.line((decide, y - 8), (decide, y + 22), stroke=MARK)
            picture.arrow(decide, y + 22, trade - 20, stroke=MARK)
    return picture.svg()


def sample_prices() -> nanobook.PriceSeries:
    """Return the monthly prices that come with the package."""
    source = resources.files("nanobook") / "data" / "vega_stocks.csv"
    rows: dict[str, dict[str, int]] = {}
    for row in csv.DictReader(source.read_text("utf-8").splitlines()):
        cents = round(float(row["price"]) * 100)
        rows.setdefault(row["date"], {})[row["symbol"]] = cents
    return nanobook.PriceSeries(rows.values())


def equity() -> str:
    """Draw the equity curve of equal weights on the sample, and its drawdown below."""
    result = nanobook.run_backtest(
        nanobook.EqualWeight(), sample_prices(), 1_000_000_00, periods_per_year=12.0
    )
    curve = result.portfolio.equity_curve()
    picture = Drawing(640, 360, "Equity and drawdown of equal weights on the shipped sample")
    left, right = 80, 620
    top = max(curve)

    def across(period: int) -> float:
        return left + (right - left) * period / (len(curve) - 1)

    def height(cents: int) -> float:
        return 220 - 180 * cents / top

    for millions in range(int(top / 100_000_000) + 1):
        y = height(millions * 100_000_000)
        picture.line((left, y), (right, y), stroke=GRID)
        picture.text(left - 8, y + 5, f"${millions} M", "end", fill=FAINT, font_size="12")
    points = [(across(period), height(cents)) for period, cents in enumerate(curve)]
    picture.line(*points, stroke=BID, stroke_width="2")
    picture.text(left + 8, 36, "equity", fill=BID)

    falls: list[tuple[float, float]] = []
    peak = 0
    for period, cents in enumerate(curve):
        peak = max(peak, cents)
        falls.append((across(period), 250 + 80 * (peak - cents) / peak))
    for percent in (0, 50, 100):
        y = 250 + 80 * percent / 100
        picture.line((left, y), (right, y), stroke=GRID)
        picture.text(left - 8, y + 5, f"{percent} %", "end", fill=FAINT, font_size="12")
    picture.area((left, 250), *falls, (right, 250), fill=ASK_PALE)
    picture.line(*falls, stroke=ASK)
    picture.text(left + 8, 324, "drawdown", fill=ASK)
    picture.text(right, 352, f"{len(curve) - 1} months", "end", fill=FAINT, font_size="12")
    return picture.svg()


def draw() -> dict[str, str]:
    """Return each picture's text by its file name."""
    pictures = {
        "bars": bars,
        "equity": equity,
        "ladder": ladder,
        "queue": queue,
        "stop-waves": stop_waves,
        "walk": walk,
    }
    return {f"{name}.svg": make() for name, make in pictures.items()}


if __name__ == "__main__":
    folder = Path(__file__).parent / "pictures"
    folder.mkdir(exist_ok=True)
    for name, svg in draw().items():
        (folder / name).write_text(svg, "utf-8", newline="\n")
