"""Limits: a burst, then a trickle, per client and per name, in bounded memory."""

import pytest

from polyreel.http.throttle import LoginThrottle, Throttle, network_of
from polyreel.kit.errors import Busy, Unavailable


class Clock:
    """A clock that goes when told."""

    def __init__(self):
        self.now_s = 1000.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


def fail(throttle, address, name):
    with pytest.raises(ZeroDivisionError), throttle.attempt(address, name):
        raise ZeroDivisionError


def test_a_burst_is_let_through_then_one_per_interval(clock):
    throttle = Throttle(burst=3, every_s=10, clock=clock)
    for _ in range(3):
        throttle.take("a")
    for _ in range(2):
        with pytest.raises(Busy) as caught:
            throttle.take("a")
        assert 10 <= caught.value.retry_after_s <= 11
    throttle.take("b")
    clock.now_s += 10
    throttle.take("a")
    with pytest.raises(Busy):
        throttle.take("a")
    clock.now_s += 1000
    for _ in range(3):
        throttle.take("a")


def test_memory_is_bounded(clock):
    throttle = Throttle(burst=1, every_s=10, most_keys=5, clock=clock)
    for key in range(100):
        throttle.take(key)
    assert len(throttle._full_at) == 5


def test_wrong_passwords_are_slowed_down_per_address_and_name(clock):
    throttle = LoginThrottle(clock=clock)
    for _ in range(10):
        fail(throttle, "203.0.113.9", "Alice")
    for spelling in (" alice", "ALICE", "\uff41lice"):
        with pytest.raises(Busy), throttle.attempt("203.0.113.9", spelling):
            pass
    fail(throttle, "203.0.113.9", "bert")
    fail(throttle, "203.0.113.10", "alice")


def test_many_names_from_one_address_are_slowed_down_too(clock):
    throttle = LoginThrottle(clock=clock)
    for number in range(30):
        fail(throttle, "203.0.113.9", f"user{number}")
    with pytest.raises(Busy), throttle.attempt("203.0.113.9", "another"):
        pass


def test_right_passwords_are_never_slowed_down(clock):
    throttle = LoginThrottle(clock=clock)
    for _ in range(200):
        with throttle.attempt("203.0.113.9", "alice"):
            pass


def test_tries_that_nobody_could_check_are_not_counted(clock):
    throttle = LoginThrottle(clock=clock)
    for _ in range(40):
        with pytest.raises(Unavailable), throttle.attempt("203.0.113.9", "alice"):
            raise Unavailable("The database")


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_one_ipv6_customer_is_one_client(address, network):
    assert network_of(address) == network
