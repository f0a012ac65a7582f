"""Packages of npm that tests compare with or try: real clients and servers of other people.

npm installs them, once, in a cache folder of the user, outside of the repository.
"""

import os
import shutil
import subprocess
from pathlib import Path

__all__ = ["NodeMissing", "installed"]

_INSTALL_S = 180.0


class NodeMissing(Exception):
    """What is wanted cannot be had here; the message says why."""


def installed(name: str, *packages: str) -> Path:
    """A folder, called `name`, whose scripts can import these packages. Raises NodeMissing."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise NodeMissing("node and npm are not here: apt-get install nodejs npm")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    home = cache / "polyreel-tests" / name
    whole = home / "whole"
    if not whole.exists():
        home.mkdir(parents=True, exist_ok=True)
        (home / "package.json").write_text('{"private": true, "type": "module"}')
        command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *packages]
        try:
            subprocess.run(command, cwd=home, check=True, capture_output=True, timeout=_INSTALL_S)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            raise NodeMissing(f"npm could not install {' '.join(packages)}: {error}") from None
        whole.touch()
    return home
