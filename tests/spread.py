"""In which order, and in which pieces, the tests go to the processes that run them at once."""

from functools import cache
from pathlib import Path

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling  # type: ignore[import-untyped]

__all__ = ["Spread", "order"]

# What takes longest goes first: what is short at the end lets all processes end together.
_LONGEST_FIRST = ("corpus", "fault", "integration", "contract")


class Spread(LoadScopeScheduling):  # type: ignore[misc]
    """Tests of a file that makes something for all of them stay together; all others go one by one.

    pytest-xdist has `--dist loadgroup` for that, which knows no groups under pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return path if _shares(path) else nodeid


def order(items: list[pytest.Item]) -> None:
    """For `--no-loadscope-reorder`; among what takes equally long they stay as they are."""
    items.sort(key=_place_of)


def _place_of(item: pytest.Item) -> tuple[int, bool]:
    tier = item.nodeid.split("/")[1]
    rank = _LONGEST_FIRST.index(tier) if tier in _LONGEST_FIRST else len(_LONGEST_FIRST)
    return rank, not _shares(item.nodeid.partition("::")[0])


@cache
def _shares(path: str) -> bool:
    """Whether a file of tests, named from the root of the repository, has fixtures for all its tests."""
    return 'scope="module"' in (Path(__file__).parent.parent / path).read_text()
