"""Where things lie in the checkout, and its Python modules."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"
PACKAGE = SRC / "polyreel"
VENDORED = PACKAGE / "web" / "static" / "vendor"


def modules(folder: Path = PACKAGE) -> list[Path]:
    """Every Python file under `folder`, sorted."""
    found = sorted(folder.rglob("*.py"))
    assert found, f"no module under {folder}"
    return found


def shown(path: Path) -> str:
    """A path as a reader writes it: from the root of the checkout."""
    return path.relative_to(ROOT).as_posix()


def kept_files() -> list[Path]:
    """Every file that git keeps or is about to keep (new and not ignored)."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    files = [ROOT / name for name in listed.split("\0") if name]
    return [path for path in files if path.is_file()]
