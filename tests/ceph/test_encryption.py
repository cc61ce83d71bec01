"""Encrypted objects on HBase, memcached and Ceph: nothing of them is readable in any of these, and
all that moves, packs and verifies bytes does its work without a key.
"""

import base64
import json
import random
import secrets
from collections.abc import Iterator
from itertools import chain, product
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ClientError, IncompleteReadError, ResponseStreamingError

from tests.ceph import places
from tests.ceph.store import ROLES, Stored, names
from tests.ceph.test_scrub import damage
from tests.s3.encrypting import PLAIN, S3, Way, customers, named
from tests.support import hbase, memcached
from tests.support.ceph import Ceph
from tests.support.waiting import eventually

BUCKET, BY_DEFAULT = "sealed", "sealed-by-default"
KEY = "archive"
CUSTOMER = customers("mine")
WAYS = {"S3": S3, "KMS": named(KEY), "C": CUSTOMER}
SMALL, MIDDLE, LARGE = 20_000, 300_000, 9 << 20  # in a pack, in one RADOS object, in two of them
PART = 5 << 20
STEM = b"readable"  # with which marks begin; they fit a part


class Written(NamedTuple):
    """An object of `size` bytes that say its mark again and again."""

    bucket: str
    key: str
    mark: bytes
    size: int
    way: Way

    @property
    def body(self) -> bytes:
        return (self.mark * (self.size // len(self.mark) + 1))[: self.size]

    @property
    def at(self) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": self.key}


@pytest.fixture
def on_hbase(stored: Stored) -> Stored:
    """The store, not started, on HBase behind memcached, with a named key; it settles soon."""
    stored.server.settings |= {
        "OCEAN_METASTORE": hbase.fresh(),
        "OCEAN_CACHE": f"memcached://{memcached.running().address}",
        "OCEAN_CEPH_SETTLE_SECONDS": "1",
        "OCEAN_BLOBS_VOLUME_SIZE": "1MiB",
    }
    stored.ocean("encryption-key", "create", KEY)
    return stored


def new(bucket: str, key: str, size: int, way: Way) -> Written:
    return Written(bucket, key, STEM + secrets.token_hex(12).encode(), size, way)


def put(s3: Any, one: Written) -> Written:
    s3.put_object(**one.at, Body=one.body, **one.way.put)
    return one


def put_in_parts(s3: Any, one: Written, source: Written) -> Written:
    """Two parts of its own, or the second one a copy of a `source` of the same mark."""
    upload = {**one.at, "UploadId": s3.create_multipart_upload(**one.at, **one.way.put)["UploadId"]}
    first = s3.upload_part(**upload, PartNumber=1, Body=one.body[:PART], **one.way.parts)
    copied = {"CopySource": source.at, **source.way.source}
    second = s3.upload_part_copy(**upload, PartNumber=2, **copied, **one.way.parts)
    etags = first["ETag"], second["CopyPartResult"]["ETag"]
    parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, **one.way.parts)
    return one


def copy(s3: Any, one: Written, source: Written) -> Written:
    s3.copy_object(**one.at, CopySource=source.at, **source.way.source, **one.way.put)
    return one


def fill(s3: Any) -> list[Written]:
    """Objects of all sizes, ways and origins."""
    for bucket in (BUCKET, BY_DEFAULT):
        s3.create_bucket(Bucket=bucket)
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}
    s3.put_bucket_encryption(
        Bucket=BY_DEFAULT,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": default}]
        },
    )
    by_default = named(KEY)._replace(put={})
    made = []
    for bucket, name, way in (
        *((BUCKET, name, way) for name, way in WAYS.items()),
        (BY_DEFAULT, "default", by_default),
    ):
        small = [put(s3, new(bucket, f"{name}-{n}", SMALL + n, way)) for n in range(30)]
        middle, large, tiny = (
            put(s3, new(bucket, f"{name}-{size}", size, way)) for size in (MIDDLE, LARGE, 40)
        )
        parts = put_in_parts(s3, middle._replace(key=f"{name}-parts", size=PART + MIDDLE), middle)
        made += [*small, middle, large, tiny, parts]
        for source, (other, to) in product((small[0], middle, parts), WAYS.items()):
            target = source._replace(bucket=BUCKET, key=f"{source.key}-as-{other}", way=to)
            made.append(copy(s3, target, source))
    return made


