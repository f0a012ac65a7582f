"""The API in-process over a real database and folder; jobs are noted and never run."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from litestar.testing import TestClient

from polyreel.core import library, users
from polyreel.core.ingest import tables  # noqa: F401 - its rows join the metadata
from polyreel.dialects import uploads
from polyreel.http.auth import Proxies
from polyreel.http.middleware import Observer, observed
from polyreel.infra.notify import Notifier
from polyreel.infra.storage import LocalStorage
from polyreel.infra.tools import Tools
from polyreel.infra.tx import Database
from polyreel.settings import Settings
from tests.contract.described import described
from tests.databases import database_url, make_tables

GOLDEN = Path(__file__).parent / "golden"


def golden(name):
    """The body of one answer as the API's document prints it."""
    return json.loads((GOLDEN / f"{name}.json").read_text())["body"]


class NotedJobs:
    def __init__(self):
        self.orders = []

    def enqueue(self, tx, order):
        self.orders.append(order)
        return len(self.orders)


class Site:
    """A server of this one API, with alice and bobby and a key of each."""

    def __init__(self, root):
        self.jobs = NotedJobs()
        notifier = Notifier(root / "run")
        database = Database(
            database_url(root / "test.db"),
            lock_path=root / "run" / "write.lock",
            notifier=notifier,
            enqueuer=self.jobs,
        )
        make_tables(database)
        self.tools = SimpleNamespace(
            settings=Settings(data_dir=root, min_free_bytes=0),
            db=database,
            storage=LocalStorage(root / "files"),
            notifier=notifier,
        )
        self.db, self.storage = database, self.tools.storage
        self.alice, self.key = self.add("alice")
        self.bobby, self.other_key = self.add("bobby")
        made = uploads.make_app(cast(Tools, self.tools))
        app = observed(described(made, made.api), Observer(proxies=Proxies("")))
        self.client: TestClient[Any] = TestClient(app)

    def add(self, name, **given):
        with self.db.write() as tx:
            actor = users.actor_of(users.create_user(tx, name, password=None, **given))
            return actor, users.create_key(tx, actor, "uploads", name="script").text

    def set(self, **changes):
        self.tools.settings = replace(self.tools.settings, **changes)

    def folder(self, *names):
        with self.db.write() as tx:
            return library.ensure_folder_path(tx, self.alice, list(names))

    def state(self, uuid, state, message=None):
        with self.db.write() as tx:
            video = library.find_video_by_uuid(tx, uuid)
            assert video is not None
            library.update_media(tx, video.media_id, state=state, message=message)

    def video(self, uuid):
        with self.db.read() as tx:
            return library.find_video_by_uuid(tx, uuid)

    def files(self):
        return [path for path in self.storage.root.rglob("*") if path.is_file()]

    def close(self):
        self.db.close()
        self.tools.notifier.close()


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path)
    with made.client as client:
        client.headers["authorization"] = f"Bearer {made.key}"
        yield made
    made.close()
