"""A signer that can get everything wrong on purpose, for requests that must be refused.

What it makes with the right choices is what gateway.wire.sigv4 and sigv2 make; tests of their own
compare those with botocore.
"""

import hmac
import time
from typing import NamedTuple
from urllib.parse import urlsplit

from gateway.wire import dates, sigv2, sigv4
from gateway.wire.target import decode, parse_query
from tests.support.inprocess import HOST, OWNER, REGION, Pair

Headers = dict[str, str]
UNSIGNED = "UNSIGNED-PAYLOAD"


class Signed(NamedTuple):
    """A request target and the headers to send with it."""

    target: str
    headers: Headers


class Choices(NamedTuple):
    """What goes into a signature; each may be wrong. `day` empty: that of `now`."""

    pair: Pair = OWNER
    region: str = REGION
    service: str = "s3"
    terminal: str = "aws4_request"
    day: str = ""
    now: float = 0.0  # seconds since 1970; 0: this moment
    payload: str = UNSIGNED
    expires: str = "600"
    unsigned: tuple[str, ...] = ()  # headers left out of the signature

    @property
    def moment(self) -> float:
        return self.now or time.time()

    @property
    def fixed(self) -> "Choices":
        """The same at this moment: a second may end between two looks at the clock."""
        return self._replace(now=self.moment)

    @property
    def scope(self) -> str:
        day = self.day or dates.basic(self.moment)[:8]
        return f"{day}/{self.region}/{self.service}/{self.terminal}"

    @property
    def key(self) -> bytes:
        """The signing key, of whatever the scope says."""
        key = ("AWS4" + self.pair.secret).encode()
        for part in self.scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        return key

    def names(self, headers: Headers) -> list[str]:
        return sorted(set(headers) - set(self.unsigned))

    def signature(
        self, method: str, target: str, headers: Headers, pairs: list[tuple[str, str]]
    ) -> str:
        path = decode(target.partition("?")[0])
        canonical = sigv4.canonical_request(
            method, path, pairs, headers, self.names(headers), self.payload
        )
        text = sigv4.string_to_sign(dates.basic(self.moment), self.scope, canonical)
        return sigv4.signature(self.key, text)


def by_header(method: str, target: str, headers: Headers, choices: Choices) -> Signed:
    """SigV4 in the Authorization header."""
    choices = choices.fixed
    sent = {"host": HOST, **headers}
    sent["x-amz-date"] = dates.basic(choices.moment)
    sent["x-amz-content-sha256"] = choices.payload
    made = choices.signature(method, target, sent, parse_query(urlsplit(target).query))
    sent["authorization"] = (
        f"{sigv4.ALGORITHM} Credential={choices.pair.access_key}/{choices.scope}, "
        f"SignedHeaders={';'.join(choices.names(sent))}, Signature={made}"
    )
    return Signed(target, sent)


def by_query(method: str, target: str, headers: Headers, choices: Choices) -> Signed:
    """SigV4 in the query; a payload other than UNSIGNED is a signed header."""
    choices = choices.fixed
    sent = {"host": HOST, **headers}
    if choices.payload != UNSIGNED:
        sent["x-amz-content-sha256"] = choices.payload
    pairs = [
        *parse_query(urlsplit(target).query),
        ("X-Amz-Algorithm", sigv4.ALGORITHM),
        ("X-Amz-Credential", f"{choices.pair.access_key}/{choices.scope}"),
        ("X-Amz-Date", dates.basic(choices.moment)),
        ("X-Amz-Expires", choices.expires),
        ("X-Amz-SignedHeaders", ";".join(choices.names(sent))),
    ]
    made = choices.signature(method, target, sent, pairs)
    path = target.partition("?")[0]
    return Signed(f"{path}?{sigv4.canonical_query(pairs)}&X-Amz-Signature={made}", sent)


def by_header_v2(method: str, target: str, headers: Headers, choices: Choices) -> Signed:
    """SigV2 in the Authorization header."""
    identity = sigv4.Identity(*choices.pair)
    signed = sigv2.sign(identity, method, f"http://{HOST}{target}", headers, now=choices.moment)
    return Signed(target, {"host": HOST, **signed})


def by_query_v2(method: str, target: str, headers: Headers, choices: Choices) -> Signed:
    """SigV2 in the query."""
    identity = sigv4.Identity(*choices.pair)
    end = int(choices.moment) + int(choices.expires)
    url = sigv2.presign(identity, method, f"http://{HOST}{target}", headers, expires=end)
    return Signed(url.removeprefix(f"http://{HOST}"), {"host": HOST, **headers})


FORMS = {
    "header": by_header,
    "query": by_query,
    "header-v2": by_header_v2,
    "query-v2": by_query_v2,
}
