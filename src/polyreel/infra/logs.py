"""Logs: one line an event, for people or as JSON; what callers put into `extra` becomes fields."""

import contextlib
import functools
import json
import logging
import re
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, TextIO

from polyreel.kit import clock
from polyreel.settings import Settings

__all__ = ["RequestRecord", "configure_logs", "flush_logs"]

_BLANK = vars(logging.LogRecord("", logging.INFO, "", 0, "", (), None))
_OWN = frozenset({*_BLANK, "message", "asctime", "taskName"})


GATHER_S = 0.2
# Stands as it is: no space, quote or equals sign, and nothing that is not printed.
_PLAIN = re.compile(r"[!#-<>-~]*")


def configure_logs(settings: Settings, *, gather: bool = False) -> None:
    """Send everything to standard error in the form the settings ask for.

    With `gather`, for processes that log every request, lines up to INFO are written together, at
    most 0.2 s late: a write each would give the interpreter away in the middle of every answer.
    """
    handler = _Gathering(sys.stderr) if gather else logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JSON() if settings.log_format == "json" else _Text())
    # Asked for each record, and shown in none (see "Optimization" in the documentation of logging).
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for chatty in ("alembic", "httpx", "asyncio"):
        logging.getLogger(chatty).setLevel(max(root.level, logging.WARNING))
    # Many tracebacks for one outage, which infra.jobs says in a line; and for crashes, which http.middleware logs.
    for verbose in ("procrastinate", "psycopg.pool", "uvicorn"):
        logging.getLogger(verbose).setLevel(logging.CRITICAL)


class RequestRecord(logging.LogRecord):
    """A line of a log, at INFO, made without asking where in the code: one is written for every request."""

    fields: dict[str, Any]

    def __init__(self, logger: str, message: str, fields: dict[str, Any]) -> None:
        created = clock.epoch()
        told = {"name": logger, "msg": message, "created": created, "msecs": created % 1 * 1000}
        self.__dict__ = {**_BLANK, **told, "fields": fields}


def flush_logs() -> None:
    """Write what is still gathered, at the end of a process that the HTTP server ends its own way."""
    for handler in logging.getLogger().handlers:
        handler.flush()


class _Gathering(logging.StreamHandler[TextIO]):
    """Writes what is only told in batches, and what is wrong at once, after all that came before."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._kept: deque[str | RequestRecord] = deque()
        self._writing = threading.Lock()
        self._is_waiting = threading.Event()
        threading.Thread(target=self._write_from_time_to_time, name="logs", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line, or write all. That of a request, which nothing changes, is made when it is written."""
        self._kept.append(record if isinstance(record, RequestRecord) else self._line(record))
        if record.levelno > logging.INFO:
            self.flush()
        elif not self._is_waiting.is_set():
            self._is_waiting.set()

    def flush(self) -> None:
        """Write what was kept; logging itself calls it when the process ends."""
        with self._writing:
            lines = []
            while self._kept:
                kept = self._kept.popleft()
                lines.append(kept if isinstance(kept, str) else self._line(kept))
            # Nobody who tells something fails because it cannot be written, as after a full disk.
            with contextlib.suppress(OSError, ValueError):
                self.stream.write("".join(lines))
                self.stream.flush()

    def _line(self, record: logging.LogRecord) -> str:
        try:
            return f"{self.format(record)}\n"
        except Exception:  # noqa: BLE001 - as every handler of the standard library does
            self.handleError(record)
            return ""

    def _write_from_time_to_time(self) -> None:
        while True:
            self._is_waiting.wait()
            self._is_waiting.clear()
            time.sleep(GATHER_S)
            self.flush()


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    if isinstance(record, RequestRecord):
        return record.fields
    return {name: value for name, value in vars(record).items() if name not in _OWN}


class _JSON(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            **_fields(record),
            "time": clock.from_us(int(record.created * 1_000_000)).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        moment = f"{_second(int(record.created))}.{int(record.msecs):03d}"
        fields = _told(_fields(record))
        message = _in_one_line(record.getMessage())
        head = f"{moment}Z {record.levelname.lower():7} {record.name}: {message}"
        line = f"{head}  {fields}" if fields else head
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


@functools.lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    return clock.from_us(seconds * 1_000_000).strftime("%Y-%m-%dT%H:%M:%S")


def _told(fields: Mapping[str, Any]) -> str:
    texts = [str(value) for value in fields.values()]
    # Most lines are: one look at all of it.
    if not _PLAIN.fullmatch("".join(texts)):
        texts = [_shown(text) for text in texts]
    return " ".join([f"{name}={text}" for name, text in zip(fields, texts, strict=True)])


def _shown(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    if " " in text or '"' in text or "=" in text:
        text = json.dumps(text, ensure_ascii=False)
    return _in_one_line(text)


def _in_one_line(text: str) -> str:
    """What could end the line, or speak to a terminal, is spelt out."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
