"""/p/<path>: pages that administrators wrote."""

import pytest

from polyreel.core.pages import Draft, create_page

pytestmark = pytest.mark.anyio


def write(place, path, html="<p>Be kind.</p>", *, title="Terms", in_footer=False):
    with place.tools.db.write() as tx:
        create_page(tx, place.actor_in(tx, "root"), Draft(path, title, html, in_footer))


@pytest.mark.parametrize("kept", ["/terms/", "/terms", "terms"])
async def test_everybody_reads_it_with_or_without_a_slash(place, kept):
    write(place, kept)
    for who in (None, "alice"):
        async with place.browser(who) as browser:
            for address in ("/p/terms/", "/p/terms"):
                answer = await browser.get(address)
                assert answer.status_code == 200
                assert "<p>Be kind.</p>" in answer.text
                assert "<h1>Terms</h1>" in answer.text


async def test_it_may_look_as_its_author_wanted_and_do_nothing(place):
    write(place, "/a/b/", '<div style="color:red">x</div><script>alert(1)</script>', title="<b>T")
    async with place.browser() as nobody:
        answer = await nobody.get("/p/a/b/")
    assert '<div style="color:red">x</div>' in answer.text
    assert "alert(1)" not in answer.text
    assert "<h1>&lt;b&gt;T</h1>" in answer.text
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "style-src 'self' 'unsafe-inline'" in policy
    assert "frame-ancestors 'none'" in policy


async def test_the_pages_for_the_footer_are_linked(place):
    write(place, "/terms/", in_footer=True)
    write(place, "/hidden/", title="Hidden")
    async with place.browser() as nobody:
        text = (await nobody.get("/p/hidden/")).text
    assert '<a href="/p/terms/">Terms</a>' in text
    assert 'href="/p/hidden/"' not in text


@pytest.mark.parametrize("address", ["/p/", "/p", "/p/nothing", "/p/nothing/", "/p/%2e%2e/x"])
async def test_what_nobody_wrote_is_404(place, address):
    async with place.browser() as nobody:
        answer = await nobody.get(address)
    assert answer.status_code == 404
    assert "Not here" in answer.text
