"""Assembly: from settings to tools, apps and workers. The only file that knows everyone."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.exc import ArgumentError

from polyreel.core import ingest, media, upkeep, webhooks
from polyreel.core.imports import tables as _imports
from polyreel.core.ingest import tables as _ingest
from polyreel.core.library import tables as _library
from polyreel.core.media import tables as _media
from polyreel.core.options import Options, OptionsCache, read_options
from polyreel.core.options import tables as _options
from polyreel.core.pages import tables as _pages
from polyreel.core.stats import Traffic
from polyreel.core.stats import tables as _stats
from polyreel.core.users import KeyAudit
from polyreel.core.users import tables as _users
from polyreel.core.webhooks import tables as _webhooks
from polyreel.infra.ffmpeg import FFmpeg
from polyreel.infra.jobs import JobKind, JobQueue, Worker, WorkerOptions
from polyreel.infra.logs import configure_logs, flush_logs
from polyreel.infra.notify import Notifier
from polyreel.infra.outbound import Outbound, Rules, make_rules
from polyreel.infra.presence import Presence
from polyreel.infra.probe import Prober
from polyreel.infra.reach import sandbox
from polyreel.infra.secrets import Secrets
from polyreel.infra.storage import LocalStorage
from polyreel.infra.tools import Tools
from polyreel.infra.tx import Database, DatabaseUnavailable
from polyreel.settings import Settings, SettingsError, load_settings

if TYPE_CHECKING:
    from polyreel.dialects.videocms import PanelApp, RateLimits
    from polyreel.http.at_once import Site

__all__ = [
    "KINDS",
    "TABLES",
    "close_tools",
    "create_asgi",
    "list_lanes",
    "load_web",
    "make_worker",
    "open_database",
    "open_tools",
]

# Imported for what they add to the metadata, which migrations compare with.
TABLES = (_imports, _ingest, _library, _media, _options, _pages, _stats, _users, _webhooks)

# Loopback, private and link-local networks: where proxies of one's own are.
_LOCAL_NETWORKS = (
    "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
    "::1/128", "fc00::/7", "fe80::/10",
)  # fmt: skip

# So many parts at once that viewers wait for, beside what is encoded anyhow.
SOUGHT_AT_ONCE = 2

KINDS: Sequence[JobKind] = (*media.KINDS, *ingest.KINDS, *webhooks.KINDS, *upkeep.KINDS)


def open_database(settings: Settings, notifier: Notifier) -> Database:
    """The database alone; the data folder is made, for its owner alone.

    Raises SettingsError for an address that none of ours can have.
    """
    _make_folders(settings)
    try:
        return Database(
            settings.effective_database_url,
            lock_path=settings.run_dir / "db.lock",
            notifier=notifier,
            enqueuer=JobQueue(KINDS),
            recorder=webhooks.EventLog(),
        )
    except (ValueError, ArgumentError) as error:
        raise SettingsError(f"POLYREEL_DATABASE_URL: {error}") from None


def _make_folders(settings: Settings) -> None:
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings.run_dir.mkdir(exist_ok=True, mode=0o700)


def open_tools(settings: Settings) -> Tools:
    """Open everything that reaches outside; the data folder is made, for its owner alone."""
    _make_folders(settings)
    sandbox.is_on = settings.sandbox
    presence = Presence(settings.run_dir / "presence.lock")
    notifier = Notifier(settings.run_dir)
    db = open_database(settings, notifier)
    return Tools(
        settings=settings,
        db=db,
        storage=LocalStorage(settings.files_dir),
        notifier=notifier,
        ffmpeg=FFmpeg(settings.ffmpeg, nice=settings.encode_nice),
        prober=Prober(),
        secrets=Secrets(settings.secret_path),
        presence=presence,
        outbound=Outbound(_outbound_rules(settings), own_urls=lambda: _own_urls(settings, db)),
    )


def _own_urls(settings: Settings, db: Database) -> list[str]:
    """Where this server is found, as far as it was told."""
    try:
        with db.read() as tx:
            public = read_options(tx).public_url
    except DatabaseUnavailable:
        public = ""
    return [url for url in (public, settings.base_url) if url]


def _outbound_rules(settings: Settings) -> Rules:
    try:
        return make_rules(allow=settings.outbound_allow, ports=settings.outbound_ports)
    except ValueError as error:
        raise SettingsError(f"POLYREEL_OUTBOUND_ALLOW, POLYREEL_OUTBOUND_PORTS: {error}") from None


def close_tools(tools: Tools) -> None:
    """Close what `open_tools` opened."""
    tools.prober.close()
    tools.notifier.close()
    tools.db.close()
    tools.presence.close()


def list_lanes(settings: Settings, text: str) -> list[str]:
    """The lanes of a comma list. Raises SettingsError for one that does not exist, or has no slot."""
    slots = _slots(settings)
    chosen = list(dict.fromkeys(lane.strip() for lane in text.split(",") if lane.strip()))
    for lane in chosen:
        if lane not in slots:
            raise SettingsError(f"there is no lane {lane!r}; there are {', '.join(slots)}")
        if not slots[lane]:
            raise SettingsError(f"POLYREEL_WORKER_{lane.upper()}=0 leaves the lane {lane} nothing")
    if not chosen:
        raise SettingsError(f"no lane is named; there are {', '.join(slots)}")
    return chosen


def _slots(settings: Settings) -> dict[str, int]:
    return {
        "fast": settings.worker_fast,
        "encode": settings.worker_encode,
        "net": settings.worker_net,
        "light": settings.worker_light,
    }


def make_worker(tools: Tools, lanes: Sequence[str] | None = None) -> Worker:
    """The worker of this process; `lanes` None: all."""
    settings = tools.settings
    slots = _slots(settings)
    options = _options_at_start(tools)
    if slots["encode"]:
        # A machine that is to encode nothing goes on doing so, whatever an administrator chose.
        most = options.encodes_at_once or slots["encode"]
        slots["encode"] = most if options.encoding_enabled else 0
    chosen = {lane: count for lane, count in slots.items() if lanes is None or lane in lanes}
    if chosen.get("encode"):
        # Whoever encodes also makes at once what a viewer waits for.
        chosen["sought"] = SOUGHT_AT_ONCE
    return Worker(
        tools.db,
        tools.notifier,
        KINDS,
        chosen,
        tools,
        WorkerOptions(lease_s=settings.lease_s, periodic=upkeep.PERIODIC),
    )


def _make_panel(
    settings: Settings, options: OptionsCache, limits: "RateLimits"
) -> "PanelApp | None":
    from polyreel.dialects.videocms import PanelApp

    if not settings.panel_dir:
        return None
    folder = Path(settings.panel_dir).expanduser().absolute()
    if not (folder / "index.html").is_file():
        raise SettingsError(f"POLYREEL_PANEL_DIR: there is no index.html in {folder}")
    return PanelApp(folder, settings.panel_host, options, limits)


def _options_at_start(tools: Tools) -> Options:
    """The options; their defaults where the database is away, so that a process starts all the same."""
    try:
        with tools.db.read() as tx:
            return read_options(tx)
    except DatabaseUnavailable:
        return Options()


def _trusted_proxies(settings: Settings, cache: OptionsCache) -> str:
    """Networks whose word about a client is taken, by the settings and, at start, the options.

    From here on `cache` knows the options, so that the first request finds them.
    """
    try:
        options = cache.current()
    except DatabaseUnavailable:
        options = cache.last_known
    found = [settings.trusted_proxies, options.trusted_proxies]
    return ",".join(found + (list(_LOCAL_NETWORKS) if options.trust_local_traffic else []))


def load_web() -> None:
    """Load what a web process needs, and open nothing."""
    import polyreel.dialects.uploads
    import polyreel.dialects.videocms
    import polyreel.http.server
    import polyreel.web  # noqa: F401 - it is for having loaded it


def create_asgi() -> "Site":
    """The ASGI app of one web process, for the HTTP server to call; settings from the environment."""
    from polyreel.dialects import uploads, videocms
    from polyreel.dispatch import Apps, dispatch
    from polyreel.http.at_once import AtOnce, Site
    from polyreel.http.auth import Proxies
    from polyreel.http.lifespan import with_lifespan
    from polyreel.http.media import MediaApp
    from polyreel.http.media_routes import MEDIA_API
    from polyreel.http.middleware import Observer, observed
    from polyreel.http.options import public_urls
    from polyreel.http.packed import packed
    from polyreel.http.throttle import LoginThrottle
    from polyreel.web import make_app as make_web

    settings = load_settings()
    configure_logs(settings, gather=True)
    tools = open_tools(settings)
    traffic = Traffic(tools.db)
    audit = KeyAudit(tools.db)
    # Wrong passwords are counted once, whichever face they are tried at.
    logins = LoginThrottle()
    options = OptionsCache(tools.db)
    limits = videocms.RateLimits(options)
    videocms_app = videocms.make_app(tools, audit, logins=logins, options=options, limits=limits)
    uploads_app = uploads.make_app(tools, audit)
    described = (videocms_app.api, MEDIA_API, uploads_app.api)
    pages = make_web(tools, logins=logins, options=options, apis=described)
    media = MediaApp(tools, traffic, videocms.answer_media, options=options)
    apps = Apps(
        media=limits.around(media),
        uploads=uploads_app,
        videocms=videocms_app,
        web=limits.around(pages),
        panel=_make_panel(settings, options, limits),
    )

    def start() -> None:
        tools.notifier.start()
        traffic.start()
        audit.start()

    def stop() -> None:
        pages.close()
        options.close()
        traffic.close()
        audit.stop()
        close_tools(tools)
        flush_logs()

    observer = Observer(
        proxies=Proxies(_trusted_proxies(settings, options)),
        base_urls=lambda: public_urls(options, settings),
    )
    at_once = AtOnce(media, tools.storage, traffic, observer, limits.is_spared)
    return Site(with_lifespan(observed(packed(dispatch(apps)), observer), start, stop), at_once)
