"""Everything there is to run: `nox -s demo` for the main job, `nox -s test` for every check."""

from __future__ import annotations

import difflib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import nox
import nox.registry

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["test"]
nox.options.error_on_missing_interpreters = True
# Environments are kept between runs; those that hold the wheel are made anew.
nox.options.reuse_venv = "yes"

ROOT = Path(__file__).resolve().parent
PYTHON = ROOT / "python"
PYPROJECT = PYTHON / "pyproject.toml"
TYPED = PYTHON / "tests" / "typed"
COMPARE = PYTHON / "benches" / "compare"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
WHEELS = TARGET / "nox-wheels"
DIST = ROOT / "dist"

# What wheels are built for and tested with; the free-threaded build is experimental.
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
FREE_THREADED = "3.14t"

# The listing of the public interface is made by these; others may write the same differently.
NIGHTLY = os.environ.get("NANOBOOK_NIGHTLY", "nightly")
PUBLIC_API = ROOT / "tools" / "public-api.txt"

# What the wheel contains of others, with the texts that have to come along.
LICENCES = PYTHON / "THIRD-PARTY-LICENSES.txt"

# The fuzz targets are a workspace of their own.
FUZZ = ("--manifest-path", str(ROOT / "fuzz" / "Cargo.toml"))

# Whether to remove early what no later session needs.
SMALL_DISK = os.environ.get("NANOBOOK_SMALL_DISK") == "1"

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
    if SMALL_DISK and session.venv_backend != "none":
        # One environment at a time: they come to 3 GB. Other projects may keep theirs beside them.
        for name in nox.registry.get():
            other = session.cache_dir.parent / re.sub(r"[^\w-]", "-", name)
            if (other / "pyvenv.cfg").is_file() and not other.samefile(session.virtualenv.location):
                shutil.rmtree(other)
    project = nox.project.load_toml(PYPROJECT)
    session.install("--quiet", *nox.project.dependency_groups(project, *groups))


def cargo(session: nox.Session, *arguments: str, env: dict[str, str] | None = None) -> None:
    """Run cargo with the committed lock file."""
    session.run("cargo", *arguments, env=env, external=True)


# The wheel of this run, once some session has built it.
built: list[Path] = []


def wheel(session: nox.Session) -> Path:
    """Return the wheel of this run; the first session that asks builds it."""
    if not built:
        tools(session, "build")
        shutil.rmtree(WHEELS, ignore_errors=True)
        session.run(
            *("maturin", "build", "--release", "--locked"),
            *("--manifest-path", str(PYTHON / "Cargo.toml")),
            # The real interpreter: its path stays when environments go, and cargo's cache with it.
            *("--interpreter", str(Path(sys.executable).resolve()), "--out", str(WHEELS)),
        )
        built.extend(WHEELS.glob("nanobook-*.whl"))
        if SMALL_DISK:
            cargo(session, "clean", "--release")
    return built[0]


def install_wheel(session: nox.Session) -> None:
    """Install the package as a user gets it: the wheel, far from its source tree."""
    session.install("--quiet", "--no-deps", "--force-reinstall", str(wheel(session)))


def point_at_market_data(session: nox.Session) -> None:
    """Set `NANOBOOK_DATA` to the real market data beside the checkout, when it is there."""
    data = ROOT.parent / "shared" / "data"
    if "NANOBOOK_DATA" not in os.environ and data.is_dir():
        session.env["NANOBOOK_DATA"] = str(data)


