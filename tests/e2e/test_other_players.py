"""Players that are not ours, on our masters, in a real browser: Shaka Player as npm has it, and hls.js with
none of our settings. A film with two sounds, plain and forced subtitles; one whose source has no index.

Needs node and npm for Shaka Player; where it cannot be had its tests are skipped, and say so.
"""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, StorageState

from tests.e2e.conftest import NewVisitor
from tests.e2e.test_tracks import HEAR
from tests.e2e.test_watch import open_new
from tests.e2e.visitor import Visitor, wait_for
from tests.factories.clips import ClipMaker
from tests.node import NodeMissing, installed
from tests.server import Server

pytestmark = pytest.mark.e2e

# Longer than what Shaka Player fetches ahead: it shows no text that is chosen when nothing more is to be
# fetched, since it waits for the next fragment to tell where the film's time begins.
SECONDS, LONG = 30, 60
LOW, HIGH = 300, 2000
WORDS = "1\n00:00:00,000 --> 00:00:30,000\nWords in {}\n"
PAGE = "<!doctype html><title>Another player</title><video width=640 height=360></video>"
VENDOR = Path(__file__).parents[2] / "src/polyreel/web/static/vendor"
# The film ends where the longer of its tracks ends: a sound may be some frames longer than the picture.
SLACK_S = 0.1

SHAKA = """async (master) => {
  const video = document.querySelector('video');
  shaka.polyfill.installAll();
  const player = window.player = new shaka.Player();
  window.errors = [];
  player.addEventListener('error', ({ detail: { severity, code, data } }) => window.errors.push([severity, code, String(data)]));
  await player.attach(video);
  await player.load(master);
  await video.play();
}"""
SHAKA_HAS = """() => ({
  pictures: [...new Set(player.getVariantTracks().map((t) => t.height))].sort(), variants: player.getVariantTracks().length,
  codecs: [...new Set(player.getVariantTracks().map((t) => t.audioCodec))],
  sounds: player.getAudioTracks().map((t) => t.language),
  texts: player.getTextTracks().map((t) => [t.language, t.label, t.forced]), errors: window.errors,
})"""
CUE = """() => [...document.querySelector('video').textTracks].filter((t) => t.mode === 'showing')
  .flatMap((t) => [...t.activeCues ?? []]).map((cue) => cue.text)"""
HLS_JS = """async ([library, master]) => {
  const { default: Hls } = await import(library);
  const video = document.querySelector('video');
  const hls = window.hls = new Hls();
  window.errors = [];
  hls.on(Hls.Events.ERROR, (_, { fatal, type, details }) => window.errors.push([fatal, type, details]));
  hls.loadSource(master);
  hls.attachMedia(video);
  await video.play();
}"""
HLS_HAS = """() => ({
  levels: hls.levels.map((level) => level.height), sounds: hls.audioTracks.map((t) => t.lang),
  texts: hls.subtitleTracks.map((t) => [t.lang, t.name, t.forced]), errors: window.errors.filter(([fatal]) => fatal),
})"""

OWN = """async (master) => {
  const { Session } = await import('/static/js/player-session.js');
  window.told = [];
  const audio = (tracks, enabled) => window.told.push(tracks[enabled]?.lang);
  window.session = new Session(document.querySelector('video'), { levels() {}, audio, failed: (kind) => window.told.push(kind) });
  session.open(master);
  await document.querySelector('video').play();
}"""

MASTERS = ("multi", "muted", "one")
# What each film has, in the browser's own languages for Shaka, in those of the file for hls.js.
TEXTS = {"mkv": [("eng", "Words", False), ("deu", "Signs", True)], "ts": []}


def make_film(make_clip: ClipMaker, path: Path) -> None:
    """Two sounds of different pitch; words in two languages where the file can hold them."""
    texts = [path.with_name(f"{path.stem}-{language}.srt") for language in ("eng", "deu")]
    for text in texts:
        text.write_text(WORDS.format(text.stem[-3:]))
    texts = texts if path.suffix == ".mkv" else []
    about = [
        "-c:s", "copy", "-metadata:s:s:0", "language=eng", "-metadata:s:s:0", "title=Words",
        "-metadata:s:s:1", "language=deu", "-metadata:s:s:1", "title=Signs",
        "-disposition:s:0", "0", "-disposition:s:1", "forced",
    ] if texts else []  # fmt: skip
    make_clip.run(
        "-f", "lavfi", "-i", f"testsrc2=s=640x360:r=25:d={SECONDS}",
        "-f", "lavfi", "-i", f"sine=frequency={LOW}:sample_rate=48000:d={SECONDS}",
        "-f", "lavfi", "-i", f"sine=frequency={HIGH}:sample_rate=48000:d={SECONDS}",
        *(each for text in texts for each in ("-i", f"file:{text}")),
        *(each for number in range(3 + len(texts)) for each in ("-map", str(number))),
        "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "50", "-c:a", "aac",
        *about, "-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=deu", f"file:{path}",
    )  # fmt: skip


