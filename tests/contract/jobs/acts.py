"""Kinds of job for worker processes, and such a process: `python -m tests.contract.jobs.acts`."""

import signal
import sys
import threading
import time
from pathlib import Path

from polyreel.infra.jobs import Job, JobKind, LeaseLost
from tests.contract.jobs.site import Site, add_effect

WORKER_LANES = ("fast", "encode", "net", "light")


def note(job: Job) -> None:
    """One effect, which is also its end."""
    with job.write() as tx:
        add_effect(tx, job)
        job.complete(tx)


def hold(job: Job) -> None:
    """Say `started-<attempt>`, wait for `go-<attempt>`, deaf to cancels, then make the effect.

    Says `lost-<attempt>` when the effect was refused.
    """
    folder: Path = job.tools
    (folder / f"started-{job.attempt}").touch()
    while not (folder / f"go-{job.attempt}").exists():
        time.sleep(0.02)
    try:
        with job.write() as tx:
            add_effect(tx, job)
    except LeaseLost:
        (folder / f"lost-{job.attempt}").touch()
        raise


def work(job: Job) -> None:
    """Some moments of work in steps, then one effect which is also its end."""
    for step in range(10):
        job.check()
        job.report(step / 10, f"step {step}")
        time.sleep(0.01)
    note(job)


def stamp(job: Job) -> None:
    """Write the moment it started, on the clock that all processes of a machine share."""
    started = time.monotonic_ns()
    folder: Path = job.tools
    fresh = folder / f".{job.id}"
    fresh.write_text(str(started))
    fresh.rename(folder / str(job.args["label"]))


KINDS = (
    JobKind(name="stamp", lane="fast", run=stamp),
    JobKind(name="note", lane="fast", run=note),
    JobKind(name="hold", lane="fast", run=hold),
    JobKind(name="work", lane="fast", run=work, max_attempts=1000),
)


def main() -> None:
    """A worker until SIGTERM."""
    folder, url, lease_s, slots = sys.argv[1:]
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    site = Site(Path(folder), url=url)
    lanes = dict.fromkeys(WORKER_LANES, int(slots))
    site.worker(KINDS, lanes=lanes, lease_s=float(lease_s))
    ended.wait()
    site.close()


if __name__ == "__main__":
    main()
