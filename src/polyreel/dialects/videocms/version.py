"""Which version this is, and the video that start pages show. Contract: sections 5 and 19."""

from litestar import Response, get

from polyreel import __version__
from polyreel.core.options import read_options
from polyreel.dialects.videocms.answers import text_answer
from polyreel.dialects.videocms.auth import require_admin
from polyreel.dialects.videocms.operations import TEXT, told
from polyreel.http.face import KnownActor, ServerTools

__all__ = ["check_version", "get_example"]

CHAPTER = "System"


@get("/api/versioncheck", sync_to_thread=True, opt=told(CHAPTER, who="admin", gives=TEXT))
def check_version(actor: KnownActor) -> Response[bytes]:
    """Our own version. Nobody outside is asked for newer ones: 400 would be taken for one."""
    require_admin(actor)
    return text_answer(f"Polyreel {__version__}")


@get("/api/file/example", sync_to_thread=True, opt=told(CHAPTER, who="anyone", gives=TEXT))
def get_example(tools: ServerTools) -> Response[bytes]:
    """The UUID of the video that the panel's start page plays."""
    with tools.db.read() as tx:
        return text_answer(read_options(tx).example_video)
