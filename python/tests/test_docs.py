"""Every code block of the documentation runs, and what it shows is what happens.

Blocks of one page run in order and share their names. A block with a title is a file that the
blocks after it import. Console blocks (`>>>`) are doctests. Rust blocks run with the doctests of
the crate, shell blocks do not run: they install and build.
"""

from __future__ import annotations

import ast
import doctest
import re
import runpy
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import pytest

import nanobook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PACKAGE = ROOT / "python" / "nanobook"

FENCE = re.compile(r"^```(\S*)(.*)\n((?:.*\n)*?)^```$", re.MULTILINE)
TITLE = re.compile(r' title="([^"]+)"')

# The languages of blocks, and what runs those that this file does not.
RUN_HERE = {"python", "pycon"}
NOT_RUN_HERE = {
    "rust": "run as doctests of the crate: see src/lib.rs",
    "sh": "install and build what the tests already run in",
    "toml": "part of a manifest",
    "text": "shows what is no code",
}


class Block(NamedTuple):
    """A fenced block of a page."""

    language: str
    title: str | None
    code: str
    line: int
    """Where the code begins, from 0."""


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text("utf-8")
    for match in FENCE.finditer(text):
        title = TITLE.search(match[2])
        line = text.count("\n", 0, match.start(3))
        yield Block(match[1], title[1] if title else None, match[3], line)


def name(page: Path) -> str:
    return page.relative_to(DOCS).as_posix()


PAGES = sorted(DOCS.rglob("*.md"))
PYTHON_PAGES = [page for page in PAGES if any(b.language in RUN_HERE for b in blocks(page))]


def run_console(code: str, names: dict[str, Any], where: str, line: int) -> None:
    """Run a doctest in names that the next block sees too."""
    test = doctest.DocTestParser().get_doctest(code, names, where, where, line)
    # A doctest would work on a copy.
    test.globs = names
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    if runner.run(test, out=said.append, clear_globs=False).failed:
        pytest.fail("".join(said), pytrace=False)


@pytest.mark.parametrize("page", PYTHON_PAGES, ids=name)
def test_the_blocks_of_a_page_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Files that a block writes or imports are in a folder of the page.
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(page):
        if block.language not in RUN_HERE:
            continue
        where = name(page)
        if block.title is not None:
            (tmp_path / block.title).write_text(block.code, "utf-8")
            monkeypatch.delitem(sys.modules, Path(block.title).stem, raising=False)
        elif block.language == "pycon":
            run_console(block.code, names, where, block.line)
        else:
            # Blank lines before it, so that a traceback shows the line of the page.
            exec(compile("\n" * block.line + block.code, str(page), "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_no_block_escapes(page: Path) -> None:
    text = page.read_text("utf-8")
    # Each fence belongs to a block that was found: none is indented, none is left open.
    assert len(re.findall(r"```", text)) == 2 * len(list(blocks(page)))
    for block in blocks(page):
        assert block.language in RUN_HERE | NOT_RUN_HERE.keys()
        # Prompts are in console blocks, where they are read as such.
        assert (">>> " in block.code) == (block.language == "pycon")


def test_rust_blocks_run_as_doctests_of_the_crate() -> None:
    crate = (ROOT / "src" / "lib.rs").read_text("utf-8")
    for page in PAGES:
        if any(block.language == "rust" for block in blocks(page)):
            assert f'#[doc = include_str!("../docs/{name(page)}")]' in crate


def docstrings() -> Iterator[tuple[str, int, str]]:
    """Yield file, line and text of each docstring with an example, the stub's too."""
    for path in sorted([*PACKAGE.glob("*.py"), *PACKAGE.glob("*.pyi")]):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                text = ast.get_docstring(node)
                if text and ">>> " in text:
                    yield path.name, getattr(node, "lineno", 1), text


@pytest.mark.parametrize(
    ("file", "line", "text"), [pytest.param(*found, id=found[0]) for found in docstrings()]
)
def test_the_examples_of_a_docstring_run(file: str, line: int, text: str) -> None:
    run_console(text, dict(vars(nanobook)), file, line)


def test_every_public_name_is_in_the_reference() -> None:
    reference = "".join(page.read_text("utf-8") for page in (DOCS / "api").glob("*.md"))
    shown = re.findall(r"^::: nanobook\.(\w+)$", reference, re.MULTILINE)
    assert sorted(shown) == sorted(nanobook.__all__)


def test_the_pictures_are_those_that_the_code_draws() -> None:
    draw = cast("Callable[[], dict[str, str]]", runpy.run_path(str(DOCS / "pictures.py"))["draw"])
    drawn = draw()
    folder = DOCS / "pictures"
    assert sorted(drawn) == sorted(path.name for path in folder.iterdir())
    for file, svg in drawn.items():
        assert (folder / file).read_text("utf-8") == svg, "run: python docs/pictures.py"
