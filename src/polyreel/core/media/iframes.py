"""Keyframes alone, for players that show pictures while one seeks or winds: their playlist and its rates,
from the index alone. Pure.

Source: RFC 8216 and draft-pantos-hls-rfc8216bis, EXT-X-I-FRAMES-ONLY and EXT-X-I-FRAME-STREAM-INF.
"""

import math
from collections.abc import Sequence

from polyreel.core.media.index import Fragment
from polyreel.core.media.renditions import Rendition


def list_iframes(rendition: Rendition) -> list[tuple[int, Fragment]]:
    """(number, fragment) of each first picture of a whole picture track, `size` being what a player
    fetches of the fragment; none while the track is being made.
    """
    if rendition.kind != "video" or rendition.state != "ready":
        return []
    return [
        (number, fragment._replace(size=fragment.key_size))
        for part in rendition.parts
        for number, fragment in enumerate(part.fragments, part.first_fragment)
        if fragment.key_size and fragment.duration_us
    ]


def iframe_rates(iframes: Sequence[tuple[int, Fragment]]) -> tuple[int, int]:
    """(average, peak of one that lasts as long as most) in bits per second, at the speed of the film."""
    size = sum(fragment.size for _, fragment in iframes)
    lasts = sum(fragment.duration_us for _, fragment in iframes)
    longest = max((fragment.duration_us for _, fragment in iframes), default=0)
    peak = max(
        (
            fragment.size * 8_000_000 // fragment.duration_us
            for _, fragment in iframes
            if fragment.duration_us * 2 >= longest
        ),
        default=0,
    )
    average = size * 8_000_000 // max(1, lasts)
    return average, max(average, peak)


def iframe_playlist(rendition: Rendition) -> str | None:
    """The playlist of the pictures with which fragments begin; None when there are none yet.

    Its addresses are those of the fragments, from a folder beside them; of each only the beginning.
    """
    iframes = list_iframes(rendition)
    if not iframes:
        return None
    query = f"?r={rendition.revision}"
    longest_us = max(fragment.duration_us for _, fragment in iframes)
    lines = ["#EXTM3U", "#EXT-X-VERSION:7"]
    lines += [f"#EXT-X-TARGETDURATION:{math.ceil(longest_us / 1e6)}", "#EXT-X-MEDIA-SEQUENCE:0"]
    lines += ["#EXT-X-PLAYLIST-TYPE:VOD", "#EXT-X-I-FRAMES-ONLY"]
    lines += [f'#EXT-X-MAP:URI="../out.mp4{query}"']
    for number, fragment in iframes:
        lines += [f"#EXTINF:{fragment.duration_us / 1e6:.6f},"]
        lines += [f"#EXT-X-BYTERANGE:{fragment.size}@0", f"../out{number}.mp4{query}"]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])
