"""The HTTP server on a real socket: stretches of files, bodies, heads, and clients that misbehave."""

import asyncio
import contextlib
import errno
import os
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn

from polyreel.http import server as http_server
from polyreel.http.bytes import ZERO_COPY, Stretch, send_file_range
from polyreel.http.heads import Asker
from polyreel.http.server import HEAD_MOST_BYTES, Connection, listen, make_config

SIZE = 24 * 1024 * 1024 + 17


class Site:
    """A server with an app that serves one file, `by_task` or at once, and echoes what it is sent."""

    def __init__(self, path, *, by_task=True) -> None:
        self.by_task = by_task
        self.met: list[str] = []
        self.fd = os.open(path, os.O_RDONLY)
        self.data = path.read_bytes()
        self.told = SIZE
        self.went: list[BaseException | int] = []
        listening = listen("127.0.0.1", 0, is_shared=False)
        self.port = listening.getsockname()[1]
        self.server = uvicorn.Server(make_config(lambda: self))
        self._thread = threading.Thread(target=self.server.run, args=([listening],), daemon=True)
        self._thread.start()
        deadline = time.monotonic() + 10
        while not self.server.started:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def wait_for(self, count: int) -> None:
        """Until so many answers have ended."""
        deadline = time.monotonic() + 10
        while len(self.went) < count:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def stop(self) -> None:
        self.server.should_exit = True
        self._thread.join(10)
        assert not self._thread.is_alive()

    def close(self) -> None:
        self.stop()
        os.close(self.fd)

    def at_once(self, scope) -> Asker | None:
        self.met.append(scope["path"])
        if scope["path"] == "/stranger":
            raise ValueError(scope["path"])
        return None if self.by_task or scope["method"] != "GET" else self.ask

    def ask(self, head) -> Stretch | None:
        if head.path == "/crash":
            raise ValueError(head.path)
        if head.path not in ("/", "/uncounted"):
            return None
        start, count = self.wish(head.query)

        def ended(sent: int) -> None:
            self.went.append(sent if sent == count else ConnectionAbortedError())
            if head.path == "/uncounted":
                raise ValueError(head.path)

        return Stretch(200, b"content-length: %d\r\n" % count, self.fd, start, count, ended)

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
        elif scope["path"] == "/deaf":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"no"})
        elif scope["method"] == "POST":
            await self.echo(receive, send)
        elif scope["path"] == "/slow":
            await asyncio.sleep(1.5)
            await self.give(scope, send)
        else:
            await self.give(scope, send)

    async def echo(self, receive, send) -> None:
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message["body"]
            # Slower than the client: it is to be held meanwhile.
            await asyncio.sleep(0.001)
            if not message["more_body"]:
                break
        head = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": body})

    def wish(self, query) -> tuple[int, int]:
        if not query:
            return 0, self.told
        start, _, count = query.partition(b"-")
        return int(start), int(count)

    async def give(self, scope, send) -> None:
        assert ZERO_COPY in scope["extensions"]
        start, count = self.wish(scope["query_string"])
        head = [(b"content-length", str(count).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        try:
            self.went.append(await send_file_range(send, self.fd, start, count, zero_copy=True))
        except OSError as error:
            self.went.append(error)
            raise


@pytest.fixture(params=["by task", "at once"])
def site(tmp_path, request) -> Iterator[Site]:
    path = tmp_path / "film"
    path.write_bytes(os.urandom(SIZE))
    made = Site(path, by_task=request.param == "by task")
    yield made
    made.close()


@pytest.fixture
def client(site) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as made:
        yield made


def ask(client, query="", *, path="/") -> None:
    client.sendall(f"GET {path}?{query} HTTP/1.1\r\nhost: x\r\n\r\n".encode())


def read_answer(file) -> tuple[bytes, dict[str, str], bytes]:
    """Status line, headers, and as much of the body as there is."""
    status = file.readline()
    headers = {}
    while (line := file.readline().decode().strip()) != "":
        name, _, value = line.partition(": ")
        headers[name] = value
    return status, headers, file.read(int(headers.get("content-length", 0)))


def test_a_stretch_of_a_file_comes_as_it_is_on_a_connection_that_is_kept(site, client) -> None:
    file = client.makefile("rb")
    for start, count in ((0, SIZE), (5, 1), (SIZE - 3, 3), (1 << 20, 5 << 20)):
        ask(client, f"{start}-{count}")
        status, headers, body = read_answer(file)
        assert status == b"HTTP/1.1 200 OK\r\n"
        assert headers["content-length"] == str(count)
        assert body == site.data[start : start + count]
    site.wait_for(4)
    assert site.went == [SIZE, 1, 3, 5 << 20]


def test_a_client_that_takes_its_time_gets_everything(site, client) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    ask(client)
    head = b""
    while b"\r\n\r\n" not in head:
        head += client.recv(1024)
    body = bytearray(head.partition(b"\r\n\r\n")[2])
    while len(body) < SIZE:
        body += client.recv(300_000)
        if len(body) < 4 << 20:
            time.sleep(0.002)
    assert body == site.data


def test_others_are_served_while_one_takes_nothing(site, client) -> None:
    ask(client)
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as other:
        ask(other, "0-1000")
        assert read_answer(other.makefile("rb"))[2] == site.data[:1000]


def test_a_client_that_leaves_ends_its_answer_and_nothing_else(site, client) -> None:
    ask(client)
    client.recv(1000)
    client.close()
    site.wait_for(1)
    assert isinstance(site.went[0], ConnectionError)
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as other:
        ask(other, "7-70")
        assert read_answer(other.makefile("rb"))[2] == site.data[7:77]


@pytest.mark.parametrize("said", [errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.EPIPE])
def test_a_client_that_cannot_be_reached_any_more_has_left(site, client, monkeypatch, said) -> None:
    def unreachable(*_: int) -> int:
        raise OSError(said, os.strerror(said))

    monkeypatch.setattr(os, "sendfile", unreachable)
    ask(client)
    site.wait_for(1)
    assert isinstance(site.went[0], ConnectionError)


def test_who_asks_without_waiting_is_answered_in_turn(site, client) -> None:
    for start in range(20):
        ask(client, f"{start}-300000")
    file = client.makefile("rb")
    for start in range(20):
        assert read_answer(file)[2] == site.data[start : start + 300_000]


def test_a_file_that_is_shorter_than_was_told_cuts_the_answer(site, client) -> None:
    site.told = SIZE + 10
    ask(client)
    body = read_answer(client.makefile("rb"))[2]
    assert len(body) <= SIZE
    assert client.recv(1) == b""


def test_those_that_come_together_are_the_app_s(site, client) -> None:
    client.sendall(b"GET /?0-9 HTTP/1.1\r\nhost: x\r\n\r\n" * 3)
    file = client.makefile("rb")
    assert [read_answer(file)[2] for _ in range(3)] == [site.data[:9]] * 3
    assert site.met == []


@pytest.mark.parametrize("ending", ["1.1\r\nconnection: close", "1.0"])
def test_a_connection_that_is_not_to_be_kept_ends_with_the_answer(site, client, ending) -> None:
    client.sendall(f"GET /?3-300000 HTTP/{ending}\r\nhost: x\r\n\r\n".encode())
    file = client.makefile("rb")
    _, headers, body = read_answer(file)
    assert (headers["connection"], body) == ("close", site.data[3:300_003])
    assert file.read() == b""


def test_what_comes_behind_an_answer_has_its_time(site, monkeypatch) -> None:
    monkeypatch.setattr(site.server.config, "timeout_keep_alive", 1)
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as client:
        client.sendall(
            b"GET /?0-9 HTTP/1.1\r\nhost: x\r\n\r\nGET /slow?3-30 HTTP/1.1\r\nhost: x\r\n\r\n"
        )
        file = client.makefile("rb")
        assert read_answer(file)[2] == site.data[:9]
        assert read_answer(file)[2] == site.data[3:33]


def test_without_descriptors_nothing_is_left_open(site, client, monkeypatch) -> None:
    def none_left(fd: int) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "dup", none_left)
    ask(client, "0-9")
    assert client.recv(1) == b""
    site.wait_for(1)
    assert isinstance(site.went[0], OSError)


@pytest.fixture
def parsed(monkeypatch) -> list[bytes]:
    """The address of every head that was parsed."""
    found = []
    whole = Connection.on_headers_complete

    def noted(connection: Connection) -> None:
        found.append(connection.url)
        whole(connection)

    monkeypatch.setattr(Connection, "on_headers_complete", noted)
    return found


def test_the_same_words_are_parsed_once(site, parsed, client) -> None:
    file = client.makefile("rb")
    for start in range(4):
        ask(client, f"{start}-300000")
        assert read_answer(file)[2] == site.data[start : start + 300_000]
    assert len(parsed) == (4 if site.by_task else 1)
    client.sendall(b"GET /?5-9 HTTP/1.1\r\nhost: y\r\n\r\n")
    assert read_answer(file)[2] == site.data[5:14]
    assert parsed[-1] == b"/?5-9"


def test_each_answer_has_the_date_of_its_second(site, client) -> None:
    file = client.makefile("rb")
    dates: set[str] = set()
    deadline = time.monotonic() + 10
    while len(dates) < 3:
        assert time.monotonic() < deadline, dates
        ask(client, "0-9")
        dates.add(read_answer(file)[1]["date"])
        time.sleep(0.1)


def test_what_is_not_at_hand_is_asked_for_as_usual(site, parsed, client) -> None:
    file = client.makefile("rb")
    for path, start in (("/", 0), ("/elsewhere", 1), ("/", 2), ("/", 3)):
        ask(client, f"{start}-9", path=path)
        assert read_answer(file)[2] == site.data[start : start + 9]
    assert parsed[:3] == [b"/?0-9", b"/elsewhere?1-9", b"/?2-9"]
    assert len(parsed) == (4 if site.by_task else 3)


def test_a_head_that_came_in_pieces_is_no_example(site, parsed, client) -> None:
    file = client.makefile("rb")
    client.sendall(b"GET /?0-9 HTTP/1.1\r\nhost: x\r\nodd: ")
    time.sleep(0.2)
    ask(client, "1-9")
    assert read_answer(file)[2] == site.data[:9]
    ask(client, "2-9")
    assert read_answer(file)[2] == site.data[2:11]
    assert parsed == [b"/?0-9", b"/?2-9"]
    assert site.met == ["/"]


def test_the_same_words_while_an_answer_is_under_way_wait_for_their_turn(site, client) -> None:
    file = client.makefile("rb")
    ask(client, "0-9")
    read_answer(file)
    ask(client)
    time.sleep(0.2)
    ask(client, "7-9")
    assert read_answer(file)[2] == site.data
    assert read_answer(file)[2] == site.data[7:16]


def test_what_cannot_be_counted_is_answered_all_the_same(site, client) -> None:
    file = client.makefile("rb")
    for start, count in ((0, SIZE), (0, 9), (1, SIZE - 1), (3, 4)):
        ask(client, f"{start}-{count}", path="/uncounted")
        assert read_answer(file)[2] == site.data[start : start + count]


@pytest.mark.parametrize("field", [b"content-length: 27", b"transfer-encoding: chunked"])
def test_what_comes_as_a_body_is_no_request(site, parsed, client, field) -> None:
    file = client.makefile("rb")
    client.sendall(b"GET /?0-9 HTTP/1.1\r\nhost: x\r\n" + field + b"\r\n\r\n")
    assert read_answer(file)[2] == site.data[:9]
    with contextlib.suppress(ConnectionError):
        client.sendall(b"GET /?3-9 HTTP/1.1\r\nhost: x\r\n" + field + b"\r\n\r\n")
        assert client.recv(1) == b""
    assert site.met == []
    assert parsed == [b"/?0-9"]


@pytest.mark.parametrize("path", ["/stranger", "/crash"])
def test_what_cannot_be_looked_at_is_left_to_the_app(site, client, path) -> None:
    file = client.makefile("rb")
    for asked in ("/", path, path):
        ask(client, "0-9", path=asked)
        assert read_answer(file)[2] == site.data[:9]


def test_an_answer_that_does_not_end_ends_with_the_server(site, client, monkeypatch) -> None:
    monkeypatch.setattr(http_server, "GRACE_S", 1.2)
    ask(client)
    client.recv(1000)
    site.stop()
    assert [type(one) for one in site.went] == [ConnectionAbortedError]


@pytest.mark.parametrize("how", ["one piece", "chunked"])
def test_a_body_comes_whole(site, client, how) -> None:
    body = site.data[: 9 << 20]
    if how == "chunked":
        head = b"transfer-encoding: chunked"
        sent = b"".join(
            b"%x\r\n%b\r\n" % (len(piece), piece)
            for piece in (body[at : at + 70_000] for at in range(0, len(body), 70_000))
        )
        sent += b"0\r\n\r\n"
    else:
        head, sent = b"content-length: %d" % len(body), body
    request = b"POST / HTTP/1.1\r\nhost: x\r\n%b\r\n\r\n" % head + sent
    threading.Thread(target=client.sendall, args=(request,)).start()
    assert read_answer(client.makefile("rb"))[2] == body


def test_a_body_that_nobody_wants_ends_the_connection(site, client) -> None:
    client.sendall(b"POST /deaf HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\nhardly")
    answer = b""
    while piece := client.recv(1000):
        answer += piece
    assert answer.endswith(b"2\r\nno\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    "head",
    [
        b"GET /%b HTTP/1.1\r\n" % (b"a" * HEAD_MOST_BYTES),
        b"GET / HTTP/1.1\r\nx: %b\r\n" % (b"a" * HEAD_MOST_BYTES),
        b"GET / HTTP/1.1\r\n" + b"x: aaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n" * (HEAD_MOST_BYTES // 28),
        b"GET / HTTP/7.5\r\n",
        b"\x16\x03\x01 is no HTTP",
        b"GET / HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n",
    ],
)
def test_what_is_no_head_is_refused_and_the_connection_ends(site, client, head) -> None:
    check_refused(client, head)
    assert site.went == []


def test_a_head_in_the_same_words_has_a_size_too(site, client, monkeypatch) -> None:
    # So small that all of it comes at once.
    monkeypatch.setattr(http_server, "HEAD_MOST_BYTES", 1000)
    ask(client, "0-9")
    assert read_answer(client.makefile("rb"))[2] == site.data[:9]
    check_refused(client, b"GET /?%b-9 HTTP/1.1\r\nhost: x\r\n" % (b"0" * 1000))


def check_refused(client, head) -> None:
    client.sendall(head + b"\r\n")
    with contextlib.suppress(ConnectionResetError):
        answer = client.recv(100)
        assert answer.startswith(b"HTTP/1.1 400 ")
        while client.recv(1000):
            pass


@pytest.mark.parametrize("sent", [b"", b"\r\n", b"GET / HT", b"GET / HTTP/1.1\r\nhost: x\r\n"])
def test_a_head_that_does_not_come_is_not_waited_for(site, monkeypatch, sent) -> None:
    monkeypatch.setattr(http_server, "HEAD_S", 0.3)
    with socket.create_connection(("127.0.0.1", site.port), timeout=10) as client:
        client.sendall(sent)
        assert client.recv(1) == b""


def test_nor_is_the_next_one(site, client, monkeypatch) -> None:
    ask(client, "0-9")
    assert read_answer(client.makefile("rb"))[2] == site.data[:9]
    monkeypatch.setattr(http_server, "HEAD_S", 0.3)
    client.sendall(b"\r\n")
    assert client.recv(1) == b""
