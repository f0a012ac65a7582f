"""The web interface in-process: a real database and folder, people with sessions, no worker."""

import pytest

from polyreel.app import close_tools, open_tools
from polyreel.core.stats import Traffic
from polyreel.http.auth import Proxies
from polyreel.http.media import MediaApp
from polyreel.http.middleware import Observer, observed
from polyreel.kit.errors import Forbidden, NotFound, Unauthenticated
from polyreel.settings import Settings
from polyreel.web import make_app
from tests.contract.web.people import Place
from tests.databases import database_url, make_tables
from tests.factories.users import QUICK_PASSWORDS, make_user


def say_kind(error):
    """An answer of media that only names the error."""
    statuses = {Unauthenticated: 401, Forbidden: 403, NotFound: 404}
    found = [status for kind, status in statuses.items() if isinstance(error, kind)]
    return (found or [400])[0], {}, b""


@pytest.fixture
def make_place(tmp_path):
    """Make a server with these settings; `set_up=False` leaves the first run to be done."""
    made: list[Place] = []

    def make(*, set_up=True, **settings):
        folder = tmp_path / f"data{len(made)}"
        url = database_url(folder / "polyreel.db")
        given = {"data_dir": folder, "database_url": url, "min_free_bytes": 0, **settings}
        tools = open_tools(Settings(**given))
        make_tables(tools.db)
        tools.notifier.start()
        web = make_app(tools, passwords=QUICK_PASSWORDS)
        media = MediaApp(tools, Traffic(tools.db), say_kind)
        place = Place(tools, web, media, observed(web, Observer(proxies=Proxies(""))))
        made.append(place)
        if set_up:
            make_user(tools.db, "root", is_admin=True)
            make_user(tools.db, "alice")
            make_user(tools.db, "bob")
        return place

    yield make
    for place in made:
        place.web.close()
        close_tools(place.tools)


@pytest.fixture
def place(make_place):
    """A server with an administrator `root` and two people, `alice` and `bob`."""
    return make_place()
