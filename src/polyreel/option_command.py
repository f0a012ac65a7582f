"""`polyreel option`: what an administrator may change while the server runs, from the command line."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec
import typer
from rich.console import Console
from rich.markup import escape

from polyreel.core.ingest import follow_options
from polyreel.core.options import OPTIONS, check_option, read_options, set_option
from polyreel.infra.tools import Tools
from polyreel.kit.errors import Invalid
from polyreel.starting import DataDir

__all__ = ["make_option_app"]

Opened = Callable[[Path | None], AbstractContextManager[Tools]]
_MASK = "********"


def make_option_app(opened: Opened, out: Console) -> typer.Typer:
    """The commands `list` and `set`, on the server that `opened` opens."""
    option_app = typer.Typer(no_args_is_help=True, help="Options of the running server.")

    @option_app.command("list")
    def list_them(data_dir: DataDir = None) -> None:
        """Print every option, secrets masked."""
        with opened(data_dir) as tools, tools.db.read() as tx:
            options = read_options(tx)
        for name, option in OPTIONS.items():
            value = getattr(options, name)
            out.print(f"[bold]{name}[/]={escape(_MASK if option.secret and value else str(value))}")
            out.print(f"    {escape(option.doc)}", style="dim")

    @option_app.command("set")
    def set_one(name: str, value: str, data_dir: DataDir = None) -> None:
        """Change one option; every process of the server knows within a second."""
        with opened(data_dir) as tools, tools.db.write() as tx:
            set_option(tx, None, name, _read(name, value))
            follow_options(tx)

    return option_app


def _read(name: str, text: str) -> object:
    """The text as the option's type. Raises Invalid."""
    option = OPTIONS.get(name)
    if option is None:
        raise Invalid(f"There is no option {name!r}; `polyreel option list` shows them.")
    try:
        return check_option(name, msgspec.convert(text, option.type, strict=False))
    except msgspec.ValidationError as error:
        raise Invalid(f"{name} cannot be {text!r}: {error}.") from None
    except Invalid as error:
        sentences = " ".join(each for texts in error.fields.values() for each in texts)
        raise Invalid(f"{name} cannot be {text!r}: {sentences}") from None
