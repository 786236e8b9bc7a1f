import assert from "node:assert/strict";
import test from "node:test";

import { DOUBLE_CLICK, Letters, once } from "../../../src/evenpick/web/static/presses.js";

test("the same key counts once within 300 ms, another one at once", () => {
  assert.equal(once("1", undefined, 1000), true);
  assert.equal(once("1", undefined, 1299), false);
  assert.equal(once("1", undefined, 1301), true);
  assert.equal(once("2", undefined, 1302), true);
  assert.equal(once("click cat", DOUBLE_CLICK, 2000), true);
  assert.equal(once("click cat", DOUBLE_CLICK, 2499), false);
});

// Letters pressed at given ms, and what came of them.
function typist(t) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const done = [];
  const tell = (what) => (value) => done.push(`${what} ${value}`);
  const letters = new Letters({ answer: tell("answer"), type: tell("type"), takeBack: tell("take back") });
  const classes = { l: "lion", o: "ox", f: "fox" };
  const press = (letter, ready = true) => letters.pressed(letter, classes[letter], ready);
  return { done, letters, press, wait: (ms) => t.mock.timers.tick(ms) };
}

test("one letter alone answers after a moment", (t) => {
  const { done, press, wait } = typist(t);
  press("l");
  wait(299);
  assert.deepEqual(done, []);
  wait(1);
  assert.deepEqual(done, ["answer lion"]);
});

test("letters in a row are the start of a word, and answer nothing", (t) => {
  const { done, press, wait } = typist(t);
  press("l");
  wait(250);
  press("o");
  wait(5000);
  assert.deepEqual(done, ["type lo"]);
});

test("a letter without a class begins a word at once", (t) => {
  const { done, press } = typist(t);
  press("z");
  assert.deepEqual(done, ["type z"]);
});

test("a key that bounces answers once; a word that begins with two of a letter keeps both", (t) => {
  const { done, press, wait } = typist(t);
  press("l");
  press("l");
  wait(300);
  assert.deepEqual(done, ["answer lion"]);
  wait(2000);
  press("l");
  press("l");
  press("f");
  assert.deepEqual(done, ["answer lion", "type llf"]);
});

test("of a slow typist the answer is taken back when the next letter comes before the next image can be seen", (t) => {
  const { done, press, wait } = typist(t);
  press("l");
  wait(450);
  press("o", false);
  assert.deepEqual(done, ["answer lion", "take back lo"]);
});

test("once the next image can be answered, a letter is about that one", (t) => {
  const { done, press, wait } = typist(t);
  press("l");
  wait(600);
  press("o", true);
  wait(300);
  assert.deepEqual(done, ["answer lion", "answer ox"]);
});

test("before an image can be answered a letter does nothing, and another key ends the waiting", (t) => {
  const { done, letters, press, wait } = typist(t);
  press("l", false);
  wait(400);
  press("l");
  letters.forget();
  wait(400);
  assert.deepEqual(done, []);
});
