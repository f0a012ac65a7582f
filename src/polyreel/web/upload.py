"""POST /upload: a file from the library page, streamed to disk. Raw ASGI."""

import asyncio
from collections.abc import Mapping
from typing import Any

from polyreel.core.ingest import Upload, begin_upload
from polyreel.core.library import may_add_to
from polyreel.core.users import Actor
from polyreel.http.middleware import Receive, Scope, Send, ensure_exchange
from polyreel.http.uploads import Received, receive_upload
from polyreel.kit.errors import Forbidden, Invalid, Unauthenticated
from polyreel.web.cards import make_card
from polyreel.web.replies import json_reply
from polyreel.web.site import Site

__all__ = ["UploadRoute"]


class UploadRoute:
    """ASGI app; who sends, whether they may and where to is known before the file is read."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one form: `folder` (an id, or empty for the top), then `video`, the file."""
        actor = await asyncio.to_thread(self._admit, scope)
        sinks: list[Upload] = []

        def begin(filename: str, declared: int | None, fields: Mapping[str, str]) -> Upload:
            self._check_folder(actor, _folder_id(fields))
            made = begin_upload(
                self._site.db,
                self._site.tools.storage,
                actor,
                source="web",
                declared_bytes=declared,
                limits=self._site.upload_limits,
            )
            sinks.append(made)
            return made

        async with receive_upload(
            scope, receive, file_field="video", text_fields=("folder",), begin=begin
        ) as form:
            if not sinks:
                raise Invalid("Choose a file to upload.")
            card = await asyncio.to_thread(self._finish, actor, sinks[0], form)
        await json_reply(card, status=201)(scope, receive, send)

    def _admit(self, scope: Scope) -> Actor:
        actor = self._site.authenticate(self._site.tools, scope)
        if actor is None:
            raise Unauthenticated
        ensure_exchange(scope).actor = actor
        if not self._site.options.uploads_enabled:
            raise Forbidden("Uploads are switched off on this server.")
        self._site.uploads.take(actor.user_id)
        return actor

    def _check_folder(self, actor: Actor, folder_id: int | None) -> None:
        with self._site.db.read() as tx:
            may_add_to(tx, actor, folder_id)

    def _finish(self, actor: Actor, upload: Upload, form: Received) -> dict[str, Any]:
        if upload.size == 0:
            raise Invalid("This file is empty.")
        video = upload.finish(
            name=form.filename,
            filename=form.filename,
            folder_id=_folder_id(form.fields),
        )
        return make_card(video, actor)


def _folder_id(fields: Mapping[str, str]) -> int | None:
    """The folder that was chosen; None: the top. Raises Invalid."""
    text = fields.get("folder", "").strip()
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise Invalid(fields={"folder": ["This is no folder."]})
    return int(text)
