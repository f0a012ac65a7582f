"""Holding a resumable upload: who does is the only one, of all processes, to change its bytes."""

from collections import OrderedDict
from typing import TYPE_CHECKING

from polyreel.core.ingest.disk import try_lock
from polyreel.core.ingest.errors import UploadComplete, UploadLocked, UploadNotFound
from polyreel.core.ingest.places import drop_file
from polyreel.core.ingest.publish import key_of
from polyreel.core.ingest.resumable import Resumable, find_row, get_resumable
from polyreel.core.ingest.tables import ResumableRow
from polyreel.core.users import Actor
from polyreel.infra.storage import Storage
from polyreel.infra.storage.contract import Growing
from polyreel.infra.tx import Database, Tx

if TYPE_CHECKING:
    from hashlib import _Hash

__all__ = ["Digests", "Hold", "ask_to_let_go", "asked_to_let_go", "hold_resumable"]

_TOPIC = "upload.wanted:"
_MOST_DIGESTS = 1024


class Hold:
    """One upload that is ours alone until `release`; `upload` is as it was when that began."""

    def __init__(self, db: Database, storage: Storage, actor: Actor, found: Resumable) -> None:
        self._db = db
        self._storage = storage
        self._file = _open(storage, found)
        # Of a shared file a partial is its own stretch, everything else the whole.
        length = found.length_bytes if found.is_shared and found.kind == "partial" else None
        try:
            if not try_lock(self._file.fd, found.base_bytes, length or 0):
                raise UploadLocked
            # What was read before may be over by now.
            with db.read() as tx:
                self.upload = get_resumable(tx, actor, found.uid)
        except BaseException:
            self._file.close()
            raise

    @property
    def fd(self) -> int:
        """The descriptor that its bytes are written through."""
        return self._file.fd

    def row(self, tx: Tx) -> ResumableRow:
        """Its row, to be changed. Raises UploadNotFound when it has ended without us."""
        row = find_row(tx, self.upload.uid)
        if row is None or row.state in ("done", "expired"):
            raise UploadNotFound
        return row

    def delete(self) -> None:
        """Forget it: row, reservation, bytes."""
        with self._db.write() as tx:
            tx.session.delete(self.row(tx))
        drop_file(self._db, self._storage, self.upload.file_uid)

    def release(self) -> None:
        """Let others have it; may be called again."""
        self._file.close()


def hold_resumable(
    db: Database, storage: Storage, actor: Actor, uid: str, *, to_append: bool = False
) -> Hold:
    """Hold one of the actor's own uploads.

    Raises UploadComplete for a final that shall be appended to, UploadLocked when it is held already (see `ask_to_let_go`), and what `get_resumable` does.
    """
    with db.read() as tx:
        # First of all: a stranger must not even hold it for a moment.
        found = get_resumable(tx, actor, uid)
    if to_append and found.kind == "final":
        raise UploadComplete
    return Hold(db, storage, actor, found)


def ask_to_let_go(db: Database, uid: str) -> None:
    """Tell whoever holds an upload, in any process, that somebody else wants it."""
    with db.write() as tx:
        tx.notify(_TOPIC + uid)


def asked_to_let_go(topics: list[str]) -> list[str]:
    """The uids of uploads that notices of these topics ask for."""
    return [topic.removeprefix(_TOPIC) for topic in topics if topic.startswith(_TOPIC)]


class Digests:
    """SHA-256 of uploads that arrive in order, kept between their requests by one process."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[int, _Hash]] = OrderedDict()

    def take(self, uid: str, offset: int) -> "_Hash | None":
        """That of the first `offset` bytes, if this process read them all; forgotten here then."""
        found = self._kept.pop(uid, None)
        return found[1] if found is not None and found[0] == offset else None

    def keep(self, uid: str, offset: int, digest: "_Hash") -> None:
        """Remember it for the next request; the oldest go where there are too many."""
        self._kept[uid] = (offset, digest)
        while len(self._kept) > _MOST_DIGESTS:
            self._kept.popitem(last=False)


def _open(storage: Storage, upload: Resumable) -> Growing:
    try:
        return storage.reopen(key_of(upload.file_uid))
    except FileNotFoundError:
        raise UploadNotFound("The bytes of this upload are lost.") from None
