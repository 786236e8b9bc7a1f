// What the browser remembers, for good and for one tab.

import assert from "node:assert/strict";
import test from "node:test";

const memory = () => {
  const kept = new Map();
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
};

globalThis.localStorage = memory();
globalThis.sessionStorage = memory();
const { personKnown, rememberPerson } = await import("../../../src/evenpick/web/static/storage.js");

test("a person from a link holds in its tab, and the browser still knows the one who typed a name", () => {
  assert.equal(personKnown(), undefined);

  rememberPerson("ann");
  rememberPerson("eve", true);

  assert.equal(personKnown(), "eve");
  globalThis.sessionStorage = memory(); // another tab
  assert.equal(personKnown(), "ann");
});

test("a name that is typed ends what a link said", () => {
  rememberPerson("eve", true);
  rememberPerson("bob");

  assert.equal(personKnown(), "bob");
  globalThis.sessionStorage = memory();
  assert.equal(personKnown(), "bob");
});
