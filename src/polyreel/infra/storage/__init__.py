"""Files under keys: one contract, kept by a local folder (and by object stores)."""

from polyreel.infra.storage.contract import Growing, Staged, Storage, StoredFile, check_key
from polyreel.infra.storage.local import LocalStorage

__all__ = ["Growing", "LocalStorage", "Staged", "Storage", "StoredFile", "check_key"]
