"""HLS playlists as text, from the index alone. Pure.

Source: RFC 8216 and draft-pantos-hls-rfc8216bis (version 7: fragmented MP4); the shapes of the masters
are the VideoCMS contract's, with the improvements it allows.
"""

import math
from collections.abc import Sequence

from polyreel.core.media.iframes import iframe_rates, list_iframes
from polyreel.core.media.index import Fragment
from polyreel.core.media.renditions import ENDED, Rendition
from polyreel.core.media.subtitles import Subtitle
from polyreel.infra.bmff import parse_init

# Of a source without an index nothing is known ahead; this must cover the longest fragment to come.
EVENT_TARGET_S = 10
GROUP, TEXT_GROUP = "AAC", "subs"
# A fragment shorter than this is not promised: rounding may leave nothing for it.
LEAST_US = 100_000


def offered(renditions: Sequence[Rendition]) -> tuple[list[Rendition], list[Rendition]]:
    """(pictures, sounds) that a master lists: what is whole, and what is promised and has begun.

    Pictures smallest first, as VideoCMS lists them.
    """
    listed = [
        item
        for item in renditions
        if item.state != "failed"
        and item.init
        and (item.state == "ready" or (item.promised and item.has_begun))
    ]
    pictures = [item for item in listed if item.kind == "video"]
    return (
        sorted(pictures, key=lambda item: (min(item.width, item.height), item.position)),
        [item for item in listed if item.kind == "audio"],
    )


def is_growing(renditions: Sequence[Rendition], cuts_us: Sequence[int]) -> bool:
    """True while nobody knows where the film ends: its source has no index, and what was promised of it
    is not all made. None of its playlists may end then: they must all be of one type (RFC 8216,
    6.2.4), and Shaka Player takes the film to be as short as its shortest track once one of them ends.
    """
    return not cuts_us and any(item.promised and item.state not in ENDED for item in renditions)


def master_playlist(
    base: str,
    pictures: Sequence[Rendition],
    sounds: Sequence[Rendition],
    texts: Sequence[Subtitle] = (),
    *,
    grows: bool = False,
) -> str:
    """A master playlist; `base` is the video's address without a slash at its end. `grows`: see
    `is_growing`.

    No final newline, as in the contract. Without a picture each sound is a variant of its own.
    """
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    if not pictures:
        for item in sounds:
            lines += [f"#EXT-X-STREAM-INF:{_rates([item])},CODECS={_quoted(item.codec or '')}"]
            lines += [_sound_uri(base, item)]
        return "\n".join(lines)
    names: set[str] = set()
    for number, item in enumerate(sounds):
        name = _unique(item.title or f"Audio {number + 1}", names)
        attributes = [f"TYPE=AUDIO,GROUP-ID={_quoted(GROUP)},NAME={_quoted(name)}"]
        attributes += [f"LANGUAGE={_quoted(item.language)}"] if item.language else []
        attributes += [f"DEFAULT={'NO' if number else 'YES'},AUTOSELECT=YES"]
        attributes += [f"CHANNELS={_quoted(str(item.channels))}"] if item.channels else []
        attributes += [f"URI={_quoted(_sound_uri(base, item))}"]
        lines.append("#EXT-X-MEDIA:" + ",".join(attributes))
    lines += _text_group(base, texts)
    loudest = max(sounds, key=lambda item: item.peak_bps, default=None)
    codecs = list(dict.fromkeys(item.codec or "" for item in sounds))
    has_hdr = any(_video_range(item) != "SDR" for item in pictures)
    for item in pictures:
        attributes = [_rates([item, loudest] if loudest else [item])]
        attributes += [f"RESOLUTION={item.width}x{item.height}"]
        attributes += [f"FRAME-RATE={item.fps:.3f}"] if item.fps else []
        attributes += [f"CODECS={_quoted(','.join([item.codec or '', *codecs]))}"]
        attributes += [f"VIDEO-RANGE={_video_range(item)}"] if has_hdr else []
        attributes += [f"AUDIO={_quoted(GROUP)}"] if sounds else []
        attributes += [f"SUBTITLES={_quoted(TEXT_GROUP)}"] if texts else []
        lines += ["#EXT-X-STREAM-INF:" + ",".join(attributes), f"{base}/{item.name}/out.m3u8"]
    for item in [] if grows else pictures:
        if iframes := list_iframes(item):
            lines += [_iframe_variant(base, item, iframe_rates(iframes), has_hdr=has_hdr)]
    return "\n".join(lines)


def _iframe_variant(base: str, item: Rendition, rates: tuple[int, int], *, has_hdr: bool) -> str:
    average, peak = rates
    attributes = [f"BANDWIDTH={max(peak, 1)},AVERAGE-BANDWIDTH={max(average, 1)}"]
    attributes += [f"RESOLUTION={item.width}x{item.height}"]
    attributes += [f"CODECS={_quoted(item.codec or '')}"]
    attributes += [f"VIDEO-RANGE={_video_range(item)}"] if has_hdr else []
    attributes += [f"URI={_quoted(f'{base}/{item.name}/iframes/out.m3u8')}"]
    return "#EXT-X-I-FRAME-STREAM-INF:" + ",".join(attributes)


def _rates(items: Sequence[Rendition]) -> str:
    peak = sum(item.peak_bps for item in items)
    average = sum(item.average_bps for item in items)
    return f"BANDWIDTH={max(peak, average, 1)},AVERAGE-BANDWIDTH={max(average, 1)}"


