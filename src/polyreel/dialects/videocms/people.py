"""The chapter "Users", for administrators with a JWT. Contract: section 16."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Request, Response, delete, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, RawBody

from polyreel.core import library, users
from polyreel.core.users import Passwords
from polyreel.dialects.videocms.answers import empty_answer, json_answer
from polyreel.dialects.videocms.auth import require_admin
from polyreel.dialects.videocms.binder import REQUIRED, Param, bind, least, most, sent_of
from polyreel.dialects.videocms.operations import told
from polyreel.dialects.videocms.rules import EMAIL
from polyreel.dialects.videocms.schemas import ROW_ID
from polyreel.dialects.videocms.shapes_people import Said, User, UserList, UserListMeta
from polyreel.dialects.videocms.translate_people import path_id, user_to_row
from polyreel.http.face import KnownActor, ServerTools

__all__ = ["make_people"]

CHAPTER = "Users"

_USUAL_LIMIT, _LONGEST_LIMIT = 10, 1000


@dataclass(frozen=True)
class Which:
    """One page of people; what is 0 or missing is 1 and 10."""

    page: Annotated[int, Param("page")]
    limit: Annotated[int, Param("limit")]
    search: Annotated[str, Param("search")]


@dataclass(frozen=True)
class _Common:
    """What is set for new people and changed for others; None stays as it is."""

    email: Annotated[str, Param("Email", EMAIL)]
    admin: Annotated[bool | None, Param("Admin")]
    storage: Annotated[int | None, Param("Storage")]
    balance: Annotated[float | None, Param("Balance")]
    max_remote_downloads: Annotated[int | None, Param("MaxRemoteDownloads", least(1))]
    remote_download_enabled: Annotated[bool | None, Param("RemoteDownloadEnabled")]


@dataclass(frozen=True)
class NewUser(_Common):
    """A person to be made an account."""

    username: Annotated[str, Param("Username", REQUIRED, least(3), most(32))]
    password: Annotated[str, Param("Password", REQUIRED, least(8), most(250))]


@dataclass(frozen=True)
class ChangedUser(_Common):
    """An empty name stays as it is; an empty address is taken away."""

    username: Annotated[str, Param("Username", least(3), most(32))]


@dataclass(frozen=True)
class NewPassword:
    """Another password for a person."""

    new_password: Annotated[
        str, Param("NewPassword", REQUIRED, least(8), most(250), sent_as="new_password")
    ]


@get("/api/users", sync_to_thread=True, opt=told(CHAPTER, who="admin", query=Which, gives=UserList))
def list_users(
    request: Request[Any, Any, Any], actor: KnownActor, tools: ServerTools
) -> Response[bytes]:
    """One page of people, in the order they came."""
    require_admin(actor)
    wish = bind(Which, sent_of(request), query=True)
    page = max(1, wish.page)
    limit = min(wish.limit or _USUAL_LIMIT, _LONGEST_LIMIT)
    offset = min((page - 1) * limit, 2**62)
    with tools.db.read() as tx:
        found = users.find_users(tx, actor, search=wish.search, offset=offset, limit=limit)
        usage = library.usage_of(tx, [user.id for user in found.users])
    return json_answer(
        UserList(
            data=[user_to_row(user, usage[user.id]) for user in found.users],
            meta=UserListMeta(total=found.total, page=page, limit=limit),
        )
    )


@get(
    "/api/users/{user_id:str}",
    sync_to_thread=True,
    opt=told(CHAPTER, who="admin", path={"user_id": ROW_ID}, gives=User, also=(404,)),
)
def get_user(user_id: FromPath[str], actor: KnownActor, tools: ServerTools) -> Response[bytes]:
    """One person."""
    require_admin(actor)
    with tools.db.read() as tx:
        return json_answer(user_to_row(users.get_user(tx, path_id(user_id))))


@put(
    "/api/users/{user_id:str}",
    status_code=200,
    sync_to_thread=True,
    opt=told(
        CHAPTER,
        who="admin",
        path={"user_id": ROW_ID},
        takes=ChangedUser,
        gives=User,
        also=(404, 409),
    ),
)
def change_user(
    request: Request[Any, Any, Any],
    user_id: FromPath[str],
    body: RawBody,
    actor: KnownActor,
    tools: ServerTools,
) -> Response[bytes]:
    """Change what was sent; the address always."""
    require_admin(actor)
    number = path_id(user_id)
    wish = bind(ChangedUser, sent_of(request, body))
    changes = {"email": wish.email or None, **_changes(wish)}
    if wish.username:
        changes["name"] = wish.username
    with tools.db.write() as tx:
        user = users.update_user(tx, number, changes)
    return json_answer(user_to_row(user))


@delete(
    "/api/users/{user_id:str}",
    status_code=200,
    sync_to_thread=True,
    opt=told(CHAPTER, who="admin", path={"user_id": ROW_ID}, status=204, also=(404, 409)),
)
def delete_user(user_id: FromPath[str], actor: KnownActor, tools: ServerTools) -> Response[bytes]:
    """Delete a person; the videos are left to the caller."""
    require_admin(actor)
    number = path_id(user_id)
    with tools.db.write() as tx:
        library.delete_user(tx, actor, number)
    return empty_answer(204)


def make_people(passwords: Passwords) -> list[HTTPRouteHandler]:
    """The handlers of this chapter; `passwords` makes hashes."""

    @post(
        "/api/users",
        status_code=201,
        sync_to_thread=True,
        opt=told(CHAPTER, who="admin", takes=NewUser, gives=User, status=201, also=(409,)),
    )
    def create_user(
        request: Request[Any, Any, Any], body: RawBody, actor: KnownActor, tools: ServerTools
    ) -> Response[bytes]:
        """A new account."""
        require_admin(actor)
        wish = bind(NewUser, sent_of(request, body))
        hashed = passwords.hash(wish.password)
        with tools.db.write() as tx:
            made = users.create_user(tx, wish.username, password=hashed, email=wish.email or None)
            user = users.update_user(tx, made.id, _changes(wish))
        return json_answer(user_to_row(user), 201)

    @post(
        "/api/users/{user_id:str}/password",
        status_code=200,
        sync_to_thread=True,
        opt=told(
            CHAPTER,
            who="admin",
            path={"user_id": ROW_ID},
            takes=NewPassword,
            gives=Said,
            also=(404,),
        ),
    )
    def change_password(
        request: Request[Any, Any, Any],
        user_id: FromPath[str],
        body: RawBody,
        actor: KnownActor,
        tools: ServerTools,
    ) -> Response[bytes]:
        """Another password for a person; their logins end."""
        require_admin(actor)
        number = path_id(user_id)
        wish = bind(NewPassword, sent_of(request, body))
        hashed = passwords.hash(wish.new_password)
        with tools.db.write() as tx:
            users.set_password(tx, number, hashed)
        return json_answer(Said(message="The password was changed."))

    return [list_users, create_user, get_user, change_user, delete_user, change_password]


def _changes(wish: _Common) -> Mapping[str, Any]:
    """What was sent, by our names."""
    given = {
        "is_admin": wish.admin,
        "quota_bytes": wish.storage,
        "balance": wish.balance,
        "max_remote_downloads": wish.max_remote_downloads,
        "remote_download_enabled": wish.remote_download_enabled,
    }
    return {name: value for name, value in given.items() if value is not None}
