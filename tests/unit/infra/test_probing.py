"""What coded bytes and first bytes say, without libav and without a child."""

import pytest

from polyreel.infra import probe
from polyreel.infra.probing import bitstream

SPS = bytes.fromhex("6764000dacd9414141")
AVCC = bytes.fromhex("0164000dffe1") + len(SPS).to_bytes(2, "big") + SPS


def by_length(*units):
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)


def test_parameter_sets_of_both_kinds_of_header():
    assert bitstream.avc_parameter_sets(AVCC) == (1, "avc1.64000d")
    assert bitstream.avc_parameter_sets(b"\0\0\0\1" + SPS + b"\0\0\1\x68\xeb") == (1, "avc1.64000d")
    assert bitstream.avc_parameter_sets(b"") == (0, "")


def test_an_idr_is_told_from_a_recovery_point():
    sei, idr, inter = b"\x06\x05\x01", b"\x65\x88\x84", b"\x41\x9a\x24"
    assert bitstream.nal_length_bytes("h264", AVCC) == 4
    assert bitstream.is_idr("h264", by_length(sei, idr), 4)
    assert not bitstream.is_idr("h264", by_length(sei, inter), 4)
    assert bitstream.is_idr("h264", b"\0\0\0\1" + sei + b"\0\0\1" + idr, 0)
    assert not bitstream.is_idr("h264", b"", 4)


def test_a_clean_random_access_picture_is_no_idr():
    assert bitstream.is_idr("hevc", by_length(b"\x26\x01"), 4)
    assert not bitstream.is_idr("hevc", by_length(b"\x2a\x01"), 4)


@pytest.mark.parametrize("data", [b"\xff" * 40, b"\0" * 40, b"\0\0\0\1", b"\x01" * 6])
def test_noise_in_a_header_is_survived(data):
    bitstream.avc_parameter_sets(data)
    bitstream.is_idr("h264", data, bitstream.nal_length_bytes("h264", data))
    bitstream.is_idr("hevc", data, bitstream.nal_length_bytes("hevc", data))
    bitstream.aac_codec_string(data, "")
    assert bitstream.declared_bytes(data) == 0
    assert bitstream.declared_bytes(b"\x1aE\xdf\xa3" + data) == 0


def test_the_length_a_file_declares():
    ebml = b"\x1aE\xdf\xa3\x82ab\x18S\x80g"
    assert bitstream.declared_bytes(ebml + b"\x01\0\0\0\0\0\x10\0") == 19 + 4096
    assert bitstream.declared_bytes(ebml + b"\x01" + b"\xff" * 7) == 0
    assert bitstream.declared_bytes(b"RIFF\0\x10\0\0AVI ") == 8 + 4096


def test_sound_is_named_by_its_object_type():
    assert bitstream.aac_codec_string(bytes.fromhex("1190"), "LC") == "mp4a.40.2"
    assert bitstream.aac_codec_string(bytes.fromhex("1190"), "HE-AAC") == "mp4a.40.5"
    assert bitstream.aac_codec_string(b"", "") == "mp4a.40.2"


@pytest.mark.parametrize(
    ("head", "word"),
    [
        (b"PK\x03\x04rest", "ZIP"),
        (b"\xef\xbb\xbf<!DOCTYPE html><p>", "web page"),
        (b"#EXTM3U\n", "playlist"),
        (b"<?xml version='1.0'?><MPD>", "playlist"),
        (b"ffconcat version 1.0\n", "playlist"),
        (b"v=0\r\no=- 0 0 IN IP4 127.0.0.1", "description"),
        (b"\x89PNG\r\n\x1a\n", "picture"),
        ("Grüße".encode() * 2000, "text"),
        (b"\0\0\0\x20ftypisom", "incomplete"),
        (b"\x1aE\xdf\xa3", "incomplete"),
        (bytes(range(256)), "not a video"),
    ],
)
def test_a_person_is_told_what_the_file_is_instead(head, word):
    assert word in probe._what_it_is(head[: probe.HEAD_BYTES])
