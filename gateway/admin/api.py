"""The admin API: users, access keys, policies, health and metrics, as JSON on a port of its own.

`/health` and `/ready` are open to all, `/metrics` by configuration; everything else needs a
signature (SigV4) of root or an operator over the whole request, body included.
"""

import hashlib
import hmac
import logging
import re
import time
from collections.abc import Sequence

from msgspec.structs import replace

from gateway.admin.answers import InvalidBody, Route, decoded, json_answer
from gateway.admin.shapes import KeyMade, KeyShown, NewKey, NewUser, UserMade, UserShown
from gateway.http import Request, Response
from gateway.metrics import Metrics
from gateway.wire import claims
from gateway.wire.authorization import claim
from gateway.wire.sigv4 import SigningKeys
from gateway.wire.target import Domains, parse
from metastore.buckets import Buckets
from ocean import errors
from ocean.config import Config
from ocean.identity.credentials import Credentials
from ocean.identity.errors import (
    Absent,
    IdentityError,
    InUse,
    InvalidIdentity,
    Reserved,
    Taken,
)
from ocean.identity.identities import Identities
from ocean.identity.records import Account
from ocean.partitions.refusals import Refused

MAX_BODY = 64 << 10
_STATUS = {Absent: 404, Taken: 409, InUse: 409, InvalidIdentity: 400, Reserved: 409}
_UNSIGNED = "UNSIGNED-PAYLOAD"

log = logging.getLogger(__name__)


