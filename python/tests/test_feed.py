"""Market data: readers, the venue's book and an exchange that follows it, on real files too."""

from __future__ import annotations

import collections
import copy
import gzip
import os
import pickle
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import nanobook
from nanobook import FeedKind, FeedMessage, ItchReader, LobsterBookReader, LobsterReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pl: Any = pytest.importorskip("polars")
pa: Any = pytest.importorskip("pyarrow")

DATA = os.environ.get("NANOBOOK_DATA")
real = pytest.mark.skipif(not DATA, reason="NANOBOOK_DATA names no folder")


def data(path: str) -> Path:
    return Path(DATA or "") / path


def itch(code: bytes, length: int, *fields: tuple[int, bytes]) -> bytes:
    """Return an ITCH message behind its length: of instrument 13, zero where nothing is said."""
    message = bytearray(length)
    message[:1] = code
    message[2] = 13
    for offset, field in fields:
        message[offset : offset + len(field)] = field
    return length.to_bytes(2, "big") + bytes(message)


def itch_add(reference: int, side: bytes = b"B", shares: int = 5, price: int = 100) -> bytes:
    return itch(
        b"A",
        36,
        (5, (1).to_bytes(6, "big")),
        (11, reference.to_bytes(8, "big")),
        (19, side),
        (20, shares.to_bytes(4, "big")),
        (32, price.to_bytes(4, "big")),
    )


def add(reference: int, price: int, quantity: int) -> FeedMessage:
    return FeedMessage("add", reference=reference, side="buy", price=price, quantity=quantity)


def pickled(one: object) -> object:
    return pickle.loads(pickle.dumps(one))


@pytest.fixture
def day(tmp_path: Path) -> Path:
    path = tmp_path / "day.itch"
    path.write_bytes(b"".join(itch_add(reference) for reference in range(1, 10_001)))
    return path


def rows(book: nanobook.BookSnapshot) -> list[str]:
    """Return the levels as the published book is written, which has cents."""
    sides = (("B", book.bids), ("S", book.asks))
    return [
        f"{side},{level.price // 10_000}.{level.price % 10_000 // 100:02},"
        f"{level.quantity},{level.order_count}"
        for side, levels in sides
        for level in levels
    ]


@real
def test_itch_leads_to_the_published_book() -> None:
    _, *expected = data("itch/AAPL_20200130_expected_book.csv").read_text("utf-8").splitlines()
    path = data("itch/AAPL_20200130_first10000.itch")
    book = nanobook.VenueBook()
    with ItchReader(path, symbols=["AAPL"]) as reader:
        assert book.apply_all(reader) == 10_000
        assert reader.symbol(13) == "AAPL"
        assert reader.symbol(14) is None
        assert reader.offset == path.stat().st_size
    assert rows(book.full_book()) == expected
    assert book.counts() == nanobook.FeedCounts(10_000, 0, 0)
    assert book.order_count() == 215
    book.check_invariants()

    # One message at a time gives the same, and so does an exchange.
    again = nanobook.VenueBook()
    exchange, driver = nanobook.Exchange(), nanobook.FeedDriver()
    for message in ItchReader(path):
        again.apply(message)
        driver.apply(exchange, message)
    assert again == book
    assert rows(exchange.full_book()) == expected
    assert len(exchange.trades()) == 849
    assert sum(trade.quantity for trade in exchange.trades()) == 56_086
    assert driver.counts() == (10_000, 0, 0)

    at_once = nanobook.Exchange()
    nanobook.FeedDriver().apply_all(at_once, ItchReader(path))
    assert at_once.state_digest() == exchange.state_digest()


