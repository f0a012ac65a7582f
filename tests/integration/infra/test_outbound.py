"""Requests to other servers: what is refused is not even connected to, and everything has an end."""

import gzip
import socket
import ssl
import subprocess
import threading
import time

import pytest

from polyreel.infra.outbound import (
    BadAddress,
    BadAnswer,
    Limits,
    Outbound,
    TooSlow,
    Unreachable,
    make_rules,
)
from polyreel.kit.errors import TooLarge
from tests.origin import Canary, Origin
from tests.pace import Stopwatch

LOCAL = "127.0.0.0/8"


@pytest.fixture
def origin():
    with Origin() as one:
        yield one


@pytest.fixture
def canary():
    with Canary() as one:
        yield one


class Seen(list):
    """What was connected to."""

    def __call__(self, host, address, port):
        self.append((host, address, port))


def outbound(**given):
    return Outbound(make_rules(allow=given.pop("allow", LOCAL)), **given)


def fetch(client, url, **limits):
    with client.stream(url, limits=Limits(**limits)) as answer:
        return answer.status, b"".join(answer.chunks)


def names_of(**known):
    def resolve(name, port):
        own = known.get(name.partition(".")[0])
        return own or [each[4][0] for each in socket.getaddrinfo(name, port)]

    return resolve


SPELLINGS = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0x7f.0x0.0x0.0x1",
    "0177.0.0.1",
    "0177.0.0.01",
    "017700000001",
    "127.0.0.1.",
    "127.000.000.001",
    "0",
    "0.0.0.0",
    "localhost",
    "LocalHost",
    "localhost.",
    "x.localhost",
    "localhost.localdomain",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::]",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:0:0]",
    "[64:ff9b::127.0.0.1]",
    "[2002:7f00:1::1]",
    "[2001:0:7f00:1::1]",
    "[fe80::1%25lo]",
    "user@127.0.0.1",
    "example.org@127.0.0.1",
    "user:pass@localhost",
    "\uff11\uff12\uff17.0.0.1",
    "127\u30020\u30020\u30021",
    "ip6-localhost",
    socket.gethostname(),
]


@pytest.mark.parametrize("host", SPELLINGS)
def test_nothing_arrives_at_home_however_it_is_spelled(host, canary):
    seen = Seen()
    client = Outbound(make_rules(), on_connect=seen)
    with pytest.raises((BadAddress, BadAnswer, Unreachable)):
        fetch(client, f"http://{host}:{canary.port}/")
    time.sleep(0.06)
    assert (seen, canary.visits) == ([], 0)


@pytest.mark.parametrize("host", SPELLINGS)
def test_nor_by_a_redirect(host, canary, origin):
    # The origin stands for a public one: its name has the one address that is allowed.
    client = Outbound(make_rules(allow="127.77.0.1"), resolve=names_of(origin=["127.77.0.1"]))
    origin.serve("/film.mp4", status=302, headers={"Location": f"http://{host}:{canary.port}/"})
    relay = socket.create_server(("127.77.0.1", 0))
    thread = threading.Thread(target=_relay, args=(relay, origin.port))
    thread.start()
    try:
        with pytest.raises((BadAddress, BadAnswer, Unreachable)):
            fetch(client, f"http://origin.example:{relay.getsockname()[1]}/film.mp4")
    finally:
        relay.close()
        thread.join()
    assert len(origin.seen) == 1
    assert canary.visits == 0


def _relay(listening, port):
    """One connection, carried on to the origin."""
    one, _ = listening.accept()
    with one, socket.create_connection(("127.0.0.1", port)) as other:
        other.sendall(one.recv(65536))
        while block := other.recv(65536):
            one.sendall(block)


def test_a_name_is_resolved_once_and_connected_to_where_it_was_checked(origin, canary):
    origin.serve("/", b"film")
    asked = []

    def rebinding(name, port):
        asked.append(name)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.9.9.9"]

    seen = Seen()
    client = outbound(allow="127.0.0.1", resolve=rebinding, on_connect=seen)
    assert fetch(client, origin.url("/", "rebind.example"))[1] == b"film"
    assert asked == ["rebind.example"]
    assert seen == [("rebind.example", "127.0.0.1", origin.port)]
    assert origin.seen[0][1]["host"] == f"rebind.example:{origin.port}"


