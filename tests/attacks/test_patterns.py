"""Texts that make a pattern matcher slow: time grows in proportion to the text, no faster.

Negative tests for Swift CVE-2026-71190 (a header that takes the matcher minutes).
"""

import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from gateway.wire import authorization as authorizations
from gateway.wire import claims, conditions, copysource, dates, forms, postpolicy, ranges, sigv2
from gateway.wire import target as targets
from gateway.wire.chunked import ChunkDecoder
from gateway.wire.target import Domains
from metastore.records import CorsRule
from ocean.errors import S3Error
from ocean.rules import cors, naming, tags

pytestmark = pytest.mark.slow

DOMAINS = Domains(("localhost", "*.s3.example.com"))
PLAIN = targets.parse("/bucket/key", "localhost", DOMAINS)


def _cors(text: str) -> object:
    rule = CorsRule(allowed_origins=(f"{text}*{text}b",), allowed_methods=("GET",))
    headers = CorsRule(
        allowed_origins=("*",), allowed_methods=("GET",), allowed_headers=(f"{text}*b",)
    )
    cors.actual([rule] * 100, origin=text, method="GET")
    return cors.preflight([headers] * 100, origin=text, method="GET", headers=text)


def _form(text: str) -> object:
    decoder = forms.FormDecoder(b"b")
    return decoder.feed(f'--b\r\nContent-Disposition: form-data; name="{text}"\r\n\r\n'.encode())


def _form_head(text: str) -> object:
    decoder = forms.FormDecoder(b"b")
    return decoder.feed(f"--b\r\nContent-Disposition: form-data{text}\r\n\r\n".encode())


def _form_content(text: str) -> object:
    decoder = forms.FormDecoder(b"b")
    decoder.feed(b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n')
    return decoder.feed(("\r\n--" * len(text)).encode())


READERS: dict[str, Callable[[str], object]] = {
    "Range": lambda text: ranges.parse(f"bytes={text}", 1 << 20),
    "If-Match": lambda text: conditions.read_conditions(text, None, None, None),
    "If-None-Match": lambda text: conditions.read_conditions(None, text, None, None),
    "Date": dates.parse_http,
    "x-amz-date": dates.parse_basic,
    "expiration": dates.parse_iso,
    "Authorization": lambda text: authorizations.claim(
        PLAIN, {"authorization": f"AWS4-HMAC-SHA256 {text}", "x-amz-date": "20260101T000000Z"}
    ),
    "Authorization of SigV2": lambda text: authorizations.claim(
        PLAIN, {"authorization": f"AWS {text}", "date": text}
    ),
    "Credential": lambda text: claims.parse_scope(text, postpolicy._malformed),
    "SigV2 headers": lambda text: sigv2.string_to_sign(
        "GET", "/", text, {"x-amz-meta-a": text}, ""
    ),
    "Host": lambda text: targets.parse("/", text, DOMAINS),
    "path": lambda text: targets.parse(f"/{text}", "localhost", DOMAINS),
    "query": lambda text: targets.parse(f"/?{text}", "localhost", DOMAINS),
    "copy source": copysource.parse,
    "multipart boundary": lambda text: forms.boundary(f"multipart/form-data{text}"),
    "form field": _form,
    "form head": _form_head,
    "form content": _form_content,
    "policy": lambda text: postpolicy.parse(text),
    "tags": tags.parse_header,
    "bucket": naming.check_bucket_name,
    "CORS": _cors,
    "chunk": lambda text: ChunkDecoder(1 << 20).feed(text.encode()),
    "chunk extension": lambda text: ChunkDecoder(1 << 20).feed(b"5;" + text.encode()),
}
# fmt: off
PIECES = ["a", "*a", "0-0,", ",", " ", "\t ", "=", "%", "%2", "/", "..", ";", "; a=", '"', '\\"',
          "&a", "a=b&", ";boundary=", "\r\n", "--", "0", "-", ":", "'", "W/\"", "\u00e9", "[", "{"]
# fmt: on
SIZE = 8000  # characters: what fits a header


def _seconds(read: Callable[[str], object], text: str) -> float:
    best = 1.0
    for _ in range(5):
        begun = time.thread_time()
        with suppress(S3Error):
            read(text)
        best = min(best, time.thread_time() - begun)
    return best


@pytest.mark.parametrize("name", sorted(READERS))
def test_no_text_takes_long(name: str) -> None:
    """Eight times the text may take some eight times as long, of course; squares would be 64."""
    read = READERS[name]
    for piece in PIECES:
        for end in ("", "!", "b"):
            text = piece * (SIZE // len(piece)) + end
            long = _seconds(read, text)
            if long < 0.001:
                continue
            assert long < 0.05, (name, piece, end, long)
            short = _seconds(read, text[: SIZE // 8] + end)
            assert long < 40 * max(short, 0.000_05), (name, piece, end, short, long)
