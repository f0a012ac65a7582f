"""A file of this machine becomes a video: copied in, hashed, published as an upload is."""

import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

from polyreel.core.ingest.disk import copy_range
from polyreel.core.ingest.errors import full_disk_is_said
from polyreel.core.ingest.uploads import Upload, begin_upload
from polyreel.core.library import Video
from polyreel.core.users import Actor
from polyreel.infra.storage import Storage
from polyreel.infra.tx import Database
from polyreel.kit.errors import Invalid, NotFound

__all__ = ["add_file"]

_BLOCK_BYTES = 4 * 1024 * 1024

Report = Callable[[float], None]


def add_file(  # noqa: PLR0913 - one more than six: what, for whom, and as what
    db: Database,
    storage: Storage,
    actor: Actor,
    path: Path,
    *,
    folder_id: int | None = None,
    name: str | None = None,
    visibility: str = "unlisted",
    report: Report | None = None,
) -> Video:
    """Copy a local file in and make it a video of the actor's; the file itself is only read.

    `name` None: the file's own. `report` gets 0..1 while it is copied and hashed. Where the
    filesystem can, the copy shares its blocks with the file.
    Raises NotFound, Invalid (not a regular file, empty, or changed while it was read), and what
    `begin_upload` and `Upload.finish` raise.
    """
    fd = _opened(path)
    # Names on disk are bytes, and not always UTF-8.
    filename = os.fsencode(path.name).decode(errors="replace")
    try:
        size = os.fstat(fd).st_size
        upload = begin_upload(db, storage, actor, source="cli", declared_bytes=size)
        try:
            _copy(fd, upload, size, report or (lambda _: None))
            return upload.finish(
                name=name or filename,
                filename=filename,
                folder_id=folder_id,
                visibility=visibility,
            )
        finally:
            upload.abort()
    finally:
        os.close(fd)


def _opened(path: Path) -> int:
    try:
        # A named pipe would wait for its writer.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(f"There is no file {path}.") from None
    except PermissionError:
        raise Invalid(f"{path} may not be read.") from None
    found = os.fstat(fd)
    if stat.S_ISREG(found.st_mode) and found.st_size:
        return fd
    os.close(fd)
    raise Invalid(f"{path} is {'empty' if stat.S_ISREG(found.st_mode) else 'not a file'}.")


def _copy(fd: int, upload: Upload, size: int, report: Report) -> None:
    with full_disk_is_said():
        is_copied = copy_range(fd, upload.fd, lambda done: report(done / size / 2))
    if not is_copied:
        os.lseek(fd, 0, os.SEEK_SET)
        while block := os.read(fd, _BLOCK_BYTES):
            upload.write(block)
            report(min(1.0, upload.size / size))
        return
    # What is hashed is our copy: the file may change under our eyes.
    digest, done = hashlib.sha256(), 0
    copy = os.open(f"/proc/self/fd/{upload.fd}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        while block := os.read(copy, _BLOCK_BYTES):
            digest.update(block)
            done += len(block)
            report(0.5 + min(0.5, done / size / 2))
    finally:
        os.close(copy)
    if done != size:
        raise Invalid("The file changed while it was read.")
    upload.note_copied(done, digest)
