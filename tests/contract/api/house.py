"""The whole server in one process, and people in it: root (an administrator), alice, and bob, who is a stranger."""

import asyncio
import base64
import json
import os
import shutil
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import delete, func, insert, select, update

from polyreel.app import close_tools, open_tools
from polyreel.core import library, users
from polyreel.core.ingest.tables import RemoteRow
from polyreel.core.options import OptionsCache
from polyreel.core.pages.tables import PageRow
from polyreel.core.stats import Traffic
from polyreel.core.webhooks.tables import PlayerWebhookRow
from polyreel.dialects import uploads, videocms
from polyreel.dispatch import Apps, dispatch
from polyreel.http.auth import Proxies
from polyreel.http.media import MediaApp
from polyreel.http.media_routes import MEDIA_API
from polyreel.http.middleware import Observer, observed
from polyreel.infra.db import Base
from polyreel.settings import Settings
from polyreel.web import make_app as make_web
from polyreel.web.routes import PAGES_API
from tests.contract.media.viewer import Stage
from tests.databases import database_url, make_tables
from tests.factories.boxes import init_of_sound
from tests.factories.site import Site
from tests.factories.users import QUICK_PASSWORDS

MARK = "alices-own-secret"
"""In the name of everything of alice's that has one."""

PASSWORD = "correct horse battery"
ALL_SCOPES = ("read", "write")
MOST_S = 10.0
# What time and use change, whoever asks.
VOLATILE = {"last_used_at", "updated_at", "last_used_ip"}
LOGS = {"key_uses", "jobs", "events", "periodic"}


@dataclass(frozen=True)
class Reply:
    """One answer; of one that never ends, its beginning."""

    status: int
    headers: dict[str, str]
    body: bytes


