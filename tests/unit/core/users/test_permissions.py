"""Who may do what to whose things."""

import pytest

from polyreel.core.users import Actor, allow
from polyreel.kit.errors import AppError, Forbidden, NotFound

OWNER = Actor(user_id=1, username="owner", is_admin=False, via="session")
STRANGER = Actor(user_id=2, username="stranger", is_admin=False, via="jwt")
ADMIN = Actor(user_id=3, username="admin", is_admin=True, via="session")
READER = Actor(user_id=1, username="owner", is_admin=False, via="key", scopes=frozenset({"read"}))
WRITER = Actor(user_id=1, username="owner", is_admin=False, via="key", scopes=frozenset({"write"}))

YES = None
CASES = [
    # who, action, visibility, shared, answer
    (OWNER, "read", "private", False, YES),
    (OWNER, "write", "private", False, YES),
    (ADMIN, "read", "private", False, YES),
    (ADMIN, "write", "private", False, YES),
    (STRANGER, "read", "private", False, NotFound),
    (STRANGER, "write", "private", False, NotFound),
    (None, "read", "private", False, NotFound),
    (None, "write", "private", False, NotFound),
    (STRANGER, "read", "unlisted", False, YES),
    (None, "read", "unlisted", False, YES),
    (None, "read", "public", False, YES),
    (STRANGER, "write", "public", False, NotFound),
    (None, "write", "public", False, NotFound),
    (STRANGER, "read", "private", True, YES),
    (STRANGER, "write", "private", True, Forbidden),
    (None, "read", "private", True, NotFound),
    (None, "write", "public", True, NotFound),
    (OWNER, "read", "something else", False, YES),
    (STRANGER, "read", "something else", False, NotFound),
    (READER, "read", "private", False, YES),
    (READER, "write", "private", False, Forbidden),
    (WRITER, "read", "public", False, Forbidden),
]


@pytest.mark.parametrize(("actor", "action", "visibility", "shared", "answer"), CASES)
def test_the_matrix(actor, action, visibility, shared, answer):
    given = None
    try:
        allow(actor, action, owner_id=1, visibility=visibility, shared=shared)
    except AppError as error:
        given = type(error)
    assert given is answer
