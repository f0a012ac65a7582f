"""A real database per test, with people and things of theirs."""

import uuid

import pytest
from sqlalchemy import func, insert, select

from polyreel.core import library, users
from polyreel.core.library.names import fold_name
from polyreel.core.library.tables import MediaRow, VideoRow
from tests.factories.database import open_database


class House:
    """Alice, an administrator, and bobby; folders and videos for them."""

    def __init__(self, folder):
        self.db = open_database(folder)
        self.alice = self.add("alice", is_admin=True)
        self.bobby = self.add("bobby")
        self._made = 0

    def add(self, name, **given):
        with self.db.write() as tx:
            return users.actor_of(users.create_user(tx, name, password=None, **given))

    def folder(self, actor, name="folder", parent_id=None):
        with self.db.write() as tx:
            return library.create_folder(tx, actor, name, parent_id).id

    def video(self, actor, name="film", folder_id=None):
        with self.db.write() as tx:
            return self.video_in(tx, actor, name, folder_id)

    def video_in(self, tx, actor, name="film", folder_id=None):
        self._made += 1
        uid = f"{self._made:036d}"
        media = library.create_media(
            tx, uid=uid, sha256=None, size_bytes=10, original_key=f"media/{uid}/o"
        )
        return library.create_video(
            tx,
            actor,
            media=media,
            name=name,
            filename="a.mp4",
            folder_id=folder_id,
            source="web",
        )

    def fill(self, actor, count, folder_id=None, name="film"):
        """Many videos at once, named with their number; their ids in that order."""
        with self.db.write() as tx:
            times = {"created_at": tx.now, "updated_at": tx.now}
            first = (tx.session.scalar(select(func.max(MediaRow.id))) or 0) + 1
            media = [
                {
                    "id": first + number,
                    "uid": str(uuid.uuid4()),
                    "size_bytes": 10,
                    "original_key": f"media/{first + number}/o",
                    "state": "ready",
                    **times,
                }
                for number in range(count)
            ]
            tx.session.execute(insert(MediaRow), media)
            videos = [
                {
                    "uuid": str(uuid.uuid4()),
                    "user_id": actor.user_id,
                    "folder_id": folder_id,
                    "media_id": first + number,
                    "name": f"{name} {number}",
                    "name_folded": fold_name(f"{name} {number}"),
                    "filename": "a.mp4",
                    "source": "web",
                    "visibility": "unlisted",
                    "policy_version": 1,
                    **times,
                }
                for number in range(count)
            ]
            tx.session.execute(insert(VideoRow), videos)
            made = select(VideoRow.id).where(VideoRow.media_id >= first).order_by(VideoRow.id)
            return list(tx.session.scalars(made))

    def close(self):
        self.db.close()
        self.db.notifier.close()


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path)
    yield made
    made.close()
