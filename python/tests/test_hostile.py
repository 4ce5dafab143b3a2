"""Bad values over the whole public API: each call is refused, by name, and changes nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import hostile
import pytest
from hostile import ALL_CALLS, BAD, LEFT_OUT
from public_api import World

import nanobook

if TYPE_CHECKING:
    from pathlib import Path

# What all calls of a part may take: a hundred times what they do.
SECONDS = 300

# Several rows a process, and processes that take about as long as each other.
PARTS = {
    "exchange": {"Exchange"},
    "multi": {"MultiExchange"},
    "functions": {"functions"},
    "portfolio": {"CostModel", "Fill", "Portfolio", "Position"},
    "rest": set[str](),
}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[hostile.Row]]:
    return hostile.rows_of(World(tmp_path_factory.mktemp("world")))


@pytest.mark.parametrize("part", PARTS)
def test_every_bad_call_is_refused(
    part: str, rows: dict[str, list[hostile.Row]], tmp_path: Path
) -> None:
    named = set[str]().union(*PARTS.values())
    groups = sorted(PARTS[part] or rows.keys() - named)
    run = subprocess.run(
        [sys.executable, hostile.__file__, str(tmp_path), *groups],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    made: list[str] = []
    wrong: list[str] = []
    for line in run.stdout.splitlines():
        name, *problem = json.loads(line)
        if problem:
            wrong.append(f"{name}: {problem[0]}")
        else:
            made.append(name)
    assert run.returncode == 0, f"{made[-1:]} ended the process:\n{run.stderr}"
    assert not wrong, "\n".join(wrong)
    assert made == [row.name for group in groups for row in rows[group]]


def test_the_table_is_large(rows: dict[str, list[hostile.Row]]) -> None:
    assert sum(map(len, rows.values())) > 10_000


def test_every_public_callable_has_rows() -> None:
    found = {call.name for call in ALL_CALLS}
    for name in nanobook.__all__:
        value: Any = getattr(nanobook, name)
        if name in LEFT_OUT or not callable(value):
            continue
        methods = {f"{name}.{member}" for member in dir(value) if hostile.is_method(value, member)}
        assert methods <= found or name in hostile.ENUMS
        # Some have no constructor, and `EqualWeight` takes nothing.
        assert name in found or methods or name == "EqualWeight"


def test_every_kind_of_argument_has_bad_values() -> None:
    kinds = {argument.kind for call in ALL_CALLS for argument in call.arguments.values()}
    assert kinds <= BAD.keys()
    assert [kind for kind in kinds if len(BAD[kind]) < 8] == ["columns"]
