"""Rates, sizes and origins that an administrator chooses. Source: the VideoCMS contract, 1.7 to 1.9."""

from typing import Any

import httpx
import pytest
from litestar.testing import TestClient

from polyreel.core.options import OptionsCache
from polyreel.dialects import videocms
from polyreel.http.throttle import Throttle
from tests.contract.videocms.site import PASSWORD, is_of_framework, is_text

ORIGIN = "https://panel.example"
ALLOW = "access-control-allow-origin"
CREDENTIALS = "access-control-allow-credentials"


def limit(site, group, *, rate=1, burst=3):
    """Switch rates on, with these for one group."""
    site.option("rate_limits_enabled", True)
    site.option(f"rate_{group}", rate)
    site.option(f"burst_{group}", burst)


def statuses(client, path, count=5, **given):
    return [client.get(path, **given).status_code for _ in range(count)]


class TestRates:
    def test_at_first_there_are_none(self, client):
        assert set(statuses(client, "/api/config", 250)) == {200}

    def test_beyond_the_burst_it_is_too_fast(self, site):
        limit(site, "global")
        assert statuses(site.client, "/api/config") == [200, 200, 200, 429, 429]
        found = site.client.get("/api/config", headers={"origin": ORIGIN})
        assert is_text(found, 429, "Too fast")
        assert int(found.headers["retry-after"]) >= 1
        assert found.headers[ALLOW] == "*"

    def test_login_check_and_refresh_have_buckets_of_their_own(self, site):
        limit(site, "auth")
        assert statuses(site.client, "/api/auth/check") == [200, 200, 200, 429, 429]
        assert statuses(site.client, "/api/auth/refresh")[:4] == [403, 403, 403, 429]
        given = {"username": "bobby", "password": PASSWORD}
        found = [
            site.anonymous("POST", "/api/auth/login", json=given).status_code for _ in range(4)
        ]
        assert found == [200, 200, 200, 429]

    @pytest.mark.parametrize(
        ("group", "limited", "free"),
        [
            ("api", "/api/files", "/api/config"),
            ("upload", "/api/uploads/sessions", "/api/files"),
            ("web", "/v/550e8400-e29b-41d4-a716-446655440000/status", "/api/config"),
        ],
    )
    def test_groups_do_not_disturb_each_other(self, site, group, limited, free):
        limit(site, group)
        assert statuses(site.client, limited)[-2:] == [429, 429]
        assert 429 not in statuses(site.client, free)

    def test_the_switch_and_the_rates_are_live(self, site):
        limit(site, "global", burst=2)
        assert statuses(site.client, "/api/config", 3) == [200, 200, 429]
        site.option("burst_global", 4)
        assert statuses(site.client, "/api/config", 5) == [200, 200, 200, 200, 429]
        site.option("rate_limits_enabled", False)
        assert statuses(site.client, "/api/config", 5) == [200] * 5

    @pytest.mark.anyio
    @pytest.mark.parametrize(
        ("address", "last"), [("127.0.0.1", 200), ("::1", 200), ("203.0.113.9", 429)]
    )
    async def test_this_machine_itself_is_exempt(self, site, address, last):
        limit(site, "global", burst=1)
        transport = httpx.ASGITransport(site.make_app(), client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://video.test") as client:
            found = [(await client.get("/api/config")).status_code for _ in range(3)]
        assert found == [200, last, last]

    def test_who_is_spared_is_known_without_a_look(self, site):
        """What is answered at once asks that, and never waits."""
        ours, theirs = "::1", "203.0.113.9"

        def spared(*, is_known=True):
            options = OptionsCache(site.tools.db)
            if is_known:
                options.current()
            limits = videocms.RateLimits(options)
            return [limits.is_spared(ours), limits.is_spared(theirs)]

        assert spared(is_known=False) == [False, False]
        assert spared() == [True, True]
        limit(site, "global")
        assert spared() == [True, False]


class TestSizes:
    def test_a_body_beyond_the_limit_is_413(self, site):
        site.option("videocms_post_max_bytes", 2000)
        found = site.client.post("/api/folder", json={"Name": "x" * 2000})
        assert is_of_framework(found, 413)
        assert site.client.post("/api/folder", json={"Name": "x" * 100}).status_code == 200


class TestOrigins:
    def test_only_those_that_are_listed(self, site):
        site.option("cors_origins", f"https://other.example, {ORIGIN}")
        found = site.client.get("/api/config", headers={"origin": ORIGIN})
        assert found.headers[ALLOW] == ORIGIN
        assert found.headers["vary"] == "Origin"
        assert CREDENTIALS not in found.headers
        for origin in ("https://evil.example", "null", f"{ORIGIN}.evil.example"):
            found = site.client.get("/api/config", headers={"origin": origin})
            assert found.status_code == 200
            assert ALLOW not in found.headers
            found = site.client.request("OPTIONS", "/api/files", headers={"origin": origin})
            assert (found.status_code, ALLOW in found.headers) == (204, False)

    def test_credentials_are_for_listed_ones_and_never_for_all(self, site):
        site.option("cors_credentials", True)
        found = site.client.get("/api/config", headers={"origin": ORIGIN})
        assert (found.headers[ALLOW], CREDENTIALS in found.headers) == ("*", False)
        site.option("cors_origins", ORIGIN)
        for method in ("GET", "OPTIONS"):
            found = site.client.request(method, "/api/config", headers={"origin": ORIGIN})
            assert (found.headers[ALLOW], found.headers[CREDENTIALS]) == (ORIGIN, "true")

    def test_headers_as_chosen_beside_those_that_clients_need(self, site):
        site.option("cors_headers", "X-Mine")
        found = site.client.request("OPTIONS", "/api/files", headers={"origin": ORIGIN})
        names = found.headers["access-control-allow-headers"].split(",")
        assert {"X-Mine", "Authorization", "Upload-Offset"} <= set(names)
        assert "*" not in names


def test_who_searches_without_end_waits_and_others_do_not(site):
    throttle = Throttle(burst=2, every_s=60)
    app: Any = videocms.make_app(site.tools, searches=throttle)
    with TestClient(app) as client:

        def search(user):
            return client.get("/api/files/search?Query=x", headers=site.as_user(user))

        assert [search(site.bobby).status_code for _ in range(3)] == [200, 200, 429]
        refused = search(site.bobby)
        assert is_text(refused, 429, "Too fast")
        assert int(refused.headers["retry-after"]) > 1
        assert search(site.carol).status_code == 200
