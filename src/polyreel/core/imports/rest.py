"""What comes after the films: chosen pictures, pages, settings; and what is moved is taken away there."""

from polyreel.core.imports.done import list_done, record_done
from polyreel.core.imports.errors import PieceMissing
from polyreel.core.imports.films import take_away
from polyreel.core.imports.records import File, Link
from polyreel.core.imports.run import Run
from polyreel.core.ingest import follow_options
from polyreel.core.library import get_media, get_video
from polyreel.core.media import choose_poster
from polyreel.core.options import get_option, set_option
from polyreel.core.pages import Draft, create_page
from polyreel.kit.errors import Conflict, Invalid, NotFound

__all__ = ["bring_pages", "bring_posters", "bring_settings", "clear_moved"]


def bring_posters(run: Run) -> None:
    """The pictures that people chose for their links."""
    with run.tools.db.read() as tx:
        links = list_done(tx, run.source, "link")
        done = list_done(tx, run.source, "poster")
    files = {file.id: file for file in run.library.files}
    for link in run.library.links:
        file = files.get(link.file_id)
        if link.id in done:
            run.report.before["chosen pictures"] += 1
        elif file is not None and (link.id in links or run.wishes.is_dry_run):
            try:
                _bring_poster(run, file, link, links.get(link.id))
            except (PieceMissing, Invalid, NotFound) as error:
                run.report.leave("chosen pictures", link.name, error.message)


def _bring_poster(run: Run, file: File, link: Link, video_id: int | None) -> None:
    data = run.media.poster(file.uuid, link.uuid)
    if data is None:
        return
    if not run.wishes.is_dry_run:
        tools, actor = run.tools, run.admin
        with tools.db.read() as tx:
            has_one = get_video(tx, actor, video_id or 0).poster_key is not None
        if not has_one:
            with tools.storage.create("imports/picture") as staged:
                staged.path.write_bytes(data)
                choose_poster(tools, actor, video_id or 0, staged.path)
        with tools.db.write() as tx:
            record_done(tx, run.source, "poster", link.id, video_id)
    run.report.came["chosen pictures"] += 1


def bring_pages(run: Run) -> None:
    """Pages for everybody; they are made harmless whenever they are shown."""
    with run.tools.db.read() as tx:
        done = list_done(tx, run.source, "page")
    for page in run.library.pages:
        if page.id in done:
            run.report.before["pages"] += 1
            continue
        draft = Draft(path=page.path, title=page.title, html=page.html, in_footer=page.in_footer)
        try:
            if not run.wishes.is_dry_run:
                with run.tools.db.write() as tx:
                    made = create_page(tx, run.admin, draft)
                    record_done(tx, run.source, "page", page.id, made.id)
            run.report.came["pages"] += 1
        except (Invalid, Conflict) as error:
            run.report.leave("pages", page.path, error.message)


def bring_settings(run: Run) -> None:
    """Settings, once: what an administrator changes here later is not changed back."""
    if run.wishes.read_settings is None or not run.library.settings:
        return
    with run.tools.db.read() as tx:
        if list_done(tx, run.source, "settings"):
            run.report.before["settings"] += 1
            return
    for setting in run.wishes.read_settings(run.library.settings):
        try:
            if setting.why:
                raise Invalid(setting.why)
            if _bring_setting(run, setting.option, setting.value):
                run.report.came["settings"] += 1
        except Invalid as error:
            run.report.leave("settings", setting.name, error.message)
    if not run.wishes.is_dry_run:
        with run.tools.db.write() as tx:
            follow_options(tx)
            record_done(tx, run.source, "settings", 0, None)


def _bring_setting(run: Run, option: str, value: object) -> bool:
    """False for what is so already."""
    with run.tools.db.read() as tx:
        if get_option(tx, option) == value:
            return False
    if not run.wishes.is_dry_run:
        with run.tools.db.write() as tx:
            set_option(tx, None, option, value)
    return True


def clear_moved(run: Run) -> None:
    """With --move: what an import that was killed had brought and not taken away yet."""
    if run.wishes.how != "move" or run.wishes.is_dry_run:
        return
    with run.tools.db.read() as tx:
        moving = list_done(tx, run.source, "moving")
    for file in run.library.files:
        media_id = moving.get(file.id)
        if media_id is not None:
            _clear(run, file, media_id)


def _clear(run: Run, file: File, media_id: int) -> None:
    try:
        with run.tools.db.read() as tx:
            media = get_media(tx, media_id)
        source = run.media.find(file)
        is_safe = run.tools.storage.size(media.source_key) == media.size_bytes > 0
    except (NotFound, PieceMissing, FileNotFoundError):
        return
    # With some pieces gone a smaller picture is found: that one was never brought.
    is_same = source.original is None or source.size_bytes == media.size_bytes
    if is_safe and is_same and source.is_best:
        take_away(run, file, source)
