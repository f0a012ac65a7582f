"""A server of this one API over a real database and folder; jobs are noted and never run."""

import json
import re
import shutil
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from litestar.testing import TestClient

from polyreel.core import library, users
from polyreel.core.ingest import tables  # noqa: F401 - its rows join the metadata
from polyreel.core.media.index import Fragment, pack_index
from polyreel.core.media.tables import PartRow, RenditionRow
from polyreel.core.options import OptionsCache, set_option
from polyreel.core.webhooks import EventLog
from polyreel.dialects import videocms
from polyreel.http.auth import Proxies
from polyreel.http.middleware import Observer, observed
from polyreel.http.throttle import LoginThrottle, Throttle
from polyreel.infra.notify import Notifier
from polyreel.infra.outbound import Outbound, make_rules
from polyreel.infra.secrets import Secrets
from polyreel.infra.storage import LocalStorage
from polyreel.infra.tools import Tools
from polyreel.infra.tx import Database
from polyreel.settings import Settings
from tests.contract.described import described
from tests.databases import database_url, make_tables
from tests.factories.users import QUICK_PASSWORDS

GOLDEN = Path(__file__).parent / "golden"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
PASSWORD = "correct horse"
HASHED = QUICK_PASSWORDS.hash(PASSWORD)


def golden(name):
    """One answer as the contract prints it."""
    return json.loads((GOLDEN / f"{name}.json").read_text())["body"]


