"""What the wheel carries: these tests see the installed package, not the source tree."""

from __future__ import annotations

import json
import tomllib
from importlib import metadata
from pathlib import Path

import nanobook

ROOT = Path(__file__).parents[2]
LICENCES = {"LICENSE", "THIRD-PARTY-LICENSES.txt", "nanobook/data/LICENSE.vega_datasets"}
WHEEL = metadata.distribution("nanobook")
# After `maturin develop` the package is the checkout's own folder.
DIRECT = json.loads(WHEEL.read_text("direct_url.json") or "{}")
IS_EDITABLE: bool = DIRECT.get("dir_info", {}).get("editable", False)


def test_the_tests_run_against_the_installed_wheel() -> None:
    assert nanobook.__file__
    imported = Path(nanobook.__file__).resolve()
    if IS_EDITABLE:
        assert imported == ROOT / "python" / "nanobook" / "__init__.py"
        return
    assert imported == Path(str(WHEEL.locate_file("nanobook/__init__.py"))).resolve()
    assert not imported.is_relative_to(ROOT / "python")


def test_the_version_has_one_source() -> None:
    workspace = tomllib.loads((ROOT / "Cargo.toml").read_text("utf-8"))["workspace"]
    assert workspace["package"]["version"] == WHEEL.version == nanobook.__version__


def test_the_wheel_carries_stub_marker_data_and_licence() -> None:
    files = {str(file).replace("\\", "/") for file in WHEEL.files or []}
    if IS_EDITABLE:
        # Only what is not the package itself is listed.
        found = (ROOT / "python").glob("nanobook/**/*")
        files |= {file.relative_to(ROOT / "python").as_posix() for file in found}
    assert {
        "nanobook/__init__.py",
        "nanobook/nanobook.pyi",
        "nanobook/py.typed",
        "nanobook/data/vega_stocks.csv",
        "nanobook/data/LICENSE.vega_datasets",
        *(f"nanobook-{WHEEL.version}.dist-info/licenses/{file}" for file in LICENCES),
    } <= files


def test_the_licences_of_others_are_those_of_the_locked_versions() -> None:
    text = (ROOT / "python" / "THIRD-PARTY-LICENSES.txt").read_text("utf-8")
    _, *parts = text.split("=" * 80 + "\n")
    named = {line.strip() for head in parts[::2] for line in head.splitlines()[1:]}
    locked = tomllib.loads((ROOT / "Cargo.lock").read_text("utf-8"))["package"]
    assert named <= {f"{crate['name']} {crate['version']}" for crate in locked}
    used: set[str] = set()
    for manifest in ("Cargo.toml", "python/Cargo.toml"):
        used |= tomllib.loads((ROOT / manifest).read_text("utf-8"))["dependencies"].keys()
    assert used - {"nanobook"} <= {crate.split()[0] for crate in named}
    # The Apache licence asks for the notice, too.
    assert "This product includes software developed at\nThe Apache Software Foundation" in text


def test_the_metadata_is_complete() -> None:
    found = WHEEL.metadata
    assert found["Name"] == "nanobook"
    assert found["Requires-Python"] == ">=3.11"
    assert found["License-Expression"] == "MIT"
    assert set(found.get_all("License-File", [])) == LICENCES
    assert found["Author"] == "Ricardo Frantz"
    assert found["Summary"] == (
        "Deterministic limit order book, portfolio simulator, and matching engine"
    )
    assert found["Keywords"] == "orderbook,trading,matching-engine,backtesting,finance"
    assert set(found.get_all("Classifier", [])) == {
        "Development Status :: 4 - Beta",
        "Intended Audience :: Financial and Insurance Industry",
        "Intended Audience :: Science/Research",
        "License :: OSI Approved :: MIT License",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: Implementation :: CPython",
        "Programming Language :: Rust",
        "Topic :: Office/Business :: Financial :: Investment",
    }
    home = "https://github.com/ricardofrantz/nanobook"
    assert set(found.get_all("Project-URL", [])) == {
        f"Homepage, {home}",
        f"Repository, {home}",
        "Documentation, https://docs.rs/nanobook",
        f"Issues, {home}/issues",
    }
    assert found.get_all("Requires-Dist") is None
    readme = (ROOT / "README.md").read_text("utf-8")
    assert readme in (WHEEL.read_text("METADATA") or "")
