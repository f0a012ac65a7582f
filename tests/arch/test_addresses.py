"""Pages load nothing from elsewhere, and the checkout knows no machine."""

import re

from tests.arch.tree import PACKAGE, VENDORED, kept_files, shown

# XML names that look like addresses and are never fetched.
NAMES = re.compile(r"http://www\.w3\.org/[\w/]+")
ADDRESS = re.compile(r"""(?:https?:)?//[a-z0-9-]+(?:\.[a-z0-9-]+)+""", re.IGNORECASE)
PAGE_FILES = {".html", ".htm", ".xml", ".svg", ".css", ".js", ".mjs", ".json", ".jinja", ".txt"}
MACHINE = re.compile(
    r"(?<![\w.}/~-])/(?:work|root|Users)/\w|(?<![\w.}/])/home/(?!you\b|polyreel\b)\w"
)


def text_of(path):
    try:
        return path.read_text()
    except UnicodeDecodeError:
        return ""


def test_our_pages_name_no_other_host():
    found = []
    for path in sorted((PACKAGE / "web").rglob("*")):
        if path.suffix in PAGE_FILES and not path.is_relative_to(VENDORED):
            hits = ADDRESS.findall(NAMES.sub("", text_of(path)))
            found += [f"{shown(path)}: {hit}" for hit in hits]
    assert found == [], "everything a page needs is vendored"


def test_no_file_names_a_place_of_one_machine():
    found = [
        f"{shown(path)}: {hit.group()}"
        for path in kept_files()
        if not path.is_relative_to(VENDORED)
        for hit in MACHINE.finditer(text_of(path))
    ]
    assert found == []


def test_whatever_is_vendored_keeps_its_licence():
    if VENDORED.is_dir():
        bare = [one.name for one in VENDORED.iterdir() if not list(one.glob("LICEN[CS]E*"))]
        assert bare == [], "one folder for each, with its LICENSE"