class House:
    """Every app behind one address; close it."""

    def __init__(self, folder):
        url = database_url(folder / "polyreel.db")
        self.tools = open_tools(Settings(data_dir=folder, database_url=url, min_free_bytes=0))
        make_tables(self.tools.db)
        options = OptionsCache(self.tools.db, fresh_s=0)
        panel = videocms.make_app(
            self.tools, passwords=QUICK_PASSWORDS, options=options, probe_wait_s=0.05
        )
        folders = uploads.make_app(self.tools)
        traffic = Traffic(self.tools.db)
        described = (panel.api, MEDIA_API, folders.api)
        self.web = make_web(self.tools, passwords=QUICK_PASSWORDS, options=options, apis=described)
        media = MediaApp(self.tools, traffic, videocms.answer_media, options=options, wait_s=0.2)
        apps = Apps(media=media, uploads=folders, videocms=panel, web=self.web)
        self.app = observed(dispatch(apps), Observer(proxies=Proxies("")))
        self.media = media
        self.files, self.copies = folder / "files", folder / "copies"
        self.routes = [route for api in (*described, PAGES_API) for route in api.routes]
        self.root = self._add("root", is_admin=True)
        self.alice = self._add("alice")
        self.bob = self._add("bob")

    def close(self):
        self.web.close()
        close_tools(self.tools)

    def _add(self, name, **given):
        with self.tools.db.write() as tx:
            hashed = QUICK_PASSWORDS.hash(PASSWORD)
            return users.actor_of(users.create_user(tx, name, password=hashed, **given))

    def jwt(self, actor):
        with self.tools.db.read() as tx:
            user = users.get_user(tx, actor.user_id)
        return f"Bearer {users.issue_jwt(self.tools.secrets, user).token}"

    def key(self, actor, key_for, *scopes):
        with self.tools.db.write() as tx:
            name = f"{actor.username}-script"
            made = users.create_key(tx, actor, key_for, name=name, scopes=scopes or ALL_SCOPES)
            return f"Bearer {made.text}"

    def ask(self, method, path, *, body=b"", **headers):
        """Ask once, in a loop of its own."""
        return asyncio.run(self._ask(method, path, body, headers))

    async def _ask(self, method, path, body, headers):
        address, _, query = path.partition("?")
        fields = {name.replace("_", "-"): text for name, text in headers.items() if text}
        if body:
            fields["content-length"] = str(len(body))
        scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "path": address,
            "raw_path": address.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "http_version": "1.1",
            "scheme": "http",
            "client": ("192.0.2.7", 40000),
            "server": ("video.test", 80),
            "headers": [
                (b"host", b"video.test"),
                *((k.lower().encode(), v.encode("latin-1")) for k, v in fields.items()),
            ],
        }
        ended, sent, messages = asyncio.Event(), [body], []

        async def receive():
            if sent:
                return {"type": "http.request", "body": sent.pop(), "more_body": False}
            await ended.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            messages.append(message)
            kind = dict(messages[0]["headers"]).get(b"content-type", b"")
            if not message.get("more_body", message["type"] == "http.response.start") or (
                kind.startswith(b"text/event-stream") and len(messages) > 1
            ):
                ended.set()

        # Notices that came between two loops were heard by nobody.
        self.media._views._loop = None
        self.media._views._drop(["*"])
        task = asyncio.ensure_future(self.app(scope, receive, send))
        waiting = asyncio.ensure_future(ended.wait())
        await asyncio.wait({task, waiting}, timeout=MOST_S, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        await asyncio.wait({task}, timeout=1)
        task.cancel()
        assert messages, f"{method} {path}: no answer"
        start, *bodies = messages
        found = {k.decode(): v.decode("latin-1") for k, v in start["headers"]}
        return Reply(start["status"], found, b"".join(each["body"] for each in bodies))

    def rows(self):
        """(table, key) -> row of everything that anybody has, but logs."""
        found = {}
        with self.tools.db.read() as tx:
            for name, table in Base.metadata.tables.items():
                if name in LOGS:
                    continue
                keys = [column.name for column in table.primary_key]
                for row in tx.session.execute(select(table)).mappings():
                    kept = {k: v for k, v in row.items() if k not in VOLATILE}
                    found[name, tuple(row[key] for key in keys)] = kept
        return found

    def remember(self):
        """Everything as it is now, to be put back by `restore`."""
        with self.tools.db.read() as tx:
            self._kept = {
                table: [dict(row) for row in tx.session.execute(select(table)).mappings()]
                for table in Base.metadata.sorted_tables
            }
        shutil.copytree(self.files, self.copies)

    def restore(self):
        """Rows and files as they were remembered."""
        with self.tools.db.write() as tx:
            for table in reversed(self._kept):
                tx.session.execute(delete(table))
            for table, rows in self._kept.items():
                if rows:
                    tx.session.execute(insert(table), rows)
        shutil.copytree(self.copies, self.files, dirs_exist_ok=True)

    # --- what alice has -------------------------------------------------------------------------

    def furnish(self):
        """New things of alice's, one of each kind: field or parameter -> its value."""
        folder = self.make("/api/folder", Name=f"{MARK} folder")
        inner = self.make("/api/folder", Name=f"{MARK} inner", ParentFolderID=folder["ID"])
        stage = self._film(folder["ID"])
        link = stage.video.id
        tag = self.make("/api/file/tag", LinkId=link, Name=f"{MARK} tag")
        key = self.make("/api/apikey", Name=f"{MARK} key")
        url = f"https://example.org/{MARK}.mp4"
        downloads = self.make("/api/remote/download", urls=[url])
        hook = {"Name": f"{MARK} hook", "Url": url, "Rpm": 1, "ReqQuery": "a", "ResField": "b"}
        self.make("/api/webhook", **hook)
        endpoint = self.make("/api/webhooks/endpoints", Url=url)
        delivery = self.make("/api/webhooks/test", EndpointID=endpoint["ID"])
        page = {"Path": "/terms/", "Title": "Terms", "Html": "<p>", "ListInFooter": True}
        self.make("/api/page", self.root, **page)
        return {
            "UserID": self.alice.user_id,
            "user_id": self._add("dave").user_id,
            "FolderID": inner["ID"],
            "FolderIDs": [{"FolderID": inner["ID"]}],
            "ParentFolderID": folder["ID"],
            "LinkID": link,
            "LinkId": link,
            "LinkIDs": [{"LinkID": link}],
            "TagId": tag["ID"],
            "WebPageID": self._newest(PageRow),
            "key_id": key["id"],
            "download_id": downloads[0]["ID"],
            "WebhookID": self._newest(PlayerWebhookRow),
            "EndpointID": endpoint["ID"],
            "DeliveryID": delivery["ID"],
            "upload_id": self._upload(),
            "Sha256": self._hashed(stage),
            "uuid": stage.uuid,
            "video_id": stage.uuid,
            "quality": "720p",
            "track": "720p",
            "is_mp4": "1",
            "audio": stage.sound.name,
            "video_file": "out0.mp4",
            "audio_file": "audio0.mp4",
            "image_file": "4x4.webp",
            "ticket": f"vc_media={stage.ticket()}",
            "other_ticket": f"vc_media={stage.ticket(uuid='00000000-0000-7000-8000-000000000000')}",
            "stage": stage,
        }

    def make(self, path, actor=None, **fields):
        """What a POST of alice's, or of this person's, answers."""
        reply = self.ask(
            "POST",
            path,
            body=json.dumps(fields).encode(),
            authorization=self.jwt(actor or self.alice),
            content_type="application/json",
        )
        assert reply.status in (200, 201), (path, reply)
        return json.loads(reply.body) if reply.body[:1] in (b"{", b"[") else None

    def ended_download(self):
        """One of alice's remote downloads that failed."""
        number = self._newest(RemoteRow)
        with self.tools.db.write() as tx:
            tx.session.execute(
                update(RemoteRow).where(RemoteRow.id == number).values(status="failed")
            )
        return number

    def _newest(self, kind):
        with self.tools.db.read() as tx:
            return tx.session.execute(select(func.max(kind.id))).scalar()

    def _upload(self):
        name = base64.b64encode(f"{MARK}.mp4".encode()).decode()
        reply = self.ask(
            "POST",
            "/api/uploads",
            authorization=self.jwt(self.alice),
            tus_resumable="1.0.0",
            upload_length="4",
            upload_metadata=f"filename {name}",
        )
        assert reply.status == 201, reply
        return reply.headers["location"].rpartition("/")[2]

    def _film(self, folder_id):
        stage = Stage(cast(Site, self))
        stage.publish(0, 4, whole=True)
        stage.publish(1, 4, whole=True, init=init_of_sound())
        with self.tools.db.write() as tx:
            library.rename_video(tx, self.alice, stage.video.id, f"{MARK}.mp4")
            library.move_items(tx, self.alice, folder_id, folder_ids=[], video_ids=[stage.video.id])
            key = f"media/{stage.uuid}/mosaic.webp"
            staged = self.tools.storage.create(key)
            with staged:
                os.write(staged.fd, b"RIFF____WEBP")
                staged.commit()
            library.update_media(tx, stage.media_id, mosaic_key=key)
        return stage

    def _hashed(self, stage):
        digest = f"{stage.media_id:064x}"
        with self.tools.db.write() as tx:
            library.update_media(tx, stage.media_id, sha256=digest)
        return digest
