"""The chapter "Account": oneself, and what one sets for oneself. Contract: section 12."""

from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Request, Response, get, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import RawBody

from polyreel.core import library, users
from polyreel.core.users import Passwords
from polyreel.dialects.videocms.answers import empty_answer, json_answer
from polyreel.dialects.videocms.auth import require_login
from polyreel.dialects.videocms.binder import REQUIRED, Param, bind, least, most, sent_of
from polyreel.dialects.videocms.operations import told
from polyreel.dialects.videocms.shapes_people import Account, AccountSettings
from polyreel.dialects.videocms.translate_people import PLAYER_CAPTCHA, user_to_account
from polyreel.http.face import KnownActor, ServerTools

__all__ = ["make_account"]

CHAPTER = "Account"


@dataclass(frozen=True)
class WantedSettings:
    """What to change; upstream reads `max_remote_downloads` and does nothing with it."""

    player_captcha: Annotated[bool | None, Param("EnablePlayerCaptcha", REQUIRED)]
    new_password: Annotated[str, Param("NewPassword", least(8), most(64))]
    max_remote_downloads: Annotated[int, Param("MaxRemoteDownloads")]


@get("/api/account", sync_to_thread=True, opt=told(CHAPTER, gives=Account))
def get_account(actor: KnownActor, tools: ServerTools) -> Response[bytes]:
    """Who one is, and how much one uses."""
    with tools.db.read() as tx:
        user = users.get_user(tx, actor.user_id)
        usage = library.usage_of(tx, [user.id])[user.id]
    return json_answer(user_to_account(user, usage, tools.storage.free_bytes()))


@get("/api/account/settings", sync_to_thread=True, opt=told(CHAPTER, gives=AccountSettings))
def get_settings(actor: KnownActor, tools: ServerTools) -> Response[bytes]:
    """What one has set for oneself."""
    with tools.db.read() as tx:
        settings = users.get_user(tx, actor.user_id).settings
    return json_answer(AccountSettings(EnablePlayerCaptcha=settings.get(PLAYER_CAPTCHA, False)))


def make_account(passwords: Passwords) -> list[HTTPRouteHandler]:
    """The handlers of this chapter; `passwords` makes the hash of a new one."""

    @put(
        "/api/account/settings",
        status_code=200,
        sync_to_thread=True,
        opt=told(CHAPTER, who="login", takes=WantedSettings),
    )
    def change_settings(
        request: Request[Any, Any, Any], body: RawBody, actor: KnownActor, tools: ServerTools
    ) -> Response[bytes]:
        """Set what one sets for oneself, and perhaps another password."""
        wish = bind(WantedSettings, sent_of(request, body))
        require_login(actor, "API Key Not Permitted to Update Settings")
        hashed = passwords.hash(wish.new_password) if wish.new_password else None
        with tools.db.write() as tx:
            kept = users.get_user(tx, actor.user_id).settings
            changed = {**kept, PLAYER_CAPTCHA: bool(wish.player_captcha)}
            users.update_user(tx, actor.user_id, {"settings": changed})
            if hashed is not None:
                users.set_password(tx, actor.user_id, hashed)
        return empty_answer(200)

    return [get_account, get_settings, change_settings]
