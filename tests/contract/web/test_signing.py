"""Set-up, signing in and out."""

import asyncio

import pytest

from polyreel.core.options import set_option
from polyreel.core.users import ensure_setup_token, list_users
from tests.contract.web.people import text_of

pytestmark = pytest.mark.anyio

ALICE = {"username": "alice", "password": "correct horse"}


def names(place):
    with place.tools.db.read() as tx:
        return [(user.name, user.is_admin) for user in list_users(tx)]


class TestSetup:
    @pytest.fixture
    def fresh(self, make_place):
        """A server nobody has set up."""
        return make_place(set_up=False)

    @pytest.fixture
    def token(self, fresh):
        return ensure_setup_token(fresh.tools.settings, fresh.tools.db)

    def form(self, token, **changes):
        password = "four random words"
        given = {"token": token, "username": "owner", "password": password, "password2": password}
        return {**given, **changes}

    async def test_the_link_makes_an_administrator_who_is_signed_in(self, fresh, token):
        async with fresh.browser() as browser:
            page = await browser.get("/setup", params={"token": token})
            assert page.status_code == 200
            assert token in page.text
            done = await browser.post("/setup", data=self.form(token))
            assert (done.status_code, done.headers["location"]) == (303, "/")
            assert (await browser.get("/")).status_code == 200
        assert names(fresh) == [("owner", True)]

    async def test_it_works_once(self, fresh, token):
        async with fresh.browser() as first, fresh.browser() as late:
            await first.post("/setup", data=self.form(token))
            again = await late.post("/setup", data=self.form(token, username="other"))
            assert (again.status_code, again.headers["location"]) == (303, "/login")
            assert "set-cookie" not in again.headers
            page = await late.get("/setup", params={"token": token})
            assert (page.status_code, page.headers["location"]) == (303, "/login")
        assert names(fresh) == [("owner", True)]

    async def test_of_many_at_once_one_wins(self, fresh, token):
        async with fresh.browser() as browser:
            forms = [self.form(token, username=f"owner{n}") for n in range(10)]
            answers = await asyncio.gather(*(browser.post("/setup", data=f) for f in forms))
        assert sum("set-cookie" in answer.headers for answer in answers) == 1
        assert len(names(fresh)) == 1

    @pytest.mark.parametrize("wrong", ["", "x" * 43, "\0", "é" * 20])
    async def test_a_wrong_token_opens_nothing(self, fresh, token, wrong):
        async with fresh.browser() as browser:
            page = await browser.get("/setup", params={"token": wrong})
            assert page.status_code == 403
            assert "does not open" in page.text
            assert token not in page.text
            assert (await browser.post("/setup", data=self.form(wrong))).status_code == 403
        assert names(fresh) == []

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"username": "ab"}, "username"),
            ({"password": "short", "password2": "short"}, "password"),
            ({"password2": "something else"}, "password2"),
        ],
    )
    async def test_what_does_not_fit_is_said_at_its_field(self, fresh, token, change, field):
        async with fresh.browser() as browser:
            answer = await browser.post("/setup", data=self.form(token, **change))
        assert answer.status_code == 400
        assert f'id="{field}-error"' in answer.text
        assert "four random words" not in answer.text, "passwords never come back"
        assert names(fresh) == []

    async def test_the_promised_length_is_the_true_one(self, fresh, token):
        async with fresh.browser() as browser:
            short = self.form(token, password="1234567", password2="1234567")
            assert (await browser.post("/setup", data=short)).status_code == 400
            fits = self.form(token, password="12345678", password2="12345678")
            assert (await browser.post("/setup", data=fits)).status_code == 303

    async def test_signing_in_leads_to_setup_first(self, fresh):
        async with fresh.browser() as browser:
            assert (await browser.get("/login")).headers["location"] == "/setup"


