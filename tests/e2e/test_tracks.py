"""What a film has besides its picture, in a real browser: sounds, subtitles of both kinds, chapters, copies
of the source in its own codec; and what its owner does with them.
"""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import FreshCopy
from tests.e2e.test_watch import open_new
from tests.e2e.visitor import Visitor, wait_for
from tests.factories.clips import ClipMaker
from tests.factories.fonts import make_font

pytestmark = pytest.mark.e2e

ASS = """[Script Info]
ScriptType: v4.00+
PlayResX: 320
PlayResY: 180
[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, Alignment
Style: Default,Looking Glass,20,&H0000FFFF,7
[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:00.00,0:00:20.00,Default,,0,0,0,,{\\pos(160,90)}Sign
"""
SRT = "1\n00:00:00,000 --> 00:00:20,000\nPlain <i>words</i>\n"
CHAPTERS = """;FFMETADATA1
[CHAPTER]
TIMEBASE=1/1000
START=0
END=10000
title=The beginning
[CHAPTER]
TIMEBASE=1/1000
START=10000
END=20000
title=The rest
"""
TRACKS = "() => [...document.querySelector('video').textTracks].filter((t) => t.kind !== 'metadata').map((t) => [t.kind, t.label, t.mode])"
LINE = """() => {
  const line = document.querySelector('.ASS-dialogue');
  if (!line) return null;
  const box = line.getBoundingClientRect(), film = document.querySelector('video').getBoundingClientRect();
  return { text: line.textContent, x: (box.x - film.x) / film.width, y: (box.y - film.y) / film.height,
    letters: box.width / box.height };
}"""
HEAR = """() => {
  const context = new AudioContext(), ear = context.createAnalyser();
  ear.fftSize = 4096;
  context.createMediaElementSource(document.querySelector('video')).connect(ear);
  ear.connect(context.destination);
  window.pitch = () => {
    const levels = new Uint8Array(ear.frequencyBinCount);
    ear.getByteFrequencyData(levels);
    const top = levels.indexOf(Math.max(...levels));
    return levels[top] > 40 ? (top * context.sampleRate) / ear.fftSize : 0;
  };
}"""
NAMES = "() => [...document.querySelector('media-rendition-menu').querySelectorAll('media-chrome-menu-item'), ...document.querySelector('media-rendition-menu').shadowRoot.querySelectorAll('media-chrome-menu-item')].map((item) => item.textContent.trim())"


@pytest.fixture(scope="module")
def film(make_clip: ClipMaker) -> Path:
    """Two sounds of different pitch, styled subtitles with their font, plain ones, two chapters; 20 s."""
    folder = make_clip.folder
    for name, text in (("signs.ass", ASS), ("words.srt", SRT), ("chapters.txt", CHAPTERS)):
        (folder / name).write_text(text)
    (folder / "glass.ttf").write_bytes(make_font())
    path = folder / "tracks.mkv"
    make_clip.run(
        "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=20",
        "-f", "lavfi", "-i", "sine=frequency=300:sample_rate=48000:d=20",
        "-f", "lavfi", "-i", "sine=frequency=2000:sample_rate=48000:d=20",
        "-i", f"file:{folder / 'signs.ass'}", "-i", f"file:{folder / 'words.srt'}",
        "-i", f"file:{folder / 'chapters.txt'}",
        "-map", "0", "-map", "1", "-map", "2", "-map", "3", "-map", "4", "-map_chapters", "5",
        "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "50",
        "-c:a", "aac", "-c:s", "copy",
        "-metadata:s:a:0", "language=eng", "-metadata:s:a:0", "title=English",
        "-metadata:s:a:1", "language=deu", "-metadata:s:a:1", "title=Deutsch",
        "-metadata:s:s:0", "title=Signs", "-metadata:s:s:1", "title=Words",
        "-attach", f"file:{folder / 'glass.ttf'}",
        "-metadata:s:t:0", "mimetype=application/x-truetype-font",
        "-metadata:s:t:0", "filename=glass.ttf", f"file:{path}",
    )  # fmt: skip
    return path


@pytest.fixture(scope="module")
def forced_film(make_clip: ClipMaker, film: Path) -> Path:
    """The same film, with forced subtitles in the language of each of its sounds."""
    path, inputs, about = film.with_name("forced.mkv"), [], []
    for number, (language, title) in enumerate((("eng", "Foreign"), ("deu", "Fremdes")), 2):
        words = film.with_name(f"forced-{language}.srt")
        words.write_text(SRT.replace("Plain", title))
        inputs += ["-i", f"file:{words}"]
        about += [f"-metadata:s:s:{number}", f"language={language}",
                  f"-metadata:s:s:{number}", f"title={title}", f"-disposition:s:{number}", "forced"]  # fmt: skip
    make_clip.run("-i", f"file:{film}", *inputs, "-map", "0", "-map", "1", "-map", "2", "-c", "copy", *about, f"file:{path}")  # fmt: skip
    return path