@real
def test_a_table_of_itch_has_the_published_counts() -> None:
    reader = ItchReader(data("itch/AAPL_20200130_first10000.itch"))
    tables = [reader.read_table(3_000) for _ in range(5)]
    assert [len(table) for table in tables] == [3_000, 3_000, 3_000, 1_000, 0]
    frame = pl.concat([pl.DataFrame(table) for table in tables])
    counts = dict(frame["venue_code"].cast(str).value_counts().iter_rows())
    assert counts == {
        "A": 4_758,
        "F": 2,
        "D": 4_083,
        "E": 849,
        "X": 6,
        "U": 7,
        "P": 240,
        "L": 52,
        "R": 1,
        "H": 1,
        "Y": 1,
    }
    executed = frame.filter(pl.col("kind").cast(str) == "execute")["quantity"].sum()
    assert executed == 56_086
    assert frame["timestamp_ns"][0] == 11_234_909_934_345
    assert frame["timestamp_ns"][-1] == 28_770_516_505_496
    # An execution tells neither side nor price.
    assert frame["side"].null_count() == frame["price"].null_count() + 7


@real
@pytest.mark.parametrize(
    ("stock", "depth", "messages", "adopted"),
    [("AMZN", "1", 57_515, 13_953), ("AMZN", "5", 155_935, 33_840)],
)
def test_one_book_kept_all_day_equals_every_published_row(
    stock: str, depth: str, messages: int, adopted: int
) -> None:
    name = f"lobster/{stock}_2012-06-21_34200000_57600000_{{}}_{depth}.csv.gz"
    feed = LobsterReader(data(name.format("message")))
    books = LobsterBookReader(data(name.format("orderbook")))
    book = nanobook.VenueBook.from_snapshot(next(books))
    next(feed)
    found = 0
    for message, row in zip(feed, books, strict=True):
        book.apply(message)
        book.keep_levels(int(depth))
        shown = book.depth()
        for side, ours, theirs in (
            (nanobook.Side.BUY, shown.bids, row.bids),
            (nanobook.Side.SELL, shown.asks, row.asks),
        ):
            if len(ours) < len(theirs):
                book.set_level(side, theirs[-1].price, theirs[-1].quantity)
                found += 1
        if message.reference % 16 == 0:
            shown = book.depth()
            assert [(level.price, level.quantity) for level in shown.bids + shown.asks] == [
                (level.price, level.quantity) for level in row.bids + row.asks
            ]
    assert found == adopted
    assert book.counts().messages == messages - 1


def test_a_path_may_be_anything_that_names_a_file_compressed_or_not(day: Path) -> None:
    compressed = day.with_suffix(".gz")
    compressed.write_bytes(gzip.compress(day.read_bytes()))
    expected = list(ItchReader(day))
    assert len(expected) == 10_000
    for path in (str(day), os.fsencode(day), compressed):
        assert list(ItchReader(path)) == expected


def test_a_reader_is_closed_by_with_and_says_so(day: Path) -> None:
    reader = ItchReader(day)
    assert repr(reader) == f'<ItchReader "{day}" offset=0>'
    with reader as same:
        assert same is reader
        assert next(reader).reference == 1
        assert reader.offset == 38
    assert repr(reader) == f'<ItchReader "{day}" closed>'
    reader.close()
    for use in (
        lambda: next(reader),
        lambda: reader.offset,
        reader.read_table,
        lambda: nanobook.VenueBook().apply_all(reader),
    ):
        with pytest.raises(nanobook.ValidationError, match=r"the reader of .* is closed"):
            use()
    with pytest.raises(TypeError, match="pickle"):
        pickle.dumps(reader)


def test_what_is_malformed_raises_once_with_its_offset(tmp_path: Path) -> None:
    path = tmp_path / "bad.itch"
    path.write_bytes(itch_add(1) + itch_add(2) + itch_add(3, side=b"X"))
    message = f"{path}: byte 76: side 'X' (byte 88): must be 'B' or 'S'"

    reader = ItchReader(path)
    assert [next(reader).reference for _ in range(2)] == [1, 2]
    with pytest.raises(nanobook.FeedError) as caught:
        next(reader)
    assert str(caught.value) == message
    assert caught.value.offset == 76
    assert isinstance(caught.value, ValueError)
    assert list(reader) == []
    same = pickle.loads(pickle.dumps(caught.value))
    assert (str(same), same.offset) == (message, 76)

    # What came before is not lost.
    book, driver, exchange = nanobook.VenueBook(), nanobook.FeedDriver(), nanobook.Exchange()
    with pytest.raises(nanobook.FeedError):
        book.apply_all(ItchReader(path))
    with pytest.raises(nanobook.FeedError):
        driver.apply_all(exchange, ItchReader(path))
    assert book.order_count() == 2
    assert exchange.depth().bids[0].order_count == 2
    reader = ItchReader(path)
    assert len(reader.read_table()) == 2
    assert (reader.offset, reader.symbol(13)) == (114, None)
    with pytest.raises(nanobook.FeedError, match="byte 76"):
        reader.read_table()
    assert len(reader.read_table()) == 0


