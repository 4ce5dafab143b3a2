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

# Of one compiled module and the package around it; a universal wheel holds the module twice.
BYTES_MAX = 2_000_000
# What is compiled or left behind in the source folder.
LEFT_OUT = {".pyc", ".pyd", ".so"}

# What a build from source needs, beside the package itself and the Rust sources.
SOURCES = [
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "PKG-INFO",
    "README.md",
    "pyproject.toml",
    "python/Cargo.toml",
]


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
    info = f"{name}-{version}.dist-info"
    metadata = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}
    package = package_files()
    wanted = package | {f"{info}/{file}" for file in metadata}
    with zipfile.ZipFile(path) as wheel:
        files = {name for name in wheel.namelist() if not name.endswith("/")}
        changed = {
            file for file in package & files if wheel.read(file) != package_file(file).read_bytes()
        }

    compiled = {
        file for file in files if re.fullmatch(r"nanobook/nanobook\.[\w.-]+\.(so|pyd)", file)
    }
    if len(compiled) != 1:
        problems.append(f"compiled modules: {sorted(compiled)}, and it has to be one")
    # Python finds the module only by the tag in its name, whatever the wheel's name promises.
    tag = re.escape(abi if platform.startswith("win") else abi.replace("cp", "cpython-"))
    problems += [
        f"{file}: is not for {abi} on {platform}"
        for file in sorted(compiled)
        if not re.match(rf"nanobook/nanobook\.{tag}-{system(platform)}", file)
    ]
    # A bill of materials is the build tool's own account of what is inside.
    sboms = {file for file in files if re.fullmatch(rf"{info}/sboms/[\w-]+\.cyclonedx\.json", file)}
    problems += [f"missing: {file}" for file in sorted(wanted - files)]
    problems += [f"unexpected: {file}" for file in sorted(files - wanted - compiled - sboms)]
    problems += [f"differs from the source tree: {file}" for file in sorted(changed)]
    return problems


def system(platform: str) -> str:
    """Return how the name of a module for the platform of a wheel goes on."""
    if platform.startswith("macosx"):
        return "darwin"
    if platform.startswith("win"):
        return re.escape(platform)
    libc = "musl" if platform.startswith("musllinux") else "gnu"
    machine = platform.split(".")[0].removesuffix("x86_64").removesuffix("aarch64")
    return f"{platform.split('.')[0].removeprefix(machine)}-linux-{libc}"


def check_source(path: Path) -> list[str]:
    """Return what is wrong with a source distribution."""
    problems = too_large(path)
    top = path.name.removesuffix(".tar.gz")
    with tarfile.open(path) as archive:
        files = {member.name for member in archive.getmembers() if member.isfile()}
    rust = [file for folder in ("src", "python/src") for file in (ROOT / folder).rglob("*.rs")]
    wanted = {*SOURCES, *package_files(), *(file.relative_to(ROOT).as_posix() for file in rust)}
    problems += [f"missing: {file}" for file in sorted(wanted - within(files, top))]
    problems += [
        f"unexpected: {file}"
        for file in sorted(files)
        if not file.startswith(f"{top}/")
        or not known(file.removeprefix(f"{top}/"))
        or Path(file).suffix in LEFT_OUT
    ]
    return problems


def within(files: set[str], top: str) -> set[str]:
    """Return the files of an archive by their names below its only folder."""
    return {file.removeprefix(f"{top}/") for file in files if file.startswith(f"{top}/")}


def known(file: str) -> bool:
    """Whether the source tree has a file of this name in an sdist; the build tool adds one."""
    places = (ROOT / file, ROOT / "python" / file, package_file(file))
    # A copy of the licence beside each manifest that names it.
    return file in {"PKG-INFO", "python/LICENSE"} or any(place.is_file() for place in places)


if __name__ == "__main__":
    main()
