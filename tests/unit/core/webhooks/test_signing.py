"""Signatures, against the example of the specification."""

import re
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from polyreel.core.webhooks.signing import secret_of, sign
from polyreel.infra.secrets import Secrets
from tests.arch.tree import ROOT

# Source: Standard Webhooks, the example that its libraries are tested with.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
UID, STAMP = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330
BODY = b'{"test": 2432232314}'
SIGNED = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_known_example():
    assert sign([SECRET], UID, STAMP, BODY) == SIGNED
    assert sign([SECRET, SECRET], UID, STAMP, BODY) == f"{SIGNED} {SIGNED}"
    assert sign([SECRET], UID, STAMP + 1, BODY) != SIGNED


def test_the_official_library_signs_alike(tmp_path):
    secrets = Secrets(tmp_path / "secret.key")
    assert secret_of(secrets, "a") == secret_of(secrets, "a") != secret_of(secrets, "b")
    theirs = Webhook(secret_of(secrets, "a"))
    when = datetime.fromtimestamp(STAMP, UTC)
    assert sign([secret_of(secrets, "a")], UID, STAMP, BODY) == theirs.sign(
        UID, when, BODY.decode()
    )


class TestTheExampleOfTheDocumentation:
    """What docs/webhooks.md tells people to run."""

    @pytest.fixture
    def verify(self):
        blocks = re.findall(
            r"```python\n(.*?)```", (ROOT / "docs" / "webhooks.md").read_text(), re.DOTALL
        )
        code = blocks[1].partition("class Hook")[0].replace("whsec_...", SECRET)
        names: dict[str, Any] = {}
        exec(code, names)
        return names["verify"]

    def headers(self, *, age_s=0, secrets=(SECRET,)):
        stamp = int(time.time()) - age_s
        signature = sign(secrets, UID, stamp, BODY)
        return {
            "webhook-id": UID,
            "webhook-timestamp": str(stamp),
            "webhook-signature": signature,
        }

    def test_it_takes_what_we_sign(self, verify):
        assert verify(self.headers(), BODY) == {"test": 2432232314}
        other = "whsec_" + "A" * 32
        assert verify(self.headers(secrets=(other, SECRET)), BODY)

    def test_it_refuses_all_else(self, verify):
        other = "whsec_" + "A" * 32
        for headers, body in [
            (self.headers(), BODY + b" "),
            (self.headers(secrets=(other,)), BODY),
            (self.headers(age_s=400), BODY),
        ]:
            with pytest.raises(ValueError, match=r"old|signed"):
                verify(headers, body)
