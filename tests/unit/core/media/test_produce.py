"""When what a run makes is listed: fragments at once while a viewer waits for them, progress when there is time."""

from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from polyreel.core.media import produce


class House:
    """A run of two outputs, one of them promised, on a clock that is turned by hand."""

    def __init__(self, rest_s=0.0):
        self.now = 1000.0
        self.listed: list[int] = []
        self.transactions = 0
        self.rests: list[float] = []
        job: Any = SimpleNamespace(
            write=self.write, report=lambda done: None, cancelled=SimpleNamespace(wait=self.rest)
        )
        self.packagers = [SimpleNamespace(init=None, fragments=[]) for _ in range(2)]
        outputs = [self.output(number) for number in range(2)]
        media: Any = SimpleNamespace(id=1)
        self.announcer = produce._Announcer(job, media, outputs, rest_s)

    def output(self, number):
        rendition = SimpleNamespace(promised=number == 0)
        target: Any = SimpleNamespace(rendition=rendition, part=SimpleNamespace(id=number))
        nothing: Any = None
        packager: Any = self.packagers[number]
        return produce._Output(target, "key", nothing, nothing, packager)

    @contextmanager
    def write(self):
        self.transactions += 1
        yield None

    def rest(self, seconds):
        self.rests.append(seconds)
        self.now += seconds

    def monotonic(self):
        return self.now

    def make(self, count=1, *, number=0, after_s=0.0):
        """So many more fragments of an output."""
        self.now += after_s
        self.packagers[number].fragments += ["fragment"] * count
        self.announcer.look()


@pytest.fixture
def make_house(monkeypatch):
    def make(**options):
        house = House(**options)
        monkeypatch.setattr(produce, "time", house)
        monkeypatch.setattr(
            produce,
            "publish_part",
            lambda tx, part_id, init, fragments: house.listed.append(len(fragments)),
        )
        monkeypatch.setattr(produce, "set_part_progress", lambda tx, part_id, done: None)
        monkeypatch.setattr(produce, "settle", lambda tx, media_id: None)
        monkeypatch.setattr(produce._Announcer, "_check_wanted", lambda announcer: None)
        return house

    return make


def test_progress_is_no_reason_for_a_fragment_to_wait(make_house):
    house = make_house()
    house.make()
    assert (house.listed, house.transactions) == ([1], 1)
    house.now += 0.02
    house.announcer.progress(0.3)
    assert house.transactions == 1
    house.make(after_s=0.04)
    assert (house.listed, house.transactions) == ([1, 2], 2)


def test_progress_alone_is_told_a_second_later(make_house):
    house = make_house()
    house.make()
    house.now += 0.9
    house.announcer.progress(0.3)
    house.now += 0.2
    house.announcer.progress(0.301)
    assert (house.listed, house.transactions) == ([1], 2)
    house.now += 1.1
    house.announcer.progress(0.305)
    assert house.transactions == 2


def test_listings_get_rarer(make_house):
    house = make_house()
    for _ in range(200):
        house.make(after_s=1 / 16)
    assert house.listed[:4] == [1, 2, 4, 8]
    assert house.listed[-1] - house.listed[-2] == 16


def test_what_is_not_promised_is_listed_when_whole(make_house):
    house = make_house()
    house.make(5, number=1)
    assert house.transactions == 0


def test_a_run_rests_once_when_its_beginning_is_listed(make_house):
    house = make_house(rest_s=0.6)
    house.make()
    assert house.rests == []
    house.make(after_s=0.1)
    assert house.rests == [0.6]
    for _ in range(5):
        house.make(after_s=1.0)
    assert house.rests == [0.6]


def test_one_that_is_over_does_not_rest(make_house):
    house = make_house(rest_s=0.6)
    house.make()
    house.packagers[0].fragments.append("the last")
    house.announcer.announce()
    assert (house.listed, house.rests) == ([1, 2], [])
