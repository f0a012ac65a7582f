"""What every Storage promises."""

import contextlib
import errno
import os
import threading
from pathlib import Path

import pytest

from polyreel.infra.storage import Storage


def put(storage: Storage, key: str, content: bytes) -> int:
    """A whole file under `key`."""
    with storage.create(key) as staged:
        os.write(staged.fd, content)
        return staged.commit()


def read(storage: Storage, key: str) -> bytes:
    """What lies under `key`."""
    fd = storage.open_read(key)
    with os.fdopen(fd, "rb") as file:
        return file.read()


def keys(storage: Storage, prefix: str = "") -> list[str]:
    """Sorted keys of a listing."""
    return sorted(found.key for found in storage.list(prefix))


MISSING = r"No such file|Not a directory"

BAD_KEYS = [
    "",
    "/a",
    "a/",
    "a//b",
    ".",
    "..",
    "a/..",
    "../a",
    "a/../b",
    ".hidden",
    "a/.b",
    "A",
    "a b",
    "a\\b",
    "a\n",
    "a\0b",
    "-a",
    "é",
    "a/%2e%2e/b",
    "tmp",
    "tmp/a",
    "a" * 201,
    "/".join(["abc"] * 200),
]


class TestKeys:
    @pytest.mark.parametrize("key", BAD_KEYS)
    def test_bad_keys_are_refused_by_every_verb(
        self, storage: Storage, key: str, tmp_path: Path
    ) -> None:
        local = tmp_path / "x"
        local.write_bytes(b"x")
        with pytest.raises(ValueError, match="key"):
            storage.create(key)
        with pytest.raises(ValueError, match="key"):
            storage.open_growing(key)
        with pytest.raises(ValueError, match="key"):
            storage.open_read(key)
        with pytest.raises(ValueError, match="key"):
            storage.delete(key)
        with pytest.raises(ValueError, match="key"):
            storage.exists(key)
        with pytest.raises(ValueError, match="key"):
            storage.size(key)
        with pytest.raises(ValueError, match="key"):
            storage.adopt(local, key)
        with pytest.raises(ValueError, match="key"), storage.materialise(key):
            pass
        assert local.exists()

    @pytest.mark.parametrize("key", ["a", "0", "a.b", "a-b_c", "media/12/720p/v1.mp4", "a..b", "t"])
    def test_good_keys(self, storage: Storage, key: str) -> None:
        assert put(storage, key, b"abc") == 3
        assert read(storage, key) == b"abc"
        assert keys(storage) == [key]