def test_core(session: nox.Session) -> None:
    """Test the core with the default features and with none, and build it with the others."""
    cargo(session, "test", "--locked", "--no-fail-fast")
    cargo(session, "test", "--locked", "--no-fail-fast", "--no-default-features")
    for features in FEATURES:
        cargo(session, "check", "--locked", "--all-targets", *features)
    if SMALL_DISK:
        # The tests, but not what they are built with.
        cargo(session, "clean", "--package", "nanobook")


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
    test_core(session)
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

    session.run("python", str(ROOT / "tools" / "release_check.py"))
    workflows = sorted(map(str, (ROOT / ".github" / "workflows").glob("*.yml")))
    schema = ("check-jsonschema", "--builtin-schema")
    session.run(*schema, "vendor.github-workflows", *workflows)
    session.run(*schema, "vendor.dependabot", str(ROOT / ".github" / "dependabot.yml"))
    session.run("yamllint", "--strict", ".github", ".yamllint.yml")
    session.run("zizmor", "--offline", "--quiet", ".github")

    cargo(session, "fmt", "--all", "--check")
    cargo(session, "fmt", *FUZZ, "--check")
    clippy = ("clippy", "--locked", "--all-targets")
    cargo(session, *clippy, "--workspace", "--all-features", "--", "-D", "warnings")
    cargo(session, *clippy, "--no-default-features", "--", "-D", "warnings")
    # Nothing is linked here, so libFuzzer need not be built, which is C++.
    unlinked = {
        "CUSTOM_LIBFUZZER_PATH": str(TARGET / "libfuzzer.a"),
        "CARGO_TARGET_DIR": str(TARGET),
    }
    cargo(session, *clippy, *FUZZ, "--", "-D", "warnings", env=unlinked)
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
    """Run the benchmarks of both languages; figures are read, never asserted. `-- NAME` saves."""
    name = session.posargs[0] if session.posargs else None
    cargo(session, "bench", "--locked", *(["--", "--save-baseline", name] if name else []))
    install_wheel(session)
    tools(session, "bench")
    saved = [f"--benchmark-json={TARGET / 'criterion' / f'python-{name}.json'}"] if name else []
    with tempfile.TemporaryDirectory() as elsewhere, session.chdir(elsewhere):
        session.run("pytest", "--config-file", str(PYPROJECT), *saved, str(PYTHON / "benches"))


@nox.session(reuse_venv=False)
def compare(session: nox.Session) -> None:
    """Compare with packages of PyPI: `-- P1 P5` some rows, `--rounds N`, `--write` the table."""
    path = wheel(session)
    folder = session.cache_dir / "compare"
    peers = tomllib.loads((COMPARE / "peers.toml").read_text("utf-8"))
    for name, peer in peers.items():
        # Kept between runs, until what it holds is no more what the table says.
        place, listed = folder / name, folder / f"{name}.txt"
        requires = "\n".join(peer["requires"])
        if not listed.is_file() or listed.read_text("utf-8") != requires:
            shutil.rmtree(place, ignore_errors=True)
            listed.unlink(missing_ok=True)
            if install_peer(session, folder, name, peer["requires"]):
                listed.write_text(requires, "utf-8")
        if name == "nanobook":
            pip = ("python", "-m", "pip", "--quiet", "--python", str(place))
            session.run(*pip, "install", "--no-deps", "--force-reinstall", str(path))
            shutil.rmtree(folder / "wheels" / name, ignore_errors=True)
            (folder / "wheels" / name).mkdir(parents=True)
            shutil.copy(path, folder / "wheels" / name)
    session.run("python", str(COMPARE / "run.py"), "--folder", str(folder), *session.posargs)


def install_peer(session: nox.Session, folder: Path, name: str, requires: list[str]) -> bool:
    """Make the environment of a package, and keep its wheel; if that fails, the reason why."""
    reason, wheels = folder / f"{name}.reason", folder / "wheels" / name
    reason.unlink(missing_ok=True)
    shutil.rmtree(wheels, ignore_errors=True)
    pip = environment(session, sys.executable, folder / name)
    # A package itself comes as a wheel, whose size is compared; what it needs may not have one.
    download = ("download", "--only-binary", ":all:", "--no-deps", "--dest", str(wheels))
    for command in ((*pip, "install", *requires), (*pip, *download, requires[0])):
        output = session.run(*command, silent=True, success_codes=[0, 1])
        if errors := [line for line in str(output).splitlines() if line.startswith("ERROR")]:
            session.warn(f"{name}: {errors[-1]}")
            reason.write_text(errors[-1].removeprefix("ERROR: "), "utf-8")
            return False
    return True


