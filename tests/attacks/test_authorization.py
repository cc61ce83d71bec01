"""Every operation by who may and by who may not: one table, deny by default (S3's own actions).

Negative tests for Versity issue 1092 (a Deny is ignored), MinIO CVE-2024-36107 (an answer before
the right is known) and RustFS GHSA-6r96 (a header that stands for a condition key).
"""

import json
from collections.abc import Iterable

import pytest
from msgspec.structs import replace

from gateway.operations import Operation
from metastore.engine import Table
from metastore.records import BucketPolicy
from ocean.rules.access import OF_INITIATOR, ON_OBJECT
from tests.attacks.test_signature_matrix import OPERATIONS, deciding, example, refused
from tests.support.inprocess import OTHER, OWNER, ROOT, Answer, InProcess, Pair
from tests.support.signing import Choices, by_header

OF_BUCKET = [o for o in OPERATIONS if o.name not in {"ListBuckets", "CreateBucket"}]
WAYS_BACK = {"s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"}
ARNS = ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"]
KEY = "/bucket/some/key"
CALLERS = {"nobody": None, "another": OTHER}


def by_name(operation: Operation) -> str:
    return operation.name


def statement(effect: str, actions: Iterable[str], **more: object) -> dict[str, object]:
    return {
        "Effect": effect,
        "Principal": "*",
        "Action": sorted(actions),
        "Resource": ARNS,
        **more,
    }


async def ask(
    gateway: InProcess, pair: Pair | None, method: str, target: str, **given: str | bytes
) -> Answer:
    headers = {n.replace("_", "-"): v for n, v in given.items() if isinstance(v, str)}
    body = next((v for v in given.values() if isinstance(v, bytes)), b"")
    if pair is None:
        return await gateway.ask(method, target, headers, body)
    return await gateway.ask(method, *by_header(method, target, headers, Choices(pair=pair)), body)


async def store(*statements: dict[str, object]) -> InProcess:
    """OWNER's bucket with one object, under a policy of these statements."""
    gateway = await InProcess.begin()
    assert (await ask(gateway, OWNER, "PUT", "/bucket")).status == 200
    assert (await ask(gateway, OWNER, "PUT", KEY, body=b"hello")).status == 200
    if statements:
        text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        done = await ask(gateway, OWNER, "PUT", "/bucket?policy", body=text.encode())
        assert done.status == 204, done.body
    gateway.touched.clear()
    return gateway


async def do(gateway: InProcess, operation: Operation, pair: Pair | None) -> Answer:
    target, headers = example(operation)
    if pair is None:
        return await gateway.ask(operation.method, target, headers, b"hello")
    signed = by_header(operation.method, target, headers, Choices(pair=pair))
    return await gateway.ask(operation.method, *signed, b"hello")


def needed(operation: Operation) -> set[str]:
    """The actions that the example of an operation takes."""
    wanted = {operation.action}
    if operation.header == "x-amz-copy-source":
        wanted.add("s3:GetObject")
    return wanted


def let_in(answer: Answer) -> bool:
    """Whether the handler was reached, whatever it made of the example."""
    return answer.status != 403 and (answer.status < 500 or answer.code == "NotImplemented")


@pytest.mark.parametrize("operation", OF_BUCKET, ids=by_name)
@pytest.mark.parametrize("caller", CALLERS)
async def test_the_right_action_and_no_other(operation: Operation, caller: str) -> None:
    pair = CALLERS[caller]
    others = {o.action for o in OPERATIONS} - needed(operation)
    if operation.action in OF_INITIATOR:
        others.remove("s3:PutObject")  # who may begin an upload may go on with it
    others -= {"s3:ListAllMyBuckets", "s3:CreateBucket"}
    gateway = await store(statement("Allow", others))
    answer = await do(gateway, operation, pair)
    if operation.name == "DeleteObjects":  # whose keys are known when they were read
        assert b"AccessDenied" in answer.body or answer.status == 400
    else:
        assert answer.status == 403
        who = set() if pair is None else {Table.IDENTITIES}
        refused(gateway, answer, who | deciding(operation), operation.name)
    gateway = await store(statement("Allow", needed(operation)))
    answer = await do(gateway, operation, pair)
    unnamed = pair is None and operation.name == "CreateMultipartUpload"
    if operation.action in WAYS_BACK:  # its owner's affair
        assert (answer.status, answer.code) == (405, "MethodNotAllowed")
        assert not gateway.touched.written
    elif unnamed:  # an upload has an initiator
        assert answer.status == 403
    else:
        assert let_in(answer), answer


@pytest.mark.parametrize("operation", OF_BUCKET, ids=by_name)
async def test_a_denial_outweighs_what_allows(operation: Operation) -> None:
    """Even for the owner, who keeps the way back to the policy itself."""
    gateway = await store(
        statement("Allow", needed(operation)), statement("Deny", {operation.action})
    )
    for pair in (None, OTHER, OWNER):
        answer = await do(gateway, operation, pair)
        if operation.name == "DeleteObjects":
            assert answer.status == 400 or b"AccessDenied" in answer.body
        elif pair is OWNER and operation.action in WAYS_BACK:
            assert answer.status != 403
        else:
            assert answer.status == 403, (pair, answer)
            assert (gateway.touched.written, gateway.touched.blobs) == ([], [])


@pytest.mark.parametrize("operation", OF_BUCKET, ids=by_name)
async def test_owner_and_root_may(operation: Operation) -> None:
    for pair in (OWNER, ROOT):
        gateway = await store()
        answer = await do(gateway, operation, pair)
        assert let_in(answer), (pair, answer.body)


