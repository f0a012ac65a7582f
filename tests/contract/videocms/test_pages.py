"""The chapters "Web pages" and what everybody reads of them. Source: the VideoCMS contract, 5 and 18."""

import pytest

from tests.contract.videocms.site import golden, is_text, shape

TERMS = {"Path": "/terms", "Title": "Terms", "Html": "<p>Be kind.</p>", "ListInFooter": True}


@pytest.fixture
def admin(site):
    """The client of alice, an administrator."""
    site.client.headers["authorization"] = f"Bearer {site.jwt(site.alice)}"
    return site.client


def written(client, **changes):
    """A page, made through the API; its row."""
    assert is_text(client.post("/api/page", json={**TERMS, **changes}), 200, "ok")
    return client.get("/api/pages").json()[-1]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/pages"), ("POST", "/api/page"), ("PUT", "/api/page"), ("DELETE", "/api/page")],
)
class TestWho:
    def test_nobody_unknown(self, site, method, path):
        assert is_text(site.anonymous(method, path), 403)

    def test_no_stranger(self, client, method, path):
        assert is_text(client.request(method, path), 403, "Not Permitted")

    def test_no_key_not_even_an_administrators(self, site, method, path):
        found = site.client.request(method, path, headers=site.as_key(site.alice))
        assert is_text(found, 403, "API Key Not Permitted for Admin Routes")


class TestList:
    def test_without_pages_it_is_empty(self, admin):
        assert admin.get("/api/pages").text == "[]\n"

    def test_rows_as_they_were_written(self, admin):
        row = written(admin, Html="<p onclick=x>hi</p>")
        assert shape(row) == shape(golden("page"))
        assert row["Html"] == "<p onclick=x>hi</p>"


class TestCreate:
    @pytest.mark.parametrize(("sent", "kept"), [("/terms", "/terms/"), ("/terms/", "/terms/")])
    def test_its_path_ends_in_a_slash(self, admin, sent, kept):
        assert written(admin, Path=sent)["Path"] == kept

    def test_from_a_form_too_and_out_of_the_footer(self, admin):
        form = {**TERMS, "ListInFooter": "false"}
        assert is_text(admin.post("/api/page", data=form), 200, "ok")
        assert admin.get("/api/pages").json()[0]["ListInFooter"] is False

    def test_a_path_that_is_taken_is_400(self, admin):
        written(admin)
        assert is_text(admin.post("/api/page", json={**TERMS, "Path": "/terms/"}), 400)

    @pytest.mark.parametrize(
        ("change", "text"),
        [
            ({"Path": ""}, "Path [required] : "),
            ({"Path": "/"}, "Path [min] : 2"),
            ({"Path": "/" * 51}, "Path [max] : 50"),
            ({"Title": "T"}, "Title [min] : 2"),
            ({"Title": "T" * 129}, "Title [max] : 128"),
            ({"Html": ""}, "Html [required] : "),
            ({"Html": "x" * 50_001}, "Html [max] : 50000"),
            ({"ListInFooter": None}, "ListInFooter [required] : "),
        ],
    )
    def test_the_first_rule_that_fails_is_told(self, admin, change, text):
        assert is_text(admin.post("/api/page", json={**TERMS, **change}), 400, text)
        assert admin.get("/api/pages").json() == []

    @pytest.mark.parametrize(
        "change", [{"ListInFooter": "true"}, {"Html": 7}, {"Path": "/a\nb"}, {"Html": "a\0b"}]
    )
    def test_what_makes_no_sense_is_400(self, admin, change):
        assert is_text(admin.post("/api/page", json={**TERMS, **change}), 400)


