"""Subtitles that are pictures (PGS) are read by another server, where an administrator has set one up.

A job of its own: that server may be slow, or away, and nothing else of a film waits for it.
Source: the VideoCMS contract, sections 17 and 21, `PluginPgsServer`.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from polyreel.core.library import get_media
from polyreel.core.media.look import find_media
from polyreel.core.media.sidecars import convert
from polyreel.core.media.subtitle_making import Store, find_planned, keep_texts
from polyreel.core.media.subtitles import NO_READER, Subtitle, fail_subtitles, publish_subtitle
from polyreel.core.options import read_options
from polyreel.infra.ffmpeg import input_args, last_words
from polyreel.infra.jobs import Job
from polyreel.infra.outbound import Limits, TooSlow, Unreachable
from polyreel.infra.tools import Tools
from polyreel.infra.tx import Tx
from polyreel.kit.errors import AppError, Invalid, TooLarge, Unsupported

# A feature film has some thousand pictures of words.
_LIMITS = Limits(total_s=900.0, idle_s=900.0, body_bytes=16 << 20)
_MOST_PICTURES = 128 << 20
_NICE = 5
# What stands before the OCR server says that it is not there.
_AWAY = (429, 502, 503, 504)


def read_subtitles(job: Job) -> None:
    """Have every planned track of pictures of a media read, and list each as soon as it is.

    Raises Unreachable while the OCR server is away: what is still planned is tried again.
    """
    tools: Tools = job.tools
    with tools.db.read() as tx:
        media = get_media(tx, job.args["media_id"])
        planned = find_planned(tx, media.id).pictures
        options = read_options(tx)
    if not options.ocr_enabled:
        raise Unsupported(NO_READER)
    store = Store(tools, media, "read")
    with _taken_out(job, media.source_key, planned) as files:
        for track, file in zip(planned, files, strict=True):
            try:
                srt = _ask(tools, options.ocr_url, file, job.check)
                made = keep_texts(store, track, *_convert(tools, srt))
            except Unreachable:
                raise
            except AppError as error:
                with job.write() as tx:
                    fail_subtitles(tx, media.id, [track], error.message)
                continue
            with job.write() as tx:
                publish_subtitle(tx, media.id, track, made)
    with job.write() as tx:
        job.complete(tx)


def fail_reading(tx: Tx, args: Mapping[str, Any], message: str) -> None:
    """Give up what is still not read; the film is as good without."""
    if find_media(tx, args) is not None:
        media_id = args["media_id"]
        fail_subtitles(tx, media_id, find_planned(tx, media_id).pictures, message)


@contextmanager
def _taken_out(job: Job, source_key: str, tracks: Sequence[Subtitle]) -> Iterator[list[Path]]:
    """A `.sup` file of each track, by one pass over the source. Raises Unsupported."""
    tools: Tools = job.tools
    with tools.storage.scratch() as folder, tools.storage.materialise(source_key) as source:
        files = [folder / f"{number}.sup" for number in range(len(tracks))]
        args = input_args(source)
        for number, track in enumerate(tracks):
            args += ["-map", f"0:{track.stream}", "-c:s", "copy", "-f", "sup", f"{{sink{number}}}"]
        opened = [file.open("wb") for file in files]
        try:
            done = tools.ffmpeg.run(
                args,
                sinks=[_bounded(file) for file in opened],
                cancelled=job.cancelled,
                nice=_NICE,
            )
        finally:
            for file in opened:
                file.close()
        job.check()
        if not done.is_success and not any(file.stat().st_size for file in files):
            raise Unsupported(last_words(done.stderr_tail))
        yield files


def _bounded(file: BinaryIO) -> Callable[[bytes], None]:
    def take(data: bytes) -> None:
        # One byte too many tells that there were more.
        room = _MOST_PICTURES + 1 - file.tell()
        file.write(data[: max(0, room)])

    return take


def _ask(tools: Tools, url: str, file: Path, check: Callable[[], None]) -> bytes:
    """What the OCR server reads in a PGS stream, as SubRip; it gets the field `file` of a form.

    Raises Unreachable when it is away, else Unsupported.
    """
    if file.stat().st_size > _MOST_PICTURES:
        raise Unsupported("These subtitles are too large to be read.")
    boundary = secrets.token_hex(16)
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="subtitles.sup"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    body = b"".join([head.encode(), file.read_bytes(), f"\r\n--{boundary}--\r\n".encode()])
    kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    try:
        answer = tools.outbound.post_configured(
            url, body, headers=kind, limits=_LIMITS, check=check
        )
    except TooSlow as error:
        raise Unsupported("The OCR server took too long.") from error
    except Unreachable as error:
        raise Unreachable(f"The OCR server could not be asked: {error.message}") from error
    except TooLarge as error:
        raise Unsupported("The OCR server's answer is too large.") from error
    except AppError as error:
        raise Unsupported(f"The OCR server could not be asked: {error.message}") from error
    if answer.status in _AWAY:
        raise Unreachable(f"The OCR server answered with status {answer.status}.")
    if answer.status != 200:
        raise Unsupported(f"The OCR server answered with status {answer.status}.")
    return answer.body


def _convert(tools: Tools, srt: bytes) -> tuple[bytes, bytes]:
    try:
        return convert(tools, srt)
    except Invalid as error:
        raise Unsupported("The OCR server's answer holds no subtitles.") from error
