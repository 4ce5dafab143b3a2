"""backtrader: a strategy that is called at every bar, and a broker that fills its orders."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from measure import Report, each, main
from streams import load

if TYPE_CHECKING:
    from pathlib import Path

backtrader: Any = import_module("backtrader")
pandas: Any = import_module("pandas")


class EqualWeight(backtrader.Strategy):
    datas: list[Any]
    broker: Any
    getposition: Any
    order_target_percent: Any

    def next(self) -> None:
        share = self.broker.getvalue() / len(self.datas)
        # Sells first: the broker refuses what cash does not pay.
        ahead = {data: self.getposition(data).size * data.close[0] - share for data in self.datas}
        for data in sorted(ahead, key=lambda data: -ahead[data]):
            self.order_target_percent(data, 0.01)


def p8(folder: Path) -> Report:
    prices = load(folder, "prices").astype(float)
    dates = pandas.date_range("2015-01-01", periods=len(prices))

    def prepare() -> Any:  # noqa: ANN401
        cerebro = backtrader.Cerebro(stdstats=False)
        for column in prices.T:
            frame = pandas.DataFrame(
                {"open": column, "high": column, "low": column, "close": column, "volume": 0},
                dates,
            )
            cerebro.adddata(backtrader.feeds.PandasData(dataname=frame))
        cerebro.addstrategy(EqualWeight)
        cerebro.broker.set_cash(1_000_000_000_00.0)
        # Orders are filled at the close of the bar that the strategy saw.
        cerebro.broker.set_coc(True)
        cerebro.broker.set_checksubmit(False)
        cerebro.broker.setcommission(commission=0.0015)
        return cerebro

    def run(cerebro: Any) -> Any:  # noqa: ANN401
        cerebro.run()
        return cerebro

    time, cerebro = each(run, prepare, passes=1)
    values = {"equity": float(cerebro.broker.getvalue())}
    return {"figures": {"callback": time}, "values": values}


main({"P8": p8})
