"""Our values in this API's words, and back. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime

from polyreel.core import library
from polyreel.core import media as core_media
from polyreel.core.library import Video
from polyreel.core.media import Rendition, Unfinished, offered
from polyreel.dialects.videocms.shapes import (
    AdminEncoding,
    Audio,
    Encoding,
    File,
    FileTag,
    Folder,
    Link,
    Quality,
    Status,
    Subtitle,
    Tag,
    Task,
)
from polyreel.http.media import PREFIX

__all__ = [
    "folder_id_of",
    "folder_to_row",
    "tag_to_row",
    "time_text",
    "unfinished_to_admin_encoding",
    "unfinished_to_encoding",
    "video_to_file",
    "video_to_link",
    "video_to_status",
]

_LONGEST_LANGUAGE = 10


def time_text(moment: datetime) -> str:
    """RFC 3339 with a fraction."""
    # Not strftime: of a list of thousands it would be a fifth of the time.
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def folder_id_of(number: int) -> int | None:
    """Our id of a ParentFolderID; there 0 is the root."""
    return number or None


def folder_to_row(folder: library.Folder) -> Folder:
    """A folder as its row."""
    return Folder(
        ID=folder.id,
        CreatedAt=time_text(folder.created_at),
        UpdatedAt=time_text(folder.updated_at),
        Name=folder.name,
        UserID=folder.user_id,
        ParentFolderID=folder.parent_id or 0,
    )


def tag_to_row(tag: library.Tag) -> Tag:
    """A tag as its row."""
    return Tag(
        ID=tag.id,
        CreatedAt=time_text(tag.created_at),
        UpdatedAt=time_text(tag.updated_at),
        Name=tag.name,
    )


def video_to_link(video: Video, tags: Sequence[library.Tag] | None = None) -> Link:
    """A video as its link; one made by this very request has no list of tags yet (None)."""
    return Link(
        ID=video.id,
        CreatedAt=time_text(video.created_at),
        UpdatedAt=time_text(video.updated_at),
        UUID=video.uuid,
        Name=video.name,
        ParentFolderID=video.folder_id or 0,
        Tags=None if tags is None else [tag_to_row(each) for each in tags],
    )


def video_to_file(
    video: Video,
    renditions: Sequence[Rendition],
    tags: Sequence[library.Tag] = (),
    texts: Sequence[core_media.Subtitle] = (),
) -> File:
    """A video with everything that was or will be made of it."""
    return File(
        CreatedAt=time_text(video.created_at),
        UpdatedAt=time_text(video.updated_at),
        ID=video.id,
        UUID=video.uuid,
        Name=video.name,
        Thumbnail=f"{PREFIX}/{video.uuid}/image/thumb/{_thumbnail(video)}",
        CustomThumbnail=video.poster_key is not None,
        ParentFolderID=video.folder_id or 0,
        Size=video.size_bytes,
        Duration=video.duration_ms / 1000,
        Qualitys=[_quality(item) for item in _pictures(renditions)],
        Subtitles=[
            Subtitle(
                Name=item.title,
                Type=kind,
                Lang=_short(item.language, "eng"),
                Ready=item.state == "ready",
            )
            for item in texts
            if item.kind == "subtitles"
            for kind in ("ass", "vtt")
        ],
        Audios=[
            Audio(
                Name=_sound_name(number, item.title),
                Type="hls",
                Lang=_language(item),
                Ready=item.state == "ready",
            )
            for number, item in enumerate(_sounds(renditions), 1)
        ],
        Tags=[FileTag(ID=each.id, Name=each.name) for each in tags],
    )


def _thumbnail(video: Video) -> str:
    return f"link-{video.uuid}.webp" if video.poster_key else "4x4.webp"


def video_to_status(
    video: Video,
    renditions: Sequence[Rendition],
    texts: Sequence[core_media.Subtitle] = (),
) -> Status:
    """How far a video is. What a player can begin with counts as ready, though it still grows."""
    begun, audible = offered(renditions)
    playing = {item.id for item in [*begun, *audible]} if video.is_playable else set()
    pictures, sounds = _pictures(renditions), _sounds(renditions)
    tasks = [_task("quality", item.name, item, is_ready=item.id in playing) for item in pictures]
    waiting = [item for item in pictures if item.id not in playing and item.state != "failed"]
    tasks += [
        _task("audio", _sound_name(number, item.title), item, is_ready=False)
        for number, item in enumerate(sounds, 1)
        if item.id not in playing
    ]
    state = _state(video, tasks)
    tasks += [
        Task(type="subtitle", name=item.title, status="queued", progress=0)
        for item in texts
        if item.kind == "subtitles" and item.state == "planned"
    ]
    return Status(
        uuid=video.uuid,
        ready=state == "ready",
        state=state,
        message=_message(video, state),
        playback_progress=max(map(_percent, waiting), default=0),
        active_task_progress=max(
            (each.progress for each in tasks if each.status == "encoding"), default=0
        ),
        ready_quality_count=sum(item.id in playing for item in pictures),
        total_quality_count=len(pictures),
        tasks=tasks,
    )


def unfinished_to_encoding(item: Unfinished) -> Encoding:
    """A track in the making, for the owner of its link."""
    return Encoding(
        ID=item.video_id, Name=item.video_name, Quality=_track_name(item), Progress=item.progress
    )


def unfinished_to_admin_encoding(item: Unfinished) -> AdminEncoding:
    """A track in the making, for administrators."""
    return AdminEncoding(
        id=item.video_id,
        name=item.video_name,
        quality=_track_name(item),
        progress=item.progress,
        user_id=item.owner_id,
        username=item.owner_name,
    )


def _track_name(item: Unfinished) -> str:
    return _sound_name(item.number, item.title) if item.kind == "audio" else item.name


def _state(video: Video, tasks: Sequence[Task]) -> str:
    if video.state == "failed":
        return "failed"
    if video.is_playable:
        return "ready"
    return "encoding" if any(each.status == "encoding" for each in tasks) else "queued"


def _message(video: Video, state: str) -> str:
    texts = {
        "ready": "The video is ready to play.",
        "encoding": "The video is being prepared.",
        "queued": "The video is waiting to be prepared.",
        "failed": video.message or "The video could not be made playable.",
    }
    return texts[state]


def _quality(item: Rendition) -> Quality:
    return Quality(
        Name=item.name,
        Type="hls",
        Height=item.height,
        Width=item.width,
        AvgFrameRate=item.fps,
        Ready=item.state == "ready",
        Failed=item.state == "failed",
        Progress=_percent(item),
        Size=sum(fragment.size for part in item.parts for fragment in part.fragments),
    )


def _task(kind: str, name: str, item: Rendition, *, is_ready: bool) -> Task:
    if is_ready:
        return Task(type=kind, name=name, status="ready", progress=100)
    if item.state == "failed":
        return Task(type=kind, name=name, status="failed", progress=_percent(item))
    is_active = item.state == "running" or item.progress > 0
    status = "encoding" if is_active else "queued"
    return Task(type=kind, name=name, status=status, progress=_percent(item))


def _percent(item: Rendition) -> int:
    return 100 if item.state == "ready" else min(99, int(item.progress * 100))


def _pictures(renditions: Sequence[Rendition]) -> list[Rendition]:
    """Smallest first, as upstream lists them; what only some players take has no place there."""
    pictures = [item for item in renditions if item.kind == "video" and not item.is_native]
    return sorted(pictures, key=lambda item: (min(item.width, item.height), item.position))


def _sounds(renditions: Sequence[Rendition]) -> list[Rendition]:
    return [item for item in renditions if item.kind == "audio"]


def _sound_name(number: int, title: str | None) -> str:
    return title or f"Audio {number}"


def _language(item: Rendition) -> str:
    return _short(item.language, "en")


def _short(language: str | None, otherwise: str) -> str:
    tag = language or ""
    return tag if 0 < len(tag) < _LONGEST_LANGUAGE else otherwise
