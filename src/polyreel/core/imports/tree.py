"""A folder of another server's files. Whatever its database says, no name leads out of it.

Every step is opened from the folder before it, and a symbolic link is never followed.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from polyreel.core.imports.errors import NotImportable, PieceMissing

__all__ = ["Tree"]

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# A named pipe would wait for its writer.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

Place = tuple[str, ...]


class Tree:
    """Files below one folder by their `place`, the names from there on; close it."""

    def __init__(self, root: Path) -> None:
        try:
            self._root = os.open(root, _FOLDER & ~os.O_NOFOLLOW)
        except OSError as error:
            raise NotImportable(f"{root} cannot be opened: {error.strerror}.") from None

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self._root)

    def size(self, place: Place) -> int | None:
        """Bytes of a regular file; None where there is none."""
        with suppress(OSError, PieceMissing), self._in_folder(place) as folder:
            found = os.stat(place[-1], dir_fd=folder, follow_symlinks=False)
            return found.st_size if stat.S_ISREG(found.st_mode) else None
        return None

    @contextmanager
    def opened(self, place: Place) -> Iterator[int]:
        """A descriptor of a regular file for reading. Raises PieceMissing."""
        try:
            with self._in_folder(place) as folder:
                fd = os.open(place[-1], _FILE, dir_fd=folder)
        except OSError as error:
            raise PieceMissing(f"{'/'.join(place)}: {error.strerror}") from None
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise PieceMissing(f"{'/'.join(place)} is not a file")
            yield fd
        finally:
            os.close(fd)

    def read(self, place: Place, *, most_bytes: int) -> bytes:
        """A small file whole. Raises PieceMissing, also when it is larger than that."""
        with self.opened(place) as fd, os.fdopen(os.dup(fd), "rb") as file:
            data = file.read(most_bytes + 1)
        if len(data) > most_bytes:
            raise PieceMissing(f"{'/'.join(place)} is larger than it can be")
        return data

    def link_to(self, place: Place, target: Path) -> bool:
        """Give a regular file a second name, `target`; False where the system does not do that."""
        with self.opened(place) as fd, self._in_folder(place) as folder:
            try:
                os.link(place[-1], target, src_dir_fd=folder, follow_symlinks=False)
            except OSError:
                return False
            if os.path.samestat(os.fstat(fd), target.stat(follow_symlinks=False)):
                return True
            target.unlink()
            return False

    def remove(self, places: Sequence[Place]) -> None:
        """Remove these files, and the folders they were in as far as those are empty then."""
        for place in places:
            with suppress(OSError, PieceMissing), self._in_folder(place) as folder:
                os.unlink(place[-1], dir_fd=folder)
        for parent in dict.fromkeys(place[:-1] for place in places):
            # What stands directly below the root is the server's own order.
            for depth in range(len(parent), 1, -1):
                with suppress(OSError, PieceMissing), self._in_folder(parent[:depth]) as folder:
                    os.rmdir(parent[depth - 1], dir_fd=folder)

    def names(self, place: Place = ()) -> list[str]:
        """What lies directly in a folder, sorted; nothing where there is no such folder."""
        with (
            suppress(OSError, PieceMissing),
            self._in_folder((*place, ".")) as folder,
            os.scandir(folder) as entries,
        ):
            return sorted(entry.name for entry in entries)
        return []

    @contextmanager
    def _in_folder(self, place: Place) -> Iterator[int]:
        """A descriptor of the folder that holds the last of these names."""
        folder = os.dup(self._root)
        try:
            for name in place[:-1]:
                deeper = os.open(_checked(name), _FOLDER, dir_fd=folder)
                os.close(folder)
                folder = deeper
            if place[-1] != ".":
                _checked(place[-1])
            yield folder
        finally:
            os.close(folder)


def _checked(name: str) -> str:
    if name in ("", ".", "..") or "/" in name or "\0" in name or len(os.fsencode(name)) > 255:
        raise PieceMissing("a name in the database is no name of a file")
    return name
