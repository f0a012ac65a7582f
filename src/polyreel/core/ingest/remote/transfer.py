"""How the bytes of a download arrive: hashed as they come, kept where they break off, gone on with.

A download goes on where it broke off only with a strong validator (an entity tag, or an old enough
date), so that never two files are mixed into one. What counts as there is what was synced: the row
says how much, whoever is killed.
"""

import hashlib
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from polyreel.core.ingest.disk import begin_write_back, try_lock, write_all
from polyreel.core.ingest.errors import full_disk_is_said
from polyreel.core.ingest.publish import key_of, new_uid
from polyreel.core.ingest.remote.naming import check_type, name_of, strong_validator
from polyreel.core.ingest.remote.states import IMPORTING
from polyreel.core.ingest.reservations import STEP_BYTES, UploadLimits, room_for, within_quota
from polyreel.core.ingest.tables import RemoteRow
from polyreel.infra.jobs import Job
from polyreel.infra.outbound import Answer, BadAnswer, Limits, TooSlow, Unreachable
from polyreel.infra.storage import Growing
from polyreel.infra.tools import Tools
from polyreel.infra.tx import Tx
from polyreel.kit.errors import Busy, Gone, Invalid, TooLarge
from polyreel.kit.units import format_bytes, format_duration

__all__ = ["Bounds", "Transfer"]

_SAVE_S = 2.0
_GATHER_BYTES = 1024 * 1024
_WRITE_BACK_BYTES = 32 * 1024 * 1024
_READ_BYTES = 4 * 1024 * 1024
_FRUITLESS = 3  # connections in a row without a byte, before the job pauses for longer
_LONGEST_PAUSE_S = 900
_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """`max_bytes` 0: any size; `total_s` of fetching; `min_free_bytes` stay free on the disk."""

    max_bytes: int
    total_s: float
    min_free_bytes: int


