"""The timeline of a film: what was done for it, how long that waited and ran, what comes next."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from polyreel.core.media.renditions import Rendition, list_renditions, made_by
from polyreel.infra.jobs import JobInfo, JobState, list_jobs
from polyreel.infra.tx import Tx
from polyreel.kit import clock

ABOUT = "media_id"
# So many of the newest jobs of a kind tell how fast this server is.
_SAMPLE = 20
_LABELS = {
    "media.look": "Look into the file",
    "media.copy": "Copy the picture",
    "media.sound": "Prepare the sound",
    "media.head": "Encode the beginning",
    "media.encode": "Encode",
    "media.sought": "Encode for a viewer",
    "media.images": "Make the images",
    "media.subtitles": "Take out subtitles and chapters",
    "media.ocr": "Have pictures of subtitles read",
    "media.forget": "Remove the original",
    "ingest.hash": "Compare with other files",
}
_ENCODES = ("media.head", "media.encode", "media.sought")


@dataclass(frozen=True)
class Step:
    """One job of a film. `state` is the job's; times in seconds; `expected_s` is what is left of one
    that has not ended, as this server's own speed suggests, None where there is no telling.
    `attempts` counts tries; `command` is ffmpeg's, without paths; `message` why it failed, or what
    went wrong the last time.
    """

    kind: str
    label: str
    state: str
    waited_s: float
    ran_s: float
    cpu_s: float
    attempts: int
    progress: float
    command: str
    message: str
    expected_s: float | None


def list_steps(tx: Tx, media_id: int) -> list[Step]:
    """Every step of a media, in the order in which they were asked for."""
    jobs = list(reversed(list_jobs(tx, about=f"{ABOUT}:{media_id}")))
    renditions = {item.id: item for item in list_renditions(tx, media_id)}
    open_kinds = {job.kind for job in jobs if job.finished_at is None}
    speeds = {kind: _seconds_a_unit(tx, kind) for kind in open_kinds}
    return [_step(job, renditions, speeds) for job in jobs]


def work_of(renditions: Sequence[Rendition], length_us: int) -> float:
    """How much it is to make a stretch of these: megapixels of picture, seconds of sound."""
    seconds = length_us / 1e6
    return seconds * sum(
        item.width * item.height * (item.fps or 25) / 1e6
        if item.kind == "video" and item.mode == "encode"
        else 1.0
        for item in renditions
    )


def _step(
    job: JobInfo, renditions: Mapping[int, Rendition], speeds: Mapping[str, float | None]
) -> Step:
    now = clock.now()
    started = job.started_at or job.finished_at or now
    ended = job.finished_at or now
    is_queued = job.state == JobState.QUEUED
    return Step(
        kind=job.kind,
        label=_label(job, renditions),
        state=job.state.value,
        waited_s=max(0.0, ((now if is_queued else started) - job.created_at).total_seconds()),
        ran_s=0.0 if is_queued else max(0.0, (ended - started).total_seconds()),
        cpu_s=job.cpu_ms / 1000,
        attempts=job.tries,
        progress=1.0 if job.state == JobState.SUCCEEDED else job.progress,
        command=job.command or "",
        message=_why(job),
        expected_s=_expected(job, renditions, speeds.get(job.kind)),
    )


def _why(job: JobInfo) -> str:
    # A traceback is for the log; a sentence is for people.
    error = (job.error or "").strip()
    return error if "\n" not in error else "It ended with an unexpected error."


def _label(job: JobInfo, renditions: Mapping[int, Rendition]) -> str:
    label = _LABELS.get(job.kind, job.kind)
    made = _made_by(job, renditions)
    if job.kind in _ENCODES and made:
        names = ", ".join(item.name.lstrip("0") for item in made)
        parts = made[0].parts
        place = parts.index(made[0].part(job.args["part"])) + 1
        of_parts = f", part {place} of {len(parts)}" if len(parts) > 1 else ""
        return f"{label}: {names}{of_parts}"
    if made:
        name = made[0].title if made[0].kind == "audio" else made[0].name.lstrip("0")
        return f"{label}: {name}"
    return label


def _made_by(job: JobInfo, renditions: Mapping[int, Rendition]) -> list[Rendition]:
    return [renditions[each] for each in made_by(job.args) if each in renditions]


def _expected(
    job: JobInfo, renditions: Mapping[int, Rendition], seconds_a_unit: float | None
) -> float | None:
    if job.finished_at is not None or seconds_a_unit is None:
        return None
    made = _made_by(job, renditions)
    work = 1.0
    if made:
        part = made[0].part(job.args.get("part", 0))
        end_us = part.end_us if part.end_us is not None else made[0].duration_us
        work = work_of(made, max(0, end_us - part.start_us))
    return work * seconds_a_unit * (1.0 - job.progress)


def _seconds_a_unit(tx: Tx, kind: str) -> float | None:
    """The median over the newest jobs of this kind that ended well."""
    jobs = list_jobs(tx, kind=kind, states=[JobState.SUCCEEDED], limit=_SAMPLE)
    speeds = [
        (job.finished_at - job.started_at).total_seconds() / (job.work or 1.0)
        for job in jobs
        if job.started_at and job.finished_at
    ]
    return statistics.median(speeds) if speeds else None