def choose_text(page: Any, label: str) -> None:
    """Show one track, as the menu does."""
    page.evaluate(
        """(label) => { for (const t of document.querySelector('video').textTracks)
          if (t.kind === 'subtitles') t.mode = t.label === label ? 'showing' : 'disabled'; }""",
        label,
    )


def choose_item(visitor: Visitor, menu: str, kind: str, item: str) -> None:
    """Choose in the player's settings."""
    page = visitor.page
    page.locator("media-controller").hover()
    page.click("#settings-button")
    page.click(f'media-settings-menu-item:has-text("{menu}")')
    page.locator(f"{kind} media-chrome-menu-item", has_text=item).first.click()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")


def test_sounds_subtitles_and_chapters(ada: Visitor, film: Path, fresh: FreshCopy) -> None:
    ada.wait_ready(open_new(ada, fresh(film, "Tracks.mkv")))
    page = ada.page
    page.reload()
    ada.play()
    ada.wait_playing()
    # Nothing is shown that nobody asked for.
    wait_for("its tracks", lambda: len(page.evaluate(TRACKS)) == 3)
    shown = {label: mode for kind, label, mode in page.evaluate(TRACKS) if kind == "subtitles"}
    assert shown == {"Signs": "disabled", "Words": "disabled"}
    # Another language, while it plays.
    page.evaluate(HEAR)
    wait_for("the low tone", lambda: 250 < page.evaluate("window.pitch()") < 350)
    choose_item(ada, "Sound", "media-audio-track-menu", "Deutsch")
    wait_for("the high tone", lambda: 1900 < page.evaluate("window.pitch()") < 2100)
    # Styled ones stand where they say, in the font that came with the film: a letter is two wide.
    choose_item(ada, "Captions", "media-captions-menu", "Signs")
    line = wait_for("a sign", lambda: page.evaluate(LINE))
    assert (line["text"], line["x"], line["y"]) == ("Sign", pytest.approx(0.5, abs=0.01), pytest.approx(0.5, abs=0.01))  # fmt: skip
    wait_for("its font", lambda: page.evaluate(LINE)["letters"] > 6)
    # Plain ones are the browser's; the signs are gone.
    choose_text(page, "Words")
    cue = "() => [...document.querySelector('video').textTracks].find((t) => t.label === 'Words').activeCues?.[0]?.text"
    wait_for("words", lambda: page.evaluate(cue) == "Plain <i>words</i>")
    wait_for("no sign", lambda: page.evaluate(LINE) is None)
    # The bar names the chapter under the pointer.
    bar = page.locator("media-time-range")
    box = bar.bounding_box()
    assert box is not None
    for share, title in ((0.2, "The beginning"), (0.8, "The rest")):
        bar.hover(position={"x": box["width"] * share, "y": box["height"] / 2})
        expect(bar).to_have_attribute("mediapreviewchapter", title)


def test_forced_subtitles_show_by_themselves_until_somebody_chooses(
    ada: Visitor, forced_film: Path, fresh: FreshCopy
) -> None:
    ada.wait_ready(open_new(ada, fresh(forced_film, "Forced.mkv")))
    page = ada.page

    def begin() -> None:
        page.reload()
        ada.play()
        ada.wait_playing()
        page.evaluate("() => { document.querySelector('video').loop = true; }")

    def shows(*labels: str) -> None:
        def shown() -> tuple[str, ...]:
            return tuple(label for _, label, mode in page.evaluate(TRACKS) if mode == "showing")

        wait_for(f"{labels}, not {shown()}", lambda: shown() == labels)

    def hear(sound: str) -> None:
        choose_item(ada, "Sound", "media-audio-track-menu", sound)

    # From the start, those in the language of the sound; and they follow it.
    begin()
    shows("Foreign")
    cue = "() => [...document.querySelector('video').textTracks].find((t) => t.mode === 'showing').activeCues?.[0]?.text"
    wait_for("its words", lambda: page.evaluate(cue) == "Foreign <i>words</i>")
    hear("Deutsch")
    shows("Fremdes")
    hear("English")
    shows("Foreign")
    # Whoever turns them off has them off, whatever is heard later.
    choose_item(ada, "Captions", "media-captions-menu", "Off")
    shows()
    hear("Deutsch")
    page.wait_for_timeout(500)
    shows()
    # Whoever chooses others keeps those; and so with the key for captions.
    begin()
    shows("Foreign")
    choose_item(ada, "Captions", "media-captions-menu", "Words")
    shows("Words")
    hear("Deutsch")
    page.wait_for_timeout(500)
    shows("Words")
    begin()
    shows("Foreign")
    page.locator("media-captions-button").click()
    shows()
    hear("Deutsch")
    page.wait_for_timeout(500)
    shows()


