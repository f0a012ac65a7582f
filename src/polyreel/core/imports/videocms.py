"""The import of a VideoCMS, from its beginning to its end."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from polyreel.core.imports.errors import AnotherImport
from polyreel.core.imports.films import bring_films
from polyreel.core.imports.people import bring_keys, bring_people, bring_webhooks
from polyreel.core.imports.progress import Report, Watch
from polyreel.core.imports.records import read_videocms
from polyreel.core.imports.rest import bring_pages, bring_posters, bring_settings, clear_moved
from polyreel.core.imports.run import Run, Wishes
from polyreel.core.imports.shelves import bring_folders
from polyreel.core.imports.sources import Media
from polyreel.core.ingest.disk import try_lock
from polyreel.infra.tools import Tools

__all__ = ["import_videocms"]


def import_videocms(tools: Tools, wishes: Wishes, watch: Watch | None = None) -> Report:
    """Bring a whole VideoCMS over, beside whatever this server does meanwhile.

    Ended at any moment, it goes on there the next time; what has come over comes once. Each thing that
    cannot come is told in the report. A dry run reads everything and writes nothing.
    Raises NotImportable before anything is written; AnotherImport; StorageFull, DatabaseUnavailable.
    """
    library = read_videocms(wishes.database)
    media = Media(wishes.media, wishes.uploads)
    try:
        with _alone(tools):
            run = Run(
                tools=tools,
                wishes=wishes,
                library=library,
                media=media,
                watch=watch or Watch(),
                report=Report(),
            )
            for sentence in library.unusable:
                run.report.leave("videos", sentence, "the row means nothing")
            for bring in _STEPS:
                bring(run)
            return run.report
    finally:
        media.close()


_STEPS = (
    bring_people,
    bring_keys,
    bring_webhooks,
    bring_folders,
    bring_films,
    bring_posters,
    bring_pages,
    bring_settings,
    clear_moved,
)


@contextmanager
def _alone(tools: Tools) -> Iterator[None]:
    """No other import on this machine until the block ends, or we do."""
    path = tools.settings.run_dir / "import.lock"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not try_lock(fd):
            raise AnotherImport
        yield
    finally:
        os.close(fd)
