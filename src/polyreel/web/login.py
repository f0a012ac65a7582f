"""/login: who are you?"""

import msgspec
from litestar import get, post
from litestar.params import URLEncodedBody

from polyreel.core.users import check_password, is_setup_needed
from polyreel.http.face import AnyActor
from polyreel.kit.errors import Busy, Unauthenticated
from polyreel.web.asking import PageRequest, client_of, scope_of
from polyreel.web.render import render
from polyreel.web.replies import Reply, html_reply, redirect
from polyreel.web.signing import checked_next, require_encryption, sign_in
from polyreel.web.site import OurSite

__all__ = ["check_login", "show_login"]


class LoginForm(msgspec.Struct):
    """What the page sends."""

    username: str = ""
    password: str = ""
    next: str = "/"


@get("/login", opt={"access": "known"}, sync_to_thread=True)
def show_login(request: PageRequest, site: OurSite, actor: AnyActor) -> Reply:
    """The form; whoever is signed in already goes on."""
    address = checked_next(request.query_params.get("next", "/"))
    if actor is not None:
        return redirect(address)
    with site.db.read() as tx:
        if is_setup_needed(tx):
            return redirect("/setup")
    require_encryption(site, scope_of(request))
    return _form(request, LoginForm(next=address))


@post("/login", opt={"access": "anyone"}, sync_to_thread=True)
def check_login(
    request: PageRequest,
    site: OurSite,
    data: URLEncodedBody[LoginForm],
) -> Reply:
    """Check name and password; at the same pace for names that do not exist."""
    require_encryption(site, scope_of(request))
    data.next = checked_next(data.next)
    try:
        with site.logins.attempt(client_of(scope_of(request)).address, data.username):
            user = check_password(site.db, data.username, data.password, passwords=site.passwords)
        return sign_in(site, scope_of(request), user, data.next)
    except Unauthenticated:
        return _form(request, data, error="The name or the password is wrong.", status=403)
    except Busy as error:
        wait = error.retry_after_s
        sentence = f"Too many attempts. Try again in {wait} second{'' if wait == 1 else 's'}."
        reply = _form(request, data, error=sentence, status=429)
        return reply.plus([("retry-after", str(wait))])


def _form(
    request: PageRequest, data: LoginForm, *, error: str | None = None, status: int = 200
) -> Reply:
    client = client_of(scope_of(request))
    username = data.username[:64]
    body = render("login.html", client=client, next=data.next, username=username, error=error)
    return html_reply(body, status=status)
