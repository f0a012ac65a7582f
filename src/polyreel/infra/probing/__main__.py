"""`python -m polyreel.infra.probing`: reads a path from standard input, up to its end, and writes one
JSON object on standard output, see `infra.probe`.

That file is what is left in reach before it is opened, beside the modules that libav's binding and Python
still load when they need them; with `--open` nothing is taken away.
"""

import json
import os
import sys
from pathlib import Path

import av

from polyreel.infra.confine import confine
from polyreel.infra.probing.container import read_container

__all__: list[str] = []

if __name__ == "__main__":
    path = os.fsdecode(sys.stdin.buffer.read())
    if not path:
        # Whoever held it is gone.
        sys.exit()
    if "--open" not in sys.argv[1:]:
        modules = (Path(av.__file__).parent, Path(os.__file__).parent)
        confine([f"r{path}", *(f"r{folder}" for folder in modules)], network=False)
    sys.stdout.write(json.dumps(read_container(path), separators=(",", ":")))
