"""Sounds, subtitles, covers, chapters, fonts, and words in metadata."""

from pathlib import Path

from tests.corpus.oddity import Maker, Oddity, encode
from tests.factories.clips import ClipMaker

__all__ = ["TRACKS"]

_PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=426x240:r=25:d=4")
_X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
_TONE = ("-f", "lavfi", "-i", "sine=sample_rate=48000:d=4")
_ASS = """[Script Info]
ScriptType: v4.00+
[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, Alignment
Style: Default,Arial,20,&H00FFFFFF,2
[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:00.50,0:00:03.00,Default,,0,0,0,,{\\pos(100,100)}Hello there
"""
_SRT = "1\n00:00:00,500 --> 00:00:03,000\nHello <b>there</b> <script>alert(1)</script>\n"
HOSTILE = "$(id) `id` ; rm -rf / <script>alert(1)</script> \" ' %s \u202e"


def _languages(count: int) -> list[str]:
    return ["eng", "deu", "fra", "jpn", "spa", "ita", "por", "rus"][:count]


def _eight_sounds() -> Maker:
    args = [*_PICTURE]
    for number in range(8):
        args += ["-f", "lavfi", "-i", f"sine=frequency={200 + 50 * number}:sample_rate=48000:d=4"]
    for number in range(9):
        args += ["-map", str(number)]
    for number, language in enumerate(_languages(8)):
        args += [f"-metadata:s:a:{number}", f"language={language}"]
    return encode(*args, *_X264, "-c:a", "aac", "-b:a", "48k", "-f", "matroska")


def _with_subtitles(text: str, suffix: str, codec: str, count: int, container: str) -> Maker:
    def make(ffmpeg: ClipMaker, path: Path) -> None:
        side = path.with_suffix(f".{suffix}")
        side.write_text(text)
        args = [*_PICTURE]
        for _ in range(count):
            args += ["-i", f"file:{side}"]
        for number in range(count + 1):
            args += ["-map", str(number)]
        encode(*args, *_X264, "-c:s", codec, "-f", container)(ffmpeg, path)

    return make


def _with_attachments(ffmpeg: ClipMaker, path: Path) -> None:
    font = path.with_suffix(".ttf")
    font.write_bytes(b"\0\1\0\0" + bytes(2000))
    ass = path.with_suffix(".ass")
    ass.write_text(_ASS)
    encode(*_PICTURE, "-i", f"file:{ass}", "-map", "0", "-map", "1", *_X264, "-c:s", "ass",
           "-attach", f"file:{font}", "-metadata:s:t:0", "mimetype=application/x-truetype-font",
           "-metadata:s:t:0", "filename=../../../../etc/cron.d/evil",
           "-attach", f"file:{font}", "-metadata:s:t:1", "mimetype=application/x-truetype-font",
           "-metadata:s:t:1", "filename=/etc/passwd", "-f", "matroska")(ffmpeg, path)  # fmt: skip


def _with_cover(ffmpeg: ClipMaker, path: Path) -> None:
    cover = path.with_suffix(".jpg")
    encode("-f", "lavfi", "-i", "testsrc2=s=300x300", "-frames:v", "1", "-f", "image2")(
        ffmpeg, cover
    )
    ffmpeg.run(*_TONE, "-i", f"file:{cover}", "-map", "0", "-map", "1", "-c:a", "libmp3lame", "-c:v",
               "copy", "-disposition:v:0", "attached_pic", "-id3v2_version", "3", "-f", "mp3",
               f"file:{path}")  # fmt: skip


def _with_chapters(ffmpeg: ClipMaker, path: Path) -> None:
    notes = path.with_suffix(".txt")
    chapters = [
        f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={number * 8}\nEND={number * 8 + 8}\ntitle=Part {number}\n"
        for number in range(500)
    ]
    notes.write_text(";FFMETADATA1\n" + "".join(chapters))
    encode(*_PICTURE, "-i", f"file:{notes}", "-map_metadata", "1", "-map_chapters", "1", *_X264,
           "-f", "matroska")(ffmpeg, path)  # fmt: skip


