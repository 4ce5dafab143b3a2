"""Objects shared between threads: calls are serialised, nothing is lost, nothing deadlocks.

On an interpreter with the lock and on one without it.
"""

from __future__ import annotations

import copy
import faulthandler
import functools
import gc
import pickle
import random
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING

import pytest

import nanobook
from nanobook import (
    BacktestResult,
    BatchResult,
    CostModel,
    EqualWeight,
    Event,
    Exchange,
    MultiExchange,
    Portfolio,
    PriceSeries,
    Side,
    Table,
    TimeInForce,
    WeightSchedule,
    run_backtest,
    sweep_strategy,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

THREADS = 8
# Far more than a test needs on a busy machine.
LIMIT = 100


@pytest.fixture(autouse=True)
def switching_often() -> Iterator[None]:
    """Let the interpreter's lock change hands as often as it can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


@pytest.fixture(autouse=True)
def watchdog(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """End the tests with the stack of every thread where the interpreter itself hangs."""
    with capfd.disabled(), open(2, "w", closefd=False) as stderr:
        faulthandler.dump_traceback_later(2 * LIMIT, exit=True, file=stderr)
        yield
        faulthandler.cancel_dump_traceback_later()


def together(*calls: Callable[[], object]) -> None:
    """Run the calls at the same time, and fail where one raises or none returns."""
    barrier = threading.Barrier(len(calls))
    raised: list[BaseException] = []

    def run(call: Callable[[], object]) -> None:
        try:
            barrier.wait()
            call()
        except BaseException as error:
            raised.append(error)

    # A deadlocked thread must not keep the process from ending.
    threads = [threading.Thread(target=run, args=(call,), daemon=True) for call in calls]
    for thread in threads:
        thread.start()
    end = time.monotonic() + LIMIT
    for thread in threads:
        thread.join(max(0, end - time.monotonic()))
    if any(thread.is_alive() for thread in threads):
        with tempfile.TemporaryFile("w+") as stacks:
            faulthandler.dump_traceback(stacks)
            stacks.seek(0)
            pytest.fail(f"no end after {LIMIT} s:\n{stacks.read()}")
    if raised:
        raise raised[0]


def in_threads(call: Callable[[int], object], threads: int = THREADS) -> None:
    """Run a call in many threads at the same time, each with its own number."""
    together(*(lambda number=number: call(number) for number in range(threads)))


class Trader:
    """Sends commands of every kind, and counts what became of them."""

    def __init__(self, exchange: Exchange, seed: int) -> None:
        self.exchange = exchange
        self.random = random.Random(seed)
        self.ids: list[int] = []
        self.accepted = 0

    def trade(self, commands: int) -> None:
        for _ in range(commands):
            self.command()
            self.accepted += 1

    def command(self) -> None:
        exchange, draw = self.exchange, self.random
        side = draw.choice(list(Side))
        price = draw.randint(95, 105)
        quantity = draw.randint(1, 9)
        kind = draw.randrange(10)
        if kind < 3 or not self.ids:
            tif = draw.choice(list(TimeInForce))
            self.ids.append(exchange.submit_limit(side, price, quantity, tif).order_id)
        elif kind == 3:
            self.ids.append(exchange.submit_market(side, quantity).order_id)
        elif kind == 4:
            self.ids.append(exchange.submit_stop_market(side, price, quantity).order_id)
        elif kind == 5:
            stop = exchange.submit_trailing_stop_limit(side, price, price, quantity, "fixed", 2)
            self.ids.append(stop.order_id)
        elif kind == 6:
            exchange.cancel(draw.choice(self.ids))
        elif kind == 7:
            exchange.reduce(draw.choice(self.ids), 1)
        else:
            result = exchange.modify(draw.choice(self.ids), price, quantity)
            if result.new_order_id is not None:
                self.ids.append(result.new_order_id)


def look(exchange: Exchange) -> None:
    """Ask everything that answers fast."""
    book = exchange.full_book()
    assert sum(level.quantity for level in book.bids) == book.total_bid_quantity()
    bid, ask = exchange.best_bid_ask()
    assert bid is None or ask is None or bid < ask
    exchange.depth(3)
    exchange.last_trade_price()
    exchange.pending_stop_count()
    exchange.queue_position(1)
    exchange.get_order(1)
    exchange.get_stop_order(1)
    repr(exchange)


# An exchange.


def test_no_command_is_lost() -> None:
    exchange = Exchange()
    traders = [Trader(exchange, seed) for seed in range(THREADS)]
    in_threads(lambda number: traders[number].trade(700))

    exchange.check_invariants()
    ids = [order_id for trader in traders for order_id in trader.ids]
    assert len(set(ids)) == len(ids)
    events = exchange.events()
    assert len(events) == sum(trader.accepted for trader in traders) == 700 * THREADS
    again = Exchange.replay(events)
    assert again == exchange
    assert again.state_digest() == exchange.state_digest()


def test_each_id_is_given_once() -> None:
    exchange = Exchange()
    ids: list[list[int]] = [[] for _ in range(THREADS)]

    def trade(number: int) -> None:
        side = "buy" if number % 2 else "sell"
        for _ in range(1_000):
            ids[number].append(exchange.submit_limit(side, 100, 1).order_id)

    in_threads(trade)
    assert sorted(chain(*ids)) == list(range(1, 1_000 * THREADS + 1))
    assert sum(trade.quantity for trade in exchange.trades()) == 1_000 * THREADS // 2
    assert exchange.best_bid_ask() == (None, None)
    exchange.check_invariants()


def test_every_look_at_a_changing_exchange_is_of_one_moment(tmp_path: Path) -> None:
    exchange = Exchange()
    traders = [Trader(exchange, seed) for seed in range(2)]
    path = tmp_path / "events.jsonl"
    exchange.save(path)
    looks: list[Callable[[], object]] = [
        lambda: look(exchange),
        lambda: pickle.loads(pickle.dumps(exchange)).check_invariants(),
        lambda: copy.copy(exchange).check_invariants(),
        lambda: Exchange.replay(exchange.events()).check_invariants(),
        lambda: exchange.save(path),
        lambda: Exchange.load(path).check_invariants(),
    ]
    working = threading.Event()

    def run(number: int) -> None:
        if number < len(traders):
            while not working.is_set():
                traders[number].trade(5)
        else:
            for _ in range(15):
                looks[number - len(traders)]()
            if number == THREADS - 1:
                working.set()

    in_threads(run)
    assert len(exchange.events()) == sum(trader.accepted for trader in traders)
    exchange.save(path)
    assert Exchange.load(path) == exchange
    assert list(tmp_path.iterdir()) == [path]


def test_a_list_taken_from_an_exchange_does_not_change() -> None:
    exchange = Exchange()
    for price in range(1, 100):
        exchange.submit_limit("buy", price, 1)
    book, events = exchange.full_book(), exchange.events()

    def run(number: int) -> None:
        if number % 2:
            for _ in range(100):
                exchange.submit_limit("sell", 1, 1, "ioc")
                exchange.submit_limit("buy", 99, 1)
        else:
            for _ in range(10):
                assert [level.price for level in book.bids] == list(range(99, 0, -1))
                assert sum(1 for _ in events) == 99
                assert all(trade.quantity == 1 for trade in exchange.trades())
                assert sum(level.quantity for level in exchange.full_book().bids) <= 200

    in_threads(run)
    exchange.check_invariants()


def test_history_is_cleared_beside_commands() -> None:
    exchange = Exchange()
    traders = [Trader(exchange, seed) for seed in range(THREADS)]

    def run(number: int) -> None:
        for _ in range(100):
            traders[number].trade(3)
            if number == 0:
                exchange.clear_order_history()
                exchange.clear_trades()
                exchange.clear_events()
            look(exchange)

    in_threads(run)
    exchange.check_invariants()
    assert Exchange.from_bytes(exchange.to_bytes()) == exchange


def test_the_interpreter_is_free_during_replay() -> None:
    source = Exchange()
    for index in range(50_000):
        source.submit_limit("buy", 1 + index % 100, 1)
    events = source.events()
    digests: list[str] = []
    in_threads(lambda _: digests.append(Exchange.replay(events).state_digest()), 2)
    assert digests == [source.state_digest()] * 2


# Many exchanges.


def test_a_result_is_looked_at_for_the_first_time_by_many_threads() -> None:
    kind, side = ["submit_limit"] * 200, ["buy", "sell"] * 100
    commands = {"kind": kind, "side": side, "price": [100] * 200, "quantity": [1] * 200}
    for _ in range(20):
        result = Exchange().submit_batch(commands)
        rows: list[Table] = []
        trades: list[Table] = []

        def look(
            number: int,
            result: BatchResult = result,
            rows: list[Table] = rows,
            trades: list[Table] = trades,
        ) -> None:
            if number % 2:
                rows.append(result.to_table())
            trades.append(result.trades)
            rows.append(result.to_table())

        in_threads(look)
        assert set(rows) == {result.to_table()}
        assert set(trades) == {result.trades}
        assert (len(rows[0]), len(trades[0])) == (200, 100)


def test_no_command_is_lost_in_many_exchanges() -> None:
    multi = MultiExchange()
    symbols = ["A", "B", "C"]
    traders = [Trader(multi.get_or_create(symbols[n % 3]), n) for n in range(THREADS)]

    def run(number: int) -> None:
        for step in range(60):
            traders[number].trade(5)
            multi.submit_limit("D", "buy" if number % 2 else "sell", 100, 1)
            multi.get_or_create(f"S{step}")
            multi.best_prices()

    in_threads(run)
    multi.check_invariants()
    assert sorted(multi.symbols()) == sorted([*symbols, "D", *(f"S{n}" for n in range(60))])
    assert sum(len(multi.events(symbol)) for symbol in symbols) == 300 * THREADS
    assert len(multi.events("D")) == 60 * THREADS
    assert sum(trade.quantity for trade in multi.trades("D")) == 60 * THREADS // 2
    for symbol in [*symbols, "D"]:
        assert Exchange.replay(multi.events(symbol)) == multi[symbol]


def test_every_look_at_changing_exchanges_is_of_one_moment(tmp_path: Path) -> None:
    multi = MultiExchange()
    multi.submit_limit("A", "buy", 1, 1)
    path = tmp_path / "events.jsonl"

    def symbols_stay_in_order() -> None:
        before = list(multi)
        assert list(multi)[: len(before)] == before
        assert all(symbol in multi for symbol in multi)
        assert len(before) <= len(multi)

    looks: list[Callable[[], object]] = [
        lambda: pickle.loads(pickle.dumps(multi)).check_invariants(),
        lambda: copy.deepcopy(multi).check_invariants(),
        lambda: pickle.loads(pickle.dumps(multi["A"])).check_invariants(),
        lambda: multi.save("A", path),
        symbols_stay_in_order,
        multi.check_invariants,
    ]

    def run(number: int) -> None:
        if number < 2:
            for step in range(500):
                multi.submit_limit("A", "buy", 1 + step % 50, 1)
                if step % 5 == 0:
                    multi.submit_limit(f"{number}-{step}", "buy", 1, 1)
        else:
            for _ in range(15):
                looks[number - 2]()

    in_threads(run)
    assert Exchange.load(path).events()[0] == multi.events("A")[0]


# Two locks at once.


@functools.cache
def pairs() -> list[tuple[object, object]]:
    """Pairs of equal objects whose comparison takes two locks, or one twice."""
    # Comparing takes long, so that threads wait for both locks at the same time.
    own = Exchange()
    for number in range(2_000):
        own.submit_limit("buy", 1 + number % 100, 1)
    other = Exchange.from_bytes(own.to_bytes())
    multi = MultiExchange()
    for symbol in ("A", "B"):
        for number in range(2_000):
            multi.submit_limit(symbol, "buy", 1 + number % 100, 1)
    portfolio = Portfolio(1_000)
    for _ in range(2_000):
        portfolio.record_return({})
    return [
        (own, other),
        (own, own),
        (multi["A"], multi["B"]),
        (multi["A"], own),
        (multi["A"], MultiExchange.from_bytes(multi.to_bytes())["A"]),
        (multi, multi),
        (multi, MultiExchange.from_bytes(multi.to_bytes())),
        (portfolio, Portfolio.from_json(portfolio.to_json())),
    ]


@pytest.mark.parametrize("index", range(8))
def test_comparing_copying_and_pickling_both_ways_at_once(index: int) -> None:
    pair = pairs()[index]

    def run(number: int) -> None:
        left, right = pair if number % 2 else pair[::-1]
        for step in range(25):
            assert left == right
            if step == number:
                assert copy.copy(left) == pickle.loads(pickle.dumps(right))

    in_threads(run)


def test_comparing_beside_commands() -> None:
    multi = MultiExchange()
    pair = (Exchange(), multi.get_or_create("A"))

    def run(number: int) -> None:
        left, right = pair if number % 2 else pair[::-1]
        for _ in range(100):
            left.submit_limit("buy" if number < 4 else "sell", 100, 1)
            # Which of the two it is depends on the other threads.
            assert (left == right) in {True, False}

    in_threads(run)
    for exchange in pair:
        assert len(exchange.events()) == 100 * THREADS // 2
        exchange.check_invariants()


def test_two_portfolios_trade_in_two_sets_of_books() -> None:
    multis = [MultiExchange(), MultiExchange()]
    for multi in multis:
        multi.submit_limit("A", "buy", 99, 10**6)
        multi.submit_limit("A", "sell", 101, 10**6)
    portfolios = [Portfolio(10**9), Portfolio(10**9)]
    traded = [[0] * THREADS, [0] * THREADS]

    def run(number: int) -> None:
        for step in range(25):
            # Each pair of a portfolio and books, in every order.
            book = (step + number // 2) % 2
            fills = portfolios[number % 2].rebalance_lob(
                {"A": (step % 10) / 1_000}, exchanges=multis[book]
            )
            traded[book][number] += sum(abs(fill.quantity) for fill in fills)
            assert (portfolios[0] == portfolios[1]) in {True, False}
            assert (multis[0] == multis[1]) in {True, False}
            multis[1 - book].best_prices()
            portfolios[1 - number % 2].check_invariants()

    in_threads(run)
    for multi, quantities in zip(multis, traded, strict=True):
        assert sum(trade.quantity for trade in multi.trades("A")) == sum(quantities) > 0
        multi.check_invariants()
    for portfolio in portfolios:
        portfolio.check_invariants()


# A portfolio.


def test_no_fill_and_no_period_of_a_portfolio_is_lost(tmp_path: Path) -> None:
    portfolio = Portfolio(10**9, CostModel(commission_bps=10))
    costs = [0] * THREADS
    bought = [0] * THREADS
    path = tmp_path / "portfolio.json"

    def run(number: int) -> None:
        draw = random.Random(number)
        for _ in range(100):
            prices = {"A": draw.randint(90, 110), "B": draw.randint(40, 60)}
            for fill in portfolio.rebalance_simple({"A": draw.random() / 2, "B": 0.2}, prices):
                costs[number] += fill.cost
                bought[number] += fill.quantity if fill.symbol == "A" else 0
            portfolio.record_return(prices)

    in_threads(run)
    portfolio.check_invariants()
    assert len(portfolio.equity_curve()) == 1 + 100 * THREADS
    assert len(portfolio.returns()) == 100 * THREADS
    assert portfolio.costs == sum(costs) > 0
    assert portfolio.positions()["A"].quantity == sum(bought)
    portfolio.save_json(path)
    assert Portfolio.load_json(path).state_digest() == portfolio.state_digest()


def test_every_look_at_a_changing_portfolio_is_of_one_moment(tmp_path: Path) -> None:
    portfolio = Portfolio(10**9)
    path = tmp_path / "portfolio.json"
    portfolio.save_json(path)
    working = threading.Event()

    def ask() -> None:
        prices = {f"S{n}": 100 for n in range(20)}
        snapshot = portfolio.snapshot(prices)
        # Bought and valued at the same prices, so that nothing is ever won or lost.
        assert snapshot["equity"] == 10**9
        assert portfolio.total_equity(prices) == 10**9
        assert sum(weight for _, weight in portfolio.current_weights(prices)) < 1.01
        for symbol, position in portfolio.positions().items():
            assert position.symbol == symbol
        portfolio.position("S0")
        portfolio.compute_metrics()
        repr(portfolio)

    looks: list[Callable[[], object]] = [
        ask,
        lambda: pickle.loads(pickle.dumps(portfolio)).check_invariants(),
        lambda: copy.copy(portfolio).check_invariants(),
        lambda: copy.deepcopy(portfolio) == portfolio,
        lambda: portfolio.save_json(path),
        lambda: Portfolio.load_json(path).check_invariants(),
    ]

    def run(number: int) -> None:
        if number < 2:
            step = 0
            while not working.is_set():
                prices = {f"S{n}": 100 for n in range(20)}
                targets = {f"S{(step + n) % 20}": 0.1 for n in range(5)}
                portfolio.rebalance_simple(targets, prices)
                portfolio.record_return(prices)
                step += 1
        else:
            for _ in range(15):
                looks[number - 2]()
            if number == THREADS - 1:
                working.set()

    in_threads(run)
    portfolio.check_invariants()
    assert list(tmp_path.iterdir()) == [path]


# Prices.


def prices(bars: int, symbols: int = 3) -> list[dict[str, int]]:
    draw = random.Random(bars)
    return [{f"S{n}": draw.randint(90, 110) for n in range(symbols)} for _ in range(bars)]


def test_a_series_is_used_for_the_first_time_by_many_threads() -> None:
    rows = prices(50)
    for _ in range(20):
        series = PriceSeries(rows)
        seen: list[list[dict[str, int]]] = []
        in_threads(lambda _, series=series, seen=seen: seen.append(list(series)))
        assert seen == [rows] * THREADS


def test_threads_that_share_an_iterator_get_each_bar_once() -> None:
    rows = [{"A": price} for price in range(1, 4_001)]
    for bars in (iter(PriceSeries(rows)), reversed(PriceSeries(rows))):
        given: list[list[int]] = [[] for _ in range(THREADS)]

        def take(
            number: int,
            bars: Iterator[dict[str, int]] = bars,
            given: list[list[int]] = given,
        ) -> None:
            given[number].extend(bar["A"] for bar in bars)

        in_threads(take)
        assert sorted(chain(*given)) == list(range(1, 4_001))
        assert next(bars, None) is None


def test_runs_slices_and_pickles_of_one_series_at_once() -> None:
    rows = prices(60)
    series = PriceSeries(rows)
    digest = run_backtest(EqualWeight(), series, 10**9).digest
    half = run_backtest(EqualWeight(), series[30:], 10**9).digest

    def hold(_bar: int, bar: dict[str, int], _portfolio: Portfolio) -> dict[str, float]:
        return dict.fromkeys(bar, 1 / len(bar))

    def run(_number: int) -> None:
        for _ in range(5):
            assert run_backtest(EqualWeight(), series, 10**9).digest == digest
            assert run_backtest(hold, series, 10**9).digest == digest
            assert run_backtest(EqualWeight(), series[30:], 10**9).digest == half
            again = pickle.loads(pickle.dumps(series))
            assert again == series
            assert hash(again) == hash(series)
            assert series[7] == rows[7]
            assert series[10:20][5] == rows[15]
            assert copy.copy(series) is series
            assert "S1" in series

    in_threads(run)


def test_arrays_of_one_series_and_one_result_at_once() -> None:
    numpy = pytest.importorskip("numpy")
    rows = prices(60)
    series = PriceSeries(rows)
    expected = [list(row.values()) for row in rows]
    for _ in range(10):
        result = run_backtest(EqualWeight(), series, 10**9)
        arrays: list[tuple[object, ...]] = []

        def run(
            _number: int,
            result: BacktestResult = result,
            arrays: list[tuple[object, ...]] = arrays,
        ) -> None:
            assert series.to_numpy("int64").tolist() == expected
            assert PriceSeries(series.to_numpy("int64"), series.symbols) == series
            arrays.append((result.trades, result.returns, result.weights, result.equity_curve))
            schedule = WeightSchedule(numpy.full((60, 3), 0.25))
            assert pickle.loads(pickle.dumps(schedule)).weights.sum() == 45

        in_threads(run)
        # Each array is made once, whoever asks first.
        for array in zip(*arrays, strict=True):
            assert all(one is array[0] for one in array)


# Strategies.


def mostly(_bar: int, bar: dict[str, int], portfolio: Portfolio) -> dict[str, float]:
    """Hold more of what is cheap; depends on the portfolio so that a wrong view shows."""
    share = 0.5 if portfolio.cash % 2 else 0.6
    return {symbol: share * price / sum(bar.values()) for symbol, price in bar.items()}


def test_a_view_is_used_by_other_threads_while_the_run_goes_on() -> None:
    series = PriceSeries(prices(150))
    alone = run_backtest(mostly, series, 10**9)
    views: list[Portfolio] = []
    started, done = threading.Event(), threading.Event()
    results: list[BacktestResult] = []
    seen = [0] * THREADS

    def strategy(bar: int, prices: dict[str, int], view: Portfolio) -> dict[str, float]:
        views.append(view)
        started.set()
        if bar % 10 == 0:
            # Others look while the view shows something.
            time.sleep(0.001)
        return mostly(bar, prices, view)

    def use(view: Portfolio) -> None:
        view.check_invariants()
        assert view.total_equity({}) > 0
        own = copy.copy(view)
        own.check_invariants()
        own.record_return({})
        assert len(own.equity_curve()) > 1
        pickle.loads(pickle.dumps(view)).check_invariants()
        view.positions()
        assert view == view

    def run(number: int) -> None:
        if number == 0:
            try:
                results.append(run_backtest(strategy, series, 10**9))
            finally:
                started.set()
                done.set()
            return
        started.wait()
        while not done.is_set():
            # Between two calls of the strategy the view has nothing to show, and says so.
            with suppress(ValueError):
                use(views[0])
                seen[number] += 1
            with pytest.raises(nanobook.NanobookError, match="read-only"):
                views[0].record_return({})

    in_threads(run)
    assert results[0] == alone
    assert sum(seen) > 0
    assert all(view is views[0] for view in views)
    assert views[0] == alone.portfolio


def test_a_strategy_starts_threads_that_use_its_view() -> None:
    series = PriceSeries(prices(30))
    alone = run_backtest(mostly, series, 10**9)

    def strategy(bar: int, prices: dict[str, int], view: Portfolio) -> dict[str, float]:
        answers: list[dict[str, float]] = []
        in_threads(lambda _: answers.append(mostly(bar, prices, view)), 4)
        assert all(answer == answers[0] for answer in answers)
        return answers[0]

    assert run_backtest(strategy, series, 10**9) == alone


def test_one_strategy_is_run_by_many_threads_and_runs_runs_of_its_own() -> None:
    series = PriceSeries(prices(20))
    alone = run_backtest(mostly, series, 10**9)
    inner = run_backtest(EqualWeight(), series, 1_000)

    def strategy(bar: int, prices: dict[str, int], view: Portfolio) -> dict[str, float]:
        assert run_backtest(EqualWeight(), series, 1_000) == inner
        if bar == 3:
            assert run_backtest(mostly, series, 10**9) == alone
            assert sweep_strategy(lambda _: EqualWeight(), range(3), series, 1_000) == [inner] * 3
        return mostly(bar, prices, view)

    results: list[BacktestResult] = []
    in_threads(lambda _: results.append(run_backtest(strategy, series, 10**9)))
    assert results == [alone] * THREADS


def test_sweeps_in_many_threads_at_once() -> None:
    series = PriceSeries(prices(20))
    expected = [run_backtest(mostly, series, 10**9)] * 3
    built_in = [run_backtest(EqualWeight(), series, 10**9)] * 5

    def run(number: int) -> None:
        if number % 2:
            assert sweep_strategy(lambda _: EqualWeight(), range(5), series, 10**9) == built_in
        else:
            with ThreadPoolExecutor(2) as pool:
                found = sweep_strategy(lambda _: mostly, range(3), series, 10**9, executor=pool)
            assert found == expected

    in_threads(run)


# The caller's own locks and code.


def test_a_callback_waits_for_a_lock_whose_holder_uses_the_same_objects() -> None:
    series = PriceSeries(prices(20))
    exchange, multi, portfolio = Exchange(), MultiExchange(), Portfolio(10**9)
    multi.submit_limit("A", "buy", 100, 10)
    callers = threading.Lock()

    def use() -> None:
        with callers:
            exchange.submit_limit("buy", 100, 1)
            multi.submit_limit("A", "buy", 100, 1)
            portfolio.record_return({})
            assert exchange == copy.copy(exchange)
            multi.state_digest()

    def strategy(bar: int, prices: dict[str, int], view: Portfolio) -> dict[str, float]:
        use()
        return mostly(bar, prices, view)

    def run(number: int) -> None:
        if number < 4:
            run_backtest(strategy, series, 10**9)
        else:
            for _ in range(20):
                use()

    in_threads(run)
    assert len(exchange.events()) == 20 * THREADS
    assert len(portfolio.equity_curve()) == 1 + 20 * THREADS


def test_an_argument_that_is_code_uses_the_object_it_is_given_to() -> None:
    """What reads an argument runs before the lock is taken."""
    exchange, multi, portfolio = Exchange(), MultiExchange(), Portfolio(10**9)
    callers = threading.Lock()

    class Price:
        def __index__(self) -> int:
            with callers:
                exchange.submit_limit("buy", 1, 1)
                multi.submit_limit("A", "buy", 1, 1)
                portfolio.record_return({})
            return 2

    def run(number: int) -> None:
        for _ in range(20):
            if number % 2:
                exchange.submit_limit("buy", Price(), 1)
                multi.submit_limit("A", "buy", Price(), 1)
                # No integer to a type checker: its `__index__` runs code inside the call.
                portfolio.total_equity({"A": Price()})  # pyright: ignore[reportArgumentType]
            else:
                with callers:
                    exchange.full_book()
                    multi.full_book("A") if "A" in multi else None
                    portfolio.rebalance_simple({}, {})

    in_threads(run)
    half = THREADS // 2
    assert len(exchange.events()) == half * 20 * 4
    assert len(multi.events("A")) == half * 20 * 4
    assert len(portfolio.equity_curve()) == 1 + half * 20 * 3


def test_the_collector_may_call_the_exchange() -> None:
    """Making Python objects can run finalizers, which may use the exchange that makes them."""
    exchange = Exchange()
    for price in range(1, 400):
        exchange.submit_limit("buy", price, 1)
        exchange.submit_limit("sell", price, 1)
    calls: list[int] = []

    class Cycle:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            calls.append(len(exchange.depth(1).bids))

    def use(_number: int) -> None:
        for _ in range(20):
            Cycle()
            exchange.trades()
            exchange.events()
            exchange.full_book()
            exchange.submit_limit("buy", 10**6, 1)

    thresholds = gc.get_threshold()
    gc.set_threshold(1)
    try:
        in_threads(use, 4)
    finally:
        gc.set_threshold(*thresholds)
    gc.collect()
    assert len(calls) == 80


# Values that never change.


def test_results_and_events_are_read_by_many_threads() -> None:
    exchange = Exchange()
    exchange.submit_limit("sell", 100, 5)
    result = exchange.submit_limit("buy", 100, 3)
    events, book, order = exchange.events(), exchange.full_book(), exchange.get_order(1)
    values = [result, *result.trades, *events, book, *book.asks, order]

    def run(_number: int) -> None:
        for _ in range(50):
            for value in values:
                assert pickle.loads(pickle.dumps(value)) == value
                assert copy.copy(value) == value
                repr(value)
            assert [Event.from_json(event.to_json()) for event in events] == events

    in_threads(run)


@pytest.mark.skipif(
    not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="needs a free-threaded interpreter"
)
def test_importing_leaves_the_interpreter_free() -> None:
    code = "import sys, nanobook; sys.exit(sys._is_gil_enabled())"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
