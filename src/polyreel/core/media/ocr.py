"""Subtitles that are pictures are read by another server, where an administrator has set one up."""

import secrets

from polyreel.core.media.subtitles import NO_READER
from polyreel.core.options import read_options
from polyreel.infra.outbound import Limits
from polyreel.infra.tools import Tools
from polyreel.kit.errors import AppError, Unsupported

# A feature film has some thousand pictures of words.
_TOTAL_S = 900.0


def read_pictures(tools: Tools, data: bytes) -> bytes:
    """What the OCR server reads in a PGS stream (`.sup`), as SubRip.

    Sent as the field `file` of a form, as the VideoCMS contract says. Raises Unsupported.
    """
    with tools.db.read() as tx:
        options = read_options(tx)
    if not options.ocr_enabled:
        raise Unsupported(NO_READER)
    boundary = secrets.token_hex(16)
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="subtitles.sup"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    body = head.encode() + data + f"\r\n--{boundary}--\r\n".encode()
    kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    limits = Limits(total_s=_TOTAL_S, idle_s=_TOTAL_S, body_bytes=16 << 20)
    try:
        answer = tools.outbound.post(options.ocr_url, body, headers=kind, limits=limits)
    except AppError as error:
        raise Unsupported(f"The OCR server could not be asked: {error}") from error
    if answer.status != 200:
        raise Unsupported(f"The OCR server answered with status {answer.status}.")
    return answer.body
