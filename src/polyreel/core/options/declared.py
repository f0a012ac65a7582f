"""Every option: its name, type, default, check and meaning, in one place.

To add one, add a field to Options. Units are in the names: bytes, bits per second.
"""

import dataclasses
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from polyreel.kit.errors import Invalid

__all__ = ["HEIGHTS", "OPTIONS", "Option", "Options", "Rung", "check_option"]

HEIGHTS = (240, 360, 480, 720, 1080, 1440, 2160)

Check = Callable[[Any], str | None]


@dataclass(frozen=True)
class Rung:
    """One height of the ladder: whether it is made, its quality (x264 CRF) and its highest rate."""

    height: int
    is_enabled: bool
    max_bitrate_bps: int
    crf: int


@dataclass(frozen=True)
class Option:
    """One option as declared. `check` gives a sentence for a value that cannot be; None is no limit
    beyond the type. A `secret` is never shown.
    """

    name: str
    type: Any
    default: Any
    check: Check | None
    doc: str
    secret: bool


def _between(least: int, most: int) -> Check:
    def check(value: int) -> str | None:
        return None if least <= value <= most else f"This must be from {least} to {most}."

    return check


def _characters(least: int, most: int) -> Check:
    def check(value: str) -> str | None:
        fits = least <= len(value) <= most and value.isprintable()
        return None if fits else f"This must have {least} to {most} printable characters."

    return check


def _option(default: Any, doc: str, *, check: Check | None = None, secret: bool = False) -> Any:
    return field(default=default, metadata={"doc": doc, "check": check, "secret": secret})


def _made(height: int, *, default: bool) -> Any:
    return _option(default, f"Make the {height}p rendition of sources at least that tall.")


def _rate(height: int, default: int) -> Any:
    doc = f"Highest bit rate of the {height}p picture, bits per second."
    return _option(default, doc, check=_between(50_000, 400_000_000))


def _crf(height: int) -> Any:
    doc = f"Quality of the {height}p picture, x264 CRF: smaller is better and larger."
    return _option(23, doc, check=_between(10, 45))


_ANY_SIZE = _between(0, 2**50)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What an administrator changes while the server runs, as it was at one moment."""

    app_name: str = _option(
        "Polyreel", "Name of this server, as people see it.", check=_characters(1, 120)
    )
    encode_240: bool = _made(240, default=True)
    encode_360: bool = _made(360, default=True)
    encode_480: bool = _made(480, default=True)
    encode_720: bool = _made(720, default=True)
    encode_1080: bool = _made(1080, default=True)
    encode_1440: bool = _made(1440, default=False)
    encode_2160: bool = _made(2160, default=False)
    max_bitrate_240_bps: int = _rate(240, 600_000)
    max_bitrate_360_bps: int = _rate(360, 1_200_000)
    max_bitrate_480_bps: int = _rate(480, 2_500_000)
    max_bitrate_720_bps: int = _rate(720, 4_500_000)
    max_bitrate_1080_bps: int = _rate(1080, 8_000_000)
    max_bitrate_1440_bps: int = _rate(1440, 15_000_000)
    max_bitrate_2160_bps: int = _rate(2160, 25_000_000)
    crf_240: int = _crf(240)
    crf_360: int = _crf(360)
    crf_480: int = _crf(480)
    crf_720: int = _crf(720)
    crf_1080: int = _crf(1080)
    crf_1440: int = _crf(1440)
    crf_2160: int = _crf(2160)
    encoder_preset: Literal[
        "ultrafast",
        "superfast",
        "veryfast",
        "faster",
        "fast",
        "medium",
        "slow",
        "slower",
        "veryslow",
    ] = _option(
        "veryfast", "x264 preset of the ladder: slower ones make smaller files of the same quality."
    )
    max_fps: int = _option(
        60, "Frames per second above which pictures are thinned out.", check=_between(1, 240)
    )
    keep_originals: bool = _option(
        True, "Keep the uploaded file after everything was made from it."
    )
    uploads_enabled: bool = _option(True, "People may upload videos.")
    downloads_enabled: bool = _option(True, "Players offer a download.")
    continue_watching: bool = _option(True, "Players offer to go on where a viewer stopped.")
    videocms_upload_max_bytes: int = _option(
        5 * 1024**3, "VideoCMS API: largest upload in bytes; 0: no limit.", check=_ANY_SIZE
    )
    videocms_chunk_max_bytes: int = _option(
        20 * 1024**2, "VideoCMS API: largest chunk of an upload.", check=_between(64 * 1024, 2**40)
    )
    videocms_upload_sessions: int = _option(
        10, "VideoCMS API: unfinished uploads per person.", check=_between(1, 10_000)
    )

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """The ladder, smallest first, heights that are switched off included."""
        return tuple(
            Rung(
                height=height,
                is_enabled=getattr(self, f"encode_{height}"),
                max_bitrate_bps=getattr(self, f"max_bitrate_{height}_bps"),
                crf=getattr(self, f"crf_{height}"),
            )
            for height in HEIGHTS
        )


def _declared() -> dict[str, Option]:
    hints = typing.get_type_hints(Options)
    return {
        each.name: Option(
            name=each.name,
            type=hints[each.name],
            default=each.default,
            check=each.metadata["check"],
            doc=each.metadata["doc"],
            secret=each.metadata["secret"],
        )
        for each in dataclasses.fields(Options)
    }


OPTIONS: Mapping[str, Option] = _declared()
"""Every option by its name, in the order of declaration."""


def check_option(name: str, value: object) -> Any:
    """`value` when the option `name` may have it. Raises Invalid, for an unknown name too."""
    option = OPTIONS.get(name)
    if option is None:
        raise Invalid(fields={name: ["There is no such option."]})
    try:
        fitting = msgspec.convert(value, option.type, strict=True)
    except msgspec.ValidationError as error:
        raise Invalid(fields={name: [f"This is of the wrong kind: {error}."]}) from None
    complaint = option.check(fitting) if option.check else None
    if complaint:
        raise Invalid(fields={name: [complaint]})
    return fitting
