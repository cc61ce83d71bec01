"""Partitions as an operator handles them, on real clusters."""

import json
import random
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.ceph.store import Stored, files, names, wait_until_followed
from tests.support.ceph import Ceph
from tests.support.waiting import eventually

SMALL = b"s" * 5000
LARGE = bytes(range(256)) * 80_000  # 20 MB: three stripes


def test_a_cluster_that_cannot_hold_a_policy_is_refused(stored: Stored, east: Ceph) -> None:
    init = ["partition", "init", "wide", *stored.reach(east)]
    said = stored.refused(*init, "--failure-domain", "osd", "--large", "ec:4+2")
    assert said == "ec:4+2 takes 6 failure domains (osd), the cluster has 3"
    assert "the cluster has 1" in stored.refused(*init), "of hosts"
    assert "no failure domain" in stored.refused(*init, "--failure-domain", "moon")
    assert "a policy is replica:N or ec:K+M" in stored.refused(*init, "--large", "raid5")
    said = stored.refused(*init, "--small", "ec:2+1")
    assert "small objects are written to replicas" in said
    init[2] = "Wide!"
    assert "a name is up to 31" in stored.refused(*init)
    assert "wide" not in east.tell("osd", "pool", "ls")


def test_what_cannot_be_reached_is_said(stored: Stored, east: Ceph, tmp_path: Path) -> None:
    nowhere = tmp_path / "none.conf"
    said = stored.refused("partition", "init", "lost", "--conf", nowhere)
    assert said == f"{nowhere}: there is no such file"
    said = stored.refused("partition", "add", "lost", *stored.reach(east))
    assert said == "there is no pool ocean.lost.large; see `ocean partition init`"
    said = stored.refused("partition", "add", "lost", *stored.reach(east), "--user", "nobody")
    assert "the cluster cannot be reached" in said
    for words in (["status"], ["remove"], ["drain"]):
        assert stored.refused("partition", *words, "lost") == "there is no partition lost"


def test_the_list_says_what_there_is(stored: Stored, east: Ceph, west: Ceph) -> None:
    one = stored.add(east, large="ec:2+1")
    two = stored.add(west, small="replica:3")
    listed = stored.listed()
    assert list(listed) == ["local", one, two]
    assert listed["local"]["state"] == "read-only"
    assert listed[one]["conf"] == str(east.conf)
    assert [(p["role"], p["pool"], p["policy"]) for p in listed[one]["pools"]] == [
        ("large", f"ocean.{one}.large", "ec:2+1"),
        ("small", f"ocean.{one}.small", "replica:2"),
        ("settled", f"ocean.{one}.settled", "ec:2+1"),
    ]
    assert [p["policy"] for p in listed[two]["pools"]] == ["replica:2", "replica:3", "replica:2"]
    assert all(
        set(p) == {"role", "pool", "policy", "objects", "bytes"} for p in listed[two]["pools"]
    )
    counts = [pool[what] for pool in listed[two]["pools"] for what in ("objects", "bytes")]
    assert all(0 <= count <= 1000 for count in counts), "known at once, and no more than our marks"
    status = json.loads(stored.partition("status", two, "--json"))
    assert without_counts(status) == without_counts(listed[two]), "which are counted in between"
    assert listed[two]["user"] == f"ocean.{two}", "not the user that made it"
    assert listed[two]["failure_domain"] == "osd"


def without_counts(partition: dict[str, Any]) -> dict[str, Any]:
    pools = [
        {what: pool[what] for what in ("role", "pool", "policy")} for pool in partition["pools"]
    ]
    return {**partition, "pools": pools}


def test_a_pool_belongs_to_one_store(stored: Stored, east: Ceph, tmp_path: Path) -> None:
    name = stored.add(east)
    other = Stored(tmp_path / "other")
    said = other.refused("partition", "add", name, *stored.reach(east))
    assert said.startswith(f"the pool ocean.{name}.large belongs to another store")
    assert stored.refused("partition", "add", name, *stored.reach(east)) == (
        f"there is a partition {name}"
    )


