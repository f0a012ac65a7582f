"""Notices between notifiers of one folder, as if they were processes."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from polyreel.infra.notify import ANYTHING, Notifier


def heard_by(notifier: Notifier) -> list[str]:
    topics: list[str] = []
    notifier.subscribe(topics.extend)
    return topics


def soon(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_everyone_hears_the_sender_too(tmp_path: Path) -> None:
    one, two = Notifier(tmp_path / "run"), Notifier(tmp_path / "run")
    first, second = heard_by(one), heard_by(two)
    one.start()
    two.start()
    one.publish(["media:1", "jobs"])
    soon(lambda: first == second == ["media:1", "jobs"])
    one.close()
    two.close()


def test_a_broken_listener_does_not_make_deaf(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    notifier = Notifier(tmp_path / "run")

    def broken(topics: list[str]) -> None:
        raise KeyError("broken")

    notifier.subscribe(broken)
    heard = heard_by(notifier)
    notifier.start()
    with caplog.at_level(logging.ERROR, "polyreel.notify"):
        notifier.publish(["a"])
        notifier.publish(["b"])
        soon(lambda: heard == ["a", "b"])
    notifier.close()
    assert "broke" in caplog.text


def test_the_socket_of_a_dead_process_is_removed(tmp_path: Path) -> None:
    alive, dead = Notifier(tmp_path / "run"), Notifier(tmp_path / "run")
    alive.start()
    dead.start()
    assert len(list((tmp_path / "run").iterdir())) == 2
    # What kill -9 leaves: a name with nobody behind it.
    left = dead._path.rename(dead._path.with_name(f"{dead._path.name}.sock"))
    dead.close()

    def gone() -> bool:
        alive.publish(["a"])
        return not left.exists()

    soon(gone)
    alive.close()


def test_the_socket_of_another_machine_stays(tmp_path: Path) -> None:
    here, elsewhere = Notifier(tmp_path / "run"), Notifier(tmp_path / "run")
    elsewhere.start()
    # From here nobody answers at it, as through a folder that machines share.
    seen = elsewhere._path.rename(tmp_path / "run" / "notify-0badf00d-1-there.sock")
    elsewhere.close()
    here.publish(["a"])
    here.publish(["b"])
    assert seen.exists()
    here.close()


def test_too_much_for_one_datagram_is_anything(tmp_path: Path) -> None:
    notifier = Notifier(tmp_path / "run")
    heard = heard_by(notifier)
    notifier.start()
    notifier.publish([f"video:{number:036}" for number in range(2000)])
    soon(lambda: heard == [ANYTHING])
    notifier.close()


def test_a_long_folder_name(tmp_path: Path) -> None:
    notifier = Notifier(tmp_path / ("x" * 120) / "run")
    heard = heard_by(notifier)
    notifier.start()
    notifier.publish(["a"])
    soon(lambda: heard == ["a"])
    notifier.close()


def test_closing_ends_the_thread_and_publishing_after_it_is_harmless(tmp_path: Path) -> None:
    before = threading.active_count()
    notifier = Notifier(tmp_path / "run")
    notifier.start()
    notifier.close()
    soon(lambda: threading.active_count() <= before)
    notifier.publish(["a"])
    assert list((tmp_path / "run").iterdir()) == []


def test_unsubscribed_hears_nothing(tmp_path: Path) -> None:
    notifier = Notifier(tmp_path / "run")
    topics: list[str] = []
    callback = topics.extend
    notifier.subscribe(callback)
    other = heard_by(notifier)
    notifier.start()
    notifier.unsubscribe(callback)
    notifier.unsubscribe(callback)
    notifier.publish(["a"])
    soon(lambda: other == ["a"])
    assert topics == []
    notifier.close()
