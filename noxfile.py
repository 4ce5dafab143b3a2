"""Everything there is to run: `nox -s demo` for the main job, `nox -s test` for every check."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
import tomllib
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["test"]
nox.options.error_on_missing_interpreters = True
# Environments are kept between runs; those that hold the wheel are made anew.
nox.options.reuse_venv = "yes"

ROOT = Path(__file__).resolve().parent
PYTHON = ROOT / "python"
PYPROJECT = PYTHON / "pyproject.toml"
TYPED = PYTHON / "tests" / "typed"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
WHEELS = TARGET / "nox-wheels"

# Python sources that are linted; paths are relative to ROOT.
SOURCES = ["docs", "examples", "noxfile.py", "python", "tools"]

# Feature sets of the core that no test run covers: each has to build.
FEATURES = [
    ("--no-default-features", "--features", "persistence"),
    ("--no-default-features", "--features", "parallel"),
    ("--all-features",),
]


def tools(session: nox.Session, *groups: str) -> None:
    """Install dependency groups of `python/pyproject.toml`."""
    project = nox.project.load_toml(PYPROJECT)
    session.install("--quiet", *nox.project.dependency_groups(project, *groups))


def cargo(session: nox.Session, *arguments: str, env: dict[str, str] | None = None) -> None:
    """Run cargo with the committed lock file."""
    session.run("cargo", *arguments, env=env, external=True)


# The wheel of this run, once some session has built it.
wheels: list[Path] = []


def wheel(session: nox.Session) -> Path:
    """Return the wheel of this run; the first session that asks builds it."""
    if not wheels:
        tools(session, "build")
        shutil.rmtree(WHEELS, ignore_errors=True)
        session.run(
            *("maturin", "build", "--release", "--locked"),
            *("--manifest-path", str(PYTHON / "Cargo.toml")),
            # The real interpreter: its path stays when environments go, and cargo's cache with it.
            *("--interpreter", str(Path(sys.executable).resolve()), "--out", str(WHEELS)),
        )
        wheels.extend(WHEELS.glob("nanobook-*.whl"))
    return wheels[0]


def install_wheel(session: nox.Session) -> None:
    """Install the package as a user gets it: the wheel, far from its source tree."""
    session.install("--quiet", "--no-deps", "--force-reinstall", str(wheel(session)))


def point_at_market_data(session: nox.Session) -> None:
    """Set `NANOBOOK_DATA` to the real market data beside the checkout, when it is there."""
    data = ROOT.parent / "shared" / "data"
    if "NANOBOOK_DATA" not in os.environ and data.is_dir():
        session.env["NANOBOOK_DATA"] = str(data)


@nox.session(reuse_venv=False)
def demo(session: nox.Session) -> None:
    """Install the package and run the main job; arguments after `--` go to `nanobook demo`."""
    install_wheel(session)
    session.run("nanobook", "demo", *session.posargs)


@nox.session(reuse_venv=False)
def test(session: nox.Session) -> None:
    """Run every check: both languages' tests, then `lint`, `docs`, `stubs` and `audit`."""
    # Queued first, so that they also run when a test fails.
    session.notify("lint")
    session.notify("docs")
    session.notify("stubs")
    session.notify("audit")

    point_at_market_data(session)
    cargo(session, "test", "--locked", "--no-fail-fast")
    cargo(session, "test", "--locked", "--no-fail-fast", "--no-default-features")
    for features in FEATURES:
        cargo(session, "check", "--locked", "--all-targets", *features)

    install_wheel(session)
    tools(session, "test")
    with tempfile.TemporaryDirectory() as elsewhere, session.chdir(elsewhere):
        session.run("pytest", "--config-file", str(PYPROJECT), str(PYTHON / "tests"))


@nox.session
def lint(session: nox.Session) -> None:
    """Check the form of both languages, every warning an error."""
    tools(session, "lint")
    ruff = ("--config", str(PYPROJECT), *SOURCES)
    session.run("ruff", "check", *ruff)
    session.run("ruff", "format", "--check", *ruff)
    session.run("pyright", "--project", str(PYTHON))

    cargo(session, "fmt", "--all", "--check")
    clippy = ("clippy", "--locked", "--all-targets")
    cargo(session, *clippy, "--workspace", "--all-features", "--", "-D", "warnings")
    cargo(session, *clippy, "--no-default-features", "--", "-D", "warnings")
    strict = {"RUSTDOCFLAGS": "-D warnings"}
    cargo(session, "doc", "--locked", "--workspace", "--no-deps", "--all-features", env=strict)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation site into `site/`, without a network, every warning an error."""
    tools(session, "docs")
    # The theme's notice about its own future is no warning about these pages.
    session.run("mkdocs", "build", "--strict", "--quiet", env={"NO_MKDOCS_2_WARNING": "1"})

    # A page that is read without a network must not ask for anything there. Links may lead out.
    fetched = re.compile(r"""<(?:script|img|iframe|link(?=[^>]*stylesheet))\b[^>]*["']https?:""")
    for page in sorted((ROOT / "site").rglob("*.html")):
        if found := fetched.search(page.read_text("utf-8")):
            session.error(f"{page.relative_to(ROOT)} fetches from elsewhere: {found[0]}")
    session.log("read the documentation: site/index.html")


