"""Imports: a whole other server comes over, with what people had there."""

from polyreel.core.imports.errors import AnotherImport, NotImportable
from polyreel.core.imports.progress import KINDS, Left, Report, Watch
from polyreel.core.imports.run import How, ReadSettings, Setting, Wishes
from polyreel.core.imports.videocms import import_videocms

__all__ = [
    "KINDS",
    "AnotherImport",
    "How",
    "Left",
    "NotImportable",
    "ReadSettings",
    "Report",
    "Setting",
    "Watch",
    "Wishes",
    "import_videocms",
]
