"""When Python looks for garbage: not while a process loads its modules, and never among them.

They are no garbage. Looked through again and again, they cost a fifth of a start, and later hold up a request
for a tenth of a second.
"""

import gc

__all__ = ["begin_collecting", "wait_with_collecting"]


def wait_with_collecting() -> None:
    """A process begins, and loads what it needs."""
    gc.disable()


def begin_collecting() -> None:
    """All is loaded: what is there now stays. Nothing where nobody waited, as for an app within a test."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
