"""What a viewer waits for is encoded next, from there on, beside whatever is encoded already."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from polyreel.core.library import get_media
from polyreel.core.media.index import unpack_cuts
from polyreel.core.media.look import encode_key
from polyreel.core.media.renditions import Part, list_renditions, made_by, split_parts
from polyreel.infra.jobs import JobInfo, front_of, recast_job, waiting_job
from polyreel.infra.tx import Database, Tx

KIND = "media.sought"
# Whoever seeks on and on makes no confetti of a film: no part gets fewer fragments, and a film, besides a few,
# no more parts than one to so many.
LEAST = 3
FEW, LEAST_EACH = 8, 8


class _Wanted(NamedTuple):
    """A part that waits for its turn, the job that will make it, and how many parts there are."""

    part: Part
    job: JobInfo
    parts: int


def seek(db: Database, media_id: int, rendition_id: int, fragment: int) -> None:
    """Have a fragment that is not made yet made now. Where its part has not begun, and begins far before it,
    the part is cut in two there: what is between can wait. Nothing for what is being made, for what no
    playlist lists, and for a film without an index, whose one job takes as long as the film does.
    """
    with db.read() as tx:
        cuts = unpack_cuts(get_media(tx, media_id).cuts)
        # Nearly always it is being made already, and need not be asked for again.
        if fragment >= len(cuts) or _find(tx, media_id, rendition_id, fragment) is None:
            return
    with db.write() as tx:
        wanted = _find(tx, media_id, rendition_id, fragment, hold=True)
        if wanted is not None:
            _make_next(tx, wanted, fragment, cuts)


def _find(
    tx: Tx, media_id: int, rendition_id: int, fragment: int, *, hold: bool = False
) -> _Wanted | None:
    renditions = list_renditions(tx, media_id)
    encoded = [item for item in renditions if item.kind == "video" and item.mode == "encode"]
    wanted = next((item for item in encoded if item.id == rendition_id and item.promised), None)
    part = wanted.part_of(fragment) if wanted else None
    if wanted is None or part is None:
        return None
    for leader in encoded:
        job = waiting_job(tx, encode_key(leader.id, part.number), hold=hold)
        # The beginning of a film has a lane of its own.
        if job and rendition_id in made_by(job.args) and job.kind != "media.head":
            return _Wanted(part, job, len(wanted.parts))
    return None


def _make_next(tx: Tx, wanted: _Wanted, fragment: int, cuts: Sequence[int]) -> None:
    part, job = wanted.part, wanted.job
    ids, first = made_by(job.args), part.first_fragment
    priority = front_of(tx, KIND)
    end = len(cuts) if part.end_us is None else bisect_left(cuts, part.end_us)
    at = min(fragment, end - LEAST)
    is_fine = wanted.parts >= FEW + len(cuts) // LEAST_EACH
    if at - first < LEAST or is_fine or part.state != "planned":
        recast_job(tx, encode_key(ids[0], part.number), KIND, priority=priority)
        return
    rest = split_parts(tx, ids, part.number, at=at, at_us=cuts[at])
    args = {**job.args, "part": rest}
    key = encode_key(ids[0], rest)
    tx.enqueue(KIND, key=key, owner_id=job.owner_id, priority=priority, **args)
