"""Print and parse sizes and durations for people."""

import re

__all__ = ["format_bytes", "format_duration", "parse_bytes"]

_STEPS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_SIZE = re.compile(r"([0-9]{1,18})\s*([kmgtp]?)(i?b)?", re.IGNORECASE)


def format_bytes(size_bytes: int) -> str:
    """`1.5 GiB`: one decimal above bytes, powers of 1024."""
    value = float(size_bytes)
    for unit in _STEPS:
        if abs(value) < 1024 or unit == _STEPS[-1]:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    raise AssertionError("unreachable")


def parse_bytes(text: str) -> int:
    """Bytes of `10`, `64k`, `5 GiB`: powers of 1024. Raises ValueError."""
    match = _SIZE.fullmatch(text.strip())
    if not match:
        raise ValueError(f"not a size: {text!r} (say for example 5GiB)")
    power = " kmgtp".index((match[2] or " ").lower())
    return int(match[1]) << (10 * power)


def format_duration(duration_ms: int) -> str:
    """`4:05` or `1:02:03`."""
    seconds = max(0, round(duration_ms / 1000))
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
