import threading
import uuid

import pytest

from polyreel.kit import ids


def test_ids_sort_by_the_time_they_were_made():
    made = [ids.uuid7() for _ in range(20_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_ids_are_version_7_of_the_standard():
    made = uuid.UUID(ids.uuid7())
    assert (made.version, made.variant) == (7, uuid.RFC_4122)


def test_threads_never_get_the_same_id():
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.extend([ids.uuid7() for _ in range(2000)]))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 8000


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("550E8400-E29B-41D4-A716-446655440000", "550e8400-e29b-41d4-a716-446655440000"),
        ("550e8400e29b41d4a716446655440000", None),
        ("{550e8400-e29b-41d4-a716-44665544000}", None),
        ("550e8400-e29b-41d4-a716-44665544000g", None),
        ("550e8400-e29b-41d4-a7164-46655440000", None),
        ("", None),
    ],
)
def test_only_the_usual_form_of_a_uuid_is_one(text, found):
    assert ids.parse_uuid(text) == found
    assert ids.is_uuid(text) == (found is not None)


def test_secrets_have_256_bits():
    assert len(bytes.fromhex(ids.new_secret())) == 32
    assert len(ids.new_token()) == 43
    assert ids.new_secret() != ids.new_secret()
