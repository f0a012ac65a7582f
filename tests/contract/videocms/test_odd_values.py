"""What a client may send and no database keeps: refused in the API's own words, never a fault of ours.

Both databases refuse other things: PostgreSQL no NUL and nothing longer than its column, SQLite no number
beyond 64 bits, neither half a surrogate pair.
"""

import json
from typing import Any

import pytest

TEXTS = ["a\0b", "\ud800b", "b\udfff", "\ufdfa" * 32, "\U0001f600" * 32, "x" * 5000, "%_\\'\""]
NUMBERS = [-(2**63) - 1, -(2**31) - 1, -1, 2**31, 2**63 - 1, 2**63, 10**30]
CALLS: dict[str, dict[str, Any]] = {
    "POST /api/folder": {"Name": "Films", "ParentFolderID": 0},
    "PUT /api/folder": {"Name": "Films", "FolderID": 1},
    "DELETE /api/folder": {"FolderID": 1},
    "DELETE /api/folders": {"FolderIDs": [{"FolderID": 1}]},
    "GET /api/folders": {"ParentFolderID": 0, "UserID": 0},
    "GET /api/files": {"ParentFolderID": 0, "UserID": 0},
    "GET /api/files/search": {"Query": "film", "UserID": 0},
    "GET /api/file": {"LinkID": 1},
    "PUT /api/file": {"LinkID": 1, "Name": "film"},
    "DELETE /api/file": {"LinkID": 1},
    "PUT /api/move": {"ParentFolderID": 1, "FolderIDs": [1], "LinkIDs": [1]},
    "POST /api/file/tag": {"Name": "noir", "LinkId": 1},
    "DELETE /api/file/tag": {"TagId": 1, "LinkId": 1},
    "POST /api/apikey": {"Name": "script", "expires_at": ""},
    "PUT /api/account/settings": {"EnablePlayerCaptcha": True, "NewPassword": "", "MaxRemoteDownloads": 1},
    "GET /api/events": {"since": 1, "limit": 10, "types": "video.ready"},
    "POST /api/webhooks/endpoints": {"Url": "https://example.org/", "Description": "x"},
    "PUT /api/webhooks/endpoints": {"EndpointID": 1, "Url": "https://example.org/"},
    "DELETE /api/webhooks/endpoints": {"EndpointID": 1},
    "GET /api/webhooks/deliveries": {"EndpointID": 1, "BeforeID": 5, "Limit": 10, "State": "failed"},
    "POST /api/webhooks/redeliver": {"DeliveryID": 1, "EndpointID": 1, "Sequence": 1},
    "POST /api/auth/login": {"Username": "carol", "Password": "wrong horse"},
}  # fmt: skip
IDS = ["/api/apikey/{}", "/api/apikey/{}/audit", "/v/{}/status"]


def odd_ones(value):
    """What may come in a value's place."""
    if isinstance(value, str):
        return TEXTS
    return [[odd] for odd in NUMBERS] if isinstance(value, list) else NUMBERS


def send(site, method, path, given):
    """As JSON where there is a body, else as a query."""
    if method in ("POST", "PUT"):
        # Escapes, as every JSON library may write them, can spell half a pair.
        body, headers = json.dumps(given), {"content-type": "application/json"}
        return site.client.request(method, path, content=body, headers=headers)
    texts = {name: str(value).encode(errors="surrogatepass") for name, value in given.items()}
    return site.client.request(method, path, params=texts)


@pytest.mark.parametrize("call", CALLS)
def test_every_field_of_every_call(site, call):
    method, path = call.split()
    folder = site.folder(site.bobby)
    site.video(site.bobby, folder_id=folder.id)
    for field, usual in CALLS[call].items():
        for odd in odd_ones(usual):
            found = send(site, method, path, {**CALLS[call], field: odd})
            assert found.status_code < 500, (field, odd, found.text)
    # With a key: what was sent may have been a good new password, which ends the login.
    headers = {"authorization": f"Bearer {site.key(site.bobby)}"}
    site.video(site.bobby, "still.mp4")
    assert site.client.get("/api/files", headers=headers).status_code == 200


@pytest.mark.parametrize("path", IDS)
def test_every_id_in_a_path(site, path):
    for odd in ("%00", "%ED%A0%80", "%FF", "9" * 30, str(2**63), str(2**31), "-1", "x" * 2000):
        for method in ("GET", "DELETE"):
            found = site.client.request(method, path.format(odd))
            assert found.status_code in (400, 403, 404, 405), (odd, found.status_code, found.text)
