"""Subtitle files that people bring for a video."""

import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from polyreel.core.library import check_writable, touch_video
from polyreel.core.media.subtitles import (
    Subtitle,
    Texts,
    add_subtitle,
    remove_subtitle,
    replace_subtitle,
)
from polyreel.core.users import Actor
from polyreel.infra.texts import (
    ASS,
    MOST_BYTES,
    VTT,
    conversion_args,
    decode_text,
    find_text_kind,
    text_limits,
)
from polyreel.infra.tools import Tools
from polyreel.infra.tx import Tx
from polyreel.kit.errors import Invalid, TooLarge

_TIMEOUT_S = 30.0
_LANGUAGE = re.compile(r"([A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3})?")


@dataclass(frozen=True)
class Label:
    """What a track is called: `language` a BCP 47 tag, such as `de`, or empty."""

    language: str = ""
    title: str = ""


def bring_subtitle(
    tools: Tools,
    actor: Actor,
    uuid: str,
    file: Path,
    label: Label,
    replaces: str | None = None,
) -> Subtitle:
    """Add a SubRip, WebVTT or SubStation file to a video, or put it in the place of one that was
    brought before (`replaces`, its uid; it keeps its label).

    Raises VideoNotFound, SubtitleNotFound, Invalid with a sentence, TooLarge.
    """
    with tools.db.read() as tx:
        check_writable(tx, actor, uuid)
    _check_label(label)
    if file.stat().st_size > MOST_BYTES:
        raise TooLarge("A subtitle file has at most 16 MiB.")
    data = file.read_bytes()
    texts = _store(tools, *convert(tools, data), is_styled=find_text_kind(decode_text(data)) == ASS)
    try:
        with tools.db.write() as tx:
            video_id = touch_video(tx, actor, uuid)
            if replaces is not None:
                return replace_subtitle(tx, video_id, replaces, texts)
            title = label.title or label.language or "Subtitles"
            return add_subtitle(
                tx, video_id, language=label.language or None, title=title, texts=texts
            )
    except BaseException:
        # No row names them; the sweep would find them later.
        for key in (texts.vtt_key, texts.ass_key):
            tools.storage.delete(key)
        raise


def drop_subtitle(tx: Tx, actor: Actor, uuid: str, uid: str) -> None:
    """Remove a track that was brought for a video. Raises VideoNotFound, SubtitleNotFound."""
    remove_subtitle(tx, touch_video(tx, actor, uuid), uid)


def convert(tools: Tools, data: bytes) -> tuple[bytes, bytes]:
    """Any of the three kinds as (WebVTT, ASS), UTF-8; its own kind as it is. Raises Invalid."""
    text = decode_text(data)
    kind = find_text_kind(text)
    if kind is None:
        raise Invalid("Only SubRip (.srt), WebVTT (.vtt) and SubStation (.ass) files are taken.")
    vtt, ass = bytearray(), bytearray()
    with tools.storage.create(f"subtitles/{secrets.token_hex(8)}.txt") as staged:
        # Never committed: a place for ffmpeg to read from, gone at the end of the block.
        staged.path.write_text(text)
        done = tools.ffmpeg.run(
            conversion_args(staged.path, kind),
            sinks=[vtt.extend, ass.extend],
            timeout_s=_TIMEOUT_S,
            limits=text_limits(),
        )
    if not done.is_success or b"-->" not in vtt:
        raise Invalid("There are no subtitles in this file that can be read.")
    as_it_is = text.encode()
    return (
        as_it_is if kind == VTT else bytes(vtt),
        as_it_is if kind == ASS else bytes(ass),
    )


def _store(tools: Tools, vtt: bytes, ass: bytes, *, is_styled: bool) -> Texts:
    name = secrets.token_hex(12)
    keys = f"subtitles/{name[:2]}/{name}.vtt", f"subtitles/{name[:2]}/{name}.ass"
    for key, data in zip(keys, (vtt, ass), strict=True):
        with tools.storage.create(key) as staged:
            staged.path.write_bytes(data)
            staged.commit()
    return Texts(*keys, is_styled)


def _check_label(label: Label) -> None:
    if not _LANGUAGE.fullmatch(label.language):
        raise Invalid(fields={"language": ["This must be a language tag, such as de or pt-BR."]})
    if len(label.title) > 120 or not label.title.isprintable():
        raise Invalid(fields={"title": ["This must have at most 120 printable characters."]})
