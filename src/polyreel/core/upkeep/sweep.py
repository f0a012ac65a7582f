"""Compare the files with the rows: remove what no row names, name what no file holds."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from polyreel.core.ingest import list_upload_keys
from polyreel.core.library import list_media_keys, list_poster_keys
from polyreel.core.media import list_part_keys, list_storyboard_keys, list_subtitle_keys
from polyreel.infra.storage import Storage
from polyreel.infra.tx import Database, Tx
from polyreel.kit import clock

# Longer than it takes from the making of a file to the commit of the row that names it.
SECOND_LOOK_S = 1.0


@dataclass(frozen=True)
class SweepReport:
    """What a sweep found: keys and bytes of the files it removed, keys that rows name in vain."""

    removed: Sequence[str]
    removed_bytes: int
    missing: Sequence[str]


def sweep_files(db: Database, storage: Storage, *, min_age_s: float) -> SweepReport:
    """Remove files older than `min_age_s` seconds that no row names.

    Safe while the server runs: a file is only removed when it was without a row twice, with a
    pause in between, since files are made just before their row.
    """
    oldest = clock.now() - timedelta(seconds=min_age_s)
    with db.read() as tx:
        named = _named(tx)
    files = {file.key: file for file in storage.list()}
    lonely = [f for f in files.values() if f.key not in named and f.modified <= oldest]
    removed = []
    if lonely:
        time.sleep(SECOND_LOOK_S)
        with db.read() as tx:
            named |= _named(tx)
        removed = [file for file in lonely if file.key not in named]
        for file in removed:
            storage.delete(file.key)
    missing = sorted(_in_vain(db, storage, named - set(files)))
    return SweepReport([file.key for file in removed], sum(file.size for file in removed), missing)


def _in_vain(db: Database, storage: Storage, suspects: set[str]) -> set[str]:
    """Those of the keys that are still named and still have no file."""
    if not suspects:
        return set()
    with db.read() as tx:
        suspects = suspects & _named(tx) - set(list_upload_keys(tx))
    return {key for key in suspects if not storage.exists(key)}


def _named(tx: Tx) -> set[str]:
    made = (*list_media_keys(tx), *list_part_keys(tx), *list_subtitle_keys(tx))
    images = (*list_poster_keys(tx), *list_storyboard_keys(tx))
    return {*made, *images, *list_upload_keys(tx)}