def _text_group(base: str, texts: Sequence[Subtitle]) -> list[str]:
    names: set[str] = set()
    lines = []
    for item in texts:
        attributes = [f"TYPE=SUBTITLES,GROUP-ID={_quoted(TEXT_GROUP)}"]
        attributes += [f"NAME={_quoted(_unique(item.title, names))}"]
        attributes += [f"LANGUAGE={_quoted(item.language)}"] if item.language else []
        attributes += [f"DEFAULT=NO,AUTOSELECT=YES,FORCED={'YES' if item.is_forced else 'NO'}"]
        attributes += [f"URI={_quoted(f'{base}/{item.uid}/subtitle/out.m3u8')}"]
        lines.append("#EXT-X-MEDIA:" + ",".join(attributes))
    return lines


def subtitle_playlist(item: Subtitle, duration_us: int, *, grows: bool = False) -> str:
    """The playlist of one text track: the whole of it is one segment. `grows`: see `is_growing`."""
    seconds = max(1.0, duration_us / 1e6)
    lines = ["#EXTM3U", "#EXT-X-VERSION:7"]
    lines += [f"#EXT-X-TARGETDURATION:{math.ceil(seconds)}", "#EXT-X-MEDIA-SEQUENCE:0"]
    lines += [f"#EXT-X-PLAYLIST-TYPE:{'EVENT' if grows else 'VOD'}"]
    lines += [f"#EXTINF:{seconds:.6f},", f"out.vtt?r={item.revision}"]
    lines += [] if grows else ["#EXT-X-ENDLIST"]
    return "\n".join([*lines, ""])


def _video_range(item: Rendition) -> str:
    """What we encode is SDR; a copy is what it was."""
    return parse_init(item.init).video_range if item.is_native and item.init else "SDR"


def _sound_uri(base: str, item: Rendition) -> str:
    return f"{base}/{item.name}/audio/audio.m3u8"


def _quoted(text: str) -> str:
    """A quoted-string: no quotes, no line breaks (RFC 8216, 4.2)."""
    return '"' + "".join("'" if c == '"' else c for c in text if c.isprintable()) + '"'


def _unique(name: str, names: set[str]) -> str:
    chosen, number = name, 2
    while chosen in names:
        chosen, number = f"{name} ({number})", number + 1
    names.add(chosen)
    return chosen


def media_playlist(rendition: Rendition, cuts_us: Sequence[int], *, grows: bool = False) -> str:
    """The playlist of one rendition.

    With cuts it promises the whole film at once (VOD); without, it lists what is whole and stays open
    (EVENT) until the rendition is ready and the film no longer `grows`, see `is_growing`. A ready
    rendition is listed by its true durations.
    """
    stem = "audio" if rendition.kind == "audio" else "out"
    query = f"?r={rendition.revision}"
    is_ready = rendition.state == "ready"
    has_end = bool(cuts_us) or (is_ready and not grows)
    promise = promised(rendition, cuts_us)
    entries = _made(rendition) if is_ready or not cuts_us else promise
    durations = [duration for _, duration in entries]
    target = max(
        [
            math.ceil(max((seconds for _, seconds in promise), default=0)),
            round(max(durations, default=0)),
            1 if cuts_us else EVENT_TARGET_S,
        ]
    )
    lines = ["#EXTM3U", "#EXT-X-VERSION:7"]
    lines += [f"#EXT-X-TARGETDURATION:{target}", "#EXT-X-MEDIA-SEQUENCE:0"]
    lines += [f"#EXT-X-PLAYLIST-TYPE:{'VOD' if has_end else 'EVENT'}"]
    lines += ["#EXT-X-INDEPENDENT-SEGMENTS"]
    lines += [] if has_end else ["#EXT-X-START:TIME-OFFSET=0"]
    lines += [f'#EXT-X-MAP:URI="{stem}.mp4{query}"']
    for number, duration in entries:
        lines += [f"#EXTINF:{duration:.6f},", f"{stem}{number}.mp4{query}"]
    lines += ["#EXT-X-ENDLIST"] if has_end else []
    return "\n".join([*lines, ""])


def _made(rendition: Rendition) -> list[tuple[int, float]]:
    """(number, seconds) of the fragments that are whole, up to the first that is missing."""
    entries: list[tuple[int, float]] = []
    for part in rendition.parts:
        for number, fragment in enumerate(part.fragments, part.first_fragment):
            entries.append((number, fragment.duration_us / 1e6))
        if part.state != "ready":
            break
    return [entry for entry in entries if entry[1] > 0]


def promised(rendition: Rendition, cuts_us: Sequence[int]) -> list[tuple[int, float]]:
    """(number, seconds) of every fragment the cuts promise, up to the end of this track."""
    end = rendition.duration_us
    starts = [cut for cut in cuts_us if cut < end - LEAST_US] or list(cuts_us[:1])
    if not starts:
        return []
    ends = [*starts[1:], max(end, starts[-1] + LEAST_US)]
    return [
        (number, (stop - start) / 1e6)
        for number, (start, stop) in enumerate(zip(starts, ends, strict=True))
    ]


def find_fragment(rendition: Rendition, number: int) -> tuple[str, Fragment] | None:
    """(storage key, place) of a fragment that is whole and not empty."""
    part = rendition.part_of(number)
    if part is None or part.key is None or number - part.first_fragment >= len(part.fragments):
        return None
    fragment = part.fragments[number - part.first_fragment]
    return (part.key, fragment) if fragment.size else None
