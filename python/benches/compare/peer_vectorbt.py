"""vectorbt: whole backtests as array operations, compiled by Numba at the first call."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from measure import Report, main, repeated, timed
from streams import load

if TYPE_CHECKING:
    from pathlib import Path

pandas: Any = import_module("pandas")
vectorbt: Any = import_module("vectorbt")
CASH = 1_000_000_000_00.0


def p8(folder: Path) -> Report:
    prices = load(folder, "prices")
    close = pandas.DataFrame(
        prices.astype(float), pandas.date_range("2015-01-01", periods=len(prices))
    )

    def run() -> float:
        portfolio = vectorbt.Portfolio.from_orders(
            close,
            size=0.01,
            size_type="targetpercent",
            fees=0.0015,
            init_cash=CASH,
            cash_sharing=True,
            group_by=True,
            call_seq="auto",
            size_granularity=1,
            freq="1D",
        )
        return float(portfolio.value().iloc[-1])

    cold, _ = timed(lambda _: run(), None)
    warm, equity = repeated(run)
    figures = {"built in": warm, "built in, first call": float(cold)}
    return {"figures": figures, "values": {"equity": equity}}


def p11(folder: Path) -> Report:
    prices = load(folder, "one")[:, 0]
    close = pandas.Series(
        prices.astype(float), pandas.date_range("2015-01-01", periods=len(prices))
    )

    def run() -> Any:  # noqa: ANN401
        averages = vectorbt.MA.run(close, window=list(range(5, 205)))
        above = averages.close_above(averages.ma)
        portfolio = vectorbt.Portfolio.from_signals(
            close, above, ~above, init_cash=CASH, size_granularity=1, freq="1D"
        )
        return np.asarray(portfolio.final_value())

    cold, _ = timed(lambda _: run(), None)
    warm, equities = repeated(run)
    values = {"equity": float(equities.sum()), "best equity": float(equities.max())}
    return {"figures": {"first call": float(cold), "warm": warm}, "values": values}


main({"P8": p8, "P11": p11})
