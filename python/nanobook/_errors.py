"""The exceptions. Each derives from `NanobookError` and from the built-in that fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nanobook.nanobook import BatchResult

__all__ = [
    "BatchError",
    "FeedError",
    "InvariantError",
    "MissingFileError",
    "MissingPackageError",
    "NanobookError",
    "OutOfRangeError",
    "PersistenceError",
    "ReadOnlyError",
    "StorageError",
    "UnknownSymbolError",
    "ValidationError",
]


class NanobookError(Exception):
    """The base of all errors of this package."""

    __module__ = "nanobook"


class ValidationError(NanobookError, ValueError):
    """A value that breaks a rule. Nothing has changed: no id and no event was spent on it."""

    __module__ = "nanobook"


class BatchError(ValidationError):
    """A row of a batch that breaks a rule. The rows before it stand, and none after it ran."""

    __module__ = "nanobook"

    row: int
    """The row, from 0."""
    column: str
    """The column of the value that breaks a rule."""
    value: int | float | str | None
    """That value; ``None`` where there is none."""
    result: BatchResult
    """What the rows before it did."""

    @property
    def completed(self) -> int:
        """How many rows ran: those before it."""
        return self.row


class OutOfRangeError(ValidationError, OverflowError):
    """An integer that does not fit its type, or a result that does not fit 64 bits."""

    __module__ = "nanobook"


class UnknownSymbolError(NanobookError, KeyError):
    """A symbol that has no exchange."""

    __module__ = "nanobook"

    # `KeyError` would show the sentence as the repr of a key.
    def __str__(self) -> str:
        return Exception.__str__(self)


class PersistenceError(NanobookError, ValueError):
    """Data that is damaged, or an event log that is not complete enough to be written."""

    __module__ = "nanobook"


class FeedError(NanobookError, ValueError):
    """Market data that is not what its format says. Nothing more can be read."""

    __module__ = "nanobook"

    offset: int
    """Where the message or line begins: how many bytes come before, after decompression."""


class StorageError(NanobookError, OSError):
    """A file that could not be read or written; carries `errno` and `filename`."""

    __module__ = "nanobook"


class MissingFileError(StorageError, FileNotFoundError):
    """A file or folder that does not exist."""

    __module__ = "nanobook"


class ReadOnlyError(NanobookError, TypeError):
    """A trade on the read-only portfolio of a strategy or of a result."""

    __module__ = "nanobook"


class MissingPackageError(NanobookError, ImportError):
    """A package that is optional, is needed here, and is not installed."""

    __module__ = "nanobook"


class InvariantError(NanobookError, AssertionError):
    """A broken invariant: a bug in nanobook itself, please report it."""

    __module__ = "nanobook"


LEN_MAX = 100


def shown(value: object) -> str:
    """Return a value as a message shows it: its repr, cut where it is long."""
    try:
        text = repr(value)
    except Exception:
        # That of an integer of more than 4,300 digits fails, and maybe one of the caller's.
        name = type(value).__name__
        return f"a huge {name}" if isinstance(value, int) else f"a {name} whose repr fails"
    return text if len(text) <= LEN_MAX else f"{text[:LEN_MAX]}..."
