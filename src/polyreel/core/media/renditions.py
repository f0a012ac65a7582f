"""Renditions and parts: laid out from a plan, filled while they are made, read by delivery."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import delete, func, insert, select

from polyreel.core.media.cutting import WHOLE, PlannedPart
from polyreel.core.media.index import Fragment, pack_index, unpack_index
from polyreel.core.media.plan import MediaPlan, PlannedRendition, is_native
from polyreel.core.media.tables import PartRow, RenditionRow
from polyreel.infra.bmff import Init
from polyreel.infra.tx import Tx
from polyreel.kit.errors import NotFound

ENDED = ("ready", "failed")


@dataclass(frozen=True)
class Part:
    """A stretch of a rendition: its file, and the fragments that are whole so far. `number` is a name: one
    that was cut in two has a neighbour with a higher one.
    """

    id: int
    number: int
    first_fragment: int
    start_us: int
    end_us: int | None
    state: str
    key: str | None
    fragments: Sequence[Fragment]


@dataclass(frozen=True)
class Rendition:
    """One picture track at one height, or one audio track, with its parts in the order of time."""

    id: int
    media_id: int
    kind: str
    name: str
    position: int
    mode: str
    promised: bool
    state: str
    message: str | None
    stream: int
    width: int
    height: int
    fps: float
    channels: int
    language: str | None
    title: str | None
    codec: str | None
    init: bytes | None
    peak_bps: int
    average_bps: int
    progress: float
    revision: int
    duration_us: int
    parts: tuple[Part, ...]

    @property
    def is_native(self) -> bool:
        """A copy in a codec that not every player takes: an offer beside what all of them take."""
        return is_native(self.name)

    @property
    def has_begun(self) -> bool:
        """True when its first fragment can be fetched."""
        return bool(self.init and self.parts and self.parts[0].fragments)

    def part(self, number: int) -> Part:
        """The part of this number."""
        return next(part for part in self.parts if part.number == number)

    def part_of(self, fragment: int) -> Part | None:
        """The part that holds a fragment, or will."""
        for part in reversed(self.parts):
            if fragment >= part.first_fragment:
                return part
        return None


def lay_out(tx: Tx, media_id: int, plan: MediaPlan, *, revision: int = 1) -> list[Rendition]:
    """Write a plan's renditions and parts; answers them with their ids."""
    for position, planned in enumerate(plan.renditions):
        encoded_picture = planned.kind == "video" and planned.mode == "encode"
        parts = plan.parts if encoded_picture else WHOLE
        add_rendition(tx, media_id, planned, parts, position=position, revision=revision)
    return list_renditions(tx, media_id)


def clear_renditions(tx: Tx, media_id: int) -> int:
    """Forget what was planned and made; files go with the next sweep. Answers the revision that what
    takes their place begins with, so that no address ever means other bytes.
    """
    found = select(func.max(RenditionRow.revision)).where(RenditionRow.media_id == media_id)
    last = tx.session.scalar(found) or 0
    tx.session.execute(delete(RenditionRow).where(RenditionRow.media_id == media_id))
    return last + 1


def add_rendition(
    tx: Tx,
    media_id: int,
    planned: PlannedRendition,
    parts: Sequence[PlannedPart],
    *,
    position: int,
    revision: int = 1,
) -> int:
    """Write one planned rendition and its parts; answers its id."""
    row = RenditionRow(
        media_id=media_id,
        kind=planned.kind,
        name=planned.name or str(uuid.uuid4()),
        position=position,
        mode=planned.mode,
        promised=planned.promised,
        state="planned",
        stream=planned.stream,
        width=planned.width,
        height=planned.height,
        fps=planned.fps,
        channels=planned.channels,
        language=planned.language,
        title=planned.title,
        peak_bps=planned.peak_bps,
        average_bps=planned.average_bps,
        revision=revision,
        duration_us=planned.duration_us,
        updated_at=tx.now,
    )
    tx.session.add(row)
    tx.session.flush()
    planned_parts = [
        {
            "rendition_id": row.id,
            "number": number,
            "first_fragment": part.first_fragment,
            "start_us": part.start_us,
            "end_us": part.end_us,
            "state": "planned",
            "size_bytes": 0,
            "updated_at": tx.now,
        }
        for number, part in enumerate(parts)
    ]
    if planned_parts:
        tx.session.execute(insert(PartRow), planned_parts)
    return row.id


