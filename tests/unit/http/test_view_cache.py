"""Who watches goes on watching while the database is away, for a while."""

import asyncio
import threading
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from polyreel.http import view_cache
from polyreel.http.view_cache import FRESH_S, STALE_S, Views
from polyreel.infra.tx import DatabaseUnavailable

VIEW = SimpleNamespace(is_settled=False)


class Clock:
    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now


@pytest.fixture
def house(monkeypatch):
    """Views over a database that can be taken away, and a clock that is turned by hand."""
    clock = Clock()
    found = SimpleNamespace(is_away=False, clock=clock, answers=threading.Event())
    found.answers.set()

    @contextmanager
    def read():
        found.answers.wait(5)
        if found.is_away:
            raise DatabaseUnavailable
        yield None

    monkeypatch.setattr(view_cache, "time", clock)
    monkeypatch.setattr(view_cache, "PATIENCE_S", 0.05)
    monkeypatch.setattr(view_cache, "load_view", lambda tx, uuid: VIEW)
    notifier = SimpleNamespace(subscribe=lambda callback: None)
    tools: Any = SimpleNamespace(db=SimpleNamespace(read=read), notifier=notifier)
    found.views = Views(tools)
    return found


def test_a_known_view_outlives_the_database_for_a_minute(house):
    async def run():
        assert await house.views.get("x") is VIEW
        house.is_away = True
        house.clock.now += FRESH_S + 1
        assert await house.views.get("x") is VIEW
        house.clock.now += STALE_S
        with pytest.raises(DatabaseUnavailable):
            await house.views.get("x")
        house.is_away = False
        assert await house.views.get("x") is VIEW

    asyncio.run(run())


def test_a_database_that_hangs_keeps_nobody_waiting_who_watches(house):
    async def run():
        assert await house.views.get("x") is VIEW
        house.answers.clear()
        house.clock.now += FRESH_S + 1
        assert await house.views.get("x") is VIEW
        asking = asyncio.create_task(house.views.get("x"))
        await asyncio.sleep(0)
        house.views._drop(["policy:x"])
        with pytest.raises(DatabaseUnavailable):
            await asking
        house.answers.set()
        assert await house.views.get("x") is VIEW

    asyncio.run(run())


def test_the_newest_view_is_read_however_fresh_the_kept_one_is(house, monkeypatch):
    newer = SimpleNamespace(is_settled=False)

    async def run():
        assert await house.views.get("x") is VIEW
        monkeypatch.setattr(view_cache, "load_view", lambda tx, uuid: newer)
        assert await house.views.get("x") is VIEW
        house.is_away = True
        assert await house.views.get("x", newest=True) is VIEW
        house.is_away = False
        assert await house.views.get("x", newest=True) is newer
        assert await house.views.get("x") is newer

    asyncio.run(run())


def test_an_unknown_view_is_not_made_up(house):
    async def run():
        house.is_away = True
        with pytest.raises(DatabaseUnavailable):
            await house.views.get("x")

    asyncio.run(run())
