"""Which addresses may be asked, however they are spelled."""

import random
import socket
import threading
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest

from polyreel.infra.outbound import (
    BadAddress,
    BadAnswer,
    Outbound,
    Unreachable,
    is_public,
    make_rules,
)
from polyreel.infra.outbound.bounds import Limits, Watch

PUBLIC = "93.184.216.34"

PRIVATE = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.254 127.0.0.1
127.255.255.254 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1
192.88.99.1 192.168.0.1 192.168.255.255 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1
224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 168.63.129.16
:: ::1 ::2 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:a9fe:a9fe ::ffff:0:127.0.0.1
64:ff9b::7f00:1 64:ff9b::10.0.0.1 64:ff9b::169.254.169.254 64:ff9b:1::1 100::1 2001::1
2001:0:7f00:1::1 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1::1 2002:a00:1::1 2002:5db8:d822::1
3fff::1 5f00::1 fc00::1 fd00:ec2::254 fdff::1 fe80::1 febf::1 fec0::1 ff02::1 ff0e::1
2606:4700::5efe:10.0.0.1 2606:4700::200:5efe:192.168.0.1
"""

FINE = """
1.1.1.1 8.8.8.8 93.184.216.34 100.63.255.255 100.128.0.1 172.15.0.1 172.32.0.1 11.0.0.1 126.0.0.1
128.0.0.1 192.0.1.1 198.17.0.1 198.20.0.1 223.255.255.254 ::ffff:8.8.8.8 64:ff9b::808:808
2606:4700:4700::1111 2a00:1450:4001::200e
"""


@pytest.mark.parametrize("text", PRIVATE.split())
def test_what_lies_inside_is_not_public(text):
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", FINE.split())
def test_the_internet_is_public(text):
    assert is_public(ip_address(text))


def test_nothing_is_public_that_the_registry_calls_private():
    dice = random.Random(7)
    for _ in range(20_000):
        four = IPv4Address(dice.getrandbits(32))
        assert not (is_public(four) and (four.is_private or four.is_multicast or four.is_reserved))
        six = IPv6Address(dice.getrandbits(128))
        assert not (is_public(six) and (six.is_private or six.is_multicast or six.is_link_local))


class Names:
    """A resolver that knows these names, and counts."""

    def __init__(self, **known):
        self.known = known
        self.asked = []

    def __call__(self, name, port):
        self.asked.append(name)
        found = self.known.get(name.partition(".")[0])
        if found is None:
            raise OSError("unknown")
        return found


def addresses(url, *, allow="", **known):
    """What would be connected to for this URL."""
    outbound = Outbound(make_rules(allow=allow), resolve=Names(**known))
    target = outbound._read(url)
    return outbound.addresses(target.host, target.port, Watch(Limits(), None))


SPELLINGS = [
    "http://127.0.0.1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0x7F.1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://127.0.0.1./",
    "http://127.0.0.01/",
    "http://0/",
    "http://0x/",
    "http://0.0.0.0/",
    "http://localhost/",
    "http://LOCALHOST/",
    "http://localhost./",
    "http://a.localhost/",
    "http://A.LocalHost./",
    "http://[::1]/",
    "http://[::]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::127.0.0.1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001:0:7f00:1::]/",
    "http://[fe80::1%25eth0]/",
    "http://[fe80::1]/",
    "http://[fd00::1]/",
    "http://user:word@127.0.0.1/",
    "http://example.org@127.0.0.1/",
    "http://127.0.0.1#@example.org/",
    "http://127.0.0.1?@example.org/",
    "http://\uff11\uff12\uff17.0.0.1/",  # full-width digits
    "http://\u2460\u2461\u2466.0.0.1/",  # circled digits
    "http://127\u30020\u30020\u30021/",  # ideographic full stops
    "http://\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3/",
    "http://169.254.169.254/latest/meta-data/",
    "http://192.168.0.1/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://100.64.0.1/",
    "http://inside.example/",
    "http://mixed.example/",
    "http://mapped.example/",
    "http://zone.example/",
    "http:///127.0.0.1/",
    "http://",
    "http:127.0.0.1",
    "//127.0.0.1/",
    "http://a..b/",
    "http://exa mple.org/",
    "http://example.org\\@127.0.0.1/",
    "http://127.0.0.1\t/",
    "http://127.0.0.1:8o80/",
    "http://1.1.1.1:0/",
    "http://1.1.1.1:22/",
    "http://1.1.1.1:25/",
    "file:///etc/passwd",
    "ftp://example.org/",
    "gopher://example.org/",
    "data:text/plain,x",
    "javascript:alert(1)",
]


@pytest.mark.parametrize("url", SPELLINGS)
def test_no_spelling_leads_inside(url):
    with pytest.raises((BadAddress, BadAnswer, Unreachable)):
        addresses(
            url,
            inside=["10.1.2.3"],
            mixed=[PUBLIC, "192.168.1.1"],
            mapped=["::ffff:127.0.0.1"],
            zone=["fe80::1%eth0"],
        )


def test_a_public_name_is_connected_to_at_the_addresses_it_has():
    both = [PUBLIC, "2606:4700:4700::1111"]
    assert addresses("https://Good.Example./film.mp4", good=both) == both


def test_a_name_of_other_letters_is_resolved_as_the_wire_writes_it():
    names = Names()
    outbound = Outbound(make_rules(), resolve=names)
    target = outbound._read("http://b\u00fccher.example/")
    with pytest.raises(Unreachable):
        outbound.addresses(target.host, target.port, Watch(Limits(), None))
    assert names.asked == ["xn--bcher-kva.example"]


def test_a_mapped_public_address_is_connected_to_in_its_plain_form():
    assert addresses("http://[::ffff:8.8.8.8]/") == ["8.8.8.8"]


def test_a_network_may_be_allowed_and_its_neighbours_are_not():
    allow = "192.168.1.0/24, fd00:1::/64"
    assert addresses("http://192.168.1.9:8080/", allow=allow) == ["192.168.1.9"]
    assert addresses("http://[::ffff:192.168.1.9]/", allow=allow) == ["192.168.1.9"]
    assert addresses("http://nas.example/", allow=allow, nas=["fd00:1::5"]) == ["fd00:1::5"]
    for url in ("http://192.168.2.9/", "http://127.0.0.1/", "http://[fd00:2::1]/"):
        with pytest.raises(BadAddress):
            addresses(url, allow=allow)


def test_an_origin_that_is_configured_may_be_inside_but_not_on_the_link_or_a_cloud_s_own():
    rules = make_rules(ports="80").widened()
    for text in ("127.0.0.1", "::1", "10.1.2.3", "192.168.1.2", "100.64.0.1", "fd00::1", "::ffff:127.0.0.1", "1.1.1.1"):  # fmt: skip
        assert rules.allows(ip_address(text)), text
    for text in ("169.254.169.254", "168.63.129.16", "0.0.0.0", "224.0.0.1", "fe80::1", "64:ff9b::7f00:1"):  # fmt: skip
        assert not rules.allows(ip_address(text)), text
    assert rules.allows_port(5000)
    assert rules.allows_port(631)


def test_a_name_with_one_address_outside_what_is_allowed_is_refused():
    with pytest.raises(BadAddress):
        addresses("http://nas.example/", allow="192.168.1.0/24", nas=["192.168.1.9", "10.0.0.1"])


def test_ports_are_a_setting():
    rules = make_rules(ports="80, 8000-8002")
    assert [port for port in (79, 80, 443, 7999, 8000, 8002, 8003) if rules.allows_port(port)] == [
        80,
        8000,
        8002,
    ]


@pytest.mark.parametrize(
    "given",
    [{"allow": "192.168.1"}, {"allow": "nas"}, {"ports": "0"}, {"ports": "80-70"}, {"ports": "x"}],
)
def test_settings_that_say_nothing_are_refused(given):
    with pytest.raises(ValueError, match=r".+"):
        make_rules(**given)


@pytest.mark.parametrize(
    ("number", "kind"), [(socket.EAI_NONAME, BadAnswer), (socket.EAI_AGAIN, Unreachable)]
)
def test_a_name_that_does_not_exist_is_told_from_a_resolver_that_is_away(number, kind):
    def fail(name, port):
        raise socket.gaierror(number, "no")

    outbound = Outbound(make_rules(), resolve=fail)
    with pytest.raises(kind):
        outbound.addresses("some.example", 80, Watch(Limits(), None))


def test_a_resolver_that_hangs_is_not_waited_for():
    never = threading.Event()

    def hang(name, port):
        never.wait(5)
        return [PUBLIC]

    outbound = Outbound(make_rules(), resolve=hang)
    try:
        with pytest.raises(Unreachable):
            outbound.addresses("slow.example", 80, Watch(Limits(connect_s=0.1), None))
    finally:
        never.set()


@pytest.mark.parametrize(
    ("own", "host", "port", "is_own"),
    [
        ("https://video.example.org", "video.example.org", 443, True),
        ("https://video.example.org", "VIDEO.example.org.", 80, True),
        ("https://video.example.org/", "video.example.org", 8443, False),
        ("https://video.example.org", "other.example.org", 443, False),
        ("https://m\u00fcnchen.example", "xn--mnchen-3ya.example", 443, True),
        ("http://93.184.216.34:8080", "93.184.216.34", 8080, True),
        ("http://93.184.216.34:8080", "::ffff:93.184.216.34", 8080, True),
        ("http://93.184.216.34:8080", "93.184.216.34", 80, False),
        ("nonsense", "video.example.org", 443, False),
        ("http://[bad", "video.example.org", 443, False),
    ],
)
def test_this_server_does_not_ask_itself(own, host, port, is_own):
    web = Outbound(
        make_rules(ports="1-65535"), own_urls=lambda: ["", own], resolve=lambda *_: [PUBLIC]
    )
    watch = Watch(Limits(), None)
    if not is_own:
        assert web.addresses(host, port, watch) == [PUBLIC]
        return
    with pytest.raises(BadAddress, match="this server"):
        web.addresses(host, port, watch)
