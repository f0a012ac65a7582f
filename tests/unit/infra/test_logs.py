"""One event is one line, whoever wrote the words in it."""

import contextlib
import io
import json
import logging
import re
import time
from pathlib import Path

import pytest

from polyreel.infra.logs import configure_logs, flush_logs, log_request
from polyreel.settings import Settings

MOMENT = re.compile(r"20\d\d-[01]\d-[0-3]\dT\d\d:\d\d:\d\d\.\d{3}(Z|\d{3}\+00:00)")


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Configure logs in a form and take what a call writes."""
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    levels = {name: logging.getLogger(name).level for name in ("alembic", "httpx", "asyncio")}

    def written(log_format, act, level="info"):
        stream = io.StringIO()
        monkeypatch.setattr("sys.stderr", stream)
        configure_logs(Settings(data_dir=tmp_path, log_format=log_format, log_level=level))
        act(logging.getLogger("polyreel.test"))
        return stream.getvalue()

    yield written
    root.handlers[:], level = before[0], before[1]
    root.setLevel(level)
    for name, usual in levels.items():
        logging.getLogger(name).setLevel(usual)


def crash(log):
    try:
        raise ValueError("no")
    except ValueError:
        log.exception("it broke")


def test_json_lines_hold_what_the_caller_gave(written):
    line = written("json", lambda log: log.info("done %s", 1, extra={"job_id": 7, "kind": "x"}))
    found = json.loads(line)
    assert (found["message"], found["job_id"], found["kind"]) == ("done 1", 7, "x")
    assert (found["level"], found["logger"]) == ("info", "polyreel.test")
    assert found["time"].endswith("+00:00")


def test_a_crash_is_one_json_line_with_its_traceback(written):
    (line,) = written("json", crash).splitlines()
    assert "ValueError: no" in json.loads(line)["traceback"]


def test_what_json_cannot_hold_is_written_all_the_same(written):
    line = written("json", lambda log: log.info("odd", extra={"path": object(), "raw": b"\xff"}))
    assert json.loads(line)["message"] == "odd"


def test_fields_cannot_pass_for_the_line_s_own(written):
    line = written("json", lambda log: log.info("true", extra={"level": "none", "time": "never"}))
    found = json.loads(line)
    assert (found["level"], found["time"] == "never") == ("info", False)


@pytest.mark.parametrize(
    "foreign", ["a\nb", "a\r\nb", "\x1b[31mred", "a\x00b", "a\u2028b", "a\x85b"]
)
def test_foreign_words_neither_end_a_line_nor_speak_to_the_terminal(written, foreign):
    text = written("text", lambda log: log.info("got %s", foreign, extra={"name_of": foreign}))
    assert len(text.splitlines()) == 1
    assert text.rstrip("\n").isprintable()
    assert len(written("json", lambda log: log.info("%s", foreign)).split("\n")) == 2


def test_text_lines_show_fields_that_can_be_told_apart(written):
    text = written("text", lambda log: log.info("done", extra={"kind": "x", "said": 'a "b" c=d'}))
    assert text.endswith('polyreel.test: done  kind=x said="a \\"b\\" c=d"\n')


def test_a_level_hides_what_is_below_it(written):
    assert written("text", lambda log: log.info("quiet"), level="warning") == ""
    assert "loud" in written("text", lambda log: log.warning("loud"), level="warning")


def test_chatty_libraries_are_asked_to_be_quiet(written):
    assert written("text", lambda log: logging.getLogger("httpx").info("GET /")) == ""


def test_gathered_lines_come_together_and_before_what_is_wrong(tmp_path, monkeypatch, written):
    written("text", lambda log: None)
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    configure_logs(Settings(data_dir=tmp_path), gather=True)
    log = logging.getLogger("polyreel.test")
    log.info("one")
    log.info("two")
    assert stream.getvalue() == ""
    log.warning("three")
    assert [line.split()[-1] for line in stream.getvalue().splitlines()] == ["one", "two", "three"]
    log.info("four")
    deadline = time.monotonic() + 5
    while "four" not in stream.getvalue():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_the_line_of_a_request_is_as_every_line(tmp_path, monkeypatch, written, log_format):
    """Gathered it is made without a record, which is to be seen by nobody."""
    fields = {"method": "GET", "path": '/a b"=\n', "status": 200, "ms": 0.1, "error": None}

    def told(*, gather, level="info"):
        stream = io.StringIO()
        monkeypatch.setattr("sys.stderr", stream)
        given = Settings(data_dir=tmp_path, log_format=log_format, log_level=level)
        configure_logs(given, gather=gather)
        log_request(fields)
        logging.getLogger("polyreel.test").warning("after it")
        return [MOMENT.sub("then", line) for line in stream.getvalue().splitlines()]

    written("text", lambda log: None)
    lines = told(gather=True)
    assert lines == told(gather=False)
    assert [line.count("then") for line in lines] == [1, 1]
    assert "polyreel.access" in lines[0]
    if log_format == "json":
        assert json.loads(lines[0]).items() >= fields.items()
    else:
        assert r'method=GET path="/a b\"=\n" status=200 ms=0.1 error=None' in lines[0]
    assert len(told(gather=True, level="warning")) == 1


def test_what_cannot_be_written_harms_nobody(tmp_path, monkeypatch, written):
    written("text", lambda log: None)
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr("sys.stderr", full)
        configure_logs(Settings(data_dir=tmp_path), gather=True)
        logging.getLogger("polyreel.test").warning("too much")
        # What it kept of that is not to be tried again when it is closed.
        with contextlib.suppress(OSError):
            full.close()


def test_what_is_gathered_is_written_when_asked_for(tmp_path, monkeypatch, written):
    written("text", lambda log: None)
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    configure_logs(Settings(data_dir=tmp_path), gather=True)
    logging.getLogger("polyreel.test").info("last words")
    flush_logs()
    assert "last words" in stream.getvalue()
