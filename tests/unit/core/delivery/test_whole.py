"""Films laid out as one file over hand-made fragments: parts, tracks of other lengths, subtitles."""

import random
import struct

import pytest

from polyreel.core.delivery.media_view import Place
from polyreel.core.delivery.tracks import Film, read_track
from polyreel.core.delivery.whole_mkv import Extras, TextTrack, WholeMkv
from polyreel.core.delivery.whole_mp4 import WholeMp4
from polyreel.core.media.index import Fragment
from polyreel.infra.matroska import Attachment, Chapter
from polyreel.infra.storage import LocalStorage
from polyreel.kit.errors import Unsupported
from tests.factories.boxes import fragment
from tests.factories.renditions import make_part, make_rendition
from tests.factories.tracks import elements, picture_init, samples_of, sound_init

MS = 1000


@pytest.fixture
def storage(tmp_path):
    return LocalStorage(tmp_path)


def stored(storage, key, fragments):
    """A part of (start, durations, sizes) in milliseconds, in a file with something before it."""
    path = storage.path(key)
    path.parent.mkdir(parents=True, exist_ok=True)
    data = b"before"
    index: list[Fragment] = []
    for start, durations, sizes in fragments:
        whole = fragment(start, durations, sizes, fill=len(index) + 1)
        index.append(Fragment(start * MS, sum(durations) * MS, len(data), len(whole)))
        data += whole
    path.write_bytes(data)
    return make_part(index, key=key)


def picture(*parts, **more):
    return make_rendition(*parts, init=picture_init(), state="ready", **more)


def sound(*parts, **more):
    more = {"id": 2, "language": "deu", "title": "Ton", **more}
    return make_rendition(*parts, kind="audio", init=sound_init(), state="ready", **more)


def gops(*starts):
    return [(start, [40] * 25, [9] * 25) for start in starts]


def read(storage, whole, start=0, length=None):
    found = b""
    for piece in whole.pieces(start, whole.size - start if length is None else length):
        if isinstance(piece, bytes):
            found += piece
        elif hasattr(piece, "make"):
            found += piece.make()
        else:
            data = storage.path(piece.key).read_bytes()
            found += data[piece.offset : piece.offset + piece.size]
    return found


def film(storage, *renditions):
    return Film([read_track(storage, item) for item in renditions])


def both(storage, *renditions, extras=None):
    laid = film(storage, *renditions)
    return WholeMp4(laid), WholeMkv(laid, storage, extras or Extras())


def blocks_of(data):
    """(track, milliseconds, keyframe, data) of every block of a Matroska file."""
    found, cluster_ms = [], 0
    for name, _, content in elements(data):
        if name == 0xE7:
            cluster_ms = int.from_bytes(content, "big")
        elif name == 0xA3:
            track, time_ms, flags = struct.unpack_from(">BhB", content)
            found.append((track & 0x7F, cluster_ms + time_ms, bool(flags & 0x80), content[4:]))
    return found


def test_parts_do_not_show(storage):
    one = picture(stored(storage, "m/whole", gops(0, 1000, 2000, 3000)))
    two = [stored(storage, "m/a", gops(0, 1000)), stored(storage, "m/b", gops(2000, 3000))]
    fills = {"m/b": bytes([3, 4])}
    path = storage.path("m/b")
    path.write_bytes(path.read_bytes().replace(b"\1" * 225, fills["m/b"][:1] * 225)
                     .replace(b"\2" * 225, fills["m/b"][1:] * 225))  # fmt: skip
    for whole, parted in zip(both(storage, one), both(storage, picture(*two)), strict=True):
        assert read(storage, whole) == read(storage, parted)
        assert whole.size == len(read(storage, parted))


def test_every_sample_is_where_the_mp4_says(storage):
    pictures = picture(stored(storage, "m/p", gops(0, 1000)))
    sounds = sound(stored(storage, "m/s", [(0, [20] * 50, [3] * 50), (1000, [20] * 50, [4] * 50)]))
    whole, _ = both(storage, pictures, sounds)
    data = read(storage, whole)
    seen, heard = samples_of(data)
    assert [data[one.place : one.place + one.size] for one in seen] == [b"\1" * 9] * 25 + [
        b"\2" * 9
    ] * 25
    assert [data[one.place : one.place + one.size] for one in heard] == [b"\1" * 3] * 50 + [
        b"\2" * 4
    ] * 50
    # In turns, so that a player has both when it needs them.
    assert seen[0].place < heard[0].place < seen[25].place < heard[50].place


def test_every_sample_is_in_a_block_at_its_time(storage):
    pictures = picture(stored(storage, "m/p", gops(0, 1000)))
    sounds = sound(stored(storage, "m/s", [(10, [20] * 50, [3] * 50), (1010, [20] * 50, [4] * 50)]))
    _, whole = both(storage, pictures, sounds)
    blocks = blocks_of(read(storage, whole))
    assert [time for track, time, _, _ in blocks if track == 1] == list(range(0, 2000, 40))
    assert [time for track, time, _, _ in blocks if track == 2] == list(range(10, 2010, 20))
    assert [time for _, time, _, _ in blocks] == sorted(time for _, time, _, _ in blocks)