class TestLogin:
    async def test_name_and_password_open_a_new_session(self, place):
        async with place.browser() as browser:
            page = await browser.get("/login")
            assert "not encrypted" in page.text
            done = await browser.post("/login", data={**ALICE, "next": "/video/x?y=1"})
            assert (done.status_code, done.headers["location"]) == (303, "/video/x?y=1")
            cookie = done.headers["set-cookie"]
            assert cookie.startswith("polyreel=")
            assert "HttpOnly" in cookie
            assert "SameSite=Lax" in cookie
            first = browser.cookies["polyreel"]
            assert "alice" in (await browser.get("/")).text
            await browser.post("/login", data=ALICE)
            assert browser.cookies["polyreel"] != first
            browser.cookies.set("polyreel", first, domain="video.test", path="/")
            assert (
                await place.browser().get("/", headers={"cookie": f"polyreel={first}"})
            ).status_code == 303

    @pytest.mark.parametrize(
        "given",
        [
            {**ALICE, "password": "incorrect"},
            {"username": "nobody", "password": "correct horse"},
            {},
            {"username": "alice"},
            {"username": "x" * 5000, "password": "y" * 5000},
        ],
    )
    async def test_wrong_ones_learn_nothing(self, place, given):
        async with place.browser() as browser:
            answer = await browser.post("/login", data=given)
        assert answer.status_code == 403
        assert "The name or the password is wrong." in text_of(answer)
        assert "set-cookie" not in answer.headers
        assert given.get("password", "-" * 9) not in answer.text

    @pytest.mark.parametrize(
        "address",
        [
            "//evil.test",
            "/\\evil.test",
            "https://evil.test/",
            "javascript:alert(1)",
            "/\t/evil.test",
            "/\n/evil.test",
            " //evil.test",
            "login",
            "",
            "/a\r\nSet-Cookie: x=1",
        ],
    )
    async def test_the_way_on_stays_on_this_server(self, place, address):
        async with place.browser() as browser:
            page = await browser.get("/login", params={"next": address})
            assert 'name="next" value="/"' in page.text
            done = await browser.post("/login", data={**ALICE, "next": address})
            assert (done.status_code, done.headers["location"]) == (303, "/")
            on = await browser.get("/login", params={"next": address})
            assert (on.status_code, on.headers["location"]) == (303, "/")

    async def test_many_wrong_passwords_have_to_wait(self, place):
        async with place.browser() as browser:
            wrong = {**ALICE, "password": "wrong"}
            statuses = [(await browser.post("/login", data=wrong)).status_code for _ in range(11)]
            late = await browser.post("/login", data=ALICE)
        assert statuses == [403] * 10 + [429]
        assert late.status_code == 429
        assert int(late.headers["retry-after"]) > 0
        assert "Too many attempts" in text_of(late)
        async with place.browser(address="192.168.1.99") as elsewhere:
            assert (await elsewhere.post("/login", data=ALICE)).status_code == 303

    async def test_asking_for_the_set_up_that_is_over_is_no_wrong_password(self, place):
        async with place.browser() as browser:
            for _ in range(31):
                assert (await browser.get("/setup")).headers["location"] == "/login"
            assert (await browser.post("/login", data=ALICE)).status_code == 303

    async def test_over_https_the_cookie_is_bound_to_the_host(self, place):
        async with place.browser(origin="https://video.test") as browser:
            page = await browser.get("/login")
            assert "not encrypted" not in page.text
            done = await browser.post("/login", data=ALICE)
        assert done.headers["set-cookie"].startswith("__Host-polyreel=")
        assert "; Secure" in done.headers["set-cookie"]

    async def test_this_machine_needs_no_warning(self, place):
        async with place.browser(address="127.0.0.1") as browser:
            assert "not encrypted" not in (await browser.get("/login")).text

    async def test_where_https_is_required_plain_http_signs_nobody_in(self, make_place):
        place = make_place(require_https=True, base_url="https://secure.test")
        async with place.browser() as browser:
            for answer in (await browser.get("/login"), await browser.post("/login", data=ALICE)):
                assert answer.status_code == 403
                assert "https://secure.test" in answer.text
                assert "set-cookie" not in answer.headers
        async with place.browser(origin="https://secure.test") as browser:
            assert (await browser.post("/login", data=ALICE)).status_code == 303

    async def test_a_page_at_the_public_address_is_ours(self, place):
        async with place.browser() as browser:
            del browser.headers["sec-fetch-site"]
            given = {"data": ALICE, "headers": {"origin": "https://public.test"}}
            assert (await browser.post("/login", **given)).status_code == 403
            with place.tools.db.write() as tx:
                set_option(tx, None, "public_url", "https://public.test")
            await browser.get("/login")
            assert (await browser.post("/login", **given)).status_code == 303
            elsewhere = {**given, "headers": {"origin": "https://other.test"}}
            assert (await browser.post("/login", **elsewhere)).status_code == 403


class TestLogout:
    async def test_it_ends_the_session_on_the_server(self, place):
        async with place.browser() as browser:
            await browser.post("/login", data=ALICE)
            token = browser.cookies["polyreel"]
            done = await browser.post("/logout")
            assert (done.status_code, done.headers["location"]) == (303, "/login")
            assert "Max-Age=0" in done.headers["set-cookie"]
            again = await browser.get("/session", headers={"cookie": f"polyreel={token}"})
            assert again.status_code == 401

    async def test_without_a_session_it_is_fine(self, place):
        async with place.browser() as browser:
            assert (await browser.post("/logout")).status_code == 303


class TestOtherSites:
    @pytest.mark.parametrize(
        "told",
        [
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
            {"sec-fetch-site": "", "origin": "http://evil.test"},
        ],
    )
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/login"),
            ("POST", "/logout"),
            ("POST", "/setup"),
            ("POST", "/folders"),
            ("POST", "/upload"),
            ("PATCH", "/video/x"),
            ("DELETE", "/video/x"),
        ],
    )
    async def test_their_pages_change_nothing(self, place, told, method, path):
        async with place.browser("alice") as browser:
            answer = await browser.request(method, path, headers=told, data=ALICE)
            assert answer.status_code == 403
            assert "set-cookie" not in answer.headers
            assert (await browser.get("/session")).status_code == 204

    async def test_programs_that_do_not_say_are_refused_too(self, place):
        browser = place.browser("alice")
        del browser.headers["sec-fetch-site"]
        async with browser:
            assert (await browser.post("/folders", json={"name": "x"})).status_code == 403
            said = {"origin": "http://video.test"}
            made = await browser.post("/folders", json={"name": "x"}, headers=said)
            assert made.status_code == 201
