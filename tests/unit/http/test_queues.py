"""Requests in the order in which they were sent."""

import asyncio

import pytest

from polyreel.http.queues import Queues

pytestmark = pytest.mark.anyio


async def served(ports, *, name="film", failing=()):
    """The order in which requests of these ports, arriving as listed, have their turn."""
    queues, order = Queues(), []

    async def ask(port):
        with queues.join(name, port) as place:
            # What comes before takes any time.
            await asyncio.sleep(0.001 * (port % 3))
            if port in failing:
                raise ConnectionError
            await place.reach()
            order.append(port)

    await asyncio.gather(*map(ask, ports), return_exceptions=True)
    assert not queues._waiting
    return order


async def test_those_of_one_moment_go_by_their_ports():
    assert await served([7, 3, 1, 5]) == [1, 3, 5, 7]


async def test_one_that_fails_does_not_hold_up_the_others():
    assert await served([4, 2, 3], failing=[2]) == [3, 4]


async def test_later_ones_wait_for_who_is_at_work():
    queues, order = Queues(), []
    with queues.join("film", 1) as first:
        await first.reach()

        async def ask():
            with queues.join("film", 2) as place:
                await place.reach()
                order.append("second")

        later = asyncio.create_task(ask())
        await asyncio.sleep(0.05)
        assert order == []
        with queues.join("other film", 9) as other:
            await other.reach()
        first.leave()
        await later
    assert order == ["second"]
