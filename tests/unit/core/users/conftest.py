"""A real SQLite file per test, and passwords that cost next to nothing."""

import functools

import pytest

from polyreel.core import users
from polyreel.infra.secrets import Secrets
from polyreel.settings import Settings
from tests.factories.database import open_database
from tests.factories.users import QUICK, make_user


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=tmp_path)


@pytest.fixture
def db(tmp_path):
    found = open_database(tmp_path)
    yield found
    found.close()
    found.notifier.close()


@pytest.fixture
def passwords():
    return users.Passwords(QUICK)


@pytest.fixture
def secrets(tmp_path):
    return Secrets(tmp_path / "secret.key")


@pytest.fixture
def add_user(db):
    return functools.partial(make_user, db)
