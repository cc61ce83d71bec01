"""Pages of rows, read from bytes that come in any pieces, beside thriftpy2 that wrote them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from thriftpy2.protocol import TCyBinaryProtocolFactory
from thriftpy2.thrift import TApplicationException, TMessageType
from thriftpy2.transport import TCyMemoryBuffer

from metastore.engine import Row
from metastore.hbase.connection import thrift2
from metastore.hbase.pages import Page
from metastore.hbase.wire import Malformed, Refused

_binary: Any = TCyBinaryProtocolFactory()  # type: ignore[no-untyped-call]
_Result = thrift2.THBaseService.getScannerResults_result

# What HBase says of a cell and of a row beside their content: time and kind; stale and partial.
CELL = b"\x0a\0\4" + bytes(range(8)) + b"\x03\0\6\4"
ROW = b"\2\0\3\0" + b"\2\0\4\0"


def answer(result: Any, kind: int = TMessageType.REPLY, name: str = "getScannerResults") -> bytes:
    buffer = TCyMemoryBuffer()
    protocol = _binary.get_protocol(buffer)
    protocol.write_message_begin(name, kind, 0)
    result.write(protocol)
    protocol.write_message_end()
    buffer.flush()
    data: bytes = buffer.getvalue()
    return data


def page_of(rows: list[Row], *, cell: bytes = b"", row: bytes = b"") -> bytes:
    """What thriftpy2 writes; after each value the fields of HBase's that our IDL leaves out."""
    parts = []
    for key, value in rows:
        column = thrift2.TColumnValue(family=b"r", qualifier=b"v", value=value)
        alone = answer(_Result(success=[thrift2.TResult(row=key, columnValues=[column])]))
        assert alone.endswith(value + b"\0\0\0")
        parts.append(alone[len(EMPTY) - 1 : -3] + cell + b"\0" + row + b"\0")
    return EMPTY[:-5] + len(rows).to_bytes(4, "big") + b"".join(parts) + b"\0"


EMPTY = answer(_Result(success=[]))
ROWS = st.lists(st.builds(Row, st.binary(max_size=40), st.binary(min_size=1, max_size=60)))


@given(ROWS, st.sampled_from([b"", CELL]), st.sampled_from([b"", ROW]), st.data())
def test_a_page_is_read_in_any_pieces(
    rows: list[Row], cell: bytes, row: bytes, data: st.DataObject
) -> None:
    answered = page_of(rows, cell=cell, row=row)
    if not cell and not row:
        columns = [
            thrift2.TResult(
                row=key,
                columnValues=[thrift2.TColumnValue(family=b"r", qualifier=b"v", value=value)],
            )
            for key, value in rows
        ]
        assert answered == answer(_Result(success=columns))
    cuts = data.draw(st.lists(st.integers(1, len(answered) - 1), unique=True).map(sorted))
    page = Page()
    ends = [page.take(answered[a:b]) for a, b in zip([0, *cuts], [*cuts, None], strict=True)]
    assert page.rows == rows
    assert ends == [False] * len(cuts) + [True]


@given(st.data())
def test_a_page_that_is_cut_is_never_taken_for_a_whole_one(data: st.DataObject) -> None:
    answered = page_of([Row(b"key", b"value\0\0\0"), Row(b"other", b"\0")], cell=CELL, row=ROW)
    page = Page()
    assert not page.take(answered[: data.draw(st.integers(1, len(answered) - 1))])
    with pytest.raises(EOFError):
        page.take(b"")


@pytest.mark.parametrize(
    "result",
    [
        answer(_Result(io=thrift2.TIOError(message="no such region"))),
        answer(TApplicationException(1, "no such region"), TMessageType.EXCEPTION),
    ],
)
def test_an_error_says_what_hbase_said(result: bytes) -> None:
    with pytest.raises(Refused, match="no such region"):
        Page().take(result)


@pytest.mark.parametrize(
    "garbage",
    [
        answer(_Result(success=[]), name="getScannerResultz"),
        page_of([Row(b"key", b"value")]).replace(b"\x0b\0\2\0\0\0\1v", b"\x0b\0\2\0\0\0\1w"),
        page_of([Row(b"key", b"value")], cell=b"\x0b\0\x09" + bytes(4), row=ROW) + bytes(60),
        page_of([Row(b"key", b"value")]) + b"\0",
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_what_is_no_page_is_refused(garbage: bytes) -> None:
    with pytest.raises(Malformed):
        Page().take(garbage)