async def test_who_may_not_does_not_learn_that_a_key_is_there() -> None:
    """403 comes before 304, 404, 412 and 416, whatever else the caller may."""
    everything = {o.action for o in OPERATIONS if o.action not in ON_OBJECT}
    everything -= {"s3:ListBucket", "s3:ListAllMyBuckets", "s3:CreateBucket"}
    gateway = await store(statement("Allow", everything))
    for given in ({}, {"if_match": '"0"'}, {"if_none_match": "*"}, {"range": "bytes=9-"}):
        for method in ("GET", "HEAD"):
            answers = [
                await ask(gateway, OTHER, method, target, **given)
                for target in (KEY, "/bucket/some/other")
            ]
            assert [one.status for one in answers] == [403, 403]


async def test_who_may_list_learns_that_there_is_none() -> None:
    gateway = await store(statement("Allow", {"s3:ListBucket"}))
    assert (await ask(gateway, OTHER, "GET", KEY)).status == 403
    assert (await ask(gateway, OTHER, "GET", "/bucket/some/other")).status == 404


async def test_conditions_go_by_what_the_server_knows() -> None:
    """Not by headers of their names, nor by who is said to have forwarded the request."""
    allowed = statement(
        "Allow",
        {"s3:GetObject"},
        Condition={
            "IpAddress": {"aws:SourceIp": "10.1.2.3"},
            "StringEquals": {"aws:username": "owner"},
        },
    )
    gateway = await store(allowed)
    names = ("x-forwarded-for", "x-real-ip", "forwarded", "sourceip", "aws:sourceip")
    for name in names:
        for value in ("10.1.2.3", "for=10.1.2.3"):
            headers = {name: value, "aws:username": "owner", "x-amz-username": "owner"}
            signed = by_header("GET", KEY, headers, Choices(pair=OTHER))
            assert (await gateway.ask("GET", *signed)).status == 403


async def test_a_name_that_is_given_to_another_user_is_not_the_user_of_the_policy() -> None:
    named = {"AWS": "arn:aws:iam:::user/other"}
    gateway = await store(statement("Allow", {"s3:GetObject"}, Principal=named))
    assert (await ask(gateway, OTHER, "GET", KEY)).status == 200
    identities = gateway.identities
    await identities.delete_account("other")
    await identities.create_account("other")
    await identities.create_access_key("other", access_key=OTHER[0], secret=OTHER[1])
    assert (await ask(gateway, OTHER, "GET", KEY)).status == 403


async def test_a_public_access_block_ends_what_is_public() -> None:
    gateway = await store(statement("Allow", {"s3:GetObject"}))
    assert (await ask(gateway, OWNER, "PUT", f"{KEY}?acl", x_amz_acl="public-read")).status == 200
    for pair in CALLERS.values():
        assert (await ask(gateway, pair, "GET", KEY)).status == 200
    switches = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    text = "".join(f"<{name}>true</{name}>" for name in switches)
    document = f"<PublicAccessBlockConfiguration>{text}</PublicAccessBlockConfiguration>".encode()
    done = await ask(gateway, OWNER, "PUT", "/bucket?publicAccessBlock", body=document)
    assert done.status == 200
    for pair in CALLERS.values():
        assert (await ask(gateway, pair, "GET", KEY)).status == 403
    assert (await ask(gateway, OWNER, "PUT", KEY, x_amz_acl="public-read")).status == 403
    assert (await ask(gateway, OWNER, "PUT", "/bucket?acl", x_amz_acl="public-read")).status == 403
    public = json.dumps({"Statement": statement("Allow", {"s3:GetObject"})}).encode()
    assert (await ask(gateway, OWNER, "PUT", "/bucket?policy", body=public)).status == 403
    assert (await ask(gateway, OWNER, "GET", KEY)).status == 200


@pytest.mark.parametrize("public", [True, False])
async def test_a_policy_that_is_blocked_allows_nobody_the_policy(public: bool) -> None:
    """So others are not told either that it allows them that, as 405 would."""
    whom = "*" if public else {"AWS": "arn:aws:iam:::user/other"}
    gateway = await store(statement("Allow", WAYS_BACK, Principal=whom))
    block = (
        b"<PublicAccessBlockConfiguration><RestrictPublicBuckets>true</RestrictPublicBuckets>"
        b"</PublicAccessBlockConfiguration>"
    )
    assert (await ask(gateway, OTHER, "GET", "/bucket?policy")).status == 405
    done = await ask(gateway, OWNER, "PUT", "/bucket?publicAccessBlock", body=block)
    assert done.status == 200
    for method in ("GET", "PUT", "DELETE"):
        answer = await ask(gateway, OTHER, method, "/bucket?policy", body=b"{}")
        assert answer.status == (403 if public else 405)
    assert (await ask(gateway, OWNER, "GET", "/bucket?policy")).status == 200


async def test_a_policy_that_cannot_be_read_lets_nobody_in() -> None:
    """Not even who needs none: it might have denied something."""
    gateway = await store()
    meta = gateway.ocean.meta
    bucket = await meta.buckets.find("bucket")
    assert bucket is not None
    broken = BucketPolicy('{"Statement": "of a newer release"}')
    await meta.buckets.change(bucket, lambda one: replace(one, policy=broken))
    for pair in (None, OTHER, OWNER):
        answer = await ask(gateway, pair, "GET", KEY)
        assert (answer.status, answer.code) == (403, "AccessDenied")
