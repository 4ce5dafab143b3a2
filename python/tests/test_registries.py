"""tools/registries.py reads what pip and cargo say; nothing here asks a registry."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from registries import Answers, objections

ROOT = Path(__file__).parents[2]

# As pip 26.3 says it with -vv, and cargo 1.95.
PAGE = "https://pypi.org/simple/nanobook/"
FILES = "https://files.pythonhosted.org/packages/d4/78"
PIP_FOUND = "nanobook ({0})\nAvailable versions: {1}\n  INSTALLED: 99.0.0\n  LATEST:    {0}\n"
PIP_YANKED = (
    f"  Skipping link: yanked for reason: broken: {FILES}/nanobook-0.12.0.tar.gz (from {PAGE})\n"
)
PIP_OTHER = (
    f"  Skipping link: none of the wheel's tags (cp314-cp314-win_amd64) are compatible (run pip "
    f"debug --verbose to show compatible tags): {FILES}/nanobook-0.12.0-cp314-cp314-win_amd64.whl "
    f"(from {PAGE})\n"
)
PIP_ABSENT = (
    f"Could not fetch URL {PAGE}: 404 Client Error: Not Found for url: {PAGE} - skipping\n"
    "ERROR: No matching distribution found for nanobook\n"
)
PIP_CUT_OFF = (
    f"Could not fetch URL {PAGE}: connection error: [Errno 111] Connection refused - skipping\n"
    "ERROR: No matching distribution found for nanobook\n"
)
UPDATING = "    Updating crates.io index\n"
INFO_FOUND = f"{UPDATING}nanobook #trading\nAn order book\nversion: {{}}\nlicense: MIT\n"
INFO_ABSENT = (
    f"{UPDATING}error: could not find `nanobook` in registry "
    "`https://github.com/rust-lang/crates.io-index`\n"
)
CUT_OFF = "error: download of config.json failed\n\nCaused by:\n  Could not connect to server\n"
SELECT = 'error: failed to select a version for the requirement `nanobook = "={}"`\n'
LOCK_FREE = (
    f"{UPDATING}{SELECT.format('0.10.0')}candidate versions found which didn't match: 0.9.0\n"
    "location searched: crates.io index\n"
)
LOCK_YANKED = f"{UPDATING}{SELECT.format('0.10.0')}  version 0.10.0 is yanked\n"
LOCK_TAKEN = (
    f"{UPDATING}     Locking 1 package to latest compatible version\n"
    'version = 4\n\n[[package]]\nname = "nanobook"\nversion = "0.10.0"\n'
)
LOCK_ABSENT = (
    f"{UPDATING}error: no matching package named `nanobook` found\n"
    "location searched: crates.io index\n"
)

ABSENT = Answers(PIP_ABSENT, INFO_ABSENT, LOCK_ABSENT)
RULE = "0.10.0 has to be above every published version"


def pip(*published: str) -> str:
    return PIP_FOUND.format(published[0], ", ".join(published))


def test_the_first_release_of_all_may_have_any_version() -> None:
    assert objections("0.10.0", ABSENT) == []


@pytest.mark.parametrize(
    ("published", "free"),
    [
        (["0.9.0", "0.8.1"], True),
        (["0.9.12"], True),
        (["0.10.0"], False),
        (["0.10"], False),
        (["0.10.1", "0.9.0"], False),
        (["0.9.0", "0.11.0"], False),
        (["1.0.0"], False),
        # A pre-release comes before the release of its number, and after those of lower ones.
        (["0.10.0rc1", "0.10.0b2", "0.10.0a1", "0.10.0.dev3", "0.10.0-rc.1"], True),
        (["0.11.0rc1"], False),
        (["0.10.0.post1"], False),
        (["0.9.0.post1"], True),
        (["1!0.1.0"], False),
        (["of another form"], False),
    ],
)
def test_a_release_is_above_every_version_on_pypi(published: list[str], *, free: bool) -> None:
    assert (objections("0.10.0", ABSENT._replace(pip=pip(*published))) == []) == free


@pytest.mark.parametrize(
    ("line", "free"),
    [
        ("0.9.0", True),
        ("0.10.0-rc.1", True),
        ("0.10.0", False),
        ("0.11.0", False),
        ("0.9.0 (latest 0.11.0)", False),
        ("0.8.0 (latest 0.9.0)", True),
        ("0.9.0 (latest 0.11.0 from https://github.com/rust-lang/crates.io-index)", False),
    ],
)
def test_a_release_is_above_every_version_on_crates_io(line: str, *, free: bool) -> None:
    answers = ABSENT._replace(info=INFO_FOUND.format(line), lock=LOCK_FREE)
    assert (objections("0.10.0", answers) == []) == free


def test_the_newest_versions_and_the_rule_are_named() -> None:
    answers = Answers(
        pip("0.9.3", "0.19.2", "0.18.0", "0.19.1"), INFO_FOUND.format("0.19.3"), LOCK_FREE
    )
    assert objections("0.10.0", answers) == [
        f"PyPI: has 0.19.2, 0.19.1, 0.18.0, and {RULE}",
        f"crates.io: has 0.19.3, and {RULE}",
    ]


@pytest.mark.parametrize("skipped", [PIP_YANKED, PIP_OTHER])
def test_files_that_pip_would_not_install_are_published_too(skipped: str) -> None:
    wanted = [f"PyPI: has 0.12.0, 0.9.0, and {RULE}"]
    assert objections("0.10.0", ABSENT._replace(pip=skipped + pip("0.9.0"))) == wanted
    # Where every version is yanked, pip ends as if there were none.
    alone = skipped + "ERROR: No matching distribution found for nanobook\n"
    assert objections("0.10.0", ABSENT._replace(pip=alone)) == [f"PyPI: has 0.12.0, and {RULE}"]


@pytest.mark.parametrize("lock", [LOCK_YANKED, LOCK_TAKEN])
def test_a_version_that_is_yanked_from_crates_io_is_spent(lock: str) -> None:
    answers = ABSENT._replace(info=INFO_FOUND.format("0.9.0"), lock=lock)
    assert objections("0.10.0", answers) == [f"crates.io: has 0.10.0, 0.9.0, and {RULE}"]


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (ABSENT._replace(pip=PIP_CUT_OFF), PIP_CUT_OFF.splitlines()[0]),
        (ABSENT._replace(pip="No module named pip"), "No module named pip"),
        (ABSENT._replace(pip=""), "nothing"),
        (ABSENT._replace(info=CUT_OFF), CUT_OFF.splitlines()[0]),
        (
            ABSENT._replace(info="error: no such command: `info`\n"),
            "error: no such command: `info`",
        ),
        (ABSENT._replace(info=INFO_FOUND.format("0.9.0"), lock=CUT_OFF), CUT_OFF.splitlines()[0]),
    ],
)
def test_no_answer_is_no_permission(answers: Answers, said: str) -> None:
    registry = "crates.io" if answers.pip == PIP_ABSENT else "PyPI"
    wanted = [f"{registry}: cannot be asked, and {RULE}; said: {said}"]
    assert objections("0.10.0", answers) == wanted


def test_the_check_of_a_release_asks_when_it_is_told_to(tmp_path: Path) -> None:
    # A pip that says something else, and no cargo.
    (tmp_path / "pip.py").write_text("print('the network is down')", "utf-8")
    nowhere = {"PYTHONPATH": str(tmp_path), "PATH": str(tmp_path / "nothing")}
    command = [sys.executable, str(ROOT / "tools" / "release_check.py")]
    for arguments, registries in (([], []), (["--registries"], ["PyPI", "crates.io"])):
        done = subprocess.run(
            [*command, *arguments],
            env={**os.environ, **nowhere},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        found = done.stdout.splitlines()
        assert [line.split(": cannot be asked")[0] for line in found] == registries
        assert done.returncode == (1 if registries else 0)
