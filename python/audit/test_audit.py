"""The audit finds what it is there to find, in crates and packages that are small enough to see."""

from __future__ import annotations

import importlib
import sys
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from python_api import Package, used
from run_audit import Allowlist, Audit
from rust_api import Crate, UnreadableError

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), "utf-8")


def rust(folder: Path, **files: str) -> list[str]:
    """Return the public names of a crate, `a__b="..."` being its file `a/b.rs`."""
    write(folder / "src", {f"{name.replace('__', '/')}.rs": text for name, text in files.items()})
    return [item.name for item in Crate(folder / "src" / "lib.rs").public()]


def test_only_what_lib_exports_is_public(tmp_path: Path) -> None:
    names = rust(
        tmp_path,
        lib="""
            mod inner;
            mod glob;
            pub mod open;
            pub use inner::{Kept, nested::deep as renamed};
            pub use crate::glob::*;
            fn private() {}
            pub(crate) fn of_the_crate() {}
            pub const LIMIT: u32 = 1;
        """,
        inner__mod="""
            pub mod nested;
            pub struct Kept;
            pub struct Hidden;
        """,
        inner__nested="pub fn deep() {}",
        glob="pub type Alias = u64; fn private() {}",
        open="pub use super::inner::Kept as Again;",
    )
    assert names == ["Alias", "Kept", "LIMIT", "open::Again", "renamed"]


def test_a_function_is_exported_from_a_private_module_of_its_name(tmp_path: Path) -> None:
    names = rust(
        tmp_path,
        lib="mod outer; pub use outer::sweep;",
        outer__mod="mod sweep; pub use sweep::sweep;",
        outer__sweep="pub fn sweep() {} pub fn other() {}",
    )
    assert names == ["sweep"]


def test_what_a_type_holds(tmp_path: Path) -> None:
    names = rust(
        tmp_path,
        lib="""
            mod elsewhere;
            pub struct Plain { pub open: u64, closed: u64, pub(crate) ours: u64 }
            pub struct Tuple(u64, /* why */ pub u64);
            pub enum Choice { Unit, Pair(u64, u64), Named { field: u64 } }
            pub trait Trait { type Item; const SIZE: u64; fn required(&self); fn given(&self) {} }
            impl<'a, T> Generic<'a, T> { pub const MAX: u64 = 1; pub const fn get(&self) {} }
            pub struct Generic<'a, T>(&'a T);
            impl Plain { fn private(&self) {} }
            impl Clone for Plain { fn clone(&self) -> Self { *self } }
        """,
        elsewhere="use crate::Plain as P; impl P { pub fn far(&self) {} pub(crate) fn near() {} }",
    )
    assert names == sorted(
        [
            *("Plain", "Plain::open", "Plain::far", "Tuple", "Tuple::1"),
            *("Choice", "Choice::Unit", "Choice::Pair", "Choice::Pair::0", "Choice::Pair::1"),
            *("Choice::Named", "Choice::Named::field"),
            *("Trait", "Trait::Item", "Trait::SIZE", "Trait::required", "Trait::given"),
            *("Generic", "Generic::MAX", "Generic::get"),
        ]
    )


def test_an_impl_is_of_the_type_in_its_scope(tmp_path: Path) -> None:
    names = rust(
        tmp_path,
        lib="mod a; mod b; pub use a::Same;",
        a="pub struct Same;",
        b="struct Same; impl Same { pub fn of_the_other(&self) {} }",
    )
    assert names == ["Same"]


def test_features_count_and_tests_do_not(tmp_path: Path) -> None:
    names = rust(
        tmp_path,
        lib="""
            #[cfg(feature = "extra")]
            pub fn extra() {}
            #[cfg(test)]
            // A comment between.
            pub fn helper() {}
            pub fn plain() {}
            #[macro_export]
            macro_rules! exported { () => {} }
            macro_rules! private { () => {} }
        """,
    )
    assert names == ["exported", "extra", "plain"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pub fn f() {}\nmake_functions! { a b }", r"^src/lib.rs:2: cannot tell what"),
        ("pub struct S;\nimpl S { methods!(); }", r"^src/lib.rs:2: cannot tell what a macro"),
        ("pub use other::Thing;", r"^src/lib.rs: cannot find other::Thing$"),
        ("pub fn f( {", r"^src/lib.rs: the parser does not understand"),
    ],
)
def test_what_it_cannot_read_it_does_not_pass_over(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UnreadableError, match=said):
        rust(tmp_path, lib=text)


