"""The jobs of a media, and where they run. Their args are ids; all of them may run twice."""

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
from polyreel.core.media.subtitle_making import fail_making, make_subtitles
from polyreel.infra.jobs import JobKind

KINDS = (
    JobKind(name="media.look", lane="fast", run=look, priority=20, on_failed=fail_media),
    JobKind(
        name="media.copy", lane="fast", run=copy_picture, max_attempts=3, on_failed=encode_instead
    ),
    JobKind(
        name="media.sound",
        lane="fast",
        run=make_sound,
        max_attempts=3,
        limit=2,
        on_failed=fail_sound,
    ),
    JobKind(
        name="media.head",
        lane="fast",
        run=encode_heights,
        max_attempts=3,
        limit=1,
        on_failed=fail_heights,
    ),
    JobKind(
        name="media.encode",
        lane="encode",
        run=encode_heights,
        max_attempts=3,
        on_failed=fail_heights,
    ),
    JobKind(
        name="media.subtitles",
        lane="fast",
        run=make_subtitles,
        max_attempts=3,
        limit=1,
        on_failed=fail_making,
    ),
    JobKind(name="media.images", lane="fast", run=make_images, max_attempts=3, limit=1),
)
