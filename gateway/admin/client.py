"""Signed requests to the admin API of a running server."""

import hashlib
import http.client
import json
import ssl
import time
from typing import Any
from urllib.parse import quote

from gateway.wire.sigv4 import Identity, sign
from ocean.cli.credentials import root_pair
from ocean.config import Config
from ocean.starting import StartError

_SECONDS = 30.0


class AdminError(StartError):
    """The server refused a command; the message is its own."""


class AdminClient:
    """Talks to `admin_listen` with the operator's pair of the configuration, else root's."""

    def __init__(self, config: Config) -> None:
        self._config = config
        given = config.admin
        pair = (given.access_key, given.secret_key) if given.access_key else root_pair(config)
        self._identity = Identity(*pair)

    def call(self, method: str, *path: str, body: object = None, after: str = "") -> Any:
        """The answer's JSON; AdminError in one line when it is not a success.

        A body of bytes is sent as it is, anything else as JSON.
        """
        address = self._config.admin_listen
        scheme = "https" if self._config.tls.certificate else "http"
        target = "/v1/" + "/".join(quote(part, safe="") for part in path)
        target += f"?after={quote(after, safe='')}" if after else ""
        if not isinstance(body, bytes):
            body = b"" if body is None else json.dumps(body).encode()
        headers = sign(
            self._identity,
            self._config.region,
            method,
            f"{scheme}://{address}{target}",
            {"content-length": str(len(body))},
            now=time.time(),
            payload=hashlib.sha256(body).hexdigest(),
        )
        connection = self._connection(scheme)
        try:
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise AdminError(f"no server answers at {scheme}://{address} ({error})") from error
        finally:
            connection.close()
        return _content(answer.status, text)

    def _connection(self, scheme: str) -> http.client.HTTPConnection:
        address = self._config.admin_listen
        if scheme == "http":
            return http.client.HTTPConnection(address.host, address.port, timeout=_SECONDS)
        # The server's own certificate is what we trust: it is in the same configuration.
        context = ssl.create_default_context(cafile=str(self._config.tls.certificate))
        context.check_hostname = False
        return http.client.HTTPSConnection(
            address.host, address.port, timeout=_SECONDS, context=context
        )


def _content(status: int, text: bytes) -> Any:
    try:
        content = json.loads(text)
    except ValueError as error:
        raise AdminError(f"what answers is not the admin API (status {status})") from error
    if status < 300:
        return content
    told = content.get("error", {}) if isinstance(content, dict) else {}
    raise AdminError(f"{told.get('message', 'refused')} ({told.get('code', status)})")
