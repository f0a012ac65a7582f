"""Subtitle tracks, chapters and fonts: rows. What the bytes hold belongs to the media, what a person
added to the video.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, delete, func, or_, select

from polyreel.core.library import update_media
from polyreel.core.media.tables import FontRow, SubtitleRow
from polyreel.infra.probe import Probe, SubtitleStream
from polyreel.infra.tx import Tx
from polyreel.kit.errors import NotFound

NO_READER = "These subtitles are pictures: no OCR server is set up to read them."
_NOT_READ = "Subtitles of this kind cannot be read."
STYLED_CODECS = ("ass", "ssa")
OCR_CODECS = ("hdmv_pgs_subtitle",)


class SubtitleNotFound(NotFound):
    """There is no such subtitle track."""

    default = "There are no such subtitles."


@dataclass(frozen=True)
class Subtitle:
    """One text track, or the chapters (`kind`). `stream` is its number in the source, None for what a
    person added. `state`: planned, ready, failed; ready ones have both keys, chapters only WebVTT.
    """

    id: int
    uid: str
    media_id: int | None
    video_id: int | None
    kind: str
    position: int
    stream: int | None
    language: str | None
    title: str
    is_default: bool
    is_forced: bool
    is_styled: bool
    state: str
    message: str | None
    vtt_key: str | None
    ass_key: str | None
    revision: int


@dataclass(frozen=True)
class Texts:
    """The two files of a track that a person brings; `is_styled`: it came as SubStation."""

    vtt_key: str
    ass_key: str
    is_styled: bool


@dataclass(frozen=True)
class Font:
    """A font that came with the film; `name` is its family."""

    position: int
    name: str
    key: str
    size_bytes: int


@dataclass(frozen=True)
class Work:
    """Whether there are texts, chapters or fonts to take out, and pictures of texts to have read."""

    texts: bool
    pictures: bool


def plan_subtitles(tx: Tx, media_id: int, probe: Probe, *, has_ocr: bool) -> Work:
    """Write a row for every subtitle track and for the chapters, in the place of earlier ones;
    answers what there is to do.
    """
    tx.session.execute(delete(SubtitleRow).where(SubtitleRow.media_id == media_id))
    tx.session.execute(delete(FontRow).where(FontRow.media_id == media_id))
    for number, stream in enumerate(probe.subtitles):
        complaint = _complaint(stream, has_ocr=has_ocr)
        row = _new_row(
            tx,
            kind="subtitles",
            position=number,
            language=stream.language,
            title=stream.title or f"Subtitle {number + 1}",
        )
        row.media_id, row.stream = media_id, stream.index
        row.is_default, row.is_forced = stream.default, stream.forced
        row.is_styled = stream.codec in STYLED_CODECS
        row.state, row.message = ("failed", complaint) if complaint else ("planned", None)
        tx.session.add(row)
    if probe.chapters:
        row = _new_row(tx, kind="chapters", position=0, language=None, title="Chapters")
        row.media_id, row.state = media_id, "planned"
        tx.session.add(row)
    tx.session.flush()
    has_texts = any(stream.is_text for stream in probe.subtitles)
    return Work(
        texts=has_texts or bool(probe.chapters) or bool(probe.fonts),
        pictures=has_ocr and any(stream.codec in OCR_CODECS for stream in probe.subtitles),
    )


def _complaint(stream: SubtitleStream, *, has_ocr: bool) -> str | None:
    if stream.is_text:
        return None
    if stream.codec not in OCR_CODECS:
        return _NOT_READ
    return None if has_ocr else NO_READER


def _new_row(tx: Tx, *, kind: str, position: int, language: str | None, title: str) -> SubtitleRow:
    return SubtitleRow(
        uid=str(uuid.uuid4()),
        kind=kind,
        position=position,
        language=language[:32] if language else None,
        title=title[:255],
        is_default=False,
        is_forced=False,
        is_styled=False,
        revision=1,
        updated_at=tx.now,
    )


def add_subtitle(
    tx: Tx, video_id: int, *, language: str | None, title: str, texts: Texts
) -> Subtitle:
    """A track that a person brings for one video, after those it has."""
    last = select(func.max(SubtitleRow.position)).where(SubtitleRow.video_id == video_id)
    position = (tx.session.scalar(last) or 0) + 1
    row = _new_row(tx, kind="subtitles", position=position, language=language, title=title)
    row.video_id, row.state = video_id, "ready"
    row.vtt_key, row.ass_key, row.is_styled = texts.vtt_key, texts.ass_key, texts.is_styled
    tx.session.add(row)
    tx.session.flush()
    return _subtitle(row)


def replace_subtitle(tx: Tx, video_id: int, uid: str, texts: Texts) -> Subtitle:
    """Other files for a track that a person brought; raises SubtitleNotFound."""
    row = _own_row(tx, video_id, uid)
    row.vtt_key, row.ass_key, row.is_styled = texts.vtt_key, texts.ass_key, texts.is_styled
    row.revision = row.revision + 1
    row.updated_at = tx.now
    tx.session.flush()
    return _subtitle(row)


def remove_subtitle(tx: Tx, video_id: int, uid: str) -> None:
    """Forget a track that a person brought; its files go with the next sweep. Raises SubtitleNotFound."""
    tx.session.delete(_own_row(tx, video_id, uid))
    tx.session.flush()


def _own_row(tx: Tx, video_id: int, uid: str) -> SubtitleRow:
    query = select(SubtitleRow).where(SubtitleRow.uid == uid, SubtitleRow.video_id == video_id)
    row = tx.session.scalars(query).first()
    if row is None:
        raise SubtitleNotFound
    return row


def list_subtitles(tx: Tx, media_id: int, video_id: int | None = None) -> list[Subtitle]:
    """The tracks of a media in its order, then those that people added to the video, if one is named."""
    of_media = SubtitleRow.media_id == media_id
    # Compared with nothing, the column would match every track that no person added.
    which = of_media if video_id is None else or_(of_media, SubtitleRow.video_id == video_id)
    query = select(SubtitleRow).where(which)
    rows = tx.session.scalars(query).all()
    ordered = sorted(rows, key=lambda row: (row.media_id is None, row.position, row.id))
    return [_subtitle(row) for row in ordered]


def list_fonts(tx: Tx, media_id: int) -> list[Font]:
    """The fonts of a media, in the file's order."""
    query = select(FontRow).where(FontRow.media_id == media_id).order_by(FontRow.position)
    return [
        Font(row.position, row.name, row.key, row.size_bytes) for row in tx.session.scalars(query)
    ]


