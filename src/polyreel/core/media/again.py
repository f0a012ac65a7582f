"""Try a film again that failed or came out damaged; and let an original go that is not wanted."""

from polyreel.core.library import check_writable, get_media, get_video_by_uuid, update_media
from polyreel.core.media.look import ask_for_look, find_media
from polyreel.core.media.steps import ABOUT
from polyreel.core.options import read_options
from polyreel.core.users import Actor
from polyreel.infra.jobs import Job, JobState, list_jobs
from polyreel.infra.tools import Tools
from polyreel.infra.tx import Tx
from polyreel.kit.errors import Busy, Conflict

UNFINISHED = (JobState.QUEUED, JobState.RUNNING)
# Whoever asks again waits for it.
_PRIORITY = 25


def retry_video(tx: Tx, actor: Actor, uuid: str) -> None:
    """Begin again with the original of a video that failed or is damaged, or has failed heights.

    Raises VideoNotFound, Forbidden; Conflict when there is nothing to try again.
    """
    check_writable(tx, actor, uuid)
    video = get_video_by_uuid(tx, actor, uuid)
    media = get_media(tx, video.media_id)
    if media.original_key is None:
        raise Conflict("The original was not kept, so nothing can be made of it again.")
    if media.state not in ("failed", "damaged", "ready"):
        raise Conflict("This video is still being made.")
    update_media(tx, media.id, state="received", message=None, progress=0.0)
    ask_for_look(tx, media.id, video.user_id, priority=_PRIORITY)


def let_original_go(tx: Tx, media_id: int) -> None:
    """Where originals are not kept, see to it that this one goes once all is made from it."""
    if not read_options(tx).keep_originals:
        tx.enqueue("media.forget", key=f"forget:{media_id}", delay_s=1.0, media_id=media_id)


def forget_original(job: Job) -> None:
    """Remove the original of a media of which everything is made. A damaged or failed one stays."""
    tools: Tools = job.tools
    with job.write() as tx:
        media = find_media(tx, job.args)
        is_wanted = media is None or media.state != "ready" or read_options(tx).keep_originals
        key = None if media is None or is_wanted else media.original_key
        if media is not None and key is not None:
            if _has_other_work(tx, media.id, job.id) or media.sha256 is None:
                raise Busy("Something is still made from the original.", retry_after_s=10)
            update_media(tx, media.id, original_key=None)
        job.complete(tx)
    if key is not None:
        # A crash before this line leaves a file without a row, for the sweep.
        tools.storage.delete(key)


def _has_other_work(tx: Tx, media_id: int, job_id: int) -> bool:
    jobs = list_jobs(tx, about=f"{ABOUT}:{media_id}", states=UNFINISHED)
    return any(job.id != job_id for job in jobs)
