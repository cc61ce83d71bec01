"""XML documents: what is written is read again, and bad data raises nothing but S3Error."""

import codecs
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.wire import scan
from gateway.wire.documents import Attribute, Document, Element, Elements
from gateway.wire.xml import MAX_DEPTH, decode, encode
from ocean.errors import MalformedXML, MaxMessageLengthExceeded, S3Error

LIMIT = 4 << 20


class Leaf(Document):
    key: str
    value: str | None = None
    number: int | None = None


class Nested(Document):
    kind: Annotated[str | None, Attribute("xsi:type")] = None
    id: Annotated[str | None, Element("ID")] = None
    status: Literal["Enabled", "Suspended"] | None = None
    moment: datetime | None = None
    flag: bool | None = None
    leaf: Leaf | None = None
    tags: Annotated[tuple[Leaf, ...], Elements("TagSet", "Tag")] = ()
    origins: Annotated[tuple[str, ...], Element("AllowedOrigin")] = ()


class Rows(Document):
    xml_name = "Delete"
    objects: Annotated[tuple[Leaf, ...], Element("Object")]
    quiet: bool | None = None


class Lenient(Document):
    xml_strict = False
    key: str


# Characters of XML 1.0, CR among them: it is written as a reference.
texts = st.text(
    st.one_of(
        st.characters(
            codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff"
        ),
        st.sampled_from("\t\n\r&<>\"'"),
    ),
    max_size=20,
)
moments = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)).map(  # noqa: DTZ001
    lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000, tzinfo=UTC)
)
leaves = st.builds(
    Leaf, key=texts, value=st.none() | texts, number=st.none() | st.integers(-(10**18), 10**18)
)
documents = st.builds(
    Nested,
    kind=st.none() | texts,
    id=st.none() | texts,
    status=st.sampled_from([None, "Enabled", "Suspended"]),
    moment=st.none() | moments,
    flag=st.none() | st.booleans(),
    leaf=st.none() | leaves,
    tags=st.lists(leaves, max_size=3).map(tuple),
    origins=st.lists(texts, max_size=3).map(tuple),
)


@given(documents)
def test_what_is_written_is_read_again(document: Nested) -> None:
    assert decode(Nested, encode(document), limit=LIMIT) == document


@given(st.lists(leaves, min_size=1, max_size=8).map(tuple), st.sampled_from([None, True, False]))
def test_fast_and_full_reader_agree(rows: tuple[Leaf, ...], quiet: bool | None) -> None:
    data = encode(Rows(objects=rows, quiet=quiet))
    assert decode(Rows, data, limit=LIMIT) == Rows(objects=rows, quiet=quiet)
    padded = data.replace(b"<Object>", b"<Object>" + b" " * scan.MIN_SIZE, 1)
    fast = scan.scan(Rows, padded)
    assert fast is None or fast == Rows(objects=rows, quiet=quiet)
    assert fast is not None or b"&#" in data or b"]]" in data


KEYS = ["k", "a&amp;b", "&quot;", "&#34;", "&#39;x", "&#65;", "", "&", "]]>", "\x01", "<b/>"]


@given(
    st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(["1", " 7 ", "x"])), min_size=1),
    st.sampled_from(["", " ", "\n  ", "<!-- -->"]),
    st.sampled_from(["<Object><Key>%s</Key>%s<Number>%s</Number></Object>",
                     "<Object><Key>%s</Key>%s<Key>%s</Key></Object>",
                     "<Object><Number>%s</Number>%s<Value>%s</Value></Object>",
                     "<Object><Key>%s</Key>%s<Odd>%s</Odd></Object>"]),
    st.sampled_from(["", "<Quiet>true</Quiet>", "<Object><Key>z</Key></Object>", "x"]),
    st.integers(0, 40),
)  # fmt: skip
def test_records_that_are_written_alike(
    values: list[tuple[str, str]], space: str, record: str, other: str, at: int
) -> None:
    """They are read as one by one, wherever something else stands among them."""
    records = [record % (key, space, number) for key, number in values] * 40
    records.insert(at, other)
    data = f"<Delete>{''.join(records)}</Delete>".encode()
    try:
        fast = scan.scan(Rows, data)
    except MalformedXML:
        with pytest.raises(MalformedXML):
            full(data)
        return
    if fast is not None:
        assert fast == full(data)


FRAGMENTS = st.lists(
    st.sampled_from(
        ["<Object>", "</Object>", "<Key>", "</Key>", "a", "&amp;", "&", "]]>",
         "<Quiet>true</Quiet>",
         "<Number>7</Number>", "<Number>x</Number>", "<!-- c -->", "<![CDATA[b]]>", "<Key>k</Key>",
         "<Object><Key>k</Key></Object>", "<Unknown>1</Unknown>", " ", "<?pi?>", "\x01"]
    ),
    max_size=12,
)  # fmt: skip


@given(FRAGMENTS)
def test_fast_reader_never_disagrees(fragments: list[str]) -> None:
    """Both readers take any text made of such pieces the same way, or the fast one leaves it."""
    space = " " * scan.MIN_SIZE
    data = f"<Delete>{space}{''.join(fragments)}</Delete>".encode()
    try:
        fast = scan.scan(Rows, data)
    except MalformedXML:
        with pytest.raises(MalformedXML):
            full(data)
        return
    if fast is not None:
        assert fast == full(data)


def full(data: bytes) -> Rows:
    """What the full reader makes of it: the fast one knows no UTF-16."""
    return decode(Rows, data.decode().encode("utf-16"), limit=LIMIT)


