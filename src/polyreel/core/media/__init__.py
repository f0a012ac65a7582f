"""From bytes to something that plays: plan, copy, encode, package, images, playlists."""

from polyreel.core.media.index import Fragment, unpack_cuts
from polyreel.core.media.playlists import (
    find_fragment,
    master_playlist,
    media_playlist,
    offered,
    promised,
)
from polyreel.core.media.poster import choose_poster
from polyreel.core.media.renditions import (
    Part,
    Rendition,
    get_rendition,
    list_part_keys,
    list_renditions,
)
from polyreel.core.media.states import count_unfinished, is_playable
from polyreel.core.media.storyboard import (
    Storyboard,
    find_storyboard,
    list_storyboard_keys,
    storyboard_track,
)
from polyreel.core.media.tasks import KINDS
from polyreel.core.media.unfinished import Unfinished, list_all_unfinished, list_unfinished

__all__ = [
    "KINDS",
    "Fragment",
    "Part",
    "Rendition",
    "Storyboard",
    "Unfinished",
    "choose_poster",
    "count_unfinished",
    "find_fragment",
    "find_storyboard",
    "get_rendition",
    "is_playable",
    "list_all_unfinished",
    "list_part_keys",
    "list_renditions",
    "list_storyboard_keys",
    "list_unfinished",
    "master_playlist",
    "media_playlist",
    "offered",
    "promised",
    "storyboard_track",
    "unpack_cuts",
]