class TestCreate:
    def test_nothing_is_seen_before_the_commit(self, storage: Storage) -> None:
        with storage.create("a/b") as staged:
            os.write(staged.fd, b"half")
            assert not storage.exists("a/b")
            assert keys(storage) == []
            os.write(staged.fd, b"whole")
            assert staged.commit() == 9
        assert read(storage, "a/b") == b"halfwhole"
        assert storage.size("a/b") == 9

    def test_left_without_commit_it_is_gone(self, storage: Storage) -> None:
        with storage.create("a") as staged:
            os.write(staged.fd, b"half")
        assert not storage.exists("a")
        assert not staged.path.exists()
        staged.discard()

    def test_an_error_inside_discards(self, storage: Storage) -> None:
        with pytest.raises(RuntimeError), storage.create("a") as staged:
            raise RuntimeError
        assert not staged.path.exists()

    def test_a_commit_replaces_what_was_there(self, storage: Storage) -> None:
        put(storage, "a", b"old")
        reader = storage.open_read("a")
        put(storage, "a", b"newer")
        with os.fdopen(reader, "rb") as file:
            assert file.read() == b"old"
        assert read(storage, "a") == b"newer"

    def test_a_discarded_one_leaves_what_was_there(self, storage: Storage) -> None:
        put(storage, "a", b"old")
        with storage.create("a") as staged:
            os.write(staged.fd, b"new")
        assert read(storage, "a") == b"old"

    def test_a_program_may_replace_the_temporary_file(
        self, storage: Storage, tmp_path: Path
    ) -> None:
        with storage.create("a") as staged:
            other = staged.path.with_suffix(".part")
            other.write_bytes(b"by ffmpeg")
            other.rename(staged.path)
            assert staged.commit() == 9
        assert read(storage, "a") == b"by ffmpeg"

    def test_committing_twice_is_an_error(self, storage: Storage) -> None:
        with storage.create("a") as staged:
            staged.commit()
            with pytest.raises(ValueError, match="already"):
                staged.commit()
        with storage.create("b") as staged:
            staged.discard()
            with pytest.raises(ValueError, match="already"):
                _ = staged.fd

    def test_a_lost_temporary_file_is_an_error_and_nothing_is_published(
        self, storage: Storage
    ) -> None:
        put(storage, "a", b"old")
        with storage.create("a") as staged:
            staged.path.unlink()
            with pytest.raises(FileNotFoundError):
                staged.commit()
        assert read(storage, "a") == b"old"

    def test_a_full_disk_leaves_the_key_alone(self, storage: Storage) -> None:
        put(storage, "a", b"old")

        def fill() -> None:
            with storage.create("a") as staged:
                full = os.open("/dev/full", os.O_WRONLY)
                os.dup2(full, staged.fd)
                os.close(full)
                os.write(staged.fd, b"new")

        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            fill()
        assert read(storage, "a") == b"old"
        assert storage.sweep_temporary(0) == 0

    def test_racing_commits_leave_one_whole_file(self, storage: Storage) -> None:
        def many(byte: bytes) -> None:
            for _ in range(10):
                put(storage, "deep/er/a", byte * 10_000)
                storage.delete("deep/er/a")
                put(storage, "deep/er/a", byte * 10_000)

        threads = [threading.Thread(target=many, args=(bytes([65 + n]),)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        content = read(storage, "deep/er/a")
        assert len(content) == 10_000
        assert len(set(content)) == 1
        assert storage.sweep_temporary(0) == 0


class TestGrowing:
    def test_it_is_readable_while_it_grows(self, storage: Storage) -> None:
        with storage.open_growing("live/a") as growing:
            reader = storage.open_read("live/a")
            os.write(growing.fd, b"one")
            assert os.read(reader, 10) == b"one"
            growing.sync()
            os.write(growing.fd, b"two")
            assert os.pread(reader, 10, 3) == b"two"
            assert storage.size("live/a") == 6
            assert growing.finish() == 6
        os.close(reader)
        assert read(storage, "live/a") == b"onetwo"

    def test_a_taken_key_is_refused(self, storage: Storage) -> None:
        put(storage, "a", b"old")
        with pytest.raises(FileExistsError):
            storage.open_growing("a")
        assert read(storage, "a") == b"old"

    def test_unfinished_it_stays_for_its_owner(self, storage: Storage) -> None:
        with storage.open_growing("a") as growing:
            os.write(growing.fd, b"half")
        assert storage.size("a") == 4
        growing.close()
        with pytest.raises(ValueError, match="closed"):
            growing.finish()

    def test_it_goes_on_where_a_dead_process_left_it(self, storage: Storage) -> None:
        with storage.open_growing("live/a") as growing:
            os.write(growing.fd, b"half")
        with storage.reopen("live/a") as again:
            assert os.lseek(again.fd, 0, os.SEEK_END) == 4
            os.write(again.fd, b" and half")
            assert again.finish() == 13
        assert read(storage, "live/a") == b"half and half"

    def test_what_is_not_there_does_not_go_on(self, storage: Storage) -> None:
        put(storage, "a/b", b"whole")
        for key in ("b", "a"):
            with pytest.raises(OSError, match=MISSING + "|directory"):
                storage.reopen(key)


class TestAdopt:
    def test_a_finished_file_moves_in(self, storage: Storage, tmp_path: Path) -> None:
        local = tmp_path / "Clip (1).mp4"
        local.write_bytes(b"film")
        put(storage, "a/b", b"old one")
        assert storage.adopt(local, "a/b") == 4
        assert read(storage, "a/b") == b"film"
        assert not local.exists()

    def test_from_another_filesystem(self, storage: Storage) -> None:
        local = Path("/dev/shm") / f"polyreel-test-{os.getpid()}"
        local.write_bytes(os.urandom(1 << 20) * 9)
        content = local.read_bytes()
        try:
            assert storage.adopt(local, "a/b") == len(content)
            assert not local.exists()
        finally:
            local.unlink(missing_ok=True)
        assert read(storage, "a/b") == content

    def test_what_is_no_file_stays_where_it_is(self, storage: Storage, tmp_path: Path) -> None:
        link = tmp_path / "link"
        link.symlink_to("/etc/hostname")
        with pytest.raises(OSError, match="symbolic"):
            storage.adopt(link, "a")
        with pytest.raises(ValueError, match="regular"):
            storage.adopt(tmp_path, "a")
        with pytest.raises(FileNotFoundError):
            storage.adopt(tmp_path / "absent", "a")
        assert link.is_symlink()
        assert not storage.exists("a")


class TestReading:
    def test_missing(self, storage: Storage) -> None:
        put(storage, "folder/a", b"x")
        for key in ("absent", "folder", "folder/b", "folder/a/b"):
            assert not storage.exists(key)
            assert not storage.delete(key)
            with pytest.raises(OSError, match=MISSING):
                storage.open_read(key)
            with pytest.raises(OSError, match=MISSING):
                storage.size(key)
            with pytest.raises(FileNotFoundError), storage.materialise(key):
                pass
        assert read(storage, "folder/a") == b"x"

    def test_materialise_gives_a_path(self, storage: Storage) -> None:
        put(storage, "a/b.mp4", b"film")
        with storage.materialise("a/b.mp4") as path:
            assert path.is_absolute()
            assert path.read_bytes() == b"film"
        assert storage.exists("a/b.mp4")

    def test_descriptors_are_not_inherited(self, storage: Storage) -> None:
        put(storage, "a", b"x")
        fd = storage.open_read("a")
        assert not os.get_inheritable(fd)
        os.close(fd)


class TestListing:
    def test_by_segments(self, storage: Storage) -> None:
        for key in ("a/b", "a/b-c", "a/c/d", "b"):
            put(storage, key, key.encode())
        with storage.create("a/z"):
            assert keys(storage) == ["a/b", "a/b-c", "a/c/d", "b"]
        assert keys(storage, "a") == ["a/b", "a/b-c", "a/c/d"]
        assert keys(storage, "a/b") == ["a/b"]
        assert keys(storage, "absent") == []
        found = {item.key: item for item in storage.list()}
        assert found["a/c/d"].size == 5
        assert found["a/c/d"].modified.tzinfo is not None

    def test_deleting(self, storage: Storage) -> None:
        put(storage, "a/b/c", b"1")
        put(storage, "a/d", b"2")
        assert storage.delete("a/b/c")
        assert not storage.delete("a/b/c")
        assert keys(storage) == ["a/d"]
        put(storage, "a/b", b"where a folder was")
        assert keys(storage) == ["a/b", "a/d"]


class TestTemporary:
    def test_only_old_ones_are_swept(self, storage: Storage) -> None:
        staged = storage.create("a")
        os.write(staged.fd, b"x")
        assert storage.sweep_temporary(60) == 0
        os.utime(staged.path, (0, 0))
        assert storage.sweep_temporary(60) == 1
        with contextlib.suppress(FileNotFoundError):
            staged.commit()
        assert keys(storage) == []

    def test_free_space(self, storage: Storage) -> None:
        free = storage.free_bytes()
        assert free is None or free > 0
