"""The command line: serve, look after and fill a server. See `polyreel --help`."""

import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from polyreel import __version__, starting
from polyreel.app import KINDS, close_tools, open_tools
from polyreel.core.ingest import add_file
from polyreel.core.library import Video, find_folder_by_path, get_video
from polyreel.core.upkeep import sweep_files
from polyreel.core.users import (
    PASSWORDS,
    Actor,
    actor_of,
    create_key,
    create_user,
    ensure_derived_key,
    find_user_by_name,
    set_password,
)
from polyreel.importing import make_import_app
from polyreel.infra.doctor import inspect
from polyreel.infra.jobs import JobQueue
from polyreel.infra.logs import configure_logs
from polyreel.infra.migrate import upgrade
from polyreel.infra.move import MoveRefused, move
from polyreel.infra.notify import Notifier
from polyreel.infra.presence import Presence
from polyreel.infra.tools import Tools
from polyreel.infra.tx import Database, Tx
from polyreel.kit.errors import NotFound
from polyreel.kit.units import format_bytes
from polyreel.option_command import make_option_app
from polyreel.settings import Settings, load_settings
from polyreel.starting import DataDir

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.registered_commands += starting.app.registered_commands
user_app = typer.Typer(no_args_is_help=True, help="Accounts.")
key_app = typer.Typer(no_args_is_help=True, help="API keys.")
db_app = typer.Typer(no_args_is_help=True, help="The database.")
app.add_typer(user_app, name="user")
app.add_typer(key_app, name="key")
app.add_typer(db_app, name="db")

out = Console(highlight=False, soft_wrap=True)


@contextmanager
def _opened(data_dir: Path | None) -> Iterator[Tools]:
    settings = load_settings(data_dir=data_dir)
    configure_logs(settings)
    tools = open_tools(settings)
    try:
        upgrade(tools.db)
        yield tools
    finally:
        close_tools(tools)


app.add_typer(make_option_app(_opened, out), name="option")
app.add_typer(make_import_app(_opened, out), name="import")


@app.command()
def version() -> None:
    """Print the version."""
    out.print(__version__)


@app.command()
def settings(data_dir: DataDir = None) -> None:
    """Print the effective settings, secrets masked."""
    for name, value, meaning in load_settings(data_dir=data_dir).shown():
        out.print(f"[bold]{name}[/]={escape(value)}")
        out.print(f"    {escape(meaning)}", style="dim")


@app.command()
def doctor(
    do_sweep: Annotated[
        bool, typer.Option("--sweep", help="Remove files that no row names.")
    ] = False,
    min_age: Annotated[
        float, typer.Option(help="With --sweep: spare files younger than this, in seconds.")
    ] = 86_400,
    data_dir: DataDir = None,
) -> None:
    """Look at what the server needs; with --sweep, compare its files with its rows."""
    table = Table(box=None, show_header=False, pad_edge=False)
    good = True
    for check in inspect(load_settings(data_dir=data_dir)):
        mark = "[green]ok[/]" if check.ok else "[red]!![/]"
        table.add_row(mark, check.name, escape(check.value), f"[dim]{escape(check.note)}[/]")
        good = good and check.ok
    out.print(table)
    if do_sweep:
        with _opened(data_dir) as tools:
            report = sweep_files(tools.db, tools.storage, min_age_s=min_age)
        for key in report.removed:
            out.print(f"removed: {key}")
        for key in report.missing:
            out.print(f"[red]missing:[/] {key}")
        out.print(
            f"{len(report.removed)} files without a row removed "
            f"({format_bytes(report.removed_bytes)}), {len(report.missing)} rows without a file"
        )
        good = good and not report.missing
    raise typer.Exit(0 if good else 1)


@user_app.command("add")
def user_add(
    name: str,
    admin: Annotated[bool, typer.Option("--admin", help="May do everything.")] = False,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Make an account."""
    hashed = PASSWORDS.hash(_asked_password(password_stdin))
    with _opened(data_dir) as tools, tools.db.write() as tx:
        create_user(tx, name, password=hashed, is_admin=admin)
    out.print(f"{name} has an account{' as administrator' if admin else ''}.", markup=False)


@user_app.command("password")
def user_password(
    name: str,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Give an account another password; it is signed out everywhere."""
    hashed = PASSWORDS.hash(_asked_password(password_stdin))
    with _opened(data_dir) as tools, tools.db.write() as tx:
        set_password(tx, _actor(tx, name).user_id, hashed)
    out.print(f"{name} has another password.", markup=False)


def _asked_password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))


@key_app.command("add")
def key_add(
    user: str,
    key_for: Annotated[
        Literal["videocms", "uploads", "tubearchivist", "optimized"],
        typer.Option("--for", help="The API the key is for."),
    ],
    name: Annotated[str, typer.Option(help="What to call it in lists.")] = "command line",
    data_dir: DataDir = None,
) -> None:
    """Make an API key and print it, this once, as the last word of the line."""
    with _opened(data_dir) as tools, tools.db.write() as tx:
        actor = _actor(tx, user)
        if key_for == "tubearchivist":
            made = ensure_derived_key(tx, tools.secrets, actor)
        else:
            made = create_key(tx, actor, key_for, name=name)
    out.print(f"Key of {user} for {key_for}: {made.text}", markup=False)


def _actor(tx: Tx, name: str) -> Actor:
    user = find_user_by_name(tx, name)
    if user is None:
        raise NotFound(f"There is no account called {name}.")
    return actor_of(user)


