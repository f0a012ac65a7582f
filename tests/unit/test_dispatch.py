"""Which app answers an address."""

import pytest

from polyreel.dispatch import Apps, choose

UUID = "01a1fbfc-0a8f-728c-b29e-cadb671a5fc7"
APPS = Apps(media="media", uploads="uploads", videocms="videocms", web="web")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "app"),
    [
        ("/", "web"),
        ("/login", "web"),
        ("/library", "web"),
        (f"/v/{UUID}", "web"),
        (f"/v/{UUID}/status", "videocms"),
        (f"/videos/qualitys/{UUID}/stream/multi/master.m3u8", "media"),
        ("/videos/qualitys/no-uuid/x", "media"),
        ("/videos/qualitys", "web"),
        (f"/{UUID}/720p/out.m3u8", "media"),
        (f"/{UUID.upper()}/720p/out.m3u8", "media"),
        (f"/{UUID}", "web"),
        (f"/{UUID[:-1]}/720p/out.m3u8", "web"),
        ("/api/client/v1", "uploads"),
        ("/api/client/v1/uploads", "uploads"),
        ("/api/client/v10", "videocms"),
        ("/api/client", "videocms"),
        ("/api/files", "videocms"),
        ("/api", "videocms"),
        ("/apis", "web"),
        ("//api/files", "web"),
        ("", "web"),
    ],
)
def test_every_address_has_one_app(path, app):
    assert choose(APPS, path) == app
