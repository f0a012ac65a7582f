"""Every setting of the server: its name, type, unit, default and meaning, in one place.

A setting comes from the environment as `POLYREEL_<NAME>`, or from the command line where an option
of that name exists; the command line wins. This is the only module that reads the environment.
What an administrator changes while the server runs is not here but in `core.options`.
"""

import dataclasses
import os
import re
import sys
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from polyreel.kit.errors import AppError

__all__ = ["Settings", "SettingsError", "child_environment", "exit_code", "load_settings"]

PREFIX = "POLYREEL_"
DATABASES = ("postgresql://", "postgresql+psycopg://", "postgres://", "sqlite:///")


class SettingsError(Exception):
    """A setting that cannot be used; the message names it and says what it wants."""


def exit_code(run: Callable[[], int]) -> int:
    """That of a process which does this; an error that a person can act on is one line and 1."""
    try:
        return run()
    except (AppError, SettingsError) as error:
        sys.stderr.write(f"polyreel: {error}\n")
        return 1


def _setting(default: Any, doc: str, *, secret: bool = False) -> Any:
    return field(default=default, metadata={"doc": doc, "secret": secret})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The effective settings of one process; made once by `load_settings` and handed on."""

    data_dir: Path = _setting(
        Path(),
        "Folder of everything the server keeps: database, media, secrets. Default: "
        "/var/lib/polyreel for root, else ~/.local/share/polyreel.",
    )
    host: str = _setting("127.0.0.1", "Address to listen on; 0.0.0.0 for every interface.")
    port: int = _setting(8080, "TCP port to listen on.")
    base_url: str = _setting(
        "",
        "Public address of the server, such as https://video.example.org; empty: taken from each "
        "request. Needed behind a proxy that ends TLS.",
    )
    database_url: str = _setting(
        "",
        "Address of the database, such as postgresql://user:password@host/name; empty: SQLite in the "
        "data folder.",
        secret=True,
    )
    ffmpeg: str = _setting("", "Path of an ffmpeg to use instead of the packaged one.")
    sandbox: bool = _setting(
        True,
        "Keep programs that read foreign files from all other files and from the network; turn it off "
        "where a driver or an ffmpeg in an unusual place needs more. `polyreel doctor` tells what holds.",
    )
    log_format: typing.Literal["text", "json"] = _setting(
        "text", "`text` for people, `json` for log collectors."
    )
    log_level: typing.Literal["debug", "info", "warning", "error"] = _setting(
        "info", "Least level that is logged."
    )
    web_processes: int = _setting(1, "HTTP server processes of `polyreel serve`.")
    worker_fast: int = _setting(4, "Short jobs (probe, publish, images) at once per worker.")
    worker_encode: int = _setting(1, "Encoding jobs at once per worker; each uses every core.")
    worker_net: int = _setting(2, "Downloads at once per worker.")
    worker_light: int = _setting(4, "Small jobs (clean-up, webhooks) at once per worker.")
    encode_threads: int = _setting(
        0,
        "Threads of each encoder; 0: so many that the heights of one film together fill the cores.",
    )
    encode_nice: int = _setting(
        10,
        "How far encoding gives way to other programs, 0 to 19. What makes a film playable does not.",
    )
    lease_s: float = _setting(30.0, "Seconds a job's lease lasts without being renewed.")
    trusted_proxies: str = _setting(
        "",
        "Comma list of addresses or networks whose X-Forwarded-For and X-Forwarded-Proto count.",
    )
    require_https: bool = _setting(False, "Refuse to sign people in over plain HTTP.")
    embed_allowed: bool = _setting(True, "Let other sites show the player page in a frame.")
    upload_max_bytes: int = _setting(0, "Largest upload in bytes; 0: as long as the disk has room.")
    min_free_bytes: int = _setting(
        512 * 1024 * 1024, "Uploads are refused when less than this would stay free on the disk."
    )
    outbound_allow: str = _setting(
        "",
        "Comma list of networks that may be asked although they are not public, such as "
        "192.168.1.0/24 for downloads from a NAS; anyone who may download can then reach them.",
    )
    outbound_ports: str = _setting(
        "80,443,1024-65535", "Comma list of ports, and ranges of them, that other servers may have."
    )
    panel_dir: str = _setting(
        "", "Folder with a built VideoCMS panel that is to be served; empty: none."
    )
    panel_host: str = _setting(
        "",
        "Host name the panel has for itself, such as panel.example.org; empty: it is at /, and the pages "
        "of this server at /library.",
    )
    uploads_create_folders: bool = _setting(
        False, "Uploads API: create the folder of an upload when it does not exist."
    )

    @property
    def has_panel_at_root(self) -> bool:
        """Whether / is somebody else's, so that the pages of this server are at /library."""
        return bool(self.panel_dir) and not self.panel_host

    @property
    def files_dir(self) -> Path:
        """Where media and uploads lie."""
        return self.data_dir / "files"

    @property
    def run_dir(self) -> Path:
        """Sockets and locks of the running processes."""
        return self.data_dir / "run"

    @property
    def secret_path(self) -> Path:
        """The file of the root secret."""
        return self.data_dir / "secret.key"

    @property
    def effective_database_url(self) -> str:
        """The database URL, with the default filled in."""
        return self.database_url or f"sqlite:///{self.data_dir / 'polyreel.db'}"

    def shown(self) -> list[tuple[str, str, str]]:
        """(environment name, value with secrets masked, meaning) of every setting."""
        rows = []
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            text = "********" if item.metadata["secret"] and value else str(value)
            rows.append((PREFIX + item.name.upper(), text, str(item.metadata["doc"])))
        return rows


