import assert from "node:assert/strict";
import test from "node:test";

import { commandOf, keyOf } from "../../../src/evenpick/web/static/commands.js";

const plain = { zoomed: false, single: true, nameOf: (key) => ({ 1: "cat", a: "dog" })[key] };

test("a key of a class labels", () => {
  assert.deepEqual(commandOf("1", plain), ["label", "cat"]);
  assert.deepEqual(commandOf("a", plain), ["label", "dog"]);
  assert.equal(commandOf("b", plain), undefined);
});

test("an arrow key is that of a guess, unless the image is zoomed or single keys are off", () => {
  const guessing = { ...plain, nameOf: (key) => ({ ArrowDown: "cow" })[key] };
  assert.deepEqual(commandOf("ArrowDown", guessing), ["label", "cow"]);
  assert.equal(commandOf("ArrowUp", guessing), undefined);
  assert.deepEqual(commandOf("ArrowDown", { ...guessing, zoomed: true }), ["pan", 0, -60]);
  assert.equal(commandOf("ArrowDown", { ...guessing, single: false }), undefined);
});

// What browsers tell of a key: what it types, where it is, whether Shift is held.
for (const [keyboard, key, code, shiftKey, meant] of [
  ["English", "1", "Digit1", false, "1"],
  ["English", "A", "KeyA", true, "a"],
  ["English", "!", "Digit1", true, "!"],
  ["English", "?", "Slash", true, "?"],
  ["English", "5", "Numpad5", false, "5"],
  ["English", "Backspace", "Backspace", false, "Backspace"],
  ["French", "&", "Digit1", false, "1"],
  ["French", "-", "Digit6", false, "6"],
  ["French", "à", "Digit0", false, "0"],
  ["French", "1", "Digit1", true, "1"],
  ["French", "q", "KeyA", false, "q"],
  ["German", "/", "Digit7", true, "/"],
  ["German", "-", "Slash", false, "-"],
  ["Czech", "+", "Digit1", false, "1"],
  ["Russian", "ф", "KeyA", false, "a"],
  ["Greek", "α", "KeyA", false, "a"],
  ["Arabic", "ش", "KeyA", false, "a"],
  ["Arabic", "لا", "KeyB", false, "b"],
  ["Arabic", "١", "Digit1", false, "1"],
  ["Arabic", "٣", "", false, "3"],
  ["Japanese, wide", "１", "Digit1", false, "1"],
  ["Japanese, wide", "ａ", "KeyA", false, "a"],
  ["Japanese, wide", "２", "", false, "2"],
  ["an input method", "Process", "KeyC", false, "c"],
])
  test(`on a keyboard that is ${keyboard}, “${key}” is ${meant}`, () => {
    assert.equal(keyOf({ key, code, shiftKey }), meant);
  });

test("every command of the help has its key", () => {
  const given = ["0", "Backspace", "/", "Enter", "+", "=", " ", "?"].map((key) => commandOf(key, plain)[0]);

  assert.deepEqual(given, ["skip", "undo", "type", "type", "zoom", "zoom", "toggle zoom", "help"]);
  assert.equal(commandOf("+", plain)[1] * commandOf("-", plain)[1], 1);
});

test("without single keys only Enter, space and the arrows of a zoomed image are left", () => {
  const off = { ...plain, single: false, zoomed: true };

  for (const key of ["1", "a", "0", "Backspace", "/", "+", "-", "?"]) assert.equal(commandOf(key, off), undefined);
  assert.deepEqual(commandOf("Enter", off), ["type"]);
  assert.deepEqual(commandOf(" ", off), ["toggle zoom"]);
  assert.deepEqual(commandOf("ArrowLeft", off), ["pan", 60, 0]);
});

test("arrows move the image only while it is zoomed: right shows what is right, down what is below", () => {
  const zoomed = { ...plain, zoomed: true };

  assert.equal(commandOf("ArrowUp", plain), undefined);
  assert.deepEqual(commandOf("ArrowRight", zoomed), ["pan", -60, 0]);
  assert.deepEqual(commandOf("ArrowDown", zoomed), ["pan", 0, -60]);
  assert.deepEqual(commandOf("ArrowUp", zoomed), ["pan", 0, 60]);
});