def shape(value):
    """Keys in their order, and the kind of every value; a whole number may stand for any number."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}, list(value)
    if isinstance(value, list):
        return [shape(each) for each in value[:1]]
    if isinstance(value, str) and TIME.fullmatch(value):
        return "time"
    return "number" if type(value) in (int, float) else type(value).__name__


def is_text(found, status, text=None):
    """Whether an answer is one of the plain texts of this API."""
    return (
        found.status_code == status
        and found.headers["content-type"] == "text/plain; charset=UTF-8"
        and (found.text == text if text is not None else bool(found.text))
    )


def is_empty(found, status):
    return (found.status_code, found.content, found.headers["content-length"]) == (status, b"", "0")


def is_of_framework(found, status):
    return (found.status_code, found.headers["content-type"], found.text) == (
        status,
        "application/json",
        '{"error":"Not found"}\n',
    )


def anew(thing: Any, *args, **given):
    """Make a thing as if it were new, for all who hold it."""
    thing.__init__(*args, **given)


class NotedJobs:
    """Jobs are noted; `then` may play the worker after the commit that enqueues one."""

    def __init__(self):
        self.orders = []
        self.then = None

    def enqueue(self, tx, order):
        self.orders.append(order)
        if self.then is not None:
            tx.after_commit(lambda: self.then(order))
        return len(self.orders)


class NotedUses(users.KeyAudit):
    """What a key audit was told."""

    def __init__(self, db):
        super().__init__(db)
        self.seen = []

    def record(self, actor, method, path, ip):
        self.seen.append((actor.key_id, method, path, ip))
        super().record(actor, method, path, ip)


class _Memory:
    """What an app remembers from one request to the next."""

    def __init__(self, db):
        self.db = db
        self.logins = LoginThrottle()
        # Read anew for every request: nothing listens to notices here.
        self.options = OptionsCache(db, fresh_s=0)
        self.limits = videocms.RateLimits(self.options, clock=lambda: 0.0)
        self.searches = Throttle(burst=600, every_s=0.1)

    def forget(self):
        """The app goes on with the same ones, made anew."""
        anew(self.logins)
        anew(self.options, self.db, fresh_s=0)
        anew(self.limits, self.options, clock=lambda: 0.0)
        anew(self.searches, burst=600, every_s=0.1)


class Site:
    """A server with alice (an administrator), bobby and carol; `client` is bobby with a JWT."""

    def __init__(self, root):
        self.root = root
        self.jobs = NotedJobs()
        self.notifier = Notifier(root / "run")
        self.db = Database(
            database_url(root / "test.db"),
            lock_path=root / "run" / "write.lock",
            notifier=self.notifier,
            enqueuer=self.jobs,
            recorder=EventLog(),
        )
        self.tools = SimpleNamespace()
        self.uses = NotedUses(self.db)
        self.memory = _Memory(self.db)
        make_tables(self.db)
        self._begin()
        self.app = self.make_app(self.memory)
        self._open_client()

    def begin_anew(self):
        """As on the first day, in the same app: to make that takes longer than most tests do."""
        make_tables(self.db)
        shutil.rmtree(self.root / "files", ignore_errors=True)
        for noted in self.root.glob("noted-*"):
            noted.unlink()
        anew(self.jobs)
        anew(self.uses, self.db)
        self.memory.forget()
        self._begin()
        self._open_client()

    def _begin(self):
        vars(self.tools).clear()
        vars(self.tools).update(
            settings=Settings(data_dir=self.root, min_free_bytes=0),
            db=self.db,
            storage=LocalStorage(self.root / "files"),
            notifier=self.notifier,
            secrets=Secrets(self.root / "secret.key"),
            outbound=Outbound(make_rules()),
        )
        with self.db.write() as tx:
            self.alice = users.create_user(tx, "alice", password=HASHED, is_admin=True)
            self.bobby = users.create_user(tx, "bobby", password=HASHED)
            self.carol = users.create_user(tx, "carol", password=HASHED)

    def _open_client(self):
        self.client: TestClient[Any] = TestClient(self.app)
        self.client.headers["authorization"] = f"Bearer {self.jwt(self.bobby)}"

    def make_app(self, memory=None):
        memory = memory or _Memory(self.db)
        app = videocms.make_app(
            cast(Tools, self.tools),
            self.uses,
            passwords=QUICK_PASSWORDS,
            logins=memory.logins,
            options=memory.options,
            limits=memory.limits,
            searches=memory.searches,
            probe_wait_s=0.3,
        )
        return observed(described(app, app.api), Observer(proxies=Proxies("")))

    @contextmanager
    def restarted(self):
        """A client of another process on the same data."""
        with TestClient(self.make_app()) as client:
            client.headers["authorization"] = self.client.headers["authorization"]
            yield client

    def add(self, name, **given):
        with self.db.write() as tx:
            return users.create_user(tx, name, password=HASHED, **given)

    def jwt(self, user):
        return users.issue_jwt(self.tools.secrets, user).token

    def key(self, user, **given):
        with self.db.write() as tx:
            actor = users.actor_of(user)
            return users.create_key(tx, actor, "videocms", name="script", **given).text

    def as_user(self, user):
        """Headers of another person."""
        return {"authorization": f"Bearer {self.jwt(user)}"}

    def as_key(self, user, **given):
        """Headers of a key of theirs."""
        return {"authorization": f"Bearer {self.key(user, **given)}"}

    def anonymous(self, method, path, **given):
        with_header = self.client.headers.pop("authorization")
        try:
            return self.client.request(method, path, **given)
        finally:
            self.client.headers["authorization"] = with_header

    def set(self, **changes):
        self.tools.settings = replace(self.tools.settings, **changes)

    def option(self, name, value):
        with self.db.write() as tx:
            set_option(tx, None, name, value)

    def folder(self, user, name="Films", parent_id=None):
        with self.db.write() as tx:
            return library.create_folder(tx, users.actor_of(user), name, parent_id)

    def video(self, user, name="film.mp4", *, folder_id=None, visibility="unlisted", **media):
        """A video whose media has these columns."""
        number = len(self.jobs.orders) + len(list(self.root.glob("noted-*")))
        (self.root / f"noted-{number}-{name}").touch()
        with self.db.write() as tx:
            made = library.create_media(
                tx,
                uid=f"uid-{name}-{number}",
                sha256=media.pop("sha256", None),
                size_bytes=media.pop("size_bytes", 1000),
                original_key=f"media/{number}/original",
            )
            video = library.create_video(
                tx,
                users.actor_of(user),
                media=made,
                name=name,
                filename=name,
                folder_id=folder_id,
                source="videocms",
                visibility=visibility,
            )
            if media:
                library.update_media(tx, made.id, **media)
            return library.get_video(tx, users.actor_of(user), video.id)

    def rendition(self, video, name, kind="video", *, sizes=(), progress=0.0, **columns):
        """A rendition of a video's media, with one part of fragments of these sizes."""
        with self.db.write() as tx:
            row = RenditionRow(
                media_id=video.media_id,
                kind=kind,
                name=name,
                mode="encode",
                stream=0,
                peak_bps=1,
                average_bps=1,
                revision=1,
                duration_us=2_000_000 * len(sizes),
                updated_at=tx.now,
                init=b"init" if sizes else None,
                codec="avc1.640015" if kind == "video" else "mp4a.40.2",
                **{"position": 0, "promised": False, "state": "planned", **columns},
            )
            tx.session.add(row)
            tx.session.flush()
            fragments, offset = [], 0
            for number, size in enumerate(sizes):
                fragments.append(Fragment(number * 2_000_000, 2_000_000, offset, size))
                offset += size
            part = PartRow(
                rendition_id=row.id,
                number=0,
                first_fragment=0,
                start_us=0,
                end_us=None,
                state=row.state,
                progress=progress,
                key="parts/0",
                index=pack_index(fragments),
                size_bytes=offset,
                updated_at=tx.now,
            )
            tx.session.add(part)

    def worker_finds(self, state, message=None):
        """What the worker, played here, makes of each file that comes in."""

        def look(order):
            with self.db.write() as tx:
                library.update_media(tx, order.args["media_id"], state=state, message=message)

        self.jobs.then = look

    def videos(self, user):
        with self.db.read() as tx:
            return library.list_recent_videos(tx, users.actor_of(user))

    def files(self):
        return [path for path in (self.root / "files").rglob("*") if path.is_file()]

    def close(self):
        self.db.close()
        self.notifier.close()
