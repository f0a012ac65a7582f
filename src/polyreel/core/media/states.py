"""The state of a media, worked out from its renditions after each of their steps."""

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select

from polyreel.core.library import get_media, notify_media, update_media, update_media_progress
from polyreel.core.media.again import let_original_go
from polyreel.core.media.renditions import ENDED, Rendition, list_renditions
from polyreel.core.media.tables import RenditionRow
from polyreel.infra.tx import Tx

_UNPLAYABLE = "Nothing in the file could be made playable."


def settle(tx: Tx, media_id: int) -> str:
    """Bring a media's state, message and progress in line with its renditions; answers the state.

    A media never goes back: once playable it stays so while a part is made again.
    """
    media = get_media(tx, media_id)
    renditions = list_renditions(tx, media_id)
    state, message = state_of(renditions)
    if state == "processing" and media.state == "playable":
        state = "playable"
    update_media_progress(tx, media_id, overall_progress(renditions))
    if (state, message) == (media.state, media.message):
        notify_media(tx, media_id)
    else:
        update_media(tx, media_id, state=state, message=message)
        if state == "ready":
            let_original_go(tx, media_id)
    return state


def state_of(renditions: Sequence[Rendition]) -> tuple[str, str | None]:
    """(state, message) of a media with these renditions."""
    pictures = [item for item in renditions if item.kind == "video" and not item.is_native]
    sounds = [item for item in renditions if item.kind == "audio"]
    complaint = next((item.message for item in (*pictures, *sounds) if item.message), None)
    if all(item.state in ENDED for item in renditions):
        usable = [item for item in pictures or sounds if item.state == "ready"]
        if not usable:
            return "failed", complaint or _UNPLAYABLE
        return ("damaged", complaint) if complaint else ("ready", None)
    return ("playable" if is_playable(renditions) else "processing"), None


def is_playable(renditions: Sequence[Rendition]) -> bool:
    """True when one picture and every sound that is still wanted can begin."""
    pictures = [item for item in renditions if item.kind == "video" and not item.is_native]
    wanted = [item for item in renditions if item.kind == "audio" and item.state != "failed"]
    shown = [item for item in pictures if item.state == "ready" or item.promised]
    return (any(item.has_begun for item in shown) if pictures else bool(wanted)) and all(
        item.has_begun for item in wanted
    )


def overall_progress(renditions: Sequence[Rendition]) -> float:
    """Share of the planned work that is done, 0 to 1; pixels weigh, a copy weighs little."""
    weights = [
        0.02 if item.mode == "copy" else 0.05 if item.kind == "audio"
        else max(0.1, item.width * item.height / 1_000_000)
        for item in renditions
    ]  # fmt: skip
    total = sum(weights)
    done = sum(
        weight * (1.0 if item.state in ENDED else item.progress)
        for weight, item in zip(weights, renditions, strict=True)
    )
    return done / total if total else 0.0


def count_unfinished(tx: Tx) -> Mapping[str, int]:
    """How many renditions of each kind are still to be made."""
    query = (
        select(RenditionRow.kind, func.count())
        .where(RenditionRow.state.in_(("planned", "running")))
        .group_by(RenditionRow.kind)
    )
    return {kind: number for kind, number in tx.session.execute(query)}  # noqa: C416 - typed so
