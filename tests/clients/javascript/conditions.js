// Writes into BUCKET under conditions, and some of them at once.

import assert from "node:assert/strict";
import { GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { clientOf, contentOf, tell } from "./client.js";

const [Bucket] = process.argv.slice(2);
const client = clientOf();
const at = { Bucket, Key: "k" };
const put = (options) => client.send(new PutObjectCommand({ ...at, ...options }));
const failed = { name: "PreconditionFailed" };

const first = await put({ Body: "first", IfNoneMatch: "*" });
await assert.rejects(put({ Body: "second", IfNoneMatch: "*" }), failed);
const third = await put({ Body: "third", IfMatch: first.ETag });
await assert.rejects(put({ Body: "fourth", IfMatch: first.ETag }), failed);
assert.equal((await contentOf(await client.send(new GetObjectCommand(at)))).toString(), "third");

const unchanged = client.send(new GetObjectCommand({ ...at, IfNoneMatch: third.ETag }));
await assert.rejects(unchanged, (error) => error.$metadata.httpStatusCode === 304);
const changed = client.send(new GetObjectCommand({ ...at, IfMatch: first.ETag }));
await assert.rejects(changed, failed);

const bodies = Array.from({ length: 12 }, (_, number) => `writer ${number}`);
const race = await Promise.allSettled(
  bodies.map((Body) => put({ Key: "raced", Body, IfNoneMatch: "*" })),
);
const lost = race.filter((one) => one.status === "rejected").map((one) => one.reason.name);
const known = ["PreconditionFailed", "ConditionalRequestConflict"];
assert.ok(lost.every((name) => known.includes(name)), `${lost}`);
tell(bodies.filter((_, number) => race[number].status === "fulfilled"));
