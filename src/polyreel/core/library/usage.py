"""How much people keep."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import func, select

from polyreel.core.library.tables import MediaRow, VideoRow
from polyreel.infra.tx import Tx


@dataclass(frozen=True)
class Usage:
    """Videos of one person, and the bytes of their originals; twins of the same bytes count each."""

    bytes: int
    videos: int


def usage_of(tx: Tx, user_ids: Collection[int]) -> dict[int, Usage]:
    """The usage of each of these people."""
    rows = tx.session.execute(
        select(VideoRow.user_id, func.sum(MediaRow.size_bytes), func.count())
        .join(MediaRow, VideoRow.media_id == MediaRow.id)
        .where(VideoRow.user_id.in_(user_ids))
        .group_by(VideoRow.user_id)
    )
    found = {user_id: Usage(int(size), count) for user_id, size, count in rows}
    return {user_id: found.get(user_id, Usage(0, 0)) for user_id in user_ids}
