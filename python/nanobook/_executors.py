"""A sweep on an executor: in threads, in processes, or on other machines.

An executor gets one task for each parameter. What all tasks share is small when it is pickled: a
price series goes into a file once, and each process that gets a task reads that file once. Where
there is no such file, on another machine, the task comes back and is sent again with the prices in
it; that process has them from then on.

Deleting the file is also how a sweep that fails or is interrupted stops the runs it has begun in
other processes; in its own process a flag does.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import pickle
import tempfile
import threading
import time
import traceback
from collections import OrderedDict
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
)
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, Self, TypeVar, cast

from nanobook._errors import shown
from nanobook._progress import naming
from nanobook.nanobook import CancelFlag

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from multiprocessing.process import BaseProcess

    from nanobook._progress import Progress
    from nanobook._types import Strategy
    from nanobook.nanobook import BacktestResult, Metrics, PriceSeries, SweepSettings

__all__ = ["BacktestTask", "MeasureTask", "SharedSeries", "Spread"]

P = TypeVar("P")
R = TypeVar("R")
P_contra = TypeVar("P_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)

# How long a run in another process goes on after its sweep has stopped, in seconds.
BETWEEN_LOOKS = 0.1
STOPPED = "the sweep was stopped"

# How many series a worker process keeps: that of the present sweep, and of one beside it.
KEPT_SERIES = 2


class Task(Protocol[P_contra, R_co]):
    """What runs for one parameter."""

    def __call__(self, param: P_contra, /) -> R_co:
        """Return the result of one parameter."""
        ...

    def with_prices(self) -> Task[P_contra, R_co]:
        """Return a task that brings its prices along."""
        ...

    def stop(self) -> None:
        """Stop what has begun."""
        ...


class MeasureTask(Generic[P]):
    """Measures the returns that a function gives."""

    def __init__(self, run: Callable[[P], Iterable[float]], settings: SweepSettings) -> None:
        self._run = run
        self._settings = settings

    def __call__(self, param: P, /) -> Metrics | None:
        """Return the metrics of one parameter."""
        return self._settings.metrics(self._run(param))

    def with_prices(self) -> Self:
        """Return itself: it needs no prices."""
        return self

    def stop(self) -> None:
        """Do nothing: a function cannot be stopped."""


class BacktestTask(Generic[P]):
    """Runs a backtest."""

    def __init__(
        self,
        make_strategy: Callable[[P], Strategy],
        settings: SweepSettings,
        shared: SharedSeries | _RemoteSeries,
    ) -> None:
        self._make_strategy = make_strategy
        self._settings = settings
        self._shared = shared

    def __call__(self, param: P, /) -> BacktestResult:
        """Return the result of one parameter."""
        with self._shared.lent() as (series, cancel):
            return self._settings.run(self._make_strategy(param), series, cancel)

    def with_prices(self) -> BacktestTask[P]:
        """Return a task that brings its prices along."""
        return BacktestTask(self._make_strategy, self._settings, self._shared.with_prices())

    def stop(self) -> None:
        """Stop the runs that have begun."""
        self._shared.close()


class _MissingPrices(Exception):
    """The process of the worker does not have the series, and cannot read the file."""


class SharedSeries:
    """A series that other processes find in a file, and this one in memory."""

    def __init__(self, series: PriceSeries) -> None:
        self._series = series
        self._cancel = CancelFlag()
        self._lock = threading.Lock()
        self._path: str | None = None
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the runs that use the series, here and elsewhere."""
        self._cancel.set()
        with self._lock:
            self._closed = True
            if self._path is not None:
                _delete(Path(self._path))
                self._path = None

    @contextlib.contextmanager
    def lent(self) -> Generator[tuple[PriceSeries, CancelFlag]]:
        """Lend the series and the flag that stops a run."""
        yield self._series, self._cancel

    def with_prices(self) -> _RemoteSeries:
        """Return what brings the prices along."""
        return _RemoteSeries(self._path_for_others(), pickle.dumps(self._series))

    def _path_for_others(self) -> str:
        with self._lock:
            if self._closed:
                raise CancelledError(STOPPED)
            if self._path is None:
                descriptor, self._path = tempfile.mkstemp(prefix="nanobook-", suffix=".prices")
                with os.fdopen(descriptor, "wb") as file:
                    file.write(pickle.dumps(self._series))
            return self._path

    def __reduce__(self) -> tuple[type[_RemoteSeries], tuple[str, None]]:
        return _RemoteSeries, (self._path_for_others(), None)


def _delete(path: Path) -> None:
    # Windows does not delete a file while a worker reads it.
    for _ in range(20):
        try:
            path.unlink(missing_ok=True)
        except PermissionError:
            time.sleep(0.05)
        else:
            return


class _RemoteSeries:
    """A series of another process, as a worker sees it."""

    # The series this process has, by the file they came from, and whether it could read that file.
    _known: ClassVar[OrderedDict[str, tuple[PriceSeries, bool]]] = OrderedDict()
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, path: str, prices: bytes | None) -> None:
        self._path = path
        self._prices = prices

    @contextlib.contextmanager
    def lent(self) -> Generator[tuple[PriceSeries, CancelFlag]]:
        """Lend the series, and a flag that is set once the sweep has stopped."""
        series, has_file = self._read()
        cancel = CancelFlag()
        done = threading.Event()

        def watch() -> None:
            while not done.wait(BETWEEN_LOOKS):
                if not Path(self._path).exists():
                    cancel.set()
                    return

        if has_file:
            if not Path(self._path).exists():
                raise CancelledError(STOPPED)
            threading.Thread(target=watch, daemon=True, name="nanobook-sweep").start()
        try:
            yield series, cancel
        finally:
            done.set()

    def with_prices(self) -> Self:
        """Return itself: it has come as far as it can."""
        return self

    def close(self) -> None:
        """Do nothing: only the sweep's own process stops it."""

    def _read(self) -> tuple[PriceSeries, bool]:
        with self._lock:
            known = self._known.get(self._path)
            if known is None:
                prices, has_file = self._prices, False
                if prices is None:
                    prices, has_file = self._file(), True
                known = self._known[self._path] = (pickle.loads(prices), has_file)
                while len(self._known) > KEPT_SERIES:
                    self._known.popitem(last=False)
            else:
                self._known.move_to_end(self._path)
            return known

    def _file(self) -> bytes:
        try:
            return Path(self._path).read_bytes()
        except OSError as error:
            raise _MissingPrices from error


