"""The driver of `nox -s compare`: runs each row of each package in turns, and prints one table.

Every run is a process of its own, in the environment of its package. First each runs once, and what
came out is compared; then the rounds are timed, the packages in turns within each. Figures are CPU
time. A package that gives another result is not compared, unless peers.toml says why it differs.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
README = HERE.parents[2] / "benches" / "README.md"
START, END = "<!-- nox -s compare -->", "<!-- end -->"

OURS = "nanobook"
# What takes longer than this (wall time, for one run of one row) has hung, if peers.toml does not
# say otherwise.
SECONDS_MAX = 240
# What takes longer than this is timed in the first round only.
SECONDS_LONG = 30


@dataclass(frozen=True)
class Line:
    """A line of the table for each package that measures `figure` of `row`."""

    row: str
    figure: str
    what: str
    unit: str
    # How much of what a process reports is one of `unit`.
    scale: float
    target: str = ""
    # How far a value may be from ours, as a fraction: 0 where all is whole numbers.
    tolerance: float = 0.0


NS, US, MS, MB = 1.0, 1e3, 1e6, 1e6
LINES = [
    Line("P1", "", "200k limit orders that do not cross, one call each", "ns", NS, "<= 200"),
    Line("P2", "", "500k messages, one call each", "ns", NS, "<= 200"),
    Line("P3", "", "cancel 20k orders at one price in random order", "ns", NS, "<= 150"),
    Line("P4", "array", "ten levels a side of 1,000, as an array", "us", US, "<= 0.3"),
    Line("P4", "objects", "the same as objects, read", "us", US, "<= 1"),
    Line("P5", "", "P2's messages as one batch of columns", "ns", NS, "<= 30"),
    Line("P6", "array", "replay of P2's events, from an array", "ns", NS, "<= 25"),
    Line("P6", "list", "the same, from a list", "ns", NS),
    Line("P6", "of P1", "replay of P1's events, from a list", "ns", NS),
    Line("P7", "", "memory of a resting order", "bytes", 1, "<= 90"),
    Line(
        "P8", "built in", "backtest, 2,520 bars x 100, equal weight, 15 bps", "ms", MS, "<= 3", 1e-3
    ),
    Line("P8", "built in, first call", "the same, first call", "ms", MS, "", 1e-3),
    Line("P8", "callback", "the same with a Python callback", "ms", MS, "<= 15", 1e-3),
    Line("P8", "callback, pairs", "the same, the answer as pairs", "ms", MS, "", 1e-3),
    Line("P9", "10k", "callback loop, 10k bars x 1, a bar", "us", US, "<= 1", 1e-3),
    Line("P9", "100k", "callback loop, 100k bars x 1, a bar", "us", US, "<= 1", 1e-3),
    Line("P9", "1m", "callback loop, 1M bars x 1, a bar", "us", US, "<= 1", 1e-3),
    Line("P10", "", "metrics of 1M returns", "ms", MS, "<= 4", 1e-6),
    Line("P11", "warm", "200 moving averages x 2,520 bars", "ms", MS, "<= 30", 1e-3),
    Line("P11", "first call", "the same, first call", "ms", MS, "<= 30", 1e-3),
    Line("P12", "import", "import, over bare Python", "ms", MS, "<= 15"),
    Line("P12", "wheel", "its wheel", "MB", MB, "<= 2"),
    Line("P13", "floats", "a price series of 2,520 x 100 floats", "ms", MS, "<= 1"),
    Line("P13", "dicts", "the same from dicts", "ms", MS, "<= 30"),
]
ROWS = list(dict.fromkeys(line.row for line in LINES))


@dataclass
class Runs:
    """What one package did in one row: a report a round, or why there is none."""

    reports: list[dict[str, dict[str, float]]] = field(default_factory=list[Any])
    seconds: float = 0.0
    problem: str = ""


def main() -> None:
    parser = argparse.ArgumentParser(prog="nox -s compare --", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help="P1 to P13; all by default")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help=f"put the table into {README.name}")
    parser.add_argument("--folder", type=Path, required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    unknown = set(options.rows) - set(ROWS)
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: there are {', '.join(ROWS)}")
    if options.write and options.rows:
        parser.error("--write is for all rows")

    folder: Path = options.folder.resolve()
    peers = tomllib.loads((HERE / "peers.toml").read_text("utf-8"))
    ours = str(python_of(folder, OURS))
    subprocess.run([ours, str(HERE / "streams.py"), str(folder / "streams")], check=True)
    table = "\n".join(report(folder, peers, options.rows or ROWS, options.rounds))
    print(f"\n{table}")
    if options.write:
        before, rest = README.read_text("utf-8").split(START)
        _, after = rest.split(END)
        README.write_text(f"{before}{START}\n\n{table}\n\n{END}{after}", "utf-8")


def python_of(folder: Path, name: str) -> Path:
    return folder / name / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def report(folder: Path, peers: dict[str, Any], rows: list[str], rounds: int) -> list[str]:
    """Return the lines of the page: machine and date, the table, and notes."""
    done = {
        (row, name): Runs(problem=missing(folder, name))
        for row in rows
        for name, peer in peers.items()
        if row in peer["rows"]
    }
    for row in rows:
        names = [name for name in peers if (row, name) in done]
        # Round 0 is the check: nothing of it is timed.
        for number in range(rounds + 1):
            for name in names:
                runs = done[row, name]
                skip = number > 1 and runs.seconds > SECONDS_LONG
                if runs.problem or skip:
                    continue
                print(f"{row} round {number} of {rounds}: {name}", file=sys.stderr)
                once(folder, peers[name], row, name, runs)
            if number == 0:
                for name in names:
                    check(row, done[row, name], done[row, OURS], peers[name])
                for name in names:
                    done[row, name].reports.clear()

    machine = f"{processor()}, {os.cpu_count()} cores, {platform.system()}"
    today = datetime.now(UTC).date()
    python = platform.python_version()
    lines = [
        f"{today}, {machine}, CPython {python}, {rounds} rounds.",
        "",
        "| row | what | target | nanobook | with | its figure | ratio |",
        "|---|---|---|---|---|---|---|",
    ]
    notes: list[str] = []
    for line in LINES:
        if line.row in rows:
            lines += of_line(line, peers, done, notes)
    if notes:
        lines += ["", *(f"{number}. {note}" for number, note in enumerate(notes, 1))]
    return lines


def missing(folder: Path, name: str) -> str:
    """Return why a package is not there; nothing if it is."""
    reason = folder / f"{name}.reason"
    return f"not installed: {reason.read_text('utf-8').strip()}" if reason.is_file() else ""


def once(folder: Path, peer: dict[str, Any], row: str, name: str, runs: Runs) -> None:
    """Run a row of a package in a process of its own, and keep what it reports."""
    python = str(python_of(folder, name))
    if row == "P12":
        bare = cpu_time([python, "-I", "-c", "pass"])
        figures = {"import": cpu_time([python, "-I", "-c", f"import {peer['import']}"]) - bare}
        wheels = list((folder / "wheels" / name).iterdir())
        figures["wheel"] = float(sum(path.stat().st_size for path in wheels))
        runs.reports.append({"figures": figures, "values": {}})
        return
    command = [python, str(HERE / f"peer_{name}.py"), row, str(folder / "streams")]
    seconds = peer.get("seconds", SECONDS_MAX)
    start = datetime.now(UTC)
    try:
        # In a folder that has no modules of its own.
        asked = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds, cwd=folder, check=False
        )
    except subprocess.TimeoutExpired:
        runs.problem = f"hangs: stopped after {seconds} s"
        return
    runs.seconds = (datetime.now(UTC) - start).total_seconds()
    if asked.returncode:
        lines = asked.stderr.strip().splitlines() or [f"exit code {asked.returncode}"]
        runs.problem = f"fails: {lines[-1]}"
        return
    # Some packages greet the reader first.
    runs.reports.append(json.loads(asked.stdout.splitlines()[-1]))


def cpu_time(command: list[str]) -> float:
    """Return the CPU time of a program in nanoseconds: the median of five runs, if short."""
    times: list[float] = []
    while len(times) < 5 and sum(times) < 1e9:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{command}: exit code {process.returncode}")
        times.append((used.ru_utime + used.ru_stime) * 1e9)
    return median(times)


def check(row: str, runs: Runs, ours: Runs, peer: dict[str, Any]) -> None:
    """Set the problem of a package whose values are not ours, unless it is known to differ."""
    if runs is ours or runs.problem or row in peer.get("differs", {}):
        return
    if ours.problem:
        raise RuntimeError(f"{row}: {OURS} {ours.problem}")
    tolerance = max(line.tolerance for line in LINES if line.row == row)
    values, wanted = runs.reports[0]["values"], ours.reports[0]["values"]
    if wanted and not values:
        runs.problem = "disagrees: it has no values to compare"
    for name, value in values.items():
        if not math.isclose(value, wanted[name], rel_tol=tolerance):
            runs.problem = f"disagrees: {name} {value}, and {wanted[name]} here"


def of_line(
    line: Line, peers: dict[str, Any], done: dict[tuple[str, str], Runs], notes: list[str]
) -> list[str]:
    """Return the rows of the table for one line: one for each package that has its figure."""
    ours = done[line.row, OURS]
    if ours.problem:
        raise RuntimeError(f"{line.row}: {OURS} {ours.problem}")
    mine = [one["figures"][line.figure] for one in ours.reports]
    start = f"| {line.row} | {line.what}, {line.unit} | {line.target} | "
    start += f"{shown(median(mine) / line.scale)} |"
    table: list[str] = []
    for name, peer in peers.items():
        runs = done.get((line.row, name))
        if name == OURS or runs is None:
            continue
        if runs.problem:
            # Said once for each row.
            if line is next(other for other in LINES if other.row == line.row):
                table.append(f"{start} {peer['title']} | {runs.problem} | |")
                start = "| | | | |"
            continue
        theirs = [one["figures"].get(line.figure) for one in runs.reports]
        if theirs[0] is None:
            continue
        # Of one round both: what slowed the machine then slowed both.
        ratio = median(b / a for a, b in zip(mine, filter(None, theirs), strict=False))
        mark = ""
        remarks = {**peer.get("notes", {}), **peer.get("differs", {})}
        if note := remarks.get(line.row):
            text = f"{peer['title']}, {line.row}: {note}."
            if text not in notes:
                notes.append(text)
            mark = f" ({notes.index(text) + 1})"
        # What we lose is in bold.
        lost = f"**{ratio:.2f}**" if ratio < 1 else f"{shown(ratio)}"
        figure = shown(median(filter(None, theirs)) / line.scale)
        table.append(f"{start} {peer['title']}{mark} | {figure} | {lost} |")
        start = "| | | | |"
    return table or [f"{start} | | |"]


def shown(number: float) -> str:
    """Return a number with about three digits."""
    if abs(number) >= 100:
        return f"{number:,.0f}"
    return f"{number:.1f}" if abs(number) >= 10 else f"{number:.2f}"


def processor() -> str:
    """Return what the processor calls itself."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip().replace("(R)", "")
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
