"""The chapter "Settings", for administrators with a JWT. Contract: section 17.

What an answer holds may be sent back as it is: what did not change is not written, so that a value
that comes from somewhere else (the command line, the request) goes on coming from there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from litestar import Request, Response, get, put
from litestar.params import RawBody

from polyreel.core import ingest, library, users
from polyreel.core.options import Options, changed_at, read_options, set_options
from polyreel.core.users import Actor
from polyreel.dialects.videocms.answers import json_answer, text_answer
from polyreel.dialects.videocms.auth import require_admin
from polyreel.dialects.videocms.binder import (
    REQUIRED,
    Param,
    bind,
    bind_fields,
    fields_of,
    sent_of,
    text_fields,
)
from polyreel.dialects.videocms.operations import TEXT, bodies_of, told
from polyreel.dialects.videocms.schemas import texts_row
from polyreel.dialects.videocms.setting_keys import LOGIN_KEY, MASK, MEDIA_KEY, SETTINGS
from polyreel.dialects.videocms.translate import time_text
from polyreel.http.face import KnownActor, ServerTools, raw_of
from polyreel.http.middleware import ensure_exchange
from polyreel.infra.tools import Tools
from polyreel.infra.tx import Tx
from polyreel.kit.errors import Invalid

__all__ = ["change_settings", "public_url_of", "read_settings"]

CHAPTER = "Settings"

_ID = 1
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Which:
    """There is one row of settings."""

    id: Annotated[int, Param("ID", REQUIRED)]


def public_url_of(tools: Tools, options: Options, request: Request[Any, Any, Any]) -> str:
    """Where this server is for others: as chosen, as started, or as the request found it."""
    scope, _ = raw_of(request)
    client = ensure_exchange(scope).client
    return options.public_url or tools.settings.base_url or f"{client.scheme}://{client.host}"


_PARAMS = {key: each.param for key, each in SETTINGS.items()}
_SHOWN = texts_row(SETTINGS)


@get("/api/settings", sync_to_thread=True, opt=told(CHAPTER, who="admin", gives=_SHOWN))
def read_settings(
    request: Request[Any, Any, Any], actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """Every key; secrets as a mask."""
    require_admin(actor)
    with tools.db.read() as tx:
        options, changed = read_options(tx), changed_at(tx) or _NEVER
    at = time_text(changed)
    row = {"ID": _ID, "CreatedAt": at, "UpdatedAt": at, "DeletedAt": None}
    return json_answer(row | _shown(tools, options, request), cache_control="no-store")


@put(
    "/api/settings",
    status_code=200,
    sync_to_thread=True,
    opt=told(
        CHAPTER,
        who="admin",
        gives=TEXT,
        takes=bodies_of({**fields_of(Which), **text_fields(_PARAMS)}),
    ),
)
def change_settings(
    request: Request[Any, Any, Any], body: RawBody, actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """Every key at once; what is different counts from now on."""
    require_admin(actor)
    sent = sent_of(request, body)
    if bind(Which, sent).id != _ID:
        raise Invalid("There are no such settings.")
    texts = bind_fields(_PARAMS, sent)
    with tools.db.write() as tx:
        options = read_options(tx)
        shown = _shown(tools, options, request)
        _check_captcha(texts)
        changes = _changes(options, texts, shown)
        _change(tx, actor, changes)
        ingest.follow_options(tx)
        _end_what_was_signed(tx, actor, texts)
    return text_answer("ok")


def _shown(tools: Tools, options: Options, request: Request[Any, Any, Any]) -> dict[str, str]:
    values: dict[str, Any] = {name: getattr(options, name) for name in _options_named()}
    values["public_url"] = public_url_of(tools, options, request)
    values["encodes_at_once"] = options.encodes_at_once or tools.settings.worker_encode
    return {
        key: each.show(values[each.option]) if each.option else MASK
        for key, each in SETTINGS.items()
    }


def _options_named() -> list[str]:
    return [each.option for each in SETTINGS.values() if each.option]


def _changes(
    options: Options, texts: Mapping[str, str], shown: Mapping[str, str]
) -> dict[str, object]:
    """Option -> its new value."""
    found: dict[str, object] = {}
    for key, each in SETTINGS.items():
        text = texts[key]
        if not each.option or text == shown[key] or (each.is_secret and text == MASK):
            continue
        value = each.read(text)
        if value != getattr(options, each.option):
            found[each.option] = value
    return found


def _change(tx: Tx, actor: Actor, changes: Mapping[str, object]) -> None:
    """Raises Invalid, in the words of this API's rules."""
    keys = {each.option: key for key, each in SETTINGS.items()}
    try:
        set_options(tx, actor.user_id, changes)
    except Invalid as error:
        names = [keys[name] for name in error.fields if name in keys]
        raise Invalid(f"{names[0]} [format] : {error.message}" if names else None) from None


def _end_what_was_signed(tx: Tx, actor: Actor, texts: Mapping[str, str]) -> None:
    """What upstream's secrets are changed for: everything signed with the old one ends."""
    if texts[LOGIN_KEY] != MASK:
        users.end_every_login(tx, actor)
    if texts[MEDIA_KEY] != MASK:
        library.end_every_ticket(tx, actor)


def _check_captcha(texts: Mapping[str, str]) -> None:
    """Raises Invalid where a captcha is wanted and cannot be made."""
    kind = texts["CaptchaType"]
    if SETTINGS["CaptchaEnabled"].read(texts["CaptchaEnabled"]) and not kind:
        raise Invalid("CaptchaType [required_if] : CaptchaEnabled 1")
    for key in ("PrivateKey", "PublicKey"):
        name = f"Captcha_{kind.capitalize()}_{key}"
        if kind and not texts[name]:
            raise Invalid(f"{name} [required_if] : CaptchaType {kind}")
