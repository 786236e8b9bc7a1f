import assert from "node:assert/strict";
import test from "node:test";

import { commandOf } from "../../../src/evenpick/web/static/commands.js";

const plain = { zoomed: false, single: true, nameOf: (key) => ({ 1: "cat", a: "dog" })[key] };

test("a key of a class labels, also with the shift key", () => {
  assert.deepEqual(commandOf("1", plain), ["label", "cat"]);
  assert.deepEqual(commandOf("A", plain), ["label", "dog"]);
  assert.equal(commandOf("b", plain), undefined);
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