def _pgs(path: Path) -> None:
    """A Blu-ray subtitle stream of one black square: presentation, window, palette, object, end."""

    def segment(kind: int, pts: int, body: bytes) -> bytes:
        head = b"PG" + pts.to_bytes(4, "big") + bytes(4)
        return head + bytes([kind]) + len(body).to_bytes(2, "big") + body

    size = (426).to_bytes(2, "big") + (240).to_bytes(2, "big")
    window = b"\0" + (100).to_bytes(2, "big") * 2 + (16).to_bytes(2, "big") * 2
    line = b"\x00\x90\x01\x00\x00"
    image = line * 16
    data = (len(image) + 4).to_bytes(3, "big") + (16).to_bytes(2, "big") * 2 + image
    placed = b"\0\0\0\0" + (100).to_bytes(2, "big") * 2
    shown, gone = 45_000, 270_000
    out = segment(0x16, shown, size + b"\x10\0\0\x80\0\0\x01" + placed)
    out += segment(0x17, shown, b"\x01" + window)
    out += segment(0x14, shown, b"\0\0" + bytes([1, 16, 128, 128, 255]))
    out += segment(0x15, shown, b"\0\0\0\xc0" + data) + segment(0x80, shown, b"")
    out += segment(0x16, gone, size + b"\x10\0\1\0\0\0\0")
    out += segment(0x17, gone, b"\x01" + window) + segment(0x80, gone, b"")
    path.write_bytes(out)


def _with_bitmaps(ffmpeg: ClipMaker, path: Path) -> None:
    sup = path.with_suffix(".sup")
    _pgs(sup)
    encode(*_PICTURE, "-i", f"file:{sup}", "-map", "0", "-map", "1", *_X264, "-c:s", "copy", "-f",
           "matroska")(ffmpeg, path)  # fmt: skip


_SURROUND = ("-f", "lavfi", "-i", "anoisesrc=d=3:r=48000,aformat=channel_layouts=7.1")

TRACKS = (
    Oddity(title="8 sounds", make=_eight_sounds(), suffix="mkv", sounds=8),
    Oddity(title="7.1", make=encode(*_SURROUND, "-c:a", "flac", "-f", "flac"), suffix="flac", sounds=1),
    Oddity(title="telephone", make=encode("-f", "lavfi", "-i", "sine=sample_rate=8000:d=3", "-c:a",
           "pcm_mulaw", "-f", "wav"), suffix="wav", sounds=1, lasts_s=3.0),
    Oddity(title="192 kHz", make=encode("-f", "lavfi", "-i", "sine=sample_rate=192000:d=3", "-c:a",
           "pcm_f32le", "-f", "wav"), suffix="wav", sounds=1),
    Oddity(title="mp3 with a cover", make=_with_cover, suffix="mp3", pictures=(), sounds=1),
    Oddity(title="opus", make=encode(*_TONE, "-c:a", "libopus", "-f", "ogg"), suffix="opus", sounds=1),
    Oddity(title="ac3", make=encode(*_PICTURE, *_TONE, *_X264, "-c:a", "ac3", "-f", "matroska"),
           suffix="mkv", sounds=1),
    Oddity(title="m4a", make=encode(*_TONE, "-c:a", "aac", "-f", "mp4"), suffix="m4a", sounds=1),
    Oddity(title="32 subtitles", make=_with_subtitles(_SRT, "srt", "srt", 32, "matroska"), suffix="mkv",
           subtitles=32),
    Oddity(title="ass", make=_with_subtitles(_ASS, "ass", "ass", 1, "matroska"), suffix="mkv", subtitles=1),
    Oddity(title="mov text", make=_with_subtitles(_SRT, "srt", "mov_text", 1, "mp4"), subtitles=1),
    Oddity(title="webvtt", make=_with_subtitles(_SRT, "srt", "webvtt", 1, "matroska"), suffix="mkv",
           subtitles=1),
    Oddity(title="bitmap subtitles", make=_with_bitmaps, suffix="mkv"),
    Oddity(title="fonts that climb", make=_with_attachments, suffix="mkv", subtitles=1),
    Oddity(title="500 chapters", make=_with_chapters, suffix="mkv"),
    Oddity(title="hostile words", make=encode(*_PICTURE, *_TONE, *_X264, "-c:a", "aac", "-metadata",
           f"title={HOSTILE}", "-metadata:s:a:0", f"title={HOSTILE}", "-metadata:s:a:0",
           "language=../", "-f", "matroska"), suffix="mkv", sounds=1),
)  # fmt: skip
