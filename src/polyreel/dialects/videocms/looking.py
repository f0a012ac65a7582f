"""Clients of this API are told at once what is no video: an answer waits until the file was looked into."""

import asyncio

from litestar.concurrency import sync_to_thread

from polyreel.core import library
from polyreel.core.library import Video
from polyreel.core.users import Actor
from polyreel.infra.tools import Tools
from polyreel.kit.errors import Invalid

__all__ = ["check_suffix", "wait_for_look"]

# What is inside is looked at apart from that. Source: the contract, 8.1.
_SUFFIXES = "mp4 mkv webm avi mov ts m4v 3gp 3g2 wmv mpg mpeg asf flv f4v m2ts mts vob mxf divx ogv rm rmvb dv"

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.03, 0.25


def check_suffix(tools: Tools, sha256: str | None, *names: str) -> None:
    """Scripts send titles as names: then the file's own tells. Known bytes may have any name.

    Raises Invalid.
    """
    suffixes = {name.rpartition(".")[2].lower() for name in names if "." in name}
    if suffixes.intersection(_SUFFIXES.split()):
        return
    if sha256 is not None:
        with tools.db.read() as tx:
            if library.find_media_by_sha256(tx, sha256) is not None:
                return
    raise Invalid("This type of file is not accepted.")


async def wait_for_look(tools: Tools, actor: Actor, video: Video, wait_s: float) -> Video:
    """The video once something is known of its file, or as it is after `wait_s` seconds."""
    loop = asyncio.get_running_loop()
    deadline, pause = loop.time() + wait_s, _FIRST_PAUSE_S
    while video.state == "received" and loop.time() < deadline:
        await asyncio.sleep(pause)
        pause = min(_LONGEST_PAUSE_S, pause * 1.5)
        video = await sync_to_thread(_read, tools, actor, video.id)
    return video


def _read(tools: Tools, actor: Actor, video_id: int) -> Video:
    with tools.db.read() as tx:
        return library.get_video(tx, actor, video_id)
