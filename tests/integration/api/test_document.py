"""What the API document says is what a real server does: schemathesis tries every operation.

POLYREEL_TEST_EXAMPLES is how many requests each operation gets; `make fuzz` gives it many.
"""

import json
import os
import urllib.request
from collections import Counter

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.client import Client
from tests.integration.api.people import Runner

EXAMPLES = int(os.environ.get("POLYREEL_TEST_EXAMPLES", "5"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# It never ends; its own tests read it.
ENDLESS = "text/event-stream"
LONGEST_REPORT = 1500


@schemathesis.serializer("application/offset+octet-stream")
def as_it_is(context, value):
    """Bytes of a resumable upload."""
    return value if isinstance(value, bytes) else str(value).encode()


@pytest.fixture(scope="module")
def runner(server, make_clip):
    made = Runner(server, make_clip(seconds=1.0))
    yield made
    made.close()


@pytest.fixture(scope="module")
def document(server):
    with urllib.request.urlopen(f"{server.url}/api/openapi.json") as answer:
        return json.load(answer)


class Trial:
    """One operation after the other; `seen` counts statuses."""

    def __init__(self, server, runner):
        self.server, self.runner = server, runner
        self.seen: Counter[int] = Counter()

    def run(self, operation):
        """Requests as the document wants them, and as it does not; half of them about what there is."""
        things = self.runner.things()
        cookie = ""
        if "{uuid}" in operation.path:
            with Client(self.server, self.runner.uploads_key()) as client:
                cookie = client.media_cookie(things["uuid"])

        @seed(20261121)
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(st.data())
        def try_it(data):
            mode = data.draw(st.sampled_from(modes_of(operation)))
            case = data.draw(operation.as_strategy(generation_mode=mode))
            if data.draw(st.booleans()):
                put(case, things)
            response = case.call(headers=self.headers(operation, cookie), timeout=30)
            self.seen[response.status_code] += 1
            case.validate_response(response, checks=CHECKS)

        try_it()

    def headers(self, operation, cookie):
        """Of somebody who may."""
        if operation.path == "/api/settings":
            self.runner.forget_options()
        is_uploads = operation.path.startswith("/api/client/")
        token = self.runner.uploads_key() if is_uploads else self.runner.login()
        return {"authorization": f"Bearer {token}", **({"cookie": cookie} if cookie else {})}


def modes_of(operation):
    """What is without parameters and body cannot be asked wrongly."""
    if operation.body or any(each.location != "security" for each in operation.iter_parameters()):
        return [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
    return [GenerationMode.POSITIVE]


def put(case, things):
    """Ids of what there is in place of those that came by chance."""
    for part in (case.path_parameters, case.query, case.body):
        if isinstance(part, dict):
            part |= {name: things[name] for name in part if name in things}


def is_endless(operation):
    return ENDLESS in operation.definition.raw["responses"].get("200", {}).get("content", {})


def test_every_operation_answers_as_the_document_says(server, document, runner):
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=server.url)
    trial, failed = Trial(server, runner), []
    for found in schema.get_all_operations():
        operation = found.ok()  # type: ignore[union-attr]
        if is_endless(operation):
            continue
        try:
            trial.run(operation)
        except (FailureGroup, Exception) as error:  # noqa: BLE001 - all of them are shown together
            failed.append(f"{operation.method.upper()} {operation.path}: {error}"[:LONGEST_REPORT])
    assert not failed, "\n\n".join(failed)
    # Not only refusals were compared.
    good = sum(count for status, count in trial.seen.items() if status < 400)
    assert good > sum(trial.seen.values()) / 4, trial.seen