def _run_there(
    task: Task[P, R], param: P, home: int, number: tuple[bytes, int]
) -> tuple[bool, R | None]:
    """Run a task in a worker. The answer is whether there was a result: else prices are missing.

    The number is of this task alone: Dask takes equal calls for one, and remembers how it ended.
    """
    try:
        return True, task(param)
    except _MissingPrices:
        return False, None
    except Exception as error:
        if os.getpid() != home:
            _check_travels(error)
        raise


def _check_leaves(task: object) -> None:
    """Refuse a task that cannot be pickled, before a parameter is blamed for it."""
    try:
        pickle.dumps(task)
    except Exception as error:
        message = (
            "for other processes the function must be one that can be pickled, at the top of a "
            f"module: {error}"
        )
        raise TypeError(message) from error


def _check_travels(error: Exception) -> None:
    """Raise another exception in place of one that breaks when it is pickled.

    A process pool that cannot read an exception is lost, with all that runs in it.
    """
    try:
        copy = pickle.loads(pickle.dumps(error))
    except Exception:
        copy = None
    if type(copy) is not type(error):
        text = "".join(traceback.format_exception(error)).rstrip()
        message = f"{type(error).__name__}, which cannot be pickled: {error}\n{text}"
        raise RuntimeError(message) from None


class Spread(Generic[P, R]):
    """One sweep on an executor."""

    def __init__(self, executor: Executor, task: Task[P, R], bar: Progress[P]) -> None:
        if not callable(getattr(executor, "submit", None)):
            message = f"executor must be a concurrent.futures.Executor, got {shown(executor)}"
            raise TypeError(message)
        if isinstance(executor, ProcessPoolExecutor):
            _check_leaves(task)
        self._executor = executor
        self._task = task
        self._token = os.urandom(16)
        self._numbers = itertools.count()
        self._bar = bar
        self._with_prices: Task[P, R] | None = None
        self._finished: SimpleQueue[int] = SimpleQueue()
        self._futures: dict[int, Future[tuple[bool, R | None]]] = {}
        # The first parameter that is known to have failed, and what it raised.
        self._failed = len(bar.params)
        self._error: BaseException | None = None

    def results(self) -> list[R]:
        """Return the results in the order of the parameters."""
        results: dict[int, R] = {}
        try:
            for index in range(len(self._bar.params)):
                self._submit(index, self._task)
            while self._futures:
                self._take(self._next(), results)
        except BaseException as error:
            # Submitting failed, or Ctrl-C: nothing that was begun goes on.
            self._task.stop()
            if isinstance(error, Exception) or not self._end_processes():
                self._cancel_after(-1)
            raise
        # Without these two the exception would hold the frame that holds it.
        failure, self._error = self._error, None
        if failure is not None:
            self._task.stop()
            try:
                if isinstance(failure, BrokenExecutor):
                    failure.add_note("a worker ended while it ran one of the parameters")
                    raise failure
                with naming(self._failed, self._bar.params[self._failed]):
                    raise failure
            finally:
                del failure
        return [results[index] for index in range(len(self._bar.params))]

    def _submit(self, index: int, task: Task[P, R]) -> None:
        number = (self._token, next(self._numbers))
        param = self._bar.params[index]
        future = self._executor.submit(_run_there, task, param, os.getpid(), number)
        self._futures[index] = future
        future.add_done_callback(lambda _: self._finished.put(index))

    def _next(self) -> int:
        """Wait for a task to finish, where a signal can wake this thread."""
        while True:
            with contextlib.suppress(Empty):
                return self._finished.get(timeout=BETWEEN_LOOKS)

    def _take(self, index: int, results: dict[int, R]) -> None:
        future = self._futures.pop(index, None)
        if future is None:
            # Cancelled, and forgotten.
            return
        error = future.exception()
        if error is not None:
            if index < self._failed:
                self._failed, self._error = index, error
                self._cancel_after(index)
            return
        there_was_one, result = future.result()
        if there_was_one:
            results[index] = cast("R", result)
            self._bar.advance()
            return
        if self._with_prices is None:
            self._with_prices = self._task.with_prices()
        self._submit(index, self._with_prices)

    def _cancel_after(self, index: int) -> None:
        """Give up the parameters after one that failed; those before it can still fail first."""
        for later in [later for later in self._futures if later > index]:
            self._futures.pop(later).cancel()

    def _end_processes(self) -> bool:
        """End the workers of a process pool, which ends its tasks; other executors have none.

        What Python code runs there cannot be stopped in another way.
        """
        if not isinstance(self._executor, ProcessPoolExecutor):
            return False
        # Before CPython 3.12.8 and 3.13.1 the pool waits, with this lock held, for a thread that
        # asks for it when a worker ends in the middle of a large task (python/cpython#125451).
        if (queue := cast("Any", self._executor)._call_queue) is not None:
            queue.shutdown_lock = contextlib.nullcontext()
        processes: dict[int, BaseProcess] | None = cast("Any", self._executor)._processes
        for process in list((processes or {}).values()):
            process.terminate()
        return True
