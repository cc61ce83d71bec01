"""Forms of POST uploads, rightly and wrongly signed."""

import json
import time
from base64 import b64encode
from typing import Any, NamedTuple

from gateway.wire import dates, sigv2, sigv4
from tests.support.signing import Choices

BOUNDARY = "----WebKitFormBoundary0123456789"
TYPE = f"multipart/form-data; boundary={BOUNDARY}"
Fields = dict[str, str]


class Form(NamedTuple):
    """Fields in their order, the file's name and its content."""

    fields: Fields
    content: bytes = b"hello"
    filename: str = "photo.jpg"

    @property
    def body(self) -> bytes:
        parts = [
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in self.fields.items()
        ]
        head = (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; '
            f'filename="{self.filename}"\r\nContent-Type: image/jpeg\r\n\r\n'
        )
        end = f"\r\n--{BOUNDARY}--\r\n"
        return "".join(parts).encode() + head.encode() + self.content + end.encode()

    @property
    def headers(self) -> dict[str, str]:
        return {"content-type": TYPE}


def policy(conditions: list[Any], seconds: float = 600) -> str:
    """A policy in base64 that ends in so many seconds."""
    document = {"expiration": dates.iso(time.time() + seconds), "conditions": conditions}
    return b64encode(json.dumps(document).encode()).decode()


def conditions_of(fields: Fields, bucket: str = "bucket") -> list[Any]:
    """Conditions that exactly these fields, in this bucket, fulfil."""
    return [{"bucket": bucket}, *({name: value} for name, value in fields.items())]


def sign_v4(
    fields: Fields, choices: Choices, conditions: list[Any] | None = None, seconds: float = 600
) -> Fields:
    """The fields with a policy and a SigV4 signature of it; by default over just these fields."""
    choices = choices.fixed
    named = fields | {
        "x-amz-algorithm": sigv4.ALGORITHM,
        "x-amz-credential": f"{choices.pair.access_key}/{choices.scope}",
        "x-amz-date": dates.basic(choices.moment),
    }
    stated = conditions_of(fields) if conditions is None else conditions
    own = [{name: value} for name, value in named.items() if name not in fields]
    text = policy([*stated, *own], seconds)
    return named | {"policy": text, "x-amz-signature": sigv4.signature(choices.key, text)}


def sign_v2(
    fields: Fields, choices: Choices, conditions: list[Any] | None = None, seconds: float = 600
) -> Fields:
    """The same with SigV2."""
    text = policy(conditions_of(fields) if conditions is None else conditions, seconds)
    made = sigv2.signature(choices.pair.secret, text)
    return fields | {
        "AWSAccessKeyId": choices.pair.access_key,
        "policy": text,
        "signature": made,
    }


SIGNERS = {"v4": sign_v4, "v2": sign_v2}
