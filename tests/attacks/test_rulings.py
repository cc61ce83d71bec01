"""Rulings are on what is really asked: no header, query or detour makes them one on something else.

Each test is a way in that was open once.
"""

import asyncio
import json
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from metastore.records import Bucket
from tests.attacks.test_authorization import KEY, ask, statement, store
from tests.support.documents import ENABLED
from tests.support.inprocess import OTHER, OWNER, InProcess
from tests.support.signing import FORMS, Choices, by_header, by_query

TAGS = b"<Tagging><TagSet><Tag><Key>clearance</Key><Value>top</Value></Tag></TagSet></Tagging>"


async def put_policy(gateway: InProcess, *statements: dict[str, object]) -> int:
    text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)}).encode()
    return (await ask(gateway, OWNER, "PUT", "/bucket?policy", body=text)).status


@pytest.mark.parametrize("form", sorted(FORMS))
async def test_a_header_beside_the_signature_grants_nothing(form: str) -> None:
    """`acl` is a field of forms; as a header nobody signs it."""
    gateway = await store()
    signed = FORMS[form]("PUT", "/bucket/new", {}, Choices())
    headers = {**signed.headers, "acl": "public-read"}
    assert (await gateway.ask("PUT", signed.target, headers, b"secret")).status == 200
    assert (await gateway.ask("GET", "/bucket/new")).status == 403


async def test_a_copy_is_ruled_by_the_version_of_its_source() -> None:
    gateway = await store()
    assert (await ask(gateway, OWNER, "PUT", "/bucket?versioning", body=ENABLED)).status == 200
    assert (await ask(gateway, OTHER, "PUT", "/mine")).status == 200
    one, two = [
        (await ask(gateway, OWNER, "PUT", "/bucket/doc", body=body)).headers["x-amz-version-id"]
        for body in (b"draft", b"published")
    ]
    allowed = {"StringEquals": {"s3:VersionId": two}}
    only_two = statement("Allow", {"s3:GetObjectVersion"}, Condition=allowed)
    assert await put_policy(gateway, only_two) == 204
    for named, status in ((one, 403), (two, 200)):
        source = f"/bucket/doc?versionId={named}"
        for target in ("/mine/copy", f"/mine/copy?versionId={two}", f"/mine/copy?versionId={one}"):
            made = await ask(gateway, OTHER, "PUT", target, x_amz_copy_source=source)
            assert made.status == status, (named, target)


async def test_a_source_s_account_is_the_source_s() -> None:
    """A perimeter that keeps a user to its own buckets holds for copies as well."""
    mine = {"StringNotEquals": {"s3:ResourceAccount": "nobody"}}
    gateway = await store(
        statement("Allow", {"s3:GetObject"}), statement("Deny", {"s3:GetObject"}, Condition=mine)
    )
    assert (await ask(gateway, OTHER, "PUT", "/mine")).status == 200
    assert (await ask(gateway, OTHER, "GET", KEY)).status == 403
    assert (await ask(gateway, OTHER, "PUT", "/mine/copy", x_amz_copy_source=KEY)).status == 403


async def test_entries_of_a_deletion_have_no_version_but_their_own() -> None:
    named = {"StringEquals": {"s3:VersionId": "zz"}}
    actions = {"s3:DeleteObject", "s3:DeleteObjectVersion"}
    gateway = await store(statement("Allow", actions, Condition=named))
    body = b"<Delete><Object><Key>some/key</Key></Object></Delete>"
    answer = await ask(gateway, OTHER, "POST", "/bucket?delete&versionId=zz", body=body)
    assert b"<Deleted>" not in answer.body


async def test_a_bucket_policy_is_nobody_else_s_affair() -> None:
    gateway = await store(statement("Allow", {"s3:*"}))
    text = json.dumps({"Statement": statement("Deny", {"s3:*"})}).encode()
    for pair in (None, OTHER):
        sealing = {"x_amz_confirm_remove_self_bucket_access": "true"}
        sealed = await ask(gateway, pair, "PUT", "/bucket?policy", body=text, **sealing)
        assert sealed.status == 405
        assert (await ask(gateway, pair, "DELETE", "/bucket?policy")).status == 405
        assert (await ask(gateway, pair, "GET", "/bucket?policy")).status == 405
    assert (await ask(gateway, OWNER, "GET", "/bucket?policy")).status == 200


