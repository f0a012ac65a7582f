"""The proxy that keeps our rules for child programs."""

import base64
import socket

import pytest

from polyreel.infra.outbound import Gate, Limits, Outbound, make_rules
from tests.origin import Canary, Origin
from tests.pace import Stopwatch

INWARDS = [
    "127.0.0.2", "127.1", "2130706434", "0x7f000002", "0177.0.0.2", "0.0.0.0", "10.0.0.1",
    "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "198.18.0.1", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "192.0.0.1", "[::1]", "[::]", "[fe80::1]", "[fc00::1]", "[::ffff:127.0.0.2]",
    "[::ffff:7f00:2]", "[64:ff9b::7f00:2]", "[2002:7f00:2::]", "[2001:0:7f00:2::]", "inner.test",
    "127.0.0.2.", "[fe80::1%25eth0]",
]  # fmt: skip


@pytest.fixture
def origin():
    with Origin() as one:
        one.serve("/film", b"film" * 1000)
        yield one


@pytest.fixture
def open_gate():
    """Open a gate to 127.0.0.1 and what else `rules` let through."""
    opened = []

    def resolve(name, port):
        return {"inner.test": ["127.0.0.2"], "both.test": ["127.0.0.1", "127.0.0.2"]}.get(
            name, ["127.0.0.1"]
        )

    def make(**limits):
        web = Outbound(make_rules(allow="127.0.0.1/32"), resolve=resolve)
        gate = Gate(web, Limits(**{"total_s": 30, "body_bytes": 0, **limits}))
        opened.append(gate.__enter__())
        return gate

    yield make
    for gate in opened:
        gate.__exit__(None, None, None)


def word_of(gate):
    return gate.url.partition("//")[2].partition("@")[0]


def said(gate, line, *fields, word=None, body=b""):
    """All that the gate answers to a request."""
    word = word_of(gate) if word is None else word
    packed = base64.b64encode(word.encode()).decode()
    own = [f"Proxy-Authorization: Basic {packed}"] if word else []
    head = "\r\n".join([f"{line} HTTP/1.1", *own, *fields, "", ""]).encode("latin-1")
    with socket.create_connection(("127.0.0.1", gate.port), 10) as client:
        client.sendall(head + body)
        return read_all(client)


def read_all(client):
    found = b""
    while piece := client.recv(65536):
        found += piece
    return found


def test_a_plain_request_reaches_its_server_without_our_password(open_gate, origin):
    gate = open_gate()
    answer = said(gate, f"GET {origin.url('/film')}", "Host: elsewhere.test", "Range: bytes=3996-")
    assert answer.startswith(b"HTTP/1.1 206")
    assert answer.endswith(b"\r\n\r\nfilm")
    [(path, head)] = origin.seen
    assert path == "/film"
    assert head["host"] == f"127.0.0.1:{origin.port}"
    assert head["range"] == "bytes=3996-"
    assert not [name for name in head if name.startswith("proxy-")]
    assert gate.refused is None


def test_a_tunnel_carries_whatever_is_put_in(open_gate, origin):
    gate = open_gate()
    inner = b"GET /film HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = said(gate, f"CONNECT 127.0.0.1:{origin.port}", body=inner)
    assert answer.startswith(b"HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 200")
    assert answer.endswith(b"film" * 1000)


@pytest.mark.parametrize("word", ["", "child:", "child:wrong", "other:x"])
def test_without_its_password_nobody_is_let_through(open_gate, origin, word):
    gate = open_gate()
    for line in (f"GET {origin.url('/film')}", f"CONNECT 127.0.0.1:{origin.port}"):
        assert said(gate, line, word=word).startswith(b"HTTP/1.1 407 ")
    assert origin.seen == []


@pytest.mark.parametrize("host", INWARDS)
def test_inner_addresses_are_refused_however_they_are_spelled(open_gate, host):
    with Canary() as canary:
        gate = open_gate()
        for line in (f"GET http://{host}:{canary.port}/x", f"CONNECT {host}:{canary.port}"):
            answer = said(gate, line)
            assert answer.split(b" ")[1] == b"403", answer
            assert gate.refused is not None
        assert canary.visits == 0


def test_one_bad_address_of_a_name_spoils_it(open_gate, origin):
    gate = open_gate()
    answer = said(gate, f"GET http://both.test:{origin.port}/film")
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert origin.seen == []


@pytest.mark.parametrize(
    "line",
    [
        "GET https://127.0.0.1:{port}/x",
        "GET ftp://127.0.0.1:{port}/x",
        "GET file:///etc/passwd",
        "GET /film",
        "CONNECT 127.0.0.1:22",
        "CONNECT 127.0.0.1:",
        "CONNECT 127.0.0.1",
        "CONNECT 127.0.0.1:99999999",
        "CONNECT a b:80",
        "GET",
        "\x00\x01",
    ],
)
def test_other_requests_are_refused(open_gate, origin, line):
    answer = said(open_gate(), line.format(port=origin.port))
    assert answer.split(b" ")[1] in (b"400", b"403")
    assert origin.seen == []


@pytest.mark.parametrize(
    "field", ["no colon", ": empty", "spaced : x", "a: b\nc: d", "x" * 70_000 + ": y"]
)
def test_heads_that_two_could_read_differently_are_refused(open_gate, origin, field):
    answer = said(open_gate(), f"GET {origin.url('/film')}", field)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert origin.seen == []


def test_what_is_too_much_is_cut(open_gate, origin):
    origin.serve("/large", b"x" * 3_000_000)
    gate = open_gate(body_bytes=1_000_000)
    assert len(said(gate, f"GET {origin.url('/large')}")) <= 1_000_000
    assert gate.is_too_large
    assert len(said(gate, f"GET {origin.url('/film')}")) == 0


def test_its_end_is_that_of_all_it_carries(open_gate, origin):
    origin.serve("/slow", b"x" * 1_000_000, pause_s=0.2, block=1000)
    gate = open_gate()
    packed = base64.b64encode(word_of(gate).encode()).decode()
    with socket.create_connection(("127.0.0.1", gate.port), 10) as client:
        head = f"GET {origin.url('/slow')} HTTP/1.1\r\nProxy-Authorization: Basic {packed}\r\n\r\n"
        client.sendall(head.encode())
        assert client.recv(100)
        began = Stopwatch()
        gate.__exit__(None, None, None)
        read_all(client)
        assert began.read() < 2
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", gate.port), 1)
