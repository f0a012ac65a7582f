"""`python -m polyreel.infra.fetching FOLDER pipe:FD`: fetch the film of a page into FOLDER.

What is wanted lies in FOLDER/order.json and is removed: it holds the proxy's password, which shall not
stand in the list of processes. Progress goes to the pipe, one JSON object a line; the end to standard
output, see `infra.ytdlp`.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import yt_dlp  # type: ignore[import-untyped]
from yt_dlp import globals as site_code
from yt_dlp.networking import exceptions as network  # type: ignore[import-untyped]
from yt_dlp.utils import (  # type: ignore[import-untyped]
    DownloadError,
    ExtractorError,
    GeoRestrictedError,
    UnsupportedError,
)

__all__: list[str] = []

# The best picture and sound of what browsers' players get; the sites' own files where they have both.
_FORMATS = "bv*[height<=?2160]+ba/b[height<=?2160]/b"
_REPORT_S = 0.5
_LONGEST_TITLE = 500


class _Silent:
    def debug(self, message: str) -> None:
        """Nobody reads it."""

    warning = error = info = debug


class _Meter:
    """Adds up what arrives, over all files of one film."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._told_at = 0.0
        self._done = 0
        self.files: list[str] = []
        self.files_wanted = 1

    def hook(self, state: dict[str, Any]) -> None:
        got = int(state.get("downloaded_bytes") or 0)
        total = int(state.get("total_bytes") or state.get("total_bytes_estimate") or 0)
        if state["status"] == "finished":
            self.files.append(Path(state["filename"]).name)
            self._done += int(state.get("total_bytes") or got)
            got = 0
        elif time.monotonic() - self._told_at < _REPORT_S:
            return
        self._told_at = time.monotonic()
        # Of films in several files only the sum at the end is known.
        whole = total if self.files_wanted == 1 else 0
        line = json.dumps({"got": self._done + got, "total": whole})
        os.write(self._fd, line.encode() + b"\n")


def _options(order: dict[str, Any], folder: Path, meter: _Meter) -> dict[str, Any]:
    """Everything that could run a program, read a file of ours or of a person's, is off or absent."""
    return {
        "proxy": order["proxy"],
        "format": _FORMATS,
        "outtmpl": {"default": "film0.%(ext)s"},
        "paths": {"home": str(folder), "temp": str(folder)},
        "max_filesize": order["max_bytes"] or None,
        "noplaylist": True,
        "playlist_items": "1",
        "match_filter": _only_whole_films,
        "progress_hooks": [meter.hook],
        "logger": _Silent(),
        "quiet": True,
        "noprogress": True,
        "no_warnings": True,
        "cachedir": False,
        "usenetrc": False,
        "cookiefile": None,
        "enable_file_urls": False,
        "updatetime": False,
        "fixup": "never",
        "hls_prefer_native": True,
        "external_downloader": {"default": "native"},
        # It finds none: it only fetches.
        "ffmpeg_location": str(folder / "none"),
        "js_runtimes": {},
        "socket_timeout": 20,
        "retries": 3,
        "fragment_retries": 3,
        "extractor_retries": 2,
        "file_access_retries": 0,
        "skip_unavailable_fragments": False,
        "overwrites": True,
    }


def _only_whole_films(info: dict[str, Any], *, incomplete: bool = False) -> str | None:
    return "live" if info.get("is_live") or info.get("live_status") == "is_upcoming" else None


def _fetch(order: dict[str, Any], folder: Path, meter: _Meter) -> dict[str, Any]:
    site_code.plugin_dirs.value = []
    with yt_dlp.YoutubeDL(_options(order, folder, meter)) as ydl:
        found = ydl.extract_info(order["url"], download=False)
        if found is not None and "entries" in found:
            found = next((entry for entry in found["entries"] if entry), None)
        if found is None:
            return {"error": "none"}
        if _only_whole_films(found):
            return {"error": "live"}
        # Picture and sound apart: two files, which are put together by ours.
        formats = found.pop("requested_formats", None) or [{}]
        meter.files_wanted = len(formats)
        for number, each in enumerate(formats):
            ydl.params["outtmpl"]["default"] = f"film{number}.%(ext)s"
            ydl.process_info({**found, **each})
    if len(meter.files) < meter.files_wanted:
        # Files above the limit are passed over without a word.
        return {"error": "too_large" if order["max_bytes"] else "none"}
    title = found.get("title")
    return {"files": meter.files, "title": title[:_LONGEST_TITLE] if title else ""}


def _kind(error: BaseException) -> str:
    """What it comes to, of the error at the bottom."""
    if isinstance(error, DownloadError) and error.exc_info and error.exc_info[1] is not None:
        error = error.exc_info[1]
    cause = error.cause if isinstance(error, ExtractorError) else None
    if isinstance(error, UnsupportedError):
        return "none"
    if isinstance(error, GeoRestrictedError):
        return "refused"
    found = cause if isinstance(cause, network.RequestError) else error
    if isinstance(found, network.HTTPError):
        return "away" if found.status >= 500 or found.status == 429 else "refused"
    if isinstance(found, network.CertificateVerifyError):
        return "certificate"
    return "away" if isinstance(found, network.TransportError) else "none"


def main(folder: Path, fd: int) -> dict[str, Any]:
    """Do it; how it ended."""
    path = folder / "order.json"
    order = json.loads(path.read_bytes())
    path.unlink()
    meter = _Meter(fd)
    try:
        return _fetch(order, folder, meter)
    except Exception as error:  # noqa: BLE001 - the code of a thousand sites may fail in any way
        return {"error": _kind(error), "said": f"{type(error).__name__}: {error}"[:500]}


if __name__ == "__main__":
    _folder, _pipe = sys.argv[1:]
    _ended = main(Path(_folder), int(_pipe.removeprefix("pipe:")))
    sys.stdout.write(json.dumps(_ended))
