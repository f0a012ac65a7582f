"""What every tier shares: closed sockets where nothing may go out, clips, servers."""

import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest
from pytest_socket import disable_socket, enable_socket

from tests import databases
from tests.factories.clips import ClipMaker
from tests.postgres import Postgres, PostgresMissing
from tests.server import Server
from tests.spread import Spread, order

TESTS = Path(__file__).parent
WITHOUT_NETWORK = ("unit", "contract")


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """After pytest-randomly has made its own order."""
    yield
    order(items)


def pytest_collection_finish() -> None:
    """What was loaded to run the tests stays to their end: looking through it for garbage, again and again, costs
    a twentieth of their time.
    """
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Spread | None:
    """What `--dist loadscope` means here."""
    return Spread(config, log) if config.getvalue("dist") == "loadscope" else None


@pytest.fixture(autouse=True)
def closed_sockets(request: pytest.FixtureRequest) -> Iterator[None]:
    """Unit and contract tests reach nobody; unix sockets stay, event loops are made of them."""
    if request.path.relative_to(TESTS).parts[0] in WITHOUT_NETWORK:
        disable_socket(allow_unix_socket=True)
    yield
    enable_socket()


@pytest.fixture(autouse=True, scope="session")
def clean_environment() -> None:
    """The settings of whoever runs the tests are not the tests' settings."""
    for name in list(os.environ):
        if name.startswith("POLYREEL_") and not name.startswith("POLYREEL_TEST_"):
            del os.environ[name]


@pytest.fixture(autouse=True, scope="session")
def database_server(clean_environment: None) -> Iterator[None]:
    """The PostgreSQL that was started for the first database on it, if any, ends with the tests."""
    yield
    databases.stop()


@pytest.fixture(autouse=True, scope="module")
def databases_of_module(database_server: None) -> Iterator[None]:
    """What a module's fixtures had made is dropped after the module."""
    with databases.short_lived():
        yield


@pytest.fixture(autouse=True)
def databases_of_test(databases_of_module: None) -> Iterator[None]:
    """What a test had made is dropped after it."""
    with databases.short_lived():
        yield


@pytest.fixture
def anyio_backend() -> str:
    """Tests marked `anyio` run as the server does."""
    return "asyncio"


@pytest.fixture(scope="session")
def ffmpeg_exe() -> str:
    """The ffmpeg that comes with the dependencies."""
    return str(imageio_ffmpeg.get_ffmpeg_exe())


@pytest.fixture(scope="session")
def chromium_exe() -> str:
    """A Chromium of this machine, for playwright's `executable_path`; `make e2e` sees to it."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    raise AssertionError("no Chromium here: apt-get install chromium")


@pytest.fixture(scope="session")
def clip_dir() -> Path | None:
    """A folder of real clips: $POLYREEL_TEST_MEDIA, or shared/media beside the checkout; or None."""
    named = os.environ.get("POLYREEL_TEST_MEDIA")
    folder = Path(named) if named else TESTS.parent.parent / "shared" / "media"
    return folder.resolve() if folder.is_dir() else None


@pytest.fixture(scope="session")
def make_clip(tmp_path_factory: pytest.TempPathFactory, ffmpeg_exe: str) -> ClipMaker:
    """Make small clips; the same wish twice gives the same file (see tests.factories.clips)."""
    return ClipMaker(tmp_path_factory.mktemp("clips"), ffmpeg_exe)


class ServerStarter:
    """Calling it starts one more `polyreel serve`; all are killed when the test ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[Server] = []

    def __call__(self, *, data_dir: Path | None = None, **settings: object) -> Server:
        """A server that answers; `lease_s=2` and the like become POLYREEL_LEASE_S=2."""
        server = Server(data_dir or self.folder / f"data{len(self.started)}", **settings)
        self.started.append(server)
        server.start()
        return server


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[ServerStarter]:
    """Start real servers; give `data_dir=old.data_dir` to start again on the same data."""
    starter = ServerStarter(tmp_path)
    yield starter
    for server in starter.started:
        server.kill()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for a whole module, with nobody set up yet."""
    with Server(tmp_path_factory.mktemp("server") / "data") as one:
        yield one


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL of the tests' own, whatever database the others use; whoever stops it starts it again."""
    try:
        found = Postgres()
    except PostgresMissing as missing:
        pytest.skip(str(missing))
    with found:
        yield found
