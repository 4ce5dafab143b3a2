"""NumPy, as one writes the work by hand: in floats, and no more than is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from measure import Report, main, repeated
from streams import load

if TYPE_CHECKING:
    from pathlib import Path

CASH = 1_000_000_000_00


def p8(folder: Path) -> Report:
    prices = load(folder, "prices")

    def run() -> float:
        cash, held = float(CASH), np.zeros(100)
        curve = np.empty(len(prices))
        for bar, row in enumerate(prices):
            equity = cash + (held * row).sum()
            target = np.floor(equity / 100 / row)
            traded = (target - held) * row
            cash -= traded.sum() + np.abs(traded).sum() * 0.0015
            held = target
            curve[bar] = cash + (held * row).sum()
        return float(curve[-1])

    time, equity = repeated(run)
    return {"figures": {"built in": time}, "values": {"equity": equity}}


def p10(folder: Path) -> Report:
    returns = load(folder, "returns")

    def run() -> dict[str, float]:
        wealth = np.cumprod(1 + returns)
        peak = np.maximum(np.maximum.accumulate(wealth), 1)
        downside = np.minimum(returns, 0)
        percentile = np.percentile(returns, 5)
        mean, deviation = returns.mean(), returns.std(ddof=1)
        drawdown = (1 - wealth / peak).max()
        cagr = wealth[-1] ** (252 / len(returns)) - 1
        return {
            "volatility": float(deviation * np.sqrt(252)),
            "sharpe": float(mean / deviation * np.sqrt(252)),
            "sortino": float(mean / np.sqrt((downside * downside).mean()) * np.sqrt(252)),
            "max_drawdown": float(drawdown),
            "cagr": float(cagr),
            "calmar": float(cagr / drawdown),
            "var_95": float(percentile),
            "cvar_95": float(returns[returns <= percentile].mean()),
        }

    time, values = repeated(run)
    return {"figures": {"": time}, "values": values}


main({"P8": p8, "P10": p10})
