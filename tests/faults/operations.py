"""The operations that are killed in the middle: what has to be there first, and how each is asked.

Each acts on one key (or upload, or bucket), which is wholly as before or wholly as after it.
"""

import base64
import hashlib
from collections.abc import Awaitable, Callable
from typing import NamedTuple
from xml.etree import ElementTree as ET

from tests.faults.store import Store
from tests.support.documents import ENABLED, versioning

Act = Callable[[], Awaitable[bool]]  # whether it was acknowledged
BUCKET = "plain"
VERSIONED = "versioned"
SUSPENDED = "suspended"
_MANY = 140  # parts, whose manifest does not fit into a Head
PART = bytes(range(256)) * (5 << 12)  # 5 MiB


def content(name: str, size: int) -> bytes:
    """Bytes that no other name or size has."""
    return (hashlib.sha256(name.encode()).digest() * (size // 32 + 1))[:size]


SMALL = content("small", 700)
LARGE = content("large", 200_000)


class Operation(NamedTuple):
    """`ready` runs before the first call that may be the last; what it gives is the operation."""

    ready: Callable[[Store], Awaitable[Act]]
    again: bool = False  # whether it can be repeated after the crash
    each: bool = False  # it acts on several keys, each of which is as before or as after
    starts: bool = False  # what is killed is the opening of the store


async def prepare(store: Store) -> None:
    """A store with something of everything, if parts may be small."""
    for bucket in (BUCKET, VERSIONED, SUSPENDED):
        await store.do("PUT", f"/{bucket}")
    await _version(store, VERSIONED, "Enabled")
    await _version(store, SUSPENDED, "Enabled")
    for bucket in (BUCKET, VERSIONED, SUSPENDED):
        for name, size in (("small", 600), ("large", 150_000), ("empty", 0), ("other", 900)):
            await store.do("PUT", f"/{bucket}/{name}", content(f"old {name}", size))
    await _version(store, SUSPENDED, "Suspended")
    await store.do("PUT", f"/{VERSIONED}/small", content("second", 500))
    await store.do("PUT", f"/{VERSIONED}/large", content("second", 120_000))
    await store.do("DELETE", f"/{VERSIONED}/other")
    await store.do("PUT", f"/{SUSPENDED}/small", content("null", 500))
    upload = await _begin(store, f"/{BUCKET}/parts")
    await store.do("PUT", f"/{BUCKET}/parts?partNumber=1&uploadId={upload}", PART)
    await store.do("PUT", f"/{BUCKET}/parts?partNumber=2&uploadId={upload}", content("last", 9000))

    await store.do("PUT", "/unused")
    upload = await _begin(store, f"/{BUCKET}/long")
    for number in range(1, _MANY + 1):
        path = f"/{BUCKET}/long?partNumber={number}&uploadId={upload}"
        await store.do("PUT", path, content(f"part {number}", 90))


async def _version(store: Store, bucket: str, status: str) -> None:
    await store.do("PUT", f"/{bucket}?versioning", versioning(status))


async def _begin(store: Store, path: str) -> str:
    return _text(ET.fromstring((await store.do("POST", f"{path}?uploads")).body), "UploadId")


def _text(root: ET.Element, name: str) -> str:
    found = next(element for element in root.iter() if element.tag.endswith("}" + name))
    return found.text or ""


def _asks(
    method: str,
    target: str,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    *,
    warm: bool = False,
    again: bool = False,
) -> Operation:
    """One request; `warm`: after another one of the same process."""

    async def ready(store: Store) -> Act:
        if warm:
            await store.do("PUT", f"/{BUCKET}/warm", b"w" * 300)
        return _act(store, method, target, body, headers)

    return Operation(ready, again)


def _act(
    store: Store, method: str, target: str, body: bytes, headers: dict[str, str] | None = None
) -> Act:
    async def act() -> bool:
        return (await store.ask(method, target, body, headers)).status < 300

    return act


async def _upload_id(store: Store, key: str = "parts") -> str:
    listed = await store.do("GET", f"/{BUCKET}?uploads&prefix={key}")
    return _text(ET.fromstring(listed.body), "UploadId")


def _completes(key: str) -> Operation:
    async def ready(store: Store) -> Act:
        return await _complete(store, key)

    return Operation(ready, again=True)


async def _complete(store: Store, key: str) -> Act:
    upload = await _upload_id(store, key)
    listed = (await store.do("GET", f"/{BUCKET}/{key}?uploadId={upload}")).body
    tags = [e.text for e in ET.fromstring(listed).iter() if e.tag.endswith("}ETag")]
    parts = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>"
        for number, tag in enumerate(tags, 1)
    )
    body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()

    async def act() -> bool:
        answer = await store.ask("POST", f"/{BUCKET}/{key}?uploadId={upload}", body)
        return answer.status == 200 and b"CompleteMultipartUploadResult" in answer.body

    return act


async def _abort(store: Store) -> Act:
    return _act(store, "DELETE", f"/{BUCKET}/parts?uploadId={await _upload_id(store)}", b"")


async def _part(store: Store) -> Act:
    path = f"/{BUCKET}/parts?partNumber=2&uploadId={await _upload_id(store)}"
    return _act(store, "PUT", path, content("another last", 70_000))


def _erases(bucket: str, key: str, kind: str, index: int) -> Operation:
    """Delete one version by its id: the `index`-th of its kind, the newest first."""

    async def ready(store: Store) -> Act:
        root = ET.fromstring((await store.do("GET", f"/{bucket}?versions&prefix={key}")).body)
        found = [e for e in root.iter() if e.tag.endswith("}" + kind)]
        return _act(
            store, "DELETE", f"/{bucket}/{key}?versionId={_text(found[index], 'VersionId')}", b""
        )

    return Operation(ready, again=True)


async def _jobs(store: Store) -> Act:
    """Collecting and compacting what this store's past left."""
    await store.do("PUT", f"/{BUCKET}/small", SMALL)
    await store.do("PUT", f"/{BUCKET}/large", LARGE)
    await store.do("DELETE", f"/{VERSIONED}/small")
    await store.do("DELETE", f"/{SUSPENDED}/small")
    assert await (await _complete(store, "long"))()

    async def act() -> bool:
        await store.tidy()
        return True

    return act


async def _delete_objects(store: Store) -> Act:
    return _act(store, "POST", f"/{BUCKET}?delete", _DELETE, _DELETE_MD5)


async def _start(_store: Store) -> Act:
    async def act() -> bool:
        return True

    return act


_OBJECTS = "".join(f"<Object><Key>{key}</Key></Object>" for key in ("small", "large", "empty"))
_DELETE = f"<Delete>{_OBJECTS}</Delete>".encode()
_DELETE_MD5 = {"content-md5": base64.b64encode(hashlib.md5(_DELETE).digest()).decode()}
_TAGGING = b"<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>"
_COPY = {"x-amz-copy-source": f"/{BUCKET}/large"}

PUTS = {
    "put-small": _asks("PUT", f"/{BUCKET}/new", SMALL, again=True),
    "put-small-warm": _asks("PUT", f"/{BUCKET}/new", SMALL, warm=True, again=True),
    "put-large": _asks("PUT", f"/{BUCKET}/new", LARGE, again=True),
    "put-empty": _asks("PUT", f"/{BUCKET}/new", again=True),
    "overwrite-small": _asks("PUT", f"/{BUCKET}/small", SMALL, again=True),
    "overwrite-large": _asks("PUT", f"/{BUCKET}/large", LARGE, again=True),
    "put-version": _asks("PUT", f"/{VERSIONED}/large", LARGE),
    "put-null": _asks("PUT", f"/{SUSPENDED}/large", SMALL),
}
DELETES = {
    "delete-small": _asks("DELETE", f"/{BUCKET}/small", again=True),
    "delete-large": _asks("DELETE", f"/{BUCKET}/large", again=True),
    "delete-marks": _asks("DELETE", f"/{VERSIONED}/large"),
    "delete-null": _asks("DELETE", f"/{SUSPENDED}/small"),
    "delete-current-version": _erases(VERSIONED, "large", "Version", 0),
    "delete-old-version": _erases(VERSIONED, "large", "Version", 1),
    "delete-marker": _erases(VERSIONED, "other", "DeleteMarker", 0),
}
OTHERS = {
    "copy": _asks("PUT", f"/{BUCKET}/copy", headers=_COPY, again=True),
    "copy-over": _asks("PUT", f"/{BUCKET}/small", headers=_COPY, again=True),
    "tag": _asks("PUT", f"/{BUCKET}/small?tagging", _TAGGING, again=True),
    "tag-bucket": _asks("PUT", f"/{BUCKET}?tagging", _TAGGING, again=True),
    "version-bucket": _asks("PUT", f"/{BUCKET}?versioning", ENABLED, again=True),
    "create-bucket": _asks("PUT", "/brand-new"),
    "create-upload": _asks("POST", f"/{BUCKET}/begun?uploads"),
    "upload-part": Operation(_part, again=True),
    "complete": _completes("parts"),
    "complete-long": _completes("long"),
    "delete-objects": Operation(_delete_objects, again=True, each=True),
    "delete-bucket": _asks("DELETE", "/unused"),
    "start": Operation(_start, starts=True),
    "abort": Operation(_abort),
}
JOBS = {"jobs": Operation(_jobs, again=True)}
ALL = {**PUTS, **DELETES, **OTHERS, **JOBS}
