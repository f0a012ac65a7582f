"""Every kind of error has an answer in every face, in that face's own words.

A face is a dialect or the web. Its `errors.py` has `answer(error: AppError)`, which gives status,
headers and body; the framework's own mishaps are turned into kinds before they reach it.
"""

import importlib
import inspect
import pkgutil

import pytest

import polyreel.core
import polyreel.dialects
from polyreel.kit import errors as kinds
from polyreel.kit.errors import AppError

FACES = sorted(
    f"polyreel.dialects.{found.name}" for found in pkgutil.iter_modules(polyreel.dialects.__path__)
)
FACES.append("polyreel.web")

SAMPLES = {"used_bytes": 2, "limit_bytes": 1, "retry_after_s": 7, "what": "the database"}
KINDS = [
    kind
    for _, kind in inspect.getmembers(kinds, inspect.isclass)
    if issubclass(kind, AppError) and kind is not AppError
]


def named_by_domains():
    """Kinds that the core's domains made from the general ones."""
    for found in pkgutil.walk_packages(polyreel.core.__path__, "polyreel.core."):
        if found.name.endswith(".errors"):
            importlib.import_module(found.name)
    waiting, seen = list(AppError.__subclasses__()), set()
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__.startswith("polyreel.core."):
            seen.add(kind)
    return sorted(seen, key=lambda kind: kind.__qualname__)


def make(kind):
    """One error of this kind, with something in every argument that has no default."""
    wanted = inspect.signature(kind).parameters.values()
    needed = {
        each.name: SAMPLES.get(each.name, "x") for each in wanted if each.default is each.empty
    }
    if issubclass(kind, kinds.Busy):
        needed["retry_after_s"] = SAMPLES["retry_after_s"]
    return kind(**needed)


def answer(face, error):
    status, headers, body = importlib.import_module(f"{face}.errors").answer(error)
    assert isinstance(status, int)
    assert isinstance(body, bytes)
    assert all(isinstance(name, str) and isinstance(headers[name], str) for name in headers)
    return status, {name.lower(): value for name, value in headers.items()}, body


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("kind", KINDS + named_by_domains(), ids=lambda kind: kind.__qualname__)
def test_every_kind_has_an_answer_in_every_face(face, kind):
    status, headers, _ = answer(face, make(kind))
    assert 400 <= status <= 599
    assert status != 500, "500 is for crashes: give this kind a line in the table"
    assert "content-type" in headers


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__qualname__)
def test_a_new_name_for_a_kind_is_answered_as_the_kind_is(face, kind):
    renamed = type(f"Some{kind.__name__}", (kind,), {})
    assert answer(face, make(renamed))[0] == answer(face, make(kind))[0]


@pytest.mark.parametrize("face", FACES)
def test_who_may_come_back_is_told_when(face):
    _, headers, _ = answer(face, make(kinds.Busy))
    assert headers.get("retry-after") == str(SAMPLES["retry_after_s"])


@pytest.mark.parametrize("face", FACES)
def test_a_kind_without_a_line_is_a_crash_and_tells_nothing(face):
    class Unheard(AppError):
        default = "secret detail"

    status, _, body = answer(face, Unheard())
    assert status == 500
    assert b"secret detail" not in body
