"""Options: declared once, checked, versioned, seen everywhere within a second."""

import time

import pytest
from sqlalchemy import insert

from polyreel.core import options
from polyreel.core.options.tables import OptionRow
from polyreel.kit.errors import Invalid


def test_every_option_is_declared_with_a_fitting_default_and_a_sentence():
    for option in options.OPTIONS.values():
        assert options.check_option(option.name, option.default) == option.default
        assert option.doc.endswith(".")


def test_the_ladder_as_it_comes():
    rungs = options.Options().rungs
    assert [rung.height for rung in rungs if rung.is_enabled] == [240, 360, 480, 720, 1080]
    assert [rung.max_bitrate_bps // 1000 for rung in rungs] == [
        600, 1200, 2500, 4500, 8000, 15000, 25000,
    ]  # fmt: skip
    assert {rung.crf for rung in rungs} == {23}


def test_a_change_is_kept_with_its_version_and_author(db):
    with db.write() as tx:
        options.set_option(tx, 7, "app_name", "Kino")
        options.set_option(tx, 8, "app_name", "Lichtspiel")
        options.set_option(tx, None, "encode_1440", True)
    with db.read() as tx:
        held = options.read_options(tx)
        row = tx.session.get(OptionRow, "app_name")
        assert options.get_option(tx, "app_name") == "Lichtspiel"
        assert options.get_option(tx, "max_fps") == 60
        with pytest.raises(Invalid):
            options.get_option(tx, "nothing")
    assert (held.app_name, held.encode_1440) == ("Lichtspiel", True)
    assert (row.version, row.updated_by) == (2, 8)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("nothing", 1),
        ("app_name", ""),
        ("app_name", "x" * 121),
        ("app_name", 5),
        ("encode_240", 1),
        ("encode_240", "true"),
        ("crf_240", True),
        ("crf_240", 9),
        ("max_fps", 23.976),
        ("max_bitrate_720_bps", 0),
        ("encoder_preset", "placebo"),
        ("encoder_preset", "veryfast -f null"),
        ("videocms_upload_max_bytes", -1),
        ("trusted_proxies", "10.0.0.0/8, nowhere"),
        ("trusted_proxies", "10.0.0.1," * 300),
        ("public_url", "video.example.org"),
        ("public_url", "ftp://video.example.org"),
        ("public_url", "http://[::1"),
        ("captcha_type", "mine"),
        ("burst_auth", 0),
    ],
)
def test_what_does_not_fit_is_refused_by_name(db, name, value):
    with pytest.raises(Invalid) as caught, db.write() as tx:
        options.set_option(tx, 1, name, value)
    assert list(caught.value.fields) == [name]
    with db.read() as tx:
        assert options.read_options(tx) == options.Options()


def test_several_are_changed_together_or_not_at_all(db):
    with db.read() as tx:
        assert options.changed_at(tx) is None
    with pytest.raises(Invalid), db.write() as tx:
        options.set_options(tx, 1, {"app_name": "Kino", "max_fps": 0})
    with db.write() as tx:
        options.set_options(tx, 1, {"max_fps": 30, "trusted_proxies": "10.0.0.0/8, ::1"})
        now = tx.now
    with db.read() as tx:
        held = options.read_options(tx)
        assert options.changed_at(tx) == now
    assert (held.app_name, held.max_fps) == ("Polyreel", 30)


@pytest.mark.parametrize(("name", "value"), [("future", "1"), ("max_fps", '"many"')])
def test_a_value_from_another_version_counts_as_not_stored(db, name, value):
    with db.write() as tx:
        row = {"name": name, "value": value, "version": 1, "updated_at": tx.now}
        tx.session.execute(insert(OptionRow).values(row))
    with db.read() as tx:
        assert options.read_options(tx) == options.Options()


@pytest.mark.parametrize("fresh_s", [0.5, 3600], ids=["without notices", "by a notice"])
def test_another_process_sees_a_change_within_a_second(open_db, fresh_s):
    ours, theirs = open_db(), open_db()
    cache = options.OptionsCache(theirs, fresh_s=fresh_s)
    if fresh_s < 1:
        cache.close()
    assert cache.current().app_name == "Polyreel"
    with ours.write() as tx:
        options.set_option(tx, 1, "app_name", "Kino")
    deadline = time.monotonic() + 1
    while cache.current().app_name != "Kino":
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_did_not_change_is_not_read_again(db):
    cache = options.OptionsCache(db, fresh_s=3600)
    assert cache.fresh() is None
    assert cache.current() is cache.current() is cache.fresh()
