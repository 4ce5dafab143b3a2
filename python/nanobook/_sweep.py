"""Many runs, one for each parameter."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, TypeVar

from nanobook._errors import ValidationError, shown
from nanobook._progress import Progress, naming
from nanobook.nanobook import (
    CancelFlag,
    CostModel,
    EqualWeight,
    PriceSeries,
    SweepSettings,
    WeightSchedule,
    read_price_series,
    warn_if_annual,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Executor
    from typing import Literal, SupportsIndex

    from nanobook._types import PriceSeriesLike, Strategy
    from nanobook.nanobook import BacktestResult, Metrics

__all__ = ["sweep", "sweep_strategy"]

P = TypeVar("P")

NO_COSTS = CostModel.zero()

# More threads than any machine has processors; more than there are runs are never started.
WORKERS_MAX = 65_536


def sweep(
    run: Callable[[P], Iterable[float]],
    params: Iterable[P],
    periods_per_year: float = 252.0,
    risk_free: float = 0.0,
    *,
    executor: Executor | None = None,
    progress: bool = False,
) -> list[Metrics | None]:
    """Call a function once for each parameter, and measure the returns it gives.

    Parameters
    ----------
    run : callable
        Called with one parameter; returns simple returns per period. In other processes it must be
        a function that can be pickled: one at the top of a module.
    params : iterable
        The parameters.
    periods_per_year : float, default 252.0
        How many periods are a year.
    risk_free : float, default 0.0
        The risk free rate per period; above 0.01 it warns.
    executor : concurrent.futures.Executor, optional
        Where the calls run: threads, processes, or another library's, such as that of a Dask
        client. Without one they run here, one after the other. Ctrl-C ends the workers of a
        process pool, with all else they do.
    progress : bool, default False
        Whether to show a bar: that of tqdm if it is installed, else a line on standard error.

    Returns
    -------
    list of Metrics or None
        In the order of the parameters, the same for any executor; ``None`` for no returns.

    Raises
    ------
    ValidationError
        If a rate is out of range or a return is not finite.
    BaseException
        What the first parameter that fails raises, with a note that names the parameter. Those
        after it may not run at all.

    Examples
    --------
    >>> import nanobook
    >>> def returns(size):
    ...     return [size, -size / 2, size]
    >>> [metrics.total_return > 0.02 for metrics in nanobook.sweep(returns, [0.01, 0.02])]
    [False, True]
    """
    _check_callable(run, "run")
    warn_if_annual(risk_free)
    settings = SweepSettings(0, NO_COSTS, periods_per_year, risk_free, "close")
    with Progress(_as_list(params), enabled=_read_progress(progress)) as bar:
        if executor is not None:
            # Only who uses an executor pays for its imports.
            from nanobook._executors import MeasureTask, Spread

            return Spread(executor, MeasureTask(run, settings), bar).results()
        metrics: list[Metrics | None] = []
        for index, param in enumerate(bar.params):
            with naming(index, param):
                metrics.append(settings.metrics(run(param)))
            bar.advance()
        return metrics


def sweep_strategy(
    make_strategy: Callable[[P], Strategy],
    params: Iterable[P],
    price_series: PriceSeriesLike,
    initial_cash: SupportsIndex,
    cost_model: CostModel = NO_COSTS,
    periods_per_year: float = 252.0,
    risk_free: float = 0.0,
    fill: Literal["close", "next"] = "close",
    *,
    executor: Executor | None = None,
    max_workers: SupportsIndex | None = None,
    progress: bool = False,
) -> list[BacktestResult]:
    """Run one backtest for each parameter.

    Without an executor, built-in strategies (`EqualWeight`, `WeightSchedule`) run in parallel
    threads that never hold the interpreter, and Python strategies one after the other.

    Parameters
    ----------
    make_strategy : callable
        Called with one parameter; returns a strategy, as `run_backtest` takes it. In other
        processes it must be a function or class that can be pickled: one at the top of a module.
    params : iterable
        The parameters.
    price_series : PriceSeries or what it is made from
        Converted once. Each worker process gets it once, not with each parameter.
    initial_cash : int
        What each run starts with, in the smallest currency unit.
    cost_model : CostModel, optional
        What fills cost; nothing by default.
    periods_per_year : float, default 252.0
        How many bars are a year.
    risk_free : float, default 0.0
        The risk free rate per bar; above 0.01 it warns.
    fill : {"close", "next"}
        When a decision trades, as in `run_backtest`.
    executor : concurrent.futures.Executor, optional
        Where the backtests run: threads, processes, or another library's, such as that of a Dask
        client. Ctrl-C ends the workers of a process pool, with all else they do.
    max_workers : int, optional
        How many threads run built-in strategies where there is no executor; by default one for
        each processor.
    progress : bool, default False
        Whether to show a bar: that of tqdm if it is installed, else a line on standard error.

    Returns
    -------
    list of BacktestResult
        In the order of the parameters, the same for any number of workers.

    Raises
    ------
    ValidationError
        As `run_backtest`.
    BaseException
        What the first parameter that fails raises, with a note that names the parameter. Those
        after it may not run at all.

    Examples
    --------
    >>> import nanobook
    >>> prices = [{"AAPL": 10_00}, {"AAPL": 12_00}, {"AAPL": 9_00}]
    >>> def buy_at(bar):
    ...     return lambda index, prices, portfolio: {"AAPL": 1.0} if index == bar else None
    >>> results = nanobook.sweep_strategy(buy_at, [0, 1], prices, 100_00)
    >>> [result.equity_curve[-1].item() for result in results]
    [9000, 7600]
    """
    _check_callable(make_strategy, "make_strategy")
    warn_if_annual(risk_free)
    settings = SweepSettings(initial_cash, cost_model, periods_per_year, risk_free, fill)
    series = read_price_series(price_series)
    workers = _read_workers(max_workers)
    if workers is not None and executor is not None:
        message = f"max_workers must be left out with an executor, got {shown(workers)}"
        raise ValidationError(message)
    with Progress(_as_list(params), enabled=_read_progress(progress)) as bar:
        if executor is not None:
            from nanobook._executors import BacktestTask, SharedSeries, Spread

            with SharedSeries(series) as shared:
                return Spread(
                    executor, BacktestTask(make_strategy, settings, shared), bar
                ).results()
        return _run_here(make_strategy, settings, series, workers, bar)


for _function in (sweep, sweep_strategy):
    _function.__module__ = "nanobook"


def _check_callable(function: Callable[..., object], name: str) -> None:
    if not callable(function):
        message = f"{name} must be callable, got {shown(function)}"
        raise TypeError(message)


def _as_list(params: Iterable[P]) -> list[P]:
    if isinstance(params, str) or not hasattr(params, "__iter__"):
        message = f"params must be an iterable of parameters, got {shown(params)}"
        raise TypeError(message)
    return list(params)


def _read_progress(progress: object) -> bool:
    if isinstance(progress, bool):
        return progress
    message = f"progress must be a bool, got {shown(progress)}"
    raise TypeError(message)


def _read_workers(max_workers: SupportsIndex | None) -> int | None:
    if max_workers is None:
        return None
    try:
        # A bool of NumPy refuses by itself.
        workers = None if isinstance(max_workers, bool) else operator.index(max_workers)
    except TypeError:
        workers = None
    if workers is None:
        message = f"max_workers must be an integer, got {shown(max_workers)}"
        raise TypeError(message)
    if not 1 <= workers <= WORKERS_MAX:
        message = f"max_workers must be 1 to {WORKERS_MAX}, got {shown(workers)}"
        raise ValidationError(message)
    return workers


def _run_here(
    make_strategy: Callable[[P], Strategy],
    settings: SweepSettings,
    series: PriceSeries,
    max_workers: int | None,
    bar: Progress[P],
) -> list[BacktestResult]:
    """Run built-in strategies in threads, as many in a row as there are, and others one by one."""
    results: list[BacktestResult] = []
    waiting: list[EqualWeight | WeightSchedule] = []
    never = CancelFlag()

    def run_waiting() -> None:
        if not waiting:
            return
        show = bar.show if bar.enabled else None
        runs, failed = settings.run_built_ins(waiting, series, max_workers, show)
        if failed is not None:
            index = len(results) + failed[0]
            with naming(index, bar.params[index]):
                raise failed[1]
        results.extend(runs)
        bar.advance(len(waiting))
        waiting.clear()

    for index, param in enumerate(bar.params):
        try:
            with naming(index, param):
                strategy = make_strategy(param)
        except Exception:
            # What one of those before it raises comes first.
            run_waiting()
            raise
        if isinstance(strategy, EqualWeight | WeightSchedule):
            waiting.append(strategy)
            continue
        run_waiting()
        with naming(index, param):
            results.append(settings.run(strategy, series, never))
        bar.advance()
    run_waiting()
    return results
