"""What holds for every public name."""

from __future__ import annotations

import copy
import importlib.metadata
import inspect
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import nanobook
from nanobook import Exchange, MultiExchange

NAMES = [name for name in nanobook.__all__ if not name.startswith("__")]
PUBLIC: dict[str, Any] = {name: getattr(nanobook, name) for name in NAMES}
CLASSES = [name for name in NAMES if isinstance(PUBLIC[name], type)]
FUNCTIONS = [name for name in NAMES if name not in CLASSES]
ERRORS: list[Any] = [PUBLIC[name] for name in CLASSES if issubclass(PUBLIC[name], BaseException)]


def test_the_version_is_the_packages() -> None:
    assert nanobook.__version__ == importlib.metadata.version("nanobook")


def test_everything_is_at_the_top() -> None:
    public = {name for name in vars(nanobook) if not name.startswith("_")}
    modules = {name for name in public if inspect.ismodule(getattr(nanobook, name))}
    assert public - modules <= set(nanobook.__all__)
    assert list(nanobook.__all__) == sorted(set(nanobook.__all__))


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_belongs_to_the_package(name: str) -> None:
    cls = PUBLIC[name]
    assert cls.__module__ == "nanobook"
    assert cls.__qualname__ == cls.__name__ == name
    assert cls.__doc__
    assert pickle.loads(pickle.dumps(cls)) is cls


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_documented(name: str) -> None:
    function = PUBLIC[name]
    assert callable(function)
    assert inspect.getdoc(function)
    assert inspect.signature(function)


@pytest.mark.parametrize("name", CLASSES)
def test_public_members_are_documented(name: str) -> None:
    cls = PUBLIC[name]
    for member in dir(cls):
        value: Any = inspect.getattr_static(cls, member)
        if not member.startswith("_") and (callable(value) or isinstance(value, property)):
            assert inspect.getdoc(value), f"{name}.{member}"


def test_the_package_is_typed() -> None:
    package = Path(nanobook.__file__).parent
    assert (package / "py.typed").is_file()
    assert (package / "nanobook.pyi").is_file()


def test_importing_needs_no_other_package() -> None:
    script = (
        "import sys; import nanobook\n"
        "nanobook.Exchange().submit_limit('buy', 1, 1)\n"
        "known = set(sys.stdlib_module_names) | {'nanobook'}\n"
        "print({name.split('.')[0] for name in sys.modules if not name.startswith('_')} - known)\n"
    )
    run = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"sys_path = {sys.path!r}\nimport sys; sys.path[:] = sys_path\n" + script,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() in {"set()", "{'sitecustomize'}"}


def built_in(error: type[BaseException]) -> set[type[BaseException]]:
    return {base for base in error.__mro__ if base.__module__ == "builtins"}


def test_every_error_derives_from_the_built_in_that_fits() -> None:
    assert {error.__name__: error for error in ERRORS}.keys() == {
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
    }
    assert all(issubclass(error, nanobook.NanobookError) for error in ERRORS)
    assert ValueError in built_in(nanobook.ValidationError)
    assert {ValueError, OverflowError} <= built_in(nanobook.OutOfRangeError)
    assert KeyError in built_in(nanobook.UnknownSymbolError)
    assert ValueError in built_in(nanobook.PersistenceError)
    assert OSError in built_in(nanobook.StorageError)
    assert FileNotFoundError in built_in(nanobook.MissingFileError)
    assert ImportError in built_in(nanobook.MissingPackageError)
    assert TypeError in built_in(nanobook.ReadOnlyError)
    assert AssertionError in built_in(nanobook.InvariantError)


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_errors_survive_pickle(error: type[BaseException], protocol: int) -> None:
    arguments: tuple[Any, ...] = ("a sentence",)
    if issubclass(error, OSError):
        arguments = (2, "a sentence", "a file")
    value = error(*arguments)
    twin = pickle.loads(pickle.dumps(value, protocol))
    assert type(twin) is error
    assert twin.args == value.args
    assert str(twin) == str(value)


def test_an_unknown_symbol_reads_like_a_sentence() -> None:
    with pytest.raises(KeyError) as caught:
        MultiExchange().best_bid("AAPL")
    assert str(caught.value) == "no exchange has the symbol 'AAPL'"


def test_mutable_objects_have_no_hash() -> None:
    objects: list[Any] = [Exchange(), MultiExchange()]
    for value in objects:
        with pytest.raises(TypeError, match="unhashable"):
            hash(value)
        assert value != 1
        assert value == value
        assert (value != copy.copy(value)) is False


def test_an_exchange_compares_by_value_and_copies_share_nothing() -> None:
    exchange = Exchange()
    exchange.submit_limit("buy", 100, 1)
    for other in (copy.copy(exchange), copy.deepcopy(exchange), copy.deepcopy([exchange])[0]):
        assert other == exchange
        other.submit_limit("buy", 100, 1)
        assert other != exchange
        assert len(exchange.events()) == 1
    assert exchange != MultiExchange()
    assert Exchange() == Exchange()
    assert Exchange() != Exchange(event_log=False)


def test_an_exchange_has_a_short_repr() -> None:
    exchange = Exchange()
    assert repr(exchange) == "Exchange(best_bid=None, best_ask=None, trades=0, pending_stops=0)"
    exchange.submit_limit("buy", 100, 2)
    exchange.submit_limit("sell", 100, 1)
    exchange.submit_limit("sell", 105, 1)
    exchange.submit_stop_market("buy", 110, 1)
    assert repr(exchange) == "Exchange(best_bid=100, best_ask=105, trades=1, pending_stops=1)"


def test_an_exchange_is_a_context_manager() -> None:
    with Exchange() as exchange:
        exchange.submit_limit("buy", 100, 2)
    assert exchange.best_bid() == 100
    with pytest.raises(ZeroDivisionError), Exchange():
        _ = 1 // 0


def test_a_digest_is_16_hexadecimal_digits() -> None:
    digest = Exchange().state_digest()
    assert len(digest) == 16
    assert set(digest) <= set("0123456789abcdef")


def test_signatures_are_those_of_the_documentation() -> None:
    documented = {
        "submit_limit": "(self, side, price, quantity, tif='gtc')",
        "submit_market": "(self, side, quantity)",
        "cancel": "(self, order_id)",
        "modify": "(self, order_id, new_price, new_quantity)",
        "reduce": "(self, order_id, quantity)",
        "queue_position": "(self, order_id)",
        "submit_stop_market": "(self, side, stop_price, quantity)",
        "submit_stop_limit": "(self, side, stop_price, limit_price, quantity, tif='gtc')",
        "submit_trailing_stop_market": "(self, side, initial_stop_price, quantity, trail_type, "
        "trail_value, atr_period=None)",
        "submit_trailing_stop_limit": "(self, side, initial_stop_price, limit_price, quantity, "
        "trail_type, trail_value, tif='gtc', atr_period=None)",
    }
    for name, signature in documented.items():
        assert str(inspect.signature(getattr(Exchange, name))).replace(", /", "") == signature
    assert str(inspect.signature(Exchange)) == "(event_log=True)"
