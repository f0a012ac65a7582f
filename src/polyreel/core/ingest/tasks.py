"""The jobs of ingest, and where they run."""

from polyreel.core.ingest import hashing, remote

__all__ = ["KINDS"]

KINDS = (*hashing.KINDS, *remote.KINDS)
