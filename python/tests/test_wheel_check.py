"""tools/wheel_check.py finds what is wrong with a wheel; it is tried on wheels of this tree."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "python" / "nanobook"
WHEEL = "nanobook-1.2.3-cp314-cp314t-manylinux_2_28_x86_64.whl"
MODULE = "nanobook/nanobook.cpython-314t-x86_64-linux-gnu.so"
INFO = "nanobook-1.2.3.dist-info"
LICENCES = {
    "LICENSE": ROOT / "LICENSE",
    "THIRD-PARTY-LICENSES.txt": PACKAGE.parent / "THIRD-PARTY-LICENSES.txt",
    "nanobook/data/LICENSE.vega_datasets": PACKAGE / "data" / "LICENSE.vega_datasets",
}


def check(path: Path) -> list[str]:
    """Return what the check says of a file, without its first line: name and size."""
    command = [sys.executable, str(ROOT / "tools" / "wheel_check.py"), str(path)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert done.stderr == ""
    _, *found = (line.strip() for line in done.stdout.splitlines())
    assert done.returncode == (1 if found else 0)
    return found


def wheel(folder: Path, changes: dict[str, bytes | None], name: str = WHEEL) -> list[str]:
    """Make a wheel of this tree with some files changed or left out; what the check says of it."""
    files = {
        file.relative_to(PACKAGE.parent).as_posix(): file.read_bytes()
        for file in PACKAGE.rglob("*")
        if file.is_file() and file.suffix not in {".pyc", ".pyd", ".so"}
    }
    for each in ("METADATA", "RECORD", "WHEEL", "entry_points.txt"):
        files[f"{INFO}/{each}"] = b""
    files |= {MODULE: b"", f"{INFO}/sboms/nanobook-python.cyclonedx.json": b""}
    for each, source in LICENCES.items():
        files[f"{INFO}/licenses/{each}"] = source.read_bytes()
    with zipfile.ZipFile(folder / name, "w") as archive:
        for file, content in (files | changes).items():
            if content is not None:
                archive.writestr(file, content)
    return check(folder / name)


def test_a_wheel_of_this_tree_is_right(tmp_path: Path) -> None:
    assert wheel(tmp_path, {}) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"nanobook/nanobook.pyi": None}, "missing: nanobook/nanobook.pyi"),
        ({"nanobook/secret.env": b""}, "unexpected: nanobook/secret.env"),
        ({f"{INFO}/sboms/more.py": b""}, f"unexpected: {INFO}/sboms/more.py"),
        *(
            ({f"{INFO}/licenses/{each}": None}, f"missing: {INFO}/licenses/{each}")
            for each in LICENCES
        ),
        (
            {f"{INFO}/licenses/LICENSE": b"MIT"},
            f"not as in the source tree: {INFO}/licenses/LICENSE",
        ),
        (
            {"nanobook/data/README.md": b"Prices\r\n"},
            "not as in the source tree: nanobook/data/README.md",
        ),
        ({MODULE: bytes(2_000_000)}, "more than 2000000"),
    ],
)
def test_what_is_wrong_with_a_wheel_is_said(
    tmp_path: Path, changes: dict[str, bytes | None], said: str
) -> None:
    (found,) = wheel(tmp_path, changes)
    assert said in found


@pytest.mark.parametrize(
    ("name", "module"),
    [
        (WHEEL.replace("cp314t", "cp314"), "nanobook.cpython-314-x86_64-linux-gnu.so"),
        (WHEEL.replace("x86_64", "aarch64"), "nanobook.cpython-314t-aarch64-linux-gnu.so"),
        (
            WHEEL.replace("manylinux_2_28", "musllinux_1_2"),
            "nanobook.cpython-314t-x86_64-linux-musl.so",
        ),
        (WHEEL.replace("manylinux_2_28_x86_64", "win_amd64"), "nanobook.cp314t-win_amd64.pyd"),
        (
            WHEEL.replace("manylinux_2_28_x86_64", "macosx_10_12_universal2.macosx_11_0_arm64"),
            "nanobook.cpython-314t-darwin.so",
        ),
    ],
)
def test_the_module_is_for_the_python_and_system_of_the_wheel(
    tmp_path: Path, name: str, module: str
) -> None:
    assert wheel(tmp_path, {MODULE: None, f"nanobook/{module}": b""}, name) == []
    assert wheel(tmp_path, {}, name) == [f"missing: nanobook/{module}", f"unexpected: {MODULE}"]


def test_a_universal_wheel_may_be_twice_as_large(tmp_path: Path) -> None:
    name = WHEEL.replace("manylinux_2_28_x86_64", "macosx_10_12_universal2")
    module = {MODULE: None, "nanobook/nanobook.cpython-314t-darwin.so": bytes(3_000_000)}
    assert wheel(tmp_path, module, name) == []


def test_a_wheel_for_one_linux_only_is_refused(tmp_path: Path) -> None:
    name = WHEEL.replace("manylinux_2_28", "linux")
    assert wheel(tmp_path, {}, name) == ["linux_x86_64: no package index takes it"]


def test_what_is_no_wheel_is_said(tmp_path: Path) -> None:
    (tmp_path / WHEEL).write_bytes(b"")
    assert check(tmp_path / WHEEL) == ["cannot be read: File is not a zip file"]


def test_an_sdist_has_every_rust_source_and_nothing_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "nanobook-1.2.3.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in ("Cargo.toml", "secret.env"):
            archive.addfile(tarfile.TarInfo(f"nanobook-1.2.3/{name}"))
    found = check(path)
    assert "missing: src/lib.rs" in found
    assert "missing: python/src/lib.rs" in found
    assert "missing: nanobook/nanobook.pyi" in found
    assert "missing: THIRD-PARTY-LICENSES.txt" in found
    assert "missing: Cargo.toml" not in found
    assert found[-1] == "unexpected: nanobook-1.2.3/secret.env"


def test_an_sdist_has_no_checks_but_the_benchmarks_that_a_manifest_names(tmp_path: Path) -> None:
    path = tmp_path / "nanobook-1.2.3.tar.gz"
    checks = [
        *("python/audit/run_audit.py", "python/benches/compare/peers.toml"),
        *("python/stubtest-allowlist.txt", "python/tests/conftest.py", "tests/conftest.py"),
    ]
    with tarfile.open(path, "w:gz") as archive:
        for name in (*checks, "benches/engine.rs"):
            assert any((ROOT / folder / name).is_file() for folder in ("", "python"))
            archive.addfile(tarfile.TarInfo(f"nanobook-1.2.3/{name}"))
    found = [line for line in check(path) if line.startswith("unexpected")]
    assert found == [f"unexpected: nanobook-1.2.3/{name}" for name in checks]
