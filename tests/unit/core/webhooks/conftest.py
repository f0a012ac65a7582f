"""A database that writes events down, people, and a receiver that is a double of the way out."""

from collections import deque
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select, update

from polyreel.app import KINDS
from polyreel.core.users import actor_of
from polyreel.core.webhooks import (
    EventLog,
    WantedEndpoint,
    create_endpoint,
    list_deliveries,
    list_events,
)
from polyreel.core.webhooks.sending import deliver
from polyreel.core.webhooks.tables import DeliveryRow, EndpointRow
from polyreel.infra.jobs import Job, JobQueue, hasten_job, leases
from polyreel.infra.notify import Notifier
from polyreel.infra.outbound import Fetched
from polyreel.infra.secrets import Secrets
from polyreel.infra.tx import Database
from polyreel.kit.errors import AppError
from tests.databases import database_url, make_tables
from tests.factories.users import make_user

URL = "https://hooks.example.org/in"


class Receiver:
    """Stands where Outbound does: `answers` are given in turn, then 200 for ever."""

    def __init__(self) -> None:
        self.answers: deque[int | Fetched | AppError] = deque()
        self.seen: list[SimpleNamespace] = []
        self.then = lambda: None

    def check_url(self, url: str) -> None:
        """Anything goes."""

    def post(
        self, url: str, body: bytes, *, headers: Any, limits: Any, first_bytes: int
    ) -> Fetched:
        self.seen.append(SimpleNamespace(url=url, body=body, headers=dict(headers)))
        self.then()
        answer = self.answers.popleft() if self.answers else 200
        if isinstance(answer, AppError):
            raise answer
        if isinstance(answer, int):
            return Fetched(status=answer, headers={}, body=b"ok"[:first_bytes])
        return answer


class Hooks:
    """alice, bob and root, an administrator; what they do with the log."""

    def __init__(self, db: Database, secrets: Secrets) -> None:
        self.db = db
        self.secrets = secrets
        self.receiver = Receiver()
        self.tools: Any = SimpleNamespace(db=db, secrets=secrets, outbound=self.receiver)
        self.alice = actor_of(make_user(db, "alice"))
        self.bob = actor_of(make_user(db, "bob"))
        self.root = actor_of(make_user(db, "root", is_admin=True))

    def emit(self, actor: Any, *kinds: str) -> None:
        with self.db.write() as tx:
            for kind in kinds:
                tx.emit(kind, owner_id=actor.user_id, data={"video": {"name": "film"}})

    def events(self, actor: Any, **wanted: Any) -> Any:
        with self.db.read() as tx:
            return list_events(tx, actor, **wanted)

    def endpoint(self, actor: Any, url: str = URL, **wanted: Any) -> Any:
        with self.db.write() as tx:
            wish = WantedEndpoint(url=url, **wanted)
            outbound: Any = self.receiver
            return create_endpoint(tx, actor, wish, outbound=outbound, secrets=self.secrets)

    def deliveries(self, actor: Any, **wanted: Any) -> Any:
        """Newest last."""
        with self.db.read() as tx:
            return list_deliveries(tx, actor, **wanted)[::-1]

    def row(self, endpoint: Any) -> EndpointRow:
        with self.db.read() as tx:
            return tx.session.get_one(EndpointRow, endpoint.endpoint.id)

    def work(self, *, most: int = 100) -> int:
        """Run whatever is due now, as a worker does; how many jobs that were."""
        for number in range(most):
            with self.db.write(alone=False) as tx:
                claim = leases.claim(
                    tx, lane="light", kinds=["webhooks.deliver"], worker="me", lease_s=30
                )
            if claim is None:
                return number
            deliver(Job(claim, self.db, self.tools))
        raise AssertionError("it never ends")

    def later(self) -> None:
        """Let everything that waits for its moment be due."""
        with self.db.write() as tx:
            tx.session.execute(
                update(DeliveryRow).where(DeliveryRow.state == "waiting").values(next_try_at=tx.now)
            )
            tx.session.execute(update(EndpointRow).values(rests_until=None))
            for number in tx.session.scalars(select(EndpointRow.id)).all():
                hasten_job(tx, f"webhook:{number}")


@pytest.fixture
def db(tmp_path):
    notifier = Notifier(tmp_path / "run")
    made = Database(
        database_url(tmp_path / "polyreel.db"),
        lock_path=tmp_path / "run" / "lock",
        notifier=notifier,
        enqueuer=JobQueue(KINDS),
        recorder=EventLog(),
    )
    make_tables(made)
    yield made
    made.close()
    notifier.close()


@pytest.fixture
def hooks(db, tmp_path):
    return Hooks(db, Secrets(tmp_path / "secret.key"))
