"""Inputs from headers, query and body; outputs to headers and body."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.bind import (
    Body,
    Header,
    Headers,
    Input,
    Length,
    Output,
    Payload,
    Query,
    Status,
    binder,
    members,
    renderer,
)
from gateway.wire.documents import Document
from gateway.wire.xml import decode, encode
from ocean.errors import (
    InvalidArgument,
    InvalidRequest,
    MalformedXML,
    MissingRequestBodyError,
    S3Error,
)


class Doc(Document):
    key: str


class Asked(Input):
    text: Annotated[str | None, Header("Content-Type")] = None
    number: Annotated[int | None, Query("partNumber", between=(1, 10_000))] = None
    flag: Annotated[bool | None, Header("x-amz-flag")] = None
    choice: Annotated[Literal["A", "B"] | None, Header("x-amz-choice")] = None
    moment: Annotated[datetime | None, Header("If-Modified-Since")] = None
    words: Annotated[tuple[str, ...] | None, Header("x-amz-words")] = None
    metadata: Annotated[dict[str, str] | None, Headers("x-amz-meta-")] = None
    doc: Annotated[Doc | None, Body()] = None


class Needing(Input):
    doc: Annotated[Doc, Body(limit=100, missing=MalformedXML)]
    upload: Annotated[str, Query("uploadId")]
    source: Annotated[str, Header("x-amz-copy-source")]


class WithDoc(Input):
    doc: Annotated[Doc, Body()]


class Answer(Output):
    etag: Annotated[str | None, Header("ETag")] = None
    count: Annotated[int | None, Header("x-amz-count")] = None
    flag: Annotated[bool | None, Header("x-amz-flag")] = None
    moment: Annotated[datetime | None, Header("Last-Modified")] = None
    metadata: Annotated[dict[str, str] | None, Headers("x-amz-meta-")] = None
    doc: Annotated[Doc | bytes | None, Body()] = None
    body: Annotated[Any, Payload()] = None
    status: Annotated[int | None, Status()] = None
    length: Annotated[int | None, Length()] = None


bind = binder(Asked)
render = renderer(Answer)


def test_every_kind_of_member_is_reached() -> None:
    headers = {
        "host": "h",
        "content-type": "text/plain",
        "x-amz-flag": "True",
        "x-amz-choice": "B",
        "if-modified-since": "Sun, 06 Nov 1994 08:49:37 GMT",
        "x-amz-words": "a, b,,c",
        "x-amz-meta-one": "1",
        "x-amz-meta-two": "",
    }
    given_ = bind(headers, {"partNumber": "7", "other": "x"}, encode(Doc(key="k")))
    assert given_ == Asked(
        text="text/plain",
        number=7,
        flag=True,
        choice="B",
        moment=datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC),
        words=("a", "b", "c"),
        metadata={"one": "1", "two": ""},
        doc=Doc(key="k"),
    )


def test_nothing_sent_is_nothing_bound() -> None:
    assert bind({}, {}, None) == Asked()
    assert bind({}, {}, b"") == Asked()


@pytest.mark.parametrize("text", ["yesterday", "", "Sun, 32 Nov 1994 08:49:37 GMT"])
def test_a_condition_without_a_date_is_ignored(text: str) -> None:
    assert bind({"if-modified-since": text}, {}, None) == Asked()


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({}, {"partNumber": text})
        for text in ("0", "10001", "-1", "1.0", "", " 1", "\u0661", "9" * 5000)
    ]
    + [({"x-amz-flag": "yes"}, {}), ({"x-amz-choice": "a"}, {}), ({"x-amz-choice": ""}, {})],
)
def test_errors_name_the_header_or_parameter(
    headers: dict[str, str], query: dict[str, str]
) -> None:
    ((name, value),) = (headers | query).items()
    with pytest.raises(InvalidArgument) as caught:
        bind(headers, query, None)
    assert caught.value.details == {"ArgumentName": name, "ArgumentValue": value}


def test_required_members() -> None:
    need = binder(Needing)
    headers, query, doc = {"x-amz-copy-source": "/b/k"}, {"uploadId": "u"}, encode(Doc(key="k"))
    with pytest.raises(MalformedXML):
        need(headers, query, None)
    with pytest.raises(InvalidArgument) as caught:
        need(headers, {}, b"<Doc><Key>k</Key></Doc>")
    assert caught.value.details["ArgumentName"] == "uploadId"
    with pytest.raises(InvalidRequest, match="x-amz-copy-source"):
        need({}, query, b"<Doc><Key>k</Key></Doc>")
    with pytest.raises(S3Error, match="too big"):
        need(headers, query, doc)
    assert need(headers, query, b"<Doc><Key>k</Key></Doc>").upload == "u"
    with pytest.raises(MissingRequestBodyError):
        binder(WithDoc)({}, {}, None)


names = st.sampled_from(
    [member.mark.name.lower() for member in members(Asked) if hasattr(member.mark, "name")]
)
values = st.text(max_size=12)


@given(st.dictionaries(names, values), st.dictionaries(st.just("partNumber"), values), st.binary())
def test_any_request_binds_or_raises_an_s3_error(
    headers: dict[str, str], query: dict[str, str], body: bytes
) -> None:
    with suppress(S3Error):
        assert isinstance(bind(headers, query, body), Asked)


def test_a_member_must_say_where_it_is() -> None:
    class Lost(Input):
        text: str

    with pytest.raises(TypeError, match=r"Lost\.text"):
        binder(Lost)


def test_output_headers() -> None:
    moment = datetime(1994, 11, 6, 8, 49, 37, 5, tzinfo=UTC)
    rendered = render(
        Answer(etag='"e"', count=0, flag=False, moment=moment, metadata={"a": "b"}, status=206)
    )
    assert rendered.headers == {
        "etag": '"e"',
        "x-amz-count": "0",
        "x-amz-flag": "false",
        "last-modified": "Sun, 06 Nov 1994 08:49:37 GMT",
        "x-amz-meta-a": "b",
    }
    assert (rendered.status, rendered.body, rendered.stream) == (206, b"", None)


def test_output_bodies() -> None:
    document = render(Answer(doc=Doc(key="k")))
    assert decode(Doc, document.body, limit=1000) == Doc(key="k")
    assert document.headers == {"content-type": "application/xml"}
    assert render(Answer(doc=b"<Doc/>")).body == b"<Doc/>"
    stream = object()
    streamed = render(Answer(body=stream, length=5))
    assert (streamed.stream, streamed.length) == (stream, 5)
    assert streamed.headers == {"content-type": "application/xml"}, "the document, in pieces"
    assert render(Answer()) == (None, {}, b"", None, None)
