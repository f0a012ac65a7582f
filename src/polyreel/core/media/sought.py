"""What a viewer waits for is encoded next, from there on, beside whatever is encoded already."""

from polyreel.core.library import get_media
from polyreel.core.media.index import unpack_cuts
from polyreel.core.media.look import encode_key
from polyreel.core.media.renditions import Part, list_renditions, made_by, split_parts
from polyreel.infra.jobs import JobInfo, hold_waiting_job, recast_job
from polyreel.infra.tx import Tx

# Who seeks no further than so many fragments into a part has it made from its beginning.
NEAR = 3


def seek(tx: Tx, media_id: int, rendition_id: int, fragment: int) -> None:
    """Have a fragment that is not made yet made now. Where its part still waits for its turn, and begins far
    before it, the part is cut in two there: what is between can wait. Nothing for what is being made, what
    no playlist lists, and a film without an index, whose one job takes as long as the film does.
    """
    renditions = list_renditions(tx, media_id)
    encoded = [item for item in renditions if item.kind == "video" and item.mode == "encode"]
    wanted = next((item for item in encoded if item.id == rendition_id), None)
    if wanted is None or not wanted.promised:
        return
    cuts = unpack_cuts(get_media(tx, media_id).cuts)
    if fragment >= len(cuts):
        return
    part = max(
        (part for part in wanted.parts if part.first_fragment <= fragment),
        key=lambda part: part.first_fragment,
    )
    job = _waiting(tx, [item.id for item in encoded], rendition_id, part)
    if job is None or job.key is None:
        return
    if fragment - part.first_fragment < NEAR or part.state != "planned":
        recast_job(tx, job.key, "media.sought")
        return
    ids = made_by(job.args)
    rest = split_parts(tx, ids, part.number, at=fragment, at_us=cuts[fragment])
    args = {**job.args, "part": rest}
    tx.enqueue("media.sought", key=encode_key(ids[0], rest), owner_id=job.owner_id, **args)


def _waiting(tx: Tx, leaders: list[int], rendition_id: int, part: Part) -> JobInfo | None:
    """The job that will make this part, which nobody begins before `tx` ends."""
    for leader in leaders:
        job = hold_waiting_job(tx, encode_key(leader, part.number))
        if job is not None and rendition_id in made_by(job.args):
            return job
    return None
