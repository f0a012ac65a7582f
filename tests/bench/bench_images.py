"""What images cost: a film of an hour against one of ten minutes, and against decoding its keyframes.

The product's own functions make poster, storyboard and mosaic; the reference is one ffmpeg that reads a
whole film and decodes nothing but its keyframes (`-skip_frame nokey`), onto a sheet of the same tiles.
Runs are interleaved, so that other work on the machine hurts all of them.
"""

import resource
import shutil
import statistics
import subprocess
import time
from pathlib import Path

import pytest

from polyreel.core.library import create_media, update_media
from polyreel.infra.jobs import JobState
from polyreel.infra.probe import probe_file
from tests.bench.films import Films
from tests.factories.site import Site

pytestmark = pytest.mark.bench

MINUTES = (10, 60)
RUNS = 3
GOAL_RATIO = 1.3
# An x264 of the usual kind: a keyframe each two seconds, so that both films fill their storyboard.
SOURCE = ("-an", "-c:v", "libx264", "-preset", "superfast", "-crf", "26", "-g", "50", "-bf", "2")


@pytest.fixture
def long_films(films: Films) -> dict[int, Path]:
    """Films of the same picture, looped from one that was encoded once."""
    short = films.encoded("images.mp4", films.looped("bigbuckbunny-720p.mp4", 40), *SOURCE)
    made = {}
    for minutes in MINUTES:
        path = films.folder / f"images-{minutes}.mp4"
        looped = ("-stream_loop", "-1", "-i", str(short), "-c", "copy", "-t", str(minutes * 60))
        films.run(*looped, "-movflags", "+faststart", str(path))
        made[minutes] = path
    return made


def test_images_cost_the_same_at_any_length(films, long_films, tmp_path, table):
    site = Site(tmp_path / "data")
    try:
        wall: dict[int, list[float]] = {minutes: [] for minutes in MINUTES}
        cpu: dict[int, list[float]] = {minutes: [] for minutes in MINUTES}
        reference = []
        for _ in range(RUNS):
            for minutes, path in long_films.items():
                took, used = images_of(site, path)
                wall[minutes].append(took)
                cpu[minutes].append(used)
            reference.append(decode_keyframes(films, long_films[MINUTES[-1]]))
    finally:
        site.close()
    for minutes in MINUTES:
        each = f"{statistics.median(cpu[minutes]):.2f} s of processor"
        table.row(f"images of {minutes} min", f"{statistics.median(wall[minutes]):.2f} s", each)
    whole = statistics.median(reference)
    table.row("reference: all keyframes of 60 min decoded", f"{whole:.2f} s", "-skip_frame nokey")
    ratio = statistics.median(cpu[60]) / statistics.median(cpu[10])
    goal = f"<= {GOAL_RATIO:g}"
    table.row(
        "60 min against 10 min, processor", f"{ratio:.2f}", goal=goal, met=ratio <= GOAL_RATIO
    )
    ratio = statistics.median(wall[60]) / statistics.median(wall[10])
    table.row("60 min against 10 min, time", f"{ratio:.2f}", goal=goal, met=ratio <= GOAL_RATIO)
    table.row("60 min against the reference, time", f"{statistics.median(wall[60]) / whole:.2f}")


def images_of(site, path):
    """(seconds, seconds of processor of all children) of the job alone."""
    with site.tools.db.write() as tx:
        number = len(site.jobs())
        uid = f"{number:036}"
        key = f"media/00/{uid}/original"
        target = site.tools.storage.path(key)
        target.parent.mkdir(parents=True)
        target.hardlink_to(path) if same_disk(path, target) else shutil.copyfile(path, target)
        media = create_media(tx, uid=uid, sha256=None, size_bytes=1, original_key=key)
        probe = probe_file(path)
        found = probe.to_json().decode()
        update_media(tx, media.id, probe=found, duration_ms=probe.duration_ms or 0)
    before = children_cpu_s()
    with site.tools.db.write() as tx:
        tx.enqueue("media.images", key=f"images:{media.id}", media_id=media.id)
    with site.working(["fast"]):
        job = site.until(lambda: ended(site), timeout_s=120)
    assert job.state is JobState.SUCCEEDED
    used = children_cpu_s() - before
    return (job.finished_at - job.started_at).total_seconds(), used


def ended(site):
    job = next(job for job in site.jobs() if job.kind == "media.images")
    return job if job.state not in (JobState.QUEUED, JobState.RUNNING) else None


def same_disk(path, target):
    return path.stat().st_dev == target.parent.stat().st_dev


def children_cpu_s():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def decode_keyframes(films, path):
    """Seconds of one ffmpeg that decodes every keyframe and makes 120 tiles of them."""
    tiles = r"select='gte(t\,prev_selected_t+30)+isnan(prev_selected_t)',scale=160:90,tile=12x10"
    command = ["-skip_frame", "nokey", "-i", str(path), "-an", "-vf", tiles, "-frames:v", "1"]
    began = time.monotonic()
    subprocess.run([films.ffmpeg_exe, "-v", "error", *command, "-f", "null", "-"], check=True)
    return time.monotonic() - began
