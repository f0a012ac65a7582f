"""Heads that need no parser: players ask for one piece after another in the same words, and only the address and
the range differ.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from polyreel.http.bytes import Stretch
from polyreel.http.middleware import Scope

__all__ = ["Asker", "PlainHead", "read_plain_head"]

# Letters that mean themselves.
_LINE = re.compile(rb"GET (/[\w./-]*)(?:\?([\w=&.-]*))? HTTP/1\.1\r\n")
_RANGE = re.compile(rb"\r\n(?i:range): *([\w=,-]*)\r\n")
_END = b"\r\n\r\n"


class PlainHead(NamedTuple):
    """Where it asks for what, and its other fields as they came; `range` is None without one."""

    path: str
    query: bytes
    range: bytes | None
    fields: bytes

    def is_of(self, scope: Scope) -> bool:
        """Whether a parser found the same in it."""
        ranges = [value for name, value in scope["headers"] if name == b"range"]
        expected = [] if self.range is None else [self.range]
        asked = scope["path"], scope["query_string"], ranges
        return asked == (self.path, self.query, expected)

    def scope_like(self, other: Scope) -> Scope:
        """Its scope, made of that of another with the same `fields`."""
        headers = [pair for pair in other["headers"] if pair[0] != b"range"]
        if self.range is not None:
            headers.append((b"range", self.range))
        return {
            **other,
            "path": self.path,
            "raw_path": self.path.encode(),
            "query_string": self.query,
            "headers": headers,
        }


Asker = Callable[[PlainHead], Stretch | None]
"""Finds the answer to one head after another with the same `fields`, behind which no body comes; None: it is to be
asked for as usual.
"""


def read_plain_head(data: bytes) -> PlainHead | None:
    """The head that `data` is, from its first byte to its last; None when it is anything else, or unusual."""
    line = _LINE.match(data)
    if line is None or data.find(_END) + len(_END) != len(data):
        return None
    path, query = line.groups(b"")
    asked = _RANGE.search(data, line.end() - 2)
    if asked is None:
        return PlainHead(path.decode(), query, None, data[line.end() :])
    if _RANGE.search(data, asked.end() - 2):
        return None
    fields = data[line.end() : asked.start() + 2] + data[asked.end() :]
    return PlainHead(path.decode(), query, asked[1], fields)
