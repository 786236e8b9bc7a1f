import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import test from "node:test";

import { get, newAnswer, post, reasonAgainst, Refusal } from "../../../src/evenpick/web/static/api.js";

// A server that gives each reply in turn: [status, value], or undefined to hang up.
async function serving(t, replies) {
  const server = createServer((request, response) => {
    const reply = replies.shift();
    if (!reply) return request.socket.destroy();
    response.writeHead(reply[0], { "Content-Type": "application/json" });
    return response.end(JSON.stringify(reply[1]));
  }).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  return `http://127.0.0.1:${server.address().port}/`;
}

test("a request is sent again until the server answers, and the silence is told", async (t) => {
  const address = await serving(t, [undefined, [500, { error: "broken" }], [200, { labels: 3 }]]);
  const told = [];

  assert.deepEqual(await get(address, (why) => told.push(why)), { labels: 3 });
  assert.deepEqual(told, ["silent", "silent", ""]);
});

test("a request is held while its token is wrong, and sent again", async (t) => {
  const address = await serving(t, [[401, { error: "wants its token" }], [200, { entry: 7 }]]);
  const told = [];

  assert.deepEqual(await post(address, { row: 3 }, (why) => told.push(why)), { entry: 7 });
  assert.deepEqual(told, ["locked", ""]);
});

test("why an image is not given is what the server says, once it says anything", async (t) => {
  const address = await serving(t, [undefined, [404, { error: "image 3 cannot be shown" }], [200, {}]]);

  assert.equal(await reasonAgainst(address, () => {}), "image 3 cannot be shown");
  assert.equal(await reasonAgainst(address, () => {}), "");
});

test("what the server refuses is not sent again", async (t) => {
  const replies = [[409, { error: "answered already" }], [200, {}]];
  const address = await serving(t, replies);

  await assert.rejects(get(address, () => {}), (error) => error instanceof Refusal && error.message === "answered already");
  assert.equal(replies.length, 1);
});

test("every answer has an id of its own, of 32 letters and digits", () => {
  const [one, other] = [newAnswer(), newAnswer()];

  assert.match(one.request, /^[0-9a-f]{32}$/);
  assert.notEqual(one.request, other.request);
  assert.equal(one.then_next, true);
});
