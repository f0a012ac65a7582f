"""/logout, and whether a session still is."""

from litestar import get, post

from polyreel.core.users import end_session
from polyreel.http.auth import session_token, set_cookie_header
from polyreel.http.face import KnownActor
from polyreel.web.asking import PageRequest, client_of, scope_of
from polyreel.web.replies import Reply, empty_reply, redirect
from polyreel.web.site import OurSite

__all__ = ["ask_session", "log_out"]


@post("/logout", opt={"access": "anyone"}, sync_to_thread=True)
def log_out(request: PageRequest, site: OurSite) -> Reply:
    """End the session; whoever has none is signed out as well."""
    client = client_of(scope_of(request))
    token = session_token(scope_of(request)["headers"], client)
    if token:
        with site.db.write() as tx:
            end_session(tx, token)
    name, value = set_cookie_header(client, "")
    return redirect("/login").plus([(name.decode(), value.decode())])


@get("/session", sync_to_thread=True)
def ask_session(actor: KnownActor) -> Reply:
    """204 for whoever is signed in: live.js asks when the event stream was refused."""
    return empty_reply()
