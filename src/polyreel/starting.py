"""The commands that start a server, or one of its processes. They load next to nothing: who starts a server
waits for what they load.
"""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from polyreel.settings import Settings, child_environment, load_settings

__all__ = ["DataDir", "app"]

DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="The server's folder (POLYREEL_DATA_DIR).")
]
Host = Annotated[str | None, typer.Option(help="Address to listen on.")]
Port = Annotated[int | None, typer.Option(help="Port to listen on.")]

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.command()
def serve(host: Host = None, port: Port = None, data_dir: DataDir = None) -> None:
    """Run the whole server: web and worker processes, supervised."""
    _become(load_settings(data_dir=data_dir, host=host, port=port), "server")


@app.command()
def web(host: Host = None, port: Port = None, data_dir: DataDir = None) -> None:
    """Run only the web processes."""
    _become(load_settings(data_dir=data_dir, host=host, port=port), "alone", "web")


@app.command()
def worker(
    lanes: Annotated[
        str | None, typer.Option(help="Comma list of fast, encode, net, light; default all.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Run only a worker process."""
    settings = load_settings(data_dir=data_dir)
    chosen: list[str] = []
    if lanes is not None:
        from polyreel.app import list_lanes

        chosen = list_lanes(settings, lanes)
    _become(settings, "alone", "worker", *chosen)


def _become(settings: Settings, *process: str) -> None:
    """Go on as a process without the libraries of the command line."""
    arguments = [sys.executable, "-m", "polyreel", "process", *process]
    os.execve(sys.executable, arguments, child_environment(settings))  # noqa: S606 - our own
