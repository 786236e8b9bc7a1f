import assert from "node:assert/strict";
import test from "node:test";

import { inOrder, Keys, matching } from "../../../src/evenpick/web/static/classes.js";

const keysOf = (keys, names) => names.map((name) => keys.of(name)).join("");

test("keys are dealt in order, digits first, and the 36th class has none", () => {
  const names = Array.from({ length: 36 }, (_, i) => `class ${i}`);
  const keys = new Keys("nowhere");
  keys.update(names);

  assert.equal(keysOf(keys, names), "123456789abcdefghijklmnopqrstuvwxyz");
  assert.equal(keys.of("class 35"), "");
  assert.equal(keys.name("a"), "class 9");
  assert.equal(keys.name("!"), undefined);
});

test("a class keeps its key when others come and go, and a key that is free is dealt again", () => {
  const keys = new Keys("nowhere");
  keys.update(["cat", "dog", "cow"]);
  keys.update(["cow", "cat"]);
  assert.equal(keysOf(keys, ["cat", "cow"]), "13");
  keys.update(["cow", "cat", "hen"]);
  assert.equal(keysOf(keys, ["cat", "cow", "hen"]), "132");
});

test("a renamed class keeps its key; of two that merge the one that stays keeps its own", () => {
  const keys = new Keys("nowhere");
  keys.update(["cat", "dog"]);
  keys.rename("cat", "feline");
  keys.update(["feline", "dog"]);
  assert.equal(keysOf(keys, ["feline", "dog"]), "12");
  keys.rename("feline", "dog");
  keys.update(["dog"]);
  assert.equal(keysOf(keys, ["feline", "dog"]), "2");
});

test("the keys of a list go before those that were dealt", () => {
  const keys = new Keys("nowhere");
  keys.update(["cat", "dog"]);
  keys.update(["cat", "dog", "cow"], new Map([["dog", "1"], ["cow", "c"]]));

  assert.equal(keysOf(keys, ["cat", "dog", "cow"]), "21c");
});

test("keys are remembered for the next visit", (t) => {
  const kept = new Map();
  globalThis.localStorage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
  t.after(() => delete globalThis.localStorage);
  new Keys("one").update(["cat", "dog"]);
  const again = new Keys("one");
  again.update(["dog"]);

  assert.equal(again.of("dog"), "2");
  assert.equal(new Keys("other").of("dog"), "");
});

test("a search takes the start of a name first, then its inside, then letters in order", () => {
  const names = ["expand", "panda", "pa nd", "dog", "Pan"];

  assert.deepEqual(matching(names, "pan"), ["Pan", "panda", "expand", "pa nd"]);
  assert.deepEqual(matching(names, "x"), ["expand"]);
  assert.deepEqual(matching(names, "ndp"), []);
  assert.deepEqual(matching(names, "  "), names);
});

test("a search passes over accents and capitals", () => {
  assert.deepEqual(matching(["Crème brûlée", "cream"], "CRBR"), ["Crème brûlée"]);
  assert.deepEqual(matching(["creme"], "crème"), ["creme"]);
});

test("classes are ordered by key, use or name, and without a key they come last", () => {
  const classes = [["fox 10", 3], ["wolf", 9], ["fox 9", 3], ["Bär", 5]].map(([name, count]) => ({ name, count }));
  const keyOf = (name) => ({ "fox 10": "b", "fox 9": "2", Bär: "1" })[name] ?? "";

  assert.deepEqual(inOrder(classes, "key", keyOf), ["Bär", "fox 9", "fox 10", "wolf"]);
  assert.deepEqual(inOrder(classes, "use", keyOf), ["wolf", "Bär", "fox 10", "fox 9"]);
  assert.deepEqual(inOrder(classes, "name", keyOf), ["Bär", "fox 9", "fox 10", "wolf"]);
});
