"""Tries an aarch64 wheel for CPython 3.11 on an x86-64 machine, by emulation.

`python tools/aarch64.py WHEEL` unpacks Debian's arm64 Python and the wheel, and runs a few commands
and the demo. `nox -s aarch64` builds the wheel and calls it. The interpreter stays where
tools/interpreters.py keeps others.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

# The release whose Python is 3.11, and what that needs to run.
SUITE = "bookworm"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
PACKAGES = """
    python3.11-minimal libpython3.11-minimal libpython3.11-stdlib libc6 libgcc-s1 libexpat1 libffi8
    zlib1g libbz2-1.0 liblzma5 libsqlite3-0 libssl3 libuuid1 libcrypt1
"""

SMOKE = """
import nanobook, platform
assert platform.machine() == "aarch64", platform.machine()
exchange = nanobook.Exchange()
exchange.submit_limit("sell", 10100, 50)
exchange.submit_trailing_stop_market("sell", 9000, 5, "percentage", 0.01)
assert exchange.submit_limit("buy", 10200, 80).filled_quantity == 50
copy = nanobook.Exchange.replay(exchange.events())
assert copy.state_digest() == exchange.state_digest()
result = nanobook.run_backtest(nanobook.EqualWeight(), [{"A": 1000}, {"A": 1100}], 100_000)
assert result.portfolio.equity_curve() == [100_000, 100_000, 110_000]
print(nanobook.__version__, "runs on", platform.machine())
"""


def main() -> None:
    """Run what the command line names."""
    (wheel,) = sys.argv[1:]
    emulator = shutil.which("qemu-aarch64-static")
    if emulator is None:
        sys.exit("aarch64.py: no qemu-aarch64-static: `apt-get install qemu-user-static`")
    pythons = os.environ.get("NANOBOOK_PYTHONS") or "~/.cache/nanobook/pythons"
    root = Path(pythons).expanduser().resolve() / "3.11-aarch64"
    python = root / "usr/bin/python3.11"
    if not python.exists():
        unpack(root)
    with tempfile.TemporaryDirectory() as site:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
        environment = {**os.environ, "PYTHONHOME": str(root / "usr"), "PYTHONPATH": site}
        emulated = [emulator, "-L", str(root), str(python)]
        for arguments in (["-c", SMOKE], ["-m", "nanobook", "demo"]):
            subprocess.run([*emulated, *arguments], env=environment, cwd=site, check=True)


def unpack(root: Path) -> None:
    """Unpack the packages into a folder of their own; apt checks their signatures."""
    if not (shutil.which("apt-get") and KEYRING.exists()):
        sys.exit(f"aarch64.py: Python for arm64 comes from Debian: needs apt-get and {KEYRING}")
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        for folder in ("lists/partial", "cache/archives/partial"):
            (work / folder).mkdir(parents=True)
        host = "http://deb.debian.org/debian"
        source = f"deb [signed-by={KEYRING} arch=arm64] {host} {SUITE} main\n"
        (work / "sources.list").write_text(source, "utf-8")
        configuration = work / "apt.conf"
        configuration.write_text(
            'APT::Architecture "arm64";\n'
            'APT::Architectures "arm64";\n'
            f'Dir::Etc::SourceList "{work}/sources.list";\n'
            'Dir::Etc::SourceParts "/dev/null";\n'
            f'Dir::State::Lists "{work}/lists";\n'
            f'Dir::Cache "{work}/cache";\n'
            # Its user for downloads cannot write here.
            'APT::Sandbox::User "root";\n',
            "utf-8",
        )
        environment = {**os.environ, "APT_CONFIG": str(configuration)}
        for command in (["update", "--error-on=any"], ["download", *PACKAGES.split()]):
            command = ["apt-get", "--quiet", *command]
            subprocess.run(command, cwd=work, env=environment, stdout=sys.stderr, check=True)
        part = root.with_name(root.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        for package in sorted(work.glob("*.deb")):
            subprocess.run(["dpkg-deb", "--extract", package, part], check=True)
        part.rename(root)


if __name__ == "__main__":
    main()
