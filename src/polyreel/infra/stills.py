"""Pick keyframes out of a long film without reading the rest of it, in a child process.

The film is opened once, and each keyframe is found by a seek: two hundred of them cost a twentieth of a
second, of ten minutes as of ten hours. They are copied, not decoded, into a small file for ffmpeg.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

import polyreel
from polyreel import settings
from polyreel.infra import process
from polyreel.infra.process import Limits
from polyreel.infra.reach import Reach, sandbox

__all__ = ["pick_keyframes"]

# Keyframes of film for the cinema are megabytes each.
MOST_BYTES = 400 << 20
LIMITS = Limits(memory_bytes=4 << 30, cpu_s=60, file_bytes=MOST_BYTES * 2, open_files=64)
TIMEOUT_S = 40.0


def pick_keyframes(
    source: Path, stream: int, times_us: Sequence[int], into: Path
) -> list[int] | None:
    """Copy the keyframe at or before each of `times_us` to `into`, an empty file; one frame a second.

    Times count from the file's start. Answers for each time the number of its frame, ascending; fewer
    when the file ended or took too long. None when nothing could be picked: the codec fits no
    container, or the file is damaged. Raises Unavailable when the child cannot be started.
    """
    root = str(Path(polyreel.__file__).parents[1])
    program = [sys.executable, "-P", "-B", "-m", "polyreel.infra.picking"]
    options = [] if sandbox.is_on else ["--open"]
    times = ",".join(map(str, times_us))
    done = process.run(
        [
            *program,
            *options,
            str(source.absolute()),
            str(stream),
            times,
            str(MOST_BYTES),
            str(into),
        ],
        limits=LIMITS,
        reach=Reach(reads=[source, Path(root)], writes=[into]),
        timeout_s=TIMEOUT_S,
        nice=10,
        env={**settings.child_environment(None), "PYTHONPATH": root},
    )
    if not done.is_success:
        return None
    return msgspec.json.decode(done.stdout, type=list[int]) or None
