"""Asks PyPI and crates.io which versions of nanobook are taken.

A number is taken once and for all, a yanked one too, and pip and cargo install the highest. So a
release is above every published version. `python tools/release_check.py --registries` calls this.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

# How many of the newest versions a message names.
NAMED = 3
# How long a client may take.
SECONDS = 120

# A package that needs the very version.
MANIFEST = """\
[package]
name = "question"
version = "0.0.0"
edition = "2021"

[dependencies]
nanobook = "={version}"

[workspace]
"""


class Answers(NamedTuple):
    """What the clients of the registries have said: output and errors."""

    pip: str
    # The newest version that is not yanked.
    info: str
    # Whether the very version is there: it is in the lock file, or cargo says why not.
    lock: str


def ask(version: str) -> Answers:
    """Ask pip and cargo, far from the checkout, whose own package cargo would show."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        # So loud that it names yanked files, those for other Pythons, and a page that is missing.
        loud = ("-vv", "--pre", "--ignore-requires-python", "--disable-pip-version-check")
        pip = run(folder, sys.executable, "-m", "pip", "index", "versions", *loud, "nanobook")
        plain = ("cargo", "--color", "never")
        info = run(folder, *plain, "info", "--registry", "crates-io", "nanobook")
        (folder / "src").mkdir()
        (folder / "src" / "lib.rs").touch()
        (folder / "Cargo.toml").write_text(MANIFEST.format(version=version), "utf-8")
        lock = run(folder, *plain, "generate-lockfile")
        if (folder / "Cargo.lock").is_file():
            lock += (folder / "Cargo.lock").read_text("utf-8")
    return Answers(pip, info, lock)


def run(folder: Path, *command: str) -> str:
    """Return what a command says, or why it could not be run."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{command[0]}: {error}"
    return done.stdout


def objections(version: str, answers: Answers) -> list[str]:
    """Return why a version cannot be published, a line for each registry that objects."""
    rule = f"{version} has to be above every published version"
    found: list[str] = []
    for registry, published, said in (
        ("PyPI", on_pypi(answers.pip), answers.pip),
        ("crates.io", on_crates_io(version, answers), f"{answers.info}\n{answers.lock}"),
    ):
        if published is None:
            found.append(f"{registry}: cannot be asked, and {rule}; said: {reason(said)}")
        elif not all(order(each) < order(version) for each in published):
            newest = sorted(published, key=order, reverse=True)
            found.append(f"{registry}: has {', '.join(newest[:NAMED])}, and {rule}")
    return found


def on_pypi(said: str) -> set[str] | None:
    """Return the versions that pip tells of; None where it has not got an answer."""
    published = set(re.findall(r"/nanobook-(\d[^-/\s]*?)(?:-[^/\s]+\.whl|\.tar\.gz|\.zip)", said))
    if found := re.search(r"^Available versions: (.+)$", said, re.MULTILINE):
        published.update(found[1].replace(",", " ").split())
    # Without a network pip has no matching distribution either.
    return published if published or "404 Client Error" in said else None


def on_crates_io(version: str, answers: Answers) -> set[str] | None:
    """Return the newest version that cargo tells of, and the very one if it is there or yanked."""
    published: set[str] = set()
    # An older version stands first if the newest is not for this compiler.
    form = r"^version: +(\S+)(?: \(latest ([^\s)]+))?"
    if found := re.search(form, answers.info, re.MULTILINE):
        published.update(filter(None, found.groups()))
    elif "could not find `nanobook` in registry" not in answers.info:
        return None
    locked = f'name = "nanobook"\nversion = "{version}"'
    if locked in answers.lock or f"version {version} is yanked" in answers.lock:
        published.add(version)
    elif not re.search(r"^(candidate versions|error: no matching package)", answers.lock, re.M):
        return None
    return published


def order(version: str) -> tuple[int, list[int], int]:
    """Return what a version of either registry sorts by; one of another form is above all."""
    found = re.fullmatch(r"(?:(\d+)!)?(\d+(?:\.\d+)*)(.*)", version)
    if found is None:
        return sys.maxsize, [], 0
    numbers = list(map(int, found[2].split(".")))
    while numbers and numbers[-1] == 0:
        numbers.pop()
    suffix = found[3].lower()
    if "post" in suffix:
        stage = 1
    else:
        stage = -1 if re.match(r"-|[._]?(a|b|c|rc|alpha|beta|pre|dev)", suffix) else 0
    return int(found[1] or 0), numbers, stage


def reason(said: str) -> str:
    """Return the first line that names an error, or the last one."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"error:|Could not fetch", line)]
    return [*errors, *lines[-1:], "nothing"][0]
