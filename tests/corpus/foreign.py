"""What is no video at all, whatever it is called."""

import io
import random
import zipfile
from pathlib import Path

from tests.corpus.oddity import BAD, Maker, Oddity, encode
from tests.factories.clips import ClipMaker

__all__ = ["FOREIGN"]


def _holds(data: bytes) -> Maker:
    def make(_ffmpeg: ClipMaker, path: Path) -> None:
        path.write_bytes(data)

    return make


def _archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("film.mp4", b"not a film")
    return file.getvalue()


_ITSELF = b"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nitself.mp4\n#EXT-X-ENDLIST\n"
_NAMES = b"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n/etc/passwd\n#EXT-X-ENDLIST\n"
_SDP = b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
_SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><image href="/etc/passwd"/></svg>'
_SCRIPT = b"<!doctype html><title>x</title><script>alert(1)</script>" * 20
_SRT = b"1\n00:00:00,000 --> 00:00:02,000\nHello\n\n" * 20

FOREIGN = (
    Oddity(title="empty", make=_holds(b""), state=BAD, says="empty"),
    Oddity(title="one byte", make=_holds(b"\0"), state=BAD, says="not a video"),
    Oddity(title="zeros", make=_holds(bytes(1 << 20)), state=BAD, says="not a video"),
    Oddity(
        title="noise", make=_holds(random.Random(7).randbytes(1 << 20)), state=BAD,
        says="not a video",
    ),
    Oddity(title="text", make=_holds(b"Dear reader.\n" * 400), state=BAD, says="text file"),
    Oddity(title="web page", make=_holds(_SCRIPT), state=BAD, says="web page"),
    Oddity(title="svg", make=_holds(_SVG), state=BAD, says="not a video"),
    Oddity(title="zip", make=_holds(_archive()), state=BAD, says="ZIP archive"),
    Oddity(title="pdf", make=_holds(b"%PDF-1.7\n" + b"x" * 5000), state=BAD, says="PDF"),
    Oddity(title="program", make=_holds(b"\x7fELF" + bytes(5000)), state=BAD, says="program"),
    Oddity(title="shell script", make=_holds(b"#!/bin/sh\nid\n"), state=BAD, says="script"),
    Oddity(title="subtitles only", make=_holds(_SRT), state=BAD, says="not a video"),
    Oddity(title="png", make=encode("-f", "lavfi", "-i", "testsrc2=s=64x64", "-frames:v", "1",
           "-c:v", "png", "-f", "image2"), state=BAD, says="picture"),
    Oddity(title="jpeg", make=encode("-f", "lavfi", "-i", "testsrc2=s=64x64", "-frames:v", "1",
           "-c:v", "mjpeg", "-f", "image2"), state=BAD, says="picture"),
    Oddity(title="gif", make=encode("-f", "lavfi", "-i", "testsrc2=s=64x64:d=1", "-f", "gif"),
           state=BAD, says="picture"),
    Oddity(title="playlist", make=_holds(_NAMES), state=BAD, says="playlist"),
    Oddity(title="itself", make=_holds(_ITSELF), state=BAD, says="playlist"),
    Oddity(title="ffconcat", make=_holds(b"ffconcat version 1.0\nfile /etc/passwd\n"), state=BAD,
           says="playlist"),
    Oddity(title="sdp", make=_holds(_SDP), state=BAD, says="session description"),
    Oddity(title="dash", make=_holds(b'<?xml version="1.0"?><MPD><BaseURL>/etc/passwd</BaseURL></MPD>'),
           state=BAD, says="playlist"),
    Oddity(title="ffmetadata", make=_holds(b";FFMETADATA1\ntitle=x\n" * 50), state=BAD,
           says="not a video"),
)  # fmt: skip
