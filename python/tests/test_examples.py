"""The programs in `examples` run, and the Rust and the Python version of each print the same."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.py"))


def run(command: list[str | Path], cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, encoding="utf-8", check=False)
    # An example asserts what it says.
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def programs() -> dict[str, Path]:
    """Build the Rust examples as `cargo test` does, and return where they are."""
    cargo = shutil.which("cargo")
    if cargo is None:
        pytest.skip("cargo is not installed: the Rust examples cannot be built")
    # The profile of the tests: where those ran before, little is left to compile.
    options = ["--locked", "--profile", "test", "--message-format", "json-render-diagnostics"]
    messages = run([cargo, "build", "--examples", *options], ROOT).splitlines()
    built = (json.loads(message) for message in messages)
    return {
        message["target"]["name"]: Path(message["executable"])
        for message in built
        if message["reason"] == "compiler-artifact" and message["executable"]
    }


def test_each_example_is_there_in_both_languages() -> None:
    assert sorted(path.stem for path in EXAMPLES.glob("*.rs")) == NAMES
    assert len(NAMES) == 7


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_print_the_same(
    name: str, programs: dict[str, Path], tmp_path: Path
) -> None:
    python = run([sys.executable, "-W", "error", EXAMPLES / f"{name}.py"], tmp_path)
    assert python == run([programs[name]], tmp_path)
    # There is something to read, and nothing was left behind.
    assert len(python.splitlines()) > 5
    assert list(tmp_path.iterdir()) == []
