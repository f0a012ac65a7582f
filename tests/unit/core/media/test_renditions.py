"""Renditions and parts in a real database: what readers see while attempts come and go."""

import pytest

from polyreel.core.library import (
    delete_video,
    get_media,
    list_videos_of_media,
)
from polyreel.core.media.plan import plan_media
from polyreel.core.media.renditions import (
    begin_part,
    clear_renditions,
    fail_rendition,
    list_part_keys,
    list_renditions,
    measured_rates,
    note_damage,
    publish_part,
    replace_rendition,
)
from polyreel.core.media.states import settle
from polyreel.core.media.tasks import KINDS
from polyreel.infra.bmff import parse_init
from polyreel.kit.errors import NotFound
from tests.factories.boxes import init_of_picture
from tests.factories.probes import make_probe
from tests.factories.probes import make_video as make_track
from tests.factories.renditions import fragments_of
from tests.unit.core.media.conftest import RULES

INIT = parse_init(init_of_picture())
OTHER_INIT = parse_init(init_of_picture(width=640))
ON_FAILED = {kind.name: kind.on_failed for kind in KINDS if kind.on_failed}


def fail(site, kind, media_id, rendition_id):
    with site.tools.db.write() as tx:
        args = {"media_id": media_id, "rendition_id": rendition_id}
        ON_FAILED[kind](tx, args, "It broke.")


def test_a_plan_becomes_rows_in_its_order(lay, read):
    made = read(lay())
    assert [(item.kind, item.mode, len(item.parts)) for item in made] == [
        ("video", "encode", 2),
        ("video", "encode", 2),
        ("video", "encode", 2),
        ("audio", "encode", 1),
    ]
    assert [item.position for item in made] == [0, 1, 2, 3]
    assert {item.state for item in made} == {"planned"}
    assert not any(item.has_begun for item in made)
    head, rest = made[0].parts
    assert (head.end_us, rest.start_us, rest.first_fragment) == (8_000_000, 8_000_000, 3)


def test_fragments_are_seen_as_soon_as_they_are_published(site, lay, read):
    media_id = lay()
    part = read(media_id)[0].parts[0]
    with site.tools.db.write() as tx:
        begin_part(tx, part.id, "media/a/0")
        publish_part(tx, part.id, INIT, fragments_of(2, 2))
    found = read(media_id)[0]
    assert (found.state, found.has_begun, found.codec) == ("running", True, "avc1.64001f")
    assert list(found.parts[0].fragments) == list(fragments_of(2, 2))
    with site.tools.db.read() as tx:
        assert list_part_keys(tx) == ["media/a/0"]


def test_the_first_attempt_keeps_the_revision_and_the_next_raises_it(site, lay, read):
    media_id = lay()
    part = read(media_id)[0].parts[0]
    seen = []
    for number in range(3):
        with site.tools.db.write() as tx:
            begin_part(tx, part.id, f"media/a/{number}")
        seen.append(read(media_id)[0].revision)
    assert seen == [1, 2, 3]


def test_nobody_gets_an_earlier_attempt_under_the_next_one_s_address(site, lay, read):
    media_id = lay()
    part = read(media_id)[0].parts[0]
    with site.tools.db.write() as tx:
        begin_part(tx, part.id, "media/a/0")
        publish_part(tx, part.id, INIT, fragments_of(2))
    with site.tools.db.write() as tx:
        begin_part(tx, part.id, "media/a/1")
    found = read(media_id)[0]
    assert (found.revision, found.init, found.codec, found.has_begun) == (2, None, None, False)
    with site.tools.db.write() as tx:
        publish_part(tx, part.id, OTHER_INIT, fragments_of(2))
    assert read(media_id)[0].init == OTHER_INIT.data


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["head first", "rest first"])
def test_parts_of_one_rendition_share_one_init(site, lay, read, order):
    media_id = lay()
    first, second = (read(media_id)[0].parts[number] for number in order)
    with site.tools.db.write() as tx:
        begin_part(tx, first.id, "media/a/0")
        publish_part(tx, first.id, INIT, fragments_of(2), whole=True)
        begin_part(tx, second.id, "media/a/1")
    assert read(media_id)[0].init == INIT.data
    with site.tools.db.write() as tx, pytest.raises(ValueError, match="init"):
        publish_part(tx, second.id, OTHER_INIT, fragments_of(2))


def test_a_rendition_is_ready_when_its_last_part_is(site, lay, read):
    media_id = lay()
    head, rest = read(media_id)[0].parts
    for part, fragments in ((rest, fragments_of(4, size=4000)), (head, fragments_of(2, 2))):
        with site.tools.db.write() as tx:
            assert read(media_id)[0].state != "ready"
            begin_part(tx, part.id, f"media/a/{part.number}")
            publish_part(tx, part.id, INIT, fragments, whole=True)
    found = read(media_id)[0]
    assert (found.state, found.progress) == ("ready", 1.0)
    assert (found.average_bps, found.peak_bps) == (6000, 8000)


def test_what_was_given_up_does_not_come_back(site, lay, read):
    media_id = lay()
    rendition = read(media_id)[0]
    with site.tools.db.write() as tx:
        fail_rendition(tx, rendition.id, "It broke.")
        begin_part(tx, rendition.parts[0].id, "media/a/0")
    found = read(media_id)[0]
    assert (found.state, found.promised, found.message) == ("failed", False, "It broke.")


