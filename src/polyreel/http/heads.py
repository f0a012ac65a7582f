"""A request in the words of the one before: players ask for one piece after another, and only the address and
the range differ. Such a head need not be parsed again, nor a scope be made of it.
"""

import re
from dataclasses import dataclass

from polyreel.http.middleware import Scope

__all__ = ["PlainHead", "read_plain_head"]

# Letters that mean themselves.
_LINE = re.compile(rb"GET (/[\w./-]*)(?:\?([\w=&.-]*))? HTTP/1\.1\r\n")
_RANGE = re.compile(rb"\r\n(?i:range): *([\w=,-]*)\r\n")
_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class PlainHead:
    """Where it asks for what, and its other fields as they came; `range` is None without one."""

    path: bytes
    query: bytes
    range: bytes | None
    fields: bytes

    def scope_after(self, before: "PlainHead", scope: Scope) -> Scope | None:
        """The scope of this one, made of that of the one before; None when more than that differs."""
        if self.fields != before.fields or (self.range is None) != (before.range is None):
            return None
        made = {
            **scope,
            "path": self.path.decode(),
            "raw_path": self.path,
            "query_string": self.query,
        }
        if self.range != before.range:
            if sum(name == b"range" for name, _ in scope["headers"]) != 1:
                return None
            made["headers"] = [
                (name, self.range if name == b"range" else value)
                for name, value in scope["headers"]
            ]
        return made


def read_plain_head(data: bytes) -> PlainHead | None:
    """The head that `data` is, from its first byte to its last; None when it is anything else, or unusual."""
    line = _LINE.match(data)
    if line is None or data.find(_END) + len(_END) != len(data):
        return None
    path, query = line.groups(b"")
    asked = _RANGE.search(data, line.end() - 2)
    if asked is None:
        return PlainHead(path, query, None, data[line.end() :])
    if _RANGE.search(data, asked.end() - 2):
        return None
    fields = data[line.end() : asked.start() + 2] + data[asked.end() :]
    return PlainHead(path, query, asked[1], fields)
