"""The README's Python examples run and print what a reader expects of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

README = Path(__file__).parents[2] / "README.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", README.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def test_the_examples_run_one_after_the_other(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = EXAMPLES
    names = {"__name__": "example"}
    exec(compile(first, str(README), "exec"), names)
    # It prints the book: the 30 shares that did not trade rest at $102.00.
    printed = capsys.readouterr().out
    assert "10200" in printed
    assert "30" in printed

    exec(compile(second, str(README), "exec"), names)
    # The best Sharpe ratio of the sweep, and the two positions behind it.
    sharpe, positions = capsys.readouterr().out.split(" ", 1)
    assert float(sharpe) > 0
    assert "'AAPL': Position(" in positions
    assert "'GOOG': Position(" in positions


def test_its_links_work_where_there_is_no_repository() -> None:
    # The page of a package index shows the README of a wheel.
    source = "https://github.com/ricardofrantz/nanobook/blob/main/"
    text = re.sub(r"^```.*?^```", "", README.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    links = re.findall(r"\]\((.*?)\)|^\[.*?\]: (.*)$", text, re.MULTILINE)
    assert links
    for link in (inline or defined for inline, defined in links):
        assert link.startswith("https://"), link
        if link.startswith(source):
            path, _, _ = link.removeprefix(source).partition("#")
            assert (README.parent / path).is_file(), link
