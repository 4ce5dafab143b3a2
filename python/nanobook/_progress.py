"""Which run of a sweep failed, and how far it has come."""

from __future__ import annotations

import contextlib
import importlib
import sys
import time
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import TracebackType

__all__ = ["Progress", "naming"]

P = TypeVar("P")

# How often a terminal's line is renewed, in seconds.
BETWEEN_UPDATES = 0.1

# A longer parameter is cut in a note.
LEN_MAX = 100


@contextlib.contextmanager
def naming(index: int, param: object) -> Generator[None]:
    """Name the parameter in an exception that takes notes."""
    try:
        yield
    except BaseException as error:
        try:
            shown = repr(param)
        except Exception:
            shown = f"of type {type(param).__name__}"
        if len(shown) > LEN_MAX:
            shown = f"{shown[:LEN_MAX]}..."
        with contextlib.suppress(Exception):
            error.add_note(f"raised for parameter {index}: {shown}")
        raise


class _Bar(Protocol):
    """What tqdm and the plain line have in common."""

    def update(self, n: int) -> object: ...

    def close(self) -> None: ...


class Progress(Generic[P]):
    """The parameters of a sweep, and a bar that says how many are done."""

    def __init__(self, params: list[P], *, enabled: bool) -> None:
        self.params = params
        self.enabled = enabled
        self._done = 0
        self._shown = 0
        self._bar: _Bar | None = None

    def __enter__(self) -> Self:
        # A program without a console has no standard error.
        if self.enabled and sys.stderr is not None:
            with contextlib.suppress(OSError, ValueError):
                self._bar = _make_bar(len(self.params))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            with contextlib.suppress(OSError, ValueError):
                self._bar.close()

    def advance(self, count: int = 1) -> None:
        """Count finished runs."""
        self._done += count
        self._update(self._done)

    def show(self, count: int) -> None:
        """Show finished runs that are not counted yet."""
        self._update(self._done + count)

    def _update(self, done: int) -> None:
        if self._bar is not None and done > self._shown:
            try:
                self._bar.update(done - self._shown)
            except (OSError, ValueError):
                # Standard error is gone, or closed: results are worth more than a bar.
                self._bar = None
            self._shown = done


def _make_bar(total: int) -> _Bar:
    try:
        tqdm = cast("Any", importlib.import_module("tqdm.auto")).tqdm
    except ImportError:
        return _Line(total)
    return cast("_Bar", tqdm(total=total, desc="sweep", unit="run"))


class _Line:
    """A line on standard error: renewed on a terminal, written once at the end elsewhere."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._is_terminal = sys.stderr.isatty()
        self._last = 0.0

    def update(self, n: int) -> None:
        """Count finished runs, and show them ten times a second."""
        self._done += n
        now = time.monotonic()
        if self._is_terminal and now - self._last >= BETWEEN_UPDATES:
            self._last = now
            sys.stderr.write(f"\r{self}")
            sys.stderr.flush()

    def close(self) -> None:
        """Write the last state and end the line."""
        sys.stderr.write(f"\r{self}\n" if self._is_terminal else f"{self}\n")
        sys.stderr.flush()

    def __str__(self) -> str:
        percent = 100 * self._done // self._total if self._total else 100
        return f"sweep: {self._done}/{self._total} ({percent} %)"
