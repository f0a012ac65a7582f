"""What a player fetches of a video: every playlist, init and fragment, over HTTP."""

import re
from dataclasses import dataclass

from tests.client import Client
from tests.factories.boxes import init_timescale, shown_times

__all__ = ["Track", "attributes", "fetch_master", "fetch_tracks"]

_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)')


@dataclass(frozen=True)
class Track:
    """One rendition as a player has it: `seconds` are what its playlist says of each fragment."""

    name: str
    playlist: str
    init: bytes
    fragments: list[bytes]
    seconds: list[float]

    @property
    def is_sound(self) -> bool:
        """False for a picture."""
        return '#EXT-X-MAP:URI="audio' in self.playlist

    @property
    def joined(self) -> bytes:
        """The init, then every fragment."""
        return self.init + b"".join(self.fragments)

    def times(self, number: int) -> list[float]:
        """When each sample of a fragment is shown or heard, seconds of the film, ascending."""
        return shown_times(self.fragments[number], init_timescale(self.init))


def attributes(line: str) -> dict[str, str]:
    """The attribute list of a tag, quotes removed."""
    _, _, text = line.partition(":")
    return {name: value.strip('"') for name, value in _ATTRIBUTE.findall(text)}


def fetch_master(client: Client, uuid: str) -> str:
    """The master playlist with every sound."""
    path = f"{client.media_base(uuid)}/stream/multi/master.m3u8"
    return client.get(path, client.media_cookie(uuid)).decode()


def fetch_tracks(client: Client, uuid: str) -> list[Track]:
    """Pictures and sounds of the master, each with all its fragments."""
    master = fetch_master(client, uuid).splitlines()
    addresses = [line for line in master if line and not line.startswith("#")]
    tags = [attributes(line) for line in master if line.startswith("#EXT-X-MEDIA:TYPE=AUDIO")]
    return [_fetch(client, uuid, each) for each in [*addresses, *(tag["URI"] for tag in tags)]]


def _fetch(client: Client, uuid: str, address: str) -> Track:
    cookie = client.media_cookie(uuid)
    folder = address.rpartition("/")[0]
    text = client.get(address, cookie).decode()
    lines = text.splitlines()
    init = re.search(r'#EXT-X-MAP:URI="([^"]+)"', text)
    assert init is not None, text[:500]
    names = [line for line in lines if line and not line.startswith("#")]
    seconds = [float(line[8:].partition(",")[0]) for line in lines if line.startswith("#EXTINF:")]
    return Track(
        name=folder.removesuffix("/audio").rpartition("/")[2],
        playlist=text,
        init=client.get(f"{folder}/{init[1]}", cookie),
        fragments=[client.get(f"{folder}/{name}", cookie) for name in names],
        seconds=seconds,
    )
