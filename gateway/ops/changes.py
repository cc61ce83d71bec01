"""Changes of a version in place and of a bucket's configuration, by who may at that moment."""

from collections.abc import Callable

from gateway.context import Context
from metastore.errors import NoVersion
from metastore.records import Bucket, Kind, Version
from ocean.errors import NoSuchKey, NoSuchVersion
from ocean.objects.get import marker_headers, marker_named
from ocean.rules import access
from ocean.rules.naming import check_version_id


async def changed(
    cx: Context, version_id: str | None, change: Callable[[Version], Version]
) -> Version:
    """The version as `change` left it; NoSuchKey, NoSuchVersion, MethodNotAllowed, AccessDenied.

    It may be another than the one that was authorized, so the caller's right is looked at again.
    """
    check_version_id(version_id)
    action = cx.action

    def allowed(version: Version) -> Version:
        if version.kind is not Kind.OBJECT:
            if version_id is None:
                raise NoSuchKey(headers=marker_headers(version), Key=cx.key)
            raise marker_named(version)
        cx.authorize_on(action, cx.bucket, cx.key, version, version_id)
        return change(version)

    try:
        return await cx.ocean.meta.objects.amend(cx.bucket, cx.key, version_id, allowed)
    except NoVersion:
        if version_id is None:
            raise NoSuchKey(Key=cx.key) from None
        raise NoSuchVersion(Key=cx.key, VersionId=version_id) from None


async def configured(cx: Context, change: Callable[[Bucket], Bucket]) -> Bucket:
    """The bucket as `change` left it; AccessDenied.

    The right may have been taken away while the document came, so it is looked at again, on the
    record that is replaced.
    """

    def allowed(bucket: Bucket) -> Bucket:
        cx.authorize(cx.action, access.Target(bucket))
        return change(bucket)

    return await cx.ocean.meta.buckets.change(cx.bucket, allowed)
