"""Operations that delete objects and versions."""

import asyncio
from collections.abc import Awaitable, Sequence

from gateway.conditionkeys import NOTHING
from gateway.context import Context
from gateway.failures import translated
from gateway.operations import s3
from gateway.ops.drafts import guard_of, write_guard
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

MAX_KEYS = 1000
_TOGETHER = 250  # deletions of one request that are under way at once


@s3.operation("DELETE", "/{Bucket}/{Key+}", action="s3:DeleteObject", status=204)
async def delete_object(cx: Context, given: DeleteObjectInput) -> DeleteObjectOutput:
    """Delete an object, or one version of it."""
    guard = write_guard(cx, given.if_match)
    done = await cx.ocean.delete(cx.bucket, cx.key, given.version_id, guard)
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
        results += await _deleted(cx, some)
    quiet = bool(given.delete.quiet)
    return DeleteObjectsOutput(
        document=DeleteResult(
            deleted=() if quiet else tuple(r for r in results if isinstance(r, DeletedObject)),
            errors=tuple(r for r in results if isinstance(r, DeleteError)),
        )
    )


async def _deleted(
    cx: Context, wanted: Sequence[ObjectIdentifier]
) -> list[DeletedObject | DeleteError]:
    """Keys together, versions each on its own."""
    results: dict[int, Deleted | Exception] = {}
    together: dict[int, tuple[str, Guard]] = {}
    single: dict[int, Awaitable[Deleted | Exception]] = {}
    for n, one in enumerate(wanted):
        try:
            guard = _checked(one)
            action = access.action_on("s3:DeleteObject", one.version_id)
            also = {"s3:versionid": (one.version_id,)} if one.version_id else NOTHING
            cx.authorize(action, access.Target(cx.bucket, one.key), also)
        except S3Error as error:
            results[n] = error
            continue
        if one.version_id is None:
            together[n] = one.key, guard
        else:
            single[n] = _delete_version(cx, one.key, one.version_id, guard)
    done = await cx.ocean.delete.many(cx.bucket, list(together.values()))
    results |= zip(together, done, strict=True)
    results |= zip(single, await asyncio.gather(*single.values()), strict=True)
    return [_answer(one, results[n]) for n, one in enumerate(wanted)]


async def _delete_version(
    cx: Context, key: str, version_id: str, guard: Guard
) -> Deleted | Exception:
    try:
        return await cx.ocean.delete(cx.bucket, key, version_id, guard)
    except Exception as error:  # noqa: BLE001 - it is the answer for this version
        return error


def _checked(wanted: ObjectIdentifier) -> Guard:
    """The condition of one entry; an S3 error for what is wrong with it."""
    if wanted.last_modified_time is not None or wanted.size is not None:
        raise errors.NotImplemented("Conditions on time and size are not implemented.")
    if not wanted.key:
        raise errors.UserKeyMustBeSpecified("An object to delete has no key.")
    if len(wanted.key.encode()) > MAX_KEY:
        raise errors.KeyTooLongError
    return guard_of(conditions.write_conditions(wanted.etag), wanted.key)


def _answer(wanted: ObjectIdentifier, done: Deleted | Exception) -> DeletedObject | DeleteError:
    if isinstance(done, Exception):
        known = translated(done)
        if known is None:
            raise done
        return DeleteError(
            key=wanted.key, version_id=wanted.version_id, code=known.code, message=known.message
        )
    return DeletedObject(
        key=wanted.key,
        version_id=wanted.version_id,
        delete_marker=done.marker or None,
        delete_marker_version_id=done.version_id if done.marker else None,
    )