def test_an_owner_adds_replaces_and_removes_subtitles(
    ada: Visitor, film: Path, fresh: FreshCopy, tmp_path: Path
) -> None:
    ada.wait_ready(open_new(ada, fresh(film, "Owned.mkv")))
    ada.allowed = {400}
    page, words = ada.page, tmp_path / "words.srt"
    dialog = page.locator("#send-subtitle")
    words.write_text("Dear reader")
    page.locator("[data-add-subtitle]").press("Enter")
    page.set_input_files("#subtitle-file", words)
    page.fill("#subtitle-language", "de")
    page.fill("#subtitle-name", "<b>Mine</b>")
    page.keyboard.press("Enter")
    expect(dialog.locator("[data-error]")).to_contain_text("Only SubRip")
    words.write_text(SRT)
    page.set_input_files("#subtitle-file", words)
    dialog.locator("[type=submit]").press("Enter")
    expect(page.locator("[data-tracks] li")).to_have_count(3)
    expect(page.locator("[data-tracks]")).to_contain_text("<b>Mine</b>")
    labels = lambda: [label for _, label, _ in page.evaluate(TRACKS)]  # noqa: E731
    wait_for("the player's", lambda: "<b>Mine</b>" in labels())
    page.get_by_role("button", name="Replace").press("Enter")
    words.write_text(SRT.replace("Plain", "Other"))
    page.set_input_files("#subtitle-file", words)
    dialog.locator("[type=submit]").press("Enter")
    expect(dialog).to_be_hidden()
    choose_text(page, "<b>Mine</b>")
    cue = "() => [...document.querySelector('video').textTracks].find((t) => t.label === '<b>Mine</b>')?.cues?.[0]?.text ?? ''"

    def is_new() -> bool:
        choose_text(page, "<b>Mine</b>")
        return bool(page.evaluate(cue) == "Other <i>words</i>")

    wait_for("the new words", is_new)
    page.get_by_role("button", name="Remove").press("Enter")
    page.locator("#remove-subtitle [type=submit]").press("Enter")
    expect(page.locator("[data-tracks] li")).to_have_count(2)
    wait_for("the player's list", lambda: "<b>Mine</b>" not in labels())
    page.locator("[data-steps] > summary").press("Enter")
    expect(page.locator("[data-steps]")).to_contain_text("Look into the file")
    page.locator(".owned-command:not([hidden]) summary").first.press("Enter")
    expect(page.locator(".owned-command:not([hidden]) pre").first).to_contain_text(
        "ffmpeg -i SOURCE"
    )


def test_what_failed_is_tried_again(ada: Visitor, make_clip: ClipMaker) -> None:
    before = ada.states()
    ada.choose(str(make_clip.text_named_mp4()))
    uuid = ada.new_card(before)
    wait_for("its failure", lambda: ada.ask(f"/video/{uuid}/state")["state"] == "failed")
    ada.go(f"/video/{uuid}")
    page = ada.page

    def steps() -> int:
        found: Any = ada.ask(f"/video/{uuid}/steps")
        return sum(step["state"] == "succeeded" or step["state"] == "failed" for step in found)

    # Others may have brought the same letter to this server.
    before_it = steps()
    page.locator("[data-do=retry]").press("Enter")
    page.locator("#retry-video [type=submit]").press("Enter")
    wait_for("one more look", lambda: steps() == before_it + 1)
    expect(page.locator("[data-do=retry]")).to_be_visible()


@pytest.mark.parametrize("codec", ["AV1", "VP9"])
def test_a_copy_of_the_source_is_a_quality_of_its_own(
    ada: Visitor, make_clip: ClipMaker, fresh: FreshCopy, codec: str
) -> None:
    wishes: dict[str, Any] = {"seconds": 10, "width": 640, "height": 360, "sound": None}
    av1 = ("-c:v", "libsvtav1", "-preset", "12", "-svtav1-params", "lp=1")
    clip = (
        make_clip(picture="vp9", **wishes)
        if codec == "VP9"
        else make_clip(picture="vp9", suffix="mkv", extra=av1, **wishes)
    )
    asked: list[str] = []
    ada.context.on("request", lambda request: asked.append(request.url.split("/")[-2]))
    ada.wait_ready(open_new(ada, fresh(clip, f"{codec}.mkv")))
    page = ada.page
    asked.clear()
    page.reload()
    ada.play()
    ada.wait_playing()
    page.evaluate("() => { document.querySelector('video').loop = true; }")
    own = f"360p-{codec.lower()}"
    assert own not in asked, "one codec at a time"
    ada.pick("Quality", f"360p {codec}")
    wait_for("the copy", lambda: own in asked)
    ada.wait_playing()
    ada.pick("Quality", "240p")
    wait_for("the small one", lambda: ada.film()["height"] == 240)
    asked.clear()
    ada.seek(1)
    ada.wait_playing()
    assert own not in asked


def test_a_clip_of_a_telephone_stands_upright(
    ada: Visitor, make_clip: ClipMaker, fresh: FreshCopy
) -> None:
    open_new(ada, fresh(make_clip(width=180, height=320, seconds=6), "phone.mp4"))
    ada.wait_playing()
    size = ada.page.evaluate("() => { const v = document.querySelector('video'); return [v.videoWidth, v.videoHeight]; }")  # fmt: skip
    assert size == [180, 320]
