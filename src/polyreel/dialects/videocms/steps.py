"""`GET /api/file/steps`, `POST /api/file/retry`: what was done for a file, and doing it again. Ours; upstream
has neither.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import RawBody

from polyreel.core import library
from polyreel.core.media import Step, list_steps, retry_video
from polyreel.dialects.videocms.answers import empty_answer, json_answer
from polyreel.dialects.videocms.binder import REQUIRED, Param, bind, sent_of
from polyreel.dialects.videocms.errors import missing_is_invalid
from polyreel.dialects.videocms.operations import told
from polyreel.http.face import KnownActor, ServerTools

__all__ = ["STEPS"]

CHAPTER = "Files"


@dataclass(frozen=True)
class ChosenLink:
    """One link."""

    link_id: Annotated[int, Param("LinkID", REQUIRED)]


class FileStep(msgspec.Struct, kw_only=True):
    """One job of a file, times in seconds, `Progress` 0 to 1. `State`: queued, running, succeeded, failed,
    cancelled. `ExpectedSeconds` is what is left, null where there is no telling.
    """

    Kind: str
    Label: str
    State: str
    WaitedSeconds: float
    RanSeconds: float
    CpuSeconds: float
    Attempts: int
    Progress: float
    Command: str
    Message: str
    ExpectedSeconds: float | None


@get(
    "/api/file/steps",
    sync_to_thread=True,
    opt=told(CHAPTER, admins=True, query=ChosenLink, gives=list[FileStep], also=(404,)),
)
def get_steps(
    request: Request[Any, Any, Any], actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """Every step of a file's making, in order, those to come with what they are expected to take."""
    wish = bind(ChosenLink, sent_of(request), query=True)
    with tools.db.read() as tx:
        video = library.get_video(tx, actor, wish.link_id)
        steps = list_steps(tx, video.media_id)
    return json_answer([_step(each) for each in steps])


@post(
    "/api/file/retry",
    status_code=200,
    sync_to_thread=True,
    opt=told(CHAPTER, admins=True, takes=ChosenLink, also=(409,)),
)
def retry_file(
    request: Request[Any, Any, Any], body: RawBody, actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """Make everything of a file again from its original; 409 while it is being made, or without one."""
    wish = bind(ChosenLink, sent_of(request, body))
    with missing_is_invalid(), tools.db.write() as tx:
        retry_video(tx, actor, library.get_video(tx, actor, wish.link_id).uuid)
    return empty_answer(200)


def _step(step: Step) -> FileStep:
    return FileStep(
        Kind=step.kind,
        Label=step.label,
        State=step.state,
        WaitedSeconds=round(step.waited_s, 3),
        RanSeconds=round(step.ran_s, 3),
        CpuSeconds=round(step.cpu_s, 3),
        Attempts=step.attempts,
        Progress=round(step.progress, 3),
        Command=step.command,
        Message=step.message,
        ExpectedSeconds=None if step.expected_s is None else round(step.expected_s, 3),
    )


STEPS = (get_steps, retry_file)
"""Both handlers."""