def test_lobster_lines_are_read_and_named(tmp_path: Path) -> None:
    path = tmp_path / "messages.csv"
    path.write_text("34200.5,1,7,100,2238100,-1\n34201,9,7,100,2238100,1\n", "utf-8")
    reader = LobsterReader(path)
    assert next(reader) == FeedMessage(
        "add", 34_200_500_000_000, 0, 7, 0, "sell", 2_238_100, 100, "1"
    )
    with pytest.raises(nanobook.FeedError, match=r"byte 27: line 2: type \"9\": must be 1 to 7"):
        next(reader)

    path.write_text("2239500,100,2231800,40,9999999999,0,2230700,5\n1,2\n", "utf-8")
    books = LobsterBookReader(path)
    book = next(books)
    assert book == nanobook.BookSnapshot(
        [nanobook.LevelSnapshot(2_231_800, 40, 0), nanobook.LevelSnapshot(2_230_700, 5, 0)],
        [nanobook.LevelSnapshot(2_239_500, 100, 0)],
        0,
    )
    assert pickle.loads(pickle.dumps(book)) == book
    with pytest.raises(nanobook.FeedError, match="line 2: 2 fields: the row before has 8"):
        next(books)


def test_a_file_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    for reader in (ItchReader, LobsterReader, LobsterBookReader):
        with pytest.raises(nanobook.MissingFileError) as caught:
            reader(tmp_path / "none")
        assert caught.value.filename == str(tmp_path / "none")
        with pytest.raises((nanobook.StorageError, nanobook.FeedError)):
            next(iter(reader(tmp_path)))


def test_symbols_are_an_iterable_of_names(day: Path) -> None:
    with pytest.raises(TypeError, match="symbols must be an iterable of symbols, got 'AAPL'"):
        ItchReader(day, "AAPL")
    with pytest.raises(nanobook.ValidationError, match="a symbol must be 1 to 24 bytes"):
        ItchReader(day, [""])
    with pytest.raises(nanobook.ValidationError, match="symbols has none: leave it out"):
        ItchReader(day, [])
    # No directory message tells of it.
    assert list(ItchReader(day, ["AAPL"])) == []


def test_messages_are_values() -> None:
    message = FeedMessage("replace", 5, 13, 7, 8, None, 9_950, 40, "U")
    assert eval(repr(message), {**vars(nanobook)}) == message
    assert pickle.loads(pickle.dumps(message)) == message
    assert copy.deepcopy(message) == message
    assert FeedMessage(**message.to_dict()) == message
    assert hash(FeedMessage(**message.to_dict())) == hash(message)
    assert message != FeedMessage("replace", 5, 13, 7, 8, None, 9_950, 41, "U")
    assert message.kind is FeedKind.REPLACE
    assert message.kind == "Replace"
    assert FeedMessage("add").to_dict() == {
        "kind": "add",
        "timestamp_ns": 0,
        "instrument": 0,
        "reference": 0,
        "new_reference": 0,
        "side": None,
        "price": None,
        "quantity": 0,
        "venue_code": "?",
    }
    for code in ("'", "\\", '"'):
        message = FeedMessage("other", venue_code=code)
        assert eval(repr(message), {**vars(nanobook)}) == message


