"""Gauges are shares and rates of what the kernel counted between two readings."""

from types import SimpleNamespace

import pytest

from polyreel.infra.machine import Machine

NET = """Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs
    lo: 999999 0 0 0 0 0 0 0 999999 0 0 0 0 0 0 0
  eth0: {received} 0 0 0 0 0 0 0 {sent} 0 0 0 0 0 0 0
"""
DISKS = """   8       0 sda 1 0 {read} 0 1 0 {written} 0 0 0 0
   8       1 sda1 1 0 {read} 0 1 0 {written} 0 0 0 0
 259       0 nvme0n1 1 0 10 0 1 0 0 0 0 0 0
 259       1 nvme0n1p1 1 0 10 0 1 0 0 0 0 0 0
   7       0 loop0 1 0 500 0 1 0 500 0 0 0 0
"""


@pytest.fixture
def proc(tmp_path):
    (tmp_path / "net").mkdir()

    def write(*, busy, idle, received=0, sent=0, read=0, written=0):
        (tmp_path / "stat").write_text(f"cpu  {busy} 0 0 {idle} 0 0 0 0 0 0\ncpu0 1 1 1 1\n")
        (tmp_path / "meminfo").write_text(
            "MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 250 kB\n"
        )
        (tmp_path / "net" / "dev").write_text(NET.format(received=received, sent=sent))
        (tmp_path / "diskstats").write_text(DISKS.format(read=read, written=written))

    return SimpleNamespace(write=write, folder=tmp_path)


def test_rates_and_shares(proc):
    times = iter([100.0, 110.0])
    machine = Machine(proc.folder, lambda: next(times))
    proc.write(busy=100, idle=900)
    assert machine.read() == {"memory": 75.0}
    proc.write(busy=125, idle=975, received=1000, sent=500, read=20, written=40)
    assert machine.read() == {
        "cpu": 25.0,
        "memory": 75.0,
        "net_in": 100.0,
        "net_out": 50.0,
        "disk_read": 1024.0,
        "disk_write": 2048.0,
    }


def test_counters_that_began_anew_are_no_negative_rate(proc):
    times = iter([1.0, 2.0])
    machine = Machine(proc.folder, lambda: next(times))
    proc.write(busy=10, idle=10, received=10**9)
    machine.read()
    proc.write(busy=10, idle=20, received=5)
    assert machine.read()["net_in"] == 0


def test_elsewhere_nothing_is_told(tmp_path):
    assert Machine(tmp_path / "none").read() == {}


def test_this_machine():
    machine = Machine()
    machine.read()
    found = machine.read()
    assert 0 < found["memory"] < 100
