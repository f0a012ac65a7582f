"""A file is read in one sitting."""

from tests.arch.tree import PACKAGE, modules, shown

MOST_LINES = 450


def test_no_file_grows_beyond_one_sitting():
    long = {
        shown(path): lines
        for path in modules()
        if path.name != "tables.py"
        and not path.is_relative_to(PACKAGE / "migrations")
        and (lines := len(path.read_text().splitlines())) > MOST_LINES
    }
    assert long == {}, f"more than {MOST_LINES} lines: which second purpose can move out?"
