"""Where a film is cut: into fragments, which players fetch, and into parts, which jobs make. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

FRAGMENT_US = 4_000_000
FIRST_FRAGMENT_US = 2_000_000
SHORTEST_US = 1_500_000
# What is encoded from the start gets a short first part, made ahead of every other film's work.
HEAD_US = 8_000_000
HEAD_FROM_US = 24_000_000
# What one encoding job makes: what a crash costs, and how long another film waits for its turn.
PART_US = 75_000_000
# Fragments are named with four digits; keyframes may force them to two thirds of what is aimed at.
MOST_FRAGMENTS = 10_000


@dataclass(frozen=True)
class PlannedPart:
    """A stretch of every encoded rendition: number of its first fragment, times in microseconds;
    `end_us` None means to the end.
    """

    first_fragment: int
    start_us: int
    end_us: int | None


WHOLE = (PlannedPart(0, 0, None),)


def cuts_at_keyframes(keyframes_us: Sequence[int], duration_us: int) -> tuple[int, ...]:
    """Choose among keyframes so that fragments are as near to 4 s as they allow (in the longest films
    somewhat longer).
    """
    length = max(FRAGMENT_US, duration_us * 3 // (2 * MOST_FRAGMENTS))
    cuts = [max(0, keyframes_us[0])]
    best: int | None = None
    for time in keyframes_us[1:]:
        aim = cuts[-1] + length
        if time - cuts[-1] < SHORTEST_US:
            continue
        if time < aim:
            best = time
            continue
        if best is not None and aim - best < time - aim:
            cuts.append(best)
            best = time if SHORTEST_US <= time - best < length else None
            if time - cuts[-1] >= length:
                cuts.append(time)
        else:
            cuts.append(time)
            best = None
    if best is not None and cuts[-1] + length - best < duration_us - cuts[-1] - length:
        cuts.append(best)
    while len(cuts) > 1 and duration_us - cuts[-1] < 200_000:
        cuts.pop()
    return tuple(cuts)


def cuts_on_grid(duration_us: int) -> tuple[int, ...]:
    """0, 2 s, then every 4 s; the last fragment is never shorter than a fifth of a second."""
    cuts = [0, FIRST_FRAGMENT_US, *range(FRAGMENT_US, max(FRAGMENT_US, duration_us), FRAGMENT_US)]
    return tuple(cut for cut in cuts if cut == 0 or cut <= duration_us - 200_000)


def plan_parts(
    cuts: Sequence[int], duration_us: int, *, with_head: bool
) -> tuple[PlannedPart, ...]:
    """Stretches of about PART_US, cut where fragments begin; `with_head`: a short one first.

    The last is at least half as long. Without cuts it is all one part.
    """
    firsts = [0]
    aim, rest_us = (HEAD_US, HEAD_FROM_US - HEAD_US) if with_head else (PART_US, PART_US // 2)
    for number, cut in enumerate(cuts):
        if cut >= aim and duration_us - cut > rest_us:
            firsts.append(number)
            aim, rest_us = cut + PART_US, PART_US // 2
    ends: list[int | None] = [cuts[first] for first in firsts[1:]]
    return tuple(
        PlannedPart(first, cuts[first] if first else 0, end)
        for first, end in zip(firsts, [*ends, None], strict=True)
    )
