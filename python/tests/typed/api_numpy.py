"""The part of the public API that needs NumPy, for type checkers; see `api.py`."""

from __future__ import annotations

from typing import assert_type

import numpy as np
from numpy.typing import NDArray

import nanobook
from nanobook import (
    BacktestResult,
    BatchResult,
    Exchange,
    MultiExchange,
    Portfolio,
    PriceSeries,
    Table,
    WeightSchedule,
)


def use_exchange_arrays(exchange: Exchange) -> None:
    assert_type(exchange.trades_array(), NDArray[np.void])
    assert_type(exchange.orders_array(), NDArray[np.void])
    assert_type(exchange.stop_orders_array(), NDArray[np.void])
    assert_type(exchange.events_array(), NDArray[np.void])
    assert_type(Exchange.replay(exchange.events_array()), Exchange)
    assert_type(exchange.depth_array(levels=3), NDArray[np.void])


def use_multi_arrays(multi: MultiExchange) -> None:
    assert_type(multi.trades_array("AAPL"), NDArray[np.void])
    assert_type(multi.orders_array("AAPL"), NDArray[np.void])
    assert_type(multi.stop_orders_array("AAPL"), NDArray[np.void])
    assert_type(multi.events_array("AAPL"), NDArray[np.void])
    assert_type(multi.depth_array("AAPL", 3), NDArray[np.void])


def use_batch_arrays(result: BatchResult) -> None:
    assert_type(result.order_id, NDArray[np.uint64])
    assert_type(result.status, NDArray[np.uint8])
    assert_type(result.filled_quantity, NDArray[np.uint64])
    assert_type(result.resting_quantity, NDArray[np.uint64])
    assert_type(result.cancelled_quantity, NDArray[np.uint64])
    assert_type(result.error, NDArray[np.uint8])


def use_table_arrays(table: Table) -> None:
    assert_type(table.to_numpy(), NDArray[np.void])
    prices: NDArray[np.int64] = table["price"]
    same: NDArray[np.int64] = dict(table)["price"]
    assert_type(prices, NDArray[np.int64])
    assert_type(same, NDArray[np.int64])


def use_series_arrays(series: PriceSeries) -> None:
    assert_type(series.to_numpy(), NDArray[np.float64])
    assert_type(series.to_numpy("float64"), NDArray[np.float64])
    assert_type(series.to_numpy(np.float64), NDArray[np.float64])
    assert_type(series.to_numpy(dtype="int64"), NDArray[np.int64])
    assert_type(series.to_numpy(np.int64), NDArray[np.int64])
    integers = np.array([[100, 50]])
    floats = np.array([[1.5, 2.5]])
    assert_type(PriceSeries(integers, ["AAPL", "GOOG"]), PriceSeries)
    assert_type(PriceSeries(floats, ["AAPL", "GOOG"], 0.01), PriceSeries)


def use_schedule_arrays(schedule: WeightSchedule) -> None:
    assert_type(schedule.weights, NDArray[np.float64])
    assert_type(WeightSchedule(np.zeros((2, 2))), WeightSchedule)


def use_result_arrays(result: BacktestResult) -> None:
    assert_type(result.equity_curve, NDArray[np.int64])
    assert_type(result.returns, NDArray[np.float64])
    assert_type(result.weights, NDArray[np.float64])
    assert_type(result.trades, NDArray[np.void])


def use_metrics_arrays() -> None:
    returns = np.array([0.5, -0.25, 0.125])
    assert_type(nanobook.rolling_sharpe(returns, 2), NDArray[np.float64])
    assert_type(nanobook.rolling_volatility(returns, window=2), NDArray[np.float64])
    assert_type(nanobook.rolling_max_drawdown(returns, 2), NDArray[np.float64])
    assert_type(nanobook.drawdown_series(returns), NDArray[np.float64])


def by_array(bar_index: int, prices: dict[str, int], portfolio: Portfolio) -> NDArray[np.float64]:
    return np.full(len(prices), 0.5)


def use_numpy_numbers(exchange: Exchange) -> None:
    # Its integers are integers.
    exchange.submit_limit("buy", np.int64(9_900), np.uint32(5))
    result = nanobook.run_backtest(by_array, [{"AAPL": 100}], np.int32(1_000))
    assert_type(result, BacktestResult)


def refused() -> None:
    """Never run: a checker that misses one of the errors calls its comment unused."""
    floats = np.array([[1.5]])
    nanobook.rolling_sharpe(floats, 2.5)  # type: ignore[arg-type]
    PriceSeries([{"A": 1}]).to_numpy("int32")  # type: ignore[call-overload]