def test_a_redirect_back_to_the_same_name_is_resolved_and_checked_again(origin):
    answers = [["127.0.0.1"], ["127.0.0.1", "10.0.0.1"]]
    origin.serve("/", status=302, headers={"Location": "/next"})
    origin.serve("/next", b"secret")
    client = outbound(allow="127.0.0.1", resolve=lambda *_: answers.pop(0))
    with pytest.raises(BadAddress):
        fetch(client, origin.url("/", "rebind.example"))
    assert [path for path, _ in origin.seen] == ["/"]


def test_redirects_are_followed_five_times(origin):
    for number in range(6):
        origin.serve(f"/{number}", status=301 + number % 2, headers={"Location": f"{number + 1}"})
    origin.serve("/6", b"film")
    client = outbound()
    assert fetch(client, origin.url("/1")) == (200, b"film")
    with pytest.raises(BadAnswer, match="too often"):
        fetch(client, origin.url("/0"))


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "ftp://127.0.0.1/", "http://127.0.0.1:22/", "gopher://x"],
)
def test_redirects_lead_to_web_servers_alone(origin, location):
    origin.serve("/", status=302, headers={"Location": location})
    with pytest.raises(BadAddress):
        fetch(outbound(), origin.url("/"))


def test_credentials_go_to_their_own_server_alone(origin):
    with Origin() as other:
        other.serve("/film", b"film")
        origin.serve("/", status=302, headers={"Location": "/here"})
        named = other.url("/film").replace("//", "//eve:trick@")
        origin.serve("/here", status=302, headers={"Location": named})
        client = outbound()
        url = origin.url("/").replace("//", "//me:word@")
        with client.stream(url, headers={"Authorization": "Bearer mine"}) as answer:
            assert answer.url == other.url("/film")
            assert b"".join(answer.chunks) == b"film"
        assert ["authorization" in head for _, head in origin.seen] == [True, True]
        assert "authorization" not in other.seen[0][1]
        assert "cookie" not in other.seen[0][1]


