"""An index and cuts survive being kept."""

import pytest

from polyreel.core.media.index import Fragment, pack_cuts, pack_index, unpack_cuts, unpack_index

FRAGMENTS = [
    Fragment(0, 2_000_000, 0, 1000, 77),
    Fragment(2_000_000, 0, 1000, 0),
    Fragment(-40_000, 4_000_000, 1 << 40, (1 << 32) - 1),
    Fragment(36_000_000_000, 4_000_000_000, (1 << 63) - 1, 7),
]


def test_an_index_comes_back_as_it_was():
    assert list(unpack_index(pack_index(FRAGMENTS))) == FRAGMENTS
    assert list(unpack_index(None)) == list(unpack_index(b"")) == []


def test_a_kept_index_is_read_like_a_list():
    index = unpack_index(pack_index(FRAGMENTS))
    assert (len(index), bool(index), bool(unpack_index(None))) == (4, True, False)
    assert (index[0], index[-1], index[1:3]) == (FRAGMENTS[0], FRAGMENTS[-1], FRAGMENTS[1:3])
    with pytest.raises(IndexError):
        index[4]


def test_cuts_come_back_as_they_were():
    cuts = (0, 2_000_000, 4_000_000, 36_000_000_000)
    assert tuple(unpack_cuts(pack_cuts(cuts))) == cuts
    assert len(unpack_cuts(None)) == 0
