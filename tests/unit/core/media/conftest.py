"""A real installation per test, without workers: jobs wait in their rows."""

import pytest

from polyreel.core.library import update_media
from polyreel.core.media.index import pack_cuts
from polyreel.core.media.plan import LadderRules, plan_media
from polyreel.core.media.renditions import lay_out, list_renditions
from tests.factories.library import make_media, make_video
from tests.factories.probes import make_audio, make_probe
from tests.factories.probes import make_video as make_track
from tests.factories.site import Site

RULES = LadderRules(rates_bps={240: 600_000, 480: 2_500_000, 720: 4_500_000})


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path / "data")
    yield made
    made.close()


@pytest.fixture
def lay(site):
    """Lay out the plan of a probe for a new video; gives its media's id."""

    def lay(probe=None, name="a"):
        probe = probe or make_probe(make_track(codec="vp8"), make_audio(codec="opus"))
        plan = plan_media(probe, RULES)
        with site.tools.db.write() as tx:
            media = make_media(tx, name * 36)
            make_video(tx, site.alice, media, name=name)
            update_media(
                tx, media.id, state="processing", probe=probe.to_json().decode(),
                cuts=pack_cuts(plan.cuts_us), duration_ms=probe.duration_ms,
            )  # fmt: skip
            lay_out(tx, media.id, plan)
        return media.id

    return lay


@pytest.fixture
def read(site):
    def read(media_id):
        with site.tools.db.read() as tx:
            return list_renditions(tx, media_id)

    return read
