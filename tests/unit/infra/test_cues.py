"""Text subtitles on their way into another container."""

import pytest

from polyreel.infra.cues import TextCue, read_ass, read_vtt

VTT = """WEBVTT - a film

STYLE
::cue { color: red }

NOTE nothing of this is shown

second
00:01:02.500 --> 00:01:04.000 align:start line:0
<v Ada>Two <b>bold</b> &amp; <c.red>red</c>
lines

00:01.000 --> 00:02.250
First

01:00:00.000 --> 00:59:00.000
Backwards
"""
ASS = """[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Style: Default,Arial,20

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:05.00,0:00:06.50,Default,,0,0,0,,{\\i1}Later{\\i0}, with a comma
Comment: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,Not this
Dialogue: 3,0:00:01.20,0:00:02.00,Default,Ada,1,2,3,fx,First
Dialogue: broken
"""


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_vtt(end):
    assert read_vtt(VTT.replace("\n", end)) == [
        TextCue(1000, 2250, "First"),
        TextCue(62_500, 64_000, "Two <b>bold</b> & red\nlines"),
    ]


def test_ass():
    head, cues = read_ass(ASS.replace("\n", "\r\n"))
    assert head.startswith("[Script Info]\n")
    assert head.endswith("Style: Default,Arial,20\n\n[Events]\nFormat: Layer, Start, End, Style, "
                         "Name, MarginL, MarginR, MarginV, Effect, Text\n")  # fmt: skip
    assert cues == [
        TextCue(1200, 2000, "1,3,Default,Ada,1,2,3,fx,First"),
        TextCue(5000, 6500, "0,0,Default,,0,0,0,,{\\i1}Later{\\i0}, with a comma"),
    ]


@pytest.mark.parametrize(
    "text", ["", "\0", "-->", "1:2:3 --> x", "<" * 5000, "[Events]\nDialogue:"]
)
def test_what_is_none(text):
    assert read_vtt(text) == []
    assert read_ass(text)[1] == []
