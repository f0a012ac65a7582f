"""From bytes to something that plays: plan, copy, encode, package, images, playlists."""

from polyreel.core.media.index import Fragment
from polyreel.core.media.renditions import Part, Rendition, list_part_keys, list_renditions
from polyreel.core.media.tasks import KINDS

__all__ = [
    "KINDS",
    "Fragment",
    "Part",
    "Rendition",
    "list_part_keys",
    "list_renditions",
]
