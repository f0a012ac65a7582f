"""The bytes of one film: copied, given a second name, or joined; and hashed."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from polyreel.core.imports.errors import PieceMissing
from polyreel.core.imports.joining import join
from polyreel.core.imports.run import Run
from polyreel.core.imports.sources import Source
from polyreel.core.imports.tree import Place
from polyreel.core.ingest import Upload
from polyreel.core.ingest.disk import append_file
from polyreel.core.ingest.errors import full_disk_is_said

__all__ = ["fill"]

_BLOCK_BYTES = 4 * 1024 * 1024

Report = Callable[[float], None]


def fill(run: Run, upload: Upload, source: Source, report: Report) -> list[str]:
    """Bring the bytes of `source` to where the upload is, and tell it their hash; sentences on what was
    lost on the way. `report` gets 0..1.

    Raises PieceMissing, StorageFull.
    """

    def going(done: float) -> None:
        upload.keep_alive()
        report(done)

    notes: list[str] = []
    place = source.original
    if place is None:
        tree = run.media.tree_of(source)
        with full_disk_is_said():
            notes = join(run.tools, tree, source, upload.path, lambda done: going(done * 0.8))
        upload.note_copied(*_hashed(upload.path, lambda done: going(0.8 + done * 0.2)))
    elif run.wishes.how == "copy" or not _linked(run, upload, source, place, going):
        _copied(run, upload, source, place, going)
    return notes


def _copied(run: Run, upload: Upload, source: Source, place: Place, report: Report) -> None:
    with run.media.tree_of(source).opened(place) as fd, full_disk_is_said():
        size = os.fstat(fd).st_size
        try:
            append_file(fd, upload.fd, size)
        except EOFError:
            raise PieceMissing("its original became shorter while it was copied") from None
    report(0.5)
    # What is hashed is our copy: the file may change under our eyes.
    upload.note_copied(*_hashed(upload.path, lambda done: report(0.5 + done / 2)))


def _linked(run: Run, upload: Upload, source: Source, place: Place, report: Report) -> bool:
    """Let our file be a second name of theirs; False where the filesystem cannot.

    It is hashed first: under our temporary name an old file could be taken for one left over.
    """
    tree = run.media.tree_of(source)
    beside = upload.path.with_name(upload.path.name + "-link")
    with tree.opened(place) as fd:
        size, digest = _hashed(Path(f"/proc/self/fd/{fd}"), report)
        if not tree.link_to(place, beside):
            return False
        beside.replace(upload.path)
        if not os.path.samestat(os.fstat(fd), upload.path.stat()):
            raise PieceMissing("its original was replaced while it was read")
    upload.note_copied(size, digest)
    return True


def _hashed(path: Path, report: Report) -> tuple[int, "hashlib._Hash"]:
    digest, done = hashlib.sha256(), 0
    with path.open("rb", buffering=0) as file:
        size = max(1, os.fstat(file.fileno()).st_size)
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
            done += len(block)
            report(min(1.0, done / size))
    if not done:
        raise PieceMissing("it is empty")
    return done, digest
