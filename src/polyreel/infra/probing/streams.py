"""What one stream of a container is, as plain values."""

import re
from fractions import Fraction
from typing import Any

from av.stream import Disposition

from polyreel.infra.probing.bitstream import aac_codec_string, avc_parameter_sets

__all__ = ["audio_facts", "is_attached_picture", "subtitle_facts", "video_facts"]

# libavutil/pixfmt.h, whose numbers are those of ITU-T H.273.
PRIMARIES = {1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "film",
             9: "bt2020", 10: "smpte428", 11: "smpte431", 12: "smpte432"}  # fmt: skip
TRANSFERS = {1: "bt709", 4: "gamma22", 5: "gamma28", 6: "smpte170m", 7: "smpte240m", 8: "linear",
             11: "iec61966-2-4", 13: "iec61966-2-1", 14: "bt2020-10", 15: "bt2020-12",
             16: "smpte2084", 17: "smpte428", 18: "arib-std-b67"}  # fmt: skip
SPACES = {0: "gbr", 1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m",
          8: "ycgco", 9: "bt2020nc", 10: "bt2020c", 14: "ictcp"}  # fmt: skip
RANGES = {1: "tv", 2: "pc"}
FIELD_ORDERS = {1: "progressive", 2: "tt", 3: "bb", 4: "tb", 5: "bt"}
CHROMA = {(8, 8): "420", (8, 16): "422", (16, 16): "444", (4, 16): "411", (4, 4): "410",
          (16, 8): "440"}  # fmt: skip
TEXT_SUBTITLES = {"ass", "ssa", "subrip", "text", "webvtt", "mov_text", "eia_608"}
TEXT_LIMIT = 500
FASTEST = 1000

_ROTATION = re.compile(r"^ {6}Display Matrix: rotation of (-?[0-9.]+) degrees$", re.MULTILINE)
_DOVI = re.compile(r"^ {6}DOVI configuration record:.*?\bprofile: ([0-9]+)", re.MULTILINE)


def is_attached_picture(stream: Any) -> bool:
    """Cover art and thumbnails, which containers carry as picture tracks."""
    flags = Disposition.attached_pic | Disposition.timed_thumbnails
    return bool(stream.disposition & flags)


def text_of(value: str | None) -> str | None:
    """A title or language, cut to a sane length; None for nothing."""
    clean = (value or "").replace("\0", "").strip()[:TEXT_LIMIT]
    return clean or None


def _common(stream: Any, start_us: int) -> dict[str, Any]:
    context = stream.codec_context
    unit = (stream.time_base or Fraction(1, 1_000_000)) * 1_000_000
    begins = None if stream.start_time is None else round(stream.start_time * unit) - start_us
    language = text_of(stream.language or stream.metadata.get("language"))
    return {
        "index": stream.index,
        "codec": context.codec.canonical_name,
        "language": None if language == "und" else language,
        "title": text_of(stream.metadata.get("title")),
        "default": bool(stream.disposition & Disposition.default),
        "start_us": begins,
        "duration_us": None if stream.duration is None else round(stream.duration * unit),
    }


def video_facts(stream: Any, start_us: int, dump: str) -> dict[str, Any]:
    """Everything of a picture track but its keyframes; `dump` is libav's own description of it."""
    context = stream.codec_context
    shape = stream.sample_aspect_ratio or Fraction(1)
    turned = _ROTATION.search(dump)
    dolby = _DOVI.search(dump)
    sets, codec_string = 0, ""
    if context.codec.canonical_name == "h264":
        sets, codec_string = avc_parameter_sets(bytes(context.extradata or b""))
    average, most = _rate(stream.average_rate), _rate(stream.base_rate)
    return {
        **_common(stream, start_us),
        "profile": stream.profile,
        "level": context.level if context.level > 0 else None,
        "width": context.width,
        "height": context.height,
        "sar_num": shape.numerator or 1,
        "sar_den": shape.denominator if shape.numerator else 1,
        # The matrix turns counter-clockwise; players and people count the other way.
        "rotation": round(-float(turned[1]) / 90) * 90 % 360 if turned else 0,
        "fps": average or most,
        "max_fps": most or average,
        "frames": stream.frames or None,
        "field_order": FIELD_ORDERS.get(int(context.field_order), ""),
        "bit_rate_bps": context.bit_rate or None,
        "has_b_frames": bool(context.has_b_frames),
        "dolby_vision_profile": int(dolby[1]) if dolby else None,
        "attached_picture": is_attached_picture(stream),
        "parameter_sets": sets,
        "codec_string": codec_string,
        **_colour(context),
    }


def _rate(value: Fraction | None) -> float | None:
    """Frames per second; None for what no picture has (libav says 60000 for DV, 90000 for some)."""
    return float(value) if value and value <= FASTEST else None


def _colour(context: Any) -> dict[str, Any]:
    picture = context.format
    if picture is None:
        chroma, depth = "", 0
    else:
        depth = max(part.bits for part in picture.components)
        ratio = (picture.chroma_width(16), picture.chroma_height(16))
        one = len(picture.components) < 3
        chroma = "rgb" if picture.is_rgb else "400" if one else CHROMA.get(ratio, "")
    return {
        "pix_fmt": context.pix_fmt or "",
        "bit_depth": depth,
        "chroma": chroma,
        "color_transfer": TRANSFERS.get(int(context.color_trc), ""),
        "color_primaries": PRIMARIES.get(int(context.color_primaries), ""),
        "color_space": SPACES.get(int(context.colorspace), ""),
        "color_range": RANGES.get(int(context.color_range), ""),
    }


def audio_facts(stream: Any, start_us: int) -> dict[str, Any]:
    """Everything of a sound track."""
    context = stream.codec_context
    codec_string = ""
    if context.codec.canonical_name == "aac":
        codec_string = aac_codec_string(bytes(context.extradata or b""), stream.profile or "")
    return {
        **_common(stream, start_us),
        "profile": stream.profile,
        "sample_rate": context.sample_rate,
        "channels": context.channels,
        "layout": context.layout.name,
        "bit_rate_bps": context.bit_rate or None,
        "codec_string": codec_string,
    }


def subtitle_facts(stream: Any) -> dict[str, Any]:
    """Everything of a subtitle track."""
    common = _common(stream, 0)
    return {
        **{name: common[name] for name in ("index", "codec", "language", "title", "default")},
        "forced": bool(stream.disposition & Disposition.forced),
        "is_text": common["codec"] in TEXT_SUBTITLES,
    }