def test_sound_that_goes_on_alone_has_clusters_of_its_own(storage):
    pictures = picture(stored(storage, "m/p", gops(0)))
    sounds = sound(stored(storage, "m/s", [(0, [500] * 400, [3] * 400)]))
    mp4, whole = both(storage, pictures, sounds)
    data = read(storage, whole)
    assert len(data) == whole.size
    assert [time for track, time, _, _ in blocks_of(data) if track == 2] == list(
        range(0, 200_000, 500)
    )
    assert [one.decoded for one in samples_of(read(storage, mp4))[1]][-1] == 199_500


@pytest.mark.parametrize("which", [0, 1])
def test_any_range(storage, which):
    pictures = picture(stored(storage, "m/p", gops(*range(0, 9000, 1000))))
    sounds = sound(stored(storage, "m/s", [(n, [20] * 50, [7] * 50) for n in range(0, 9000, 1000)]))
    whole = both(storage, pictures, sounds)[which]
    data = read(storage, whole)
    chance = random.Random(2)
    for _ in range(200):
        start = chance.randrange(whole.size)
        length = chance.randrange(1, whole.size - start + 1)
        assert read(storage, whole, start, length) == data[start : start + length]


def test_subtitles_go_along(storage):
    pictures = picture(stored(storage, "m/p", gops(0, 1000, 2000)))
    vtt = "WEBVTT\n\n00:00.500 --> 00:02.000\nOne\n\n00:01.200 --> 00:01.900\nTwo\n\n02:00.000 --> 02:01.000\nFar\n"
    ass = "[Script Info]\n[Events]\nDialogue: 0,0:00:00.10,0:00:00.90,Default,,0,0,0,,Hello\n"
    extras = Extras([TextTrack(vtt, language="fra"), TextTrack(ass, is_ass=True, title="Signs")])
    _, whole = both(storage, pictures, extras=extras)
    data = read(storage, whole)
    assert len(data) == whole.size
    texts, cluster_ms = [], 0
    for name, _, content in elements(data):
        if name == 0xE7:
            cluster_ms = int.from_bytes(content, "big")
        elif name == 0xA0:
            block = next(inner for kind, _, inner in elements(content) if kind == 0xA1)
            track, time_ms, _ = struct.unpack_from(">BhB", block)
            texts.append((track & 0x7F, cluster_ms + time_ms, block[4:]))
    assert texts == [
        (3, 100, b"0,0,Default,,0,0,0,,Hello"), (2, 500, b"One"), (2, 1200, b"Two"), (2, 120_000, b"Far"),
    ]  # fmt: skip
    codecs = [content for name, _, content in elements(data) if name == 0x86]
    assert codecs == [b"V_MPEG4/ISO/AVC", b"S_TEXT/UTF8", b"S_TEXT/ASS"]


def test_fonts_lie_behind_and_are_read_where_they_are(storage):
    pictures = picture(stored(storage, "m/p", gops(0, 1000)))
    storage.path("m/font").write_bytes(b"0123456789")
    one, two = Attachment("../../etc/Font\n.ttf", "font/ttf", 7), Attachment("..", "a/b", 0)
    fonts = [(one, Place("m/font", 2, 7)), (two, Place("m/font", 0, 0))]
    chapters = [Chapter(0, 900, "Anfang"), Chapter(900, 2000, "Ende")]
    _, whole = both(storage, pictures, extras=Extras(chapters=chapters, fonts=fonts))
    data = read(storage, whole)
    assert len(data) == whole.size
    found = list(elements(data))
    assert [content for name, _, content in found if name == 0x465C] == [b"2345678", b""]
    assert [content for name, _, content in found if name == 0x466E] == [
        b"Font.ttf",
        b"attachment-2",
    ]
    assert [content for name, _, content in found if name == 0x85] == [b"Anfang", b"Ende"]
    segment = next(at for name, at, _ in found if name == 0x18538067) + 12
    seeks = [content for name, _, content in found if name in (0x53AB, 0x53AC)]
    told = {int.from_bytes(a, "big"): int.from_bytes(b, "big") + segment
            for a, b in zip(seeks[::2], seeks[1::2], strict=True)}  # fmt: skip
    assert told == {name: at for name, at, _ in found if name in told}
    assert len(told) == 5
    for start in range(whole.size - 60, whole.size):
        assert read(storage, whole, start, whole.size - start) == data[start:]


@pytest.mark.parametrize("damage", [b"", b"moof", bytes(3000)])
def test_what_is_not_as_it_was_stored(storage, damage):
    part = stored(storage, "m/p", gops(0))
    storage.path("m/p").write_bytes(damage)
    with pytest.raises(Unsupported):
        film(storage, picture(part))