def test_books_and_drivers_are_values_too() -> None:
    book, driver, exchange = nanobook.VenueBook(), nanobook.FeedDriver(), nanobook.Exchange()
    book.set_level("sell", 105, 40)
    driver.seed(exchange, book.depth())
    for reference in range(1, 10):
        message = add(reference, 90 + reference % 3, 10 * reference)
        book.apply(message)
        driver.apply(exchange, message)
    ways: list[Callable[[Any], Any]] = [copy.copy, copy.deepcopy, pickled]
    for same in ways:
        other_book, other_driver, other_exchange = same(book), same(driver), same(exchange)
        assert (other_book, other_driver) == (book, driver)
        execution = FeedMessage("execute", reference=3, quantity=5)
        other_book.apply(execution)
        other_driver.apply(other_exchange, execution)
        assert other_book != book
        assert other_driver != driver
        assert other_book.order(3) == (nanobook.Side.BUY, 90, 25)
        assert other_exchange.trades()[-1].quantity == 5
    assert repr(book) == "VenueBook(best_bid=92, best_ask=105, orders=9, messages=9)"
    assert repr(driver) == "FeedDriver(messages=9, unknown_references=0, contradictions=0)"
    assert driver.order_id(3) == 4
    assert driver.order_id(99) is None
    full = book.full_book()
    assert pickle.loads(pickle.dumps(full)) == full
    assert full.bids[0].orders == [(2, 20), (5, 50), (8, 80)]
    assert (full.asks[0].order_count, full.asks[0].orders) == (0, [])
    for one in (book, driver):
        with pytest.raises(TypeError, match="unhashable"):
            hash(one)


def test_an_order_of_ones_own_trades_by_its_place_in_the_queue() -> None:
    exchange, driver = nanobook.Exchange(), nanobook.FeedDriver()
    ahead = exchange.submit_limit("buy", 100, 50).order_id
    submitted = driver.apply(exchange, add(7, 100, 80))
    assert isinstance(submitted, nanobook.SubmitResult)
    behind = exchange.submit_limit("buy", 100, 50).order_id
    done = driver.apply(exchange, FeedMessage("execute", reference=7, quantity=60))
    assert isinstance(done, nanobook.SubmitResult)
    assert [trade.passive_order_id for trade in done.trades] == [ahead, submitted.order_id]
    replaced = driver.apply(
        exchange, FeedMessage("replace", reference=7, new_reference=8, price=99, quantity=20)
    )
    assert isinstance(replaced, nanobook.ModifyResult)
    # What the feed says was left of its 80.
    assert replaced.cancelled_quantity == 20
    reduced = driver.apply(exchange, FeedMessage("reduce", reference=8, quantity=5))
    assert isinstance(reduced, nanobook.CancelResult)
    assert driver.apply(exchange, FeedMessage("halt")) is None
    assert driver.apply(exchange, FeedMessage("delete", reference=99)) is None
    assert exchange.queue_position(behind) == (0, 0)
    assert driver.counts() == (6, 1, 0)


def test_a_handle_of_a_multi_exchange_is_driven_like_any_other() -> None:
    multi, driver = nanobook.MultiExchange(), nanobook.FeedDriver()
    driver.apply(multi.get_or_create("AAPL"), add(7, 100, 80))
    assert driver.apply_all(multi.get_or_create("AAPL"), [add(8, 101, 5), add(9, 102, 5)], 1) == 1
    assert multi.best_prices() == [("AAPL", 101, None)]


def test_a_feed_of_ones_own_is_applied_up_to_what_fails() -> None:
    class OwnError(Exception):
        pass

    def feed() -> Iterator[FeedMessage]:
        yield add(1, 100, 5)
        yield add(2, 101, 5)
        raise OwnError

    book, driver, exchange = nanobook.VenueBook(), nanobook.FeedDriver(), nanobook.Exchange()
    ways: list[tuple[Any, Callable[[Any], int]]] = [
        (book, book.apply_all),
        (driver, lambda messages: driver.apply_all(exchange, messages)),
    ]
    for follower, apply_all in ways:
        with pytest.raises(OwnError):
            apply_all(feed())
        assert follower.counts().messages == 2
        with pytest.raises(TypeError, match=r"feed\[1\] must be a FeedMessage, got 'x'"):
            apply_all([add(3, 100, 5), "x"])
        assert follower.counts().messages == 3


