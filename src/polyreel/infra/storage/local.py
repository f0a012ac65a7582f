"""A folder as Storage, by plain `os` calls: write to a temporary name, fsync, rename, fsync the folder."""

import contextlib
import errno
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from polyreel.infra.storage.contract import TEMPORARY, StoredFile, check_key
from polyreel.kit import clock

__all__ = ["LocalGrowing", "LocalStaged", "LocalStorage"]

_T = TypeVar("_T")
_WRITE = os.O_WRONLY | os.O_CLOEXEC
_COPY_BYTES = 8 * 1024 * 1024


class LocalStorage:
    """Files below `root`; temporary ones in `root/tmp`, so that every publish is one rename."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self._prefix = os.path.join(self.root, "")  # noqa: PTH118 - a Path ends without its slash
        self._temporary = self.root / TEMPORARY
        _make_root(self._temporary)

    def path(self, key: str) -> Path:
        """Where `key` lies; local storage only. Raises ValueError."""
        return self.root / check_key(key)

    def create(self, key: str) -> "LocalStaged":
        """Begin a file that appears under `key` when committed."""
        target = self.path(key)
        return LocalStaged(self._new_temporary(), target, self.root)

    def open_growing(self, key: str) -> "LocalGrowing":
        """Begin a file that is readable under `key` from now on."""
        target = self.path(key)
        fd = _in_folder(target, lambda: os.open(target, _WRITE | os.O_CREAT | os.O_EXCL, 0o640))
        try:
            _sync_folders(target.parent, self.root)
        except OSError:
            os.close(fd)
            target.unlink(missing_ok=True)
            raise
        return LocalGrowing(fd, target)

    def reopen(self, key: str) -> "LocalGrowing":
        """Go on with a growing file, at its beginning."""
        target = self.path(key)
        fd = os.open(target, _WRITE | os.O_NOFOLLOW)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise _missing(key)
        return LocalGrowing(fd, target)

    def adopt(self, local: Path, key: str) -> int:
        """Move a finished local file in: a rename on one filesystem, else a synced copy."""
        target = self.path(key)
        with _opened(local, os.O_RDONLY) as fd:
            size = _regular_size(fd, local)
            os.fsync(fd)
        try:
            _publish(local, target, self.root)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            with self.create(key) as staged:
                _copy(local, staged.fd)
                size = staged.commit()
            local.unlink()
        return size

    def open_read(self, key: str) -> int:
        """A descriptor for reading, the caller's to close."""
        # Once for every answer: text, since making a Path costs as much as opening the file.
        fd = os.open(f"{self._prefix}{check_key(key)}", os.O_RDONLY | os.O_CLOEXEC)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise _missing(key)
        return fd

    @contextmanager
    def materialise(self, key: str) -> Iterator[Path]:
        """The file itself: nothing is copied here."""
        path = self.path(key)
        if not path.is_file():
            raise _missing(key)
        yield path

    def delete(self, key: str) -> bool:
        """Remove the file, and its folders as far as they are empty."""
        path = self.path(key)
        try:
            path.unlink()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return False
        self._prune(path.parent)
        return True

    def exists(self, key: str) -> bool:
        """True when there is a file under `key`."""
        return self.path(key).is_file()

    def size(self, key: str) -> int:
        """Bytes."""
        found = self.path(key).stat()
        if not stat.S_ISREG(found.st_mode):
            raise _missing(key)
        return found.st_size

    def list(self, prefix: str = "") -> Iterator[StoredFile]:
        """Every file at or below `prefix`."""
        start = self.path(prefix) if prefix else self.root
        if start.is_file():
            yield from self._described(str(start))
            return
        for folder, names, files in os.walk(start):
            if folder == str(self.root) and TEMPORARY in names:
                names.remove(TEMPORARY)
            for name in files:
                yield from self._described(f"{folder}/{name}")

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """An empty folder in `root/tmp`."""
        _make_root(self._temporary)
        folder = self._temporary / f"{os.getpid()}-{secrets.token_hex(12)}"
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def sweep_temporary(self, min_age_s: float) -> int:
        """Remove what crashes left in `root/tmp`."""
        oldest_us = clock.to_us(clock.now()) - round(min_age_s * 1_000_000)
        removed = 0
        for entry in os.scandir(self._temporary):
            with contextlib.suppress(FileNotFoundError):
                if entry.stat(follow_symlinks=False).st_mtime_ns // 1000 > oldest_us:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path)
                else:
                    Path(entry.path).unlink()
                removed += 1
        return removed

    def free_bytes(self) -> int:
        """What an unprivileged process may still write on this filesystem."""
        found = os.statvfs(self.root)
        return found.f_bavail * found.f_frsize

    def _new_temporary(self) -> Path:
        path = self._temporary / f"{os.getpid()}-{secrets.token_hex(12)}"
        flags = _WRITE | os.O_CREAT | os.O_EXCL
        try:
            fd = os.open(path, flags, 0o640)
        except FileNotFoundError:
            _make_root(self._temporary)
            fd = os.open(path, flags, 0o640)
        os.close(fd)
        return path

    def _described(self, path: str) -> Iterator[StoredFile]:
        with contextlib.suppress(FileNotFoundError):
            found = os.lstat(path)
            if stat.S_ISREG(found.st_mode):
                key = os.path.relpath(path, self.root)
                yield StoredFile(key, found.st_size, clock.from_us(found.st_mtime_ns // 1000))

    def _prune(self, folder: Path) -> None:
        with contextlib.suppress(OSError):
            while folder != self.root:
                folder.rmdir()
                folder = folder.parent


class LocalStaged:
    """A temporary file on its way to a key."""

    def __init__(self, path: Path, target: Path, root: Path) -> None:
        self.path = path
        self._target = target
        self._root = root
        self._fd: int | None = None
        self._open = True

    @property
    def fd(self) -> int:
        """A descriptor for writing, opened at first use."""
        if self._fd is None:
            if not self._open:
                raise ValueError("this file was committed or discarded already")
            self._fd = os.open(self.path, _WRITE)
        return self._fd

    def commit(self) -> int:
        """fsync the file, rename it to its key, fsync the folder."""
        if not self._open:
            raise ValueError("this file was committed or discarded already")
        try:
            self._close()
            # Opened anew: the program that wrote it may have replaced the file we made.
            with _opened(self.path, os.O_RDONLY) as fd:
                size = _regular_size(fd, self.path)
                os.fsync(fd)
            _publish(self.path, self._target, self._root)
        except BaseException:
            self.discard()
            raise
        self._open = False
        return size

    def discard(self) -> None:
        """Remove the temporary file."""
        if self._open:
            self._open = False
            with contextlib.suppress(OSError):
                self._close()
            self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.discard()

    def _close(self) -> None:
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)


class LocalGrowing:
    """A file written in the open."""

    def __init__(self, fd: int, path: Path) -> None:
        self.path = path
        self._fd: int | None = fd

    @property
    def fd(self) -> int:
        """The descriptor for writing."""
        if self._fd is None:
            raise ValueError("this file is closed")
        return self._fd

    def sync(self) -> None:
        """fdatasync: the bytes and the length."""
        os.fdatasync(self.fd)

    def finish(self) -> int:
        """fsync and close."""
        os.fsync(self.fd)
        size = os.fstat(self.fd).st_size
        self.close()
        return size

    def close(self) -> None:
        """Close it as it is."""
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    fd = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        yield fd
    finally:
        os.close(fd)


def _missing(key: str) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), key)


