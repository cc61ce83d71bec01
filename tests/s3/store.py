"""The store under test: an Ocean of our own, or whatever OCEAN_TEST_ENDPOINT names."""

import http.client
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self
from urllib.parse import quote, urlencode, urlsplit

import boto3
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from tests.support.server import ACCESS_KEY, REGION, SECRET_KEY, Server

Client = Any  # boto3 makes its classes at run time


class _Auth(S3SigV4Auth):  # type: ignore[misc]
    """Signs with the x-amz-content-sha256 that the request states, if it states one."""

    def payload(self, request: AWSRequest) -> str:
        stated = request.context.get("payload")
        return str(stated or super().payload(request))


class Answer(NamedTuple):
    """An HTTP answer; names of headers in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def error(self) -> str:
        """The code of the error document."""
        text = self.body.decode()
        assert "<Error>" in text, text
        return text.partition("<Code>")[2].partition("</Code>")[0]


class Pair(NamedTuple):
    """An access key and its secret."""

    access_key: str
    secret_key: str


@dataclass(frozen=True)
class Store:
    """An S3 endpoint and the pair that its tests sign with; `server` is None if it is not ours."""

    endpoint: str
    pair: Pair
    region: str = REGION
    server: Server | None = None

    @classmethod
    def named(cls) -> Self | None:
        """The store that the environment names, if any."""
        endpoint = os.environ.get("OCEAN_TEST_ENDPOINT")
        if not endpoint:
            return None
        pair = Pair(
            os.environ["OCEAN_TEST_ACCESS_KEY"],
            os.environ["OCEAN_TEST_SECRET_KEY"],
        )
        return cls(endpoint, pair, os.environ.get("OCEAN_TEST_REGION", REGION))

    @classmethod
    def of(cls, server: Server) -> Self:
        return cls(server.endpoint, Pair(ACCESS_KEY, SECRET_KEY), server=server)

    @property
    def host(self) -> str:
        """HOST:PORT of the endpoint."""
        return urlsplit(self.endpoint).netloc

    def client(self, pair: Pair | None = None, **options: Any) -> Client:
        """A boto3 client without retries; `options` as of botocore's Config."""
        signed = pair or self.pair
        settings = {
            "retries": {"total_max_attempts": 1},
            "s3": {"addressing_style": "path"},
            "max_pool_connections": 32,
            "parameter_validation": False,  # what the client would not send is asked as well
            **options,
        }
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=signed.access_key,
            aws_secret_access_key=signed.secret_key,
            config=Config(**settings),
        )

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        pair: Pair | None = None,
    ) -> Answer:
        """A request signed with SigV4 in its headers, on a connection of its own."""
        url = self.url(path, query)
        request = AWSRequest(method, url, dict(headers or {}), body)
        if "Host" not in request.headers:
            request.headers["Host"] = self.host
        request.context["payload"] = request.headers.get("x-amz-content-sha256")
        _Auth(Credentials(*(pair or self.pair)), "s3", self.region).add_auth(request)
        return self.plain(method, url, headers=dict(request.headers.items()), body=body)

    def unsigned(self) -> "Store":
        """The same store for requests that nobody signs."""
        return _Unsigned(self.endpoint, self.pair, self.region)

    def plain(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Answer:
        """A request as it is, on a connection of its own; `url` may be a path."""
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(self.host, timeout=30)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        try:
            sent = {name: value.encode() for name, value in (headers or {}).items()}
            connection.request(method, target, body or None, sent)
            answer = connection.getresponse()
            found = {
                name.lower(): value.encode("latin-1").decode("utf-8", "replace")
                for name, value in answer.getheaders()
            }
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()

    def url(self, path: str, query: Mapping[str, str] | None = None) -> str:
        """The URL of a decoded path."""
        encoded = urlencode(query or {}, quote_via=quote)
        return self.endpoint + quote(path, safe="/~") + (f"?{encoded}" if encoded else "")

    def admin(self, *arguments: str) -> Any:
        """The JSON that `ocean admin ARGUMENTS` answers of our server."""
        assert self.server is not None
        done = self.server.run("admin", *arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def new_user(self, name: str) -> Pair:
        """A further account of our server, and its pair."""
        self.admin("user", "create", name)
        made = self.admin("access-key", "create", name)
        return Pair(made["access_key"], made["secret_key"])


class _Unsigned(Store):
    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        pair: Pair | None = None,
    ) -> Answer:
        sent = {"Content-Length": str(len(body)), **(headers or {})}
        return self.plain(method, self.url(path, query), headers=sent, body=body)