@pytest.fixture(scope="module")
def films(
    make_clip: ClipMaker, chromium: Browser, session: StorageState, site: Server
) -> dict[str, str]:
    """The uuid of each film, by the kind of its source."""
    context = chromium.new_context(storage_state=session)
    visitor = Visitor(context, site.url)
    found = {}
    for kind in TEXTS:
        path = make_clip.folder / f"other-players.{kind}"
        make_film(make_clip, path)
        visitor.go("/")
        found[kind] = open_new(visitor, path)
    for uuid in found.values():
        visitor.wait_ready(uuid)
    context.close()
    return found


@pytest.fixture(scope="session")
def shaka() -> Path:
    """Shaka Player, as a script of a page."""
    try:
        home = installed("shaka-player", "shaka-player@5")
    except NodeMissing as missing:
        pytest.skip(str(missing))
    return home / "node_modules/shaka-player/dist/shaka-player.compiled.js"


@pytest.fixture
def stranger(visit: NewVisitor, session: StorageState) -> Visitor:
    """Somebody whose player is not ours, on a page of the same origin that is empty."""
    visitor = visit(storage_state=session)
    visitor.context.route(
        "**/another-player", lambda route: route.fulfill(body=PAGE, content_type="text/html")
    )
    return visitor


def find_master(visitor: Visitor, uuid: str, which: str) -> str:
    """The address of one of a film's masters, and the cookie for it; `one` is that of the second sound."""
    visitor.go(f"/video/{uuid}")
    base = f"/videos/qualitys/{uuid}"
    if which == "one":
        whole = visitor.context.request.get(f"{visitor.url}{base}/stream/multi/master.m3u8").text()
        second = [line for line in whole.splitlines() if "TYPE=AUDIO" in line][1]
        which = second.partition('URI="')[2].split("/")[-3]
        return f"{base}/{which}/stream/master.m3u8"
    return f"{base}/stream/{which}/master.m3u8"


def open_shaka(visitor: Visitor, shaka: Path, master: str) -> None:
    """Have Shaka Player play it."""
    visitor.go("/another-player")
    visitor.page.add_script_tag(path=shaka)
    # The browser makes no sound for whoever has touched nothing.
    visitor.page.click("video")
    visitor.page.evaluate(SHAKA, master)


def hears(visitor: Visitor, hertz: float) -> None:
    """Until this tone is heard."""
    is_it = lambda: abs(visitor.page.evaluate("window.pitch()") - hertz) < 60  # noqa: E731
    wait_for(f"a tone of {hertz} Hz", is_it)


def shows(visitor: Visitor, words: str) -> None:
    """Until these words are shown, and no others."""
    wait_for(words, lambda: visitor.page.evaluate(CUE) == [words])


def seek_and_play(visitor: Visitor, at: float) -> None:
    visitor.seek(at)
    assert at <= visitor.wait_playing()["at"] < at + 3


@pytest.mark.parametrize("kind", TEXTS)
def test_shaka_player_plays_every_sound_and_text(
    stranger: Visitor, films: dict[str, str], shaka: Path, kind: str
) -> None:
    page = stranger.page
    open_shaka(stranger, shaka, find_master(stranger, films[kind], "multi"))
    assert stranger.wait_playing()["length"] == pytest.approx(SECONDS, abs=SLACK_S)
    assert page.evaluate(SHAKA_HAS) == {
        "pictures": [240, 360],
        "variants": 4,
        "codecs": ["mp4a.40.2"],
        "sounds": ["en", "de"],
        "texts": [[language[:2], label, forced] for language, label, forced in TEXTS[kind]],
        "errors": [],
    }
    for number, (language, *_) in enumerate(TEXTS[kind]):
        page.evaluate("(n) => player.selectTextTrack(player.getTextTracks()[n])", number)
        shows(stranger, f"Words in {language}")
    page.evaluate(HEAR)
    hears(stranger, LOW)
    page.evaluate("() => player.selectAudioTrack(player.getAudioTracks()[1])")
    hears(stranger, HIGH)
    seek_and_play(stranger, 8)
    hears(stranger, HIGH)
    seek_and_play(stranger, 1)
    assert page.evaluate("window.errors") == []


