"""The product's own tools on a server's data folder, for what no API tells or does."""

from collections.abc import Iterator
from contextlib import contextmanager

from polyreel.app import close_tools, open_tools
from polyreel.infra.tools import Tools
from polyreel.settings import load_settings
from tests.server import Server


@contextmanager
def opened(server: Server) -> Iterator[Tools]:
    """Tools on the data of a server, running or not."""
    url = server.environment.get("POLYREEL_DATABASE_URL")
    tools = open_tools(load_settings(data_dir=server.data_dir, database_url=url))
    try:
        yield tools
    finally:
        close_tools(tools)
