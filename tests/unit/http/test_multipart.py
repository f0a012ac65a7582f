"""What a client calls its file is what people will see, and nothing else."""

import pytest

from polyreel.http.multipart import clean_filename


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("clip.mp4", "clip.mp4"),
        ("-i", "-i"),
        ("$(id).mp4", "$(id).mp4"),
        ("../../etc/passwd", "passwd"),
        ("C:\\films\\clip.mp4", "clip.mp4"),
        ("%2e%2e%2fclip.mp4", "clip.mp4"),
        ("100%.mp4", "100%.mp4"),
        ("a\r\nb\u0085c\u2028.mp4", "abc.mp4"),
        ("clip\u202e4pm.exe", "clip4pm.exe"),
        ("\u2066clip\u2069.mp4", "clip.mp4"),
        ("שלום.mp4", "שלום.mp4"),
        ("..", None),
        (" \x00 ", None),
        ("", None),
    ],
)
def test_a_file_name_holds_no_path_and_looks_as_it_is(given, kept):
    assert clean_filename(given) == kept


def test_a_long_name_keeps_its_suffix():
    name = clean_filename("é" * 400 + ".mp4")
    assert name is not None
    assert len(name.encode()) <= 255
    assert name.endswith("é.mp4")
