"""A server, a browser and people in front of it. A test fails when a page did what no page may do."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, StorageState, expect, sync_playwright

from tests.e2e.visitor import Visitor
from tests.factories.clips import ClipMaker
from tests.server import Server

NAME, PASSWORD = "ada", "correct horse battery"

# Nothing here is a promise about time: what has not come after that long does not come.
expect.set_options(timeout=30_000)

# The last such argument counts: what Playwright turns off, and the browser's own surface for its address bar,
# which nobody sees here and every new window would load.
FEATURES_OFF = (
    "AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,HttpsUpgrades,"
    "HttpsFirstBalancedModeAutoEnable,LensOverlay,MediaRouter,PaintHolding,ThirdPartyStoragePartitioning,"
    "AvoidCorsURLLoaderRestartOnRedirect,OptimizationHints,NetworkTimeServiceQuerying,AimEnabled,"
    "PreconnectToSearch,WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup"
)

NewVisitor = Callable[..., Visitor]
FreshCopy = Callable[[Path, str], Path]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the whole tier, with one administrator."""
    with Server(tmp_path_factory.mktemp("e2e") / "data") as server:
        server.add_user(NAME, PASSWORD, admin=True)
        yield server


@pytest.fixture(scope="session")
def chromium(chromium_exe: str) -> Iterator[Browser]:
    """One browser for the whole tier."""
    # Root, as in containers, has no sandbox of its own.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    arguments.append(f"--disable-features={FEATURES_OFF}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_exe, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def session(chromium: Browser, site: Server) -> StorageState:
    """The cookies of somebody who signed in."""
    context = chromium.new_context()
    visitor = Visitor(context, site.url)
    visitor.go("/login")
    visitor.sign_in(NAME, PASSWORD)
    kept = context.storage_state()
    context.close()
    return kept


@pytest.fixture
def visit(chromium: Browser, site: Server) -> Iterator[NewVisitor]:
    """Open windows: `visit()` anonymous, `visit(storage_state=session, viewport=...)`; whatever any of
    them did wrong fails the test at its end.
    """
    opened: list[Visitor] = []

    def open_window(url: str = site.url, **wishes: object) -> Visitor:
        wishes.setdefault("viewport", {"width": 1280, "height": 800})
        visitor = Visitor(chromium.new_context(**wishes), url)  # type: ignore[arg-type]
        opened.append(visitor)
        return visitor

    yield open_window
    problems = [problem for visitor in opened for problem in visitor.problems]
    for visitor in opened:
        visitor.context.close()
    assert not problems, "\n".join(problems)


@pytest.fixture
def ada(visit: NewVisitor, session: StorageState) -> Visitor:
    """The administrator, signed in, with the library open."""
    visitor = visit(storage_state=session)
    visitor.go("/")
    return visitor


@pytest.fixture
def fresh(tmp_path: Path) -> FreshCopy:
    """`fresh(clip, "name.mp4")`: a copy that this server has never seen, so that it does all the work."""

    def copy(clip: Path, name: str) -> Path:
        path = tmp_path / name
        shutil.copyfile(clip, path)
        noise = os.urandom(8)
        # A box, or an element, that means nothing.
        is_matroska = path.read_bytes()[:4] == b"\x1aE\xdf\xa3"
        with path.open("ab") as file:
            file.write(b"\xec\x88" + noise if is_matroska else b"\0\0\0\x10free" + noise)
        return path

    return copy


@pytest.fixture(scope="session")
def bunny(clip_dir: Path | None, make_clip: ClipMaker) -> Path:
    """720p, H.264 with B-frames and AAC, 5 s: the real one where the clips are, else one made here."""
    if clip_dir is not None and (clip_dir / "bigbuckbunny-720p.mp4").exists():
        return clip_dir / "bigbuckbunny-720p.mp4"
    b_frames = ("-preset", "veryfast", "-bf", "2")
    return make_clip(width=1280, height=720, seconds=5, extra=b_frames)


@pytest.fixture(scope="session")
def rabbit(clip_dir: Path | None, make_clip: ClipMaker) -> Path:
    """VP8 and Vorbis in WebM, 8 s; real or made as `bunny`."""
    if clip_dir is not None and (clip_dir / "rabbit.webm").exists():
        return clip_dir / "rabbit.webm"
    return make_clip(picture="vp8", sound="vorbis", width=720, height=480, seconds=8)
