"""The command line, run as a user runs it: in a process of its own."""

from __future__ import annotations

import gzip
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import nanobook

COMMAND = [sys.executable, "-m", "nanobook"]
SCRIPT = Path(sys.executable).with_name("nanobook.exe" if os.name == "nt" else "nanobook")

GOOD = "date,A,B\n2000-01-31,1.00,2.00\n2000-02-29,1.10,2.00\n2000-03-31,1.00,2.20\n"
LONG = "date,ticker,close\n2000-01-31,A,1.00\n2000-02-29,A,1.10\n"

FIGURES = [
    "final equity",
    "total return",
    "CAGR",
    "Sharpe",
    "max drawdown",
    "costs",
    "trades",
]


def run(
    *arguments: str | Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **(env or {})},
        timeout=120,
        check=False,
    )


def demo(*arguments: str | Path, env: dict[str, str] | None = None) -> str:
    process = run("demo", *arguments, env=env)
    assert (process.returncode, process.stderr) == (0, "")
    return process.stdout


def figures(output: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in FIGURES:
        line = re.search(rf"^ +{name} +(\S+)$", output, re.MULTILINE)
        assert line, f"no line says {name}"
        found[name] = line[1]
    return found


def digest(output: str) -> str:
    line = re.search(r"^digest (\S+)$", output, re.MULTILINE)
    assert line
    return line[1]


def write(path: Path, content: str | bytes) -> Path:
    file = path / "prices.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def test_the_version_is_that_of_the_package() -> None:
    process = run("--version")
    assert (process.returncode, process.stdout) == (0, f"nanobook {nanobook.__version__}\n")


def test_the_console_script_is_the_module() -> None:
    process = subprocess.run(
        [SCRIPT, "--version"], capture_output=True, text=True, timeout=60, check=True
    )
    assert process.stdout == f"nanobook {nanobook.__version__}\n"


def test_without_a_command_there_is_the_help() -> None:
    process = run()
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr == run("--help").stdout


def test_an_unknown_option_is_named() -> None:
    assert "unrecognized arguments: --versoin" in run("--versoin").stderr


def test_help_names_the_options() -> None:
    process = run("demo", "--help")
    assert process.returncode == 0
    for option in ("--prices", "--tick-size", "--cash"):
        assert option in process.stdout


def test_one_is_not_many(tmp_path: Path) -> None:
    output = demo("--prices", write(tmp_path, "date,A\n2000-01-31,1.00\n2001-01-31,1.10\n"))
    assert "1 symbol, 2 bars, " in output
    assert "\n1 bar a year" in output


def test_the_demo_runs_on_the_sample() -> None:
    output = demo()
    assert "5 symbols, 123 bars, 2000-01-01 to 2010-03-01" in output
    assert "12 bars a year" in output
    assert all(figures(output).values())
    assert "█" in output
    assert digest(output)


def test_the_demo_is_the_same_in_every_process() -> None:
    assert demo(env={"PYTHONHASHSEED": "1"}) == demo(env={"PYTHONHASHSEED": "2"})


def test_a_terminal_without_block_characters_gets_plain_ones() -> None:
    assert demo(env={"PYTHONIOENCODING": "ascii"}).isascii()


def test_a_rebalance_meets_the_book_it_finds(tmp_path: Path) -> None:
    # Worked by hand. In March A is bought: it rose from January to February, B did not. 98 % of
    # $1,000,000.00 at $100.00 is 9,800 shares. Each of the five levels holds an eighth of that,
    # 1,225, 5 cents apart: 6,125 from $100.05 to $100.25, on average $100.15, 15 bps over.
    content = "date,A,B\n2000-01-03,90,50\n2000-02-01,99,49\n2000-03-01,100,50\n"
    output = demo("--prices", write(tmp_path, content))
    row = re.search(r"^ +A +(.*)$", output, re.MULTILINE)
    assert row
    assert row[1].split() == ["+9,800", "+6,125", "100.00", "100.15", "15.0"]
    assert not re.search(r"^ +B ", output, re.MULTILINE)
    # The backtest trades at the close: $980,000.00 cost 15 bps, $1,470.00.
    assert figures(output) == {
        "final equity": "998,530.00",
        "total return": "-0.15%",
        # Two steps in 58 days are 12.59 a year, within 5 % of 12: (1 - 0.00147) ^ (12 / 3) - 1.
        "CAGR": "-0.59%",
        # Of the returns 0, 0 and -0.00147, mean / sd is -1 / sqrt(3); times sqrt(12).
        "Sharpe": "-2.00",
        "max drawdown": "0.15%",
        "costs": "1,470.00",
        "trades": "1",
    }


def test_too_few_months_for_a_rebalance_still_make_a_report(tmp_path: Path) -> None:
    content = "date,A\n2000-01-03,1\n2000-01-04,2\n2000-02-01,3\n"
    output = demo("--prices", write(tmp_path, content), "--cash", "5")
    assert figures(output)["final equity"] == "5.00"
    assert figures(output)["trades"] == "0"
    assert figures(output)["Sharpe"] == "undefined"
    assert "no rebalance" in output
    assert digest(output)


def test_cash_and_tick_size_are_in_the_currency_of_the_prices(tmp_path: Path) -> None:
    rows = "2000-01-31,1\n2000-02-29,2\n2000-03-31,2.004\n2000-04-30,3.004\n"
    file = write(tmp_path, f"date,A\n{rows}")
    # Worked by hand. In cents, March buys 490 at 2.00 for 1.47; April is worth 18.53 + 490 x 3.00,
    # and to sell 4 of them costs a cent.
    coarse = figures(demo("--prices", file, "--cash", "1000"))
    assert coarse["final equity"] == "1,488.52"
    # In hundredths of a cent, March buys 489 at 2.0040 for 1.4699; April is worth 18.5741 + 489 x
    # 3.0040, and to sell 4 of them costs 0.0180.
    fine = figures(demo("--prices", file, "--cash", "1000", "--tick-size", "0.0001"))
    assert fine["final equity"] == "1,487.51"


BAD_FILES = {
    "empty": (b"", "the file is empty"),
    "blank": (b"\n\n", "the file is empty"),
    "header only": ("date,A,B\n", "no row below the header"),
    "gaps only": ("date,A\n2000-01-31,\n2000-02-29,\n", "no price"),
    "one date": ("date,A\n2000-01-31,1\n", "one date only"),
    "no date column": ("day,A\n2000-01-31,1\n", "no column is named date"),
    "no symbol": ("date\n2000-01-31\n", "no column beside the dates"),
    "no ticker": ("Date,Open,High,Low,Close\n2000-01-31,1,1,1,1\n", "ticker is missing"),
    "no close": ("date,ticker,last\n2000-01-31,A,1\n", "close is missing"),
    "no number": (GOOD.replace("1.10", "n/a"), "row 3, column 'A': 'n/a' is not a number"),
    "no finite number": (GOOD.replace("1.10", "NaN"), "row 3, column 'A': 'NaN' is not a number"),
    "digit groups": (GOOD.replace("1.10", "1_000"), "row 3, column 'A': '1_000' is not a number"),
    "no number, long": (LONG.replace("1.10", "x"), "row 3, column 'close': 'x' is not a number"),
    "negative": (GOOD.replace("2.20", "-2.20"), "row 4, column 'B': '-2.20' is not a positive"),
    "zero": (GOOD.replace("2.20", "0.00"), "row 4, column 'B': '0.00' is not a positive price"),
    "below a tick": (GOOD.replace("2.20", "0.004"), "row 4, column 'B': '0.004' is less than half"),
    "tiny": (GOOD.replace("2.20", "1e-99999"), "row 4, column 'B': '1e-99999' is less than half"),
    "large": (GOOD.replace("2.20", "1e17"), "row 4, column 'B': '1e17' is too large"),
    "huge": (GOOD.replace("2.20", "1e999999"), "row 4, column 'B': '1e999999' is too large"),
    "many digits": (GOOD.replace("2.20", "9" * 5000), "is too large"),
    "out of order": (
        GOOD.replace("2000-02-29", "1999-02-28"),
        "row 3: 1999-02-28 comes after 2000-01-31",
    ),
    "out of order, long": (
        LONG.replace("2000-02-29", "1999-02-28"),
        "row 3: 1999-02-28 comes after 2000-01-31 for 'A'",
    ),
    "repeated date": (GOOD.replace("2000-02-29", "2000-01-31"), "row 3: 2000-01-31 stands twice"),
    "symbol twice on a date": (
        LONG.replace("2000-02-29", "2000-01-31"),
        "row 3: 2000-01-31 stands twice for 'A'",
    ),
    "no date": (GOOD.replace("2000-02-29", "29/02/2000"), "row 3, column 'date': '29/02/2000' is"),
    "no such day": (GOOD.replace("2000-02-29", "2000-02-30"), "row 3, column 'date': '2000-02-30'"),
    "symbol twice": ("date,A,B,A\n2000-01-31,1,1,1\n", "symbol 'A' has two columns"),
    "date twice": ("date,A,Date\n2000-01-31,1,2000-01-31\n", "'date' stands twice in the header"),
    "symbol empty": ("date,A,\n2000-01-31,1,1\n", "column 3: a symbol is 1 to 24"),
    "symbol too long": ("date," + "A" * 25 + "\n2000-01-31,1\n", "column 2: a symbol is 1 to 24"),
    "symbol not ascii": ("date,Ä\n2000-01-31,1\n", "column 2: a symbol is 1 to 24"),
    "symbol empty, long": (LONG.replace(",A,", ",,"), "row 2, column 'ticker': a symbol is"),
    "short row": (GOOD.replace(",2.20", ""), "row 4 has 2 cells where the header has 3"),
    "long row": (GOOD.replace("2.20", "2,20"), "row 4 has 4 cells where the header has 3"),
    "open quote": (GOOD.replace("2.20", '"2.20'), "is not CSV"),
    "not UTF-8": (b"date,A\n2000-01-31,\xff\n", "byte 18 is not UTF-8"),
    "UTF-16": (GOOD.encode("utf-16"), "byte 0 is not UTF-8"),
    "gzip cut": (gzip.compress(GOOD.encode())[:-12], "gzip data are damaged"),
    "gzip changed": (gzip.compress(GOOD.encode())[:-8] + bytes(8), "gzip data are damaged"),
    "gzip header alone": (b"\x1f\x8b", "gzip data are damaged"),
}


def complaint(*arguments: str | Path) -> str:
    process = run(*arguments)
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr.count("\n") == 1, process.stderr
    assert process.stderr.startswith("nanobook")
    return process.stderr


@pytest.mark.parametrize(("content", "message"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_bad_file_is_one_line_and_status_2(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    file = write(tmp_path, content)
    said = complaint("demo", "--prices", file)
    assert message in said
    assert str(file) in said


def test_a_missing_file_is_one_line_and_status_2(tmp_path: Path) -> None:
    said = complaint("demo", "--prices", tmp_path / "none.csv")
    assert "none.csv: No such file or directory" in said


def test_a_directory_is_one_line_and_status_2(tmp_path: Path) -> None:
    assert "directory" in complaint("demo", "--prices", tmp_path).lower()


@pytest.mark.parametrize(
    "arguments",
    [
        ["demo", "--tick-size", "0"],
        ["demo", "--tick-size", "nan"],
        ["demo", "--tick-size", "inf"],
        ["demo", "--tick-size=-0.01"],
        ["demo", "--tick-size", "1e-999999"],
        ["demo", "--tick-size", "cent"],
        ["demo", "--tick-size", "1000"],
        ["demo", "--cash", "0"],
        ["demo", "--cash=-1"],
        ["demo", "--cash", "1.5"],
        ["demo", "--cash", "much"],
        ["demo", "--cash", "9" * 30],
        ["demo", "--cash", "1", "--tick-size", "2"],
        ["demo", "--prices"],
        ["demo", "--sharpe"],
        ["trade"],
        ["--versoin"],
    ],
    ids=" ".join,
)
def test_bad_arguments_are_one_line_and_status_2(arguments: list[str]) -> None:
    complaint(*arguments)


def test_amounts_that_do_not_fit_are_one_line_and_status_2(tmp_path: Path) -> None:
    # Ten million million dollars at a cent a share, of a price that then grows a millionfold.
    rows = "2000-01-31,0.01\n2000-02-29,0.02\n2000-03-31,0.01\n2000-04-30,100000000\n"
    complaint("demo", "--prices", write(tmp_path, f"date,A\n{rows}"), "--cash", "10" + "0" * 12)


def test_a_closed_pipe_is_quiet() -> None:
    with subprocess.Popen(
        [*COMMAND, "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
def test_without_standard_output_the_demo_is_quiet() -> None:
    process = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *COMMAND, "demo"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (process.returncode, process.stdout, process.stderr) == (0, "", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_one_line_and_status_1() -> None:
    with Path("/dev/full").open("w") as full:
        process = subprocess.run(
            [*COMMAND, "demo"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert process.returncode == 1
    assert process.stderr == "nanobook demo: cannot write: No space left on device\n"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a named pipe")
def test_an_interrupt_is_quiet_and_status_130(tmp_path: Path) -> None:
    pipe = tmp_path / "prices"
    os.mkfifo(pipe)
    command = [*COMMAND, "demo", "--prices", str(pipe)]
    # Opening the pipe returns when the demo is there to read; it then waits for us to write.
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process,
        pipe.open("wb", buffering=0) as end,
    ):
        process.send_signal(signal.SIGINT)
        # A signal that comes just before the demo starts to wait is looked at when that ends.
        end.close()
        assert process.communicate(timeout=60) == (b"", b"")
    assert process.returncode == 130


def market_data(name: str) -> Path:
    folder = os.environ.get("NANOBOOK_DATA")
    file = Path(folder or ".") / "daily_prices" / name
    if not folder or not file.exists():
        pytest.skip(f"NANOBOOK_DATA names no folder with daily_prices/{name}")
    return file


def test_33_years_of_20_stocks_give_the_same_digest_twice() -> None:
    file = market_data("sp500_20_close_1990_2022.csv.gz")
    first = demo("--prices", file, env={"PYTHONHASHSEED": "1"})
    again = demo("--prices", file, env={"PYTHONHASHSEED": "2"})
    assert "20 symbols, 8,313 bars, 1990-01-02 to 2022-12-28" in first
    assert "252 bars a year" in first
    assert digest(first) == digest(again)


def test_the_close_of_a_table_with_more_columns_is_read() -> None:
    output = demo("--prices", market_data("ohlcv_10_2019_2026.csv.gz"))
    assert "10 symbols, 1,849 bars, 2019-01-02 to 2026-05-11" in output
