"""Checks what built distributions carry: all that a user needs and nothing else.

`python tools/wheel_check.py FILE...` takes wheels and source distributions. It is part of
`nox -s wheels` and `nox -s wheel-check`.
"""

from __future__ import annotations

import argparse
import re
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "python" / "nanobook"

# The licences: of the package, of what is compiled into it, and of the sample data.
LICENCES = {
    "LICENSE": ROOT / "LICENSE",
    "THIRD-PARTY-LICENSES.txt": PACKAGE.parent / "THIRD-PARTY-LICENSES.txt",
    "nanobook/data/LICENSE.vega_datasets": PACKAGE / "data" / "LICENSE.vega_datasets",
}

# Of one compiled module and the package around it; a universal wheel holds the module twice.
BYTES_MAX = 2_000_000
# What is compiled or left behind in the source folder.
LEFT_OUT = {".pyc", ".pyd", ".so"}

# What a build from source needs, beside the package itself and the Rust sources.
SOURCES = [
    "Cargo.lock",
    "Cargo.toml",
    "PKG-INFO",
    "README.md",
    "pyproject.toml",
    "python/Cargo.toml",
]

# What reads the whole repository: it does not run from an sdist, and is in none.
CHECKS = [PACKAGE.parent / name for name in ("audit", "benches", "stubtest-allowlist.txt", "tests")]


def main() -> None:
    """Print a line for each file, and what is wrong with it; exit code 1 if there is anything."""
    parser = argparse.ArgumentParser(description="Check what wheels and sdists carry.")
    parser.add_argument("file", nargs="+", type=Path)
    paths: list[Path] = parser.parse_args().file
    wrong = False
    for path in paths:
        if not path.is_file():
            parser.error(f"{path}: is not there")
        try:
            problems = check_wheel(path) if path.suffix == ".whl" else check_source(path)
        except (tarfile.TarError, zipfile.BadZipFile) as error:
            problems = [f"cannot be read: {error}"]
        print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB", "" if problems else "ok")
        for problem in problems:
            print(f"  {problem}")
        wrong = wrong or bool(problems)
    sys.exit(1 if wrong else 0)


def too_large(path: Path) -> list[str]:
    """Return a line if the file is larger than it may be."""
    size = path.stat().st_size
    largest = 2 * BYTES_MAX if "universal2" in path.name else BYTES_MAX
    return [f"{size} bytes: more than {largest}"] if size > largest else []


def package_files() -> set[str]:
    """Return the files of the package as they are in the source tree, the sample data included."""
    return {
        path.relative_to(PACKAGE.parent).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.suffix not in LEFT_OUT
    }


def check_wheel(path: Path) -> list[str]:
    """Return what is wrong with a wheel."""
    problems = too_large(path)
    name, version, _, abi, platform = path.stem.split("-")
    if platform.startswith("linux"):
        problems.append(f"{platform}: no package index takes it")
    info = f"{name}-{version}.dist-info"
    metadata = {f"{info}/{file}" for file in ("METADATA", "RECORD", "WHEEL", "entry_points.txt")}
    copied = {file: PACKAGE.parent / file for file in package_files()}
    copied |= {f"{info}/licenses/{file}": source for file, source in LICENCES.items()}
    wanted = {*copied, *metadata, module(abi, platform)}
    with zipfile.ZipFile(path) as wheel:
        files = {name for name in wheel.namelist() if not name.endswith("/")}
        changed = {
            file for file in copied.keys() & files if wheel.read(file) != copied[file].read_bytes()
        }
    # A bill of materials is the build tool's own account of what is inside.
    bill = re.compile(rf"{re.escape(info)}/sboms/[\w-]+\.cyclonedx\.json")
    unexpected = {file for file in files - wanted if not bill.fullmatch(file)}
    problems += [f"missing: {file}" for file in sorted(wanted - files)]
    problems += [f"unexpected: {file}" for file in sorted(unexpected)]
    problems += [f"not as in the source tree: {file}" for file in sorted(changed)]
    return problems


def module(abi: str, platform: str) -> str:
    """Return the name by which the Python of a wheel's tags finds the compiled module."""
    if platform.startswith("win"):
        return f"nanobook/nanobook.{abi}-{platform}.pyd"
    tag = abi.replace("cp", "cpython-")
    if platform.startswith("macosx"):
        return f"nanobook/nanobook.{tag}-darwin.so"
    machine = "aarch64" if platform.endswith("aarch64") else "x86_64"
    library = "musl" if platform.startswith("musllinux") else "gnu"
    return f"nanobook/nanobook.{tag}-{machine}-linux-{library}.so"


def check_source(path: Path) -> list[str]:
    """Return what is wrong with a source distribution."""
    problems = too_large(path)
    top = path.name.removesuffix(".tar.gz")
    with tarfile.open(path) as archive:
        files = {member.name for member in archive.getmembers() if member.isfile()}

    def inside(file: str) -> str:
        return file.removeprefix(f"{top}/")

    rust = [file for folder in ("src", "python/src") for file in (ROOT / folder).rglob("*.rs")]
    wanted = {*SOURCES, *LICENCES, *package_files()}
    wanted |= {file.relative_to(ROOT).as_posix() for file in rust}
    problems += [f"missing: {file}" for file in sorted(wanted - {inside(file) for file in files})]
    problems += [f"unexpected: {file}" for file in sorted(files) if not expected(inside(file))]
    return problems


def expected(file: str) -> bool:
    """Whether an sdist may hold a file: what the source tree has, and what the build tool adds."""
    places = (ROOT / file, ROOT / "python" / file)
    # The licence is copied beside the manifest that names it.
    added = {"PKG-INFO", "python/LICENSE"}
    return file in added or (
        Path(file).suffix not in LEFT_OUT
        and any(place.is_file() and not is_check(place) for place in places)
    )


def is_check(place: Path) -> bool:
    """Whether a file of the source tree is a check of it, or belongs to one."""
    return any(place.is_relative_to(check) for check in CHECKS)


if __name__ == "__main__":
    main()
