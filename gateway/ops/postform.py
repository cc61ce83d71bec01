"""PostObject: an upload by an HTML form, which is authenticated by the policy within it."""

from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from gateway.conditionkeys import of_lock_headers, of_tags
from gateway.context import Context
from gateway.operations import BodyKind, s3
from gateway.ops import sse
from gateway.ops.drafts import (
    checksum_fields,
    checksum_type,
    draft,
    expected,
    guard_of,
    made_version,
    quoted,
    tagged,
)
from gateway.ops.lifecycle import expires
from gateway.ops.shapes.postform import PostObjectInput, PostObjectOutput, PostResponse
from gateway.ops.shapes.tagging import Tagging
from gateway.ops.tagging import pairs_of
from gateway.wire import xml
from metastore.records import Version
from ocean.rules import access, tags
from ocean.rules.preconditions import NONE

_TAGGING_LIMIT = 20 << 10  # bytes, as of all fields


@s3.operation("POST", "/{Bucket}", action="s3:PutObject", status=204, body=BodyKind.FORM)
async def post_object(cx: Context, given: PostObjectInput) -> PostObjectOutput:
    """Store the file of a form."""
    pairs: tuple[tuple[str, str], ...] = ()
    if given.tagging is not None:
        document = xml.decode(Tagging, given.tagging.encode(), limit=_TAGGING_LIMIT)
        pairs = pairs_of(document, limit=tags.MAX_OBJECT_TAGS)
        cx.requested = of_tags(pairs) | of_lock_headers(cx.given)
    cx.authorize("s3:PutObject", access.Target(cx.bucket, cx.key))  # a policy may ask for the tags
    wanted = await draft(cx, given, None)
    if pairs:
        wanted = tagged(cx, wanted, pairs)
    encrypt = sse.wanted(cx, given)
    version = await cx.ocean.put(
        cx.bucket,
        cx.key,
        wanted,
        cx.stream,
        expected=expected(cx, given, wanted),
        guard=guard_of(cx, NONE, cx.key),
        encrypt=encrypt,
    )
    return PostObjectOutput(
        expiration=expires(cx, version),
        etag=quoted(version),
        version_id=made_version(version),
        checksum_type=checksum_type(version.checksum),
        **checksum_fields(version.checksum),
        **sse.answer(encrypt, given),
        **_answer(cx, given, version),
    )


def _answer(cx: Context, given: PostObjectInput, version: Version) -> dict[str, Any]:
    """Status, Location and document, as the form wants them."""
    wanted = given.success_action_redirect or given.redirect
    if wanted is not None and (url := _redirection(cx, wanted, version)):
        return {"status": 303, "location": url}
    scheme = "https" if cx.request.secure else "http"
    path = f"{cx.target.raw_path.rstrip('/')}/{quote(cx.key)}"
    location = f"{scheme}://{cx.request.headers.get('host', '')}{path}"
    match given.success_action_status:
        case "200":
            return {"status": 200, "location": location}
        case "201":
            document = PostResponse(
                location=location, bucket=cx.bucket.name, key=cx.key, etag=quoted(version)
            )
            return {"status": 201, "location": location, "document": document}
        case _:
            return {"location": location}


def _redirection(cx: Context, url: str, version: Version) -> str | None:
    """Where to send the browser; None for what is no URL of a page: S3 ignores it then."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not parts.netloc or not url.isprintable():
        return None
    told = {"bucket": cx.bucket.name, "key": cx.key, "etag": quoted(version)}
    query = urlencode(told, quote_via=quote)
    return parts._replace(query=f"{parts.query}&{query}" if parts.query else query).geturl()