class Search:
    """For the marks of encrypted objects and for the key of the client, which are nowhere; and for
    the marks of plain ones, which are in Ceph, and a name, which is in HBase and memcached.
    """

    def __init__(self, stored: Stored, clusters: list[Ceph], made: list[Written]) -> None:
        self._stored = stored
        self._clusters = clusters
        key = CUSTOMER.put["SSECustomerKey"].encode()
        self._secret = [*{one.mark for one in made if one.way is not PLAIN}]
        self._secret += [key, base64.b64decode(key)]
        self._plain = [one.mark for one in made if one.way is PLAIN]

    def check(self, partition: str) -> None:
        """The store's bytes are in one partition alone."""
        name = BY_DEFAULT.encode()
        found = places.found([*self._secret, *self._plain, name], self._everywhere(), STEM)
        assert found.keys() == {*self._plain, name}
        assert found[name] >= {"memcached", "table buckets"}
        for mark in self._plain:
            assert found[mark] <= {f"pool ocean.{partition}.{role}" for role in ROLES}

    def _everywhere(self) -> Iterator[tuple[str, bytes]]:
        return chain(
            *(places.rados(cluster) for cluster in self._clusters),
            places.rows(self._stored.server.settings["OCEAN_METASTORE"]),
            places.memory(memcached.running()),
            places.files(self._stored.folder),
        )


def check(s3: Any, made: list[Written]) -> None:
    """Each comes back, as what it was written."""
    for one in made:
        answer = s3.get_object(**one.at, **one.way.get)
        one.way.check(answer)
        assert answer["Body"].read() == one.body, one.key


def check_ranges(s3: Any, made: list[Written]) -> None:
    """Some of each come back."""
    chance = random.Random(1)
    for one in made:
        first = chance.randrange(one.size)
        last = min(one.size - 1, first + chance.choice([0, 10, 70_000, 3_000_000]))
        answer = s3.get_object(**one.at, **one.way.get, Range=f"bytes={first}-{last}")
        assert answer["Body"].read() == one.body[first : last + 1], (one.key, first, last)


def scrubbed(stored: Stored) -> set[tuple[str, str]]:
    """Bucket and key of what a scrub finds."""
    done = stored.server.run("scrub", "--json")
    told = json.loads(done.stdout)
    assert told["unread"] == 0, done.stderr
    return {(one["bucket"], one["key"]) for one in told["findings"]}


@pytest.mark.timeout(300)
def test_nothing_readable_lies_anywhere_and_jobs_need_no_key(
    on_hbase: Stored, east: Ceph, west: Ceph
) -> None:
    one = on_hbase.add(east, large="ec:2+1")
    server = on_hbase.server.start()
    try:
        s3 = server.client()
        made = fill(s3)
        made += [put(s3, new(BUCKET, f"plain-{size}", size, PLAIN)) for size in (SMALL, LARGE)]
        search = Search(on_hbase, [east, west], made)
        search.check(one)
        check(s3, made)
        eventually(lambda: not names(east, one, "small"), 60)
        search.check(one)
        check_ranges(s3, made)
        two = on_hbase.add(west, settled="ec:2+1")
        on_hbase.partition("drain", one)
        search.check(two)
        check(s3, made)
        eventually(lambda: not names(west, two, "small"), 60)
        assert scrubbed(on_hbase) == set()
        flip_bits(west, two)
        bad = refused(s3, made)
        assert 0 < len(bad) < len(made)
        assert scrubbed(on_hbase) == bad
    finally:
        server.stop()


def flip_bits(cluster: Ceph, partition: str) -> None:
    """One in each large RADOS object of every third, and some in each pack."""
    chance = random.Random(2)
    with cluster.connected() as connected:
        for role, every, flips in (("large", 3, 1), ("settled", 1, 6)):
            with connected.open_ioctx(f"ocean.{partition}.{role}") as context:
                for name in sorted(names(cluster, partition, role))[::every]:
                    damage(context, name, "flip", chance, flips=flips)


def refused(s3: Any, made: list[Written]) -> set[tuple[str, str]]:
    """Bucket and key of what cannot be had whole; none is served otherwise than it was written."""
    bad = set()
    for one in made:
        try:
            body = s3.get_object(**one.at, **one.way.get)["Body"].read()
        except (ClientError, ResponseStreamingError, IncompleteReadError):
            bad.add((one.bucket, one.key))
            continue
        assert body == one.body, one.key
    return bad


@pytest.mark.timeout(200)
def test_what_is_encrypted_in_place_is_not_left_readable(on_hbase: Stored, east: Ceph) -> None:
    """A copy onto itself; the bytes from before go with the next collection."""
    on_hbase.add(east)
    with on_hbase.server as server:
        s3 = server.client()
        s3.create_bucket(Bucket=BUCKET)
        sizes = [LARGE, *(SMALL + n for n in range(20))]
        made = [put(s3, new(BUCKET, f"{size}", size, PLAIN)) for size in sizes]
        marks = [one.mark for one in made]
        assert places.found(marks, places.rados(east), STEM).keys() == set(marks)
        sealed = [copy(s3, one._replace(way=WAYS["KMS"]), one) for one in made]
        eventually(lambda: not places.found(marks, places.rados(east), STEM), 90)
        check(s3, sealed)
