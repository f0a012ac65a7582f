"""The command line: what a person types and reads."""

from typing import Literal

import pytest
from typer.testing import CliRunner

from polyreel import cli
from polyreel.app import close_tools, open_tools
from polyreel.core.options import read_options
from polyreel.core.users import find_key, find_user_by_name
from polyreel.kit.errors import AppError
from polyreel.settings import Settings
from tests.databases import ON_POSTGRESQL, database_url, everything_in


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run one command on a data folder of its own; its output, or its error."""
    if ON_POSTGRESQL:
        url = database_url(tmp_path / "data" / "polyreel.db", empty=True)
        monkeypatch.setenv("POLYREEL_DATABASE_URL", url)
    # Handlers of the log would outlive the runner's streams.
    monkeypatch.setattr(cli, "configure_logs", lambda settings: None)

    def run(*arguments, stdin="", code=0):
        given = [*arguments, "--data-dir", str(tmp_path / "data")]
        ended = CliRunner().invoke(cli.app, given, input=stdin)
        if isinstance(ended.exception, AppError):
            return f"refused: {ended.exception}"
        assert ended.exit_code == code, ended.output
        return ended.output

    return run


@pytest.fixture
def read(tmp_path):
    def read(look):
        folder = tmp_path / "data"
        url = database_url(folder / "polyreel.db")
        tools = open_tools(Settings(data_dir=folder, database_url=url))
        try:
            with tools.db.read() as tx:
                return look(tx, tools)
        finally:
            close_tools(tools)

    return read


def add_user(run, name="alice", *more):
    return run("user", "add", name, *more, "--password-stdin", stdin="correct horse battery\n")


def test_the_version_is_one_word():
    ended = CliRunner().invoke(cli.app, ["version"])
    assert len(ended.output.split()) == 1


def test_settings_are_printed_as_they_are(run, tmp_path, monkeypatch):
    monkeypatch.setenv("POLYREEL_DATABASE_URL", "postgresql://polyreel:hunter2@db/x")
    monkeypatch.setenv("POLYREEL_BASE_URL", "https://[bold]odd[/]")
    shown = run("settings")
    assert f"POLYREEL_DATA_DIR={tmp_path / 'data'}" in shown
    assert "POLYREEL_BASE_URL=https://[bold]odd[/]\n" in shown
    assert "hunter2" not in shown
    assert not (tmp_path / "data").exists(), "looking makes nothing"


def test_an_account_is_made_with_a_password_from_standard_input(run, read, tmp_path):
    assert add_user(run, "alice", "--admin") == "alice has an account as administrator.\n"
    user = read(lambda tx, tools: find_user_by_name(tx, "alice"))
    assert user.is_admin
    kept = everything_in(tmp_path / "data" / "polyreel.db")
    assert b"alice" in kept
    assert b"correct horse" not in kept
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0


def test_an_account_is_made_once(run):
    add_user(run)
    assert add_user(run).startswith("refused: ")


@pytest.mark.parametrize("password", ["", "\n", "short\n"])
def test_a_poor_password_is_refused(run, password):
    said = run("user", "add", "bob", "--password-stdin", stdin=password)
    assert said.startswith("refused: ")


@pytest.mark.parametrize("key_for", ["videocms", "uploads", "tubearchivist", "optimized"])
def test_a_key_is_the_last_word_and_opens_its_api(run, read, key_for):
    add_user(run)
    said = run("key", "add", "alice", "--for", key_for)
    assert said.count("\n") == 1
    text = said.split()[-1]
    actor = read(lambda tx, tools: find_key(tx, text, key_for))
    assert (actor.username, actor.key_for) == ("alice", key_for)
    other: Literal["uploads", "videocms"] = "uploads" if key_for != "uploads" else "videocms"
    assert read(lambda tx, tools: find_key(tx, text, other)) is None


def test_a_key_for_nobody_is_refused(run):
    assert run("key", "add", "nobody", "--for", "uploads") == (
        "refused: There is no account called nobody."
    )


def test_a_key_for_an_api_we_do_not_speak_is_refused(run):
    run("key", "add", "alice", "--for", "gopher", code=2)


class TestAdd:
    @pytest.mark.parametrize("name", ["film.mp4", "[bold]odd [/x] [film].mp4", "a[/].mp4"])
    def test_a_file_becomes_a_video_under_its_own_name(self, run, tmp_path, name):
        add_user(run)
        file = tmp_path / name.replace("/", "_")
        file.write_bytes(b"bytes")
        said = run("add", str(file), "--user", "alice")
        assert f"{file.name}: received  /v/" in said

    def test_a_folder_that_does_not_exist_is_said(self, run, tmp_path):
        add_user(run)
        file = tmp_path / "film.mp4"
        file.write_bytes(b"bytes")
        said = run("add", str(file), "--user", "alice", "--folder", "no/such")
        assert said.endswith("There is no folder no/such.")

    def test_a_file_that_does_not_exist_is_said(self, run, tmp_path):
        run("add", str(tmp_path / "none"), "--user", "alice", code=2)


def test_options_are_changed_and_shown(run, read):
    assert run("option", "set", "remote_pages_enabled", "true") == ""
    assert run("option", "set", "max_fps", "30") == ""
    assert run("option", "set", "hcaptcha_private_key", "s3cret") == ""
    options = read(lambda tx, tools: read_options(tx))
    assert (options.remote_pages_enabled, options.max_fps) == (True, 30)
    shown = run("option", "list")
    assert "max_fps=30" in shown
    assert "s3cret" not in shown


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("none_such", "1"),
        ("max_fps", "0"),
        ("max_fps", "many"),
        ("remote_pages_enabled", "perhaps"),
    ],
)
def test_what_no_option_can_be_is_refused_by_name(run, name, value):
    said = run("option", "set", name, value)
    assert said.startswith("refused: ")
    assert name in said
