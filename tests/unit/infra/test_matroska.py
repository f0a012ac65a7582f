"""Elements and the front of a Matroska file, read back by a reader that knows nothing of the writer."""

import struct

import pytest

from polyreel.infra import ebml
from polyreel.infra.bmff import Malformed
from polyreel.infra.matroska import (
    BLOCK_BYTES,
    CLUSTER_BYTES,
    Cue,
    MkvTrack,
    block_header,
    cluster_header,
    make_front,
    text_block,
    track_of_init,
)
from polyreel.infra.samples import SampleTable
from tests.factories.tracks import elements, picture_init, sound_init


@pytest.mark.parametrize("size", [0, 1, 126, 127, 128, 16_382, 16_383, 16_384, 2_097_151])
def test_sizes_are_told_in_as_few_bytes_as_they_fit(size):
    data = ebml.element(0xEC, bytes(size))
    ((name, _, content),) = elements(data)
    assert (name, len(content)) == (0xEC, size)
    width = len(data) - 1 - size
    assert size < (1 << 7 * width) - 1
    assert width == 1 or size >= (1 << 7 * (width - 1)) - 1


def test_headers_are_as_long_as_promised():
    blocks = [block_header(3, -2, size, is_sync=True) + bytes(size) for size in (1, 5000)]
    assert [len(block) for block in blocks] == [BLOCK_BYTES + 1, BLOCK_BYTES + 5000]
    cluster = cluster_header(1 << 33, sum(map(len, blocks))) + b"".join(blocks)
    assert len(cluster) == CLUSTER_BYTES + 5001 + 2 * BLOCK_BYTES
    found = [(name, content) for name, _, content in elements(cluster)]
    assert [name for name, _ in found] == [0x1F43B675, 0xE7, 0xA3, 0xA3]
    assert int.from_bytes(found[1][1], "big") == 1 << 33
    assert struct.unpack_from(">BhB", found[2][1]) == (0x83, -2, 0x80)


def test_tracks_as_their_inits_tell_them():
    picture = track_of_init(picture_init(width=640, height=362), SampleTable(1000))
    assert (picture.kind, picture.codec) == (1, "V_MPEG4/ISO/AVC")
    assert picture.private == bytes([1, 0x64, 0x00, 0x1F, 0xFF, 0xE0, 0])
    sizes = {name: int.from_bytes(content, "big") for name, _, content in elements(picture.shape)}
    assert (sizes[0xB0], sizes[0xBA], sizes[0x54B0], sizes[0x54BA]) == (640, 362, 640, 362)
    sound = track_of_init(sound_init(), SampleTable(1000))
    assert (sound.kind, sound.codec, sound.private) == (2, "A_AAC", b"\x11\x90")
    heard = {name: content for name, _, content in elements(sound.shape)}
    assert (struct.unpack(">d", heard[0xB5]), heard[0x9F]) == ((48000.0,), b"\x02")


@pytest.mark.parametrize(
    "init", [b"", picture_init()[:-60], sound_init().replace(b"mp4a", b"mp3x")]
)
def test_an_init_that_is_none(init):
    with pytest.raises(Malformed):
        track_of_init(init, SampleTable(1000))


def test_the_index_leads_to_its_parts_and_clusters():
    tracks = [MkvTrack(1, "V_AV1", b"x", uid=7), MkvTrack(2, "A_AAC", b"y", uid=9, language="fra")]
    cues = [Cue(0, 1, 0), Cue(4000, 1, 777), Cue(8000, 1, 1 << 40)]
    front = make_front(tracks, cues, duration_ms=1234.5, clusters_bytes=5000)
    found = list(elements_of_front(front))
    segment = next(at for name, at, _ in found if name == 0x18538067) + 12
    places = {name: at - segment for name, at, _ in found}
    seeks = [content for name, _, content in found if name in (0x53AB, 0x53AC)]
    pairs = zip(seeks[::2], seeks[1::2], strict=True)
    told = {int.from_bytes(name, "big"): int.from_bytes(at, "big") for name, at in pairs}
    assert told == {name: places[name] for name in (0x1549A966, 0x1654AE6B, 0x1C53BB6B)}
    clusters = [int.from_bytes(c, "big") for name, _, c in found if name == 0xF1]
    assert clusters == [len(front) - segment + cue.place for cue in cues]
    assert [content for name, _, content in found if name == 0x22B59C] == [b"und", b"fra"]


def elements_of_front(front):
    """Of a file whose clusters are not there yet: the size of its segment covers them."""
    start = front.index(b"\x18\x53\x80\x67")
    size = struct.pack(">Q", 1 << 56 | len(front) - start - 12)
    return elements(front[: start + 4] + size + front[start + 12 :])


def test_a_subtitle_says_how_long_it_is_shown():
    block = text_block(3, 250, 1500, "né".encode())
    (group, _, content), *_ = elements(block)
    inside = {name: data for name, _, data in elements(content)}
    assert group == 0xA0
    assert inside[0xA1] == b"\x83\x00\xfa\x00" + "né".encode()
    assert int.from_bytes(inside[0x9B], "big") == 1500
