"""The state of a media follows from its renditions."""

import pytest

from polyreel.core.media.states import overall_progress, state_of
from tests.factories.renditions import fragments_of, make_part, make_rendition

BEGUN = make_part(fragments_of(2), state="running")


def picture(state="running", *, begun=True, **given):
    return make_rendition(*([BEGUN] if begun else []), state=state, **given)


def sound(state="running", **given):
    return picture(state, kind="audio", **given)


@pytest.mark.parametrize(
    ("renditions", "state"),
    [
        ([], "failed"),
        ([picture(begun=False)], "processing"),
        ([picture()], "playable"),
        ([picture(), sound(begun=False)], "processing"),
        ([picture(begun=False), sound()], "processing"),
        ([picture(), sound()], "playable"),
        ([picture(), sound(), sound(begun=False)], "processing"),
        ([picture(), sound("failed", begun=False)], "playable"),
        ([picture(promised=False)], "processing"),
        ([picture("ready", promised=False), picture(begun=False)], "playable"),
        ([sound()], "playable"),
        ([sound(begun=False)], "processing"),
        ([picture("ready"), sound("ready")], "ready"),
        ([picture("ready"), picture("running", promised=False)], "playable"),
        ([picture("ready"), picture("failed", message="It broke.")], "damaged"),
        ([picture("ready", message="It is short.")], "damaged"),
        ([picture("failed", message="It broke.")], "failed"),
        ([picture("failed", message="It broke."), sound("ready")], "failed"),
        ([picture("ready"), sound("failed", message="Sound: no.")], "damaged"),
        ([sound("ready")], "ready"),
        ([sound("failed", message="Sound: no.")], "failed"),
    ],
)
def test_the_state_of_a_media(renditions, state):
    assert state_of(renditions)[0] == state


def test_what_ends_badly_says_why():
    assert state_of([picture("failed", message="It broke.")])[1] == "It broke."
    assert state_of([picture("ready", message="It is short.")])[1] == "It is short."
    assert state_of([picture("failed")])[1]
    assert state_of([picture("ready"), picture("failed", message="")])[1] is None


def test_progress_is_the_share_of_pixels_made():
    large = make_rendition(width=1000, height=1000, progress=0.5)
    small = make_rendition(width=500, height=500, progress=0.0)
    assert overall_progress([large]) == pytest.approx(0.5)
    assert overall_progress([large, small]) == pytest.approx(0.4)
    assert overall_progress([make_rendition(state="ready"), make_rendition(state="failed")]) == 1.0
    assert overall_progress([]) == 0.0