@given(st.binary(max_size=200))
@example(b"<?xml version='1.0' encoding='rot13'?><Lenient><Key>a</Key></Lenient>")
@example(b"<?xml version='1.0' encoding='idna'?><Lenient/>")
@example(b"\xff\xfe<\x00")
@example(b"")
def test_garbage_raises_only_s3_errors(data: bytes) -> None:
    for kind in (Nested, Rows, Lenient):
        with suppress(S3Error):
            decode(kind, data, limit=LIMIT)


@given(documents, st.data())
def test_damaged_documents_raise_only_s3_errors(document: Nested, data: st.DataObject) -> None:
    whole = bytearray(encode(document))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] = data.draw(st.integers(0, 255))
    with suppress(S3Error):
        decode(Nested, bytes(whole), limit=LIMIT)


LEAF = Leaf(key="k")


@pytest.mark.parametrize(
    "text",
    [
        "<Leaf><Key>k</Key></Leaf>",
        '<Leaf xmlns="urn:other"><Key>k</Key></Leaf>',
        '<s3:Leaf xmlns:s3="urn:x"><s3:Key>k</s3:Key></s3:Leaf>',
        "<?xml version='1.0'?>\n<Leaf>\n <Key>k</Key>\n</Leaf>\n",
        "<Leaf><!-- c --><Key><![CDATA[k]]></Key></Leaf>",
        "<Leaf><Key>&#107;</Key></Leaf>",
    ],
)
def test_forms_of_the_same_document(text: str) -> None:
    assert decode(Leaf, text.encode(), limit=LIMIT) == LEAF


@pytest.mark.parametrize(
    "data",
    [
        codecs.BOM_UTF8 + b"<Leaf><Key>k</Key></Leaf>",
        "<Leaf><Key>k</Key></Leaf>".encode("utf-16"),
        "<Leaf><Key>k</Key></Leaf>".encode("utf-16-le"),
        "<Leaf><Key>k</Key></Leaf>".encode("utf-16-be"),
    ],
)
def test_encodings(data: bytes) -> None:
    assert decode(Leaf, data, limit=LIMIT) == LEAF


@pytest.mark.parametrize(
    "text",
    [
        "",
        "k",
        "<Leaf><Key>k</Key>",
        "<Other><Key>k</Key></Other>",
        "<Leaf></Leaf>",
        "<Leaf><Key>k</Key><Key>k</Key></Leaf>",
        "<Leaf><Key>k</Key><Unknown/></Leaf>",
        "<Leaf>text<Key>k</Key></Leaf>",
        "<Leaf><Key><Deep/></Key></Leaf>",
        "<Leaf><Key>k</Key><Number></Number></Leaf>",
        "<Leaf><Key>k</Key><Number>1.5</Number></Leaf>",
        "<Leaf><Key>k</Key><Number>٣</Number></Leaf>",
        f"<Leaf><Key>k</Key><Number>{'9' * 5000}</Number></Leaf>",
        "<Leaf><Key>&undefined;</Key></Leaf>",
        "<Leaf><Key>&#x1;</Key></Leaf>",
        '<!DOCTYPE Leaf [<!ENTITY a "k">]><Leaf><Key>&a;</Key></Leaf>',
        '<!DOCTYPE Leaf SYSTEM "file:///etc/passwd"><Leaf><Key>k</Key></Leaf>',
        "<Leaf><Key>k</Key></Leaf><Leaf/>",
    ],
)
def test_malformed(text: str) -> None:
    with pytest.raises(MalformedXML):
        decode(Leaf, text.encode(), limit=LIMIT)


def test_unknown_elements_are_ignored_where_the_document_says_so() -> None:
    data = b"<Lenient><New><Deep/></New><Key>k</Key></Lenient>"
    assert decode(Lenient, data, limit=LIMIT) == Lenient(key="k")


def test_a_value_that_is_not_allowed() -> None:
    with pytest.raises(MalformedXML):
        decode(Nested, b"<Nested><Status>On</Status></Nested>", limit=LIMIT)


def test_bounds_of_size_depth_and_elements() -> None:
    with pytest.raises(MaxMessageLengthExceeded):
        decode(Leaf, b"<Leaf><Key>k</Key></Leaf>", limit=10)
    deep = b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1)
    with pytest.raises(MalformedXML):
        decode(Lenient, b"<Lenient><Key>k</Key>" + deep + b"</Lenient>", limit=LIMIT)
    with pytest.raises(MalformedXML):
        decode(Lenient, b"<Lenient>" + b"<a/>" * 200_000 + b"</Lenient>", limit=LIMIT)


def test_what_xml_cannot_hold_is_written_as_a_reference() -> None:
    written = encode(Leaf(key='a&b<c>"\x01\x1f\r\ufffe'))
    assert b"<Key>a&amp;b&lt;c&gt;&quot;&#x1;&#x1f;&#xd;&#xfffe;</Key>" in written


def test_required_list_needs_an_element() -> None:
    with pytest.raises(MalformedXML):
        decode(Rows, b"<Delete></Delete>", limit=LIMIT)


def test_the_fast_reader_takes_what_clients_write() -> None:
    rows = tuple(Leaf(key=f"k{i} &", value='"v"', number=i) for i in range(1000))
    expected = Rows(objects=rows, quiet=True)
    assert scan.scan(Rows, encode(expected)) == expected
    alike = Rows(objects=rows)
    data = encode(alike)
    assert scan.scan(Rows, data) == alike
    assert scan.scan(Rows, data.replace(b"&quot;", b"&#34;")) == alike, "as Go writes them"
