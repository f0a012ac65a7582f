"""An installation in one process: data folder, database, storage, ffmpeg, and workers on demand."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from polyreel.app import close_tools, make_worker, open_tools
from polyreel.core.ingest import add_file
from polyreel.core.library import Media, Video, get_media, get_video
from polyreel.core.media import Rendition, list_renditions
from polyreel.core.options import set_option
from polyreel.core.users import Actor, actor_of, create_user
from polyreel.infra.jobs import JobInfo, Worker, list_jobs
from polyreel.settings import Settings
from tests.databases import database_url, make_tables

__all__ = ["Site"]

T = TypeVar("T")


class Site:
    """Opened at once; close it. `alice` owns what is added."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        # One slot for encodes and few threads: tests run beside other tests.
        url = database_url(folder / "polyreel.db")
        self.settings = Settings(data_dir=folder, database_url=url, encode_threads=2, **settings)
        self.tools = open_tools(self.settings)
        make_tables(self.tools.db)
        self.tools.notifier.start()
        self.alice = self.person("alice")
        self.choose("encoder_preset", "ultrafast")

    def choose(self, option: str, value: object) -> None:
        """Set an option, as an administrator does."""
        with self.tools.db.write() as tx:
            set_option(tx, None, option, value)

    def person(self, name: str, *, is_admin: bool = False) -> Actor:
        """One more account, without a password."""
        with self.tools.db.write() as tx:
            return actor_of(create_user(tx, name, password=None, is_admin=is_admin))

    def close(self) -> None:
        """Close what is open."""
        close_tools(self.tools)

    @contextmanager
    def working(self, lanes: list[str] | None = None) -> Iterator[Worker]:
        """A worker of all lanes while the block runs; what it holds at the end is handed back."""
        worker = make_worker(self.tools, lanes)
        worker.start()
        try:
            yield worker
        finally:
            worker.stop(2.0)

    def add(self, file: Path) -> Video:
        """Bring a file in, as the command line does."""
        db, storage = self.tools.db, self.tools.storage
        return add_file(db, storage, self.alice, file, folder_id=None, report=lambda done: None)

    def video(self, video: Video) -> Video:
        """How it stands now."""
        with self.tools.db.read() as tx:
            return get_video(tx, self.alice, video.id)

    def media(self, video: Video) -> Media:
        """What the library knows of its bytes."""
        with self.tools.db.read() as tx:
            return get_media(tx, video.media_id)

    def renditions(self, video: Video) -> list[Rendition]:
        """What was made of it so far."""
        with self.tools.db.read() as tx:
            return list_renditions(tx, video.media_id)

    def jobs(self, **which: Any) -> list[JobInfo]:
        """Jobs, newest first."""
        with self.tools.db.read() as tx:
            return list_jobs(tx, **which)

    def until(self, check: Callable[[], T], timeout_s: float = 40.0) -> T:
        """The first true value of `check`."""
        deadline = time.monotonic() + timeout_s
        while not (found := check()):
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {timeout_s} s: {self.jobs()}")
            time.sleep(0.02)
        return found

    def until_ended(self, video: Video, timeout_s: float = 40.0) -> Video:
        """The video once nothing more happens by itself."""

        def ended() -> Video | None:
            found = self.video(video)
            return found if found.has_ended else None

        found = self.until(ended, timeout_s)
        assert found is not None
        return found

    def stream_of(self, rendition: Rendition) -> bytes:
        """Its init and all its fragments, as a player would append them."""
        data = [rendition.init or b""]
        for part in rendition.parts:
            if part.key is not None:
                whole = self.tools.storage.path(part.key).read_bytes()
                data += [whole[item.offset : item.offset + item.size] for item in part.fragments]
        return b"".join(data)
