"""A few facts that only the coded bytes hold: parameter sets, and what kind a keyframe really is.

Sources: ISO/IEC 14496-15 (avcC, hvcC), ITU-T H.264 7.4.1 and H.265 7.4.2.2 (NAL unit types),
ISO/IEC 14496-3 1.6.2.1 (AudioSpecificConfig), RFC 6381 (codec strings), RFC 8794 (EBML).
"""

from collections.abc import Iterator

__all__ = [
    "aac_codec_string",
    "avc_parameter_sets",
    "declared_bytes",
    "is_idr",
    "nal_length_bytes",
]

H264_SPS = 7
H264_SLICES = range(1, 6)
H264_IDR = 5
HEVC_SLICES = range(32)
HEVC_IDR = (19, 20)


def nal_length_bytes(codec: str, extradata: bytes) -> int:
    """How many bytes a NAL unit's length takes in this track's packets; 0: start codes instead."""
    if codec == "h264" and len(extradata) >= 7 and extradata[0] == 1:
        return (extradata[4] & 3) + 1
    if codec == "hevc" and len(extradata) >= 23 and extradata[0] == 1:
        return (extradata[21] & 3) + 1
    return 0


def avc_parameter_sets(extradata: bytes) -> tuple[int, str]:
    """Number of H.264 SPS in a track's header, and its codec string (`avc1.64001f`, or empty)."""
    if len(extradata) >= 7 and extradata[0] == 1:
        return extradata[5] & 0x1F, f"avc1.{extradata[1:4].hex()}"
    found = [unit for unit in _after_start_codes(extradata) if unit[0] & 0x1F == H264_SPS]
    return len(found), f"avc1.{found[0][1:4].hex()}" if found and len(found[0]) >= 4 else ""


def is_idr(codec: str, packet: bytes, length_bytes: int) -> bool:
    """Whether the first slice of a packet is an IDR's: nothing after it needs anything before it."""
    units = _by_length(packet, length_bytes) if length_bytes else _after_start_codes(packet)
    for unit in units:
        kind = unit[0] & 0x1F if codec == "h264" else (unit[0] >> 1) & 0x3F
        if kind in (H264_SLICES if codec == "h264" else HEVC_SLICES):
            return kind == H264_IDR if codec == "h264" else kind in HEVC_IDR
    return False


def aac_codec_string(extradata: bytes, profile: str) -> str:
    """`mp4a.40.2`: the object type of the AudioSpecificConfig, or of the profile without one."""
    kind = extradata[0] >> 3 if extradata else 0
    if kind == 31 and len(extradata) >= 2:
        kind = 32 + ((extradata[0] & 7) << 3 | extradata[1] >> 5)
    named = {"HE-AAC": 5, "HE-AACv2": 29, "Main": 1, "SSR": 3, "LTP": 4}
    return f"mp4a.40.{named.get(profile) or kind or 2}"


def declared_bytes(head: bytes) -> int:
    """How long a Matroska or AVI file says it is at least, in its first bytes; 0: it does not say."""
    if head[:4] == b"RIFF":
        return 8 + int.from_bytes(head[4:8], "little")
    if head[:4] != b"\x1aE\xdf\xa3":
        return 0
    size, at = _ebml_size(head, 4)
    if size is None or head[at + size : at + size + 4] != b"\x18S\x80g":
        return 0
    size, at = _ebml_size(head, at + size + 4)
    return 0 if size is None else at + size


def _ebml_size(data: bytes, at: int) -> tuple[int | None, int]:
    """The size that is written at a place, None for unknown, and where it ends."""
    first = data[at] if at < len(data) else 0
    width = 9 - first.bit_length()
    if width > 8:
        return None, at
    value = int.from_bytes(data[at : at + width], "big") & ((1 << 7 * width) - 1)
    return (None if value == (1 << 7 * width) - 1 else value), at + width


def _by_length(data: bytes, length_bytes: int) -> Iterator[bytes]:
    at = 0
    while at + length_bytes < len(data):
        size = int.from_bytes(data[at : at + length_bytes], "big")
        at += length_bytes
        if size == 0:
            continue
        yield data[at : at + min(size, 16)]
        at += size


def _after_start_codes(data: bytes) -> Iterator[bytes]:
    at = data.find(b"\0\0\1")
    while 0 <= at < len(data) - 3:
        yield data[at + 3 : at + 19]
        at = data.find(b"\0\0\1", at + 3)
