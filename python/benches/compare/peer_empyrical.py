"""empyrical: measures of returns, one function each."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from measure import Report, main, repeated
from streams import load

if TYPE_CHECKING:
    from pathlib import Path

empyrical: Any = import_module("empyrical")


def p10(folder: Path) -> Report:
    returns = load(folder, "returns")

    def run() -> dict[str, float]:
        return {
            "volatility": empyrical.annual_volatility(returns),
            "sharpe": empyrical.sharpe_ratio(returns),
            "sortino": empyrical.sortino_ratio(returns),
            "max_drawdown": -empyrical.max_drawdown(returns),
            "cagr": empyrical.annual_return(returns),
            "calmar": empyrical.calmar_ratio(returns),
            "var_95": empyrical.value_at_risk(returns),
            "cvar_95": empyrical.conditional_value_at_risk(returns),
        }

    time, values = repeated(run)
    return {"figures": {"": time}, "values": {name: float(value) for name, value in values.items()}}


main({"P10": p10})
