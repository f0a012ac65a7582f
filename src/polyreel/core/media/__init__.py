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
from polyreel.core.media.tasks import KINDS
from polyreel.core.media.unfinished import Unfinished, list_all_unfinished, list_unfinished

__all__ = [
    "KINDS",
    "Fragment",
    "Part",
    "Rendition",
    "Unfinished",
    "choose_poster",
    "count_unfinished",
    "find_fragment",
    "get_rendition",
    "is_playable",
    "list_all_unfinished",
    "list_part_keys",
    "list_renditions",
    "list_unfinished",
    "master_playlist",
    "media_playlist",
    "offered",
    "promised",
    "unpack_cuts",
]