def test_the_environments_proxy_is_not_asked(origin, canary, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")
    origin.serve("/", b"film")
    assert fetch(outbound(), origin.url("/"))[1] == b"film"
    assert canary.visits == 0


def test_a_body_that_is_announced_too_large_is_not_read(origin):
    origin.serve("/", b"x" * 1000)
    with pytest.raises(TooLarge):
        fetch(outbound(), origin.url("/"), body_bytes=999)
    assert fetch(outbound(), origin.url("/"), body_bytes=1000)[1] == b"x" * 1000


def test_a_body_of_unknown_length_ends_at_the_limit(origin):
    origin.serve("/", b"x" * 10_000_000, has_length=False)
    with pytest.raises(TooLarge):
        fetch(outbound(), origin.url("/"), body_bytes=100_000)


def test_what_is_packed_is_not_unpacked(origin):
    bomb = gzip.compress(bytes(50_000_000))
    origin.serve("/", bomb, headers={"Content-Encoding": "gzip"})
    with pytest.raises(BadAnswer, match="packed"):
        fetch(outbound(), origin.url("/"))
    assert origin.seen[0][1]["accept-encoding"] == "identity"


def test_a_head_has_a_limit(origin):
    origin.serve("/", b"x", headers={f"X-{number}": "y" * 900 for number in range(50)})
    with pytest.raises(BadAnswer, match="head"):
        fetch(outbound(), origin.url("/"))


@pytest.mark.parametrize(
    "line", [b"SSH-2.0-OpenSSH_9\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1_000_000, b""]
)
def test_what_is_no_web_server_is_unreachable(line):
    listening = socket.create_server(("127.0.0.1", 0))

    def speak():
        one, _ = listening.accept()
        with one:
            one.recv(65536)
            try:
                one.sendall(line)
            except OSError:
                return

    thread = threading.Thread(target=speak)
    thread.start()
    with pytest.raises((Unreachable, BadAnswer)):
        fetch(outbound(), f"http://127.0.0.1:{listening.getsockname()[1]}/")
    thread.join()
    listening.close()


def test_a_refused_connection_is_unreachable():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1"):
        fetch(outbound(), f"http://127.0.0.1:{port}/")


def test_the_next_address_is_tried_when_one_takes_no_connection(origin):
    origin.serve("/", b"film")
    client = outbound(resolve=lambda *_: ["127.9.9.9", "127.0.0.1"])
    assert fetch(client, origin.url("/", "two.example"))[1] == b"film"


def test_silence_has_an_end(origin):
    origin.serve("/", b"film", pause_s=3)
    began = Stopwatch()
    with pytest.raises(Unreachable, match="stopped sending"):
        fetch(outbound(), origin.url("/"), idle_s=0.3)
    assert began.read() < 2


def test_a_trickle_has_an_end_too(origin):
    origin.serve("/", b"x" * 1000, pause_s=0.05, block=1)
    began = Stopwatch()
    with pytest.raises(TooSlow):
        fetch(outbound(), origin.url("/"), idle_s=5, total_s=0.5)
    assert began.read() < 2


def test_a_head_that_trickles_has_an_end(origin):
    def drip(handler):
        for letter in b"HTTP/1.1 200 OK\r\n" + b"X-Y: z\r\n" * 100:
            handler.wfile.write(bytes([letter]))
            time.sleep(0.02)
        return True

    origin.answer = drip
    with pytest.raises(TooSlow):
        fetch(outbound(), origin.url("/"), idle_s=5, total_s=0.5)


def test_who_waits_can_be_told_to_stop(origin):
    origin.serve("/", b"film", pause_s=3)
    stopped = threading.Event()
    threading.Timer(0.3, stopped.set).start()

    def check():
        if stopped.is_set():
            raise KeyboardInterrupt

    began = Stopwatch()
    client = outbound()
    with (
        pytest.raises(KeyboardInterrupt),
        client.stream(origin.url("/"), check=check) as answer,
    ):
        list(answer.chunks)
    assert began.read() < 1.5


def test_a_body_that_breaks_off_is_not_whole(origin):
    origin.serve("/", b"x" * 1000, cuts=[500])
    with pytest.raises(Unreachable, match="broke off"):
        fetch(outbound(), origin.url("/"))


def test_a_post_is_not_redirected(origin, canary):
    origin.serve("/", status=307, headers={"Location": f"http://127.0.0.1:{canary.port}/"})
    found = outbound().post(origin.url("/"), b"a=1", headers={"Content-Type": "text/plain"})
    assert (found.status, canary.visits) == (307, 0)


@pytest.mark.parametrize(
    ("served", "seen"),
    [
        ({"data": b"thank you"}, b"thank"),
        ({"data": b"x" * 200_000}, b"x" * 5),
        ({"data": b"x" * 200_000, "has_length": False}, b"x" * 5),
        ({"data": b"broken off", "cuts": [3]}, b"bro"),
        ({"data": gzip.compress(b"film"), "headers": {"Content-Encoding": "gzip"}}, b""),
    ],
)
def test_of_an_answer_that_does_not_matter_the_beginning_is_had(origin, served, seen):
    origin.serve("/", **served)
    limits = Limits(body_bytes=64 * 1024)
    headers = {"webhook-id": "evt_1", "content-type": "application/json"}
    found = outbound().post(origin.url("/"), b"{}", headers=headers, limits=limits, first_bytes=5)
    assert (found.status, found.body) == (200, seen)
    [(_, sent)] = origin.seen
    assert (sent["webhook-id"], sent["content-type"]) == ("evt_1", "application/json")


def test_a_body_that_never_ends_costs_no_more_than_its_time(origin):
    origin.serve("/", b"x" * 100, pause_s=0.2, block=1)
    began = Stopwatch()
    found = outbound().post(
        origin.url("/"), b"{}", headers={}, limits=Limits(total_s=1), first_bytes=1024
    )
    assert found.status == 200
    assert 0 < len(found.body) < 20
    assert began.read() < 3


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for film.example, of no authority anyone knows."""
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    wish = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=film.example"
    names = ["-addext", "subjectAltName=DNS:film.example"]
    subprocess.run(
        ["openssl", *wish.split(), *names, "-keyout", str(key), "-out", str(cert)],
        check=True,
        capture_output=True,
    )
    return key, cert


def test_tls_verifies_the_name_that_was_asked_for(certificate, monkeypatch):
    key, cert = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    from polyreel.infra.outbound import wire

    trusted = ssl.create_default_context(cafile=str(cert))
    with Origin(context) as origin:
        origin.serve("/", b"film")
        client = outbound(resolve=lambda *_: ["127.0.0.1"])
        with pytest.raises(BadAnswer, match="certificate"):
            fetch(client, origin.url("/", "film.example"))
        monkeypatch.setattr(wire, "_ssl_context", lambda: trusted)
        assert fetch(client, origin.url("/", "film.example"))[1] == b"film"
        assert fetch(client, origin.url("/", "film.example."))[1] == b"film"
        for other in ("other.example", "127.0.0.1"):
            with pytest.raises(BadAnswer, match="certificate"):
                fetch(client, origin.url("/", other))
