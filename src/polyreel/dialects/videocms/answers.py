"""Answers as the upstream framework writes them: no charset beside JSON, a line end after it."""

from typing import Any

import msgspec
from litestar import Response

__all__ = ["empty_answer", "json_answer", "text_answer"]


def json_answer(value: Any, status: int = 200, **headers: str) -> Response[bytes]:
    """`value` as JSON; header names are given with underscores."""
    return Response(
        content=msgspec.json.encode(value) + b"\n",
        status_code=status,
        media_type="application/json",
        headers={name.replace("_", "-"): text for name, text in headers.items()},
    )


def text_answer(text: str, status: int = 200) -> Response[bytes]:
    """Plain text, which the panel shows as it is."""
    # As a header, since to a media type of text the framework adds its own charset.
    headers = {"content-type": "text/plain; charset=UTF-8"}
    return Response(content=text.encode(), status_code=status, headers=headers)


def empty_answer(status: int) -> Response[bytes]:
    """A status and nothing else."""
    headers = {} if status == 204 else {"content-type": "text/plain; charset=UTF-8"}
    return Response(content=b"", status_code=status, headers=headers)
