"""In which order, and in which pieces, the tests are handed to processes that run them at once."""

from collections.abc import Sequence

import pytest

__all__ = ["group", "order"]

# What takes longest goes first: what is short at the end lets all processes end together.
_LONGEST_FIRST = ("corpus", "fault", "integration")
# Of every module, and nothing that is shared.
_EVERYWHERE = ("databases_of_module",)


def group(items: list[pytest.Item]) -> None:
    """For `--dist loadgroup`: tests that share what was made for their module stay together, those that
    share nothing go one by one.
    """
    for item in items:
        if name := _group_of(item):
            item.add_marker(pytest.mark.xdist_group(name))


def order(items: list[pytest.Item]) -> None:
    """For `--no-loadscope-reorder`; among what takes equally long they stay as they are."""
    items.sort(key=_place_of)


def _place_of(item: pytest.Item) -> tuple[int, bool]:
    tier = item.nodeid.split("/")[1]
    rank = _LONGEST_FIRST.index(tier) if tier in _LONGEST_FIRST else len(_LONGEST_FIRST)
    return rank, item.get_closest_marker("xdist_group") is None


def _group_of(item: pytest.Item) -> str:
    """The same for all tests that share a fixture of their module (of each of its parameters); or nothing."""
    shared = [name for name in _fixtures_of_module(item) if name not in _EVERYWHERE]
    if not shared:
        return ""
    callspec = getattr(item, "callspec", None)
    chosen = [str(callspec.params[name]) for name in shared if callspec and name in callspec.params]
    return "-".join([item.nodeid.partition("::")[0], *chosen])


def _fixtures_of_module(item: pytest.Item) -> Sequence[str]:
    info = getattr(item, "_fixtureinfo", None)
    found = info.name2fixturedefs.items() if info else ()
    return sorted(name for name, made in found if made[-1].scope in ("module", "class", "package"))
