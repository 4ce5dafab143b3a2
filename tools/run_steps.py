"""Runs the `run:` steps of the workflows on this machine, as far as that can be done.

`python tools/run_steps.py` lists every command, and the reason where it cannot run here.
`--run` runs those that can; `--run TEXT` only those in whose line TEXT occurs. `nox -s steps` calls
it.
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = ROOT / ".github" / "workflows"

# The runner that a Debian or Ubuntu machine stands for.
RUNNER = {"x86_64": "ubuntu-latest", "aarch64": "ubuntu-24.04-arm"}.get(platform.machine(), "none")

# Text of a command or of its variables, and why such a command is left to GitHub.
NOT_HERE = {
    "docker ": "needs Docker",
    "rustup ": "installs a toolchain; this machine uses its own",
    "pip install": "installs nox; this machine uses its own",
    "pipx install": "installs nox; this machine uses its own",
    "cargo publish": "publishes the crate; `nox -s crate` runs it dry",
    "GITHUB_REF_NAME": "needs a tag; `nox -s lint` runs it without one",
    "SUCCEEDED": "asks for the results of the other jobs",
    "ls -l dist": "counts the wheels of all systems",
    "advisories": "needs the database of advisories; `nox -s deny` runs the rest",
    "wheel-test -- dist 3.14t": "`nox -s wheels` builds no free-threaded wheel",
}


class Step(NamedTuple):
    """A command of a workflow, with what its variables are."""

    where: str
    runner: str
    command: str
    variables: dict[str, str]
    may_fail: bool

    def line(self) -> str:
        """Return the command on one line, with the values of its own variables in it."""
        text = " ".join(self.command.split())
        for name, value in self.variables.items():
            text = re.sub(rf'"\${name}"|\${name}\b', lambda _, value=value: value, text)
        return text.strip()

    def reason(self) -> str | None:
        """Return why the command cannot run here, or None."""
        if self.runner != RUNNER:
            return f"runs on {self.runner}"
        told = f"{self.line()} {self.command}"
        return next((reason for text, reason in NOT_HERE.items() if text in told), None)


def main() -> None:
    """List the steps, or run them."""
    parser = argparse.ArgumentParser(description="Run the steps of the workflows here.")
    parser.add_argument("--run", nargs="?", const="", metavar="TEXT")
    text: str | None = parser.parse_args().run
    seen: set[tuple[str, str | None]] = set()
    failed: list[str] = []
    for step in steps():
        line = step.line()
        reason = step.reason()
        # Jobs of one matrix share steps; once is enough.
        if (line, reason) in seen:
            continue
        seen.add((line, reason))
        print(f"{step.where}: {line}", f"\n    not here: {reason}" if reason else "", flush=True)
        if reason is None and text is not None and text in line and not run(step):
            if step.may_fail:
                print(f"failed, as it may: {line}", flush=True)
            else:
                failed.append(line)
    for line in failed:
        print(f"failed: {line}")
    sys.exit(1 if failed else 0)


def run(step: Step) -> bool:
    """Run a step as GitHub does, and return whether it succeeded."""
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step.command]
    environment = {**os.environ, **step.variables}
    return subprocess.run(shell, cwd=ROOT, env=environment, check=False).returncode == 0


def steps() -> Iterator[Step]:
    """Yield the commands of every job, once for each row of its matrix."""
    for path in sorted(WORKFLOWS.glob("*.yml")):
        workflow = cast("dict[str, Any]", yaml.safe_load(path.read_text("utf-8")))
        for name, job in workflow["jobs"].items():
            for row in rows(job.get("strategy", {}).get("matrix", {})):
                for step in job["steps"]:
                    if "run" not in step or not applies(str(step.get("if", "")), row):
                        continue
                    variables = {**step.get("env", {})}
                    yield Step(
                        where=f"{path.name}: {name}: {step['name']}",
                        runner=fill(job["runs-on"], row),
                        command=step["run"],
                        variables={key: fill(str(value), row) for key, value in variables.items()},
                        may_fail=may_fail(str(job.get("continue-on-error", "")), row),
                    )


def rows(matrix: dict[str, Any]) -> list[dict[str, str]]:
    """Return the rows of a matrix: all combinations, with what `include` adds to them."""
    axes = {key: values for key, values in matrix.items() if key != "include"}
    made = [dict(zip(axes, row, strict=True)) for row in itertools.product(*axes.values())]
    if not axes:
        made = []
    extra: list[dict[str, str]] = []
    for addition in matrix.get("include", []):
        fits = [row for row in made if all(row[key] == addition.get(key, row[key]) for key in axes)]
        for row in fits:
            row.update(addition)
        if not fits:
            extra.append(dict(addition))
    return made + extra or [{}]


def applies(condition: str, row: dict[str, str]) -> bool:
    """Return whether a step is for a row, if its condition is of one comparison with the row."""
    found = re.fullmatch(r"matrix\.(\w+) (==|!=) '([\w-]+)'", condition)
    return not found or (row.get(found[1]) == found[3]) == (found[2] == "==")


def may_fail(condition: str, row: dict[str, str]) -> bool:
    """Return whether a job of a row may fail: so far only `endsWith` is used to say so."""
    found = re.search(r"endsWith\(matrix\.(\w+), '(\w+)'\)", condition)
    return bool(found and row.get(found[1], "").endswith(found[2]))


def fill(text: str, row: dict[str, str]) -> str:
    """Put the values of a row where the text asks for them."""
    return re.sub(r"\$\{\{ matrix\.(\w+) \}\}", lambda found: str(row.get(found[1], "")), text)


if __name__ == "__main__":
    main()
