"""From bytes to something that plays: plan, copy, encode, package, images, playlists."""

from polyreel.core.media.again import retry_video
from polyreel.core.media.iframes import iframe_playlist
from polyreel.core.media.index import Fragment, unpack_cuts
from polyreel.core.media.look import ask_for_look
from polyreel.core.media.playlists import (
    find_fragment,
    is_growing,
    master_playlist,
    media_playlist,
    offered,
    promised,
    subtitle_playlist,
)
from polyreel.core.media.poster import choose_poster
from polyreel.core.media.renditions import (
    Part,
    Rendition,
    get_rendition,
    list_part_keys,
    list_renditions,
)
from polyreel.core.media.sidecars import Label, bring_subtitle, drop_subtitle
from polyreel.core.media.sought import seek
from polyreel.core.media.states import count_unfinished, is_playable
from polyreel.core.media.steps import Step, list_steps
from polyreel.core.media.storyboard import (
    Storyboard,
    find_storyboard,
    list_storyboard_keys,
    storyboard_track,
)
from polyreel.core.media.subtitles import (
    Font,
    Subtitle,
    list_fonts,
    list_subtitle_keys,
    list_subtitles,
)
from polyreel.core.media.tasks import KINDS
from polyreel.core.media.unfinished import Unfinished, list_all_unfinished, list_unfinished

__all__ = [
    "KINDS",
    "Font",
    "Fragment",
    "Label",
    "Part",
    "Rendition",
    "Step",
    "Storyboard",
    "Subtitle",
    "Unfinished",
    "ask_for_look",
    "bring_subtitle",
    "choose_poster",
    "count_unfinished",
    "drop_subtitle",
    "find_fragment",
    "find_storyboard",
    "get_rendition",
    "iframe_playlist",
    "is_growing",
    "is_playable",
    "list_all_unfinished",
    "list_fonts",
    "list_part_keys",
    "list_renditions",
    "list_steps",
    "list_storyboard_keys",
    "list_subtitle_keys",
    "list_subtitles",
    "list_unfinished",
    "master_playlist",
    "media_playlist",
    "offered",
    "promised",
    "retry_video",
    "seek",
    "storyboard_track",
    "subtitle_playlist",
    "unpack_cuts",
]
