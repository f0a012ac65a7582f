"""Errors of imports, by name."""

from polyreel.kit.errors import Conflict, Invalid

__all__ = ["AnotherImport", "NotImportable", "PieceMissing"]


class NotImportable(Invalid):
    """What was named is not the data of a server that can be imported; the message says why."""


class PieceMissing(Invalid):
    """A file of the other server is not there, or is not what it should be."""


class AnotherImport(Conflict):
    """Two at once would copy everything twice."""

    default = "Another import into this server is running."
