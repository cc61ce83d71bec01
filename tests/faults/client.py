"""One connection to a real server, signing by itself: fast, and it never tries again."""

import http.client
import time
from typing import NamedTuple, Self
from xml.etree import ElementTree as ET

from tests.support.inprocess import Pair
from tests.support.server import ACCESS_KEY, SECRET_KEY, Server
from tests.support.signing import Choices, by_header

ROOT = Pair(ACCESS_KEY, SECRET_KEY)


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    def texts(self, path: str) -> list[str]:
        """Texts of elements of the document, by a path without name spaces."""
        root = ET.fromstring(self.body)
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
        return [element.text or "" for element in root.iterfind(f".//{path}")]

    @property
    def code(self) -> str:
        """The code of an error's document."""
        return ET.fromstring(self.body).findtext("Code") or ""


class Broken(Exception):
    """No answer came: whether it was done is not known."""


class Client:
    """Requests one after the other over one connection, signed with `pair`; its clock may be
    `ahead` by seconds.
    """

    def __init__(
        self, server: Server, timeout: float = 30.0, *, ahead: float = 0.0, pair: Pair = ROOT
    ) -> None:
        self.server = server
        self._ahead = ahead
        self._pair = pair
        self._host = server.host
        self._connection = http.client.HTTPConnection(server.host, timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def ask(
        self, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        """One request; Broken when no whole answer came."""
        choices = Choices(pair=self._pair, now=time.time() + self._ahead)
        given = {"host": self._host, **(headers or {})}
        signed = by_header(method, target, given, choices)
        try:
            self._connection.request(method, signed.target, body, signed.headers)
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise Broken(str(error)) from error
        named = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, named, content)

    def do(
        self, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        """A request that must succeed."""
        answer = self.ask(method, target, body, headers)
        assert answer.status < 300, f"{method} {target}: {answer.status} {answer.body!r}"
        return answer
