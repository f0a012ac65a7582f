"""When Python looks for garbage: not while a process loads its modules, and never among them.

They are no garbage. Looked through again and again, they cost a fifth of a start, and later hold up a request
for a tenth of a second.
"""

import gc

__all__ = ["begin_collecting", "leave_for_forks", "wait_with_collecting"]


def wait_with_collecting() -> None:
    """A process begins, and loads what it needs."""
    gc.disable()


def leave_for_forks() -> None:
    """What is loaded is shared with the processes that are forked from now on: nobody looks through it, which
    would copy it.
    """
    gc.freeze()


def begin_collecting() -> None:
    """All is loaded: what is there now stays. Nothing where nobody waited, as for an app within a test."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
