"""Modules are never looked through for garbage; everything else is."""

import gc

import pytest

from polyreel.kit.garbage import begin_collecting, wait_with_collecting


@pytest.fixture(autouse=True)
def as_before():
    yield
    gc.unfreeze()
    gc.enable()


def test_what_was_loaded_while_it_waited_stays_out_of_sight():
    wait_with_collecting()
    assert not gc.isenabled()
    begin_collecting()
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0


def test_a_process_that_did_not_wait_goes_on_as_it_was():
    gc.unfreeze()
    begin_collecting()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
