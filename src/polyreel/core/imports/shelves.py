"""Folders come over, parents before what is in them."""

from collections import deque
from collections.abc import Iterator, Sequence

from polyreel.core.imports.done import list_done, record_done
from polyreel.core.imports.records import Folder
from polyreel.core.imports.run import Run
from polyreel.core.library import FolderNotFound, create_folder
from polyreel.core.library.folders import TooDeep
from polyreel.core.users import Actor
from polyreel.infra.tx import Tx

__all__ = ["bring_folders", "fitting_name"]

_LONGEST = 120


def bring_folders(run: Run) -> None:
    """The trees of everybody."""
    with run.tools.db.read() as tx:
        done = list_done(tx, run.source, "folder")
    for folder in _in_order(run.library.folders):
        if folder.id in done:
            run.report.before["folders"] += 1
            run.folders[folder.id] = done[folder.id] or 0
            continue
        owner = run.owner(folder.user_id)
        if owner is None:
            run.report.leave("folders", folder.name, "whose it is did not come over")
            continue
        run.report.came["folders"] += 1
        run.folders[folder.id] = 0 if run.wishes.is_dry_run else _bring(run, folder, owner)


def _in_order(found: Sequence[Folder]) -> Iterator[Folder]:
    """Parents first; those that lie in a circle come last."""
    ids = {folder.id for folder in found}
    inside: dict[int, list[Folder]] = {}
    for folder in found:
        parent = folder.parent_id if folder.parent_id in ids else 0
        inside.setdefault(parent, []).append(folder)
    waiting, seen = deque([0]), set()
    while waiting:
        for folder in inside.get(waiting.popleft(), []):
            if folder.id not in seen:
                seen.add(folder.id)
                waiting.append(folder.id)
                yield folder
    yield from (folder for folder in found if folder.id not in seen)


def _bring(run: Run, folder: Folder, owner: Actor) -> int:
    with run.tools.db.write() as tx:
        parent_id = run.folders.get(folder.parent_id) if folder.parent_id else None
        if folder.parent_id and parent_id is None:
            run.report.note("folders", folder.name, "lies at the top: there is no folder above it")
        try:
            made = _make(tx, owner, folder, parent_id)
        except (FolderNotFound, TooDeep) as error:
            run.report.note("folders", folder.name, f"lies at the top: {error.message}")
            made = _make(tx, owner, folder, None)
        record_done(tx, run.source, "folder", folder.id, made)
        return made


def _make(tx: Tx, owner: Actor, folder: Folder, parent_id: int | None) -> int:
    name = fitting_name(folder.name, f"folder {folder.id}", _LONGEST)
    return create_folder(tx, owner, name, parent_id, created_at=folder.created_at).id


def fitting_name(name: str, otherwise: str, longest: int) -> str:
    """A name as the library takes them; `otherwise` where nothing of it is left."""
    shown = "".join(" " if ord(letter) < 32 or ord(letter) == 127 else letter for letter in name)
    clean = shown.encode(errors="replace").decode()
    return clean.strip()[:longest].strip() or otherwise
