"""What the typing files assert is true of the values, and they use the whole stub."""

from __future__ import annotations

import ast
import collections.abc
import importlib.util
import inspect
import types
import typing
from pathlib import Path
from typing import Any, Literal, Union, cast

import numpy as np
import public_api
import pytest
from public_api import World

import nanobook

FILES = sorted((Path(__file__).parent / "typed").glob("*.py"))
PACKAGE = Path(nanobook.__file__).parent


def conforms(value: object, kind: Any) -> bool:  # noqa: ANN401 - any type at all
    """Return whether a value is of a type, as far as it can be seen at run time."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return True
    if kind is None:
        return value is None
    if origin in {Union, types.UnionType}:
        return any(conforms(value, part) for part in parts)
    if origin is Literal:
        return any(value == part and type(value) is type(part) for part in parts)
    if typing.is_typeddict(kind):
        if not isinstance(value, dict):
            return False
        hints = typing.get_type_hints(kind)
        fields = cast("dict[str, object]", value)
        return fields.keys() == hints.keys() and all(
            conforms(fields[name], hint) for name, hint in hints.items()
        )
    if origin is np.ndarray:
        (scalar,) = typing.get_args(parts[1])
        dtype: Any = getattr(value, "dtype", None)
        return isinstance(value, np.ndarray) and issubclass(dtype.type, scalar)
    if origin is None:
        return isinstance(value, int | float if kind is float else kind) and (
            kind is bool or not isinstance(value, bool)
        )
    if not isinstance(value, origin):
        return False
    if origin is tuple:
        items = cast("tuple[object, ...]", value)
        return len(items) == len(parts) and all(map(conforms, items, parts))
    if origin is dict:
        pairs = cast("dict[object, object]", value).items()
        return all(conforms(key, parts[0]) and conforms(item, parts[1]) for key, item in pairs)
    assert origin in {list, collections.abc.Iterator}
    return all(conforms(item, parts[0]) for item in cast("list[object]", value))


def functions(path: Path) -> list[ast.FunctionDef]:
    tree = ast.parse(path.read_text("utf-8"))
    return [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("use_")
    ]


USES = [(path, function.name) for path in FILES for function in functions(path)]


def objects(world: World) -> dict[str, object]:
    """Return an object of each class that is a parameter in the typing files."""
    exchange = world.exchange
    samples = [
        *(exchange, world.multi, world.portfolio, world.cost_model, world.position, world.series),
        *(world.schedule, world.result, world.event, exchange.get_order(1), public_api.TRADE),
        *(public_api.BID, exchange.depth(), exchange.queue_position(1), exchange.cancel(99)),
        *(exchange.submit_limit("buy", 1, 1), exchange.modify(99, 1, 1)),
        *(exchange.submit_stop_market("buy", 20_000, 1), nanobook.Fill("AAPL", 1, 1, 0)),
        *(nanobook.Side.BUY, nanobook.TimeInForce.GTC),
        *(nanobook.OrderStatus.NEW, nanobook.StopStatus.PENDING),
        exchange.trades_table(),
        *(public_api.ADD, nanobook.FeedKind.ADD, world.venue_book, world.driver),
        *(world.of(name) for name in ("ItchReader", "LobsterReader", "LobsterBookReader")),
        world.driver.counts(),
        world.of("BatchResult"),
        *(world.of("Metrics"), world.of("BenchmarkMetrics"), world.of("Drawdown")),
    ]
    trailing = nanobook.Exchange()
    trailing.submit_trailing_stop_market("sell", 95, 5, "atr", 2.0, 3)
    stop: Any = trailing.get_stop_order(1)
    return {
        **{type(sample).__name__: sample for sample in samples},
        "Path": world.folder,
        "PortfolioSnapshot": world.portfolio.snapshot({}),
        "StopOrder": stop,
        "TrailMethod": stop["trail_method"],
    }


@pytest.mark.parametrize(("path", "name"), USES, ids=lambda part: getattr(part, "stem", part))
def test_values_have_the_types_that_are_asserted(
    path: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asserted: list[object] = []

    def assert_type(value: object, kind: object) -> object:
        asserted.append(kind)
        assert conforms(value, kind), f"{value!r} is no {kind}"
        return value

    monkeypatch.setattr(typing, "assert_type", assert_type)
    spec: Any = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    known = objects(World(tmp_path))
    function = getattr(module, name)
    function(*(known[part.annotation] for part in inspect.signature(function).parameters.values()))
    assert asserted or name == "use_multi_files"


def test_a_wrong_type_is_seen() -> None:
    assert not conforms(1, str)
    assert not conforms(True, int)
    assert not conforms([1, "a"], list[int])
    assert not conforms((1, 2), tuple[int])
    assert not conforms({"a": None}, dict[str, int])
    assert not conforms("gtc", Literal["ioc"])
    assert not conforms(1.5, int | None)
    assert not conforms(np.zeros(1), np.typing.NDArray[np.int64])
    assert not conforms({"orders_ahead": 1}, nanobook.TrailMethod)


def stub_classes() -> dict[str, ast.ClassDef]:
    """Return the public classes as their stubs and sources define them."""
    paths = [PACKAGE / "nanobook.pyi", PACKAGE / "_types.py", PACKAGE / "_enums.py"]
    nodes = [node for path in paths for node in ast.parse(path.read_text("utf-8")).body]
    return {
        node.name: node
        for node in nodes
        if isinstance(node, ast.ClassDef) and node.name in nanobook.__all__
    }


def members(node: ast.ClassDef) -> set[str]:
    """Return the public members of a class: methods, properties, fields and enum members."""
    names: set[str] = set()
    for part in node.body:
        if isinstance(part, ast.FunctionDef):
            names.add(part.name)
        elif isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
            names.add(part.target.id)
        elif isinstance(part, ast.Assign):
            names.update(name.id for name in part.targets if isinstance(name, ast.Name))
    return {name for name in names if not name.startswith("_")}


def used() -> set[tuple[str, str]]:
    """Return the pairs of class and member that the typing files use."""
    found: set[tuple[str, str]] = set()
    for function in (function for path in FILES for function in functions(path)):
        owners = {
            argument.arg: argument.annotation.id
            for argument in function.args.args
            if isinstance(argument.annotation, ast.Name)
        }
        for node in ast.walk(function):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                found.add((owners.get(node.value.id, node.value.id), node.attr))
            elif (
                isinstance(node, ast.Subscript)
                and isinstance(node.value, ast.Name)
                and isinstance(node.slice, ast.Constant)
            ):
                found.add((owners.get(node.value.id, ""), str(node.slice.value)))
    return found


def test_the_typing_files_use_every_member_of_the_stub() -> None:
    classes = stub_classes()
    wanted = {(name, member) for name, node in classes.items() for member in members(node)}
    assert len(wanted) > 250
    assert sorted(wanted - used()) == []


def test_the_typing_files_use_every_public_name() -> None:
    names: set[str] = set()
    for function in (function for path in FILES for function in functions(path)):
        for node in ast.walk(function):
            if isinstance(node, ast.Name):
                names.add(node.id)
            elif isinstance(node, ast.Attribute):
                names.add(node.attr)
    assert sorted(set(nanobook.__all__) - names) == []
