"""Captchas: whether a token that a browser was given stands for a person, asked of who gave it."""

from dataclasses import dataclass
from urllib.parse import urlencode

import msgspec

from polyreel.core.options import Options
from polyreel.infra.outbound import BadAddress, BadAnswer, Limits, Outbound
from polyreel.kit.errors import Invalid, Unavailable

__all__ = ["LONGEST_CAPTCHA", "CaptchaFailed", "captcha_field", "check_captcha"]

LONGEST_CAPTCHA = 1500
_LIMITS = Limits(connect_s=3, idle_s=5, total_s=5, body_bytes=64 * 1024)
_FORM = {"content-type": "application/x-www-form-urlencoded"}


class CaptchaFailed(Invalid):
    """The token is missing, used up, too old, or none."""

    default = "The captcha was not solved; please try again."


@dataclass(frozen=True)
class _Provider:
    """Where tokens are checked, and what browsers send them as."""

    address: str
    field: str
    wants_address: bool = False


_PROVIDERS = {
    "recaptcha": _Provider(
        "https://www.google.com/recaptcha/api/siteverify", "g-recaptcha-response"
    ),
    "hcaptcha": _Provider("https://api.hcaptcha.com/siteverify", "h-captcha-response"),
    "turnstile": _Provider(
        "https://challenges.cloudflare.com/turnstile/v0/siteverify",
        "cf-turnstile-response",
        wants_address=True,
    ),
}


class _Verdict(msgspec.Struct):
    success: bool = False


def captcha_field(options: Options) -> str | None:
    """The name of the form's field that carries the token; None while captchas are switched off.

    Raises Unavailable when they are on and nobody is named who makes them.
    """
    if not options.captcha_enabled:
        return None
    return _provider(options).field


def check_captcha(outbound: Outbound, options: Options, token: str, *, client_ip: str) -> None:
    """Return when the token stands for a solved captcha, or captchas are switched off.

    Each token is good once. Raises CaptchaFailed; Unavailable when who made it does not answer.
    """
    if not options.captcha_enabled:
        return
    provider = _provider(options)
    if not token or len(token) > LONGEST_CAPTCHA:
        raise CaptchaFailed
    secret = getattr(options, f"{options.captcha_type}_private_key")
    fields = {"secret": secret, "response": token}
    if provider.wants_address and client_ip:
        fields["remoteip"] = client_ip
    try:
        found = outbound.post(
            provider.address, urlencode(fields).encode(), headers=_FORM, limits=_LIMITS
        )
        verdict = msgspec.json.decode(found.body, type=_Verdict)
    except (msgspec.DecodeError, UnicodeDecodeError, BadAddress, BadAnswer):
        raise Unavailable("The captcha service") from None
    if found.status != 200:
        raise Unavailable("The captcha service")
    if not verdict.success:
        raise CaptchaFailed


def _provider(options: Options) -> _Provider:
    found = _PROVIDERS.get(options.captcha_type)
    if found is None or not getattr(options, f"{options.captcha_type}_private_key"):
        raise Unavailable("The captcha service")
    return found
