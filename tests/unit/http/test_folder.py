"""Files of a folder, and nothing outside of it."""

import gzip
import os
from pathlib import Path

import pytest

from polyreel.http.folder import Folder

TEXT = b"const answer = 42;\n" * 200


@pytest.fixture
def root(tmp_path):
    """A folder with something beside it that must not be seen."""
    made = tmp_path / "panel"
    (made / "deep" / "er").mkdir(parents=True)
    (made / "index.html").write_bytes(b"<!doctype html>")
    (made / "app.js").write_bytes(TEXT)
    (made / "deep" / "er" / "a b.txt").write_bytes(b"deep")
    (made / ".env").write_bytes(b"SECRET=1")
    (made / ".git").mkdir()
    (made / ".git" / "config").write_bytes(b"secret")
    (tmp_path / "secret.txt").write_bytes(b"secret")
    (made / "link.txt").symlink_to(tmp_path / "secret.txt")
    (made / "up").symlink_to(tmp_path)
    (made / "inside.js").symlink_to(made / "app.js")
    os.mkfifo(made / "pipe.txt")
    return made


def read(folder, *names, accepted=None):
    found = folder.find(names, accepted)
    if found is None:
        return None
    try:
        return found.read(), found.kind, found.coding
    finally:
        found.close()


def test_files_with_their_types(root):
    folder = Folder(root)
    assert read(folder, "index.html") == (b"<!doctype html>", "text/html; charset=utf-8", None)
    assert read(folder, "app.js") == (TEXT, "text/javascript; charset=utf-8", None)
    assert read(folder, "deep/er/a b.txt") == (b"deep", "text/plain; charset=utf-8", None)
    assert read(folder, "none.html", "index.html") == read(folder, "index.html")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/",
        ".",
        "..",
        "../secret.txt",
        "deep/../../secret.txt",
        "deep/../index.html",
        "/etc/passwd",
        "deep//er",
        "deep",
        "deep/",
        "index.html/",
        "index.html/x",
        ".env",
        ".git/config",
        "link.txt",
        "up/secret.txt",
        "inside.js",
        "pipe.txt",
        "a\0b",
        "..\\secret.txt",
        "\ud800.txt",
        "x" * 300,
        "x/" * 600,
        "a/" * 40 + "b",
        "none.txt",
    ],
)
def test_nothing_else_has_a_name(root, name):
    assert read(Folder(root), name) is None


def test_a_folder_that_is_gone_has_nothing(tmp_path):
    assert read(Folder(tmp_path / "none"), "index.html") is None


def test_twins_that_lie_there_are_used(root):
    (root / "app.js.br").write_bytes(b"brotli")
    (root / "app.js.gz").write_bytes(b"gzipped")
    folder = Folder(root)
    assert read(folder, "app.js", accepted="gzip, br")[::2] == (b"brotli", "br")
    assert read(folder, "app.js", accepted="gzip")[::2] == (b"gzipped", "gzip")
    assert read(folder, "app.js", accepted="identity")[::2] == (TEXT, None)
    (root / "app.js.br").unlink()
    assert read(folder, "app.js", accepted="gzip, br")[::2] == (b"gzipped", "gzip")
    (root / "app.js.gz").unlink()
    (root / "app.js.br").symlink_to(root.parent / "secret.txt")
    assert read(folder, "app.js", accepted="br, gzip;q=0.9")[1:] == (
        "text/javascript; charset=utf-8",
        "gzip",
    )


def test_texts_without_twins_are_packed_once(root):
    folder = Folder(root)
    body, kind, coding = read(folder, "app.js", accepted="br, gzip")
    assert (gzip.decompress(body), kind, coding) == (TEXT, "text/javascript; charset=utf-8", "gzip")
    assert read(folder, "app.js", accepted="gzip")[0] is body
    assert read(folder, "index.html", accepted="gzip")[2] is None
    (root / "app.js").write_bytes(TEXT + b"// more\n")
    assert gzip.decompress(read(folder, "app.js", accepted="gzip")[0]).endswith(b"// more\n")


def test_each_form_has_its_own_version(root):
    (root / "app.js.br").write_bytes(b"brotli")
    folder, seen = Folder(root), set()
    for accepted in (None, "br", "gzip"):
        found = folder.find(["app.js"], accepted)
        assert found is not None
        seen.add((found.version, found.plain_version))
        found.close()
    assert len({version for version, _ in seen}) == 3
    assert len({plain for _, plain in seen}) == 1


def test_nothing_stays_open(root):
    folder = Folder(root)
    (root / "app.js.gz").write_bytes(b"x")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for name in ("app.js", "none.js", "up/x", "pipe.txt", "deep/er/none", "deep"):
        for accepted in (None, "gzip", "br"):
            read(folder, name, accepted=accepted)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
