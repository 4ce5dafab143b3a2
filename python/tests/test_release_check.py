"""tools/release_check.py finds what does not agree; it is tried on copies of this tree."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHANGELOG = "CHANGELOG.md"
INSTALLS = [
    ("README.md", "## Install", "pip install nanobook"),
    ("README.md", "## Install", "cargo add nanobook"),
    ("docs/install.md", "## Python", "pip install nanobook"),
    ("docs/install.md", "## Rust", "cargo add nanobook"),
    ("docs/rust.md", "# Rust", "cargo add nanobook"),
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Copy what tools/release_check.py reads."""
    for name in (
        *("Cargo.toml", "Cargo.lock", "README.md", "CONTRIBUTING.md", CHANGELOG, "tools", "docs"),
        *("python/Cargo.toml", "python/pyproject.toml", "fuzz/Cargo.lock", ".github", ".ci"),
    ):
        place = tmp_path / name
        place.parent.mkdir(exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, place)
        else:
            shutil.copy(ROOT / name, place)
    return tmp_path


def version(tree: Path) -> str:
    return (tree / "Cargo.toml").read_text("utf-8").split('version = "')[1].split('"')[0]


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def date_the_changelog(tree: Path, day: str) -> None:
    head = f"## [{version(tree)}] - "
    text = (tree / CHANGELOG).read_text("utf-8")
    before, after = text.split(head, 1)
    below = after.split("\n", 1)[1]
    (tree / CHANGELOG).write_text(f"{before}{head}{day}\n{below}", "utf-8")


def tell_how_to_install(tree: Path) -> None:
    for page, heading, command in INSTALLS:
        change(tree / page, f"{heading}\n\n", f"{heading}\n\n```sh\n{command}\n```\n\n")


def problems(tree: Path, *arguments: str) -> list[str]:
    command = [sys.executable, str(tree / "tools" / "release_check.py"), *arguments]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert done.stderr == ""
    assert done.returncode == (1 if done.stdout else 0)
    return done.stdout.splitlines()


def test_a_dated_tree_is_ready_under_its_own_tag(tree: Path) -> None:
    date_the_changelog(tree, "2026-01-31")
    tell_how_to_install(tree)
    number = version(tree)
    assert problems(tree, f"v{number}") == []
    assert problems(tree, number) == [f"tag: {number}, and it has to be v{number}"]


def test_an_undated_tree_is_not_ready(tree: Path) -> None:
    date_the_changelog(tree, "Unreleased")
    tell_how_to_install(tree)
    assert problems(tree) == []
    wanted = "CHANGELOG.md: Unreleased: a release has a date"
    assert problems(tree, f"v{version(tree)}") == [wanted]


def test_a_day_that_is_none_is_named(tree: Path) -> None:
    date_the_changelog(tree, "2026-02-30")
    assert problems(tree) == ["CHANGELOG.md: 2026-02-30: has to be Unreleased or a date"]


def test_every_place_that_keeps_an_old_version_is_named(tree: Path) -> None:
    old = version(tree)
    change(tree / "Cargo.toml", f'version = "{old}"', 'version = "9.8.7"')
    assert problems(tree) == [
        f"python/Cargo.toml: nanobook: {old}, and it has to be 9.8.7",
        f"Cargo.lock: nanobook: {old}, and it has to be 9.8.7",
        f"Cargo.lock: nanobook-python: {old}, and it has to be 9.8.7",
        f"fuzz/Cargo.lock: nanobook: {old}, and it has to be 9.8.7",
        f"docs/install.md: nanobook-: {old}, and it has to be 9.8.7",
        f".github/workflows/ci.yml: baseline: v{'.'.join(old.split('.')[:2])}, "
        "and it has to be v9.8",
        f"CHANGELOG.md: first section: {old}, and it has to be 9.8.7",
    ]


@pytest.mark.parametrize("head", ["## [Unreleased]", "## 9.8.7 - 2026-01-31", "## [9.8.7]"])
def test_a_section_of_another_form_is_not_passed_over(tree: Path, head: str) -> None:
    date_the_changelog(tree, "2026-01-31")
    change(tree / CHANGELOG, "## [", f"{head}\n\n## [")
    wanted = f"CHANGELOG.md: {head}: has to be like ## [0.5.0] - 2026-01-31"
    assert problems(tree) == [wanted]


def test_a_release_has_something_to_say(tree: Path) -> None:
    number = version(tree)
    head = f"# Changelog\n\n## [{number}] - 2026-01-31\n\n## [0.0.1] - 2025-01-31\n\n- Old.\n"
    (tree / CHANGELOG).write_text(head, "utf-8")
    tell_how_to_install(tree)
    assert problems(tree) == []
    wanted = f"CHANGELOG.md: [{number}]: says nothing"
    assert problems(tree, f"v{number}") == [wanted]


@pytest.mark.parametrize(("page", "heading", "command"), INSTALLS)
@pytest.mark.parametrize("instead", ["{}-*.whl", "{}.whl", "pip install ./python", ""])
def test_a_release_is_not_installed_from_a_clone(
    tree: Path, page: str, heading: str, command: str, instead: str
) -> None:
    date_the_changelog(tree, "2026-01-31")
    tell_how_to_install(tree)
    text = (tree / page).read_text("utf-8")
    # Elsewhere on the page it does not count.
    text = text.replace(f"\n{command}\n", f"\n{instead.format(command)}\n")
    (tree / page).write_text(f"{text}\n## More\n\n`{command}`\n", "utf-8")
    assert problems(tree) == []
    wanted = f"{page}: {heading}: a release is installed by `{command}`"
    assert problems(tree, f"v{version(tree)}") == [wanted]


def test_wheels_are_built_and_tested_with_the_tools_that_are_pinned(tree: Path) -> None:
    change(tree / ".github/workflows/wheels.yml", "maturin-version: v", "maturin-version: v9")
    change(tree / ".ci/run", "nox==", "nox==9")
    found = problems(tree)
    assert len(found) == 2
    assert found[0].startswith(".github/workflows/wheels.yml: maturin: 9")
    assert found[1].startswith(".ci/run: nox: 9")
