"""The CSV reader of the demo."""

from __future__ import annotations

import gzip
import hashlib
import math
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from importlib import resources
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanobook._prices import PriceError, PriceTable, periods_per_year, read_prices

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CENT = Decimal("0.01")

WIDE = "Date,AAPL,GOOG\n2000-01-31,1.00,2.00\n2000-02-29,1.10,\n2000-03-31,,2.20\n"
LONG = """ticker,DATE,Open,Close
AAPL,2000-01-31,9,1.00
AAPL,2000-02-29,9,1.10
AAPL,2000-03-31,9,
GOOG,2000-01-31,9,2.00
GOOG,2000-03-31,9,2.20
"""
BARS = [{"AAPL": 100, "GOOG": 200}, {"AAPL": 110}, {"GOOG": 220}]
DATES = [datetime(2000, 1, 31), datetime(2000, 2, 29), datetime(2000, 3, 31)]


def read(path: Path, content: str | bytes, tick_size: Decimal = CENT) -> PriceTable:
    file = path / "prices.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_prices(file, tick_size)


def one_price(path: Path, text: str, tick_size: str = "0.01") -> int:
    table = read(path, f"date,A\n2000-01-01,{text}\n2000-01-02,{text}\n", Decimal(tick_size))
    return table.bars[0]["A"]


@pytest.mark.parametrize("content", [WIDE, LONG], ids=["wide", "long"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_wide_and_long_give_the_same_table(
    tmp_path: Path, content: str, pack: Callable[[bytes], bytes]
) -> None:
    table = read(tmp_path, pack(content.encode()))
    assert table == PriceTable(DATES, ["AAPL", "GOOG"], BARS)


@pytest.mark.parametrize(
    "content",
    [
        WIDE.replace("\n", "\r\n"),
        "\ufeff" + WIDE,
        WIDE.replace("\n", "\n\n"),
        WIDE.replace("AAPL", '"AAPL"').replace("Date", " dAtE "),
        WIDE.replace("2000-01-31", "Jan 31 2000").replace("2000-02-29", '"feb 29, 2000"'),
        WIDE.replace("2000-01-31", "20000131").replace("2000-02-29", "2000-02-29 00:00:00-05:00"),
        WIDE.replace("1.00", " 1e0 ").replace("1.10", "+1.1"),
    ],
    ids=["crlf", "byte order mark", "blank lines", "quotes", "month first", "iso", "numbers"],
)
def test_ways_of_writing_the_same_table(tmp_path: Path, content: str) -> None:
    assert read(tmp_path, content) == PriceTable(DATES, ["AAPL", "GOOG"], BARS)


def test_rows_of_a_long_table_may_come_by_date(tmp_path: Path) -> None:
    header, *rows = LONG.splitlines()
    by_date = sorted(rows, key=lambda row: row.split(",")[1])
    table = read(tmp_path, "\n".join([header, *by_date]))
    assert table == PriceTable(DATES, ["AAPL", "GOOG"], BARS)


def test_symbol_and_price_name_the_columns_too(tmp_path: Path) -> None:
    content = LONG.replace("ticker", "Symbol").replace("Close", "PRICE")
    assert read(tmp_path, content).bars == BARS


def test_a_long_table_keeps_dates_that_only_some_symbols_have(tmp_path: Path) -> None:
    content = "date,ticker,close\n2000-01-02,B,2\n2000-01-01,A,1\n2000-01-03,A,1\n"
    table = read(tmp_path, content)
    assert table.symbols == ["B", "A"]
    assert table.bars == [{"A": 100}, {"B": 200}, {"A": 100}]


@pytest.mark.parametrize(
    ("text", "tick_size", "ticks"),
    [
        ("0.264", "0.01", 26),
        ("1.005", "0.01", 101),
        ("1.0049999999999999999999999999999999", "0.01", 100),
        ("2.675", "0.01", 268),  # 2.675 * 100 is 267.49999999999994 in floats
        ("0.005", "0.01", 1),
        ("10.1", "0.25", 40),
        ("10.125", "0.25", 41),
        ("0.045", "0.03", 2),
        ("0.0449999999999999999999999999999999", "0.03", 1),
        ("12345", "10", 1235),
        ("92233720368547758.06", "0.01", 2**63 - 2),
    ],
)
def test_prices_round_to_the_nearest_tick_halves_up(
    tmp_path: Path, text: str, tick_size: str, ticks: int
) -> None:
    assert one_price(tmp_path, text, tick_size) == ticks


@given(
    price=st.decimals(Decimal("0.001"), Decimal(10**9), allow_nan=False, places=6),
    tick_size=st.decimals(Decimal("0.0001"), Decimal(1), allow_nan=False, places=5),
)
def test_rounding_agrees_with_fractions(
    tmp_path_factory: pytest.TempPathFactory, price: Decimal, tick_size: Decimal
) -> None:
    nearest = math.floor(Fraction(price) / Fraction(tick_size) + Fraction(1, 2))
    path = tmp_path_factory.getbasetemp()
    if nearest:
        assert one_price(path, str(price), str(tick_size)) == nearest
    else:
        with pytest.raises(PriceError, match="half a tick"):
            one_price(path, str(price), str(tick_size))


@pytest.mark.parametrize(
    ("step", "bars", "expected"),
    [
        (timedelta(days=7), 300, 52.0),
        (timedelta(days=1), 400, 365.0),
        (timedelta(days=91, hours=7), 20, 4.0),
        (timedelta(days=365), 10, 1.0),
        (timedelta(hours=1), 10_000, 24 * 365.25),
        (timedelta(days=20), 100, 365.25 / 20),
    ],
)
def test_periods_come_from_the_dates(step: timedelta, bars: int, expected: float) -> None:
    dates = [datetime(2000, 1, 1) + step * bar for bar in range(bars)]
    assert periods_per_year(dates) == pytest.approx(expected, rel=1e-12)


def test_weekdays_without_holidays_make_a_year_of_trading_days() -> None:
    days = [datetime(2000, 1, 3) + timedelta(days=day) for day in range(3 * 365)]
    assert periods_per_year([day for day in days if day.weekday() < 5]) == 252.0


def test_the_sample_is_the_file_of_its_package() -> None:
    folder = resources.files("nanobook") / "data"
    # The hash of vega_datasets/_data/stocks.csv in the wheel of vega_datasets 0.9.0.
    expected = "f9953ac6693e587476b4ebf2f0b00d9bb95371ca8c39da4cc6155077b3e417cd"
    assert hashlib.sha256((folder / "vega_stocks.csv").read_bytes()).hexdigest() == expected
    assert "Jake Vanderplas" in (folder / "LICENSE.vega_datasets").read_text()

    table = read_prices(folder / "vega_stocks.csv", CENT)
    assert table.symbols == ["MSFT", "AMZN", "IBM", "GOOG", "AAPL"]
    assert (table.dates[0], table.dates[-1]) == (datetime(2000, 1, 1), datetime(2010, 3, 1))
    assert len(table.dates) == 123
    assert table.bars[0] == {"MSFT": 3981, "AMZN": 6456, "IBM": 10052, "AAPL": 2594}
    assert table.bars[-1]["AAPL"] == 22302
    assert periods_per_year(table.dates) == 12.0
