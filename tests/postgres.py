"""A PostgreSQL server of the tests' own: unix socket, temporary folder, unprivileged user."""

import contextlib
import ctypes
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg import sql

__all__ = ["Postgres", "PostgresMissing"]

DEBIAN = Path("/usr/lib/postgresql")
MEMORY = Path("/dev/shm")
MEMORY_BYTES = 2 * 1024**3
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
# Who has hung up is seen to be gone within that.
LEAVE_S = 0.1
PR_SET_PDEATHSIG = 1

# Nothing has to survive a power cut, and nobody listens but the socket.
CONFIGURATION = """
listen_addresses = ''
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 200
shared_buffers = 64MB
max_wal_size = 512MB
jit = off
logging_collector = off
log_min_messages = warning
"""


# Who only listens takes a while to notice that nobody wants to hear any more, and is sent home.
_OTHERS = """
SELECT count(*), count(CASE WHEN query LIKE 'LISTEN %' THEN pg_terminate_backend(pid) END)
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
# Nearly all tables are empty after most tests: what they hold is asked first.
_EMPTY = """
DO $$
DECLARE
    one record;
    is_filled bool;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR one IN
        SELECT oid::regclass AS name FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> '{but}'
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', one.name) INTO is_filled;
        IF is_filled THEN
            EXECUTE format('DELETE FROM %s', one.name);
        END IF;
    END LOOP;
    PERFORM setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
    FROM pg_sequences WHERE last_value IS NOT NULL;
