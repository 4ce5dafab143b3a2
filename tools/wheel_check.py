"""Checks what built distributions carry: all that a user needs and nothing else.

`python tools/wheel_check.py FILE...` takes wheels and source distributions. It is part of
`nox -s wheels` and `nox -s wheel-check`.
"""

from __future__ import annotations

import re
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "python" / "nanobook"

WHEEL_BYTES_MAX = 2_000_000
# What is compiled or left behind in the source folder.
LEFT_OUT = {".pyc", ".pyd", ".so"}

# What a build from source needs, beside the package itself.
SOURCES = [
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "PKG-INFO",
    "README.md",
    "pyproject.toml",
    "python/Cargo.toml",
    "python/src/lib.rs",
    "src/lib.rs",
]


def main() -> None:
    """Print a line for each file, and what is wrong with it; exit code 1 if there is anything."""
    wrong = False
    for path in map(Path, sys.argv[1:]):
        problems = check_wheel(path) if path.suffix == ".whl" else check_source(path)
        print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB", "" if problems else "ok")
        for problem in problems:
            print(f"  {problem}")
        wrong = wrong or bool(problems)
    sys.exit(1 if wrong else 0)


def package_files() -> set[str]:
    """Return the files of the package as they are in the source tree, the sample data included."""
    return {
        path.relative_to(PACKAGE.parent).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.suffix not in LEFT_OUT
    }


def check_wheel(path: Path) -> list[str]:
    """Return what is wrong with a wheel."""
    problems: list[str] = []
    size = path.stat().st_size
    if size > WHEEL_BYTES_MAX:
        problems.append(f"{size} bytes: more than {WHEEL_BYTES_MAX}")
    with zipfile.ZipFile(path) as wheel:
        files = {name for name in wheel.namelist() if not name.endswith("/")}
    name, version, *_ = path.stem.split("-")
    info = f"{name}-{version}.dist-info"
    metadata = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}
    wanted = package_files() | {f"{info}/{file}" for file in metadata}

    compiled = {
        file for file in files if re.fullmatch(r"nanobook/nanobook\.[\w.-]+\.(so|pyd)", file)
    }
    if len(compiled) != 1:
        problems.append(f"compiled modules: {sorted(compiled)}, and it has to be one")
    # Bills of materials are the build tool's own account of what is inside.
    sboms = {file for file in files if file.startswith(f"{info}/sboms/")}
    problems += [f"missing: {file}" for file in sorted(wanted - files)]
    problems += [f"unexpected: {file}" for file in sorted(files - wanted - compiled - sboms)]
    return problems


def check_source(path: Path) -> list[str]:
    """Return what is wrong with a source distribution."""
    top = path.name.removesuffix(".tar.gz")
    with tarfile.open(path) as archive:
        files = {member.name for member in archive.getmembers() if member.isfile()}
    wanted = {f"{top}/{file}" for file in SOURCES} | {f"{top}/{file}" for file in package_files()}
    problems = [f"missing: {file}" for file in sorted(wanted - files)]
    problems += [
        f"unexpected: {file}"
        for file in sorted(files)
        if not file.startswith(f"{top}/") or Path(file).suffix in LEFT_OUT
    ]
    return problems


if __name__ == "__main__":
    main()
