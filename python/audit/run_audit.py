"""The audit: nothing in Rust that Python lacks, nothing in Python without stub, words and a test.

`nox -s audit` runs it. It fails for

- a public name of the Rust crate (type, function, method, constant, field, variant and its fields)
  that has no Python counterpart. One has the same name in Python's spelling, with the few regular
  differences of `Audit.regular`. Other differences stand in `allowlist.toml` with their reasons;
- a public Python name (function, class, method, property, enum member, key) without an entry in the
  stub, without a docstring there or at run time, or that no test uses;
- an entry of the allowlist that excuses nothing any more.

A name that tests use is one they call or read on a receiver that mypy knows to be of that class.
It does not say that they assert the right thing, nor does the same name prove the same behaviour:
that is what the tests themselves are for. Special methods are left to stubtest and to the table of
conventions, calls through `Any` and `getattr` do not count.
"""

from __future__ import annotations

import importlib
import math
import re
import sys
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from python_api import Package, used
from rust_api import Crate, Item

if TYPE_CHECKING:
    from collections.abc import Collection

HERE = Path(__file__).resolve().parent

# Rust's way to say it is a method, Python's a special one.
SPECIAL = {
    "len": "__len__",
    "is_empty": "__len__",
    "iter": "__iter__",
    "contains": "__contains__",
    "get": "__getitem__",
}


