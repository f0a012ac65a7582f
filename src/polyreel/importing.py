"""How an import is told at the command line: a bar while it goes, a table and sentences at its end."""

from collections.abc import Mapping, Sequence
from pathlib import Path

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

__all__ = ["SOME_LEFT", "run_import", "videocms_settings"]

SOME_LEFT = 3
"""Exit code: it went to its end, and some things could not come over."""

_MOST_SHOWN = 60
_LONGEST_NAME = 40


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
