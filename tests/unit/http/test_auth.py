"""Who is calling: forwarded headers, cookies, origins, tokens."""

from datetime import timedelta

import pytest

from polyreel.core import users
from polyreel.http import auth
from polyreel.http.auth import Client, Proxies
from polyreel.infra.secrets import Secrets
from polyreel.kit import clock
from polyreel.kit.errors import Forbidden, Unauthenticated
from tests.factories.database import open_database
from tests.factories.users import make_user
from tests.pace import Stopwatch

HTTPS = Client(address="203.0.113.9", scheme="https", host="video.example.org")
HTTP = Client(address="192.168.1.5", scheme="http", host="nas.local:8080")


def lines(**given):
    return [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items()]


def scope(client=("10.0.0.1", 5), scheme="http", **headers):
    return {"client": client, "scheme": scheme, "headers": lines(**headers)}


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "seen"),
    [
        ("", "10.0.0.1", "1.2.3.4", "10.0.0.1"),
        ("10.0.0.0/8", "10.0.0.1", "1.2.3.4", "1.2.3.4"),
        ("10.0.0.0/8", "10.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        ("10.0.0.0/8", "10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.7", "1.2.3.4"),
        ("10.0.0.0/8", "10.0.0.1", "10.0.0.9,10.0.0.7", "10.0.0.9"),
        ("10.0.0.0/8", "10.0.0.1", "1.2.3.4, nonsense", "10.0.0.1"),
        ("10.0.0.0/8", "10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.0/8", "10.0.0.1", "1.2.3.4:55", "1.2.3.4"),
        ("::1, 10.0.0.1", "::1", "[2001:db8::7]:443", "2001:db8::7"),
        ("10.0.0.0/8", "::ffff:10.0.0.1", "1.2.3.4", "1.2.3.4"),
        ("10.0.0.0/8", "8.8.8.8", "1.2.3.4", "8.8.8.8"),
        ("10.0.0.0/8", "", "1.2.3.4", ""),
        ("10.0.0.0/8", "10.0.0.1", "1.2.3.4," + "10.0.0.1," * 500, "10.0.0.1"),
    ],
)
def test_forwarded_addresses_count_only_behind_trusted_proxies(trusted, peer, forwarded, seen):
    got = auth.read_client(scope((peer, 5), x_forwarded_for=forwarded), Proxies(trusted))
    assert got.address == seen


def test_several_lines_of_one_header_are_one_list():
    got = scope()
    got["headers"] += [(b"x-forwarded-for", b"6.6.6.6"), (b"x-forwarded-for", b"1.2.3.4")]
    assert auth.read_client(got, Proxies("10.0.0.1")).address == "1.2.3.4"


def test_the_scheme_is_forwarded_only_by_trusted_proxies_or_known_from_our_own_address():
    asked = scope(x_forwarded_proto="https", host="video.example.org")
    assert auth.read_client(asked, Proxies("")).scheme == "http"
    assert auth.read_client(asked, Proxies("10.0.0.1")).scheme == "https"
    plain = scope(host="Video.example.org")
    ours = "https://video.example.org"
    assert auth.read_client(plain, Proxies(""), base_urls=[ours]).scheme == "https"
    assert auth.read_client(scope(host="nas"), Proxies(""), base_urls=[ours]).scheme == "http"
    assert auth.read_client(scope(None, "https"), Proxies("")).scheme == "https"


def test_nonsense_in_the_setting_is_an_error():
    with pytest.raises(ValueError, match="proxy"):
        Proxies("10.0.0.1, proxy")


@pytest.mark.parametrize(
    ("line", "token"),
    [("Bearer abc", "abc"), ("abc", "abc"), ("Bearer  x  y", "y"), ("", None), ("  ", None)],
)
def test_a_token_is_the_last_word(line, token):
    assert auth.bearer_token(lines(authorization=line)) == token


def test_without_a_header_there_is_no_token():
    assert auth.bearer_token([]) is None


def test_over_https_the_cookie_is_bound_to_the_host():
    expires_at = clock.now() + timedelta(minutes=2)
    name, value = auth.set_cookie_header(HTTPS, "abc", expires_at=expires_at)
    parts = value.decode().split("; ")
    assert name == b"set-cookie"
    assert parts[:5] == ["__Host-polyreel=abc", "Path=/", "HttpOnly", "SameSite=Lax", "Secure"]
    assert parts[5] in ("Max-Age=119", "Max-Age=120")
    assert auth.session_token(lines(cookie="a=b; __Host-polyreel=abc"), HTTPS) == "abc"
    assert auth.session_token(lines(cookie="polyreel=abc"), HTTPS) is None


def test_over_http_the_cookie_has_its_plain_name():
    _, value = auth.set_cookie_header(HTTP, "abc")
    assert value == b"polyreel=abc; Path=/; HttpOnly; SameSite=Lax"
    assert auth.session_token(lines(cookie="polyreel=abc"), HTTP) == "abc"
    assert auth.session_token(lines(cookie="__Host-polyreel=abc; polyreel="), HTTP) is None


