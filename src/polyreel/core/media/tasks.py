"""The jobs of a media, and where they run. Their args are ids; all of them may run twice."""

from functools import partial

from polyreel.core.media.again import forget_original
from polyreel.core.media.images import make_images
from polyreel.core.media.look import fail_media, look
from polyreel.core.media.make import (
    copy_picture,
    encode_heights,
    encode_instead,
    fail_heights,
    fail_sound,
    make_sound,
)
from polyreel.core.media.ocr import fail_reading, read_subtitles
from polyreel.core.media.steps import ABOUT
from polyreel.core.media.subtitle_making import fail_making, make_subtitles
from polyreel.infra.jobs import JobKind

# The same work, wherever its turn comes.
_ENCODE = partial(JobKind, about=ABOUT, run=encode_heights, max_attempts=3, on_failed=fail_heights)

KINDS = (
    JobKind(
        name="media.look", about=ABOUT, lane="fast", run=look, priority=20, on_failed=fail_media
    ),
    JobKind(
        name="media.copy",
        about=ABOUT,
        lane="fast",
        run=copy_picture,
        max_attempts=3,
        on_failed=encode_instead,
    ),
    JobKind(
        name="media.sound",
        about=ABOUT,
        lane="fast",
        run=make_sound,
        max_attempts=3,
        limit=2,
        on_failed=fail_sound,
    ),
    _ENCODE(name="media.head", lane="fast", limit=1),
    _ENCODE(name="media.encode", lane="encode"),
    _ENCODE(name="media.sought", lane="sought"),
    JobKind(
        name="media.subtitles",
        about=ABOUT,
        lane="fast",
        run=make_subtitles,
        max_attempts=3,
        limit=1,
        on_failed=fail_making,
    ),
    JobKind(
        name="media.ocr",
        about=ABOUT,
        lane="net",
        run=read_subtitles,
        limit=1,
        backoff_s=30.0,
        on_failed=fail_reading,
    ),
    JobKind(
        name="media.images", about=ABOUT, lane="fast", run=make_images, max_attempts=3, limit=1
    ),
    JobKind(name="media.forget", about=ABOUT, lane="light", run=forget_original, max_attempts=20),
)
