"""Bodies in XML, as upstream's framework takes them: an element of any name, a field for each inside.

A document type is refused, and with it every entity but the five of XML itself: nothing is expanded,
nothing fetched. Source: the contract, 1.2.
"""

from dataclasses import dataclass, field
from xml.parsers import expat

__all__ = ["Element", "NotXml", "read_xml"]

_DEEPEST = 16
_MOST_ELEMENTS = 20_000


class NotXml(ValueError):
    """No XML, or more of it than a request can mean."""


@dataclass
class Element:
    """Its text, and (name, element) of what is inside; names without their namespace."""

    pieces: list[str] = field(default_factory=list)
    inside: list[tuple[str, "Element"]] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What stands in it, outside of other elements."""
        return "".join(self.pieces)


class _Reader:
    def __init__(self) -> None:
        self.root = Element()
        self._open = [self.root]
        self._count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) > _DEEPEST or self._count > _MOST_ELEMENTS:
            raise NotXml
        made = Element()
        self._open[-1].inside.append((name.rpartition(":")[2], made))
        self._open.append(made)

    def end(self, name: str) -> None:
        self._open.pop()

    def text(self, data: str) -> None:
        self._open[-1].pieces.append(data)

    def refuse(self, *_: object) -> None:
        raise NotXml


def read_xml(body: bytes) -> Element:
    """The outermost element. Raises NotXml."""
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.refuse
    parser.EntityDeclHandler = reader.refuse
    try:
        parser.Parse(body, True)
    # An encoding that nobody knows is a LookupError, one that is no text encoding a ValueError.
    except (expat.ExpatError, LookupError, ValueError):
        raise NotXml from None
    return reader.root.inside[0][1]