def _default_data_dir() -> Path:
    if os.geteuid() == 0:
        return Path("/var/lib/polyreel")
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "polyreel"


def _parse(name: str, text: str, kind: Any) -> Any:
    if kind is Path:
        return Path(text)
    try:
        return msgspec.convert(text.strip(), kind, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{PREFIX}{name.upper()}={text!r}: {error}") from None


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment, then `overrides` (None means: not given).

    Raises SettingsError for a value of the wrong type, or a POLYREEL_ variable that is none of ours.
    """
    hints = typing.get_type_hints(Settings)
    names = {item.name for item in dataclasses.fields(Settings)}
    values: dict[str, Any] = {}
    for variable, text in os.environ.items():
        if not variable.startswith(PREFIX) or variable.startswith(PREFIX + "TEST_"):
            continue
        name = variable[len(PREFIX) :].lower()
        if name not in names:
            raise SettingsError(f"{variable} is not a setting; `polyreel settings` lists them")
        values[name] = _parse(name, text, hints[name])
    values.update({name: value for name, value in overrides.items() if value is not None})
    if not values.get("data_dir"):
        values["data_dir"] = _default_data_dir()
    values["data_dir"] = Path(values["data_dir"]).expanduser().absolute()
    values["base_url"] = str(values.get("base_url", "")).rstrip("/")
    settings = Settings(**values)
    _check_ranges(settings)
    return settings


def _check_ranges(settings: Settings) -> None:
    least = types.MappingProxyType(
        {"web_processes": 1, "worker_fast": 0, "worker_encode": 0, "worker_net": 0,
         "worker_light": 0, "encode_threads": 0, "upload_max_bytes": 0, "min_free_bytes": 0}
    )  # fmt: skip
    for name, lowest in least.items():
        if getattr(settings, name) < lowest:
            raise SettingsError(f"{PREFIX}{name.upper()} must be at least {lowest}")
    if not 0 <= settings.port <= 65535:
        raise SettingsError(f"{PREFIX}PORT must be between 0 and 65535")
    if not 0 <= settings.encode_nice <= 19:
        raise SettingsError(f"{PREFIX}ENCODE_NICE must be between 0 and 19")
    if settings.lease_s < 1:
        raise SettingsError(f"{PREFIX}LEASE_S must be at least 1")
    if settings.database_url and not settings.database_url.startswith(DATABASES):
        raise SettingsError(f"{PREFIX}DATABASE_URL must begin with postgresql:// or sqlite:///")
    if not re.fullmatch(r"[A-Za-z0-9.-]*", settings.panel_host):
        raise SettingsError(f"{PREFIX}PANEL_HOST must be a name alone, such as panel.example.org")
    if settings.base_url and not settings.base_url.startswith(("http://", "https://")):
        raise SettingsError(f"{PREFIX}BASE_URL must begin with http:// or https://")


def child_environment(settings: Settings | None = None) -> dict[str, str]:
    """The environment for a child process: ours when `settings` is given, else a bare minimum.

    Programs that read foreign bytes get the bare one, so no secret is ever in their reach.
    """
    keep = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH")
    bare = {name: os.environ[name] for name in keep if name in os.environ}
    if settings is None:
        return bare
    own = {k: v for k, v in os.environ.items() if k.startswith(PREFIX + "TEST_")}
    more = {k: os.environ[k] for k in ("HOME", "USER", "PYTHONPATH") if k in os.environ}
    given = {}
    for item in dataclasses.fields(settings):
        value = getattr(settings, item.name)
        if value != item.default or item.name == "data_dir":
            given[PREFIX + item.name.upper()] = (
                str(value).lower() if isinstance(value, bool) else str(value)
            )
    return {**bare, **more, **own, **given}
