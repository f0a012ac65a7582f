"""`polyreel import`: a bar while it goes, a table and sentences at its end."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from polyreel.core.imports import (
    KINDS,
    Left,
    Report,
    Setting,
    Watch,
    Wishes,
    import_videocms,
)
from polyreel.infra.tools import Tools
from polyreel.kit.units import format_bytes

__all__ = ["SOME_LEFT", "make_import_app", "run_import", "videocms_settings"]

SOME_LEFT = 3
"""Exit code: it went to its end, and some things could not come over."""

_MOST_SHOWN = 60
_LONGEST_NAME = 40


Opener = Callable[[Path | None], AbstractContextManager[Tools]]


class _Bar(Watch):
    """Bytes of films, on standard error."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("Reading", total=None)

    def begin(self, total: int) -> None:
        """The bar has a length from now on."""
        self._progress.update(self._task, total=total, completed=0)

    def advance(self, done: int, what: str) -> None:
        """It is that much longer."""
        shown = what if len(what) <= _LONGEST_NAME else what[: _LONGEST_NAME - 1] + "…"
        self._progress.update(self._task, advance=done, description=escape(shown))


def make_import_app(opened: Opener, out: Console) -> typer.Typer:
    """The commands below `polyreel import`."""
    app = typer.Typer(no_args_is_help=True)

    # With one command alone and without this, its name would be left out.
    @app.callback()
    def _commands() -> None:
        """Take over what another server has."""

    @app.command("videocms")
    def _videocms(  # noqa: PLR0913 - one option each
        database: Annotated[
            Path, typer.Option(exists=True, dir_okay=False, help="Its database, a SQLite file.")
        ],
        media: Annotated[
            Path, typer.Option(exists=True, file_okay=False, help="Its folder `videos`.")
        ],
        uploads: Annotated[
            Path | None,
            typer.Option(exists=True, file_okay=False, help="Its originals, if not in `videos`."),
        ] = None,
        link: Annotated[
            bool, typer.Option("--link", help="Share the originals' bytes, do not copy them.")
        ] = False,
        move: Annotated[
            bool, typer.Option("--move", help="Take away there what is safe here.")
        ] = False,
        same_people: Annotated[
            bool, typer.Option("--same-people", help="Equal names are the same person.")
        ] = False,
        settings_too: Annotated[
            bool, typer.Option("--settings/--no-settings", help="Take over its settings.")
        ] = True,
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Only tell what would come over.")
        ] = False,
        report: Annotated[
            Path | None, typer.Option(help="File for all that is told at the end.")
        ] = None,
        data_dir: Annotated[
            Path | None, typer.Option(help="The server's folder (POLYREEL_DATA_DIR).")
        ] = None,
    ) -> None:
        """Take over a VideoCMS: people, folders, videos under their addresses, settings.

        Started again it goes on where it was. Exit code 3: some things could not come over.
        """
        if link and move:
            raise typer.BadParameter("--link and --move exclude each other.")
        wishes = Wishes(
            database=database,
            media=media,
            uploads=uploads,
            how="move" if move else "link" if link else "copy",
            same_people=same_people,
            read_settings=videocms_settings if settings_too else None,
            is_dry_run=dry_run,
        )
        with opened(data_dir) as tools:
            code = run_import(tools, wishes, out, report_to=report)
        raise typer.Exit(code)

    return app


def run_import(tools: Tools, wishes: Wishes, out: Console, *, report_to: Path | None) -> int:
    """Import, and tell how it went; the exit code. Every sentence goes to the file `report_to`."""
    columns = (
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), DownloadColumn(),
        TransferSpeedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        report = import_videocms(tools, wishes, _Bar(progress))
    _tell(out, report, is_dry_run=wishes.is_dry_run)
    if report_to is not None:
        lines = [_line(each) for each in (*report.left, *report.notes)]
        report_to.write_text("".join(f"{line}\n" for line in lines))
    return 0 if report.is_complete else SOME_LEFT


def videocms_settings(texts: Mapping[str, str]) -> Sequence[Setting]:
    """What was set there, as the options of this server."""
    # With it come the libraries of a web server, which no other command needs.
    from polyreel.dialects.videocms.foreign_settings import read_foreign_settings

    return [
        Setting(each.name, each.option, each.value, each.why)
        for each in read_foreign_settings(texts)
    ]


def _tell(out: Console, report: Report, *, is_dry_run: bool) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for heading in ("would come" if is_dry_run else "came", "here before", "left out"):
        table.add_column(heading, justify="right")
    for kind in KINDS:
        counts = (report.came[kind], report.before[kind], report.left_of(kind))
        table.add_row(kind, *map(str, counts))
    out.print(table)
    _tell_some(out, "Left out:", report.left)
    _tell_some(out, "Not as it was:", report.notes)
    size = format_bytes(report.moved_bytes)
    if is_dry_run:
        out.print(f"Nothing was written. {size} of films would come over.")
    elif report.is_complete:
        out.print(f"Everything came over; {size} of films.")
    else:
        out.print(f"{size} of films came over. The same command again tries what was left out.")


def _tell_some(out: Console, heading: str, what: Sequence[Left]) -> None:
    if not what:
        return
    out.print(heading)
    for each in what[:_MOST_SHOWN]:
        out.print(f"  {_line(each)}", markup=False)
    if len(what) > _MOST_SHOWN:
        out.print(f"  and {len(what) - _MOST_SHOWN} more: --report FILE writes all of them")


def _line(each: Left) -> str:
    return f"{each.kind}: {each.what}: {each.why}"
