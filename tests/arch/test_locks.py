"""What is installed is what was chosen: locks that are whole, agree, and name no address."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.arch.tree import ROOT

RUNTIME, BUILD, DEV = (f"requirements{kind}.lock" for kind in ("", "-build", "-dev"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
GROUPS = PROJECT["dependency-groups"]
WANTED = {
    RUNTIME: PROJECT["project"]["dependencies"],
    BUILD: GROUPS["build"],
    DEV: PROJECT["project"]["dependencies"]
    + [one for one in GROUPS["dev"] if isinstance(one, str)],
}


def entries(lock):
    return re.split(r"\n(?=[a-z0-9])", (ROOT / lock).read_text().strip())


def pins(lock):
    """Name -> the lines that pin it; more than one where versions of Python differ."""
    found: dict[str, set[str]] = {}
    for entry in entries(lock):
        requirement = Requirement(entry.split("\\")[0].strip())
        found.setdefault(canonicalize_name(requirement.name), set()).add(str(requirement))
    return found


@pytest.mark.parametrize("lock", WANTED)
def test_every_package_is_pinned_by_hash_and_has_no_address(lock):
    assert "://" not in (ROOT / lock).read_text()
    bad = [
        entry.split("\n")[0]
        for entry in entries(lock)
        if not re.match(r"[a-z0-9-]+==\S+ ", entry) or "--hash=sha256:" not in entry
    ]
    assert bad == []


@pytest.mark.parametrize("lock", WANTED)
def test_the_lock_holds_what_the_project_asks_for(lock):
    pinned, astray = pins(lock), []
    for wish in map(Requirement, WANTED[lock]):
        lines = [Requirement(line) for line in pinned.get(canonicalize_name(wish.name), ())]
        versions = [next(iter(line.specifier)).version for line in lines]
        if not versions or not all(wish.specifier.contains(version) for version in versions):
            astray.append(f"{wish}: {versions}")
    assert astray == [], "run make lock"


def test_every_python_has_the_versions_that_are_tested():
    assert [lines for lines in pins(RUNTIME).values() if len(lines) > 1] == []


@pytest.mark.parametrize("lock", [RUNTIME, BUILD])
def test_developers_run_the_versions_that_users_run(lock):
    dev = pins(DEV)
    assert {name: lines for name, lines in pins(lock).items() if dev.get(name) != lines} == {}
