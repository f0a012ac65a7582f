"""Browsers, as far as these tests need them: cookies, forms, what they tell about themselves."""

import os
import re
from dataclasses import dataclass
from html import unescape
from typing import Any

import httpx

from polyreel.core import library
from polyreel.core.users import actor_of, find_user_by_name, start_session
from polyreel.http.auth import Client, set_cookie_header
from polyreel.http.media import MediaApp
from polyreel.infra.tools import Tools
from polyreel.web import WebApp

ORIGIN = "http://video.test"
OURS = {"sec-fetch-site": "same-origin"}
PAGE = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
JSON = {"accept": "application/json"}


@dataclass
class Place:
    """One server; `tools` are its own."""

    tools: Tools
    web: WebApp
    media: MediaApp
    app: Any

    def browser(self, name=None, *, origin=ORIGIN, address="192.168.1.7", app=None):
        """A browser on that machine, signed in as `name`; its client is async (httpx)."""
        transport = httpx.ASGITransport(app or self.app, client=(address, 40000))
        client = httpx.AsyncClient(transport=transport, base_url=origin, headers={**OURS, **PAGE})
        if name:
            scheme = origin.partition(":")[0]
            line = set_cookie_header(Client(address="", scheme=scheme, host=""), self.session(name))
            key, _, value = line[1].decode().partition(";")[0].partition("=")
            client.cookies.set(key, value)
        return client

    def session(self, name):
        with self.tools.db.write() as tx:
            return start_session(tx, person(tx, name)).token

    def actor(self, name):
        with self.tools.db.read() as tx:
            return actor_of(person(tx, name))

    def add_video(self, name, title="holiday.mp4", *, state="ready", folder_id=None, **given):
        """A video of that person whose media is in `state`; `poster` puts bytes there."""
        poster = given.pop("poster", None)
        visibility = given.pop("visibility", "unlisted")
        with self.tools.db.write() as tx:
            uid = f"00000000-0000-4000-8000-{len(library.list_media_keys(tx)):012}"
            media = library.create_media(
                tx, uid=uid, sha256=None, size_bytes=1000, original_key=f"media/{uid}/original"
            )
            if poster:
                key = f"media/{uid}/poster.webp"
                staged = self.tools.storage.create(key)
                with staged:
                    os.write(staged.fd, poster)
                    staged.commit()
                given["poster_key"] = key
            library.update_media(tx, media.id, state=state, **given)
            return library.create_video(
                tx,
                self.actor_in(tx, name),
                media=media,
                name=title,
                filename=title,
                folder_id=folder_id,
                source="web",
                visibility=visibility,
            )

    @staticmethod
    def actor_in(tx, name):
        return actor_of(person(tx, name))


def person(tx, name):
    """The account of that name."""
    found = find_user_by_name(tx, name)
    assert found is not None
    return found


def find(pattern, text):
    """What the pattern's group matches; fails when it is not there."""
    found = re.search(pattern, text)
    assert found is not None, pattern
    return found[1]


def text_of(answer):
    """A page's words, without its marks."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())
