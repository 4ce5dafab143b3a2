"""The `nanobook` command."""

from __future__ import annotations

import argparse
import os
import sys
from decimal import Decimal, InvalidOperation
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import nanobook
from nanobook import _demo
from nanobook._chart import BLOCKS, PLAIN
from nanobook._prices import PriceError, read_prices

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

FAILED = 1
WRONG_INPUT = 2
# The shell's status for a program that an interrupt ended: 128 + SIGINT.
INTERRUPTED = 130

# What the engine can count, in ticks.
CASH_MAX = 2**63 - 1

SAMPLE = "the sample that comes with it"


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(WRONG_INPUT, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status.

    Parameters
    ----------
    arguments
        Those after the program's name; `sys.argv` by default.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help(sys.stderr)
        return WRONG_INPUT
    numerator, denominator = options.tick_size.as_integer_ratio()
    cash = options.cash * denominator // numerator
    if not 0 < cash <= CASH_MAX:
        parser.error(f"--cash {options.cash} is not between one tick and {CASH_MAX:,} ticks")
    # A file name never fails on a terminal that cannot show it.
    if reconfigure := getattr(sys.stdout, "reconfigure", None):
        reconfigure(errors="backslashreplace")
    try:
        _demo_command(options.prices, options.tick_size, cash)
        if sys.stdout is not None:
            sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has seen enough, as `head` does.
        _discard_output()
    except OSError as error:
        _discard_output()
        _complain(f"cannot write: {error.strerror}")
        return FAILED
    except PriceError as error:
        _complain(f"{options.prices or SAMPLE}: {error}")
        return WRONG_INPUT
    except (nanobook.NanobookError, OverflowError) as error:
        # Amounts so large that they do not fit: the message names them.
        _complain(str(error))
        return WRONG_INPUT
    return 0


def _complain(message: str) -> None:
    print(f"nanobook demo: {message}", file=sys.stderr)


def _discard_output() -> None:
    """Send what is still buffered nowhere, so that it does not fail once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="nanobook", description="A deterministic exchange and portfolio simulator."
    )
    version = f"nanobook {nanobook.__version__}"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(dest="command", metavar="command")
    demo = commands.add_parser(
        "demo",
        help="backtest a momentum strategy and send its last rebalance through order books",
        description="Backtest a momentum strategy on closing prices, then send its last rebalance "
        "through order books. Without --prices it runs on five US stocks, 2000 to 2010.",
    )
    demo.add_argument(
        "--prices",
        type=Path,
        metavar="FILE",
        help="CSV, plain or gzip: a date and a column per symbol, or columns date, ticker, close",
    )
    demo.add_argument(
        "--tick-size",
        type=_tick_size,
        default=Decimal("0.01"),
        metavar="X",
        help="what prices are rounded to (default: %(default)s)",
    )
    demo.add_argument(
        "--cash",
        type=_cash,
        default=1_000_000,
        metavar="N",
        help="what to start with, in the currency of the prices (default: %(default)s)",
    )
    return parser


def _tick_size(text: str) -> Decimal:
    try:
        size = Decimal(text)
    except InvalidOperation:
        size = Decimal("NaN")
    # Nothing is quoted in finer or coarser units, and beyond them exact arithmetic has no end.
    if not size.is_finite() or size <= 0 or abs(size.adjusted()) > 12:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number from 1e-12 to 1e12")
    return size


def _cash(text: str) -> int:
    try:
        cash = int(text)
    except ValueError:
        cash = 0
    if cash <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
    return cash


def _demo_command(path: Path | None, tick_size: Decimal, cash: int) -> None:
    """Run the demo and print its report; `cash` is in ticks."""
    source = path or resources.files("nanobook") / "data" / "vega_stocks.csv"
    prices = read_prices(source, tick_size)
    run = _demo.run(prices, cash)
    routed = _demo.route_last_rebalance(run, cash)

    cells = BLOCKS if _can_print(BLOCKS) else PLAIN
    print(f"nanobook {nanobook.__version__} on {path or SAMPLE}")
    for line in _demo.report(run, routed, tick_size, cells):
        print(line)


def _can_print(text: str) -> bool:
    try:
        # Where standard output was closed there is none; `print` knows.
        text.encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except UnicodeEncodeError:
        return False
    return True


if __name__ == "__main__":
    raise SystemExit(main())