async def test_an_acl_that_comes_with_an_object_takes_the_right_to_set_one() -> None:
    gateway = await store(
        statement("Allow", {"s3:PutObject"}), statement("Deny", {"s3:PutObjectAcl"})
    )
    for pair in (OTHER, OWNER):
        for target, method in (("/bucket/new", "PUT"), ("/bucket/new?uploads", "POST")):
            denied = await ask(gateway, pair, method, target, x_amz_acl="public-read")
            assert denied.status == 403
            assert (await ask(gateway, pair, method, target)).status == 200


async def test_attributes_are_told_to_who_may_read() -> None:
    gateway = await store(
        statement("Allow", {"s3:GetObjectAttributes"}), statement("Deny", {"s3:GetObject"})
    )
    wanted = {"x_amz_object_attributes": "ETag,ObjectSize"}
    for pair in (None, OTHER, OWNER):
        assert (await ask(gateway, pair, "GET", f"{KEY}?attributes", **wanted)).status == 403


async def test_how_many_tags_there_are_is_told_to_who_may_see_them() -> None:
    gateway = await store(
        statement("Allow", {"s3:GetObject"}), statement("Deny", {"s3:GetObjectTagging"})
    )
    assert (await ask(gateway, OWNER, "PUT", f"{KEY}?tagging", body=TAGS)).status == 200
    answer = await ask(gateway, OTHER, "GET", KEY)
    assert (answer.status, answer.headers.get("x-amz-tagging-count")) == (200, None)


async def test_tags_that_a_policy_denies_do_not_come_by_a_copy() -> None:
    top = {"StringEquals": {"s3:RequestObjectTag/clearance": "top"}}
    actions = {"s3:PutObject", "s3:PutObjectTagging"}
    gateway = await store(statement("Deny", actions, Condition=top))
    assert (await ask(gateway, OWNER, "PUT", f"{KEY}?tagging", body=TAGS)).status == 403
    assert (await ask(gateway, OWNER, "DELETE", "/bucket?policy")).status == 204
    assert (await ask(gateway, OWNER, "PUT", f"{KEY}?tagging", body=TAGS)).status == 200
    assert await put_policy(gateway, statement("Deny", actions, Condition=top)) == 204
    for given in ({}, {"x_amz_tagging": "clearance=low"}):
        made = await ask(gateway, OWNER, "PUT", "/bucket/copy", x_amz_copy_source=KEY, **given)
        assert made.status == 403, given
    replaced = {"x_amz_tagging": "clearance=low", "x_amz_tagging_directive": "REPLACE"}
    made = await ask(gateway, OWNER, "PUT", "/bucket/copy", x_amz_copy_source=KEY, **replaced)
    assert made.status == 200


async def test_a_right_that_is_gone_when_the_change_is_made_is_gone() -> None:
    """As when the document was held back until the ACL that allowed it was replaced."""
    gateway = await store()
    granted = f'id="{await owner_id(gateway, "other")}"'
    done = await ask(gateway, OWNER, "PUT", "/bucket?acl", x_amz_grant_write_acp=granted)
    assert done.status == 200
    buckets = gateway.ocean.meta.buckets
    change, replaced = buckets.change, asyncio.Event()

    async def held(bucket: Bucket, edit: Callable[[Bucket], Bucket]) -> Bucket:
        await replaced.wait()
        return await change(bucket, edit)

    buckets.change = held  # type: ignore[method-assign,assignment]
    late = asyncio.create_task(ask(gateway, OTHER, "PUT", "/bucket?acl", x_amz_acl="public-read"))
    await asyncio.sleep(0.01)
    bucket = await buckets.find("bucket")
    assert bucket is not None
    await change(bucket, lambda one: replace(one, acl=None))
    replaced.set()
    assert (await late).status == 403
    assert (await gateway.ask("GET", "/bucket")).status == 403


async def owner_id(gateway: InProcess, name: str) -> str:
    account = await gateway.identities.account(name)
    assert account is not None
    return account.id


async def test_a_presigned_url_says_that_its_payload_is_unsigned() -> None:
    unsigned = {"StringEquals": {"s3:x-amz-content-sha256": "UNSIGNED-PAYLOAD"}}
    gateway = await store(statement("Deny", {"s3:PutObject"}, Condition=unsigned))
    for sign in (by_header, by_query):
        signed = sign("PUT", "/bucket/new", {}, Choices())
        assert (await gateway.ask("PUT", *signed, b"hello")).status == 403