@pytest.mark.parametrize("which", ["muted", "one"])
@pytest.mark.parametrize("kind", TEXTS)
def test_shaka_player_plays_less(
    stranger: Visitor, films: dict[str, str], shaka: Path, kind: str, which: str
) -> None:
    open_shaka(stranger, shaka, find_master(stranger, films[kind], which))
    stranger.wait_playing()
    found = stranger.page.evaluate(SHAKA_HAS)
    assert (found["pictures"], found["variants"]) == ([240, 360], 2)
    assert found["sounds"] == ([] if which == "muted" else ["de"])
    assert len(found["texts"]) == len(TEXTS[kind])
    if which == "one":
        stranger.page.evaluate(HEAR)
        hears(stranger, HIGH)
    seek_and_play(stranger, 8)
    assert stranger.page.evaluate("window.errors") == []


@pytest.mark.parametrize("which", MASTERS)
@pytest.mark.parametrize("kind", TEXTS)
def test_hls_js_plays_with_its_own_settings(
    stranger: Visitor, films: dict[str, str], kind: str, which: str
) -> None:
    page = stranger.page
    master = find_master(stranger, films[kind], which)
    stranger.go("/another-player")
    page.click("video")
    library = f"/static/vendor/{next(VENDOR.glob('hls.js-*')).name}/hls.min.js"
    page.evaluate(HLS_JS, [library, master])
    assert stranger.wait_playing()["length"] == pytest.approx(SECONDS, abs=SLACK_S)
    assert page.evaluate(HLS_HAS) == {
        "levels": [240, 360],
        "sounds": {"multi": ["eng", "deu"], "muted": [], "one": ["deu"]}[which],
        "texts": [list(text) for text in TEXTS[kind]],
        "errors": [],
    }
    if which == "one":
        page.evaluate(HEAR)
        hears(stranger, HIGH)
    seek_and_play(stranger, 8)
    assert page.evaluate(HLS_HAS)["errors"] == []


def test_our_own_player_keeps_the_sound_that_was_chosen(
    stranger: Visitor, films: dict[str, str]
) -> None:
    """It opens its master anew whenever something of the film was finished meanwhile."""
    page = stranger.page
    master = find_master(stranger, films["mkv"], "multi")
    stranger.go("/another-player")
    page.click("video")
    page.evaluate(OWN, master)
    stranger.wait_playing()
    page.evaluate(HEAR)
    hears(stranger, LOW)
    page.evaluate("session.playAudio(1)")
    hears(stranger, HIGH)
    page.evaluate("(master) => { told.length = 0; session.open(master, { at: 2 }); return document.querySelector('video').play(); }", master)  # fmt: skip
    hears(stranger, HIGH)
    assert page.evaluate("told.at(-1)") == "deu"


def test_shaka_player_follows_a_film_that_grows(
    stranger: Visitor, make_clip: ClipMaker, shaka: Path
) -> None:
    """An EVENT playlist, from its first fragments on until it is whole."""
    path = make_clip.folder / "growing.ts"
    make_clip.run(
        "-f", "lavfi", "-i", f"testsrc2=s=640x360:r=25:d={LONG}", "-f", "lavfi", "-i", f"sine=d={LONG}",
        "-c:v", "mpeg2video", "-b:v", "3M", "-c:a", "mp2", f"file:{path}",
    )  # fmt: skip
    stranger.go("/")
    before = stranger.states()
    stranger.choose(str(path))
    uuid = stranger.new_card(before)
    stranger.wait_playable(uuid)
    open_shaka(stranger, shaka, find_master(stranger, uuid, "multi"))
    stranger.wait_playing()
    ends = lambda: float(stranger.page.evaluate("player.seekRange().end"))  # noqa: E731
    assert ends() < LONG - 5, "it was whole before it was opened"
    stranger.wait_ready(uuid)
    wait_for("its whole length", lambda: abs(ends() - LONG) < SLACK_S)
    # Its own idea of the length grows with what it has fetched.
    had = stranger.film()["length"]
    stranger.seek(had - 1)
    wait_for("what came later", lambda: stranger.film()["at"] > had + 1)
    assert stranger.page.evaluate("window.errors") == []
