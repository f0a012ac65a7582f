"""A client of tus 1.0.0 for tests: every header by hand."""

import base64
import hashlib

from polyreel.core.ingest.tables import ResumableRow

PATH = "/api/uploads"
VERSION = {"tus-resumable": "1.0.0"}
BYTES = {"content-type": "application/offset+octet-stream"}


def metadata(**values):
    """An Upload-Metadata header."""
    pairs = [f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in values.items()]
    return {"upload-metadata": ",".join(pairs)}


def create(client, length=None, *, data=None, name="film.mp4", concat=None, **headers):
    """POST with what every upload needs; `x_y="z"` is the header `x-y: z`."""
    sent = {**VERSION, **metadata(filename=name)}
    if length is not None:
        sent["upload-length"] = str(length)
    if concat is not None:
        sent["upload-concat"] = concat
    if data is not None:
        sent |= BYTES
    sent |= {key.replace("_", "-"): value for key, value in headers.items()}
    return client.post(PATH, headers=sent, content=data)


def created(client, length=None, **given):
    """The path of a new upload."""
    found = create(client, length, **given)
    assert found.status_code == 201, found.text
    return path_of(found)


def path_of(found):
    return PATH + found.headers["location"].split(PATH)[1]


def patch(client, path, offset, data, **headers):
    sent = {**VERSION, **BYTES, "upload-offset": str(offset)}
    sent |= {key.replace("_", "-"): value for key, value in headers.items()}
    return client.patch(path, headers=sent, content=data)


def head(client, path):
    return client.head(path, headers=VERSION)


def offset_of(client, path):
    return int(head(client, path).headers["upload-offset"])


def whole(client, data, **given):
    """The path of an upload with all its bytes."""
    path = created(client, len(data), **given)
    if data:
        assert patch(client, path, 0, data).status_code == 204
    return path


def final(client, paths, **given):
    return create(client, concat="final;" + " ".join(paths), **given)


def is_error(found, status, code):
    """A text that begins with the code, then a sentence, then a line end."""
    said = (
        found.status_code == status
        and found.headers["content-type"] == "text/plain; charset=utf-8"
        and found.headers["tus-resumable"] == "1.0.0"
    )
    return said and found.text.startswith(f"{code}: ") and found.text.endswith("\n")


def bytes_of(site, path):
    uid = path.rsplit("/", 1)[1]
    return site.tools.storage.path(f"media/{uid[:2]}/{uid}/original").read_bytes()


def rows(site):
    with site.db.read() as tx:
        return tx.session.query(ResumableRow).order_by(ResumableRow.id).all()


def sha1(data):
    return "sha1 " + base64.b64encode(hashlib.sha1(data).digest()).decode()
