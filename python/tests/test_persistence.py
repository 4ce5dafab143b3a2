"""`to_bytes`, `save`, `load` and pickle: the same state comes back, damage is refused."""

from __future__ import annotations

import errno
import json
import os
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from nanobook import (
    Exchange,
    MissingFileError,
    MultiExchange,
    NanobookError,
    PersistenceError,
    Portfolio,
    StorageError,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def busy(*, event_log: bool = True) -> Exchange:
    """Return an exchange with orders of every kind, trades, and stops pending and fired."""
    exchange = Exchange(event_log=event_log)
    for price in range(95, 100):
        exchange.submit_limit("buy", price, 10)
        exchange.submit_limit("sell", price + 10, 10)
    exchange.submit_stop_market("sell", 99, 3)
    exchange.submit_stop_limit("buy", 120, 125, 4)
    exchange.submit_trailing_stop_market("sell", 50, 1, "atr", 1.5, 5)
    exchange.submit_trailing_stop_limit("buy", 150, 160, 1, "percentage", 0.1, "ioc")
    exchange.submit_market("sell", 12)
    exchange.cancel(1)
    exchange.modify(3, 104, 7)
    exchange.reduce(4, 2)
    return exchange


def test_bytes_hold_the_whole_state() -> None:
    for exchange in (busy(), busy(event_log=False)):
        data = exchange.to_bytes()
        for source in (data, bytearray(data), memoryview(data)):
            twin = Exchange.from_bytes(source)
            assert twin == exchange
            assert twin.state_digest() == exchange.state_digest()
            assert twin.events() == exchange.events()
            assert twin.to_bytes() == data
            twin.check_invariants()


def test_cleared_history_stays_cleared() -> None:
    exchange = busy()
    exchange.clear_order_history()
    exchange.clear_trades()
    exchange.clear_events()
    twin = Exchange.from_bytes(exchange.to_bytes())
    assert twin == exchange
    assert twin.trades() == []
    assert twin.submit_limit("buy", 1, 1) == exchange.submit_limit("buy", 1, 1)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle(protocol: int) -> None:
    for exchange in (busy(), busy(event_log=False)):
        twin = pickle.loads(pickle.dumps(exchange, protocol))
        assert twin == exchange
        assert twin.state_digest() == exchange.state_digest()


def test_a_fresh_process_gives_the_same_digest(tmp_path: Path) -> None:
    exchange = busy()
    exchange.save(tmp_path / "log.jsonl")
    (tmp_path / "state").write_bytes(exchange.to_bytes())
    (tmp_path / "pickle").write_bytes(pickle.dumps(exchange))
    script = (
        "import nanobook, pathlib, pickle\n"
        "print(nanobook.Exchange.load('log.jsonl').state_digest())\n"
        "print(nanobook.Exchange.from_bytes(pathlib.Path('state').read_bytes()).state_digest())\n"
        "print(pickle.loads(pathlib.Path('pickle').read_bytes()).state_digest())\n"
    )
    for seed in ("0", "1"):
        run = subprocess.run(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert run.stdout.split() == [exchange.state_digest()] * 3


def test_every_truncation_and_every_flipped_byte_is_refused() -> None:
    exchange = Exchange()
    exchange.submit_limit("buy", 100, 1)
    data = exchange.to_bytes()
    for end in range(len(data)):
        with pytest.raises(PersistenceError):
            Exchange.from_bytes(data[:end])
    for index in range(len(data)):
        damaged = bytearray(data)
        damaged[index] ^= 0x40
        with pytest.raises(PersistenceError):
            Exchange.from_bytes(damaged)
    with pytest.raises(PersistenceError):
        Exchange.from_bytes(data + b"\0")


def test_bytes_of_one_are_not_bytes_of_many() -> None:
    multi = MultiExchange()
    multi.submit_limit("AAPL", "buy", 1, 1)
    with pytest.raises(PersistenceError):
        Exchange.from_bytes(multi.to_bytes())
    with pytest.raises(PersistenceError):
        MultiExchange.from_bytes(multi.to_bytes("AAPL"))


def test_what_is_not_bytes_is_a_type_error() -> None:
    others: list[Any] = ["text", None, 3, [1, 2]]
    for data in others:
        with pytest.raises(TypeError, match="data must be a bytes-like object, got "):
            Exchange.from_bytes(data)


def test_save_and_load(tmp_path: Path) -> None:
    exchange = busy()
    path = tmp_path / "log.jsonl"
    exchange.save(path)
    assert Exchange.load(path) == exchange
    exchange.submit_limit("buy", 1, 1)
    exchange.save(str(path))
    loaded = Exchange.load(path=str(path))
    assert loaded == exchange
    assert loaded.state_digest() == exchange.state_digest()
    assert list(tmp_path.iterdir()) == [path]


def test_a_saved_log_is_json_lines(tmp_path: Path) -> None:
    exchange = busy()
    exchange.save(tmp_path / "log.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert len(lines) == len(exchange.events()) + 2
    assert [line["kind"] for line in lines[1:-1]] == [event.kind for event in exchange.events()]


def test_a_damaged_log_is_refused(tmp_path: Path) -> None:
    exchange = busy()
    path = tmp_path / "log.jsonl"
    exchange.save(path)
    lines = path.read_text().splitlines(keepends=True)

    def refused(changed: list[str], match: str = r"line \d+|checksum") -> None:
        path.write_text("".join(changed))
        with pytest.raises(PersistenceError, match=match):
            Exchange.load(path)

    refused([])
    for index in range(len(lines)):
        refused(lines[:index])
        refused(lines[:index] + lines[index + 1 :])
        refused([*lines[: index + 1], *lines[index:]])
    for index in range(1, len(lines) - 2):
        if lines[index] != lines[index + 1]:
            swapped = lines.copy()
            swapped[index : index + 2] = reversed(swapped[index : index + 2])
            refused(swapped)
    refused([*lines[:3], "{broken\n", *lines[4:]], match="line 4")
    refused([*lines, "{}\n"])


def test_an_incomplete_log_cannot_be_saved(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    cleared = busy()
    cleared.clear_events()
    for exchange in (cleared, busy(event_log=False)):
        with pytest.raises(PersistenceError, match="log"):
            exchange.save(path)
        assert not path.exists()


def test_a_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "nothing.jsonl"
    with pytest.raises(FileNotFoundError) as caught:
        Exchange.load(path)
    error = caught.value
    assert isinstance(error, MissingFileError)
    assert isinstance(error, StorageError)
    assert isinstance(error, NanobookError)
    assert (error.errno, error.filename) == (errno.ENOENT, str(path))
    assert str(error) == f"[Errno {errno.ENOENT}] {os.strerror(errno.ENOENT)}: {str(path)!r}"
    with pytest.raises(FileNotFoundError):
        Exchange().save(tmp_path / "no" / "such" / "folder")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        Exchange.load(tmp_path)
    assert caught.value.filename == str(tmp_path)
    assert not isinstance(caught.value, FileNotFoundError)


def test_what_is_no_path() -> None:
    others: list[Any] = [3, None, 1.5, [b"x"]]
    for path in others:
        for call in (Exchange().save, Exchange.load):
            with pytest.raises(TypeError, match=r"path must be a str, bytes or .*, got "):
                call(path)


def test_a_path_may_be_bytes(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path / "exchange.jsonl")
    multi = MultiExchange()
    multi.submit_limit("AAPL", "buy", 10, 1)
    multi.save("AAPL", path)
    assert Exchange.load(path) == multi.exchange("AAPL")
    Exchange().save(path)
    assert Exchange.load(path) == Exchange()


def test_a_storage_error_has_a_number_and_a_name(tmp_path: Path) -> None:
    saves: list[Callable[[str], None]] = [Exchange().save, Portfolio(1).save_json]
    for path, number in (
        (str(tmp_path), errno.EISDIR),
        (".", errno.EISDIR),
        ("", errno.ENOENT),
        (f"{tmp_path}/a\0b", errno.EINVAL),
    ):
        for save in saves:
            with pytest.raises(StorageError) as caught:
                save(path)
            assert (caught.value.errno, caught.value.filename) == (number, path)
            assert isinstance(caught.value, FileNotFoundError) == (number == errno.ENOENT)
        with pytest.raises(StorageError) as caught:
            Exchange.load(path)
        assert (type(caught.value.errno), caught.value.filename) == (int, path)