@nox.session(venv_backend="none")
def rust(session: nox.Session) -> None:
    """Test the core alone: what `test` does first."""
    point_at_market_data(session)
    test_core(session)


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
    # `nox -s test` and `nox -s rust` do the same with the newest Rust.
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


@nox.session(venv_backend="none")
def crate(session: nox.Session) -> None:
    """Pack the crate as crates.io would get it, look at what is inside, and build that."""
    package = ("--locked", "--allow-dirty", "--package", "nanobook")
    listed = str(session.run("cargo", "package", "--list", *package, silent=True, external=True))
    folders = ("src", "benches", "examples")
    sources = [path for folder in folders for path in (ROOT / folder).rglob("*.rs")]
    wanted = {path.relative_to(ROOT).as_posix() for path in sources}
    wanted |= {"CHANGELOG.md", "Cargo.toml", "LICENSE", "README.md", "docs/rust.md"}
    wanted |= {".cargo_vcs_info.json", "Cargo.lock", "Cargo.toml.orig"}
    difference = set(listed.split()) ^ wanted
    # A tree that is no git checkout leaves this one out.
    difference.discard(".cargo_vcs_info.json")
    if difference:
        session.error(f"missing from the crate, or too much in it: {sorted(difference)}")
    cargo(session, "publish", "--dry-run", *package)


@nox.session(venv_backend="none")
def api(session: nox.Session) -> None:
    """Compare the crate's public interface with tools/public-api.txt; `-- --write` rewrites it."""
    need(session, "cargo-public-api", "0.52.0")
    command = ("cargo", f"+{NIGHTLY}", "public-api", "--all-features", "-ss")
    # What the compiler says goes to the terminal: it is not part of the listing.
    listing = session.run(*command, silent=True, external=True, stderr=sys.stderr)
    if "--write" in session.posargs:
        PUBLIC_API.write_text(str(listing), "utf-8")
    before = PUBLIC_API.read_text("utf-8").splitlines()
    changes = list(difflib.unified_diff(before, str(listing).splitlines(), lineterm="", n=0))
    if changes:
        session.log("\n".join(changes))
        session.error(
            "the public interface has changed: if that is meant, run `nox -s api -- --write`, and "
            "name it in CHANGELOG.md"
        )


@nox.session(venv_backend="none")
def deny(session: nox.Session) -> None:
    """Check licences, sources and duplicates of dependencies; `-- advisories` asks the network."""
    need(session, "cargo-deny", "0.20.2")
    checks = session.posargs or ["bans", "licenses", "sources"]
    cargo(session, "deny", "--locked", "--all-features", "--workspace", "check", *checks)


@nox.session(venv_backend="none")
def licenses(session: nox.Session) -> None:
    """Compare the licence texts in the wheel with its dependencies; `-- --write` rewrites them."""
    need(session, "cargo-about", "0.9.3", "--features", "cli")
    with tempfile.TemporaryDirectory() as work:
        made = Path(work) / LICENCES.name
        said = session.run(
            *("cargo", "about", "generate", "--locked", "--fail"),
            *("--manifest-path", str(PYTHON / "Cargo.toml")),
            *("--config", str(PYTHON / "about.toml"), "--output-file", str(made)),
            str(PYTHON / "about.hbs"),
            silent=True,
            external=True,
        )
        text = made.read_text("utf-8").rstrip() + "\n"
    # The tool goes on without a text that has changed, and with a form where it finds no text.
    problems = [line for line in str(said).splitlines() if "WARN" in line]
    parts = text.split("=" * 80 + "\n")
    forms = [head for head, body in zip(parts[1::2], parts[2::2], strict=True) if "<year>" in body]
    problems += [f"no text of its own: {head}" for head in forms]
    if problems:
        session.error("\n".join([*problems, "name the files in python/about.toml"]))
    if "--write" in session.posargs:
        LICENCES.write_text(text, "utf-8", newline="\n")
    before = LICENCES.read_text("utf-8").splitlines()
    changes = list(difflib.unified_diff(before, text.splitlines(), lineterm="", n=0))
    if changes:
        session.log("\n".join(changes))
        session.error("the dependencies have changed: run `nox -s licenses -- --write`")


