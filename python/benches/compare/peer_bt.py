"""bt: backtests of algorithms that are put together, on pandas."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from measure import Report, each, main
from streams import load

if TYPE_CHECKING:
    from pathlib import Path

bt: Any = import_module("bt")
pandas: Any = import_module("pandas")


def commission(quantity: float, price: float) -> float:
    return abs(quantity) * price * 0.0015


def p8(folder: Path) -> Report:
    prices = load(folder, "prices")
    close = pandas.DataFrame(
        prices.astype(float),
        pandas.date_range("2015-01-01", periods=len(prices)),
        [f"S{column}" for column in range(100)],
    )

    def prepare() -> Any:  # noqa: ANN401
        algos = [
            bt.algos.RunEveryNPeriods(1),
            bt.algos.SelectAll(),
            bt.algos.WeighEqually(),
            bt.algos.Rebalance(),
        ]
        return bt.Backtest(
            bt.Strategy("equal", algos),
            close,
            initial_capital=1_000_000_000_00.0,
            commissions=commission,
            progress_bar=False,
        )

    def run(backtest: Any) -> Any:  # noqa: ANN401
        backtest.run()
        return backtest

    time, backtest = each(run, prepare, passes=1)
    values = {"equity": float(backtest.strategy.values.iloc[-1])}
    return {"figures": {"callback": time}, "values": values}


main({"P8": p8})