def test_a_generator_sees_what_its_messages_have_done() -> None:
    book = nanobook.VenueBook()

    def feed() -> Iterator[FeedMessage]:
        for reference in range(1, 4):
            assert book.order_count() == reference - 1
            yield add(reference, 100, 5)

    assert book.apply_all(feed()) == 3


def test_count_takes_no_more_than_it_says(day: Path) -> None:
    reader, book = ItchReader(day), nanobook.VenueBook()
    assert [book.apply_all(reader, count) for count in (0, 1, 4_999, 5_000, 5)] == [
        *(0, 1, 4_999, 5_000, 0)
    ]
    items = iter([add(1, 100, 5), add(2, 100, 5)])
    assert nanobook.VenueBook().apply_all(items, count=1) == 1
    assert len(list(items)) == 1


def test_one_reader_shared_by_threads_gives_each_message_once(day: Path) -> None:
    reader = ItchReader(day)
    found: collections.deque[int] = collections.deque()

    def work() -> None:
        found.extend(message.reference for message in reader)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(1, 10_001))


def test_books_and_readers_in_many_threads_do_not_deadlock(day: Path) -> None:
    exchange, driver, book = nanobook.Exchange(), nanobook.FeedDriver(), nanobook.VenueBook()
    reader = ItchReader(day)

    def work() -> None:
        for _ in range(50):
            driver.apply_all(exchange, reader, 50)
            book.apply_all(reader, 50)
            assert copy.copy(book).order_count() <= 10_000
            assert isinstance(book == nanobook.VenueBook(), bool)
            driver.apply(exchange, FeedMessage("other"))
            driver.seed(exchange, book.depth(1))

    threads = [threading.Thread(target=work, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    read = book.counts().messages + driver.counts().messages - 200
    assert read == 10_000


@pytest.mark.skipif(os.name != "posix", reason="needs a timer of POSIX")
def test_a_long_file_is_left_soon_after_an_interrupt(tmp_path: Path) -> None:
    path = tmp_path / "long.itch"
    # 3,000,000 messages, compressed: seconds of work.
    deleted = b"".join(itch(b"D", 19, (11, n.to_bytes(8, "big"))) for n in range(10_000))
    path.write_bytes(gzip.compress(deleted, 1) * 300)

    class Stop(Exception):
        pass

    def stop(signum: int, frame: object) -> None:
        raise Stop

    before = signal.signal(signal.SIGALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        start = time.perf_counter()
        with pytest.raises(Stop):
            nanobook.VenueBook().apply_all(ItchReader(path))
        assert time.perf_counter() - start < 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.skipif(os.name != "posix", reason="needs a timer of POSIX")
def test_a_symbol_that_never_comes_is_left_soon_after_an_interrupt(tmp_path: Path) -> None:
    path = tmp_path / "long.itch"
    deleted = itch(b"D", 19) * 10_000
    path.write_bytes(gzip.compress(deleted, 1) * 1_000)
    reader = ItchReader(path, ["AAPL"])

    class Stop(Exception):
        pass

    def stop(signum: int, frame: object) -> None:
        # The reader may be used in a handler, so its lock is let go before.
        assert reader.offset > 0
        raise Stop

    before = signal.signal(signal.SIGALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        start = time.perf_counter()
        with pytest.raises(Stop):
            next(reader, None)
        assert time.perf_counter() - start < 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_columns_of_messages_go_to_every_library(day: Path) -> None:
    reader = ItchReader(day)
    array = reader.read_table(2).to_numpy()
    assert array.dtype.names == (
        *("kind", "timestamp_ns", "instrument", "reference", "new_reference", "side", "price"),
        *("quantity", "venue_code"),
    )
    assert array["reference"].tolist() == [1, 2]
    assert array["kind"].tolist() == [FeedKind.ADD.code] * 2
    table = pa.table(reader.read_table(3))
    assert table["reference"].to_pylist() == [3, 4, 5]
    assert table["kind"].to_pylist() == ["add"] * 3
    assert table["venue_code"].to_pylist() == ["A"] * 3
    frame = pl.DataFrame(reader.read_table(1))
    assert frame.row(0) == ("add", 1, 13, 6, 0, "buy", 100, 5, "A")
    assert array["price"].tolist() == [100] * 2