@app.command()
def add(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    user: Annotated[str, typer.Option(help="Whose video it shall be.")],
    folder: Annotated[str, typer.Option(help="Folder path, such as holidays/2026.")] = "",
    wait: Annotated[
        Literal["playable", "ready"] | None, typer.Option(help="Return when it is that far.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Copy a file of this machine in."""
    with _opened(data_dir) as tools:
        with tools.db.read() as tx:
            actor = _actor(tx, user)
            folder_id = _folder_id(tx, actor, folder)
        with _bar("Copying") as report:
            video = add_file(
                tools.db, tools.storage, actor, file, folder_id=folder_id, report=report
            )
        if wait:
            video = _wait(tools, actor, video, wait)
        out.print(f"{video.name}: {video.state}  /v/{video.uuid}", markup=False)
    if video.state == "failed":
        raise NotFound(video.message or "The file could not be made playable.")


def _folder_id(tx: Tx, actor: Actor, path: str) -> int | None:
    names = [part for part in path.split("/") if part]
    if not names:
        return None
    folder = find_folder_by_path(tx, actor, names)
    if folder is None:
        raise NotFound(f"There is no folder {path}.")
    return folder.id


def _wait(tools: Tools, actor: Actor, video: Video, wanted: str) -> Video:
    with _bar("Waiting") as report:
        while True:
            with tools.db.read() as tx:
                video = get_video(tx, actor, video.id)
            report(video.progress)
            if video.has_ended or (wanted == "playable" and video.is_playable):
                return video
            time.sleep(0.2)


@contextmanager
def _bar(label: str) -> Iterator[Callable[[float], None]]:
    columns = (SpinnerColumn(), TextColumn(label), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(label, total=1.0)
        yield lambda done: progress.update(task, completed=done)


@db_app.command("move")
def db_move(
    to: Annotated[
        str, typer.Option(help="Address of the new database: postgresql://... or sqlite:///...")
    ],
    do_upgrade: Annotated[
        bool, typer.Option("--upgrade", help="Bring the present database up to date first.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Copy the whole database into another, empty one, and prove that both are equal.

    The server must be stopped, on every machine. The present database stays as it is.
    """
    settings = load_settings(data_dir=data_dir)
    configure_logs(settings)
    _check_addresses(settings, to)
    with (
        _held_alone(settings),
        _database(settings, settings.effective_database_url) as source,
        _database(settings, to) as target,
        _bar("Moving") as report,
    ):
        moved = move(source, target, upgrade_source=do_upgrade, report=report)
    table = Table(box=None, pad_edge=False)
    for heading in ("table", "rows", "sha256"):
        table.add_column(heading, justify="right" if heading == "rows" else "left")
    for one in moved:
        table.add_row(one.table, str(one.rows), one.digest[:12])
    out.print(table)
    out.print(f"{sum(one.rows for one in moved)} rows moved; both databases are equal.")
    if make_url(to) == make_url(Settings(data_dir=settings.data_dir).effective_database_url):
        out.print("Next: start Polyreel without POLYREEL_DATABASE_URL.")
    else:
        out.print("Next: set POLYREEL_DATABASE_URL to that address, in every place, and start.")


def _check_addresses(settings: Settings, to: str) -> None:
    """Raises MoveRefused for addresses that cannot be moved between; makes nothing."""
    try:
        source, target = make_url(settings.effective_database_url), make_url(to)
    except ArgumentError:
        raise MoveRefused(
            "That is no address of a database; such are postgresql://user:password@host/name "
            "and sqlite:////folder/file.db."
        ) from None
    if source == target:
        raise MoveRefused("Source and target are the same database.")
    if source.get_backend_name() != "sqlite":
        return
    if not source.database or not Path(source.database).is_file():
        raise MoveRefused(f"There is no database at {source.database}: nothing to move.")
    if target.get_backend_name() == "sqlite" and target.database:
        file = Path(target.database)
        if file.exists() and file.samefile(source.database):
            raise MoveRefused("Source and target are the same database.")


@contextmanager
def _held_alone(settings: Settings) -> Iterator[None]:
    """The data folder, with nobody else in it until the block ends."""
    if not settings.run_dir.is_dir():
        raise MoveRefused(
            f"{settings.data_dir} is no data folder of Polyreel; --data-dir names it."
        )
    presence = Presence(settings.run_dir / "presence.lock")
    try:
        with presence.alone() as is_alone:
            if not is_alone:
                raise MoveRefused(
                    f"The source is in use: a process of Polyreel has {settings.data_dir} open. "
                    "Stop it first."
                )
            yield
    finally:
        presence.close()


@contextmanager
def _database(settings: Settings, url: str) -> Iterator[Database]:
    # A lock of its own: two SQLite files are written to in one process.
    lock = settings.run_dir / f"move-{secrets.token_hex(4)}.lock"
    notifier = Notifier(settings.run_dir)
    try:
        db = _opened_at(url, lock, notifier)
        try:
            yield db
        finally:
            db.close()
    finally:
        notifier.close()
        lock.unlink(missing_ok=True)


def _opened_at(url: str, lock: Path, notifier: Notifier) -> Database:
    try:
        return Database(url, lock_path=lock, notifier=notifier, enqueuer=JobQueue(KINDS))
    except (ValueError, OSError) as error:
        raise MoveRefused(f"{make_url(url).render_as_string()}: {error}") from None
