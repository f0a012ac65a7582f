"""What only the local folder has."""

from pathlib import Path

import pytest

from polyreel.infra.storage import LocalStorage, Storage


def test_it_is_a_storage(tmp_path: Path) -> None:
    storage: Storage = LocalStorage(tmp_path / "files")
    assert list(storage.list()) == []


def test_paths_lie_under_the_root(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "files")
    assert storage.path("a/b.mp4") == tmp_path / "files" / "a" / "b.mp4"
    with pytest.raises(ValueError, match="key"):
        storage.path("../etc/passwd")


def test_empty_folders_go_with_their_last_file(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "files")
    with storage.create("a/b/c") as staged:
        staged.commit()
    storage.delete("a/b/c")
    assert [path.name for path in (tmp_path / "files").iterdir()] == ["tmp"]


def test_files_are_not_for_strangers(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "files")
    with storage.create("a/b") as staged:
        staged.commit()
    assert storage.path("a/b").stat().st_mode & 0o007 == 0
    assert storage.path("a/b").parent.stat().st_mode & 0o007 == 0


def test_symlinks_are_not_listed(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "files")
    (tmp_path / "files" / "link").symlink_to("/etc/hostname")
    assert list(storage.list()) == []


def test_a_vanished_temporary_folder_is_made_again(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "files")
    (tmp_path / "files" / "tmp").rmdir()
    with storage.create("a") as staged:
        assert staged.commit() == 0


def test_old_folders_under_tmp_are_swept_whole(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "files")
    scratch = tmp_path / "files" / "tmp" / "job-3-1"
    scratch.mkdir()
    (scratch / "part.mp4").write_bytes(b"x")
    assert storage.sweep_temporary(60) == 0
    assert storage.sweep_temporary(0) == 1
    assert not scratch.exists()
