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
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
START, END = "<!-- nox -s compare -->", "<!-- end -->"

OURS = "nanobook"
# What takes longer than this (wall time, for one run of one row) has hung, if peers.toml does not
# say otherwise.
SECONDS_MAX = 240
# What takes longer than this is timed in the first round only.
SECONDS_LONG = 30


@dataclass(frozen=True)
class Line:
    """A line of the table for each package that has the figure."""

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


@dataclass(frozen=True)
class Other:
    """What another package did for a line: figure and ratio to ours, or the problem."""

    title: str
    figure: float
    ratio: float
    note: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Comparison:
    line: Line
    ours: float
    others: list[Other]


def main() -> None:
    parser = argparse.ArgumentParser(prog="nox -s compare --", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help="P1 to P13; all by default")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="put it into both README.md")
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
    rows = options.rows or ROWS
    done = measure(folder, peers, rows, options.rounds)
    comparisons = [compare(line, peers, done) for line in LINES if line.row in rows]
    table = full_table(comparisons, options.rounds)
    print("", *table, sep="\n")
    if options.write:
        write(ROOT / "benches" / "README.md", table)
        write(ROOT / "README.md", short_table(comparisons))


def python_of(folder: Path, name: str) -> Path:
    return folder / name / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def measure(
    folder: Path, peers: dict[str, Any], rows: list[str], rounds: int
) -> dict[tuple[str, str], Runs]:
    """Run each row of each package: once to check it, then in rounds."""
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
            for name in names:
                check(row, done[row, name], done[row, OURS], peers[name])
            if number == 0:
                for name in names:
                    done[row, name].reports.clear()

    return done


def full_table(comparisons: list[Comparison], rounds: int) -> list[str]:
    """Return what benches/README.md shows: machine and date, every comparison, and notes."""
    lines = [
        f"{where_and_when()}, rounds: {rounds}.",
        "",
        "| row | what | target | nanobook | with | its figure | ratio |",
        "|---|---|---|---|---|---|---|",
    ]
    notes: list[str] = []
    for one in comparisons:
        line = one.line
        what = f"| {line.row} | {line.what}, {line.unit} | {line.target} | {shown(one.ours)} |"
        for other in one.others or [Other("", 0, 0)]:
            mark = ""
            if other.note:
                note = f"{other.title}, {line.row}: {other.note}."
                if note not in notes:
                    notes.append(note)
                mark = f" ({notes.index(note) + 1})"
            figure = other.problem or (shown(other.figure) if other.title else "")
            lines.append(f"{what} {other.title}{mark} | {figure} | {ratio(other)} |")
            what = "| | | | |"
    if notes:
        lines += ["", *(f"{number}. {note}" for number, note in enumerate(notes, 1))]
    return lines


def short_table(comparisons: list[Comparison]) -> list[str]:
    """Return what README.md shows: each line with the fastest of the others."""
    lines = [
        f"{where_and_when()}.",
        "",
        "| what | nanobook | the best of the others | its figure | ratio |",
        "|---|---|---|---|---|",
    ]
    for one in comparisons:
        measured = [other for other in one.others if not other.problem]
        if measured:
            best = min(measured, key=lambda other: other.figure)
            title = f"{best.title}{' *' if best.note else ''}"
            what = f"{one.line.row}: {one.line.what}, {one.line.unit}"
            figures = f"{title} | {shown(best.figure)} | {ratio(best)}"
            lines.append(f"| {what} | {shown(one.ours)} | {figures} |")
    return lines


def where_and_when() -> str:
    cores = f"{os.cpu_count()} cores, {platform.system()}"
    python = f"CPython {platform.python_version()}"
    return f"{datetime.now(UTC).date()}, {processor()}, {cores}, {python}"


def ratio(other: Other) -> str:
    """Return how much longer the other takes; bold where it takes less."""
    if other.problem or not other.title:
        return ""
    return f"**{other.ratio:.2f}**" if other.ratio < 1 else shown(other.ratio)


def write(page: Path, lines: list[str]) -> None:
    """Put lines between the two marks of a page."""
    before, rest = page.read_text("utf-8").split(START)
    _, after = rest.split(END)
    text = "\n".join(lines)
    page.write_text(f"{before}{START}\n\n{text}\n\n{END}{after}", "utf-8")


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
    values, wanted = runs.reports[-1]["values"], ours.reports[-1]["values"]
    if wanted and not values:
        runs.problem = "disagrees: it has no values to compare"
    for name, value in values.items():
        if not math.isclose(value, wanted[name], rel_tol=tolerance):
            runs.problem = f"disagrees: {name} {value}, and {wanted[name]} here"


def compare(line: Line, peers: dict[str, Any], done: dict[tuple[str, str], Runs]) -> Comparison:
    """Return what a line of the table says: our figure, and the other packages'."""
    ours = done[line.row, OURS]
    if ours.problem:
        raise RuntimeError(f"{line.row}: {OURS} {ours.problem}")
    mine = [one["figures"][line.figure] for one in ours.reports]
    # What a package cannot do is said once for each row.
    first = line is next(other for other in LINES if other.row == line.row)
    others: list[Other] = []
    for name, peer in peers.items():
        runs = done.get((line.row, name))
        if name == OURS or runs is None:
            continue
        if runs.problem:
            if first:
                others.append(Other(peer["title"], 0, 0, problem=runs.problem))
            continue
        if line.figure not in runs.reports[0]["figures"]:
            continue
        theirs = [one["figures"][line.figure] for one in runs.reports]
        # Both of one round: what slowed the machine then slowed both. Some have one round only.
        ratios = [b / a for a, b in zip(mine, theirs, strict=False)]
        note = {**peer.get("notes", {}), **peer.get("differs", {})}.get(line.row, "")
        others.append(Other(peer["title"], median(theirs) / line.scale, median(ratios), note=note))
    return Comparison(line, median(mine) / line.scale, others)


def shown(number: float) -> str:
    """Return a number with about three digits."""
    if abs(number) >= 100:
        return f"{number:,.0f}"
    return f"{number:.1f}" if abs(number) >= 10 else f"{number:.2f}"


def processor() -> str:
    """Return what the processor calls itself, and whether it is a virtual one."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        values = dict(re.findall(r"^([^\t:]+)\s*: (.*)$", info.read_text("utf-8"), re.MULTILINE))
        name = values.get("model name", name).replace("(R)", "")
        if "hypervisor" in values.get("flags", "").split():
            name += " (virtual machine)"
    return name


if __name__ == "__main__":
    main()
