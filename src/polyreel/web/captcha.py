"""/captcha/: a viewer shows to be a person before the player comes. Contract of the VideoCMS API, 3.

The one page that loads a script of somebody else: that of the provider an administrator chose.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from litestar import get, post
from litestar.params import RawBody

from polyreel.core import users
from polyreel.core.options import Options
from polyreel.http.auth import header
from polyreel.http.multipart import text_parts
from polyreel.http.operations import Parameter
from polyreel.http.player import captcha_cookie
from polyreel.http.throttle import network_of
from polyreel.kit.errors import Busy, Invalid, Unavailable
from polyreel.kit.ids import parse_uuid
from polyreel.web.asking import PageRequest, client_of, scope_of
from polyreel.web.operations import told
from polyreel.web.render import render
from polyreel.web.replies import PageClass, Reply, html_reply, redirect
from polyreel.web.site import OurSite, Site

__all__ = ["challenge_address", "show_challenge", "verify_challenge"]

_MOST_FIELDS = 50
_LARGEST_FORM_BYTES = 64 * 1024

_UUID = {"type": "string", "format": "uuid"}
_VIDEO = Parameter(name="uuid", place="query", schema=_UUID, note="Before which video.")
_TOKENS = ("g-recaptcha-response", "h-captcha-response", "cf-turnstile-response")
_FORM = {
    "type": "object",
    "properties": {"uuid": _UUID, **{name: {"type": "string"} for name in _TOKENS}},
    "required": ["uuid"],
}
_FORMS = dict.fromkeys(("application/x-www-form-urlencoded", "multipart/form-data"), _FORM)


@dataclass(frozen=True)
class _Widget:
    """What a provider wants of a page: its script, the class of the box, who is let in for it."""

    script: str
    box: str
    sources: tuple[str, ...]
    reads_elsewhere: bool = True


_WIDGETS: Mapping[str, _Widget] = {
    "recaptcha": _Widget(
        "https://www.google.com/recaptcha/api.js",
        "g-recaptcha",
        ("https://www.google.com/recaptcha/", "https://www.gstatic.com/recaptcha/"),
    ),
    "hcaptcha": _Widget(
        "https://js.hcaptcha.com/1/api.js",
        "h-captcha",
        ("https://hcaptcha.com", "https://*.hcaptcha.com"),
    ),
    "turnstile": _Widget(
        "https://challenges.cloudflare.com/turnstile/v0/api.js",
        "cf-turnstile",
        ("https://challenges.cloudflare.com",),
        reads_elsewhere=False,
    ),
}


def challenge_address(uuid: str) -> str:
    """Where a viewer of this video solves a captcha; `uuid` is checked already."""
    return f"/captcha/challenge?uuid={uuid}"


@get(
    "/captcha/challenge",
    opt={"access": "anyone", **told("Captcha", 303, parameters=(_VIDEO,))},
    sync_to_thread=True,
)
def show_challenge(request: PageRequest, site: OurSite) -> Reply:
    """The captcha. Who names no video goes to the start; who need not solve one, to the player."""
    uuid = parse_uuid(request.query_params.get("uuid", ""))
    if uuid is None:
        return redirect("/")
    options = site.options
    if users.captcha_field(options) is None:
        return redirect(f"/v/{uuid}")
    return _page(site, options, uuid)


@post(
    "/captcha/verify",
    opt={"access": "anyone", **told("Captcha", 303, 400, gives={}, takes=_FORMS)},
    sync_to_thread=True,
)
def verify_challenge(request: PageRequest, site: OurSite, body: RawBody) -> Reply:
    """Check what was solved, and let the viewer's address pass for 20 minutes."""
    scope = scope_of(request)
    fields = _fields(header(scope["headers"], "content-type") or "", body)
    uuid = parse_uuid(fields.get("uuid", ""))
    if uuid is None:
        return redirect("/")
    client, options = client_of(scope), site.options
    field = users.captcha_field(options)
    if field is None:
        # Captchas are switched off: there is nothing to solve, and no page to solve it on.
        return redirect(f"/v/{uuid}")
    token = fields.get(field, "") or request.query_params.get(field, "")
    try:
        site.captchas.take(network_of(client.address))
        users.check_captcha(site.tools.outbound, options, token, client_ip=client.address)
    except users.CaptchaFailed as error:
        return _page(site, options, uuid, error=error.message, status=400)
    except Busy as error:
        reply = _page(site, options, uuid, error=error.message, status=429)
        return reply.plus([("retry-after", str(error.retry_after_s))])
    except Unavailable as error:
        sentence = "The captcha cannot be checked at the moment. Please try again soon."
        reply = _page(site, options, uuid, error=sentence, status=503)
        return reply.plus([("retry-after", str(error.retry_after_s))])
    passed = captcha_cookie(site.tools.secrets, client)
    return redirect(f"/v/{uuid}").plus([("set-cookie", passed)])


def _page(
    site: Site, options: Options, uuid: str, *, error: str | None = None, status: int = 200
) -> Reply:
    # Without a provider that can be asked this is Unavailable.
    users.captcha_field(options)
    widget = _WIDGETS[options.captcha_type]
    body = render(
        "captcha.html",
        uuid=uuid,
        error=error,
        widget=widget,
        site_key=getattr(options, f"{options.captcha_type}_public_key"),
    )
    allowed = " ".join(widget.sources)
    sources = {"script-src": allowed, "frame-src": allowed, "style-src": "'unsafe-inline'"}
    if widget.reads_elsewhere:
        sources |= {"style-src": f"'unsafe-inline' {allowed}", "connect-src": allowed}
        sources |= {"img-src": allowed}
    # In a frame of another site the captcha stands where the player will.
    page: PageClass = "embed" if site.settings.embed_allowed else "plain"
    return html_reply(body, status=status, page=page, sources=sources)


def _fields(content_type: str, body: bytes) -> dict[str, str]:
    """The texts of a small form or JSON object; of what is neither, none."""
    kind = content_type.partition(";")[0].strip().lower()
    if len(body) > _LARGEST_FORM_BYTES:
        return {}
    try:
        if kind == "application/json":
            given: Any = msgspec.json.decode(body)
            found = given.items() if isinstance(given, dict) else ()
            return {name: text for name, text in found if isinstance(text, str)}
        if kind == "multipart/form-data":
            return dict(text_parts(content_type, body))
        return dict(parse_qsl(body.decode("latin-1"), max_num_fields=_MOST_FIELDS))
    except (ValueError, RecursionError, Invalid):
        return {}
