"""A seccomp filter, written by hand: which system calls a child program is refused.

It stops the ways out that file rights say nothing of: sockets, other processes' memory, and the large
interfaces of the kernel that no media program uses and that its worst bugs were in.
"""

import ctypes
import os
import struct

__all__ = ["refuse_calls"]

# linux/prctl.h, linux/seccomp.h, linux/audit.h
PR_SET_SECCOMP = 22
MODE_FILTER = 2
KILL, ERRNO, ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
EPERM, EACCES, ENOSYS = 1, 13, 38
AF_INET, AF_INET6, AF_NETLINK = 2, 10, 16
# Names resolve by these; local sockets of other programs (a database, a container engine) stay shut.
FAMILIES = (AF_INET, AF_INET6, AF_NETLINK)
SOCK_STREAM, _KIND_OF_SOCKET = 1, 0xF
# Numbers from here on are a second table of the same calls, which no program uses.
X32_CALLS = 0x40000000

# Machine: its name for the kernel, `socket`, and the refused calls whose numbers differ: ptrace, chroot,
# mount, umount2, pivot_root, swapon, reboot, init_module, finit_module, kexec_load, kexec_file_load,
# add_key, request_key, keyctl, unshare, setns, perf_event_open, open_by_handle_at, process_vm_readv,
# process_vm_writev, bpf, userfaultfd.
_TABLES = {
    "x86_64": (
        0xC000003E, 41,
        (101, 161, 165, 166, 155, 167, 169, 175, 313, 246, 320, 248, 249, 250, 272, 308, 298, 304,
         310, 311, 321, 323),
    ),
    "aarch64": (
        0xC00000B7, 198,
        (117, 51, 40, 39, 41, 224, 142, 105, 273, 104, 294, 217, 218, 219, 97, 268, 241, 265,
         270, 271, 280, 282),
    ),
}  # fmt: skip
# Calls of the last years have one number everywhere: open_tree, move_mount, fsopen, fsmount, fspick,
# pidfd_getfd, mount_setattr.
_NEWER = (428, 429, 430, 432, 433, 438, 442)
# It makes every other call behind the filter's back; programs do without where it is missing.
IO_URING_SETUP = 425

# linux/bpf_common.h: load a word at k; return k; jump when the loaded one equals, is at least k.
_LOAD, _RETURN, _IF_EQUAL, _IF_AT_LEAST, _AND = 0x20, 0x06, 0x15, 0x35, 0x54
# struct seccomp_data: the number, the machine, the low halves of the first and the second argument.
_NUMBER, _MACHINE, _FIRST, _SECOND = 0, 4, 16, 24


def _step(code: int, k: int, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("=HBBI", code, then, otherwise, k)


def _program(
    machine: int, socket: int, refused: tuple[int, ...], *, network: bool, tcp_only: bool
) -> bytes:
    steps = [
        _step(_LOAD, _MACHINE),
        _step(_IF_EQUAL, machine, then=1),
        _step(_RETURN, KILL),
        _step(_LOAD, _NUMBER),
        _step(_IF_AT_LEAST, X32_CALLS, otherwise=1),
        _step(_RETURN, ERRNO | ENOSYS),
    ]
    answers = dict.fromkeys((*refused, *_NEWER), EPERM) | {IO_URING_SETUP: ENOSYS}
    if not network and not tcp_only:
        answers[socket] = EACCES
    for number, errno in answers.items():
        steps += [_step(_IF_EQUAL, number, otherwise=1), _step(_RETURN, ERRNO | errno)]
    if network:
        left = len(FAMILIES)
        steps += [_step(_IF_EQUAL, socket, otherwise=left + 2), _step(_LOAD, _FIRST)]
        for family in FAMILIES:
            steps.append(_step(_IF_EQUAL, family, then=left))
            left -= 1
        steps.append(_step(_RETURN, ERRNO | EACCES))
    if tcp_only:
        steps += [
            _step(_IF_EQUAL, socket, otherwise=6),
            _step(_LOAD, _FIRST),
            _step(_IF_EQUAL, AF_INET, otherwise=3),
            _step(_LOAD, _SECOND),
            _step(_AND, _KIND_OF_SOCKET),
            _step(_IF_EQUAL, SOCK_STREAM, then=1),
            _step(_RETURN, ERRNO | EACCES),
        ]
    steps.append(_step(_RETURN, ALLOW))
    return b"".join(steps)


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def refuse_calls(*, network: bool, tcp_only: bool = False) -> bool:
    """Refuse them to this thread and all it starts; False where that cannot be done here. `tcp_only`:
    of sockets, TCP over IPv4 is left.

    Needs `no_new_privs`.
    """
    table = _TABLES.get(os.uname().machine)
    if table is None or ctypes.sizeof(ctypes.c_void_p) != 8:
        return False
    program = _program(*table, network=network, tcp_only=tcp_only)
    libc = ctypes.CDLL(None, use_errno=True)
    wanted = _Filter(len(program) // 8, program)
    return bool(libc.prctl(PR_SET_SECCOMP, MODE_FILTER, ctypes.byref(wanted), 0, 0) == 0)
