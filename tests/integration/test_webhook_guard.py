"""Webhooks reach nobody inside: whatever an address is made of, nothing arrives at a listener of this machine."""

from types import SimpleNamespace
from typing import Any

import pytest

from polyreel.core.webhooks.mail import Letter
from polyreel.core.webhooks.sending import send
from polyreel.infra.outbound import Outbound, make_rules
from polyreel.infra.secrets import Secrets
from tests.origin import Canary, Origin


@pytest.fixture
def letter():
    def make(url: str) -> Letter:
        return Letter(
            delivery_id=1, endpoint_id=1, url=url, salts=["a"], event_uid="evt_1", body=b"{}"
        )

    return make


def tools(tmp_path, allow: str = "") -> Any:
    outbound = Outbound(
        make_rules(allow=allow), resolve=lambda name, port: ["93.184.216.34", "127.0.0.1"]
    )
    return SimpleNamespace(outbound=outbound, secrets=Secrets(tmp_path / "secret.key"))


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "rebound.example.org",
     "127.1", "0x7f000001"],
)  # fmt: skip
def test_nothing_arrives_inside(tmp_path, letter, host):
    with Canary() as canary:
        outcome = send(tools(tmp_path), letter(f"http://{host}:{canary.port}/"))
        assert canary.visits == 0
    assert (outcome.status, bool(outcome.error)) == (None, True)


def test_a_redirect_leads_nowhere(tmp_path, letter):
    with Canary() as canary, Origin() as origin:
        origin.serve("/", status=307, headers={"Location": f"http://127.0.0.1:{canary.port}/"})
        outcome = send(tools(tmp_path, "127.0.0.1"), letter(origin.url("/")))
        assert canary.visits == 0
    assert (outcome.status, "redirects" in (outcome.error or "")) == (307, True)