class AdminApi:
    """Routes requests of the admin port: those of users and keys, and `more`."""

    def __init__(
        self,
        identities: Identities,
        credentials: Credentials,
        buckets: Buckets,
        metrics: Metrics,
        config: Config,
        more: Sequence[Route],
    ) -> None:
        self._identities = identities
        self._buckets = buckets
        self._credentials = credentials
        self._metrics = metrics
        self._config = config
        self._keys = SigningKeys()
        self._domains = Domains()
        users = "/v1/users"
        user = f"{users}/(?P<name>[^/]+)"
        keys = f"{user}/access-keys"
        self._routes: list[Route] = [
            ("GET", re.compile(users), self._list_users),
            ("POST", re.compile(users), self._create_user),
            ("GET", re.compile(user), self._show_user),
            ("DELETE", re.compile(user), self._delete_user),
            ("GET", re.compile(keys), self._list_keys),
            ("POST", re.compile(keys), self._create_key),
            ("DELETE", re.compile(f"{keys}/(?P<key>[^/]+)"), self._delete_key),
            *more,
        ]

    async def handle(self, request: Request) -> Response:
        """Answer one request; nothing is ever raised."""
        try:
            return await self._answer(request)
        except errors.S3Error as error:
            return _error(error.status, error.code, error.message)
        except IdentityError as error:
            return _error(_STATUS.get(type(error), 400), type(error).__name__, str(error))
        except InvalidBody as error:
            return _error(400, "InvalidBody", str(error))
        except Refused as error:
            return _error(409, "Refused", str(error))
        except Exception:
            log.exception("an admin request failed")
            return _error(500, "InternalError", "see the server's log")

    async def _answer(self, request: Request) -> Response:
        path = request.target.partition("?")[0]
        if request.method in {"GET", "HEAD"}:
            if path in {"/health", "/ready"}:
                return await self._health(path)
            if path == "/metrics" and self._config.metrics.public:
                return self._metrics_text()
        body = await _read(request)
        operator = await self._operator(request, body)
        if request.method == "GET" and path == "/metrics":
            return self._metrics_text()
        target = parse(request.target, "", self._domains)
        for method, pattern, handler in self._routes:
            match = pattern.fullmatch(target.path)
            if match is not None and method == request.method:
                return await handler(operator, body, target.query, **match.groupdict())
        return _error(404, "NotFound", "no such thing in the admin API")

    async def _operator(self, request: Request, body: bytes) -> Account:
        """Who signed the request; AccessDenied unless root or an operator."""
        headers = request.headers
        target = parse(request.target, headers.get("host", ""), self._domains)
        found = claim(target, headers)
        # A presigned URL is made to be handed on, and S3's may name any path.
        if not isinstance(found, claims.Claim) or found.expires is not None:
            raise errors.AccessDenied("the admin API needs a SigV4 signature in a header")
        credential = await self._credentials.find(found.access_key)
        if credential is None:
            raise errors.InvalidAccessKeyId
        claims.verify(
            found,
            request.method,
            target,
            headers,
            secret=credential.secret,
            keys=self._keys,
            now=time.time(),
            region=self._config.region,
        )
        if found.payload == _UNSIGNED and body:
            raise errors.AccessDenied("the admin API needs a signed body")
        digest = hashlib.sha256(body).hexdigest()
        if body and not hmac.compare_digest(digest, found.payload.lower()):
            raise errors.XAmzContentSHA256Mismatch
        if not (credential.account.root or credential.account.operator):
            raise errors.AccessDenied("only root and operators may use the admin API")
        return credential.account

    async def _health(self, path: str) -> Response:
        if path == "/ready":
            await self._identities.account("root")  # the engine answers
        return json_answer({"status": "ok"})

    def _metrics_text(self) -> Response:
        kind = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        return Response(200, kind, self._metrics.text())

    async def _list_users(self, _by: Account, _body: bytes, query: dict[str, str]) -> Response:
        page = await self._identities.accounts(after=query.get("after", ""))
        return json_answer({"users": [UserShown.of(account) for account in page]})

    async def _create_user(self, by: Account, body: bytes, _query: dict[str, str]) -> Response:
        new = decoded(body, NewUser)
        if new.operator and not by.root:
            raise errors.AccessDenied("only root makes operators")
        self._check_not_root(new.access_key)
        account = await self._identities.create_account(
            new.name, display_name=new.display_name, email=new.email, operator=new.operator
        )
        made = UserMade.of(account)
        if not (new.access_key or new.secret_key):
            return json_answer(made, 201)
        try:
            pair, secret = await self._identities.create_access_key(
                new.name, access_key=new.access_key, secret=new.secret_key
            )
        except IdentityError:
            await self._identities.delete_account(new.name)
            raise
        return json_answer(replace(made, access_key=pair.access_key, secret_key=secret), 201)

    async def _show_user(
        self, _by: Account, _body: bytes, _query: dict[str, str], name: str
    ) -> Response:
        return json_answer(UserShown.of(await self._found(name)))

    async def _delete_user(
        self, by: Account, _body: bytes, _query: dict[str, str], name: str
    ) -> Response:
        account = await self._found(name)
        if account.operator and not by.root:
            raise errors.AccessDenied("only root removes operators")
        async for bucket in self._buckets.list():
            if bucket.owner == account.id:
                raise errors.OperationAborted(f"{name} owns the bucket {bucket.name}")
        return json_answer(UserShown.of(await self._identities.delete_account(name)))

    async def _list_keys(
        self, _by: Account, _body: bytes, _query: dict[str, str], name: str
    ) -> Response:
        pairs = await self._identities.access_keys(await self._found(name))
        return json_answer({"access_keys": [KeyShown.of(pair) for pair in pairs]})

    async def _create_key(
        self, by: Account, body: bytes, _query: dict[str, str], name: str
    ) -> Response:
        account = await self._found(name)
        if account.operator and not by.root:
            raise errors.AccessDenied("only root makes access keys of operators")
        new = decoded(body or b"{}", NewKey)
        self._check_not_root(new.access_key)
        pair, secret = await self._identities.create_access_key(
            name, access_key=new.access_key, secret=new.secret_key
        )
        return json_answer(KeyMade(access_key=pair.access_key, secret_key=secret, user=name), 201)

    async def _delete_key(
        self, by: Account, _body: bytes, _query: dict[str, str], name: str, key: str
    ) -> Response:
        if (await self._found(name)).operator and not by.root:
            raise errors.AccessDenied("only root removes access keys of operators")
        await self._identities.delete_access_key(name, key)
        return json_answer({"access_key": key, "user": name})

    def _check_not_root(self, access_key: str) -> None:
        """Taken for root's key: it is root's in every signature, whoever else has it."""
        if access_key == self._credentials.root.access_key:
            raise Taken(f"the access key {access_key} is taken")

    async def _found(self, name: str) -> Account:
        account = await self._identities.account(name)
        if account is None:
            raise Absent(f"no user {name}")
        return account


async def _read(request: Request) -> bytes:
    """The whole body; EntityTooLarge."""
    if request.length == 0:
        return b""
    await request.proceed()
    body = bytearray()
    async for piece in request.body:
        body += piece
        if len(body) > MAX_BODY:
            raise errors.EntityTooLarge
    return bytes(body)


def _error(status: int, code: str, message: str) -> Response:
    shown = message.encode(errors="backslashreplace").decode()  # it may name what was sent
    return json_answer({"error": {"code": code, "message": shown}}, status)