def test_a_media_never_goes_back_from_playable(site, lay, read):
    media_id = lay(make_probe(make_track(codec="vp8")))
    part = read(media_id)[0].parts[0]
    states = []
    for act in (
        lambda tx: None,
        lambda tx: begin_part(tx, part.id, "media/a/0"),
        lambda tx: publish_part(tx, part.id, INIT, fragments_of(2)),
        lambda tx: begin_part(tx, part.id, "media/a/1"),
    ):
        with site.tools.db.write() as tx:
            act(tx)
            states.append(settle(tx, media_id))
    assert states == ["processing", "processing", "playable", "playable"]


def test_damage_is_told_when_everything_ended(site, lay, read):
    media_id = lay(make_probe(make_track(width=320, height=240, bit_rate_bps=1000)))
    (rendition,) = read(media_id)
    with site.tools.db.write() as tx:
        begin_part(tx, rendition.parts[0].id, "media/a/0")
        publish_part(tx, rendition.parts[0].id, INIT, fragments_of(2), whole=True)
        note_damage(tx, rendition.id, "It is short.")
        assert settle(tx, media_id) == "damaged"
        assert get_media(tx, media_id).message == "It is short."


# --- when a copy fails -------------------------------------------------------------------------------


def test_a_failed_copy_is_encoded_at_its_own_height_under_new_addresses(site, lay, read):
    media_id = lay(make_probe(make_track()))
    copy = read(media_id)[0]
    assert (copy.name, copy.mode) == ("720p", "copy")
    with site.tools.db.write() as tx:
        begin_part(tx, copy.parts[0].id, "media/a/0")
        publish_part(tx, copy.parts[0].id, INIT, fragments_of(4))
    fail(site, "media.copy", media_id, copy.id)
    again, *others = read(media_id)
    assert (again.name, again.mode, again.promised, again.state) == (
        "720p",
        "encode",
        True,
        "planned",
    )
    assert again.revision > copy.revision
    assert (again.init, len(again.parts)) == (None, 2)
    assert [item.name for item in others] == ["480p", "240p"]
    (job,) = site.jobs(kind="media.head")
    assert job.args["rendition_ids"] == str(again.id), "the others are on their way already"


def test_a_failed_copy_of_no_enabled_height_hands_its_promise_to_the_tallest(site, lay, read):
    media_id = lay(make_probe(make_track(height=722)))
    copy = read(media_id)[0]
    fail(site, "media.copy", media_id, copy.id)
    assert [(item.name, item.state, item.promised) for item in read(media_id)] == [
        ("722p", "failed", False),
        ("720p", "planned", True),
        ("480p", "planned", False),
        ("240p", "planned", False),
    ]
    with site.tools.db.read() as tx:
        assert get_media(tx, media_id).state == "processing"


def test_failures_for_what_is_gone_are_survived(site, lay, read):
    media_id = lay()
    for kind in ("media.copy", "media.sound"):
        fail(site, kind, media_id, 999)
        fail(site, kind, 999, 1)
    with site.tools.db.write() as tx:
        ON_FAILED["media.encode"](tx, {"media_id": 999, "rendition_ids": "1,2"}, "It broke.")
        ON_FAILED["media.look"](tx, {"media_id": 999}, "It broke.")


# --- ids and revisions ----------------------------------------------------------------------------------


def ids_of(tx, media_id):
    made = list_renditions(tx, media_id)
    videos = [video.id for video in list_videos_of_media(tx, media_id)]
    return [videos, [item.id for item in made], [p.id for item in made for p in item.parts]]


def test_an_id_never_means_something_else_later(site, lay):
    first = lay()
    with site.tools.db.write() as tx:
        earlier = ids_of(tx, first)
        delete_video(tx, site.alice, list_videos_of_media(tx, first)[0].uuid)
    second = lay(name="b")
    with site.tools.db.read() as tx:
        later = ids_of(tx, second)
        with pytest.raises(NotFound):
            get_media(tx, first)
    assert all(min(new) > max(old) for new, old in zip(later, earlier, strict=True))


def test_what_takes_the_place_of_cleared_renditions_has_new_addresses(site, lay, read):
    media_id = lay()
    with site.tools.db.write() as tx:
        for number in range(3):
            begin_part(tx, list_renditions(tx, media_id)[0].parts[0].id, f"media/a/{number}")
        assert clear_renditions(tx, media_id) == 4
        assert list_renditions(tx, media_id) == []
        assert list_part_keys(tx) == []
        assert clear_renditions(tx, media_id) == 1


def test_what_replaces_a_rendition_is_later_than_it(site, lay, read):
    media_id = lay()
    old = read(media_id)[1]
    planned = plan_media(make_probe(make_track(codec="vp8")), RULES).renditions[1]
    with site.tools.db.write() as tx:
        new = replace_rendition(tx, old.id, planned, ())
    assert (new.position, new.revision, new.name) == (1, 2, old.name)
    assert [item.id for item in read(media_id)].count(new.id) == 1


def test_a_sliver_makes_the_peak_with_its_neighbour_alone():
    average, peak = measured_rates(fragments_of(4, 2, 0.1, size=1000))
    assert (average, peak) == (3000 * 8 * 10 // 61, 2000 * 8 * 10 // 21)
    assert measured_rates(()) == (0, 0)