def need(session: nox.Session, program: str, version: str, *options: str) -> None:
    """End the session unless a cargo subcommand is installed."""
    if not shutil.which(program):
        install = " ".join(["cargo install --locked", f"{program}@{version}", *options])
        session.error(f"no {program}: `{install}`")


@nox.session
def steps(session: nox.Session) -> None:
    """List the commands of the workflows that can run here and not; `-- --run` runs them."""
    tools(session, "lint")
    session.run("python", str(ROOT / "tools" / "run_steps.py"), *session.posargs)


@nox.session(venv_backend="none")
def fuzz(session: nox.Session) -> None:
    """Fuzz each target of fuzz/ for a minute; arguments after `--` go to libFuzzer."""
    need(session, "cargo-fuzz", "0.13.1")
    # It has no option for the committed lock file, and leaves one alone that is right.
    cargo(session, "fetch", "--locked", *FUZZ)
    # Long inputs from the start, for what goes wrong takes many commands; but not so long that
    # there are few of them.
    lengths = ("-len_control=0", "-max_len=2048")
    arguments = session.posargs or ["-max_total_time=60", "-timeout=10", *lengths]
    fuzzer = ("cargo", f"+{NIGHTLY}", "fuzz")
    for target in str(session.run(*fuzzer, "list", silent=True, external=True)).split():
        session.run(*fuzzer, "run", target, "--", *arguments, external=True)