class TestChange:
    def test_its_path_is_kept_as_sent(self, admin):
        row = written(admin)
        new = {"WebPageID": row["ID"], "Path": "/rules", "Title": "Rules", "Html": "<i>x</i>"}
        assert is_text(admin.put("/api/page", json={**new, "ListInFooter": False}), 200, "ok")
        (now,) = admin.get("/api/pages").json()
        assert {key: now[key] for key in TERMS} == {
            "Path": "/rules",
            "Title": "Rules",
            "Html": "<i>x</i>",
            "ListInFooter": False,
        }
        assert now["CreatedAt"] == row["CreatedAt"]

    def test_the_same_path_may_stay(self, admin):
        row = written(admin)
        same = {**TERMS, "Path": row["Path"], "WebPageID": row["ID"]}
        assert is_text(admin.put("/api/page", json=same), 200, "ok")

    def test_a_path_that_is_taken_is_400_and_a_missing_page_404(self, admin):
        written(admin)
        other = written(admin, Path="/other")
        taken = {**TERMS, "Path": "/terms/", "WebPageID": other["ID"]}
        assert is_text(admin.put("/api/page", json=taken), 400)
        assert is_text(admin.put("/api/page", json={**taken, "WebPageID": 99}), 404)
        assert is_text(admin.put("/api/page", json=TERMS), 400, "WebPageID [required] : ")


class TestDelete:
    def test_it_is_gone(self, admin):
        row = written(admin)
        found = admin.request("DELETE", "/api/page", json={"WebPageID": row["ID"]})
        assert is_text(found, 200, "ok")
        assert admin.get("/api/pages").json() == []
        found = admin.request("DELETE", "/api/page", json={"WebPageID": row["ID"]})
        assert is_text(found, 400)

    def test_the_first_rule_that_fails_is_told(self, admin):
        found = admin.request("DELETE", "/api/page", json={})
        assert is_text(found, 400, "WebPageID [required] : ")


class TestPublic:
    def test_without_pages_it_is_empty(self, site):
        assert site.anonymous("GET", "/api/p/pages").text == "[]\n"

    def test_anyone_lists_them(self, site, admin):
        written(admin)
        found = site.anonymous("GET", "/api/p/pages")
        assert found.json() == golden("pages_public")
        assert list(found.json()[0]) == list(golden("pages_public")[0])

    @pytest.mark.parametrize("name", ["Path", "path"])
    def test_anyone_reads_one_as_text(self, site, admin, name):
        written(admin)
        found = site.anonymous("GET", "/api/p/page", params={name: "/terms/"})
        assert is_text(found, 200, "<p>Be kind.</p>")

    def test_what_it_shows_is_harmless_and_keeps_its_layout(self, site, admin):
        html = '<div class="row" style="color:red">hi</div><script>alert(1)</script>'
        written(admin, Html=html)
        found = site.anonymous("GET", "/api/p/page", params={"path": "/terms/"})
        assert is_text(found, 200, '<div class="row" style="color:red">hi</div>')

    @pytest.mark.parametrize("path", ["/terms", "/TERMS/", "/nowhere/"])
    def test_another_path_is_404(self, site, admin, path):
        written(admin)
        assert is_text(site.anonymous("GET", "/api/p/page", params={"path": path}), 404)

    @pytest.mark.parametrize(
        ("query", "text"),
        [("", "Path [required] : "), ("path=x", "Path [min] : 2"), ("path=" + "x" * 51, "Path [max] : 50")],
    )  # fmt: skip
    def test_the_first_rule_that_fails_is_told(self, site, query, text):
        assert is_text(site.anonymous("GET", f"/api/p/page?{query}"), 400, text)


class TestExample:
    def test_anyone_reads_it_as_text(self, site):
        assert is_text(site.anonymous("GET", "/api/file/example"), 200, "notfound")
        site.option("example_video", "550e8400-e29b-41d4-a716-446655440000")
        found = site.anonymous("GET", "/api/file/example")
        assert is_text(found, 200, "550e8400-e29b-41d4-a716-446655440000")


class TestVersion:
    def test_it_is_the_newest_we_know_of(self, admin):
        found = admin.get("/api/versioncheck")
        assert is_text(found, 200)
        assert found.text.startswith("Polyreel ")

    def test_only_administrators_in_person(self, site):
        assert is_text(site.anonymous("GET", "/api/versioncheck"), 403)
        assert is_text(site.client.get("/api/versioncheck"), 403, "Not Permitted")
        found = site.client.get("/api/versioncheck", headers=site.as_key(site.alice))
        assert is_text(found, 403, "API Key Not Permitted for Admin Routes")
