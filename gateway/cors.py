"""CORS at the gateway: preflight requests, and the headers of answers to other origins."""

from gateway.http import Request, Response
from gateway.wire.target import Target
from metastore.records import CorsRule
from ocean.errors import AccessForbidden, BadRequest
from ocean.rules import cors
from ocean.store import Ocean


class Cors:
    """Applies buckets' CORS rules; they grant nothing, they only tell browsers."""

    def __init__(self, ocean: Ocean) -> None:
        self._ocean = ocean

    async def preflight(self, request: Request, target: Target) -> Response:
        """The answer to OPTIONS; AccessForbidden without a matching rule."""
        headers = request.headers
        if "origin" not in headers:
            raise BadRequest("Insufficient information. Origin request header needed.")
        rules = await self._rules(target)
        if not rules:
            raise AccessForbidden("CORSResponse: CORS is not enabled for this bucket.")
        answer = cors.preflight(
            rules,
            origin=headers["origin"],
            method=headers.get("access-control-request-method"),
            headers=headers.get("access-control-request-headers"),
        )
        return Response(200, answer)

    async def add(self, request: Request, target: Target, response: Response) -> None:
        """Add the headers of the first rule that matches a request with an Origin."""
        if request.method == "OPTIONS":
            return
        rules = await self._rules(target)
        method = request.headers.get("access-control-request-method", request.method)
        found = cors.actual(rules, origin=request.headers["origin"], method=method)
        response.headers.update(found)

    async def _rules(self, target: Target) -> tuple[CorsRule, ...]:
        if target.bucket is None:
            return ()
        bucket = await self._ocean.meta.buckets.find(target.bucket)
        return bucket.cors if bucket is not None else ()
