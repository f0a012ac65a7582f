"""`polyreel db move`: what a person reads. SQLite on both sides, whatever the tests run on."""

import pytest
from typer.testing import CliRunner

from polyreel import cli
from polyreel.infra.presence import Presence
from polyreel.kit.errors import AppError
from tests.factories.whole import fill, open_whole


@pytest.fixture
def data_dir(tmp_path):
    """The data folder of a server that was stopped."""
    folder = tmp_path / "data"
    (folder / "run").mkdir(parents=True)
    db = open_whole(folder)
    fill(db)
    db.close()
    db.notifier.close()
    return folder


@pytest.fixture
def move(monkeypatch):
    # Handlers of the log would outlive the runner's streams.
    monkeypatch.setattr(cli, "configure_logs", lambda settings: None)

    def move(to, data_dir, *more):
        given = ["db", "move", "--to", str(to), "--data-dir", str(data_dir), *more]
        ended = CliRunner().invoke(cli.app, given)
        if isinstance(ended.exception, AppError):
            return f"refused: {ended.exception}"
        assert ended.exit_code == 0, ended.output
        return ended.output

    return move


def test_every_table_is_shown_with_rows_and_hash(move, data_dir, tmp_path):
    lines = move(f"sqlite:///{tmp_path / 'new.db'}", data_dir).splitlines()
    words = next(line.split() for line in lines if line.startswith("jobs "))
    assert words[1] == "5"
    assert len(words[2]) == 12
    assert lines[-2].endswith("rows moved; both databases are equal.")
    assert lines[-1].startswith("Next: set POLYREEL_DATABASE_URL ")
    assert not list((data_dir / "run").glob("move-*"))


def test_home_again_needs_no_address(move, data_dir, tmp_path, monkeypatch):
    away = f"sqlite:///{tmp_path / 'away.db'}"
    move(away, data_dir)
    for file in data_dir.glob("polyreel.db*"):
        file.unlink()
    monkeypatch.setenv("POLYREEL_DATABASE_URL", away)
    said = move(f"sqlite:///{data_dir / 'polyreel.db'}", data_dir)
    assert said.splitlines()[-1] == "Next: start Polyreel without POLYREEL_DATABASE_URL."


class TestRefused:
    def test_while_the_server_runs(self, move, data_dir, tmp_path):
        running = Presence(data_dir / "run" / "presence.lock")
        said = move(f"sqlite:///{tmp_path / 'new.db'}", data_dir)
        running.close()
        assert said == (
            f"refused: The source is in use: a process of Polyreel has {data_dir} open. "
            "Stop it first."
        )
        assert not (tmp_path / "new.db").exists()

    def test_onto_itself(self, move, data_dir, tmp_path):
        same = "refused: Source and target are the same database."
        assert move(f"sqlite:///{data_dir / 'polyreel.db'}", data_dir) == same
        (tmp_path / "link.db").symlink_to(data_dir / "polyreel.db")
        assert move(f"sqlite:///{tmp_path / 'link.db'}", data_dir) == same

    def test_twice(self, move, data_dir, tmp_path):
        move(f"sqlite:///{tmp_path / 'new.db'}", data_dir)
        said = move(f"sqlite:///{tmp_path / 'new.db'}", data_dir)
        assert said.startswith("refused: The target is not empty: its table jobs has 5 rows.")

    def test_from_nothing(self, move, data_dir, tmp_path, monkeypatch):
        to = f"sqlite:///{tmp_path / 'new.db'}"
        assert "There is no database at " in move(to, tmp_path / "none")
        monkeypatch.setenv("POLYREEL_DATABASE_URL", f"sqlite:///{data_dir / 'polyreel.db'}")
        assert move(to, tmp_path / "none").endswith(
            "/none is no data folder of Polyreel; --data-dir names it."
        )
        assert not (tmp_path / "none").exists()

    @pytest.mark.parametrize("to", ["film.db", "mysql://host/name", "sqlite:////no/such/folder/x"])
    def test_to_no_database(self, move, data_dir, to):
        assert move(to, data_dir).startswith("refused: ")
