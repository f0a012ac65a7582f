"""`python -m polyreel.infra.probing FILE`: one JSON object on standard output, see `infra.probe`."""

import json
import sys

from polyreel.infra.probing.container import read_container

__all__: list[str] = []

if __name__ == "__main__":
    sys.stdout.write(json.dumps(read_container(sys.argv[1]), separators=(",", ":")))
