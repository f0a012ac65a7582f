"""Settings come from the environment and the command line, and are checked before anything starts."""

from pathlib import Path

import pytest

from polyreel.settings import Settings, SettingsError, child_environment, load_settings


@pytest.fixture
def env(monkeypatch):
    def env(**values):
        for name, value in values.items():
            monkeypatch.setenv(f"POLYREEL_{name.upper()}", value)

    return env


def test_every_setting_is_documented():
    rows = Settings(data_dir=Path("/data")).shown()
    assert len(rows) > 20
    assert all(name.startswith("POLYREEL_") and meaning.endswith(".") for name, _, meaning in rows)


def test_the_environment_is_read_in_its_types(env):
    env(port="9000", require_https="true", lease_s="2.5", log_format="json", data_dir="/data/x")
    found = load_settings()
    assert (found.port, found.require_https, found.lease_s) == (9000, True, 2.5)
    assert (found.log_format, found.data_dir) == ("json", Path("/data/x"))
    assert found.files_dir == Path("/data/x/files")
    assert found.effective_database_url == "sqlite:////data/x/polyreel.db"


def test_the_command_line_wins_and_what_it_leaves_out_does_not(env):
    env(port="9000", host="10.0.0.1")
    found = load_settings(port=8080, host=None)
    assert (found.port, found.host) == (8080, "10.0.0.1")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "http"),
        ("port", "70000"),
        ("port", "-1"),
        ("web_processes", "0"),
        ("worker_fast", "-1"),
        ("encode_nice", "20"),
        ("encode_nice", "-1"),
        ("lease_s", "0"),
        ("lease_s", "soon"),
        ("log_format", "xml"),
        ("log_level", "loud"),
        ("require_https", "perhaps"),
        ("base_url", "ftp://example.org"),
        ("upload_max_bytes", "-5"),
        ("porl", "8080"),
    ],
)
def test_what_cannot_be_used_is_said_with_its_name(env, name, value):
    env(**{name: value})
    with pytest.raises(SettingsError, match=f"POLYREEL_{name.upper()}"):
        load_settings()


def test_variables_of_tests_are_none_of_ours(env):
    env(test_media="/clips")
    load_settings()


def test_a_base_url_has_no_slash_at_its_end(env):
    env(base_url="https://video.example.org/")
    assert load_settings().base_url == "https://video.example.org"


def test_without_a_folder_there_is_a_usual_one(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert load_settings().data_dir == tmp_path / "polyreel"
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert load_settings().data_dir == Path("/var/lib/polyreel")


def test_secrets_are_masked_and_empty_ones_are_seen_to_be_empty():
    url = "postgresql://polyreel:hunter2@db/polyreel"
    shown = {
        name: value for name, value, _ in Settings(data_dir=Path("/d"), database_url=url).shown()
    }
    assert "hunter2" not in str(shown)
    assert shown["POLYREEL_DATABASE_URL"] == "********"
    assert dict(r[:2] for r in Settings(data_dir=Path("/d")).shown())["POLYREEL_DATABASE_URL"] == ""


class TestChildren:
    def test_ours_get_the_settings_in_force(self, env, monkeypatch):
        env(port="9000", lease_s="5")
        settings = load_settings(port=8080, data_dir="/data", require_https=True)
        given = child_environment(settings)
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        if "POLYREEL_PORT" not in given:
            monkeypatch.delenv("POLYREEL_PORT")
        assert load_settings() == settings

    def test_what_the_command_line_set_back_stays_set_back(self, env):
        env(port="9000")
        given = child_environment(load_settings(port=8080, data_dir="/data"))
        assert given.get("POLYREEL_PORT", "8080") == "8080"

    def test_those_that_read_foreign_bytes_get_nothing_of_ours(self, env, monkeypatch):
        env(database_url="postgresql://polyreel:hunter2@db/polyreel")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
        assert "hunter2" not in str(child_environment(None))
        assert set(child_environment(None)) <= {
            "PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH",
        }  # fmt: skip
