"""Files that were whole once, and files that were made to hurt."""

import struct
from pathlib import Path

from tests.corpus.oddity import BAD, HURT, Maker, Oddity, encode
from tests.factories.clips import ClipMaker

__all__ = ["BROKEN"]

_FILM = ("-f", "lavfi", "-i", "testsrc2=s=426x240:r=25:d=8", "-f", "lavfi", "-i",
         "sine=sample_rate=48000:d=8", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt",
         "yuv420p", "-g", "25", "-c:a", "aac")  # fmt: skip
_MP4 = encode(*_FILM, "-movflags", "+faststart", "-f", "mp4")
_LATE_INDEX = encode(*_FILM, "-f", "mp4")


def _cut(whole: Maker, keep: float) -> Maker:
    def make(ffmpeg: ClipMaker, path: Path) -> None:
        whole(ffmpeg, path)
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * keep)])

    return make


def _zeroed(whole: Maker, first: float, last: float) -> Maker:
    def make(ffmpeg: ClipMaker, path: Path) -> None:
        whole(ffmpeg, path)
        data = bytearray(path.read_bytes())
        start, end = int(len(data) * first), int(len(data) * last)
        data[start:end] = bytes(end - start)
        path.write_bytes(data)

    return make


def _flipped(whole: Maker) -> Maker:
    def make(ffmpeg: ClipMaker, path: Path) -> None:
        whole(ffmpeg, path)
        data = bytearray(path.read_bytes())
        for at in range(len(data) // 3, len(data), 3001):
            data[at] ^= 0x55
        path.write_bytes(data)

    return make


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, kind) + content


_FTYP = _box(b"ftyp", b"isom\0\0\2\0isomiso2avc1mp41")
_MVHD = _box(b"mvhd", struct.pack(">IIIII", 0, 0, 0, 1000, 4000) + bytes(80))


def _writes(data: bytes) -> Maker:
    def make(_ffmpeg: ClipMaker, path: Path) -> None:
        path.write_bytes(data)

    return make


def _deep() -> bytes:
    data = b""
    for _ in range(10_000):
        data = _box(b"moov", data)
    return _FTYP + data


def _track(number: int, stbl: bytes) -> bytes:
    tkhd = _box(b"tkhd", struct.pack(">IIIIII", 7, 0, 0, number, 0, 4000) + bytes(60))
    mdhd = _box(b"mdhd", struct.pack(">IIIIII", 0, 0, 0, 1000, 4000, 0))
    hdlr = _box(b"hdlr", struct.pack(">II4s", 0, 0, b"vide") + bytes(13))
    minf = _box(b"minf", _box(b"vmhd", bytes(12)) + _box(b"stbl", stbl))
    return _box(b"trak", tkhd + _box(b"mdia", mdhd + hdlr + minf))


def _film_of(stbl: bytes, tracks: int = 1) -> bytes:
    boxes = b"".join(_track(number + 1, stbl) for number in range(tracks))
    return _FTYP + _box(b"moov", _MVHD + boxes) + _box(b"mdat", bytes(64))


_ENTRY = _box(b"mp4v", bytes(6) + b"\0\1" + bytes(16) + struct.pack(">HH", 320, 240) + bytes(50))
_STSD = _box(b"stsd", struct.pack(">II", 0, 1) + _ENTRY)
_MANY = 0xFFFFFFFF
_LISTS_BOMB = (
    _STSD
    + _box(b"stts", struct.pack(">IIII", 0, 1, _MANY, 1))
    + _box(b"stsc", struct.pack(">IIIII", 0, 1, 1, _MANY, 1))
    + _box(b"stsz", struct.pack(">III", 0, 1, _MANY))
    + _box(b"stco", struct.pack(">III", 0, 1, 40))
)
_FALSE_COUNT = _STSD + _box(b"stsz", struct.pack(">III", 0, 0, _MANY)) + _box(b"stts", bytes(8))
_HUGE_BOX = _FTYP + struct.pack(">I4sQ", 1, b"moov", 1 << 62) + bytes(100)
_NO_SIZE = _FTYP + bytes(8) * 5000
_EBML_BOMB = b"\x1aE\xdf\xa3\x01\xff\xff\xff\xff\xff\xff\xfe" + bytes(1000)

_MKV = encode(*_FILM, "-f", "matroska")
_TS = encode(*_FILM, "-f", "mpegts")

BROKEN = (
    Oddity(title="cut in half", make=_cut(_MP4, 0.5), state=HURT, says="damaged"),
    Oddity(title="index at the end", make=_LATE_INDEX, pictures=("240p",), sounds=1),
    Oddity(title="index at the end cut", make=_cut(_LATE_INDEX, 0.7), state=BAD, says="incomplete"),
    Oddity(title="only the head", make=_cut(_MP4, 0.004), state=BAD, says="incomplete"),
    Oddity(title="mkv cut", make=_cut(_MKV, 0.5), suffix="mkv", state=HURT, says="damaged"),
    Oddity(title="ts cut", make=_cut(_TS, 0.501), suffix="ts", state="ready|damaged"),
    Oddity(title="mp4 with a hole", make=_zeroed(_MP4, 0.4, 0.6), state=HURT, says="damaged"),
    Oddity(title="mkv with a hole", make=_zeroed(_MKV, 0.4, 0.6), suffix="mkv", state=HURT,
           says="damaged"),
    Oddity(title="ts with a hole", make=_zeroed(_TS, 0.4, 0.6), suffix="ts", state="ready|damaged"),
    Oddity(title="flipped bits", make=_flipped(_MP4), state="ready|damaged"),
    Oddity(title="boxes in boxes", make=_writes(_deep()), state=BAD, says="."),
    Oddity(title="four billion samples", make=_writes(_film_of(_LISTS_BOMB)), state=BAD, says="."),
    Oddity(title="false count", make=_writes(_film_of(_FALSE_COUNT)), state=BAD, says="."),
    Oddity(title="10000 tracks", make=_writes(_film_of(_FALSE_COUNT, 10_000)), state=BAD, says="."),
    Oddity(title="huge box", make=_writes(_HUGE_BOX), state=BAD, says="."),
    Oddity(title="boxes of no size", make=_writes(_NO_SIZE), state=BAD, says="."),
    Oddity(title="ebml bomb", make=_writes(_EBML_BOMB), state=BAD, says=".", suffix="mkv"),
    Oddity(title="wrong ending", make=_MP4, suffix="avi", pictures=("240p",), sounds=1),
    Oddity(title="no ending", make=_MP4, name="no-ending", pictures=("240p",), sounds=1),
)  # fmt: skip
