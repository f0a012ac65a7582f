"""Logs: one line an event, for people or as JSON; what callers put into `extra` becomes fields."""

import contextlib
import functools
import json
import logging
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple, TextIO

from polyreel.kit import clock
from polyreel.settings import Settings

__all__ = ["configure_logs", "flush_logs", "log_request"]

_OWN = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"})
GATHER_S = 0.2

_access = logging.getLogger("polyreel.access")
_encoder = json.JSONEncoder(default=str, ensure_ascii=False)


def configure_logs(settings: Settings, *, gather: bool = False) -> None:
    """Send everything to standard error in the form the settings ask for.

    With `gather`, for processes that log every request, lines up to INFO are written together, at
    most 0.2 s late: a write each would give the interpreter away in the middle of every answer.
    """
    form = _JSON() if settings.log_format == "json" else _Text()
    handler = _Gathering(sys.stderr, form) if gather else logging.StreamHandler(sys.stderr)
    handler.setFormatter(form)
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


def log_request(fields: dict[str, Any]) -> None:
    """One line for a request, at INFO (logger `polyreel.access`).

    Where lines are gathered, no record is made: what `logging` does for one costs as much as all else about a
    request that is answered at once.
    """
    if not _access.isEnabledFor(logging.INFO):
        return
    handler = logging.root.handlers[0] if logging.root.handlers else None
    if isinstance(handler, _Gathering):
        event = _Event(clock.epoch(), "info", _access.name, "request", fields)
        handler.keep(handler.form.line(event))
    else:
        _access.info("request", extra=fields)


def flush_logs() -> None:
    """Write what is still gathered, at the end of a process that the HTTP server ends its own way."""
    for handler in logging.getLogger().handlers:
        handler.flush()


class _Gathering(logging.StreamHandler[TextIO]):
    """Writes what is only told in batches, and what is wrong at once, after all that came before."""

    def __init__(self, stream: TextIO, form: "_Form") -> None:
        super().__init__(stream)
        self.form = form
        self._kept: deque[str] = deque()
        self._writing = threading.Lock()
        self._is_waiting = threading.Event()
        threading.Thread(target=self._write_from_time_to_time, name="logs", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line, or write all."""
        try:
            self.keep(self.format(record))
        except Exception:  # noqa: BLE001 - as every handler of the standard library does
            self.handleError(record)
        if record.levelno > logging.INFO:
            self.flush()

    def keep(self, line: str) -> None:
        """It is written soon."""
        self._kept.append(line)
        if not self._is_waiting.is_set():
            self._is_waiting.set()

    def flush(self) -> None:
        """Write what was kept; logging itself calls it when the process ends."""
        with self._writing:
            lines = [self._kept.popleft() for _ in range(len(self._kept))]
            # Nobody who tells something fails because it cannot be written, as after a full disk.
            with contextlib.suppress(OSError, ValueError):
                self.stream.write("".join([f"{line}\n" for line in lines]))
                self.stream.flush()

    def _write_from_time_to_time(self) -> None:
        while True:
            self._is_waiting.wait()
            self._is_waiting.clear()
            time.sleep(GATHER_S)
            self.flush()


class _Event(NamedTuple):
    """What a line tells; `created` in seconds since the epoch."""

    created: float
    level: str
    logger: str
    message: str
    fields: Mapping[str, Any]
    traceback: str = ""


class _Form(logging.Formatter, ABC):
    """What a line looks like."""

    @abstractmethod
    def line(self, event: _Event) -> str:
        """One line, and in text those of a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The same of a record; what the caller put into `extra` are the fields."""
        fields = {name: value for name, value in vars(record).items() if name not in _OWN}
        level, message = record.levelname.lower(), record.getMessage()
        traceback = self.formatException(record.exc_info) if record.exc_info else ""
        return self.line(_Event(record.created, level, record.name, message, fields, traceback))


class _JSON(_Form):
    def line(self, event: _Event) -> str:
        line = {
            **event.fields,
            "time": clock.from_us(int(event.created * 1_000_000)).isoformat(),
            "level": event.level,
            "logger": event.logger,
            "message": event.message,
        }
        if event.traceback:
            line["traceback"] = event.traceback
        return _encoder.encode(line)


class _Text(_Form):
    def line(self, event: _Event) -> str:
        created, level, logger, message, fields, traceback = event
        seconds = int(created)
        moment = f"{_second(seconds)}.{int((created - seconds) * 1000):03d}Z"
        line = f"{moment} {level:7} {logger}: {_in_one_line(message)}"
        if fields:
            line += f"  {_told(fields)}"
        return f"{line}\n{traceback}" if traceback else line


@functools.lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    return clock.from_us(seconds * 1_000_000).strftime("%Y-%m-%dT%H:%M:%S")


def _told(fields: Mapping[str, Any]) -> str:
    told = _named(*fields) % tuple(fields.values())
    # Most values are plain: one look at all of them.
    count = len(fields)
    is_plain = told.count("=") == count and told.count(" ") < count and '"' not in told
    if is_plain and told.isprintable():
        return told
    return " ".join([f"{name}={_shown(str(value))}" for name, value in fields.items()])


@functools.lru_cache(maxsize=64)
def _named(*names: str) -> str:
    return " ".join([f"{name}=%s" for name in names])


def _shown(text: str) -> str:
    if " " in text or '"' in text or "=" in text:
        text = json.dumps(text, ensure_ascii=False)
    return _in_one_line(text)


def _in_one_line(text: str) -> str:
    """What could end the line, or speak to a terminal, is spelt out."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
