"""What a child program may touch: its own files, what programs need of the system, seldom the network."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polyreel
from polyreel.settings import child_environment

__all__ = ["NOTHING", "Reach", "sandbox"]

# Programs, their libraries, what those read at their start; never a folder where people keep files.
_RUN = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store",
    "/run/opengl-driver", "/run/current-system",
)  # fmt: skip
_READ = (
    "/etc/ld.so.cache", "/etc/ld.so.preload", "/etc/ld-musl-x86_64.path", "/etc/ld-musl-aarch64.path",
    "/etc/localtime", "/etc/fonts", "/etc/OpenCL", "/etc/vulkan", "/etc/glvnd", "/etc/alternatives",
    "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/filesystems",
    "/proc/sys/vm", "/proc/driver", "/sys/devices", "/sys/dev", "/sys/class", "/sys/bus",
)  # fmt: skip
_READ_OF_NETWORK = (
    "/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf",
    "/etc/services", "/etc/protocols", "/etc/passwd", "/etc/ssl", "/etc/pki", "/etc/ca-certificates",
    "/etc/mime.types",
)  # fmt: skip
_DEVICES = (
    "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/dri", "/dev/kfd",
)  # fmt: skip


@dataclass
class _Sandbox:
    """Whether children are confined at all; set once, when a process has read its settings."""

    is_on: bool = True


sandbox = _Sandbox()


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What one child may touch beside its inherited pipes and the system's programs.

    `reads` are files or whole folders; in folders of `writes` it may do everything. Programs in
    `runs` may be run, beside those of the system and the child itself; our own Python is a whole one.
    `network`: it may ask other machines, also those of our own network. `port`: it may open TCP
    connections over IPv4 to this port alone, and nothing else; a proxy of ours listens there.
    """

    reads: Sequence[Path] = ()
    writes: Sequence[Path] = ()
    runs: Sequence[Path] = ()
    network: bool = False
    port: int | None = None

    def encoded(self, program: str) -> list[str]:
        """As `launch.py` reads it: the kind, the number of places, and the places."""
        if not sandbox.is_on:
            return ["all", "0"]
        places = [*_own(Path(program)), *_system(network=self.network)]
        if program == sys.executable:
            places += _python()
        places += [f"r{path.absolute()}" for path in self.reads]
        places += [f"x{path.absolute()}" for path in self.runs]
        places += [f"w{path.absolute()}" for path in self.writes]
        kind = "network" if self.network else "files"
        if self.port is not None:
            kind = f"port={self.port}"
        return [kind, str(len(places)), *places]


NOTHING = Reach()


def _system(*, network: bool) -> Iterator[str]:
    yield from (f"x{path}" for path in _RUN)
    yield from (f"r{path}" for path in _READ)
    if network:
        yield from (f"r{path}" for path in _READ_OF_NETWORK)
    yield from (f"d{path}" for path in _DEVICES)
    yield from (f"d{path}" for path in Path("/dev").glob("nvidia*"))


def _own(program: Path) -> Iterator[str]:
    """The program itself, where its links lead, and the libraries that came with it."""
    yield f"x{program}"
    real = program.resolve()
    yield f"x{real}"
    if real.parent.name == "bin":
        yield f"x{real.parent.with_name('lib')}"
    given = child_environment().get("LD_LIBRARY_PATH", "")
    yield from (f"r{folder}" for folder in given.split(":") if folder)


def _python() -> Iterator[str]:
    """What a Python of ours needs to start."""
    yield f"x{Path(polyreel.__file__).parent}"
    prefixes = (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix)
    for prefix in dict.fromkeys(prefixes):
        for name in ("bin", "lib", "lib64", "pyvenv.cfg"):
            yield f"x{Path(prefix, name)}"
