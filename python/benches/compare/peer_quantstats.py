"""quantstats: measures of a pandas series of returns, one function each."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from measure import Report, main, repeated
from streams import load

if TYPE_CHECKING:
    from pathlib import Path

pandas: Any = import_module("pandas")
stats: Any = import_module("quantstats.stats")


def p10(folder: Path) -> Report:
    values = load(folder, "returns")
    # A million days would end after the last date of pandas. What it calculates from dates (cagr
    # and calmar) differs with them, so they are calculated and not compared.
    returns = pandas.Series(
        values, pandas.date_range("2000-01-01", periods=len(values), freq="min")
    )

    def run() -> dict[str, float]:
        stats.cagr(returns)
        stats.calmar(returns)
        stats.var(returns)
        return {
            "volatility": stats.volatility(returns),
            "sharpe": stats.sharpe(returns),
            "sortino": stats.sortino(returns),
            "max_drawdown": -stats.max_drawdown(returns),
        }

    time, found = repeated(run, passes=3)
    return {"figures": {"": time}, "values": {name: float(value) for name, value in found.items()}}


main({"P10": p10})
