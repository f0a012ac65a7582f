"""Fields come in as the upstream framework takes them. Source: the VideoCMS contract, 1.2, 1.3."""

import json
from dataclasses import dataclass
from typing import Annotated

import pytest

from polyreel.dialects.videocms.binder import (
    REQUIRED,
    Malformed,
    Param,
    Sent,
    bind,
    bind_texts,
    least,
    most,
)
from polyreel.kit.errors import Invalid

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Wish:
    """One text and one number."""

    name: Annotated[str, Param("Name", REQUIRED, least(3), most(5))]
    parent_id: Annotated[int, Param("ParentID")]


@dataclass(frozen=True)
class Rare:
    """Neither has to be there."""

    title: Annotated[str, Param("Title", least(3))]
    rank: Annotated[int, Param("Rank", least(2), most(9))]


def in_json(value):
    return Sent(method="POST", content_type="application/json", body=json.dumps(value).encode())


def in_form(text):
    return Sent(method="POST", content_type=FORM, body=text.encode())


def in_parts(*pairs, filename=None):
    lines = []
    for name, text in pairs:
        tail = f'; filename="{filename}"' if filename else ""
        head = f'--b\r\nContent-Disposition: form-data; name="{name}"{tail}\r\n\r\n'
        lines.append(f"{head}{text}\r\n")
    body = ("".join(lines) + "--b--\r\n").encode()
    return Sent(method="DELETE", content_type="multipart/form-data; boundary=b", body=body)


@pytest.mark.parametrize(
    "sent",
    [
        in_json({"Name": "abc", "ParentID": 7}),
        in_json({"name": "abc", "PARENTID": 7, "unknown": {"deep": []}}),
        in_form("Name=abc&ParentID=7"),
        in_form("parentid=7&NAME=abc&x"),
        in_parts(("name", "abc"), ("ParentId", "7")),
        Sent(content_type="APPLICATION/JSON; charset=utf-8", body=b'{"Name":"abc","ParentID":7}'),
    ],
)
def test_names_come_in_any_case_from_every_kind_of_body(sent):
    assert bind(Wish, sent) == Wish("abc", 7)


def test_an_exact_name_wins():
    assert bind(Wish, in_form("name=wrong&Name=abc")).name == "abc"
    assert bind(Wish, in_json({"NAME": "wrong", "Name": "abc", "name": "wrong"})).name == "abc"


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_the_query_counts_for_these_methods_where_it_is_asked(method):
    sent = Sent(method=method, query=b"name=abc&ParentID=7")
    assert bind(Wish, sent, query=True) == Wish("abc", 7)
    with pytest.raises(Invalid, match="required"):
        bind(Wish, sent)


def test_the_query_counts_for_no_other_method():
    with pytest.raises(Invalid, match="required"):
        bind(Wish, Sent(method="POST", query=b"Name=abc"), query=True)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({}, "Name [required] : "),
        ({"Name": None}, "Name [required] : "),
        ({"Name": ""}, "Name [required] : "),
        ({"Name": "ab"}, "Name [min] : 3"),
        ({"Name": "abcdef"}, "Name [max] : 5"),
    ],
)
def test_the_first_rule_that_fails_is_told_in_the_exact_words(value, text):
    with pytest.raises(Invalid) as told:
        bind(Wish, in_json(value))
    assert told.value.message == text


def test_characters_are_counted_not_bytes():
    assert bind(Wish, in_json({"Name": "äöüß€"})).name == "äöüß€"


def test_what_is_left_out_or_empty_is_not_measured():
    assert bind(Rare, in_form("Title=&Rank=")) == bind(Rare, Sent()) == Rare("", 0)
    with pytest.raises(Invalid, match=r"Rank \[min\] : 2"):
        bind(Rare, in_form("Rank=1"))
    with pytest.raises(Invalid, match=r"Rank \[max\] : 9"):
        bind(Rare, in_json({"Rank": 10}))


@pytest.mark.parametrize("number", ["-1", "+1", "1.0", "0x1", "1 ", "\u0661", "9" * 19, "9" * 5000])
def test_a_number_in_a_form_is_digits_and_fits(number):
    with pytest.raises(Malformed):
        bind_texts(Wish, {"Name": "abc", "ParentID": number})


def test_the_greatest_number_fits():
    assert bind_texts(Wish, {"Name": "abc", "ParentID": str(2**63 - 1)}).parent_id == 2**63 - 1


@pytest.mark.parametrize("value", ["7", -1, 1.5, 7.0, True, [], {}, 2**63, 10**400])
def test_a_number_in_json_is_one(value):
    with pytest.raises(Malformed):
        bind(Wish, in_json({"Name": "abc", "ParentID": value}))


@pytest.mark.parametrize("value", [5, True, ["abc"], {"a": 1}])
def test_a_text_in_json_is_one(value):
    with pytest.raises(Malformed):
        bind(Wish, in_json({"Name": value}))


@pytest.mark.parametrize(
    "body", [b"", b" ", b"{", b"[]", b"null", b'"Name"', b"{" * 9000, b"[" * 100_000, b"\xff\xfe"]
)
def test_a_body_that_is_no_object_is_malformed(body):
    with pytest.raises(Invalid):
        bind(Wish, Sent(method="POST", content_type="application/json", body=body))


@pytest.mark.parametrize("kind", ["", "text/plain", "application/xml", "multipart/form-data"])
def test_a_body_of_another_kind_is_malformed(kind):
    with pytest.raises(Invalid):
        bind(Wish, Sent(method="POST", content_type=kind, body=b"Name=abc"))


def test_half_a_surrogate_pair_is_malformed():
    with pytest.raises(Malformed):
        bind(Wish, in_json({"Name": "a\ud800b"}))


def test_files_are_no_fields():
    with pytest.raises(Invalid, match="required"):
        bind(Wish, in_parts(("Name", "abc"), filename="a.txt"))


def test_too_many_fields_are_malformed():
    with pytest.raises(Malformed):
        bind(Wish, in_form("&".join(f"f{number}=1" for number in range(1001))))
