"""Which frame becomes the poster: drawn here pixel by pixel."""

import random

import pytest

from polyreel.core.media.looks import LOOK_BYTES, LOOK_HEIGHT, LOOK_WIDTH, best_frame, score

DICE = random.Random(7)
# Shapes of many shades with hard edges and grain, as a street has them.
SCENE = [
    40 + (x // 9 * 37 + y // 7 * 53) % 150 + DICE.randrange(30)
    for y in range(LOOK_HEIGHT)
    for x in range(LOOK_WIDTH)
]


def picture(values):
    return bytes(min(255, max(0, round(value))) for value in values)


def blurred(values, radius):
    """Each pixel the mean of its neighbours in the row, thrice."""
    for _ in range(3):
        values = [
            sum(values[max(0, at - radius) : at + radius + 1]) / len(values[max(0, at - radius) : at + radius + 1])
            for at in range(len(values))
        ]  # fmt: skip
    return values


def card(ground, ink):
    """Some lines of letters on one shade."""
    values = [ground] * LOOK_BYTES
    for y in range(30, 42):
        for x in range(20, 108):
            if DICE.random() < 0.5:
                values[y * LOOK_WIDTH + x] = ink
    return values


GOOD = picture(SCENE)
WORSE = {
    "black": picture([0] * LOOK_BYTES),
    "white": picture([255] * LOOK_BYTES),
    "one shade": picture([120] * LOOK_BYTES),
    "black with grain": picture([DICE.randrange(12) for _ in range(LOOK_BYTES)]),
    "title on black": picture(card(0, 255)),
    "title on a colour": picture(card(90, 240)),
    "fade from black": picture([value * 0.15 for value in SCENE]),
    "fade to white": picture([255 - (255 - value) * 0.15 for value in SCENE]),
    "blurred": picture(blurred(SCENE, 4)),
    "night": picture([value * 0.3 for value in SCENE]),
}


@pytest.mark.parametrize("kind", WORSE)
def test_a_good_frame_wins_even_at_the_end(kind):
    looks = [WORSE[kind]] * 20 + [GOOD] + [WORSE[kind]]
    assert best_frame(looks) == 20


def test_of_equals_the_first_is_taken_but_not_the_very_first():
    assert best_frame([GOOD] * 100) == 4
    assert best_frame([GOOD] * 3) == 0


def test_the_letterbox_of_a_film_does_no_harm():
    bars = LOOK_WIDTH * 9
    boxed = bytes(bars) + GOOD[bars:-bars] + bytes(bars)
    assert score(boxed) > 0.5 * score(GOOD)


def test_even_nothing_but_black_has_a_best_frame():
    assert best_frame([WORSE["black"]] * 5) in range(5)