def test_objects_lie_where_the_rules_say(stored: Stored, east: Ceph, west: Ceph) -> None:
    one, two = stored.add(east, large="ec:2+1"), stored.add(west)
    with stored.server as server:
        s3 = server.client()
        s3.create_bucket(Bucket="films")
        stored.ocean("placement", "set", "hot", "--partitions", one, "--prefix", "hot/")
        stored.ocean("placement", "set", "cold", "--partitions", two, "--bucket", "films")
        told = json.loads(stored.ocean("placement", "explain", "films", "hot/1", 10, "--json"))
        assert told == {"rule": "hot", "pool": "small", "partitions": [one]}
        wait_until_followed()
        s3.put_object(Bucket="films", Key="hot/small", Body=SMALL)
        assert [len(names(east, one, role)) for role in ("small", "large")] == [1, 0]
        s3.put_object(Bucket="films", Key="hot/large", Body=LARGE)
        assert [len(names(east, one, role)) for role in ("small", "large")] == [1, 3]
        assert not names(west, two, "small")
        s3.put_object(Bucket="films", Key="other/large", Body=LARGE)
        s3.put_object(Bucket="films", Key="other/small", Body=SMALL)
        assert [len(names(west, two, role)) for role in ("small", "large")] == [1, 3]
        stored.ocean("placement", "set", "all", "--partitions", two, "--pool", "large", "--first")
        wait_until_followed()
        s3.put_object(Bucket="films", Key="hot/forced", Body=SMALL)
        assert len(names(west, two, "large")) == 4
        for key, body in (("hot/small", SMALL), ("hot/large", LARGE), ("hot/forced", SMALL)):
            assert s3.get_object(Bucket="films", Key=key)["Body"].read() == body
        assert files(server.data) == []
        s3.delete_object(Bucket="films", Key="hot/large")
        eventually(lambda: not names(east, one, "large"))


def test_small_objects_settle(stored: Stored, east: Ceph) -> None:
    name = stored.add(east, settled="ec:2+1")
    stored.server.settings["OCEAN_CEPH_SETTLE_SECONDS"] = "1"
    with stored.server as server:
        s3 = server.client()
        s3.create_bucket(Bucket="b-settled")
        for number in range(50):
            s3.put_object(Bucket="b-settled", Key=str(number), Body=b"%d" % number * 1000)
        assert names(east, name, "small")
        eventually(lambda: names(east, name, "settled") and not names(east, name, "small"))
        for number in range(50):
            found = s3.get_object(Bucket="b-settled", Key=str(number))["Body"].read()
            assert found == b"%d" % number * 1000


def test_a_store_takes_its_own_folder_to_a_cluster(stored: Stored, east: Ceph) -> None:
    with stored.server as server:
        s3 = server.client()
        s3.create_bucket(Bucket="b-local")
        s3.put_object(Bucket="b-local", Key="small", Body=SMALL)
        s3.put_object(Bucket="b-local", Key="large", Body=LARGE)
        assert len(files(server.data)) == 2
        name = stored.add(east)
        assert "0 left" in stored.partition("drain", "local")
        assert files(server.data) == []
        assert len(names(east, name, "large")) == 3
        assert s3.get_object(Bucket="b-local", Key="small")["Body"].read() == SMALL
        assert s3.get_object(Bucket="b-local", Key="large")["Body"].read() == LARGE


def test_a_full_pool_is_passed_over(stored: Stored, east: Ceph, west: Ceph) -> None:
    one, two = stored.add(east), stored.add(west)
    with stored.server as server:
        s3 = server.client()
        s3.create_bucket(Bucket="b-full")
        for role in ("small", "large"):
            east.fill(f"ocean.{one}.{role}")
        for number in range(12):
            s3.put_object(Bucket="b-full", Key=f"small-{number}", Body=SMALL)
            s3.put_object(Bucket="b-full", Key=f"large-{number}", Body=LARGE[:300_000])
        assert len(names(west, two, "large")) == 12
        for role in ("small", "large"):
            west.fill(f"ocean.{two}.{role}")
        with pytest.raises(s3.exceptions.ClientError) as refused:
            s3.put_object(Bucket="b-full", Key="more", Body=SMALL)
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 507
        s3.delete_object(Bucket="b-full", Key="large-1")
        assert s3.get_object(Bucket="b-full", Key="large-2")["Body"].read() == LARGE[:300_000]


