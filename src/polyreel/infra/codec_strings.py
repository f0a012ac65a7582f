"""Codec strings of RFC 6381 from the configuration boxes of an MP4's sample entry.

Sources: ISO/IEC 14496-15 (avcC, hvcC and annex E for the strings), 14496-1 and 14496-3 (esds,
AudioSpecificConfig), the AV1 and VP9 bindings to ISO media (av1C, vpcC), 23001-8 (colr).
"""

__all__ = ["CONFIGURATIONS", "Unknown", "codec_string", "range_of_transfer"]

CONFIGURATIONS = {
    b"avc1": b"avcC",
    b"avc3": b"avcC",
    b"hvc1": b"hvcC",
    b"hev1": b"hvcC",
    b"av01": b"av1C",
    b"vp09": b"vpcC",
    b"mp4a": b"esds",
}
"""Which box within a sample entry holds its codec's configuration."""


class Unknown(ValueError):
    """A sample entry that our encoders and copies never make."""


def codec_string(entry: bytes, config: bytes) -> str:
    """The codec of a sample entry, from the content of its configuration box.

    Raises Unknown; IndexError where the box is too short.
    """
    if entry in (b"avc1", b"avc3"):
        return "avc1." + bytes([config[1], config[2], config[3]]).hex()
    if entry in (b"hvc1", b"hev1"):
        return _hevc(entry.decode(), config)
    if entry == b"av01":
        return _av1(config)
    if entry == b"vp09":
        return f"vp09.{config[4]:02d}.{config[5]:02d}.{config[6] >> 4:02d}"
    if entry == b"mp4a":
        return f"mp4a.40.{_audio_object_type(config)}"
    raise Unknown(f"sample entry {entry!r}")


def range_of_transfer(transfer: int) -> str:
    """HLS's VIDEO-RANGE for a transfer function's number: `SDR`, `PQ` or `HLG`."""
    return {16: "PQ", 18: "HLG"}.get(transfer, "SDR")


def _hevc(name: str, config: bytes) -> str:
    space = ("", "A", "B", "C")[config[1] >> 6]
    tier = "H" if config[1] & 0x20 else "L"
    # The compatibility flags are written with their first bit last.
    flags = int(f"{int.from_bytes(config[2:6], 'big'):032b}"[::-1], 2)
    constraints = [f"{value:X}" for value in config[6:12].rstrip(b"\0")]
    profile = f"{space}{config[1] & 0x1F}"
    return ".".join([name, profile, f"{flags:X}", f"{tier}{config[12]}", *constraints])


def _av1(config: bytes) -> str:
    profile, level = config[1] >> 5, config[1] & 0x1F
    tier = "H" if config[2] & 0x80 else "M"
    depth = 8 if not config[2] & 0x40 else 12 if profile == 2 and config[2] & 0x20 else 10
    return f"av01.{profile}.{level:02d}{tier}.{depth:02d}"


def _audio_object_type(esds: bytes) -> int:
    # The DecoderSpecificInfo descriptor (tag 5) begins with the AudioSpecificConfig: 5 bits of type.
    position = esds.find(b"\x05", 4 + 1)
    while position >= 0:
        length_end = position + 1
        while esds[length_end] & 0x80:
            length_end += 1
        length = esds[length_end] & 0x7F
        if 2 <= length <= len(esds) - length_end - 1 and length < 64:
            kind = esds[length_end + 1] >> 3
            if 1 <= kind <= 42:
                return kind
        position = esds.find(b"\x05", position + 1)
    raise Unknown("no AudioSpecificConfig")
