"""Checks that every place that names the version or a minimum agrees with the one that decides.

`python tools/release_check.py` runs with every lint. With a tag (`v0.5.0`) it also asks whether
this tree is ready to be released under it, and with `--registries` whether PyPI and crates.io can
still take its version. RELEASING.md says when.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import registries

ROOT = Path(__file__).resolve().parents[1]

# Pages that tell a reader what is needed.
REQUIREMENTS = ["README.md", "CONTRIBUTING.md", "docs/install.md"]

# Where a reader is told how to install, and what a release has there.
INSTALLS = [
    ("README.md", "## Install", "pip install nanobook"),
    ("README.md", "## Install", "cargo add nanobook"),
    ("docs/install.md", "## Python", "pip install nanobook"),
    ("docs/install.md", "## Rust", "cargo add nanobook"),
    ("docs/rust.md", "# Rust", "cargo add nanobook"),
]

CI = ".github/workflows/ci.yml"
WHEELS = ".github/workflows/wheels.yml"
# Tools of python/pyproject.toml that are pinned elsewhere too, and what stands before the version.
PINS = [
    ("maturin", "maturin-version: v", [WHEELS]),
    ("nox", "nox==", [CI, WHEELS, ".ci/run"]),
]


def main() -> None:
    """Print what does not agree, one line each; exit code 1 if there is anything."""
    parser = argparse.ArgumentParser(description="Check that versions and minimums agree.")
    parser.add_argument("tag", nargs="?", help="the tag of a release, like v0.5.0")
    parser.add_argument(
        "--registries", action="store_true", help="ask PyPI and crates.io what is published"
    )
    arguments = parser.parse_args()
    problems = disagreements(arguments.tag)
    if arguments.registries:
        version = read_toml("Cargo.toml")["workspace"]["package"]["version"]
        problems += registries.objections(version, registries.ask(version))
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)


def disagreements(tag: str | None) -> list[str]:
    """Return a line for each place that does not agree."""
    workspace = read_toml("Cargo.toml")["workspace"]["package"]
    version: str = workspace["version"]
    rust: str = workspace["rust-version"]
    problems: list[str] = []

    def compare(place: str, found: object, wanted: object) -> None:
        if found != wanted:
            problems.append(f"{place}: {found}, and it has to be {wanted}")

    # The version: Cargo.toml decides.
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        problems.append(f"Cargo.toml: version {version}: has to be three numbers")
    bindings = read_toml("python/Cargo.toml")
    compare("python/Cargo.toml: nanobook", bindings["dependencies"]["nanobook"]["version"], version)
    for lock in ("Cargo.lock", "fuzz/Cargo.lock"):
        for package in read_toml(lock)["package"]:
            if package["name"] in {"nanobook", "nanobook-python"}:
                compare(f"{lock}: {package['name']}", package["version"], version)
    project = read_toml("python/pyproject.toml")["project"]
    compare("python/pyproject.toml: dynamic", project.get("dynamic"), ["version"])
    for page in ["README.md", *(f"docs/{path.name}" for path in sorted(ROOT.glob("docs/*.md")))]:
        for found in re.findall(r"nanobook-(\d+\.\d+\.\d+)", read(page)):
            compare(f"{page}: nanobook-", found, version)

    # The minimums: Cargo.toml and pyproject.toml decide.
    python = str(project["requires-python"]).removeprefix(">=")
    for page in REQUIREMENTS:
        for language, wanted in (("Rust", rust), ("Python", python)):
            found = re.search(rf"{language} \(?(\d\.\d+) or newer", read(page))
            compare(f"{page}: {language}", found and found[1], wanted)
    compare("python/Cargo.toml: rust-version", bindings["package"]["rust-version"], SHARED)
    compare("python/Cargo.toml: version", bindings["package"]["version"], SHARED)
    ruff = read_toml("python/pyproject.toml")["tool"]["ruff"]["target-version"]
    compare("python/pyproject.toml: tool.ruff", ruff, "py" + python.replace(".", ""))

    # What dependabot raises in one place and nobody in the others.
    pinned = read("python/pyproject.toml")
    for tool, name, places in PINS:
        wanted = re.search(rf'"{tool}==([\d.]+)"', pinned)
        for place in places:
            for found in sorted(set(re.findall(rf"{name}([\d.]+)", read(place)))):
                compare(f"{place}: {tool}", found, wanted and wanted[1])
    minor = "v" + ".".join(version.split(".")[:2])
    for found in re.findall(r"nox -s bench -- (\S+)", read(CI)):
        compare(f"{CI}: baseline", found, minor)

    # The changelog: its first section is about this version.
    head, text = first_section(read("CHANGELOG.md"))
    section = re.fullmatch(r"## \[(\S+)\] - (\S+)(?: \[YANKED\])?", head)
    if section is None:
        problems.append(f"CHANGELOG.md: {head}: has to be like ## [0.5.0] - 2026-01-31")
        return problems
    compare("CHANGELOG.md: first section", section[1], version)
    if section[2] != "Unreleased" and not is_date(section[2]):
        problems.append(f"CHANGELOG.md: {section[2]}: has to be Unreleased or a date")

    if tag is not None:
        compare("tag", tag, f"v{version}")
        if not is_date(section[2]):
            problems.append(f"CHANGELOG.md: {section[2]}: a release has a date")
        if not text:
            problems.append(f"CHANGELOG.md: [{section[1]}]: says nothing")
        for page, heading, command in INSTALLS:
            # `pip install nanobook-0.5.0-*.whl` is another thing.
            if not re.search(rf"{command}(?!\.?[\w-])", below(heading, read(page))):
                problems.append(f"{page}: {heading}: a release is installed by `{command}`")
    return problems


SHARED = {"workspace": True}


def read(path: str) -> str:
    """Return the text of a file of the repository."""
    return (ROOT / path).read_text("utf-8")


def read_toml(path: str) -> dict[str, Any]:
    """Return a TOML file of the repository."""
    return tomllib.loads(read(path))


def first_section(changelog: str) -> tuple[str, str]:
    """Return the heading of the first section of a changelog, and what stands below it."""
    _, *sections = re.split(r"^(?=## )", changelog, flags=re.MULTILINE)
    head, _, text = (sections[0] if sections else "no section").partition("\n")
    return head.strip(), text.strip()


def below(heading: str, page: str) -> str:
    """Return what stands below a heading of a page, until the next section."""
    _, *sections = re.split(rf"^{heading}$", page, maxsplit=1, flags=re.MULTILINE)
    return re.split(r"^## ", sections[0], flags=re.MULTILINE)[0] if sections else ""


def is_date(text: str) -> bool:
    """Whether the text is a day like 2026-01-31."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


if __name__ == "__main__":
    main()