def publish_subtitles(
    tx: Tx,
    media_id: int,
    made: dict[int, tuple[str, str | None]],
    failed: dict[int, str],
    fonts: Sequence[Font],
) -> None:
    """End the tracks of a media at once: by row id their (vtt key, ass key), or a sentence."""
    for row in tx.session.scalars(select(SubtitleRow).where(SubtitleRow.media_id == media_id)):
        if row.id in made:
            row.vtt_key, row.ass_key = made[row.id]
            row.state, row.message = "ready", None
        elif row.id in failed:
            row.state, row.message = "failed", failed[row.id][:500]
        row.updated_at = tx.now
    tx.session.execute(delete(FontRow).where(FontRow.media_id == media_id))
    for font in fonts:
        row_of_font = FontRow(
            media_id=media_id,
            position=font.position,
            name=font.name[:255],
            key=font.key,
            size_bytes=font.size_bytes,
        )
        tx.session.add(row_of_font)
    tx.session.flush()
    update_media(tx, media_id)


def publish_subtitle(tx: Tx, media_id: int, track: Subtitle, keys: tuple[str, str]) -> None:
    """End one track of a media with its (vtt key, ass key), unless it was planned anew meanwhile."""
    for row in tx.session.scalars(_planned([track])):
        row.vtt_key, row.ass_key = keys
        row.state, row.message, row.updated_at = "ready", None, tx.now
    tx.session.flush()
    update_media(tx, media_id)


def fail_subtitles(tx: Tx, media_id: int, tracks: Sequence[Subtitle], message: str) -> None:
    """Give up those of these tracks of a media that are still planned."""
    for row in tx.session.scalars(_planned(tracks)):
        row.state, row.message, row.updated_at = "failed", message[:500], tx.now
    tx.session.flush()
    update_media(tx, media_id)


def _planned(tracks: Sequence[Subtitle]) -> Select[SubtitleRow]:
    ids = [track.id for track in tracks]
    return select(SubtitleRow).where(SubtitleRow.id.in_(ids), SubtitleRow.state == "planned")


def list_subtitle_keys(tx: Tx) -> list[str]:
    """Every storage key that a subtitle track or a font names."""
    rows = tx.session.execute(select(SubtitleRow.vtt_key, SubtitleRow.ass_key))
    found = [key for row in rows for key in row if key]
    return [*found, *tx.session.scalars(select(FontRow.key))]


def _subtitle(row: SubtitleRow) -> Subtitle:
    return Subtitle(
        id=row.id,
        uid=row.uid,
        media_id=row.media_id,
        video_id=row.video_id,
        kind=row.kind,
        position=row.position,
        stream=row.stream,
        language=row.language,
        title=row.title,
        is_default=row.is_default,
        is_forced=row.is_forced,
        is_styled=row.is_styled,
        state=row.state,
        message=row.message,
        vtt_key=row.vtt_key,
        ass_key=row.ass_key,
        revision=row.revision,
    )
