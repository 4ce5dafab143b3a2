"""Closing prices from CSV text, as the exact integers that the engine works in.

Two layouts are understood, told apart by the header: *wide*, a date and a column per symbol, and
*long*, a row per date and symbol. Both may be compressed with gzip. No price passes through a
float; whatever cannot be read is a `PriceError` that says where.
"""

from __future__ import annotations

import csv
import functools
import gzip
import io
import re
import zlib
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from importlib.resources.abc import Traversable
    from pathlib import Path

__all__ = ["PriceError", "PriceTable", "periods_per_year", "read_prices"]

# The highest price an order may have: `Price::MAX` itself is reserved for market orders.
PRICE_MAX = 2**63 - 2

# The year fractions that calendars of prices come in; 252 is a year of trading days.
USUAL_PERIODS = (1, 2, 4, 12, 52, 252, 365)

_NUMBER = re.compile(r"([+-]?)(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,6})?", re.ASCII)
_SYMBOL = re.compile(r"[\x20-\x7e]{1,24}")
_MONTH_FIRST = re.compile(r"([A-Za-z]{3}) +(\d{1,2}),? +(\d{4})", re.ASCII)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TICKERS = ("ticker", "symbol")
_CLOSES = ("close", "price")


class PriceError(ValueError):
    """Prices that cannot be used; the message is one line and says where."""


@dataclass(frozen=True)
class PriceTable:
    """Prices by date, in ticks.

    Attributes
    ----------
    dates
        One per bar, ascending.
    symbols
        In the order they first appeared.
    bars
        The prices of each date by symbol; a symbol without a price that day is absent.
    """

    dates: list[datetime]
    symbols: list[str]
    bars: list[dict[str, int]]


def read_prices(source: Path | Traversable, tick_size: Decimal) -> PriceTable:
    """Read a CSV file of closing prices, plain or gzip.

    Parameters
    ----------
    source
        The file. Wide: a `date` column, every other column a symbol. Long: columns `date`, `ticker`
        (or `symbol`) and `close` (or `price`); others are ignored. Case does not matter in these
        names. Dates are ISO 8601 or like `Jan 31 2000`, ascending for each symbol. An empty cell is
        a gap.
    tick_size
        What one unit of the result is worth. Prices are rounded to the nearest multiple of it,
        halves away from zero.

    Raises
    ------
    PriceError
        If the file cannot be read, or a cell cannot be used; the row and column are named.
    """
    rows = _Rows(_text(source))
    first = next(rows, None)
    if first is None:
        raise PriceError("the file is empty")
    header = [name.strip() for name in first]
    folded = [name.lower() for name in header]
    date = _column(header, folded, ("date",))
    if date is None:
        raise PriceError(f"no column is named date; the header has {_shown(', '.join(header))}")
    ticker = _column(header, folded, _TICKERS)
    close = _column(header, folded, _CLOSES)

    ticks = _tick_reader(tick_size)
    if ticker is not None and close is not None:
        table = _read_long(rows, header, (date, ticker, close), ticks)
    elif ticker is not None or close is not None:
        missing = "ticker" if ticker is None else "close"
        raise PriceError(
            f"a long table has the columns date, ticker and close; {missing} is missing"
        )
    else:
        table = _read_wide(rows, header, date, ticks)

    if not table.dates:
        raise PriceError("there is no row below the header")
    if not any(table.bars):
        raise PriceError("there is no price below the header")
    if len(table.dates) == 1:
        raise PriceError("there is one date only, and a return takes two")
    return table


def periods_per_year(dates: Sequence[datetime]) -> float:
    """Return how many bars a year has, inferred from the dates.

    The number of steps from the first date to the last over the years between them, a year being
    365.25 days; within 5 % of a usual number of periods (1, 2, 4, 12, 52, 252 or 365) it is that
    number.
    """
    years = (dates[-1] - dates[0]).total_seconds() / (365.25 * 24 * 60 * 60)
    periods = (len(dates) - 1) / years
    nearest = min(USUAL_PERIODS, key=lambda usual: abs(periods / usual - 1))
    return float(nearest) if abs(periods / nearest - 1) <= 0.05 else periods


def _text(source: Path | Traversable) -> str:
    try:
        data = source.read_bytes()
        if data.startswith(b"\x1f\x8b"):
            data = gzip.decompress(data)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise PriceError(f"the gzip data are damaged: {error}") from error
    except OSError as error:
        raise PriceError(error.strerror or str(error)) from error
    try:
        # Spreadsheets put a byte order mark first.
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PriceError(f"byte {error.start} is not UTF-8 text") from error


class _Rows:
    """The rows of a CSV text that are not blank, all of one width, and where we are in it."""

    def __init__(self, text: str) -> None:
        self._reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        self._width: int | None = None

    @property
    def number(self) -> int:
        """The line the current row ends on, the header's being 1, as editors count."""
        return self._reader.line_num

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        try:
            row = next(self._reader)
            while not row:
                row = next(self._reader)
        except csv.Error as error:
            raise PriceError(f"row {self.number} is not CSV: {error}") from error
        if self._width is None:
            self._width = len(row)
        elif len(row) != self._width:
            raise PriceError(
                f"row {self.number} has {len(row)} cells where the header has {self._width}"
            )
        return row