async def test_an_upload_is_its_initiator_s() -> None:
    gateway = await store()
    done = await ask(gateway, OWNER, "PUT", "/bucket?acl", x_amz_acl="public-read-write")
    assert done.status == 200
    begun = (await ask(gateway, OWNER, "POST", "/bucket/up?uploads")).body.decode()
    named = begun.partition("<UploadId>")[2].partition("</UploadId>")[0]
    part = f"/bucket/up?partNumber=1&uploadId={named}"
    upload = f"/bucket/up?uploadId={named}"
    for pair in (None, OTHER):
        assert (await ask(gateway, pair, "PUT", part, body=b"forged")).status == 403
        assert (await ask(gateway, pair, "GET", upload)).status == 403
        assert (await ask(gateway, pair, "DELETE", upload)).status == 403
    begun = (await ask(gateway, OTHER, "POST", "/bucket/up?uploads")).body.decode()
    named = begun.partition("<UploadId>")[2].partition("</UploadId>")[0]
    upload = f"/bucket/up?uploadId={named}"
    assert (await ask(gateway, OTHER, "GET", upload)).status == 200
    assert (await ask(gateway, OWNER, "GET", upload)).status == 200
    assert (await ask(gateway, OTHER, "DELETE", upload)).status == 204


@pytest.mark.parametrize(
    "statement",
    [
        r'"\ud800"',
        r'{"Effect": "\ud800", "Principal": "*", "Action": "*", "Resource": "*"}',
        r'{"Effect": "Deny", "Principal": {"AWS": "arn:aws:iam:::user/\ud800"}}',
        r'{"\ud800": 1}',
    ],
)
async def test_half_characters_are_refused(statement: str) -> None:
    gateway = await store()
    text = f'{{"Statement": {statement}}}'
    answer = await ask(gateway, OWNER, "PUT", "/bucket?policy", body=text.encode())
    assert (answer.status, answer.code) == (400, "MalformedPolicy")


async def test_octets_that_are_no_id_are_refused() -> None:
    gateway = await store()
    for value in ("id=\udcff", "id=\x00", f"id={'a' * 5000}"):
        answer = await ask(gateway, OWNER, "PUT", "/bucket/new", x_amz_grant_read=value)
        assert (answer.status, answer.code) == (400, "InvalidArgument")


async def test_a_policy_of_users_that_there_are_not_is_refused() -> None:
    """A denial of somebody who comes later would never bite."""
    gateway = await store()
    for named in ("arn:aws:iam:::user/bob", "f" * 64, f"arn:aws:iam::{'f' * 64}:root"):
        denied = statement("Deny", {"s3:*"}, Principal={"AWS": named})
        assert await put_policy(gateway, denied) == 400
    await gateway.identities.create_account("bob")
    denied = statement("Deny", {"s3:*"}, Principal={"AWS": "arn:aws:iam:::user/bob"})
    assert await put_policy(gateway, denied) == 204


async def test_a_user_named_as_an_id_is_not_the_user_of_that_id() -> None:
    gateway = await store()
    await gateway.identities.create_account("e" * 64)
    for named in ("e" * 64, f"arn:aws:iam:::user/{'e' * 64}"):
        allowed = statement("Allow", {"s3:GetObject"}, Principal={"AWS": named})
        assert await put_policy(gateway, allowed) == 400


async def test_a_copy_s_source_is_the_same_however_it_is_written() -> None:
    denied = {"StringEquals": {"s3:x-amz-copy-source": "bucket/some/key"}}
    gateway = await store(statement("Deny", {"s3:PutObject"}, Condition=denied))
    for source in ("bucket/some/key", KEY, "bucket/some%2Fkey", f"{KEY}?versionId=null"):
        made = await ask(gateway, OWNER, "PUT", "/bucket/copy", x_amz_copy_source=source)
        assert made.status == 403, source


async def test_who_may_only_list_learns_nothing_of_versions() -> None:
    gateway = await store(statement("Allow", {"s3:ListBucket"}))
    assert (await ask(gateway, OWNER, "PUT", "/bucket?versioning", body=ENABLED)).status == 200
    marker = (await ask(gateway, OWNER, "DELETE", KEY)).headers["x-amz-version-id"]
    answer = await ask(gateway, OTHER, "GET", KEY)
    assert (answer.status, answer.code) == (404, "NoSuchKey")
    assert not [name for name in answer.headers if "marker" in name or "version" in name]
    for named in (marker, "null", "0" * len(marker)):
        assert (await ask(gateway, OTHER, "GET", f"{KEY}?versionId={named}")).status == 403


async def test_who_may_not_read_cannot_ask_for_an_entity_tag() -> None:
    gateway = await store()
    done = await ask(gateway, OWNER, "PUT", "/bucket?acl", x_amz_acl="public-read-write")
    assert done.status == 200
    for target in (KEY, "/bucket/other"):
        for method in ("PUT", "DELETE"):
            answer = await ask(gateway, OTHER, method, target, if_match='"0"')
            assert answer.status == 403, (method, target)
