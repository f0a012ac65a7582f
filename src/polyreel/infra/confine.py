"""Take from this process, and all it starts, the files, rights and calls that it does not need.

Landlock for files, an empty set of capabilities, a seccomp filter for calls. Each needs no privileges
but `no_new_privs`, is for ever, and is left out quietly where the kernel lacks it: `polyreel doctor`
tells by trial what holds. The launcher of every child program reads this, so it imports little.
"""

import ctypes
import os
import stat
from collections.abc import Iterable

from polyreel.infra import calls

__all__ = ["confine", "drop_capabilities", "landlock_version", "restrict_files"]

_libc = ctypes.CDLL(None, use_errno=True)

# linux/landlock.h; the numbers of the calls are the same on every architecture.
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
VERSION_FLAG = 1
RULE_PATH_BENEATH, RULE_NET_PORT = 1, 2
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
# Removing and making of everything but devices, and renaming between folders.
_CHANGE = sum(1 << bit for bit in (4, 5, 7, 8, 9, 10, 12, 13))
TRUNCATE, IOCTL_DEV = 1 << 14, 1 << 15
# Rights that a rule for a single file may give.
_OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
# By version of the interface, the rights that it knows: all above the last have no more of files.
_KNOWN = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
# To listen, and to connect.
_TCP = 0b11
_CONNECT = 0b10
_SCOPED = 0b11

RIGHTS = {
    "r": READ_FILE | READ_DIR,
    "x": READ_FILE | READ_DIR | EXECUTE,
    "w": READ_FILE | READ_DIR | WRITE_FILE | TRUNCATE | _CHANGE,
    "d": READ_FILE | READ_DIR | WRITE_FILE | TRUNCATE | IOCTL_DEV,
}

# linux/capability.h: reading files of other owners is all that a child of root may need.
_CAPABILITY_VERSION = 0x20080522
_DAC_OVERRIDE = 1 << 1
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000


def confine(places: Iterable[str], *, network: bool, port: int | None = None) -> None:
    """Leave this thread the files at and below `places`, and the network only when asked to: all of
    it, or TCP over IPv4 to one `port`.

    A place is a letter and a path: `r` to read, `x` to read and run, `w` to do everything in, `d` a
    device. Those that do not exist are left out. Needs `no_new_privs`.
    """
    restrict_files(places, network=network, port=port)
    is_filtered = calls.refuse_calls(network=network, tcp_only=port is not None)
    if not is_filtered and not network and port is None:
        # An architecture whose calls have no table here: a network of its own, where that is allowed.
        _libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    drop_capabilities()


def landlock_version() -> int:
    """What this kernel has of it; below 1 for nothing."""
    return int(_libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), VERSION_FLAG))


def restrict_files(places: Iterable[str], *, network: bool, port: int | None = None) -> bool:
    """The part of Landlock; False when this kernel has none, or has it turned off."""
    version = landlock_version()
    if version < 1:
        return False
    known = _KNOWN[min(version, 5)]
    # The struct grew: connections over TCP with version 4, signals and abstract sockets with 6.
    fields = [known]
    if version >= 4:
        fields.append(0 if network else _TCP)
    if version >= 6:
        fields.append(_SCOPED)
    attributes = (ctypes.c_uint64 * len(fields))(*fields)
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    rules = _libc.syscall(CREATE_RULESET, ctypes.byref(attributes), size, 0)
    if rules < 0:
        return False
    try:
        for place in places:
            _allow(rules, place[1:], RIGHTS[place[0]] & known)
        if port is not None and version >= 4:
            rule = _CONNECT.to_bytes(8, "little") + port.to_bytes(8, "little")
            _libc.syscall(ADD_RULE, rules, RULE_NET_PORT, rule, 0)
        return bool(_libc.syscall(RESTRICT_SELF, rules, 0) == 0)
    finally:
        os.close(rules)


def _allow(rules: int, path: str, rights: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            rights &= _OF_FILES
        rule = rights.to_bytes(8, "little") + fd.to_bytes(4, "little")
        _libc.syscall(ADD_RULE, rules, RULE_PATH_BENEATH, rule, 0)
    finally:
        os.close(fd)


def drop_capabilities() -> None:
    """Keep at most one of root's powers; without new privileges none comes back."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    # Effective, permitted, inheritable; twice, for 64 of them.
    sets = (ctypes.c_uint32 * 6)()
    if _libc.capget(header, sets) == 0 and any(sets):
        kept = sets[1] & _DAC_OVERRIDE
        _libc.capset(header, (ctypes.c_uint32 * 6)(kept, kept, 0, 0, 0, 0))
