import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { isStartOfSome, nearClasses, sameClass, tidy } from "../../../src/evenpick/web/static/names.js";

const cases = JSON.parse(readFileSync(new URL("names.json", import.meta.url)));

for (const [one, other] of cases.same)
  test(`“${one}” and “${other}” are the same class`, () => {
    assert.equal(sameClass(["another", one], other), one);
    assert.equal(sameClass([other], one), other);
  });

for (const [one, other] of cases.different)
  test(`“${one}” and “${other}” are two classes`, () => {
    assert.equal(sameClass(["another", one], other), undefined);
    assert.equal(sameClass([other], one), undefined);
  });

for (const [typed, kept] of cases.tidy) test(`“${typed}” is kept as “${kept}”`, () => assert.equal(tidy(typed), kept));

test("of classes that differ in case alone the very same is meant", () => {
  assert.equal(sameClass(["cafe", "Café", "café"], " cafe\u0301 "), "café");
  assert.equal(sameClass(["Pan", "pan"], "PAN"), "Pan");
});

test("the start of a class is told by all of its letters and marks", () => {
  assert.equal(isStartOfSome(["Lobster"], "lob"), true);
  assert.equal(isStartOfSome(["หมี"], "หม"), true);
  assert.equal(isStartOfSome(["หมีขาว"], "หมู"), false);
  assert.equal(isStartOfSome(["Lobster"], "obster"), false);
});

test("a name that differs in marks alone, or by one slip, is near; the same class is not", () => {
  assert.deepEqual(nearClasses(["หมี", "แมว"], "หมู"), ["หมี"]);
  assert.deepEqual(nearClasses(["Bär", "Bier"], "bar"), ["Bär"]);
  assert.deepEqual(nearClasses(["หมีขาว"], "หมู"), ["หมีขาว"]);
  for (const slip of ["lobstr", "lobsster", "lobzter", "lobtser", "LOBSTR", "lobste"])
    assert.deepEqual(nearClasses(["lobster", "oyster"], slip), ["lobster"], slip);
  for (const other of ["lobster", "Lobster", "mobstar", "x", "", "crab"])
    assert.deepEqual(nearClasses(["lobster", "cow"], other), [], other);
  assert.deepEqual(nearClasses(["cat"], "cow"), []);
  assert.deepEqual(nearClasses(["cat"], "bat"), []);
});
