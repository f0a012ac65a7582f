"""Secrets and signatures of webhooks. Source: Standard Webhooks 1.0, "Webhook signatures"."""

import base64
import hashlib
import hmac
from collections.abc import Sequence

from polyreel.infra.secrets import Secrets

__all__ = ["secret_of", "sign"]

_PREFIX = "whsec_"


def secret_of(secrets: Secrets, salt: str) -> str:
    """The secret of an endpoint as its owner is told it, once. Computed anew each time: whoever reads
    the database alone cannot sign.
    """
    key = hmac.digest(secrets.key("webhook secrets"), salt.encode(), hashlib.sha256)
    return _PREFIX + base64.b64encode(key).decode()


def sign(secrets: Sequence[str], uid: str, timestamp: int, body: bytes) -> str:
    """The signature header: one signature for each secret that is valid now, separated by spaces.

    `timestamp` is in seconds since the epoch.
    """
    content = f"{uid}.{timestamp}.".encode() + body
    return " ".join(f"v1,{_signature(secret, content)}" for secret in secrets)


def _signature(secret: str, content: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    return base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
