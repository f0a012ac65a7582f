"""Content codings: which one a client wants, and what may be packed at all. Pure, but for gzip itself.

Source: RFC 9110, 8.4 and 12.5.3.
"""

import gzip
from collections.abc import Sequence

__all__ = ["choose_coding", "is_packable", "pack"]

_PACKABLE = frozenset(
    {
        "application/javascript",
        "application/json",
        "application/manifest+json",
        "application/vnd.apple.mpegurl",
        "application/wasm",
        "application/xml",
        "image/svg+xml",
        "text/css",
        "text/csv",
        "text/html",
        "text/javascript",
        "text/markdown",
        "text/plain",
        "text/vtt",
        "text/xml",
    }
)
_LEVEL = 6
_LONGEST = 1000


def is_packable(content_type: str) -> bool:
    """Whether text of this type gets smaller; what is packed already, or never ends, does not."""
    return content_type.partition(";")[0].strip().lower() in _PACKABLE


def choose_coding(accepted: str | None, offered: Sequence[str]) -> str | None:
    """The one of `offered`, the best first, that a client with this Accept-Encoding likes most.

    None for the text as it is: where nothing fits, where that is liked better, and without the header.
    """
    weights = _weights(accepted or "")
    plain = weights.get("identity", 0.0)
    best, best_weight = None, 0.0
    for coding in offered:
        weight = weights.get(coding, weights.get("*", 0.0))
        if weight > best_weight and weight >= plain:
            best, best_weight = coding, weight
    return best


def pack(body: bytes) -> bytes:
    """`body` as gzip, the same each time."""
    return gzip.compress(body, _LEVEL, mtime=0)


def _weights(accepted: str) -> dict[str, float]:
    found = {}
    for item in accepted[:_LONGEST].lower().split(","):
        name, _, parameters = item.partition(";")
        weight = 1.0
        for parameter in parameters.split(";"):
            key, _, value = parameter.strip().partition("=")
            if key.strip() == "q":
                weight = _weight(value.strip())
        # The old name of the same.
        found[name.strip().removeprefix("x-")] = weight
    return found


def _weight(text: str) -> float:
    """From 0 to 1; what is no number of this kind wants nothing."""
    is_number = text.replace(".", "", 1).isdecimal() and text.isascii() and len(text) <= 5
    return min(1.0, float(text)) if is_number else 0.0
