"""Who asks in a run that may change anything: an administrator who is put right before each request, and
things of theirs that are there.
"""

import hashlib
import secrets
from pathlib import Path

from sqlalchemy import delete

from polyreel.app import close_tools, open_tools
from polyreel.core import ingest, library, users, webhooks
from polyreel.core.library import Video
from polyreel.core.media import list_renditions
from polyreel.core.options.stored import TOPIC
from polyreel.core.options.tables import OptionRow
from polyreel.core.users import Actor, User
from polyreel.core.webhooks import WantedEndpoint, WantedWebhook
from polyreel.core.webhooks.tables import DeliveryRow, EndpointRow, PlayerWebhookRow
from polyreel.infra.tools import Tools
from polyreel.infra.tx import Tx
from polyreel.settings import Settings
from tests.factories.users import QUICK_PASSWORDS
from tests.server import Server


class Runner:
    """Known to a running server through its database, and not by what is tried."""

    def __init__(self, server: Server, film: Path) -> None:
        url = server.environment.get("POLYREEL_DATABASE_URL", "")
        self.tools: Tools = open_tools(Settings(data_dir=server.data_dir, database_url=url))
        # Not the first: small numbers are tried most, and who is deleted cannot go on.
        for number in range(4):
            self._add(f"somebody-{number}", is_admin=False)
        self._found = self._renewed()
        self._film = film
        self._sha256 = hashlib.sha256(film.read_bytes()).hexdigest()

    def close(self) -> None:
        """Give back what was opened."""
        close_tools(self.tools)

    def login(self) -> str:
        """A JWT of this moment; whatever happened to the account is undone."""
        return users.issue_jwt(self.tools.secrets, self._user()).token

    def uploads_key(self) -> str:
        """The same for the Uploads API."""
        self._user()
        return self._key

    def forget_options(self) -> None:
        """Every option as it was at first."""
        with self.tools.db.write() as tx:
            tx.session.execute(delete(OptionRow))
            tx.notify(TOPIC)

    def things(self) -> dict[str, object]:
        """One new thing of each kind, by the names that the document has for them."""
        self._bring_film()
        actor = users.actor_of(self._user())
        with self.tools.db.write() as tx:
            folder = library.create_folder(tx, actor, "folder")
            inner = library.create_folder(tx, actor, "inner", folder.id)
            video = self._video(tx, actor)
            tag = library.add_tag(tx, actor, video.id, "tag")
            key = users.create_key(tx, actor, "videocms", name="key")
            hook = WantedWebhook("hook", "https://example.org/hook", 1, "a", "b")
            # There may be only so many.
            for kind in (DeliveryRow, EndpointRow, PlayerWebhookRow):
                tx.session.execute(delete(kind))
            webhooks.create_player_webhook(tx, actor, hook)
            wanted = WantedEndpoint(url="https://example.org/events")
            endpoint = webhooks.create_endpoint(
                tx, actor, wanted, outbound=self.tools.outbound, secrets=self.tools.secrets
            )
            renditions = list_renditions(tx, video.media_id)
            hooks = webhooks.list_player_webhooks(tx, actor)
            person = users.create_user(tx, f"person-{secrets.token_hex(4)}", password=None)
        return {
            "FolderID": inner.id,
            "ParentFolderID": folder.id,
            "LinkID": video.id,
            "LinkId": video.id,
            "TagId": tag.id,
            "Sha256": self._sha256,
            "WebhookID": hooks[-1].id,
            "key_id": key.key.id,
            "user_id": person.id,
            "uuid": video.uuid,
            "video_id": video.uuid,
            "EndpointID": endpoint.endpoint.id,
            "quality": "180p",
            "track": "180p",
            "is_mp4": "1",
            "audio": next((each.name for each in renditions if each.kind == "audio"), video.uuid),
            "video_file": "out0.mp4",
            "audio_file": "audio0.mp4",
            "image_file": "4x4.webp",
        }

    def _video(self, tx: Tx, actor: Actor) -> Video:
        media = library.find_media_by_sha256(tx, self._sha256)
        assert media is not None, "somebody deleted the last link to the film"
        return library.create_video(
            tx,
            actor,
            media=media,
            name="film.mp4",
            filename="film.mp4",
            folder_id=None,
            source="videocms",
        )

    def _bring_film(self) -> None:
        """As the command line does, unless it is there."""
        with self.tools.db.read() as tx:
            if library.find_media_by_sha256(tx, self._sha256) is not None:
                return
        db, storage = self.tools.db, self.tools.storage
        actor = users.actor_of(self._user())
        ingest.add_file(db, storage, actor, self._film, folder_id=None, report=lambda done: None)

    def _user(self) -> User:
        with self.tools.db.read() as tx:
            found = users.find_user_by_name(tx, self._found.name)
        if found is None or not found.is_admin:
            self._found = found = self._renewed()
        return found

    def _renewed(self) -> User:
        made = self._add(f"runner-{secrets.token_hex(4)}", is_admin=True)
        with self.tools.db.write() as tx:
            key = users.create_key(tx, users.actor_of(made), "uploads", name="runner")
        self._key = key.text
        return made

    def _add(self, name: str, *, is_admin: bool) -> User:
        hashed = QUICK_PASSWORDS.hash("correct horse battery")
        with self.tools.db.write() as tx:
            return users.create_user(tx, name, password=hashed, is_admin=is_admin)
