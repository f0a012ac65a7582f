"""Requests that are sent twice and should happen once: what the first one made, for 24 hours."""

import hashlib
from datetime import timedelta

from sqlalchemy import delete

from polyreel.core import library
from polyreel.core.ingest.tables import AnswerRow
from polyreel.core.library import Video
from polyreel.core.users import Actor
from polyreel.infra.tx import Tx

__all__ = ["ANSWER_LIFE", "delete_expired_answers", "find_answer", "record_answer"]

ANSWER_LIFE = timedelta(hours=24)


def find_answer(tx: Tx, actor: Actor, key: str) -> Video | None:
    """The video that the actor's request with this idempotency key made in the last 24 hours."""
    row = tx.session.get(AnswerRow, (actor.user_id, _hash(key)))
    if row is None or row.created_at <= tx.now - ANSWER_LIFE:
        return None
    video = library.find_video_by_uuid(tx, row.video_uuid)
    return video if video is not None and video.user_id == actor.user_id else None


def record_answer(tx: Tx, actor: Actor, key: str, video: Video) -> None:
    """Remember what a request made, in the transaction that makes it."""
    tx.session.merge(
        AnswerRow(
            user_id=actor.user_id,
            key_hash=_hash(key),
            video_uuid=video.uuid,
            created_at=tx.now,
        )
    )
    tx.session.flush()


def delete_expired_answers(tx: Tx) -> int:
    """Forget answers older than 24 hours; how many."""
    old = delete(AnswerRow).where(AnswerRow.created_at <= tx.now - ANSWER_LIFE)
    return len(tx.session.execute(old.returning(AnswerRow.key_hash)).all())


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()