def test_signing_out_takes_the_cookie_away():
    _, value = auth.set_cookie_header(HTTPS, "")
    assert value.endswith(b"; Secure; Max-Age=0")


@pytest.mark.parametrize(
    ("headers", "client", "answer"),
    [
        ({"sec_fetch_site": "same-origin"}, HTTPS, True),
        ({"sec_fetch_site": "none"}, HTTPS, True),
        ({"sec_fetch_site": "same-site"}, HTTPS, False),
        ({"sec_fetch_site": "cross-site", "origin": "https://video.example.org"}, HTTPS, False),
        ({"origin": "https://video.example.org"}, HTTPS, True),
        ({"origin": "https://VIDEO.example.org:443"}, HTTPS, True),
        ({"origin": "https://evil.example.org"}, HTTPS, False),
        ({"origin": "https://video.example.org.evil.example"}, HTTPS, False),
        ({"origin": "https://video.example.org:8443"}, HTTPS, False),
        ({"origin": "http://nas.local:8080"}, HTTP, True),
        ({"origin": "http://nas.local"}, HTTP, False),
        ({"origin": "null"}, HTTP, False),
        ({"origin": "http://[broken"}, HTTP, False),
        ({"origin": "file://"}, HTTP, False),
        ({"origin": "http://nas.local:99999"}, HTTP, False),
        ({}, HTTP, False),
    ],
)
def test_a_browser_has_to_say_that_a_page_of_ours_sent_it(headers, client, answer):
    assert auth.is_same_origin(lines(**headers), client) is answer


@pytest.mark.parametrize("origin", ["chrome-extension://abcdef", "app://local", "nas.local", "x:"])
def test_an_origin_without_host_and_port_is_not_ours_on_a_standard_port(origin):
    client = Client(address="192.168.1.5", scheme="http", host="nas.local")
    assert auth.is_same_origin(lines(origin="http://nas.local"), client)
    assert not auth.is_same_origin(lines(origin=origin), client)


@pytest.mark.parametrize(
    "beside",
    ['seen={"a": "b"}', "a b", "=", "vc=1", "x=" + "\\" * 300_000, 'q="' + "\\a" * 150_000 + '"'],
)
def test_what_other_programs_of_the_host_keep_in_cookies_hides_ours_from_nobody(beside):
    began = Stopwatch()
    assert auth.cookie(lines(cookie=f"{beside}; vc_media=v1.x"), "vc_media") == "v1.x"
    split = [(b"cookie", beside.encode()), (b"cookie", b"vc_media=v1.x")]
    assert auth.cookie(split, "vc_media") == "v1.x"
    assert began.read() < 1


def test_our_public_address_is_ours_whatever_host_a_proxy_sends():
    sent = lines(origin="https://video.example.org")
    inside = Client(address="", scheme="http", host="127.0.0.1:8080")
    assert not auth.is_same_origin(sent, inside)
    assert auth.is_same_origin(sent, inside, base_urls=["https://video.example.org"])


def test_a_proxy_that_ends_tls_unknown_to_us_locks_nobody_out():
    hidden = Client(address="", scheme="http", host="video.example.org")
    assert auth.is_same_origin(lines(origin="https://video.example.org"), hidden)


@pytest.fixture
def db(tmp_path):
    found = open_database(tmp_path)
    yield found
    found.close()
    found.notifier.close()


def test_a_cookie_changes_something_only_from_a_page_of_ours(db):
    alice = make_user(db)
    with db.write() as tx:
        token = users.start_session(tx, alice).token
    cookie = lines(cookie=f"polyreel={token}")
    foreign = [*cookie, (b"origin", b"https://evil.example.org")]
    ours = [*cookie, (b"origin", b"http://nas.local:8080")]
    with db.read() as tx:
        for headers, method in [(cookie, "GET"), (foreign, "HEAD"), (ours, "POST")]:
            actor = auth.actor_by_cookie(tx, headers, HTTP, method)
            assert actor is not None
            assert (actor.user_id, actor.via) == (alice.id, "session")
        for headers, method in [(foreign, "POST"), (cookie, "DELETE"), (foreign, "post")]:
            with pytest.raises(Forbidden):
                auth.actor_by_cookie(tx, headers, HTTP, method)
        assert auth.actor_by_cookie(tx, [], HTTP, "POST") is None
        assert auth.actor_by_cookie(tx, lines(cookie="polyreel=x"), HTTP, "POST") is None


def test_a_videocms_token_is_a_key_or_a_jwt(db, tmp_path):
    secrets, alice = Secrets(tmp_path / "secret.key"), make_user(db)
    with db.write() as tx:
        key = users.create_key(tx, users.actor_of(alice), "videocms", name="script").text
        other = users.create_key(tx, users.actor_of(alice), "uploads", name="script").text
    with db.read() as tx:
        assert auth.actor_by_token(tx, secrets, key).via == "key"
        assert auth.actor_by_token(tx, secrets, users.issue_jwt(secrets, alice).token).via == "jwt"
        for wrong in (other, "ak_" + "0" * 64, "nothing"):
            with pytest.raises(Unauthenticated):
                auth.actor_by_token(tx, secrets, wrong)