@nox.session(reuse_venv=False)
def wheels(session: nox.Session) -> None:
    """Build the wheels for Linux x86-64 and the sdist into dist/, check and test each."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        session.error("manylinux wheels for x86-64 are built on Linux x86-64")
    pythons = [interpreter(session, version) for version in PYTHONS]
    tools(session, "build", "wheels")
    shutil.rmtree(DIST, ignore_errors=True)
    manifest = ("--manifest-path", str(PYTHON / "Cargo.toml"), "--out", str(DIST))
    session.run(
        *("maturin", "build", "--release", "--locked", *manifest),
        # Zig links against an old glibc: the wheel runs wherever pip takes it.
        *("--zig", "--compatibility", "manylinux_2_28", "--interpreter", *pythons),
    )
    session.run("maturin", "sdist", *manifest)
    check_files(session, sorted(DIST.iterdir()))
    for python in pythons:
        try_package(session, python, DIST)
    try_sdist(session, pythons[0], DIST)


@nox.session
def develop(session: nox.Session) -> None:
    """Install the checkout in place with each Python, or those after `--`, and run the tests."""
    for version in session.posargs or PYTHONS:
        python = interpreter(session, version)
        with tempfile.TemporaryDirectory() as work:
            place = Path(work) / "environment"
            pip = environment(session, python, place)
            project = nox.project.load_toml(PYPROJECT)
            # maturin installs with the pip of the environment itself.
            session.run(*pip, "install", "pip", *nox.project.dependency_groups(project, "build"))
            programs = place / ("Scripts" if os.name == "nt" else "bin")
            with session.chdir(PYTHON):
                session.run(
                    *(str(programs / "maturin"), "develop", "--release", "--locked"),
                    env={"VIRTUAL_ENV": str(place)},
                    external=True,
                )
            with session.chdir(ROOT):
                try_installed(session, place)


@nox.session
def aarch64(session: nox.Session) -> None:
    """Cross-build the wheel of CPython 3.11 for Linux on aarch64, and try it by emulation."""
    python = interpreter(session, "3.11")
    tools(session, "build", "wheels")
    folder = TARGET / "nox-wheels-aarch64"
    shutil.rmtree(folder, ignore_errors=True)
    session.run(
        *(
            "maturin",
            "build",
            "--release",
            "--locked",
            "--zig",
            "--compatibility",
            "manylinux_2_28",
        ),
        *("--target", "aarch64-unknown-linux-gnu", "--interpreter", python),
        *("--manifest-path", str(PYTHON / "Cargo.toml"), "--out", str(folder)),
        env={"PYO3_CROSS": "1", "PYO3_CROSS_PYTHON_VERSION": "3.11"},
    )
    (path,) = folder.glob("*.whl")
    check_files(session, [path])
    session.run("python", str(ROOT / "tools" / "aarch64.py"), str(path))


@nox.session(name="wheel-check")
def wheel_check(session: nox.Session) -> None:
    """Check what the wheels and sdists that are named after `--` carry, whatever their system."""
    if not session.posargs:
        session.error("name wheels and sdists after `--`")
    tools(session, "wheels")
    check_files(session, [Path(name).resolve() for name in session.posargs])


@nox.session(name="wheel-test")
def wheel_test(session: nox.Session) -> None:
    """Test the wheels of a folder that fit this machine: `-- FOLDER VERSION...`."""
    folder, *versions = named(session, "*.whl")
    for version in versions or PYTHONS:
        try_package(session, interpreter(session, version), Path(folder))


@nox.session(name="sdist-test")
def sdist_test(session: nox.Session) -> None:
    """Build the sdist of a folder, and test what comes out: `-- FOLDER [VERSION]`."""
    folder, *versions = named(session, "*.tar.gz")
    python = interpreter(session, versions[0] if versions else PYTHONS[0])
    try_sdist(session, python, Path(folder))


def named(session: nox.Session, pattern: str) -> list[str]:
    """Return what is named after `--`: a folder that holds such files, and versions."""
    folder, *versions = session.posargs or [""]
    if not folder or not any(Path(folder).glob(pattern)):
        session.error(f"name a folder that holds {pattern} after `--`, got {folder!r}")
    return [str(Path(folder).resolve()), *versions]


def test_with(version: str) -> None:
    """Define the session that builds and tests with one version of Python."""

    @nox.session(name=f"test-{version}")
    def run(session: nox.Session) -> None:
        python = interpreter(session, version)
        tools(session, "build")
        folder = TARGET / f"nox-wheels-{version}"
        shutil.rmtree(folder, ignore_errors=True)
        session.run(
            *("maturin", "build", "--release", "--locked", "--interpreter", python),
            *("--manifest-path", str(PYTHON / "Cargo.toml"), "--out", str(folder)),
        )
        try_package(session, python, folder)

    run.__doc__ = f"Build the wheel for CPython {version}, install it, and run the Python tests."


for each in (*PYTHONS, FREE_THREADED):
    test_with(each)


def check_files(session: nox.Session, files: list[Path]) -> None:
    """Check tags, metadata and content of wheels and sdists."""
    names = list(map(str, files))
    packed = [name for name in names if name.endswith(".whl")]
    session.run("twine", "check", "--strict", *names)
    # The licence of the sample data is beside them and among the licences, on purpose.
    session.run("check-wheel-contents", "--ignore", "W002", *packed)
    session.run("python", str(ROOT / "tools" / "wheel_check.py"), *names)
    for name in packed:
        # auditwheel judges by the C library of its own machine, and that is no musl.
        if "manylinux" not in name:
            continue
        shown = str(session.run("auditwheel", "show", name, silent=True))
        # The tag in its name is what the symbols inside allow.
        tag = name.removesuffix(".whl").rsplit("-", 1)[1].split(".")[0]
        if f'following platform tag: "{tag}"' not in " ".join(shown.split()):
            session.error(f"{name}: auditwheel says:\n{shown}")


def try_package(session: nox.Session, python: str, folder: Path) -> None:
    """Install the wheel of a folder that fits, in an environment of its own; demo, then tests."""
    with tempfile.TemporaryDirectory() as work, session.chdir(work):
        pip = environment(session, python, Path(work) / "environment")
        offline = ("--no-index", "--no-deps", "--only-binary", ":all:")
        session.run(*pip, "install", *offline, "--find-links", str(folder), "nanobook")
        try_installed(session, Path(work) / "environment")


def try_sdist(session: nox.Session, python: str, folder: Path) -> None:
    """Build the sdist of a folder as pip does it for a user, and try what comes out."""
    (source,) = folder.glob("nanobook-*.tar.gz")
    with tempfile.TemporaryDirectory() as work, session.chdir(work):
        pip = environment(session, python, Path(work) / "environment")
        target = {"CARGO_TARGET_DIR": str(TARGET / "sdist")}
        session.run(*pip, "install", "--no-deps", str(source), env=target)
        try_installed(session, Path(work) / "environment")


def environment(session: nox.Session, python: str, place: Path) -> list[str]:
    """Make an empty environment, and return the command of the pip that installs into it."""
    session.run(python, "-m", "venv", "--without-pip", str(place), external=True)
    return ["python", "-m", "pip", "--python", str(place), "--quiet"]


def try_installed(session: nox.Session, place: Path) -> None:
    """Run the demo without anything else installed, then the tests with what they need."""
    programs = place / ("Scripts" if os.name == "nt" else "bin")
    session.run(str(programs / "nanobook"), "demo", external=True, silent=True)
    project = nox.project.load_toml(PYPROJECT)
    pip = ("python", "-m", "pip", "--python", str(place), "install", "--quiet")
    needed = nox.project.dependency_groups(project, "test")
    free_threaded = session.run(
        str(programs / "python"),
        *("-c", "import sysconfig; print(sysconfig.get_config_var('Py_GIL_DISABLED') or 0)"),
        external=True,
        silent=True,
    )
    if str(free_threaded).strip() == "1":
        # Not every library has a free-threaded build, and tests skip what is not there.
        for requirement in needed:
            binary = ("--only-binary", ":all:", requirement)
            if session.run(*pip, *binary, success_codes=[0, 1], silent=True):
                session.warn(f"{requirement}: is not tested with")
    else:
        session.run(*pip, *needed)
    point_at_market_data(session)
    pytest = ("-m", "pytest", "--config-file", str(PYPROJECT), str(PYTHON / "tests"))
    # Another environment on PATH must not lend its programs to the tests.
    path = os.pathsep.join([str(programs), os.environ["PATH"]])
    session.run(str(programs / "python"), *pytest, external=True, env={"PATH": path})


def interpreter(session: nox.Session, version: str) -> str:
    """Return the path of a CPython, installed by tools/interpreters.py where that can do it."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    places = [
        shutil.which(f"python{version}"),
        *map(str, sorted(pyenv.glob(f"{version}.*/bin/python"), reverse=True)),
        shutil.which("python"),
        sys.executable,
    ]
    for place in filter(None, places):
        # A shim on PATH may have nothing behind it.
        if version_of(place) == version:
            return place
    if version in {"3.14", FREE_THREADED}:
        script = str(ROOT / "tools" / "interpreters.py")
        # What it does and why it cannot goes to the terminal, the path alone to us.
        asked = subprocess.run(
            [sys.executable, script, version], stdout=subprocess.PIPE, text=True, check=False
        )
        if asked.returncode == 0:
            return asked.stdout.splitlines()[-1]
    session.error(f"no CPython {version} on PATH or in {pyenv}: install it (python.org, uv, pyenv)")


def version_of(python: str) -> str | None:
    """Return the version of a CPython as `3.14`, or `3.14t` if it has no lock; None for others."""
    code = (
        "import platform, sys, sysconfig\n"
        "assert platform.python_implementation() == 'CPython'\n"
        "free = sysconfig.get_config_var('Py_GIL_DISABLED')\n"
        "print('%d.%d' % sys.version_info[:2] + ('t' if free else ''))"
    )
    asked = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return asked.stdout.strip() if asked.returncode == 0 else None
