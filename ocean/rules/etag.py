"""ETags and checksums of objects made of parts. Pure: equal to the published formulas.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence

from awscrt import checksums

from ocean.body import digests

_COMBINE: dict[str, Callable[[int, int, int], int]] = {
    "CRC32": checksums.combine_crc32,
    "CRC32C": checksums.combine_crc32c,
    "CRC64NVME": checksums.combine_crc64nvme,
}


def multipart_etag(md5s: Sequence[bytes]) -> str:
    """`md5(md5 of each part)-N`, in the order of the parts, without quotes."""
    return f"{hashlib.md5(b''.join(md5s), usedforsecurity=False).hexdigest()}-{len(md5s)}"


def composite(name: str, parts: Sequence[bytes]) -> str:
    """The COMPOSITE checksum: the checksum of the parts' checksums, `base64-N`."""
    return f"{digests.encode(digests.digest(name, b''.join(parts)))}-{len(parts)}"


def full_object(name: str, parts: Iterable[tuple[bytes, int]]) -> bytes:
    """The FULL_OBJECT checksum of a CRC from the checksum and size of each part."""
    combine = _COMBINE[name]
    value = 0
    for part, size in parts:
        value = combine(value, int.from_bytes(part, "big"), size)
    return value.to_bytes(digests.SIZES[name], "big")
