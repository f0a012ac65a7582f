"""The API document: valid, made of every route that is served and of nothing else."""

import ast
import gc
import inspect
import json
import re
import textwrap
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from openapi_spec_validator import validate

from polyreel.http.operations import find_operation
from polyreel.web.routes import PAGES

ENDPOINTS = Path(__file__).parent / "golden" / "endpoints.txt"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# What an address looks like to whoever asks for something else there.
NO_ROUTE = (404, 405)


@pytest.fixture(scope="module")
def document(house):
    reply = house.ask("GET", "/api/openapi.json")
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    return json.loads(reply.body)


@pytest.fixture(scope="module")
def told(document):
    """(method, path) of everything in it."""
    return {(method.upper(), path) for path, each in document["paths"].items() for method in each}


def bare(path):
    return re.sub(r":[a-z]+}", "}", path)


def handlers(house):
    """Every handler of every framework app that lives, but those of the pages."""
    apps = [each for each in gc.get_objects() if isinstance(each, Litestar)]
    found = [
        handler
        for app in apps
        for route in app.routes
        for handler in getattr(route, "route_handlers", ())
    ]
    return {
        (method, bare(path)): handler
        for handler in found
        if isinstance(handler, HTTPRouteHandler)
        for path in handler.paths
        for method in handler.http_methods
        if method != "OPTIONS"
    }


def test_it_is_valid(document):
    validate(document)


def test_everything_served_is_in_it(house, told):
    served = set(handlers(house))
    pages = {
        (method, bare(path))
        for each in PAGES
        for path in each.paths
        for method in each.http_methods
    }
    assert served - pages - told == set()
    for_people = {
        bare(path) for each in PAGES if find_operation(each) is None for path in each.paths
    }
    assert not [path for path in for_people if path.startswith(("/api", "/v/", "/captcha"))]


def test_everything_in_it_is_served(house, told):
    """By the framework, or by what is raw: that answers to no other method (the matrix asks it all else)."""
    raw = told - set(handlers(house))
    assert {path.split("/")[1] for _, path in raw} == {"api", "videos", "{uuid}"}
    token = house.jwt(house.alice)
    given = {"authorization": token, "tus_resumable": "1.0.0"}
    for path in {path for _, path in raw}:
        address = re.sub(r"{[a-z_]+}", "00000000-0000-7000-8000-000000000000", path)
        for method in METHODS:
            if (method, path) not in told:
                reply = house.ask(method, address, **given)
                assert reply.status in NO_ROUTE, (method, path, reply)


def test_what_the_apis_own_documents_name_is_in_it(told):
    lines = ENDPOINTS.read_text().split("\n")
    wanted = {tuple(line.split(" ")) for line in lines if line and not line.startswith("#")}
    have = {(method, re.sub(r"{[^}]*}", "{}", path)) for method, path in told}
    missing = {each for each in wanted if (each[0], re.sub(r":\w+", "{}", each[1])) not in have}
    assert missing == set()


def test_every_operation_says_what_it_does_and_names_its_security(document):
    schemes = set(document["components"]["securitySchemes"])
    for path, methods in document["paths"].items():
        for method, each in methods.items():
            assert each["summary"], (method, path)
            assert {name for one in each["security"] for name in one} <= schemes
            assert bool(each["security"]) == (each["x-who"] != "anyone")
            assert each["tags"][1].startswith(each["tags"][0] + ": ")
            named = {one["name"] for one in each.get("parameters", ()) if one["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path)), path


def bound(handler):
    """The names of the models that a handler's code binds."""
    function = getattr(handler.fn, "func", handler.fn)
    code = ast.parse(textwrap.dedent(inspect.getsource(function)))
    calls = [each for each in ast.walk(code) if isinstance(each, ast.Call)]
    return {
        call.args[0].id
        for call in calls
        if isinstance(call.func, ast.Name)
        and call.func.id == "bind"
        and isinstance(call.args[0], ast.Name)
    }


def test_what_a_handler_binds_is_what_it_declares(house):
    for (method, path), handler in handlers(house).items():
        operation = find_operation(handler)
        models = bound(handler)
        if operation is None or (operation.takes and not operation.models):
            # Another form of declaration: a table of settings, a form with a file.
            continue
        assert models == {each.__name__ for each in operation.models}, (method, path)


def test_the_page_shows_every_operation_and_nothing_of_others(house, document):
    reply = house.ask("GET", "/api/docs", accept="text/html")
    assert reply.status == 200
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    page = reply.body.decode()
    for methods in document["paths"].values():
        for each in methods.values():
            assert f'id="{each["operationId"]}"' in page
    for name in document["components"]["schemas"]:
        assert f'id="shape-{name}"' in page
    assert not re.search(r'(src|href)="(https?:)?//', page)


def test_a_client_that_has_it_is_not_sent_it_again(house):
    first = house.ask("GET", "/api/openapi.json")
    again = house.ask("GET", "/api/openapi.json", if_none_match=first.headers["etag"])
    assert (again.status, again.body) == (304, b"")
    assert first.headers["access-control-allow-origin"] == "*"
