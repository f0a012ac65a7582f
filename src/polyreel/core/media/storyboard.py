"""The storyboard of a film: one sheet of small pictures, and the track that tells where each belongs.

`plan_*` are pure; the row is read and written here alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from polyreel.core.media.index import pack_cuts, unpack_cuts
from polyreel.core.media.tables import StoryboardRow
from polyreel.infra.tx import Tx
from polyreel.kit.units import format_cue_time

# Twelve columns of ten: so many cost the same for ten minutes as for ten hours.
COLUMNS = 12
MOST_TILES = 120
TILE_SIDE = 160
# Short films have a picture every two seconds, and at least so many as the mosaic wants.
INTERVAL_MS = 2_000
LEAST_TILES = 16


@dataclass(frozen=True)
class Storyboard:
    """Tiles of equal size, row by row in the file under `key`; `starts_us` ascends from 0."""

    key: str
    columns: int
    tile_width: int
    tile_height: int
    starts_us: Sequence[int]


def plan_count(duration_ms: int) -> int:
    """How many pictures a film of this length gets; one when its length is not known."""
    if duration_ms <= 0:
        return 1
    return min(MOST_TILES, max(LEAST_TILES, duration_ms // INTERVAL_MS))


def plan_starts(picks: Sequence[int], interval_us: float) -> list[int]:
    """From when on each frame is shown; `picks` are the numbers of the frames for equal intervals."""
    starts: list[int] = []
    for position, number in enumerate(picks):
        if number == len(starts):
            starts.append(round(position * interval_us))
    return starts


def plan_grid(count: int) -> tuple[int, int]:
    """(columns, rows) of a sheet with so many tiles."""
    columns = min(count, COLUMNS)
    return columns, math.ceil(count / columns)


def storyboard_track(board: Storyboard, sheet: str, duration_ms: int) -> str:
    """The WebVTT track: each cue names a rectangle of `sheet`, an address relative to the track's own.

    Source: WebVTT, and W3C Media Fragments 1.0, 4.2.2 (`#xywh=`), as players read them for previews.
    """
    ends = [*board.starts_us[1:], max(duration_ms * 1000, board.starts_us[-1] + 1000)]
    cues = ["WEBVTT\n"]
    for number, (start_us, end_us) in enumerate(zip(board.starts_us, ends, strict=True)):
        left = number % board.columns * board.tile_width
        top = number // board.columns * board.tile_height
        place = f"{left},{top},{board.tile_width},{board.tile_height}"
        cues.append(
            f"{format_cue_time(start_us // 1000)} --> {format_cue_time(end_us // 1000)}\n{sheet}#xywh={place}\n"
        )
    return "\n".join(cues)


def find_storyboard(tx: Tx, media_id: int) -> Storyboard | None:
    """The storyboard of a media, if it has one."""
    row = tx.session.get(StoryboardRow, media_id)
    if row is None:
        return None
    starts = unpack_cuts(row.starts)
    return Storyboard(row.key, row.columns, row.tile_width, row.tile_height, starts)


def save_storyboard(tx: Tx, media_id: int, board: Storyboard | None) -> None:
    """Put it in the place of the one before; None: there is none."""
    row = tx.session.get(StoryboardRow, media_id)
    if row is not None:
        tx.session.delete(row)
        tx.session.flush()
    if board is not None:
        row = StoryboardRow(
            media_id=media_id,
            key=board.key,
            columns=board.columns,
            tile_width=board.tile_width,
            tile_height=board.tile_height,
            starts=pack_cuts(board.starts_us),
        )
        tx.session.add(row)
        tx.session.flush()


def list_storyboard_keys(tx: Tx) -> list[str]:
    """Every storage key that a storyboard names."""
    return list(tx.session.scalars(select(StoryboardRow.key)))
