"""Print sizes and durations for people."""

__all__ = ["format_bytes", "format_cue_time", "format_duration"]

_STEPS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def format_bytes(size_bytes: int) -> str:
    """`1.5 GiB`: one decimal above bytes, powers of 1024."""
    value = float(size_bytes)
    for unit in _STEPS:
        if abs(value) < 1024 or unit == _STEPS[-1]:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    raise AssertionError("unreachable")


def format_duration(duration_ms: int) -> str:
    """`4:05` or `1:02:03`."""
    seconds = max(0, round(duration_ms / 1000))
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def format_cue_time(ms: int) -> str:
    """`01:02:03.456`, as WebVTT wants it."""
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{ms:03}"
