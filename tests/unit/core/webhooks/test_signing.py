"""Signatures, against the example of the specification."""

from datetime import UTC, datetime

from standardwebhooks.webhooks import Webhook

from polyreel.core.webhooks.signing import secret_of, sign
from polyreel.infra.secrets import Secrets

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
