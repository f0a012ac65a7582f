"""A library of any size, put into a server's database at once."""

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import func, insert, select

from polyreel.core.library.names import fold_name
from polyreel.core.library.tables import FolderRow, MediaRow, VideoRow
from polyreel.core.users.tables import UserRow
from polyreel.infra.tx import Database, Tx

_AT_ONCE = 10_000
WORDS = ("holiday", "birthday", "lecture", "concert", "garden", "winter", "mountain", "interview")


def fill(db: Database, owner: str, *, folders: int, videos: int, in_first: int) -> int:
    """Give somebody folders in their root, and videos in these: `in_first` in the first folder, the
    others spread over the rest. The id of the first folder.

    Names are a word and a number: "concert 000123".
    """
    with db.write() as tx:
        user_id = tx.session.execute(select(UserRow.id).where(UserRow.name == owner)).scalar_one()
        times = {"created_at": tx.now, "updated_at": tx.now}
        first = _next_id(tx, FolderRow)
        rows = (
            {"id": first + n, "user_id": user_id, "name": f"folder {n:06}", **times}
            for n in range(folders)
        )
        _insert(tx, FolderRow, list(rows))
    with db.write() as tx:
        first_media = _next_id(tx, MediaRow)
        for numbers in _batches(videos):
            _insert(tx, MediaRow, [_media(first_media + n, times) for n in numbers])
            _insert(
                tx,
                VideoRow,
                [
                    {
                        "uuid": str(uuid.uuid4()),
                        "user_id": user_id,
                        "folder_id": first if n < in_first else first + 1 + n % (folders - 1),
                        "media_id": first_media + n,
                        "name": (name := f"{WORDS[n % len(WORDS)]} {n:06}"),
                        "name_folded": fold_name(name),
                        "filename": "a.mp4",
                        "source": "web",
                        "visibility": "unlisted",
                        "policy_version": 1,
                        **times,
                    }
                    for n in numbers
                ],
            )
    return first


def _media(number: int, times: dict[str, Any]) -> dict[str, Any]:
    key = f"media/{number}/original"
    return {"id": number, "uid": str(uuid.uuid4()), "size_bytes": 10, "original_key": key,
            "state": "ready", **times}  # fmt: skip


def _next_id(tx: Tx, table: Any) -> int:
    return (tx.session.scalar(select(func.max(table.id))) or 0) + 1


def _insert(tx: Tx, table: Any, rows: Sequence[dict[str, Any]]) -> None:
    tx.session.execute(insert(table), rows)


def _batches(count: int) -> Iterator[range]:
    for start in range(0, count, _AT_ONCE):
        yield range(start, min(count, start + _AT_ONCE))