def test_a_body_whose_pool_gets_full_goes_on_elsewhere(
    stored: Stored, east: Ceph, west: Ceph
) -> None:
    one, two = stored.add(east), stored.add(west)
    body = random.Random(1).randbytes(48 << 20)
    with stored.server as server:
        s3 = server.client()
        s3.create_bucket(Bucket="b-cut")
        stored.partition("set-state", two, "read-only")
        wait_until_followed()
        url = urlsplit(s3.generate_presigned_url("put_object", {"Bucket": "b-cut", "Key": "k"}))

        def pieces() -> Iterator[bytes]:
            yield body[: 24 << 20]
            eventually(lambda: names(east, one, "large"))
            stored.partition("set-state", two, "active")
            wait_until_followed()
            east.fill(f"ocean.{one}.large")
            yield body[24 << 20 :]

        connection = HTTPConnection(url.netloc, timeout=60)
        length = {"Content-Length": str(len(body))}
        connection.request("PUT", f"{url.path}?{url.query}", pieces(), length)
        assert connection.getresponse().status == 200
        connection.close()
        assert names(east, one, "large")
        assert names(west, two, "large")
        assert s3.get_object(Bucket="b-cut", Key="k")["Body"].read() == body
        assert json.loads(stored.ocean("fsck", "--verify", "--json"))["faults"] == []
        s3.delete_object(Bucket="b-cut", Key="k")
        eventually(lambda: not (names(east, one, "large") | names(west, two, "large")))


def test_only_an_empty_partition_goes(stored: Stored, east: Ceph, west: Ceph) -> None:
    one, two = stored.add(east), stored.add(west)
    with stored.server as server:
        s3 = server.client()
        s3.create_bucket(Bucket="b-remove")
        s3.put_object(Bucket="b-remove", Key="k", Body=LARGE)
        assert "is active" in stored.refused("partition", "remove", one)
        stored.partition("drain", one, "--pause")
        assert "is draining for" in stored.refused("partition", "remove", one)
        said = stored.refused("partition", "set-state", two, "read-only")
        assert "no partition but" in said


def test_a_named_storage_class_leads_to_its_partition(
    stored: Stored, east: Ceph, west: Ceph
) -> None:
    one, two = stored.add(east), stored.add(west)
    stored.ocean("placement", "set", "cold", "--class", "COLD", "--partitions", two)
    stored.ocean("placement", "set", "rest", "--partitions", one)
    with stored.server as server:
        s3 = server.client()
        bucket = "b-class"
        s3.create_bucket(Bucket=bucket)
        cold = {"Bucket": bucket, "StorageClass": "COLD"}
        s3.put_object(**cold, Key="a", Body=SMALL)
        s3.put_object(Bucket=bucket, Key="b", Body=SMALL)
        s3.copy_object(**cold, Key="c", CopySource=f"{bucket}/b")
        s3.copy_object(Bucket=bucket, Key="d", CopySource=f"{bucket}/a")
        upload = s3.create_multipart_upload(**cold, Key="e")["UploadId"]
        (begun,) = s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
        assert begun["StorageClass"] == "COLD"
        part = s3.upload_part(Bucket=bucket, Key="e", UploadId=upload, PartNumber=1, Body=LARGE)
        listed = s3.list_parts(Bucket=bucket, Key="e", UploadId=upload)
        assert listed["StorageClass"] == "COLD"
        done = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        s3.complete_multipart_upload(Bucket=bucket, Key="e", UploadId=upload, MultipartUpload=done)
        classes = {
            o["Key"]: o["StorageClass"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]
        }
        assert classes == {"a": "COLD", "b": "STANDARD", "c": "COLD", "d": "STANDARD", "e": "COLD"}
        for key, name in classes.items():
            shown = s3.head_object(Bucket=bucket, Key=key).get("StorageClass")
            assert shown == (None if name == "STANDARD" else name)
        told = s3.get_object_attributes(Bucket=bucket, Key="a", ObjectAttributes=["StorageClass"])
        assert told["StorageClass"] == "COLD"
        assert [len(names(west, two, role)) for role in ("small", "large")] == [1, 3]
        assert [len(names(east, one, role)) for role in ("small", "large")] == [1, 0]
        with pytest.raises(s3.exceptions.ClientError, match="InvalidStorageClass"):
            s3.put_object(Bucket=bucket, StorageClass="WARM", Key="f", Body=SMALL)