END $$
"""
# Whoever changes a table, a function or a right writes a row of these anew.
_SHAPE = ", ".join(
    [
        "SELECT (SELECT string_agg({but}::text, ',') FROM {but})",
        "(SELECT count(*) FROM pg_db_role_setting)",
        *(
            f"(SELECT (count(*), sum(xmin::text::bigint))::text FROM {catalog} WHERE {own} >= 16384)"
            for catalog, own in (
                ("pg_class", "oid"), ("pg_attribute", "attrelid"), ("pg_constraint", "oid"),
                ("pg_namespace", "oid"), ("pg_proc", "oid"), ("pg_trigger", "oid"),
            )
        ),
    ]
)  # fmt: skip


class PostgresMissing(RuntimeError):
    """The programs of PostgreSQL are not on this machine; the message says how to get them."""


class Postgres:
    """One server. Made, it has files; `start` runs it, `stop` ends it, `start` brings it up again
    on the same address and data; `close` stops it and removes its files.

    `in_memory`: for databases that live for a test; its files are where no disk is busy, if there
    is room for them.

    Databases sort and compare by the rules of English, not by bytes: what relies on the order of
    text without saying which one shows here.
    """

    def __init__(self, *, in_memory: bool = False) -> None:
        self._bin = _find_binaries()
        self._as = _unprivileged()
        self._is_brief = in_memory
        self.folder = Path(tempfile.mkdtemp(prefix="polyreel-postgres-", dir=_place(in_memory)))
        self.log_path = self.folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0
        self._inside: dict[str, psycopg.Connection[Any]] = {}
        if self._as is not None:
            os.chown(self.folder, self._as.pw_uid, self._as.pw_gid)
        try:
            self._initialise()
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The process that all others of the server descend from."""
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def log(self) -> str:
        """What the server has said so far."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def url(self, database: str = "postgres") -> str:
        """The address of one database, as POLYREEL_DATABASE_URL wants it."""
        return f"postgresql://polyreel@/{database}?host={self.folder}"

    def start(self) -> None:
        """Start, and come back when it answers."""
        assert self._process is None, "already started"
        with self.log_path.open("ab") as log:
            self._process = self._popen("postgres", "-D", str(self.folder / "data"), output=log)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"PostgreSQL does not start:\n{self.log[-4000:]}")
            time.sleep(0.02)

    def stop(self, *, at_once: bool = False) -> None:
        """End it: connections are broken off. `at_once`: without a clean end, as after a crash."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGQUIT if at_once else signal.SIGINT)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """kill -9 of the first process; the others notice and end by themselves."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self, *, down_s: float = 0.0) -> None:
        """Stop, stay away for `down_s` seconds, start."""
        self.stop()
        time.sleep(down_s)
        self.start()

    def close(self) -> None:
        """Stop it and remove everything it wrote; fine when it is down already."""
        for name in list(self._inside):
            self.leave(name)
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def execute(self, statement: str, *values: Any, database: str = "postgres") -> list[Any]:
        """Rows of one statement outside any transaction; `%s` stands for each of `values`."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def create(self, template: str | None = None, *, name: str = "") -> str:
        """A new database, empty or a copy of `template`, to which nobody may be connected. Its name."""
        self._made += 1
        name = name or f"polyreel_{self._made}"
        query = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(template or "template0")
        )
        self.execute(query.as_string())
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected; fine when there is none."""
        self.leave(name)
        query = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        self.execute(query.as_string())

    def empty(self, name: str, *, but: str) -> tuple[Any, ...] | None:
        """Remove every row of a database; all numbers begin anew. What tells its tables from others: the same
        tuple for the same, unchanged; also what the table `but` holds, which keeps it. None, and nothing
        removed, where others stay connected: they might go on.
        """
        if name not in self._inside:
            self._inside[name] = psycopg.connect(self.url(name), autocommit=True)
        # Kept: a new connection would first have to learn of every table.
        connection = self._inside[name]
        deadline = time.monotonic() + LEAVE_S
        while connection.execute(_OTHERS).fetchall() != [(0, 0)]:
            if time.monotonic() > deadline:
                return None
            time.sleep(0.002)
        connection.execute(_EMPTY.format(but=but).encode())
        (shape,) = connection.execute(_SHAPE.format(but=but).encode()).fetchall()
        return tuple(shape)

    def leave(self, name: str) -> None:
        """Close the connection that `empty` keeps: as a template a database must have none."""
        if name in self._inside:
            self._inside.pop(name).close()

    def terminate_connections(self, database: str | None = None) -> int:
        """Break off every connection but this one (of one database, or of all). How many."""
        rows = self.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            " AND (%s::text IS NULL OR datname = %s)",
            database,
            database,
        )
        return sum(1 for (done,) in rows if done)

    def _initialise(self) -> None:
        with self.log_path.open("ab") as log:
            ended = self._popen(
                "initdb", "-D", str(self.folder / "data"), "--username=polyreel", "--auth=trust",
                "--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu",
                "--icu-locale=en-US", "--no-sync", "--no-instructions", output=log,
            ).wait()  # fmt: skip
        if ended:
            raise AssertionError(f"initdb failed:\n{self.log[-4000:]}")
        with (self.folder / "data" / "postgresql.conf").open("a") as configuration:
            configuration.write(CONFIGURATION)
            if self._is_brief:
                # It would be at work in a template just when that is copied.
                configuration.write("autovacuum = off\n")
            configuration.write(f"unix_socket_directories = '{self.folder}'\n")

    def _popen(self, program: str, *arguments: str, output: Any) -> subprocess.Popen[bytes]:
        user: dict[str, Any] = {}
        if self._as is not None:
            user = {"user": self._as.pw_uid, "group": self._as.pw_gid, "extra_groups": []}
        return subprocess.Popen(
            [str(self._bin / program), *arguments],
            cwd=self.folder,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # Runs after the change of user, which would undo it.
            preexec_fn=_end_with_parent,
            **user,
        )

    def _answers(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            return self.execute("SELECT 1") == [(1,)]
        return False


def _place(in_memory: bool) -> str | None:
    """The folder for its folder; None: the usual one."""
    if in_memory and os.access(MEMORY, os.W_OK):
        room = os.statvfs(MEMORY)
        if room.f_bavail * room.f_frsize > MEMORY_BYTES:
            return str(MEMORY)
    # The address of a socket may have 107 bytes, which a long TMPDIR would exceed.
    return None if len(tempfile.gettempdir()) < 60 else "/tmp"


def _end_with_parent() -> None:
    """Whatever becomes of the tests, their server does not outlive them."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGQUIT))


def _find_binaries() -> Path:
    """The folder of initdb and postgres: Debian's newest one, else that on PATH."""
    found = [path.parent for path in DEBIAN.glob("*/bin/postgres")]
    if found:
        return max(found, key=lambda path: [int(n) for n in re.findall(r"\d+", path.parent.name)])
    if on_path := shutil.which("postgres"):
        return Path(on_path).resolve().parent
    raise PostgresMissing("PostgreSQL is not here: apt-get install postgresql")


def _unprivileged() -> pwd.struct_passwd | None:
    """Whom the server runs as: None for oneself; PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise PostgresMissing("PostgreSQL refuses to run as root, and there is no user to run it as")
