"""Look at an original: what it is, what shall be made of it; and start that."""

from collections.abc import Mapping, Sequence
from typing import Any

from polyreel.core.library import Media, get_media, list_videos_of_media, update_media
from polyreel.core.media.index import pack_cuts
from polyreel.core.media.plan import LadderRules, plan_media
from polyreel.core.media.renditions import Rendition, clear_renditions, lay_out
from polyreel.core.media.source import SourceLimits
from polyreel.core.media.subtitles import Work, plan_subtitles
from polyreel.core.options import Options, read_options
from polyreel.infra.jobs import Job
from polyreel.infra.tools import Tools
from polyreel.infra.tx import Tx
from polyreel.kit.errors import NotFound

# Sources whose hash is not known yet may turn out to be a twin of another media: their videos then
# point there. Their revisions are of another range, so that no address ever means the twin's bytes.
_APART, _RANGES = 1000, 1_000_000
# What makes a film playable goes before what makes it complete.
PROMISED, OFFERED = 10, 5
# The first fragments come first: what is not waited for would take the processor from them.
LATER_S = 1.0
SUBTITLES_S = 0.5


def ladder_rules(options: Options) -> LadderRules:
    rates = {rung.height: rung.max_bitrate_bps for rung in options.rungs if rung.is_enabled}
    limits = SourceLimits(
        duration_s=options.max_duration_s,
        side_px=options.max_side_px,
        tracks=options.max_tracks,
        bitrate_bps=options.max_source_bps,
        size_bytes=options.max_source_bytes,
    )
    return LadderRules(
        rates_bps=rates,
        max_fps=options.max_fps,
        limits=limits,
        offers_native=options.offer_native,
    )


def ask_for_look(tx: Tx, media_id: int, owner_id: int, *, priority: int | None = None) -> None:
    """Have an original looked at, which begins everything; `priority` None: as usual."""
    tx.enqueue(
        "media.look",
        key=f"look:{media_id}",
        owner_id=owner_id,
        priority=priority,
        media_id=media_id,
    )


def look(job: Job) -> None:
    """Probe an original, write its plan, start what makes it playable."""
    tools: Tools = job.tools
    with tools.db.read() as tx:
        media = get_media(tx, job.args["media_id"])
        options = read_options(tx)
        # Sent again after it failed, it is received once more: what was made is made anew.
        if media.state != "received":
            return
    with tools.storage.materialise(media.source_key) as path:
        probe = tools.prober.probe(path)
    plan = plan_media(probe, ladder_rules(options))
    with job.write() as tx:
        update_media(
            tx,
            media.id,
            state="processing",
            message=None,
            probe=probe.to_json().decode(),
            duration_ms=probe.duration_ms or 0,
            cuts=pack_cuts(plan.cuts_us) if plan.cuts_us else None,
            width=plan.width,
            height=plan.height,
        )
        revision = clear_renditions(tx, media.id)
        if media.sha256 is None:
            revision += _APART * (1 + media.id % _RANGES)
        start_work(tx, media, lay_out(tx, media.id, plan, revision=revision))
        _start_texts(tx, media, plan_subtitles(tx, media.id, probe, has_ocr=options.ocr_enabled))
        job.complete(tx)


def start_work(tx: Tx, media: Media, renditions: Sequence[Rendition]) -> None:
    """Enqueue the work for renditions that are only planned."""
    owner_id = _owner(tx, media.id)
    planned = [item for item in renditions if item.state == "planned"]
    for item in planned:
        if item.kind == "audio":
            tx.enqueue("media.sound", key=f"sound:{item.id}", owner_id=owner_id,
                       priority=PROMISED, media_id=media.id, rendition_id=item.id)  # fmt: skip
        elif item.mode == "copy":
            tx.enqueue("media.copy", key=f"copy:{item.id}", owner_id=owner_id,
                       priority=OFFERED if item.is_native else PROMISED, media_id=media.id, rendition_id=item.id)  # fmt: skip
    encoded = [item for item in planned if item.kind == "video" and item.mode == "encode"]
    has_cuts = get_media(tx, media.id).cuts is not None
    if encoded:
        promised = encoded[0].promised
        for part in encoded[0].parts:
            # Where nothing can be copied the film's beginning is made before other films' ladders.
            ahead = promised and part.number == 0 and has_cuts
            tx.enqueue("media.head" if ahead else "media.encode",
                       key=encode_key(encoded[0].id, part.number), owner_id=owner_id,
                       priority=PROMISED if promised else 0, delay_s=0 if promised else LATER_S,
                       media_id=media.id, part=part.number,
                       rendition_ids=",".join(str(item.id) for item in encoded))  # fmt: skip
    # Sound may have a cover.
    tx.enqueue("media.images", key=f"images:{media.id}", owner_id=owner_id, delay_s=LATER_S,
               media_id=media.id)  # fmt: skip


def encode_key(rendition_id: int, part: int) -> str:
    """The key of the job that encodes one part of some renditions, by the first of them."""
    return f"encode:{rendition_id}:{part}"


def _start_texts(tx: Tx, media: Media, work: Work) -> None:
    owner_id = _owner(tx, media.id)
    if work.texts:
        tx.enqueue("media.subtitles", key=f"subtitles:{media.id}", delay_s=SUBTITLES_S,
                   owner_id=owner_id, media_id=media.id)  # fmt: skip
    if work.pictures:
        tx.enqueue("media.ocr", key=f"ocr:{media.id}", delay_s=SUBTITLES_S,
                   owner_id=owner_id, media_id=media.id)  # fmt: skip


def _owner(tx: Tx, media_id: int) -> int | None:
    videos = list_videos_of_media(tx, media_id)
    return videos[0].user_id if videos else None


def fail_media(tx: Tx, args: Mapping[str, Any], message: str) -> None:
    if find_media(tx, args) is not None:
        update_media(tx, args["media_id"], state="failed", message=message)


def find_media(tx: Tx, args: Mapping[str, Any]) -> Media | None:
    try:
        return get_media(tx, args["media_id"])
    except NotFound:
        return None