def snake(name: str) -> str:
    """Return a name in lower case with underscores, as functions and kinds are spelled."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


class Allowlist(NamedTuple):
    """The differences that are meant, by Rust name; * in a name stands for one part of it."""

    elsewhere: dict[str, str]
    """The Python name; {} in it is the last part of the Rust name."""
    without: set[str]
    """What has no counterpart, with all that it holds."""

    @classmethod
    def read(cls, path: Path) -> Allowlist:
        """Read a file of tables: Rust names, the reason, and the Python name where there is one."""
        tables = tomllib.loads(path.read_text("utf-8"))
        for table in [*tables["elsewhere"], *tables["without"]]:
            if not table["why"]:
                raise ValueError(f"{path.name}: no reason for {table['rust']}")
        elsewhere = {
            rust: table["python"] for table in tables["elsewhere"] for rust in table["rust"]
        }
        return cls(elsewhere, {rust for table in tables["without"] for rust in table["rust"]})


class Audit:
    """The comparison: what lacks what."""

    def __init__(
        self, rust: list[Item], package: Package, uses: Collection[str], allowlist: Allowlist
    ) -> None:
        self.errors: list[str] = []
        self.rust = rust
        self.package = package
        self.faults: dict[str, set[str]] = {}
        """The names at fault, by what they lack."""
        self.excused = 0
        """How many Rust names need no counterpart."""
        self._allowlist = allowlist
        self._needed: set[str] = set()
        self._counterparts: dict[str, str | None] = {}
        self._audit_rust()
        self._audit_python(uses)

    def _audit_rust(self) -> None:
        for item in self.rust:
            found = self.regular(item) or self._elsewhere(item)
            self._counterparts[item.name] = found
            if found:
                continue
            if entry := self._entry(item, self._allowlist.without):
                self._needed.add(entry)
                self.excused += 1
            else:
                self._lacks(item.name, "counterpart in Python", f" ({item.kind}, {item.place})")
        for entry in [*self._allowlist.elsewhere, *self._allowlist.without]:
            if entry not in self._needed:
                self.errors.append(f'allowlist: "{entry}" excuses nothing any more')

    def regular(self, item: Item) -> str | None:
        """Return the Python name that follows from the Rust name, if it is there."""
        owner, _, name = item.name.rpartition("::")
        if not owner:
            return name if self.package.has(name) else None
        parent = self._counterparts.get(owner)
        if parent is None:
            return None
        if item.kind == "variant":
            member = f"{parent}.{snake(name).upper()}"
            if self.package.has(member):
                return member
            return parent if self._is_choice(item, parent) else None
        candidates = [f"{parent}.{name}"]
        if item.kind == "field" and not self.package.is_class(parent):
            # What a struct of settings holds are arguments of the function that takes them.
            candidates.append(f"{parent}({name})")
        if item.kind == "function":
            bare = name.removeprefix("try_")
            candidates.append(f"{parent}.{bare}")
            if name in SPECIAL:
                candidates.append(f"{parent}.{SPECIAL[name]}")
            if bare == "new" and self.package.is_made(parent):
                return parent
        return next((each for each in candidates if self.package.has(each)), None)

    def _is_choice(self, item: Item, python: str) -> bool:
        """Return whether a variant is among the strings that a Python value may be."""
        name = item.name.rpartition("::")[2]
        return bool({name, snake(name)} & self.package.literals(python))

    def _elsewhere(self, item: Item) -> str | None:
        entry = self._entry(item, self._allowlist.elsewhere, beneath=False)
        if entry is None:
            return None
        self._needed.add(entry)
        python = self._allowlist.elsewhere[entry].format(snake(item.name.rpartition("::")[2]))
        if not self.package.has(python):
            return None
        choices = self.package.literals(python)
        is_wrong = item.kind == "variant" and choices and not self._is_choice(item, python)
        return None if is_wrong else python

    def _entry(self, item: Item, entries: Collection[str], *, beneath: bool = True) -> str | None:
        """Return the entry that speaks of an item: the first that matches, one without * first."""
        parts = item.name.split("::")
        names = ["::".join(parts[:end]) for end in range(len(parts), 0, -1)]
        for entry in sorted(entries, key=lambda entry: ("*" in entry, entry)):
            for name in names if beneath else names[:1]:
                if fnmatchcase(name, entry) and name.count("::") == entry.count("::"):
                    return entry
        return None

    def _audit_python(self, uses: Collection[str]) -> None:
        for name in self.package.names:
            entry = self.package.entry(name)
            if entry is None:
                self._lacks(name, "entry in the stub")
            elif not entry.is_documented:
                self._lacks(name, "docstring in the stub")
            if not self.package.has_docstring(name):
                self._lacks(name, "docstring at run time")
            if name not in uses:
                self._lacks(name, "test that uses it")

    def _lacks(self, name: str, what: str, place: str = "") -> None:
        self.faults.setdefault(what, set()).add(name)
        self.errors.append(f"{name}: no {what}{place}")

    def report(self) -> str:
        """Return the errors and the coverage."""
        rust, python = len(self.rust), len(self.package.names)
        lacking = {what: len(names) for what, names in self.faults.items()}
        matched = rust - self.excused - lacking.get("counterpart in Python", 0)
        parts = ["entry in the stub", "docstring in the stub", "docstring at run time"]
        faulty = set[str]().union(*self.faults.values())
        return "\n".join(
            [
                *self.errors,
                f"Rust: {rust} public names, {matched} with a counterpart in Python and "
                f"{self.excused} that need none",
                f"Python: {python} public names, "
                + ", ".join(
                    f"{python - lacking.get(what, 0)} with {what}"
                    for what in [*parts, "test that uses it"]
                ),
                # Rounded down: 100 % is no fault at all.
                f"coverage: {100 - math.ceil(1000 * len(faulty) / (rust + python)) / 10:g} %",
            ]
        )


def main() -> int:
    """Audit nanobook and return the exit status."""
    python = HERE.parent
    package = Package(importlib.import_module("nanobook"), python / "nanobook")
    uses = used("nanobook", python / "tests", search=[python / "tests" / "modules"])
    audit = Audit(
        Crate(python.parent / "src" / "lib.rs").public(),
        package,
        uses,
        Allowlist.read(HERE / "allowlist.toml"),
    )
    print(audit.report())
    return 1 if audit.errors else 0


if __name__ == "__main__":
    sys.exit(main())
