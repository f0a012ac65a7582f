"""Read the cues of text subtitles, to be put into another container: WebVTT and ASS. Pure.

Source: the WebVTT recommendation, 4 and 6; the ASS format as Matroska stores it (RFC 9559's codec
mappings). What cannot be read is left out: subtitles come from many programs.
"""

import html
import re
from dataclasses import dataclass

__all__ = ["TextCue", "read_ass", "read_vtt"]

_VTT_TIME = re.compile(
    r"(?:(\d{1,4}):)?(\d\d):(\d\d)[.,](\d{3})\s+-->\s+(?:(\d{1,4}):)?(\d\d):(\d\d)[.,](\d{3})",
    re.ASCII,
)
# Bold, italic and underlined are what SubRip knows, too.
_VTT_TAG = re.compile(r"<(?!/?[biu]>)[^<>]*>")
_ASS_TIME = re.compile(r"(\d{1,4}):(\d\d):(\d\d)[.:](\d\d)", re.ASCII)
_ASS_FORMAT = "Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text"
_MKV_FIELDS = ("layer", "style", "name", "marginl", "marginr", "marginv", "effect", "text")


@dataclass(frozen=True)
class TextCue:
    """One text and when it is shown, in milliseconds."""

    start_ms: int
    end_ms: int
    text: str


def read_vtt(text: str) -> list[TextCue]:
    """The cues as SubRip would say them, by their start; styles and places are left behind."""
    cues = []
    for block in re.split(r"\n{2,}", text.replace("\r\n", "\n").replace("\r", "\n")):
        lines = block.split("\n")
        at = next((n for n, line in enumerate(lines[:2]) if "-->" in line), None)
        found = None if at is None else _VTT_TIME.match(lines[at].strip())
        if found is None or at is None:
            continue
        numbers = [int(number or 0) for number in found.groups()]
        start, end = _ms(*numbers[:4]), _ms(*numbers[4:])
        said = html.unescape(_VTT_TAG.sub("", "\n".join(lines[at + 1 :]))).strip()
        if said and end > start:
            cues.append(TextCue(start, end, said))
    return sorted(cues, key=lambda cue: (cue.start_ms, cue.end_ms))


def read_ass(text: str) -> tuple[str, list[TextCue]]:
    """(all before the events, the events as Matroska has them), by their start."""
    head, _, events = text.replace("\r\n", "\n").lstrip("\ufeff").partition("[Events]")
    names = _names(_ASS_FORMAT)
    cues: list[TextCue] = []
    for line in events.split("\n"):
        kind, _, rest = line.partition(":")
        if kind.strip() == "Format":
            names = _names(rest)
        elif kind.strip() == "Dialogue":
            values = rest.lstrip().split(",", len(names) - 1)
            row = dict(zip(names, values, strict=False))
            times = [_ASS_TIME.match(row.get(name, "").strip()) for name in ("start", "end")]
            start, end = (found and _hundredths(found) for found in times)
            if start is not None and end is not None:
                said = ",".join([str(len(cues)), *(row.get(name, "") for name in _MKV_FIELDS)])
                cues.append(TextCue(start, end, said))
    head = f"{head.rstrip()}\n\n[Events]\nFormat: {_ASS_FORMAT}\n"
    shown = [cue for cue in cues if cue.end_ms > cue.start_ms]
    return head, sorted(shown, key=lambda cue: (cue.start_ms, cue.end_ms))


def _names(line: str) -> list[str]:
    return [name.strip().lower() for name in line.split(",")]


def _hundredths(found: re.Match[str]) -> int:
    hours, minutes, seconds, rest = map(int, found.groups())
    return _ms(hours, minutes, seconds, rest * 10)


def _ms(hours: int, minutes: int, seconds: int, ms: int) -> int:
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms
