"""Which frame of a film says most about it. Pure."""

import math
from collections import Counter
from collections.abc import Sequence
from operator import sub

# Frames are gray and of this size: large enough to tell a sharp picture from a blurred one.
LOOK_WIDTH, LOOK_HEIGHT = 128, 72
LOOK_BYTES = LOOK_WIDTH * LOOK_HEIGHT
# Titles and credits: nobody's face is in them.
_MARGIN = 0.04
# A card: so much of the picture is of one shade, give or take a little.
_PLAIN = 0.55
_SHADES = 8
# So much of a picture are its edges, and so steep they are in a sharp one.
_EDGES = 0.04
_SHARP = 40
# How much less the film's last frame counts than its first.
_LATE = 0.2


def best_frame(looks: Sequence[bytes]) -> int:
    """The number of the frame whose picture says most: neither dark nor pale, of many shades, sharp.

    `looks` are in the film's order. Early frames win a near tie: they give less of the story away.
    """
    count = len(looks)
    margin = int(count * _MARGIN)
    chosen = range(margin, count - margin) if count - 2 * margin > 0 else range(count)
    return max(chosen, key=lambda number: score(looks[number]) * (1 - _LATE * number / count))


def score(look: bytes) -> float:
    """How much one picture shows; 0 for one of a single shade."""
    shades = Counter(look)
    count = len(look)
    mean = sum(shade * times for shade, times in shades.items()) / count
    light = min(1.0, mean / 50) * min(1.0, (255 - mean) / 40)
    # Many shades: a picture has about six bits of them, a card or a fade has one or two.
    spread = -sum(times / count * math.log2(times / count) for times in shades.values())
    bands = Counter({0: 0})
    for shade, times in shades.items():
        bands[shade // _SHADES] += times
    widest = max(bands[band] + bands[band + 1] for band in bands) / count
    plain = 1.0 if widest < _PLAIN else max(0.05, (1.0 - widest) / (1.0 - _PLAIN))
    detail = max(0.05, min(1.0, sharpness(look) / _SHARP))
    return max(0.0, light * spread * plain * detail)


def sharpness(look: bytes) -> int:
    """How much the light changes from one pixel to the next where there are edges: about 40 in a sharp
    picture, below 15 in a blurred one, which may change as much, but slowly.
    """
    steps: Counter[int] = Counter(map(abs, map(sub, look[1:], look)))
    left = len(look) * _EDGES
    for step in sorted(steps, reverse=True):
        left -= steps[step]
        if left <= 0:
            return step
    return 0