LIB = """
    pub struct Book { pub depth: u64 }
    impl Book {
        pub fn try_new(depth: u64) -> Self { Self { depth } }
        pub fn try_submit(&self) {}
        pub fn len(&self) -> usize { 0 }
    }
    pub enum Side { Buy, StrongSell }
    pub enum Fill { Close, NextBar }
    pub fn run(settings: Settings) {}
    pub struct Settings { pub cash: i64 }
"""
PACKAGE = {
    "toy/__init__.py": """
        from toy.core import Book, Side, __version__, run
        __all__ = ["Book", "Side", "__version__", "run"]
    """,
    "toy/core.py": '''
        from enum import Enum
        from typing import Literal, TypeAlias

        __version__ = "1"
        """The version."""
        _Fill: TypeAlias = Literal["close", "next_bar"]

        class Book:
            """A book."""
            def __init__(self, depth: int) -> None:
                self._depth = depth
            @property
            def depth(self) -> int:
                """How deep."""
                return self._depth
            def submit(self) -> None:
                """Submit."""
            def __len__(self) -> int:
                return 0

        class Side(Enum):
            """A side."""
            BUY = 1
            """Bids."""
            STRONG_SELL = 2
            """Asks."""

        def run(cash: int, fill: _Fill | None = None) -> None:
            """Run."""
    ''',
}
TESTS = """
    from toy import Book, Side, __version__, run

    def test() -> None:
        book = Book(1)
        assert book.depth == 1
        book.submit()
        assert [Side.BUY, Side.STRONG_SELL]
        assert __version__
        run(1)
"""
USES = {
    *("Book", "Book.depth", "Book.submit", "Side", "Side.BUY", "Side.STRONG_SELL"),
    *("__version__", "run"),
}
ELSEWHERE = {"Fill": "run(fill)", "Settings": "run"}


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a crate and a package, which match until a test changes them."""
    write(tmp_path, {"src/lib.rs": LIB, **PACKAGE})
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    for name in ("toy", "toy.core"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")


def errors(
    toy: Path,
    *,
    uses: set[str] = USES,
    elsewhere: dict[str, str] = ELSEWHERE,
    without: set[str] | None = None,
) -> list[str]:
    package = Package(importlib.import_module("toy"), toy / "toy")
    crate = Crate(toy / "src" / "lib.rs").public()
    audit = Audit(crate, package, uses, Allowlist(elsewhere, without or set()))
    assert ("coverage: 100 %" in audit.report()) == (not audit.faults)
    return audit.errors


def test_what_matches_passes(toy: Path) -> None:
    assert errors(toy) == []


@pytest.mark.parametrize(
    ("old", "new", "missing"),
    [
        ("pub fn run", "pub fn walk() {}\n pub fn run", "walk"),
        ("pub fn try_submit", "pub fn cancel(&self) {}\n pub fn try_submit", "Book::cancel"),
        ("pub fn try_submit", "pub const MAX: u64 = 1;\n pub fn try_submit", "Book::MAX"),
        ("pub depth: u64", "pub depth: u64, pub width: u64", "Book::width"),
        ("Buy,", "Buy, Hold,", "Side::Hold"),
        ("Close,", "Close, Open,", "Fill::Open"),
        ("pub cash: i64", "pub cash: i64, pub fee: i64", "Settings::fee"),
        ("pub struct Settings", "pub struct Tape;\n pub struct Settings", "Tape"),
    ],
)
def test_a_rust_name_that_python_lacks(toy: Path, old: str, new: str, missing: str) -> None:
    edit(toy / "src" / "lib.rs", old, new)
    (error,) = errors(toy)
    assert error.startswith(f"{missing}: no counterpart in Python (")
    assert "lib.rs:" in error


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"""Submit."""', "...", ["Book.submit: no docstring in the stub"]),
        ('"""Bids."""', "", ["Side.BUY: no docstring in the stub"]),
        ('"""The version."""', "", ["__version__: no docstring in the stub"]),
        (
            "def run(",
            'def walk() -> None:\n    """Walk."""\n\ndef run(',
            ["walk: no test that uses it"],
        ),
        (
            "def __len__",
            'def width(self) -> int:\n        """Width."""\n        return 1\n    def __len__',
            ["Book.width: no test that uses it"],
        ),
    ],
)
def test_a_python_name_that_lacks_words_or_a_test(
    toy: Path, old: str, new: str, expected: list[str]
) -> None:
    edit(toy / "toy" / "core.py", old, new)
    if "walk" in new:
        init = toy / "toy" / "__init__.py"
        init.write_text(init.read_text("utf-8").replace("run", "run, walk", 1), "utf-8")
        edit(init, '"run"', '"run", "walk"')
    found = errors(toy)
    assert [error for error in found if "run time" not in error] == expected


def test_a_name_that_the_stub_lacks(toy: Path) -> None:
    stub = toy / "toy" / "core.pyi"
    stub.write_text((toy / "toy" / "core.py").read_text("utf-8"), "utf-8")
    assert errors(toy) == []
    edit(stub, "def submit", "def renamed")
    assert errors(toy) == ["Book.submit: no entry in the stub"]


def test_a_name_without_a_docstring_at_run_time(toy: Path) -> None:
    stub = toy / "toy" / "core.pyi"
    stub.write_text((toy / "toy" / "core.py").read_text("utf-8"), "utf-8")
    edit(toy / "toy" / "core.py", '"""Submit."""', "...")
    assert errors(toy) == ["Book.submit: no docstring at run time"]


def test_an_allowed_difference_covers_what_it_holds(toy: Path) -> None:
    edit(toy / "src" / "lib.rs", "pub fn run", "pub enum Odd { A { b: u64 } }\n pub fn run")
    assert len(errors(toy)) == 3
    assert errors(toy, without={"Odd"}) == []
    assert errors(toy, without={"Odd::*"}) == [
        error for error in errors(toy) if error.startswith("Odd: ")
    ]


@pytest.mark.parametrize("entry", ["Book::gone", "Book::try_submit", "Gone"])
def test_an_allowed_difference_that_is_none_any_more(toy: Path, entry: str) -> None:
    expected = [f'allowlist: "{entry}" excuses nothing any more']
    assert errors(toy, without={entry}) == expected
    assert errors(toy, elsewhere={**ELSEWHERE, entry: "run"}) == expected


def test_an_allowed_difference_names_what_is_there(toy: Path) -> None:
    edit(toy / "src" / "lib.rs", "pub fn run", "pub fn walk() {}\n pub fn run")
    assert errors(toy, elsewhere={**ELSEWHERE, "walk": "run"}) == []
    assert errors(toy, elsewhere={**ELSEWHERE, "w*": "Book.submit"}) == []
    for wrong in ("stroll", "Book.stroll", "run(speed)", "Book(speed)", "Book.{}"):
        (error,) = errors(toy, elsewhere={**ELSEWHERE, "walk": wrong})
        assert error.startswith("walk: no counterpart in Python")


def test_every_allowed_difference_has_a_reason(tmp_path: Path) -> None:
    write(tmp_path, {"a.toml": 'elsewhere = []\n[[without]]\nrust = ["Odd"]\nwhy = ""\n'})
    with pytest.raises(ValueError, match=r"^a.toml: no reason for \['Odd'\]$"):
        Allowlist.read(tmp_path / "a.toml")


def test_uses_are_told_apart_by_the_type_of_the_receiver(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "toy/__init__.py": """
                from typing import NamedTuple, TypedDict

                class Base:
                    size: int
                class Book(Base):
                    def submit(self) -> None: ...
                    def cancel(self) -> None: ...
                    @classmethod
                    def load(cls) -> None: ...
                class Other:
                    def submit(self) -> None: ...
                    def run(self) -> None: ...
                class Row(NamedTuple):
                    size: int
                class Stop(TypedDict):
                    price: int
                class Unused: ...
                def run() -> None: ...
                def unused() -> None: ...
            """,
            "tests/test_toy.py": """
                from typing import Any
                from toy import Base, Book, Other, Row, Stop, Unused, unused
                import toy

                def annotated(book: Unused) -> None: ...
                def untyped(book: Any) -> None: book.cancel()
                def typed(book: Book) -> None: book.submit()
                def either(one: Book | Row | None) -> None: one.size
                def key(stop: Stop) -> None: stop["price"]
                def of_a_class(kind: type[Book]) -> None: kind.load()
                def handed_on() -> None: print(toy.run)
            """,
        },
    )
    assert used("toy", tmp_path / "tests", search=[tmp_path]) == {
        *("Book.submit", "Book.size", "Base.size", "Row.size", "Stop.price", "Book.load", "run"),
    }


def test_the_toy_tests_use_what_they_seem_to(toy: Path) -> None:
    write(toy, {"tests/test_toy.py": TESTS})
    assert used("toy", toy / "tests", search=[toy]) == USES
