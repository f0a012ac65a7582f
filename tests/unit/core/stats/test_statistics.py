"""What was counted is what is told, by user, by media, and over time."""

from types import SimpleNamespace

import pytest
from sqlalchemy import select

from polyreel.core.stats import (
    Count,
    MachineWatch,
    Traffic,
    add_counts,
    list_top_files,
    list_top_labels,
    list_top_storage_files,
    list_top_users,
    read_curve,
    read_gauge,
    span_of,
    total_of_media,
    trim_statistics,
)
from polyreel.core.stats.tables import MediaSumRow, UserSumRow
from polyreel.kit import clock
from tests.factories.database import open_database

HOUR = 3600
NOW = 1_800_000_000 - 1_800_000_000 % HOUR


@pytest.fixture
def db(tmp_path):
    made = open_database(tmp_path)
    yield made
    made.close()
    made.notifier.close()


@pytest.fixture(autouse=True)
def now(monkeypatch):
    """The clock stands; `now.s` turns it."""
    turned = SimpleNamespace(s=NOW)
    monkeypatch.setattr(clock, "epoch_s", lambda: turned.s)
    return turned


def add(db, *counts):
    with db.write() as tx:
        add_counts(tx, counts)


def spanned(start, end, points):
    span = span_of(start, end, points)
    assert span is not None
    return span


def curve(db, metric, start, end, points, **what):
    with db.read() as tx:
        found = read_curve(tx, metric, spanned(start, end, points), **what)
    return [(point.at_s, point.value) for point in found]


def test_a_curve_has_every_bucket_and_sums_of_one_user_or_all(db):
    add(db, Count("traffic", 1, 10, at_s=NOW - 2 * HOUR), Count("traffic", 2, 5, at_s=NOW))
    add(db, Count("traffic", 1, 7, at_s=NOW - 2 * HOUR + 60), Count("upload", 1, 99, at_s=NOW))
    expected = [(NOW - 3 * HOUR, 0), (NOW - 2 * HOUR, 17), (NOW - HOUR, 0), (NOW, 5)]
    assert curve(db, "traffic", NOW - 3 * HOUR, NOW, 3) == expected
    assert curve(db, "traffic", NOW - 3 * HOUR, NOW, 3, user_id=2)[-2:] == [
        (NOW - HOUR, 0),
        (NOW, 5),
    ]
    assert sum(value for _, value in curve(db, "traffic", NOW - HOUR, NOW, 3, user_id=9)) == 0


@pytest.mark.parametrize(("reach", "points"), [(HOUR, 12), (30 * HOUR, 30), (90 * 86_400, 90)])
def test_curves_of_every_length_hold_all_there_was(db, reach, points):
    add(db, *(Count("traffic", 1, 1, at_s=NOW - n * (reach // 60)) for n in range(60)))
    assert sum(value for _, value in curve(db, "traffic", NOW - reach, NOW, points)) == 60


def test_a_curve_of_one_media_or_one_quality(db):
    add(
        db,
        Count("traffic", 1, 10, 5, "720p", at_s=NOW),
        Count("traffic", 1, 3, 5, "240p", at_s=NOW),
    )
    add(db, Count("traffic", 1, 100, 6, "720p", at_s=NOW))
    assert curve(db, "traffic", NOW - HOUR, NOW, 4, media_id=5)[-1] == (NOW, 13)
    assert curve(db, "traffic", NOW - HOUR, NOW, 4, label="720p", user_id=1)[-1] == (NOW, 110)
    assert curve(db, "traffic", NOW - HOUR, NOW, 4, media_id=5, user_id=2)[-1] == (NOW, 0)


def test_the_greatest_come_first_and_those_who_are_gone_have_no_name(db):
    add(db, *(Count("upload", 1, 10 * n, n, at_s=NOW - HOUR) for n in range(1, 13)))
    add(db, Count("upload", 2, 5000, 3, at_s=NOW - 30 * HOUR))
    with db.read() as tx:
        files = list_top_files(tx, "upload", NOW - 24 * HOUR, NOW)
        users = list_top_users(tx, "upload", NOW - 48 * HOUR, NOW)
        assert list_top_storage_files(tx) == []
    assert [(one.id, one.name, one.amount) for one in files[:2]] == [
        (12, None, 120),
        (11, None, 110),
    ]
    assert len(files) == 10
    assert [(one.id, one.amount) for one in users] == [(2, 5000), (1, 780)]


def test_hosts_are_told_by_name(db):
    add(db, Count("remote", 1, 10, label="a.example", at_s=NOW))
    add(db, Count("remote", 2, 30, label="b.example:8080", at_s=NOW))
    with db.read() as tx:
        found = list_top_labels(tx, "remote", NOW - HOUR, NOW)
        mine = list_top_labels(tx, "remote", NOW - HOUR, NOW, user_id=1)
    assert [(one.name, one.amount) for one in found] == [("b.example:8080", 30), ("a.example", 10)]
    assert [one.name for one in mine] == ["a.example"]


def test_traffic_is_gathered_and_written_once(db):
    traffic = Traffic(db)
    for _ in range(3):
        traffic.record(1, 7, "720p", 100)
    traffic.flush()
    traffic.flush()
    with db.read() as tx:
        assert total_of_media(tx, "traffic", 7) == 300
        events = select(UserSumRow.events).where(UserSumRow.user_id == 0, UserSumRow.slot_s == 300)
        assert tx.session.scalars(events).all() == [3]


def test_what_could_not_be_written_is_written_later(db, monkeypatch):
    traffic = Traffic(db)
    traffic.record(1, 7, "", 100)
    monkeypatch.setattr("polyreel.core.stats.counting.add_counts", lambda tx, counts: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        traffic.flush()
    traffic.record(1, 7, "", 11)
    monkeypatch.undo()
    traffic.flush()
    with db.read() as tx:
        assert total_of_media(tx, "traffic", 7) == 111


def test_short_slots_are_forgotten_and_days_are_not(db, now):
    add(db, Count("traffic", 1, 10, 5, at_s=NOW - 500 * 86_400))
    with db.write() as tx:
        trim_statistics(tx)
        slots = tx.session.scalars(select(MediaSumRow.slot_s)).all()
    assert slots == [86_400]
    whole = curve(db, "traffic", NOW - 600 * 86_400, NOW, 100)
    assert sum(value for _, value in whole) == 10


def test_a_gauge_is_told_as_an_average(db):
    readings = iter([{"cpu": 10.0}, {"cpu": 30.0, "mem": 50.0}])
    watch = MachineWatch(db, lambda: next(readings))
    watch.take()
    watch.take()
    watch.flush()
    with db.read() as tx:
        span = spanned(NOW - HOUR, NOW, 12)
        assert [point.value for point in read_gauge(tx, "cpu", span)][-1] == 20.0
        assert [point.value for point in read_gauge(tx, "mem", span)][-1] == 50.0
        assert {point.value for point in read_gauge(tx, "net", span)} == {0.0}
