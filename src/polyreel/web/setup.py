"""/setup: the first run makes the first administrator, once."""

import msgspec
from litestar import get, post
from litestar.params import URLEncodedBody

from polyreel.core.users import check_setup_token, create_first_admin, is_setup_needed
from polyreel.kit.errors import Busy, Conflict, Forbidden, Invalid
from polyreel.web.asking import PageRequest, client_of, scope_of
from polyreel.web.render import render
from polyreel.web.replies import Reply, html_reply, redirect
from polyreel.web.signing import require_encryption, sign_in
from polyreel.web.site import OurSite, Site

__all__ = ["finish_setup", "show_setup"]

# What the page says beforehand; the rule itself is core.users'.
_LEAST_CHARACTERS = 8
_THROTTLED_NAME = "\0set-up"


class SetupForm(msgspec.Struct):
    """What the page sends."""

    token: str = ""
    username: str = ""
    password: str = ""
    password2: str = ""


@get("/setup", opt={"access": "anyone"}, sync_to_thread=True)
def show_setup(request: PageRequest, site: OurSite) -> Reply:
    """The form for whoever has the printed link; nothing to see when set-up is over."""
    require_encryption(site, scope_of(request))
    form = SetupForm(token=request.query_params.get("token", ""))
    try:
        _check_token(site, request, form)
    except Conflict:
        return redirect("/login")
    except Forbidden:
        return _page(request, form, token_ok=False, status=403)
    return _page(request, form)


@post("/setup", opt={"access": "anyone"}, sync_to_thread=True)
def finish_setup(
    request: PageRequest,
    site: OurSite,
    data: URLEncodedBody[SetupForm],
) -> Reply:
    """Make the administrator and sign them in; of many at once, one succeeds."""
    require_encryption(site, scope_of(request))
    try:
        _check_token(site, request, data)
        if data.password != data.password2:
            raise Invalid(fields={"password2": ["The two passwords differ."]})
        user = create_first_admin(
            site.settings,
            site.db,
            token=data.token,
            name=data.username.strip(),
            password=data.password,
            passwords=site.passwords,
        )
    except Forbidden:
        return _page(request, data, token_ok=False, status=403)
    except Conflict:
        return redirect("/login")
    except Invalid as error:
        return _page(request, data, errors=_by_field(error), status=400)
    except Busy as error:
        reply = _page(request, data, errors={"token": error.message}, status=429)
        return reply.plus([("retry-after", str(error.retry_after_s))])
    return sign_in(site, scope_of(request), user, "/")


def _check_token(site: Site, request: PageRequest, form: SetupForm) -> None:
    """Raises Conflict when set-up is over, Forbidden for a wrong token, Busy for many of them."""
    with site.db.read() as tx:
        # Asking for this page counts against nobody then: any site can make a browser do it.
        if not is_setup_needed(tx):
            raise Conflict
    with site.logins.attempt(client_of(scope_of(request)).address, _THROTTLED_NAME):
        check_setup_token(site.settings, site.db, form.token)


def _by_field(error: Invalid) -> dict[str, str]:
    """A sentence for each field of the form."""
    names = {"name": "username"}
    found = {names.get(field, field): texts[0] for field, texts in error.fields.items() if texts}
    return found or {"password": error.message}


def _page(
    request: PageRequest,
    form: SetupForm,
    *,
    token_ok: bool = True,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Reply:
    body = render(
        "setup.html",
        client=client_of(scope_of(request)),
        token=form.token,
        token_ok=token_ok,
        username=form.username[:64],
        min_length=_LEAST_CHARACTERS,
        errors=errors or {},
    )
    return html_reply(body, status=status)
