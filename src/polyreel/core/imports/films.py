"""Films come over: their bytes once, then every link to them, under the address it had."""

from collections.abc import Mapping, Sequence

from polyreel.core.imports.done import find_done, list_done, record_done
from polyreel.core.imports.errors import PieceMissing
from polyreel.core.imports.filling import fill
from polyreel.core.imports.records import File, Link
from polyreel.core.imports.run import Run
from polyreel.core.imports.shelves import fitting_name
from polyreel.core.imports.sources import Source
from polyreel.core.ingest import Upload, UploadLimits, begin_upload
from polyreel.core.ingest.publish import StoredBytes, keep_bytes
from polyreel.core.ingest.reservations import room_for
from polyreel.core.library import (
    FolderNotFound,
    Media,
    add_tag,
    create_video,
    find_video_by_uuid,
    get_folder,
    get_media,
)
from polyreel.core.users import Actor
from polyreel.infra.tx import Tx
from polyreel.kit.errors import Invalid, NotFound

__all__ = ["bring_films", "take_away"]

_LONGEST_NAME = 255
# Behind what people send meanwhile: a library of thousands of films takes days to be encoded.
_PRIORITY = -10

Found = Mapping[int, Source | PieceMissing]


def bring_films(run: Run) -> None:
    """Every film that somebody has a link to."""
    wanted = _wanted(run)
    found = _find_all(run, wanted)
    run.watch.begin(sum(each.size_bytes for each in found.values() if isinstance(each, Source)))
    for file, links in wanted:
        source = found.get(file.id)
        try:
            if isinstance(source, PieceMissing):
                raise source
            if run.wishes.is_dry_run:
                _foresee(run, links, source)
            elif source is None:
                _bring_links(run, file, links)
            else:
                _bring_film(run, file, links, source)
        except (PieceMissing, Invalid, NotFound, OSError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            for link in links:
                run.report.leave("videos", f"{link.name} (/v/{link.uuid})", why or "unreadable")


def _wanted(run: Run) -> list[tuple[File, list[Link]]]:
    """Films with the links that have not come over and can."""
    with run.tools.db.read() as tx:
        done = list_done(tx, run.source, "link")
    files = {file.id: file for file in run.library.files}
    links: dict[int, list[Link]] = {}
    for link in run.library.links:
        if link.id in done:
            run.report.before["videos"] += 1
        elif why := _obstacle(run, link, files):
            run.report.leave("videos", f"{link.name} (/v/{link.uuid})", why)
        else:
            _tell_of_heir(run, link)
            links.setdefault(link.file_id, []).append(link)
    return [(files[file_id], some) for file_id, some in links.items()]


def _obstacle(run: Run, link: Link, files: Mapping[int, File]) -> str | None:
    if link.file_id not in files:
        return "its file is not in the database"
    if run.owner(link.user_id) is None:
        return "whose it is did not come over"
    with run.tools.db.read() as tx:
        if find_video_by_uuid(tx, link.uuid) is not None:
            return "another video here has this address"
    return None


def _tell_of_heir(run: Run, link: Link) -> None:
    if run.heir is not None and not run.is_known(link.user_id):
        why = f"belongs to {run.heir.username} now: whose it was is not there any more"
        run.report.note("videos", link.name, why)


def _find_all(run: Run, wanted: Sequence[tuple[File, list[Link]]]) -> Found:
    """Where each film is to be taken from; those that are here already are not in it."""
    with run.tools.db.read() as tx:
        done = list_done(tx, run.source, "file")
    found: dict[int, Source | PieceMissing] = {}
    for file, _ in wanted:
        if file.id in done and _media_of(run, done[file.id]) is not None:
            continue
        try:
            found[file.id] = run.media.find(file)
        except PieceMissing as error:
            found[file.id] = error
    return found


def _media_of(run: Run, media_id: int | None) -> Media | None:
    try:
        with run.tools.db.read() as tx:
            return get_media(tx, media_id or 0)
    except NotFound:
        return None


def _foresee(run: Run, links: Sequence[Link], source: Source | None) -> None:
    run.report.came["videos"] += len(links)
    if source is not None:
        run.report.moved_bytes += source.size_bytes
        for note in source.notes:
            run.report.note("videos", links[0].name, note)


def _bring_film(run: Run, file: File, links: Sequence[Link], source: Source) -> None:
    owner = run.owner(links[0].user_id)
    if owner is None:
        raise NotFound("whose it is did not come over")
    notes = list(source.notes)
    upload = _begin(run, owner, source)
    try:
        with run.watch.part(source.size_bytes, links[0].name) as report:
            notes += fill(run, upload, source, report)
        if source.original and len(file.sha256) == 64 and file.sha256 != upload.sha256:
            notes.append("its original is not the file that was uploaded there")

        def record(tx: Tx, stored: StoredBytes) -> tuple[None, bool]:
            media, is_kept = keep_bytes(tx, owner, stored, priority=_PRIORITY)
            record_done(tx, run.source, "file", file.id, media.id)
            if run.wishes.how == "move":
                record_done(tx, run.source, "moving", file.id, media.id)
            _make_links(run, tx, media, links)
            return None, is_kept

        upload.finish_with(record)
    finally:
        upload.abort()
    if run.wishes.how == "move":
        take_away(run, file, source)
    run.report.came["videos"] += len(links)
    run.report.moved_bytes += source.size_bytes
    for note in notes:
        run.report.note("videos", links[0].name, note)


def take_away(run: Run, file: File, source: Source) -> None:
    """Remove there what is safe here."""
    run.media.tree_of(source).remove(source.places)
    with run.tools.db.write() as tx:
        record_done(tx, run.source, "moving", file.id, None)


def _bring_links(run: Run, file: File, links: Sequence[Link]) -> None:
    """More names for a film that is here."""
    with run.tools.db.write() as tx:
        row = find_done(tx, run.source, "file", file.id)
        _make_links(run, tx, get_media(tx, (row.our_id if row else None) or 0), links)
    run.report.came["videos"] += len(links)


def _make_links(run: Run, tx: Tx, media: Media, links: Sequence[Link]) -> None:
    for link in links:
        owner = run.owner(link.user_id)
        if owner is None:
            continue
        name = fitting_name(link.name, "video", _LONGEST_NAME)
        video = create_video(
            tx,
            owner,
            media=media,
            name=name,
            filename=name,
            folder_id=_folder(run, tx, owner, link),
            source="videocms",
            uuid=link.uuid,
            created_at=link.created_at,
        )
        for tag in dict.fromkeys(fitting_name(tag, "", 120) for tag in link.tags):
            if tag:
                add_tag(tx, owner, video.id, tag)
        record_done(tx, run.source, "link", link.id, video.id)


def _folder(run: Run, tx: Tx, owner: Actor, link: Link) -> int | None:
    """Where it was; at the top where that folder is not theirs, or did not come over."""
    if not link.folder_id:
        return None
    folder_id = run.folders.get(link.folder_id)
    try:
        if folder_id is None or get_folder(tx, owner, folder_id).user_id != owner.user_id:
            raise FolderNotFound
    except FolderNotFound:
        run.report.note("videos", link.name, "lies at the top: its folder is not there")
        return None
    return folder_id


def _begin(run: Run, owner: Actor, source: Source) -> Upload:
    tools = run.tools
    limits = UploadLimits(min_free_bytes=tools.settings.min_free_bytes, has_quota=False)
    needs_room = source.original is None or run.wishes.how == "copy"
    if source.original is None:
        # What is joined lies there twice for a while.
        room_for(tools.storage, limits, least=2 * source.size_bytes, wanted=2 * source.size_bytes)
    return begin_upload(
        tools.db,
        tools.storage,
        owner,
        source="cli",
        declared_bytes=source.size_bytes if needs_room else None,
        limits=limits,
    )