def replace_rendition(
    tx: Tx, rendition_id: int, planned: PlannedRendition, parts: Sequence[PlannedPart]
) -> Rendition:
    """Make something else in the place of a rendition, under new addresses. Raises NotFound."""
    old = get_rendition(tx, rendition_id)
    tx.session.execute(delete(RenditionRow).where(RenditionRow.id == old.id))
    new_id = add_rendition(
        tx, old.media_id, planned, parts, position=old.position, revision=old.revision + 1
    )
    return get_rendition(tx, new_id)


def split_parts(tx: Tx, rendition_ids: Sequence[int], number: int, *, at: int, at_us: int) -> int:
    """Cut a part that is only planned in two, in each of these renditions, before fragment `at`, which
    begins at `at_us`. The number of the second.
    """
    found = select(PartRow).where(PartRow.rendition_id.in_(rendition_ids))
    rows = tx.session.scalars(found).all()
    rest = max(row.number for row in rows) + 1
    for row in rows:
        if row.number == number:
            tx.session.add(
                PartRow(
                    rendition_id=row.rendition_id,
                    number=rest,
                    first_fragment=at,
                    start_us=at_us,
                    end_us=row.end_us,
                    state="planned",
                    updated_at=tx.now,
                )
            )
            row.end_us = at_us
    tx.session.flush()
    return rest


def made_by(args: Mapping[str, Any]) -> list[int]:
    """The ids of the renditions that a job makes, by its args; an encode's first gives it its key."""
    ids = str(args.get("rendition_ids") or args.get("rendition_id") or "")
    return [int(each) for each in ids.split(",") if each]


def promise_rendition(tx: Tx, rendition_id: int) -> None:
    """List a rendition from now on, whole or not."""
    row = tx.session.get_one(RenditionRow, rendition_id)
    row.promised = row.state != "failed"
    tx.session.flush()


def list_renditions(tx: Tx, media_id: int) -> list[Rendition]:
    """Every rendition of a media with its parts, in the order of the plan."""
    rows = tx.session.scalars(
        select(RenditionRow)
        .where(RenditionRow.media_id == media_id)
        .order_by(RenditionRow.position)
    ).all()
    parts = tx.session.scalars(
        select(PartRow)
        .where(PartRow.rendition_id.in_([row.id for row in rows]))
        .order_by(PartRow.rendition_id, PartRow.first_fragment)
    ).all()
    return [
        _rendition(row, [part for part in parts if part.rendition_id == row.id]) for row in rows
    ]


def get_rendition(tx: Tx, rendition_id: int) -> Rendition:
    """Raises NotFound when it is gone with its media."""
    row = tx.session.get(RenditionRow, rendition_id)
    if row is None:
        raise NotFound("The rendition has been deleted.")
    return next(item for item in list_renditions(tx, row.media_id) if item.id == rendition_id)


def begin_part(tx: Tx, part_id: int, key: str) -> str | None:
    """A new attempt writes to `key`; answers the key of what an earlier one left, to be deleted."""
    part = _part_row(tx, part_id)
    rendition = tx.session.get_one(RenditionRow, part.rendition_id)
    if part.key is not None:
        # Its fragments get new addresses: a cache may hold those of the last attempt.
        rendition.revision = rendition.revision + 1
    left, part.key = part.key, key
    part.state, part.index, part.size_bytes = "running", None, 0
    part.updated_at = tx.now
    if rendition.state not in ENDED:
        rendition.state = "running"
    if not _has_other_part(tx, part):
        # Until the new one is known, nobody gets the last attempt's under the new address.
        rendition.init = rendition.codec = None
    rendition.updated_at = tx.now
    tx.session.flush()
    return left


def _has_other_part(tx: Tx, part: PartRow) -> bool:
    others = select(PartRow.id).where(
        PartRow.rendition_id == part.rendition_id,
        PartRow.id != part.id,
        PartRow.index.is_not(None),
    )
    return tx.session.scalars(others.limit(1)).first() is not None


def publish_part(
    tx: Tx, part_id: int, init: Init | None, fragments: Sequence[Fragment], *, whole: bool = False
) -> None:
    """List the fragments that are whole; with `whole` the part has ended and is synced.

    Raises ValueError when another part of the rendition has another init: players could not go on.
    """
    part = _part_row(tx, part_id)
    part.index = pack_index(fragments)
    part.size_bytes = sum(fragment.size for fragment in fragments)
    part.updated_at = tx.now
    rendition = tx.session.get_one(RenditionRow, part.rendition_id)
    if init is not None:
        if rendition.init and rendition.init != init.data and _has_other_part(tx, part):
            raise ValueError("this part's init differs from its rendition's")
        rendition.init, rendition.codec = init.data, init.codec
    if whole:
        part.state = "ready"
        tx.session.flush()
        _close_rendition(tx, rendition)
    tx.session.flush()


