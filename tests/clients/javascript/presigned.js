// Puts into BUCKET and reads from it with URLs alone.

import assert from "node:assert/strict";
import { GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { clientOf, tell } from "./client.js";

const [Bucket] = process.argv.slice(2);
const client = clientOf();
const at = { Bucket, Key: "a ü+&/key" };
const content = "content of the object";

const put = await getSignedUrl(client, new PutObjectCommand(at), { expiresIn: 60 });
assert.equal((await fetch(put, { method: "PUT", body: content })).status, 200);
const command = new GetObjectCommand({ ...at, ResponseContentType: "text/x-test" });
const get = await getSignedUrl(client, command, { expiresIn: 60 });
const got = await fetch(get);
assert.equal(got.headers.get("content-type"), "text/x-test");
assert.equal(await got.text(), content);
const part = await fetch(get, { headers: { Range: "bytes=8-9" } });
assert.deepEqual([part.status, await part.text()], [206, "of"]);

async function refusal(url, options) {
  const answer = await fetch(url, options);
  return [answer.status, (await answer.text()).match(/<Code>(.*)<\/Code>/)[1]];
}
const signingDate = new Date(Date.now() - 3_600_000);
const late = await getSignedUrl(client, command, { expiresIn: 60, signingDate });
const typed = await getSignedUrl(client, new PutObjectCommand({ ...at, ContentType: "text/a" }), {
  signableHeaders: new Set(["content-type"]),
});
const headers = { "content-type": "text/b" };
tell({
  changed: await refusal(get.replace("key?", "other?")),
  late: await refusal(late),
  typed: await refusal(typed, { method: "PUT", body: "typed", headers }),
});
