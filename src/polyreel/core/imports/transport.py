"""When a picture in an MPEG transport stream begins, by the clock of the film it was made from.

ffmpeg's muxer begins every stream at 1.4 s, and moves a picture whose frames are stored before they
are shown so far back that the first *stored* time is 1.4 s. In a stream of its own, such a picture is
later than its sound by two frames or so; here that is taken off again. Source: ISO/IEC 13818-1, 2.4.3.
"""

from pathlib import Path

__all__ = ["BASE_US", "picture_start_us"]

BASE_US = 1_400_000
_CLOSE_US = 5_000
_PACKET = 188
_LOOK_BYTES = 1024 * 1024


def picture_start_us(path: Path, shown_us: int) -> int:
    """When the picture begins, `shown_us` being the time of its first frame; both with the muxer's
    base, microseconds.
    """
    with path.open("rb") as file:
        stored_us = _first_stored_us(file.read(_LOOK_BYTES))
    if stored_us is None or abs(stored_us - BASE_US) > _CLOSE_US:
        return shown_us
    return min(shown_us, stored_us)


def _first_stored_us(data: bytes) -> int | None:
    """The DTS of the first picture, or its PTS where both are the same."""
    for begin in range(0, len(data) - _PACKET + 1, _PACKET):
        packet = data[begin : begin + _PACKET]
        if packet[0] != 0x47:
            return None
        pes = packet[_header_length(packet) :]
        starts = packet[1] & 0x40 and pes[:3] == b"\0\0\1" and len(pes) >= 19
        if starts and 0xE0 <= pes[3] <= 0xEF:
            return _stored_us(pes)
    return None


def _header_length(packet: bytes) -> int:
    """Four bytes, and an adaptation field where there is one."""
    return 5 + packet[4] if packet[3] & 0x20 else 4


def _stored_us(pes: bytes) -> int | None:
    flags = pes[7] >> 6
    if flags not in (2, 3):
        return None
    stamp = pes[14:19] if flags == 3 else pes[9:14]
    high, middle, low = (
        stamp[0] >> 1 & 7,
        stamp[1] << 7 | stamp[2] >> 1,
        stamp[3] << 7 | stamp[4] >> 1,
    )
    return (high << 30 | middle << 15 | low) * 1_000_000 // 90_000