def _read_wide(
    rows: _Rows, header: list[str], date: int, ticks: Callable[[str], int | None]
) -> PriceTable:
    columns: list[tuple[int, str]] = []
    symbols: set[str] = set()
    for index, name in enumerate(header):
        if index != date:
            symbol = _symbol(name, f"column {index + 1}")
            if symbol in symbols:
                raise PriceError(f"symbol {symbol!r} has two columns")
            symbols.add(symbol)
            columns.append((index, symbol))
    if not columns:
        raise PriceError("there is no column beside the dates")

    table = PriceTable([], [symbol for _, symbol in columns], [])
    last = datetime.min
    for row in rows:
        when = _date(row[date], rows, header[date])
        if when <= last:
            raise _out_of_order(when, last, rows.number, "")
        last = when
        bar: dict[str, int] = {}
        for index, symbol in columns:
            try:
                price = ticks(row[index])
            except ValueError as error:
                raise _located(error, rows.number, symbol) from error
            if price is not None:
                bar[symbol] = price
        table.dates.append(when)
        table.bars.append(bar)
    return table


def _read_long(
    rows: _Rows,
    header: list[str],
    columns: tuple[int, int, int],
    ticks: Callable[[str], int | None],
) -> PriceTable:
    date, ticker, close = columns
    dates: dict[str, datetime] = {}
    last: dict[str, datetime] = {}
    bars: dict[datetime, dict[str, int]] = {}
    for row in rows:
        text, symbol = row[date], row[ticker].strip()
        when = dates.get(text)
        if when is None:
            when = dates[text] = _date(text, rows, header[date])
        previous = last.get(symbol)
        if previous is None:
            _symbol(symbol, f"row {rows.number}, column {header[ticker]!r}")
        elif when <= previous:
            raise _out_of_order(when, previous, rows.number, f" for {symbol!r}")
        last[symbol] = when
        try:
            price = ticks(row[close])
        except ValueError as error:
            raise _located(error, rows.number, header[close]) from error
        bar = bars.setdefault(when, {})
        if price is not None:
            bar[symbol] = price
    ordered = sorted(bars)
    return PriceTable(ordered, list(last), [bars[when] for when in ordered])


def _column(header: list[str], folded: list[str], names: tuple[str, ...]) -> int | None:
    for name in names:
        if name in folded:
            index = folded.index(name)
            if name in folded[index + 1 :]:
                raise PriceError(f"the column {header[index]!r} stands twice in the header")
            return index
    return None


def _symbol(name: str, where: str) -> str:
    if not _SYMBOL.fullmatch(name):
        raise PriceError(
            f"{where}: a symbol is 1 to 24 printable ASCII characters, not {_shown(name)}"
        )
    return name


def _date(text: str, rows: _Rows, column: str) -> datetime:
    text = text.strip()
    try:
        if match := _MONTH_FIRST.fullmatch(text):
            month, day, year = match.groups()
            return datetime(int(year), _MONTHS.index(month.lower()) + 1, int(day))
        # An offset says where the exchange is; months are counted on the exchange's own clock.
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError as error:
        wanted = "not a date like 2000-01-31"
        raise PriceError(
            f"row {rows.number}, column {column!r}: {_shown(text)} is {wanted}"
        ) from error


def _tick_reader(tick_size: Decimal) -> Callable[[str], int | None]:
    """Return a function from a cell to ticks, or to `None` for a gap; it raises `ValueError`."""
    tick_numerator, tick_denominator = tick_size.as_integer_ratio()

    # Prices repeat, and a look-up is cheaper than exact arithmetic.
    @functools.cache
    def ticks(cell: str) -> int | None:
        cell = cell.strip()
        if not cell:
            return None
        if not (match := _NUMBER.fullmatch(cell)):
            raise ValueError(f"{_shown(cell)} is not a number")
        price = Decimal(cell)
        if match[1] == "-" or not price:
            raise ValueError(f"{_shown(cell)} is not a positive price")
        # Powers of ten far out of range never become integers, which would have as many digits.
        magnitude = price.adjusted() - tick_size.adjusted()
        if magnitude > 20:
            raise ValueError(f"{_shown(cell)} is too large")
        if magnitude < -2:
            raise ValueError(f"{_shown(cell)} is less than half a tick")
        numerator, denominator = price.as_integer_ratio()
        numerator *= tick_denominator
        denominator *= tick_numerator
        # floor(x + 1/2): all is positive, so halves go away from zero.
        result = (2 * numerator + denominator) // (2 * denominator)
        if result == 0:
            raise ValueError(f"{_shown(cell)} is less than half a tick")
        if result > PRICE_MAX:
            raise ValueError(f"{_shown(cell)} is too large")
        return result

    return ticks


def _located(error: ValueError, row: int, column: str) -> PriceError:
    return PriceError(f"row {row}, column {column!r}: {error}")


def _out_of_order(when: datetime, previous: datetime, row: int, whose: str) -> PriceError:
    if when == previous:
        return PriceError(f"row {row}: {date_text(when)} stands twice{whose}")
    return PriceError(f"row {row}: {date_text(when)} comes after {date_text(previous)}{whose}")


def date_text(when: datetime) -> str:
    """Return a date as ISO 8601, with the time only where there is one."""
    text = when.isoformat(sep=" ")
    return text.removesuffix(" 00:00:00")


def _shown(text: str) -> str:
    """Return text for a message of one line: quoted, escaped and not too long."""
    return ascii(text if len(text) <= 60 else text[:57] + "...")
