"""Uploads that requests name, found for who may go on with them."""

from msgspec.structs import replace

from gateway.context import Context
from metastore.records import Upload
from ocean.rules import access


async def found_upload(cx: Context, upload_id: str) -> Upload:
    """An upload that has not ended; NoSuchUpload, AccessDenied."""
    upload = await cx.ocean.multipart.find(cx.bucket, cx.key, upload_id)
    check_initiator(cx, upload)
    return upload


def check_initiator(cx: Context, upload: Upload) -> None:
    """AccessDenied for another's upload, unless the bucket's owner or a policy lets the caller.

    A grant to write is not enough: what comes of the upload is its initiator's.
    """
    caller = "" if cx.account is None else cx.account.id
    if upload.initiator != caller:
        cx.authorize(cx.action, access.Target(replace(cx.bucket, acl=None), cx.key))
