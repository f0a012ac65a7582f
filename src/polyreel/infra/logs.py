"""Logs: one line an event, for people or as JSON; what callers put into `extra` becomes fields."""

import functools
import json
import logging
import sys
from typing import Any

from polyreel.kit import clock
from polyreel.settings import Settings

__all__ = ["configure_logs"]

_OWN = frozenset(
    {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName", "color_message"}
)


def configure_logs(settings: Settings) -> None:
    """Send everything to standard error in the form the settings ask for."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JSON() if settings.log_format == "json" else _Text())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for chatty in ("alembic", "httpx", "asyncio", "_granian", "granian.access"):
        logging.getLogger(chatty).setLevel(max(root.level, logging.WARNING))


def _fields(record: logging.LogRecord) -> dict[str, Any]:
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
        fields = " ".join(f"{name}={_shown(value)}" for name, value in _fields(record).items())
        message = _in_one_line(record.getMessage())
        head = f"{moment}Z {record.levelname.lower():7} {record.name}: {message}"
        line = f"{head}  {fields}" if fields else head
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


@functools.lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    return clock.from_us(seconds * 1_000_000).strftime("%Y-%m-%dT%H:%M:%S")


def _shown(value: object) -> str:
    text = str(value)
    if " " in text or '"' in text or "=" in text:
        text = json.dumps(text, ensure_ascii=False)
    return _in_one_line(text)


def _in_one_line(text: str) -> str:
    """What could end the line, or speak to a terminal, is spelt out."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
