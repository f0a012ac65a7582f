"""The server's own secrets: made once, whoever comes first, and readable by nobody else."""

import stat
import threading

import pytest

from polyreel.infra.secrets import Secrets, SecretsError, read_or_create_secret


def test_the_secret_is_made_once_with_mode_0600(tmp_path):
    path = tmp_path / "new" / "secret.key"
    first, second = Secrets(path), Secrets(path)
    assert first.key("jwt") == second.key("jwt")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(bytes.fromhex(path.read_text())) == 32


def test_each_purpose_has_its_own_key(tmp_path):
    secrets = Secrets(tmp_path / "secret.key")
    assert len(secrets.key("jwt")) == 32
    assert secrets.key("jwt") != secrets.key("tickets")
    assert secrets.key("jwt") != Secrets(tmp_path / "other.key").key("jwt")


def test_many_at_once_get_the_same(tmp_path):
    gate, found = threading.Barrier(16), []

    def race():
        gate.wait()
        found.append(Secrets(tmp_path / "secret.key").key("jwt"))

    threads = [threading.Thread(target=race) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert len(set(found)) == 1


def test_a_file_that_was_open_to_others_is_closed_to_them(tmp_path):
    path = tmp_path / "secret.key"
    path.write_text("f" * 64)
    path.chmod(0o644)
    Secrets(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("held", [b"short", b"\xff" * 64])
def test_a_damaged_file_is_named_and_never_replaced(tmp_path, held):
    path = tmp_path / "secret.key"
    path.write_bytes(held)
    with pytest.raises(SecretsError, match=r"secret\.key"):
        Secrets(path)
    assert path.read_bytes() == held


def test_no_link_is_followed(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="link"):
        read_or_create_secret(tmp_path / "link", lambda: "x" * 32)
    assert not (tmp_path / "elsewhere").exists()
