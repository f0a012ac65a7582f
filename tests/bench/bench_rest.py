"""What a server costs when nobody asks anything, and how fast it comes and goes."""

import time

import pytest

from tests.client import Client

pytestmark = pytest.mark.bench

REST_S = 10
GOAL_BYTES = 250_000_000
GOAL_START_S = 3.0
GOAL_STOP_S = 15.0
REQUESTS = 200


def test_start_rest_and_stop(start_server, table):
    server = start_server()
    started(table, server, "start on an empty folder to first answer")
    time.sleep(REST_S)
    at_rest(table, server, f"memory (PSS) of all processes after {REST_S} s")
    with Client(server) as client:
        for number in range(REQUESTS):
            path = ("/healthz", "/login", "/api/config", "/static/css/tokens.css")[number % 4]
            client.ask("GET", path)
            client.uploads()
    at_rest(table, server, f"after {2 * REQUESTS} requests and a sign-up")
    began = time.monotonic()
    server.stop()
    taken = time.monotonic() - began
    met = taken <= GOAL_STOP_S
    table.row("SIGTERM until all is gone", f"{taken:.2f} s", goal=f"<= {GOAL_STOP_S:g} s", met=met)
    server.start()
    started(table, server, "start on a used folder to first answer")


def started(table, server, what):
    taken = server.started_in_s
    table.row(what, f"{taken:.2f} s", goal=f"<= {GOAL_START_S:g} s", met=taken <= GOAL_START_S)


def at_rest(table, server, what):
    used = server.pss_bytes()
    each = ", ".join(
        f"{process.memory_full_info().pss / 1e6:.0f}" for process in server.processes()
    )
    goal = f"<= {GOAL_BYTES / 1e6:.0f} MB"
    table.row(what, f"{used / 1e6:.0f} MB", f"each: {each}", goal=goal, met=used <= GOAL_BYTES)
