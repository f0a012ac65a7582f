"""What a person types and reads."""

import pytest
from typer.testing import CliRunner

from polyreel import cli
from polyreel.kit.errors import AppError
from tests.databases import ON_POSTGRESQL, database_url


@pytest.fixture
def run(tmp_path, monkeypatch):
    """One command on a data folder of its own: (exit code, what it printed or why it was refused)."""
    if ON_POSTGRESQL:
        url = database_url(tmp_path / "other" / "polyreel.db", empty=True)
        monkeypatch.setenv("POLYREEL_DATABASE_URL", url)
    monkeypatch.setenv("POLYREEL_MIN_FREE_BYTES", "0")
    # Handlers of the log would outlive the runner's streams.
    monkeypatch.setattr(cli, "configure_logs", lambda settings: None)

    def run(*arguments, stdin=""):
        given = [*map(str, arguments), "--data-dir", str(tmp_path / "other")]
        ended = CliRunner().invoke(cli.app, given, input=stdin)
        if isinstance(ended.exception, AppError):
            return 1, str(ended.exception)
        return ended.exit_code, ended.output

    return run


@pytest.fixture
def command(old):
    cms = old.cms
    return ["import", "videocms", "--database", cms.database, "--media", cms.media]


def test_what_comes_and_what_does_not_is_told(run, command, old, tmp_path):
    code, said = run(*command, "--dry-run")
    assert code == 3
    assert "Nothing was written." in said
    code, said = run(*command, "--report", tmp_path / "report.txt")
    assert code == 3
    assert "settings: CaptchaEnabled: the keys of its captcha are not there" in said
    assert "API keys: hashed: it is not kept there in clear" in said
    assert "hush" not in said
    assert "a1a1" not in said
    lines = (tmp_path / "report.txt").read_text().splitlines()
    assert len(lines) == 3
    # What could not come over and never will is still told; settings are only asked for once.
    code, said = run(*command)
    assert "here before" in said
    code, _ = run("user", "password", "ada", "--password-stdin", stdin="quite another one\n")
    assert code == 0


def test_settings_can_stay_as_they_are(run, command, old):
    old.cms.run("DELETE FROM api_keys WHERE name = 'hashed'")
    code, said = run(*command, "--no-settings")
    assert (code, "Everything came over" in said) == (0, True)


def test_what_cannot_be_is_refused_in_a_sentence(run, command, old):
    code, _ = run(*command, "--link", "--move")
    assert code == 2
    old.cms.database.write_text("a letter, not a database")
    code, said = run(*command)
    assert code == 1
    assert said.endswith("cannot be read as a SQLite database: file is not a database.")