@nox.session(reuse_venv=False)
def stubs(session: nox.Session) -> None:
    """Compare the stub with the module, and check types as a user of the wheel does."""
    install_wheel(session)
    tools(session, "stubs")
    allowed = ["--allowlist", str(PYTHON / "stubtest-allowlist.txt")]
    with tempfile.TemporaryDirectory() as elsewhere, session.chdir(elsewhere):
        session.run("python", "-m", "mypy.stubtest", "nanobook", *allowed)

        # Pyright takes the packages of the first Python on PATH: here one that holds the wheel
        # and nothing else, as a user's environment does on the first day.
        bare = Path(elsewhere) / "bare"
        session.run("python", "-m", "venv", "--without-pip", str(bare))
        session.run(
            *("python", "-m", "pip", "--python", str(bare), "install", "--quiet", "--no-deps"),
            str(wheel(session)),
        )
        scripts = "Scripts" if os.name == "nt" else "bin"
        bin_paths = session.bin_paths or []
        path = os.pathsep.join([str(bare / scripts), *bin_paths, os.environ["PATH"]])
        output = session.run(
            *("pyright", "--ignoreexternal", "--verifytypes", "nanobook", "--outputjson"),
            env={"PATH": path},
            silent=True,
            success_codes=[0, 1],
        )
        completeness = json.loads(str(output))["typeCompleteness"]
        for symbol in completeness["symbols"]:
            if symbol["isExported"] and not symbol["isTypeKnown"]:
                session.warn(f"{symbol['name']}: {symbol['diagnostics']}")
        score = completeness["completenessScore"]
        session.log(f"pyright --verifytypes: {score:.2%} of the public types are known")
        if score != 1:
            session.error("every public type has to be known")

        # The typing files are copied, so that nothing of the source tree is found beside them. The
        # first has to pass with the wheel alone, the other where NumPy is installed too.
        interpreters = {
            "api.py": str(bare / scripts / "python"),
            "api_numpy.py": str(Path(session.bin or "") / "python"),
        }
        for name, interpreter in interpreters.items():
            folder = Path(elsewhere) / Path(name).stem
            folder.mkdir()
            shutil.copy(TYPED / name, folder)
            shutil.copy(TYPED / "pyrightconfig.json", folder)
            session.run("mypy", "--strict", "--python-executable", interpreter, str(folder / name))
            session.run("pyright", "--project", str(folder), "--pythonpath", interpreter)


@nox.session(reuse_venv=False)
def audit(session: nox.Session) -> None:
    """Ask for every public Rust name in Python, with stub, documentation and test."""
    install_wheel(session)
    tools(session, "audit")
    with tempfile.TemporaryDirectory() as elsewhere, session.chdir(elsewhere):
        session.run("pytest", "--quiet", "--config-file", str(PYPROJECT), str(PYTHON / "audit"))
        session.run("python", str(PYTHON / "audit" / "run_audit.py"))


@nox.session(reuse_venv=False)
def bench(session: nox.Session) -> None:
    """Run the benchmarks of both languages; figures are read, never asserted."""
    cargo(session, "bench", "--locked")
    install_wheel(session)
    tools(session, "bench")
    with tempfile.TemporaryDirectory() as elsewhere, session.chdir(elsewhere):
        session.run("pytest", "--config-file", str(PYPROJECT), str(PYTHON / "benches"))


@nox.session(venv_backend="none")
def msrv(session: nox.Session) -> None:
    """Build and test with the oldest Rust that `rust-version` in Cargo.toml promises."""
    workspace = tomllib.loads((ROOT / "Cargo.toml").read_text("utf-8"))["workspace"]
    version = str(workspace["package"]["rust-version"])
    programs = toolchain(session, version)
    # First on PATH and named: a cargo runs the rustc that it finds, not the one beside it.
    env = {
        "PATH": os.pathsep.join([str(programs), os.environ["PATH"]]),
        "RUSTC": str(programs / "rustc"),
        "RUSTDOC": str(programs / "rustdoc"),
        "CARGO_TARGET_DIR": str(TARGET / "msrv"),
    }
    oldest = str(programs / "cargo")
    for features in (["--no-default-features"], [], ["--all-features"]):
        session.run(oldest, "test", "--locked", *features, env=env, external=True)
    everything = ("--workspace", "--all-targets", "--all-features")
    session.run(oldest, "check", "--locked", *everything, env=env, external=True)


def toolchain(session: nox.Session, version: str) -> Path:
    """Return the folder of the programs of a Rust version; its compiler has been asked."""
    places: list[Path] = []
    if named := os.environ.get("NANOBOOK_MSRV_BIN"):
        places.append(Path(named))
    else:
        home = Path(os.environ.get("RUSTUP_HOME", Path.home() / ".rustup"))
        places += (path / "bin" for path in sorted(home.glob(f"toolchains/{version}*")))
        places.append(Path("/usr/bin"))
    for place in places:
        if rustc := shutil.which("rustc", path=str(place)):
            found = str(session.run(rustc, "--version", silent=True, external=True))
            if found.startswith(f"rustc {version}."):
                session.log(f"{found.strip()} in {place}")
                return place
    looked = ", ".join(map(str, places))
    session.error(
        f"no rustc {version} in {looked}: `rustup toolchain install {version} --profile minimal`, "
        "or set NANOBOOK_MSRV_BIN to the folder that has it"
    )