def _regular_size(fd: int, path: Path) -> int:
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode):
        raise ValueError(f"not a regular file: {path.name}")
    return found.st_size


def _publish(source: Path, target: Path, root: Path) -> None:
    """Rename and make the new name durable."""
    _in_folder(target, lambda: source.rename(target))
    _sync_folders(target.parent, root)


def _in_folder(target: Path, act: Callable[[], _T]) -> _T:
    """Make the folder of `target`, then `act`; again when `delete` just pruned the empty folder."""
    for _ in range(100):
        # FileExistsError too: mkdir met a folder that was gone when it looked what it was.
        with contextlib.suppress(FileNotFoundError, FileExistsError):
            target.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            return act()
    target.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    return act()


def _make_root(folder: Path) -> None:
    """mkdir -p, with every new name made durable in its parent."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        new.mkdir(mode=0o750, exist_ok=True)
        _sync_folder(new.parent)


def _sync_folders(folder: Path, root: Path) -> None:
    """fsync every folder from `folder` up to `root`.

    All of them, also those that were there: whoever made one may not have synced its name yet.
    """
    while True:
        # Gone: someone deleted what was just published, and the folder was empty.
        with contextlib.suppress(FileNotFoundError):
            _sync_folder(folder)
        if folder == root:
            return
        folder = folder.parent


def _sync_folder(folder: Path) -> None:
    with _opened(folder, os.O_RDONLY | os.O_DIRECTORY) as fd:
        os.fsync(fd)


def _copy(source: Path, target_fd: int) -> None:
    with source.open("rb", buffering=0) as file:
        while block := file.read(_COPY_BYTES):
            view = memoryview(block)
            while view:
                view = view[os.write(target_fd, view) :]
