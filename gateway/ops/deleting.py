"""Operations that delete objects and versions."""

import asyncio
import logging
from collections.abc import Awaitable, Sequence

from gateway.context import Context
from gateway.failures import translated
from gateway.operations import s3
from gateway.ops.drafts import guard_of, write_guard
from gateway.ops.locking import bypasses
from gateway.ops.shapes.deleting import (
    DeletedObject,
    DeleteError,
    DeleteObjectInput,
    DeleteObjectOutput,
    DeleteObjectsInput,
    DeleteObjectsOutput,
    DeleteResult,
    ObjectIdentifier,
)
from gateway.wire import conditions
from gateway.wire.target import MAX_KEY
from metastore.objects import Guard
from ocean import errors
from ocean.errors import MalformedXML, S3Error
from ocean.objects.delete import Deleted
from ocean.rules import access

log = logging.getLogger(__name__)

MAX_KEYS = 1000
_TOGETHER = 250  # deletions of one request that are under way at once
_RULED = 20  # that are ruled on before others get their turn: a policy may take milliseconds


@s3.operation("DELETE", "/{Bucket}/{Key+}", action="s3:DeleteObject", status=204)
async def delete_object(cx: Context, given: DeleteObjectInput) -> DeleteObjectOutput:
    """Delete an object, or one version of it."""
    guard = write_guard(cx, given.if_match)
    bypass = bypasses(cx, cx.key, cx.version_id, asked=given.bypass_governance_retention)
    done = await cx.ocean.delete(cx.bucket, cx.key, given.version_id, guard, bypass=bypass)
    return DeleteObjectOutput(version_id=done.version_id, delete_marker=done.marker or None)


@s3.operation("POST", "/{Bucket}?delete", action="s3:DeleteObject")
async def delete_objects(cx: Context, given: DeleteObjectsInput) -> DeleteObjectsOutput:
    """Delete up to 1,000 objects or versions, each on its own."""
    wanted = given.delete.objects
    if not 0 < len(wanted) <= MAX_KEYS:
        raise MalformedXML
    results: list[DeletedObject | DeleteError] = []
    for first in range(0, len(wanted), _TOGETHER):
        some = wanted[first : first + _TOGETHER]
        results += await _deleted(cx, some, bypass=given.bypass_governance_retention)
    quiet = bool(given.delete.quiet)
    return DeleteObjectsOutput(
        document=DeleteResult(
            deleted=() if quiet else tuple(r for r in results if isinstance(r, DeletedObject)),
            errors=tuple(r for r in results if isinstance(r, DeleteError)),
        )
    )


async def _deleted(
    cx: Context, wanted: Sequence[ObjectIdentifier], *, bypass: bool | None
) -> list[DeletedObject | DeleteError]:
    """Keys together, versions each on its own."""
    results: dict[int, Deleted | Exception] = {}
    together: dict[int, tuple[str, Guard]] = {}
    single: dict[int, Awaitable[Deleted | Exception]] = {}
    for n, one in enumerate(wanted):
        if n % _RULED == 0:
            await asyncio.sleep(0)
        try:
            guard = _checked(cx, one)
            action = access.action_on("s3:DeleteObject", one.version_id)
            cx.authorize(action, access.Target(cx.bucket, one.key), one.version_id)
        except S3Error as error:
            results[n] = error
            continue
        if one.version_id is None:
            together[n] = one.key, guard
        else:
            asked = bypasses(cx, one.key, one.version_id, asked=bypass)
            single[n] = _delete_version(cx, one.key, one.version_id, guard, bypass=asked)
    done = await cx.ocean.delete.many(cx.bucket, list(together.values()))
    results |= zip(together, done, strict=True)
    results |= zip(single, await asyncio.gather(*single.values()), strict=True)
    return [_answer(cx, one, results[n]) for n, one in enumerate(wanted)]


async def _delete_version(
    cx: Context, key: str, version_id: str, guard: Guard, *, bypass: bool
) -> Deleted | Exception:
    try:
        return await cx.ocean.delete(cx.bucket, key, version_id, guard, bypass=bypass)
    except errors.InvalidArgument:  # of the id: among many AWS says it so
        return errors.NoSuchVersion()
    except Exception as error:  # noqa: BLE001 - it is the answer for this version
        return error


def _checked(cx: Context, wanted: ObjectIdentifier) -> Guard:
    """The condition of one entry; an S3 error for what is wrong with it."""
    if wanted.last_modified_time is not None or wanted.size is not None:
        raise errors.NotImplemented("Conditions on time and size are not implemented.")
    if not wanted.key:
        raise errors.UserKeyMustBeSpecified("An object to delete has no key.")
    if len(wanted.key.encode()) > MAX_KEY:
        raise errors.KeyTooLongError
    return guard_of(cx, conditions.write_conditions(wanted.etag), wanted.key)


def _answer(
    cx: Context, wanted: ObjectIdentifier, done: Deleted | Exception
) -> DeletedObject | DeleteError:
    if isinstance(done, Exception):
        known = translated(done)
        if known is None:  # a fault of ours is of this entry, too: the others are done
            log.error("deleting %r failed (request %s)", wanted.key, cx.request_id, exc_info=done)
            known = errors.InternalError()
        return DeleteError(
            key=wanted.key, version_id=wanted.version_id, code=known.code, message=known.message
        )
    return DeletedObject(
        key=wanted.key,
        version_id=wanted.version_id,
        delete_marker=done.marker or None,
        delete_marker_version_id=done.version_id if done.marker else None,
    )