class Transfer:
    """One attempt at one download; close it. `size`, `sha256` and `name` are of what is there."""

    def __init__(self, job: Job, row: RemoteRow, bounds: Bounds) -> None:
        self._job = job
        self._tools: Tools = job.tools
        self._bounds = bounds
        self._id = row.id
        self._url = row.url
        self._total = row.total_bytes
        self._validator = row.validator
        self._reserved = row.reserved_bytes
        self._spent_ms = row.duration_ms
        self._began = time.monotonic()
        self._saved_at = 0.0
        self._handed_to_disk = 0
        self.uid = row.uid
        self.name = row.name
        self.size = 0
        self._hash = hashlib.sha256()
        self._file: Growing = self._open(row.received_bytes if row.has_file else None)

    @property
    def sha256(self) -> str:
        """Of what is there, 64 lower-case hex digits."""
        return self._hash.hexdigest()

    def close(self) -> None:
        """Close the file as it is."""
        self._file.close()

    def run(self) -> None:
        """Fetch what is missing; all of it is durable when this returns.

        Raises what cannot be helped as it is; Busy and Unavailable where another try may help.
        """
        fruitless = 0
        # All there, but nobody lived to say so.
        while not (self._total and self.size == self._total):
            before = self.size
            try:
                self._connect()
                break
            except TooSlow:
                raise self._too_long() from None
            except Unreachable:
                self._save()
                fruitless = 0 if self.size > before else fruitless + 1
                if fruitless >= _FRUITLESS:
                    raise
                self._job.cancelled.wait(0.5 * 2**fruitless)
                self._job.check()
        if not self.size:
            raise Invalid("The file at this address is empty.")
        self._total = self.size
        self._file.sync()
        self._save()

    @property
    def most_bytes(self) -> int:
        """The largest size; 0: any."""
        return self._bounds.max_bytes

    def left_s(self) -> float:
        """Seconds that may still be spent fetching. Raises Invalid when there are none."""
        left_s = self._bounds.total_s - self._elapsed_ms() / 1000
        if left_s <= 0:
            raise self._too_long()
        return left_s

    def note(self, got_bytes: int, total_bytes: int) -> None:
        """Somebody else fetches: so much is there, of so much (0: not known). Raises as `run`."""
        self._check_size(max(got_bytes, total_bytes))
        if got_bytes > self._reserved:
            self._hold_room(got_bytes)
        share = IMPORTING * min(1.0, got_bytes / total_bytes) if total_bytes else 0.0
        self._job.report(share, format_bytes(got_bytes))
        if time.monotonic() - self._saved_at < _SAVE_S:
            return
        with self._job.write() as tx:
            row = self._row(tx)
            row.received_bytes, row.total_bytes = got_bytes, max(got_bytes, total_bytes)
            row.duration_ms = self._elapsed_ms()
            row.updated_at = tx.now
        self._saved_at = time.monotonic()

    def take(self, path: Path, name: str) -> None:
        """Take in a file that was fetched elsewhere; all of it is durable when this returns."""
        if self.size:
            self._restart()
        self.name, self._validator = name, None
        with path.open("rb") as file:
            self._total = os.fstat(file.fileno()).st_size
            if not self._total:
                raise Invalid("The file at this address is empty.")
            self._hold_room()
            while block := file.read(_READ_BYTES):
                self._job.check()
                self._write([block])
        self._file.sync()
        self._save()

    def _connect(self) -> None:
        left_s = self.left_s()
        headers = {}
        if self.size and self._validator:
            headers = {"range": f"bytes={self.size}-", "if-range": self._validator}
        elif self.size:
            self._restart()
        limits = Limits(total_s=left_s, body_bytes=0)
        with self._tools.outbound.stream(
            self._url, headers=headers, limits=limits, check=self._job.check
        ) as answer:
            self._begin(answer)
            self._receive(answer)

    def _begin(self, answer: Answer) -> None:
        """Judge the head: the rest of our file, another file from its beginning, or none."""
        if answer.status == 206 and self.size:
            self._go_on(answer.headers)
            return
        if answer.status == 416 and self.size:
            self._restart()
            raise Unreachable("The other server has another file there now.")
        if answer.status != 200:
            raise refusal(answer.status, answer.headers)
        check_type(answer.headers)
        self.name = name_of(answer.headers, answer.url, self._url)
        if self.size:
            self._restart()
        self._validator = strong_validator(answer.headers)
        self._total = _length(answer.headers)
        self._hold_room()
        self._save()

    def _go_on(self, headers: Mapping[str, str]) -> None:
        found = _RANGE.fullmatch(headers.get("content-range", ""))
        told = strong_validator(headers)
        is_ours = found is not None and int(found[1]) == self.size
        if found is not None and self._total and found[3] not in (str(self._total), "*"):
            is_ours = False
        if told is not None and told != self._validator and told.startswith('"'):
            is_ours = False
        if not is_ours:
            self._restart()
            raise Unreachable("The other server has another file there now.")

    def _receive(self, answer: Answer) -> None:
        waiting: list[bytes] = []
        gathered = 0
        try:
            for chunk in answer.chunks:
                waiting.append(chunk)
                gathered += len(chunk)
                if gathered >= _GATHER_BYTES or time.monotonic() - self._saved_at >= _SAVE_S:
                    ready, waiting, gathered = waiting, [], 0
                    self._write(ready)
        finally:
            # What came before a break counts.
            self._write(waiting)
        if self._total and self.size != self._total:
            raise Unreachable("The connection broke off.")

    def _write(self, chunks: list[bytes]) -> None:
        length = sum(map(len, chunks))
        if not length:
            return
        if self._total and self.size + length > self._total:
            raise BadAnswer("The other server sends more than it announced.")
        self._check_size(self.size + length)
        if self.size + length > self._reserved:
            self._hold_room(self.size + length)
        with full_disk_is_said():
            write_all(self._file.fd, chunks)
        for chunk in chunks:
            self._hash.update(chunk)
        self.size += length
        if self.size - self._handed_to_disk >= _WRITE_BACK_BYTES:
            begin_write_back(self._file.fd, self._handed_to_disk, self.size - self._handed_to_disk)
            self._handed_to_disk = self.size
        self._report()
        if time.monotonic() - self._saved_at >= _SAVE_S:
            self._save()

    def _hold_room(self, least: int = 0) -> None:
        """Hold as much of the disk and the owner's quota as is known, or one step more."""
        least = max(least, self._total, 1)
        self._check_size(least)
        wanted = max(least, self._total or self._reserved + STEP_BYTES)
        limits = UploadLimits(min_free_bytes=self._bounds.min_free_bytes)
        missing = max(0, least - self.size)
        room_for(self._tools.storage, limits, least=missing, wanted=missing)
        with self._job.write() as tx:
            row = self._row(tx)
            held = row.reserved_bytes
            if least > held:
                held += within_quota(
                    tx, row.user_id, least=least - held, wanted=wanted - held, own=held
                )
            row.reserved_bytes = self._reserved = held

    def _check_size(self, size_bytes: int) -> None:
        most = self._bounds.max_bytes
        if most and size_bytes > most:
            raise TooLarge(f"The file is larger than {format_bytes(most)}.", most)

    def _save(self) -> None:
        """Say in the row what is on the disk for certain."""
        with full_disk_is_said():
            self._file.sync()
        with self._job.write() as tx:
            row = self._row(tx)
            row.received_bytes, row.total_bytes = self.size, self._total
            row.validator, row.name = self._validator, self.name
            row.duration_ms = self._elapsed_ms()
            row.updated_at = tx.now
        self._saved_at = time.monotonic()
        self._report()

    def _report(self) -> None:
        done = format_bytes(self.size)
        if self._total:
            share = IMPORTING * self.size / self._total
            self._job.report(share, f"{done} of {format_bytes(self._total)}")
        else:
            self._job.report(0.0, done)

    def _restart(self) -> None:
        os.ftruncate(self._file.fd, 0)
        os.lseek(self._file.fd, 0, os.SEEK_SET)
        self.size = self._total = self._handed_to_disk = 0
        self._validator = None
        self._hash = hashlib.sha256()
        self._save()

    def _open(self, received_bytes: int | None) -> Growing:
        """The file as it was left, if it is ours alone; else a new one."""
        storage = self._tools.storage
        if received_bytes is not None:
            try:
                file = storage.reopen(key_of(self.uid))
            except FileNotFoundError:
                return self._new_file()
            if try_lock(file.fd) and os.fstat(file.fd).st_size >= received_bytes:
                os.ftruncate(file.fd, received_bytes)
                os.lseek(file.fd, received_bytes, os.SEEK_SET)
                self._hash_again(received_bytes)
                return file
            # A worker that only slept may wake and write: it keeps its file, which then is nobody's.
            file.close()
        return self._new_file()

    def _new_file(self) -> Growing:
        self.uid = new_uid()
        self._total, self._validator = 0, None
        # The row first: it keeps the file from being swept.
        with self._job.write() as tx:
            row = self._row(tx)
            row.uid, row.has_file = self.uid, True
            row.received_bytes, row.total_bytes, row.validator = 0, 0, None
        file = self._tools.storage.open_growing(key_of(self.uid))
        try_lock(file.fd)
        return file

    def _hash_again(self, size_bytes: int) -> None:
        fd = self._tools.storage.open_read(key_of(self.uid))
        try:
            while self.size < size_bytes:
                block = os.read(fd, min(_READ_BYTES, size_bytes - self.size))
                if not block:
                    break
                self._hash.update(block)
                self.size += len(block)
                self._job.check()
        finally:
            os.close(fd)

    def _row(self, tx: Tx) -> RemoteRow:
        row = tx.session.get(RemoteRow, self._id)
        if row is None:
            raise Gone("The download was deleted.")
        return row

    def _elapsed_ms(self) -> int:
        return self._spent_ms + round((time.monotonic() - self._began) * 1000)

    def _too_long(self) -> Invalid:
        return Invalid(
            f"The download took longer than {format_duration(round(self._bounds.total_s * 1000))}."
        )


def refusal(status: int, headers: Mapping[str, str]) -> Exception:
    """What an answer other than the file comes to: Busy and Unreachable may be asked again."""
    if status in (404, 410):
        return Invalid(f"There is no file at this address ({status}).")
    if status in (401, 403, 407, 451):
        return Invalid(f"The other server does not allow this download ({status}).")
    if status in (408, 425, 429, 503):
        told = headers.get("retry-after", "").strip()
        pause_s = int(told[:6]) if told.isascii() and told.isdigit() else 5
        message = f"The other server is busy ({status})."
        return Busy(message, retry_after_s=max(1, min(pause_s, _LONGEST_PAUSE_S)))
    if status >= 500:
        return Unreachable(f"The other server has trouble ({status}).")
    return BadAnswer(f"The other server answered {status}, not with a file.")


def _length(headers: Mapping[str, str]) -> int:
    told = headers.get("content-length", "").strip()
    return int(told[:18]) if told.isascii() and told.isdigit() else 0
