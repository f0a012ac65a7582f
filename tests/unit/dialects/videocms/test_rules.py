"""Kinds of fields and rules beyond texts and numbers. Source: the VideoCMS contract, 1.2, 1.3."""

import json
from dataclasses import dataclass
from typing import Annotated

import pytest

from polyreel.dialects.videocms import rules
from polyreel.dialects.videocms.binder import (
    REQUIRED,
    Malformed,
    Param,
    Sent,
    bind,
    bind_fields,
    least,
    most,
)
from polyreel.kit.errors import Invalid

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class One:
    """An item of a list."""

    link_id: Annotated[int, Param("LinkID", REQUIRED)]


@dataclass(frozen=True)
class Many:
    """A field of every kind."""

    flag: Annotated[bool | None, Param("Flag", REQUIRED)]
    plain: Annotated[bool, Param("Plain")]
    share: Annotated[float, Param("Share", most(9))]
    rank: Annotated[int | None, Param("Rank", least(1))]
    ids: Annotated[list[int], Param("Ids")]
    urls: Annotated[list[str], Param("Urls", most(2), each=[REQUIRED, rules.URL])]
    links: Annotated[list[One], Param("Links", most(2))]


@dataclass(frozen=True)
class Needed:
    """A list that must be there, though it may be empty."""

    ids: Annotated[list[int], Param("Ids", REQUIRED)]


def in_json(value):
    return Sent(method="POST", content_type="application/json", body=json.dumps(value).encode())


def in_form(text):
    return Sent(method="POST", content_type=FORM, body=text.encode())


def test_every_kind_in_json():
    given = {"flag": False, "plain": True, "share": 1, "Rank": 3, "ids": [1, 2], "urls": ["a:b"]}
    found = bind(Many, in_json({**given, "Links": [{"linkid": 7}]}))
    assert found == Many(
        flag=False, plain=True, share=1.0, rank=3, ids=[1, 2], urls=["a:b"], links=[One(7)]
    )


def test_every_kind_in_a_form():
    found = bind(Many, in_form("flag=F&plain=1&share=1.5&rank=3&ids=1&ids=2&urls=a:b"))
    assert found == Many(
        flag=False, plain=True, share=1.5, rank=3, ids=[1, 2], urls=["a:b"], links=[]
    )


def test_what_is_left_out_is_nothing():
    found = bind(Many, in_json({"Flag": False, "Rank": None}))
    assert found == Many(flag=False, plain=False, share=0.0, rank=None, ids=[], urls=[], links=[])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({}, "Flag [required] : "),
        ({"Flag": True, "Rank": 0}, "Rank [min] : 1"),
        ({"Flag": True, "Share": 9.5}, "Share [max] : 9"),
        ({"Flag": True, "Urls": ["a:b", ""]}, "Urls[1] [required] : "),
        ({"Flag": True, "Urls": ["no url"]}, "Urls[0] [url] : "),
        ({"Flag": True, "Links": [{"LinkID": 1}, {}]}, "LinkID [required] : "),
        ({"Flag": True, "Links": [{"LinkID": 1}] * 3}, "Links [max] : 2"),
    ],
)
def test_the_first_rule_that_fails_is_told(value, text):
    with pytest.raises(Invalid) as told:
        bind(Many, in_json(value))
    assert told.value.message == text


def test_an_empty_list_is_there():
    assert bind(Needed, in_json({"Ids": []})) == Needed([])
    with pytest.raises(Invalid, match=r"Ids \[required\] : "):
        bind(Needed, in_json({"Ids": None}))


@pytest.mark.parametrize(
    "value",
    [
        {"Flag": 1},
        {"Flag": "true"},
        {"Share": "1"},
        {"Share": True},
        {"Share": 10**400},
        {"Ids": 7},
        {"Ids": ["7"]},
        {"Links": [7]},
        {"Links": {"LinkID": 1}},
        {"Links": [{"LinkID": "1"}]},
    ],
)
def test_a_wrong_kind_in_json_is_malformed(value):
    with pytest.raises(Malformed):
        bind(Many, in_json({"Flag": True, **value}))


@pytest.mark.parametrize("text", ["flag=yes", "share=x", "share=nan", "share=1_0", "ids=x"])
def test_a_wrong_kind_in_a_form_is_malformed(text):
    with pytest.raises(Malformed):
        bind(Many, in_form(f"Flag=1&{text}" if "flag" not in text else text))


def test_a_table_of_texts():
    wanted = {"a": Param("AppName", REQUIRED, most(3)), "b": Param("Other")}
    assert bind_fields(wanted, in_json({"appname": "abc"})) == {"a": "abc", "b": ""}
    with pytest.raises(Invalid, match=r"AppName \[max\] : 3"):
        bind_fields(wanted, in_json({"AppName": "abcd"}))


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (rules.NUMBER, ["0", "0012"], ["-1", "1.0", "\u0661", "1 "]),
        (rules.BOOLEAN, ["1", "t", "TRUE", "False", "0"], ["yes", "tRUE", "2"]),
        (rules.ALPHA, ["abcXYZ"], ["a1", "ä", "a b"]),
        (rules.EMAIL, ["a@b", "a.b@c.example"], ["a", "a b@c", "@b"]),
        (rules.URL, ["https://a.example/x", "mailto:x"], ["x", "//a", "http://[::1"]),
        (rules.HTTP_URL, ["http://a", "https://a:8080/x?y"], ["ftp://a", "http://", "http://a:x"]),
        (rules.SHA256, ["0a" * 32], ["0A" * 32, "0a" * 31]),
        (
            rules.UUID,
            ["550e8400-E29B-41d4-a716-446655440000"],
            ["550e8400e29b41d4a716446655440000"],
        ),
    ],
)
def test_rules_on_texts(rule, good, bad):
    assert [rule.holds(text) for text in good] == [True] * len(good)
    assert [rule.holds(text) for text in bad] == [False] * len(bad)