def fail_rendition(tx: Tx, rendition_id: int, message: str) -> None:
    """Give a rendition up; it is no longer offered. Missing ones are left alone."""
    row = tx.session.get(RenditionRow, rendition_id)
    if row is not None and row.state not in ENDED:
        row.state, row.message, row.promised = "failed", message, False
        row.updated_at = tx.now
        tx.session.flush()


def note_damage(tx: Tx, rendition_id: int, message: str) -> None:
    """Remember that a rendition is shorter than the source promised, or had holes."""
    row = tx.session.get_one(RenditionRow, rendition_id)
    row.message = message
    tx.session.flush()


def set_part_progress(tx: Tx, part_id: int, progress: float) -> None:
    """How far its encoder is, 0 to 1."""
    row = tx.session.get(PartRow, part_id)
    if row is not None:
        row.progress = progress


def list_part_keys(tx: Tx) -> list[str]:
    """Every storage key that a part names."""
    return [key for key in tx.session.scalars(select(PartRow.key)) if key]


def _close_rendition(tx: Tx, row: RenditionRow) -> None:
    parts = tx.session.scalars(
        select(PartRow).where(PartRow.rendition_id == row.id).order_by(PartRow.first_fragment)
    ).all()
    if any(part.state != "ready" for part in parts):
        return
    fragments = [item for part in parts for item in unpack_index(part.index)]
    row.average_bps, row.peak_bps = measured_rates(fragments)
    row.state, row.updated_at = "ready", tx.now


def measured_rates(fragments: Sequence[Fragment]) -> tuple[int, int]:
    """(average, peak) in bits per second. The peak is that of fragments in a row that together last 0.5
    to 1.5 times the longest, as HLS wants to know it (RFC 8216, 4.1).
    """
    duration = sum(item.duration_us for item in fragments)
    size = sum(item.size for item in fragments)
    average = size * 8_000_000 // duration if duration else 0
    longest = max((item.duration_us for item in fragments), default=0)
    peak = average
    for first in range(len(fragments)):
        lasts = holds = 0
        for number in range(first, len(fragments)):
            lasts += fragments[number].duration_us
            holds += fragments[number].size
            if lasts * 2 > longest * 3:
                break
            if lasts and lasts * 2 >= longest:
                peak = max(peak, holds * 8_000_000 // lasts)
    return average, peak


def _part_row(tx: Tx, part_id: int) -> PartRow:
    row = tx.session.get(PartRow, part_id)
    if row is None:
        raise NotFound("The media has been deleted.")
    return row


class Stretch(Protocol):
    """What a part says of how far it is."""

    start_us: int
    end_us: int | None
    state: str
    progress: float


def share_made(duration_us: int, parts: Sequence[Stretch]) -> float:
    """How much of a track is made, 0 to 1, each part by its length; the last one ends with the track."""
    done, total = 0.0, 0
    for part in parts:
        end_us = part.end_us if part.end_us is not None else duration_us
        length = max(1, end_us - part.start_us)
        total += length
        done += length * (1.0 if part.state == "ready" else part.progress)
    return done / total if total else 0.0


def _rendition(row: RenditionRow, parts: Sequence[PartRow]) -> Rendition:
    return Rendition(
        id=row.id,
        media_id=row.media_id,
        kind=row.kind,
        name=row.name,
        position=row.position,
        mode=row.mode,
        promised=row.promised,
        state=row.state,
        message=row.message,
        stream=row.stream,
        width=row.width,
        height=row.height,
        fps=row.fps,
        channels=row.channels,
        language=row.language,
        title=row.title,
        codec=row.codec,
        init=row.init,
        peak_bps=row.peak_bps,
        average_bps=row.average_bps,
        progress=share_made(row.duration_us, parts),
        revision=row.revision,
        duration_us=row.duration_us,
        parts=tuple(
            Part(
                id=part.id,
                number=part.number,
                first_fragment=part.first_fragment,
                start_us=part.start_us,
                end_us=part.end_us,
                state=part.state,
                key=part.key,
                fragments=unpack_index(part.index),
            )
            for part in parts
        ),
    )
