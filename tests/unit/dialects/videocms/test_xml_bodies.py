"""Fields in XML, and what XML could do besides. Source: the VideoCMS contract, 1.2."""

import time
from dataclasses import dataclass
from typing import Annotated

import pytest

from polyreel.dialects.videocms.binder import REQUIRED, Malformed, Param, Sent, bind, most
from polyreel.kit.errors import Invalid


@dataclass(frozen=True)
class Item:
    """One thing of a list."""

    link_id: Annotated[int, Param("LinkID", REQUIRED)]


@dataclass(frozen=True)
class Wish:
    """Every kind of field."""

    name: Annotated[str, Param("Name", REQUIRED, most(40))]
    size: Annotated[int, Param("Size")]
    ratio: Annotated[float, Param("Ratio")]
    is_public: Annotated[bool | None, Param("IsPublic")]
    urls: Annotated[list[str], Param("Urls")]
    items: Annotated[list[Item], Param("LinkIDs")]


def ask(body, kind="application/xml"):
    raw = body.encode() if isinstance(body, str) else body
    return bind(Wish, Sent(method="POST", content_type=kind, body=raw))


@pytest.mark.parametrize("kind", ["application/xml", "text/xml; charset=utf-8", "TEXT/XML"])
def test_every_kind_of_field(kind):
    found = ask(
        "<?xml version='1.0'?><anything xmlns='urn:x' xmlns:p='urn:p'>"
        "<name> A &amp; B <!-- not this --><![CDATA[<c>]]></name><p:Size> 7 </p:Size><Ratio>0.5</Ratio>"
        "<ispublic>true</ispublic><Urls>https://a.test</Urls><Unknown><x/></Unknown>"
        "<Urls>https://b.test</Urls><LinkIDs><LinkID>1</LinkID></LinkIDs>"
        "<LinkIDs><LinkID>2</LinkID></LinkIDs></anything>",
        kind,
    )
    assert found == Wish(
        name=" A & B <c>",
        size=7,
        ratio=0.5,
        is_public=True,
        urls=["https://a.test", "https://b.test"],
        items=[Item(1), Item(2)],
    )


def test_what_is_left_out_is_zero():
    assert ask("<a><Name>x</Name><Size/></a>") == Wish("x", 0, 0.0, None, [], [])


@pytest.mark.parametrize(
    "body",
    [
        "",
        " ",
        "Name=abc",
        "<a>",
        "<a></b>",
        "<a/><b/>",
        "<a><Name>x</Name></a>trailing",
        "<a><Name>&nope;</Name></a>",
        "<a><Name>&#0;</Name></a>",
        "<a><Name>x</Name><Size>many</Size></a>",
        "<a><Name>x</Name><Size>-1</Size></a>",
        "<a><Name>x</Name><IsPublic>perhaps</IsPublic></a>",
        "<?xml version='1.0' encoding='none-such'?><a><Name>x</Name></a>",
        "<?xml version='1.0' encoding='base64'?><a><Name>x</Name></a>",
        b"\xff\xfe",
        b"<a><Name>\xff</Name></a>",
        b"\0<a/>",
    ],
)
def test_what_is_none_is_malformed(body):
    with pytest.raises(Invalid):
        ask(body)


@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE a>",
        "<!DOCTYPE a SYSTEM 'http://127.0.0.1/x.dtd'>",
        "<!DOCTYPE a [<!ENTITY f SYSTEM 'file:///etc/passwd'>]>",
        "<!DOCTYPE a [<!ENTITY % p SYSTEM 'file:///etc/passwd'> %p;]>",
        "<!DOCTYPE a [<!ENTITY x 'ha'><!ENTITY y '&x;&x;&x;'>]>",
    ],
)
def test_a_document_type_is_refused_and_nothing_expanded(doctype):
    for text in ("x", "&f;", "&y;"):
        with pytest.raises(Malformed):
            ask(f"{doctype}<a><Name>{text}</Name></a>")


@pytest.mark.parametrize(
    "body",
    [
        "<a>" * 300_000,
        "<a>" + "<b/>" * 250_000 + "</a>",
        "<a><Name>" + "x<!-- -->" * 110_000 + "</Name></a>",
        "<a " + " ".join(f"k{n}='v'" for n in range(80_000)) + "/>",
    ],
)
def test_a_megabyte_of_anything_is_answered_at_once(body):
    began = time.process_time()
    with pytest.raises(Invalid):
        ask(body)
    assert time.process_time() - began < 1
