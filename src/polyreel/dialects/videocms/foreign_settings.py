"""Settings of a VideoCMS that is imported, as the options they are here. Contract: section 17."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from polyreel.core.options import check_option
from polyreel.dialects.videocms.setting_keys import SETTINGS, Setting
from polyreel.kit.errors import Invalid

__all__ = ["ForeignSetting", "read_foreign_settings"]

# Where it is reached is this server's own matter; so is what upstream only keeps.
_OURS = frozenset({"BaseUrl", "ReloadHtml"})
# What upstream begins with where this server begins with something else: nobody chose it.
_THEIR_DEFAULTS = {
    "AppName": "VideoCMS",
    "CorsAllowCredentials": "true",
    "MaxRunningEncodes": "1",
}


@dataclass(frozen=True)
class ForeignSetting:
    """A setting and the option it is; `why` it cannot be taken, or None. `value` may be a secret."""

    name: str
    option: str
    value: Any
    why: str | None


def read_foreign_settings(texts: Mapping[str, str]) -> Sequence[ForeignSetting]:
    """What was set there, by keys in lower case without underscores; others are left out."""
    found = []
    for key, setting in SETTINGS.items():
        text = texts.get(key.replace("_", "").lower())
        if text is None or not setting.option or key in _OURS:
            continue
        if text and text != _THEIR_DEFAULTS.get(key):
            found.append(_read(key, setting, text))
    return _without_hollow_captcha(found)


def _read(key: str, setting: Setting, text: str) -> ForeignSetting:
    try:
        setting.param.check(text)
        value = check_option(setting.option, setting.read(text))
    except Invalid as error:
        # What a rule says has the key, its name and its limit in it, never the value.
        return ForeignSetting(key, setting.option, None, error.message)
    return ForeignSetting(key, setting.option, value, None)


def _without_hollow_captcha(found: list[ForeignSetting]) -> list[ForeignSetting]:
    """A captcha that cannot be made would let nobody in."""
    values = {each.name: each.value for each in found if each.why is None}
    kind = str(values.get("CaptchaType", "")).capitalize()
    keys = (f"Captcha_{kind}_PrivateKey", f"Captcha_{kind}_PublicKey")
    if not values.get("CaptchaEnabled") or (kind and all(values.get(key) for key in keys)):
        return found
    why = "the keys of its captcha are not there"
    return [
        ForeignSetting(each.name, each.option, None, why) if each.name == "CaptchaEnabled" else each
        for each in found
    ]
