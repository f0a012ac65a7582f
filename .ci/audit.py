#!/usr/bin/env python3
"""Look the locked dependencies up among the known vulnerabilities.

Ends with 1 when one is known or the audit itself is broken. When the advisory service cannot be
reached (no network, or a mirror without advisories) that is said, and the end is 0: not a pass, and
not a reason to stop work on a train. pip-audit alone would report such a run as "no known
vulnerabilities".
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn

LOCK = Path(__file__).resolve().parent.parent / "requirements-dev.lock"
UNREACHABLE = ("Connection", "Timeout", "timed out", "ServiceError", "Max retries")


def audit(requirements: Path) -> list[dict[str, Any]]:
    """What pip-audit found out about each dependency; SystemExit(0) when it cannot ask."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(requirements)]
    command += ["--require-hashes", "--disable-pip", "--format", "json"]
    ended = subprocess.run(
        [*command, "--progress-spinner", "off"], capture_output=True, text=True, check=False
    )
    if ended.stdout.startswith("{"):
        found: list[dict[str, Any]] = json.loads(ended.stdout)["dependencies"]
        return found
    if any(word in ended.stderr for word in UNREACHABLE):
        unreachable(ended.stderr.strip().splitlines()[-1])
    sys.exit(f"pip-audit failed:\n{ended.stderr}")


def unreachable(reason: str) -> NoReturn:
    """Say so, and end without a verdict."""
    print(f"pip-audit could not reach its service ({reason}): nothing was audited")
    sys.exit(0)


def first_of(lock: Path, folder: str) -> Path:
    """A requirements file with the first pin of the lock alone: one question before eighty."""
    lines = lock.read_text().splitlines()
    starts = [number for number, line in enumerate(lines) if line[:1].isalpha()]
    first = Path(folder) / "first.txt"
    first.write_text("\n".join(lines[starts[0] : starts[1]]) + "\n")
    return first


def main() -> NoReturn:
    """One dependency, then all of them."""
    with tempfile.TemporaryDirectory() as folder:
        first = audit(first_of(LOCK, folder))
    if all("skip_reason" in one for one in first):
        unreachable(first[0]["skip_reason"])
    found = audit(LOCK)
    skipped = [one for one in found if "skip_reason" in one]
    for one in skipped:
        print(f"not audited: {one['name']}: {one['skip_reason']}")
    known = [(one, vuln) for one in found for vuln in one.get("vulns", [])]
    for one, vuln in known:
        fixed = ", ".join(vuln["fix_versions"]) or "no version yet"
        print(f"{one['name']} {one['version']}: {vuln['id']}, fixed in {fixed}")
    print(
        f"pip-audit: {len(found) - len(skipped)} dependencies audited, {len(known)} vulnerabilities"
    )
    sys.exit(1 if known else 0)


if __name__ == "__main__":
    main()
