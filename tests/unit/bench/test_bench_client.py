"""The load loop against a scripted server: what it accepts, counts and complains about."""

import hashlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.client import MAX_ERRORS, LoadLoop, Tally, Window
from bench.connection import AnswerError, decode_chunked
from bench.requests import Payload, Request

Answer = Callable[[bytes], bytes]
HEAD = b"GET / HTTP/1.1\r\n\r\n"


def serve(listener: socket.socket, answer: Answer, body_size: int) -> None:
    """Answer request after request on each connection until the listener is closed."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=converse, args=(connection, answer, body_size)).start()


def converse(connection: socket.socket, answer: Answer, body_size: int) -> None:
    with connection, connection.makefile("rb") as reader:
        line = b""
        while head := reader.readline():
            while (line := reader.readline()) not in (b"\r\n", b""):
                head += line
            reply = answer(head + line + reader.read(body_size))
            try:
                connection.sendall(reply)
            except OSError:
                return
            if not reply or b"Connection: close" in reply:
                return


@contextmanager
def server(answer: Answer, body_size: int = 0) -> Iterator[tuple[str, int]]:
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=serve, args=(listener, answer, body_size))
    thread.start()
    try:
        yield listener.getsockname()
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def reply(body: bytes, status: str = "200 OK", extra: bytes = b"") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n".encode() + extra + b"\r\n" + body


def drive(answer: Answer, requests: list[Request], connections: int = 1) -> Tally:
    payload = requests[0].payload
    with server(answer, payload.size if payload else 0) as address:
        source = iter(requests)
        return LoadLoop(address, [source] * connections, Window.unlimited()).run()


def counts(tally: Tally) -> dict[str, int]:
    return {kind: len(latencies) for kind, latencies in tally.latencies.items()}


def test_good_answers_are_counted_on_all_connections() -> None:
    requests = [Request("GET", HEAD, content=b"abc", length=3, moved=3) for _ in range(50)]
    tally = drive(lambda _: reply(b"abc"), requests, connections=4)
    assert (counts(tally), tally.moved, tally.errors.total()) == ({"GET": 50}, 150, 0)
    assert tally.client_cpu > 0


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (reply(b"abd"), "content differs"),
        (reply(b"abcd"), "length 4, not 3"),
        (reply(b"<Code>SlowDown</Code>", "503 Slow"), "status 503 SlowDown"),
        (reply(b"abc", "206 Partial"), "status 206"),
        (b"", "connection closed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nab", "closed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "chunk size"),
    ],
)
def test_a_wrong_answer_is_an_error_and_no_operation(answer: bytes, complaint: str) -> None:
    tally = drive(lambda _: answer, [Request("GET", HEAD, content=b"abc", length=3)])
    assert counts(tally) == {}
    assert [complaint in text for text in tally.errors] == [True]


def test_verification_sees_the_body_of_a_chunked_answer() -> None:
    chunked = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"
    )
    seen: list[bytes] = []

    def verify(body: bytes) -> str | None:
        seen.append(body)
        return "not what I hoped for"

    tally = drive(lambda _: chunked, [Request("LIST", HEAD, verify=verify)])
    assert seen == [b"abcd"]
    assert dict(tally.errors) == {"LIST: not what I hoped for": 1}


def test_interim_answers_are_skipped_and_a_closed_connection_is_replaced() -> None:
    answer = b"HTTP/1.1 100 Continue\r\n\r\n" + reply(b"abc", extra=b"Connection: close\r\n")
    tally = drive(lambda _: answer, [Request("GET", HEAD, content=b"abc")] * 5)
    assert (counts(tally), tally.errors.total()) == ({"GET": 5}, 0)


def test_the_length_a_head_announces_is_checked_without_a_body() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4096\r\n\r\n"
    good = Request("HEAD", b"HEAD / HTTP/1.1\r\n\r\n", length=4096, no_body=True)
    bad = Request("HEAD", good.head, length=4097, no_body=True)
    tally = drive(lambda _: answer, [good, bad, good])
    assert counts(tally) == {"HEAD": 2}
    assert dict(tally.errors) == {"HEAD: length 4096, not 4097": 1}


@pytest.mark.parametrize("size", [0, 10, 64 * 1024, 64 * 1024 + 1, 3_000_000])
def test_bodies_arrive_whole(size: int) -> None:
    payload = Payload(bytes(range(256)) * (size // 256) + b"x" * (size % 256))
    received: list[str] = []

    def answer(request: bytes) -> bytes:
        received.append(hashlib.md5(request.partition(b"\r\n\r\n")[2]).hexdigest())
        return reply(b"")

    tally = drive(answer, [Request("PUT", b"PUT / HTTP/1.1\r\n\r\n", payload)] * 2)
    assert counts(tally) == {"PUT": 2}
    assert received == [payload.md5.hexdigest()] * 2


def test_large_answers_are_discarded_and_the_sampled_one_is_hashed() -> None:
    content = bytes(2_000_000)
    good, bad = hashlib.md5(content).digest(), b"0" * 16
    requests = [Request("GET", HEAD, length=len(content), md5=md5) for md5 in (good, bad)]
    assert drive(lambda _: reply(content), requests).errors.total() == 0
    tally = drive(lambda _: reply(content), requests[::-1])
    assert dict(tally.errors) == {"GET: content MD5 differs": 1}
    assert counts(tally) == {"GET": 1}


def test_an_operation_of_several_requests_is_one() -> None:
    bodies: list[bytes] = []
    last = Request("upload", HEAD)

    def then(body: bytes) -> Request:
        bodies.append(body)
        return last

    tally = drive(lambda _: reply(b"id"), [Request("create", HEAD, then=then)])
    assert (counts(tally), bodies) == ({"upload": 1}, [b"id"])


def test_a_loop_gives_up_after_too_many_errors() -> None:
    with server(lambda _: reply(b"", "500 Oops")) as address:
        loop = LoadLoop(address, [repeat(Request("GET", HEAD))], Window.unlimited())
        assert loop.run().errors.total() == MAX_ERRORS


def test_only_operations_inside_the_window_count() -> None:
    with server(lambda _: reply(b"")) as address:
        past = LoadLoop(address, [repeat(Request("GET", HEAD))], Window(0, 1))
        assert counts(past.run()) == {}
        future = LoadLoop(address, [iter([Request("GET", HEAD)])], Window(1 << 61, 1 << 62))
        assert counts(future.run()) == {}


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=5), st.data())
def test_chunked_bodies_are_decoded_once_complete(chunks: list[bytes], data: st.DataObject) -> None:
    raw = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    assert decode_chunked(raw) == b"".join(chunks)
    cut = data.draw(st.integers(0, len(raw) - 1))
    try:
        assert decode_chunked(raw[:cut]) is None
    except AnswerError:
        pytest.fail("a cut message is incomplete, not malformed")
