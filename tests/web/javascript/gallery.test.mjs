import assert from "node:assert/strict";
import test from "node:test";

import { annotators, caption, filters, shown, shownLine } from "../../../src/evenpick/web/static/gallery.js";

const said = (row, ...answers) => ({ row, answers: answers.map(([annotator, label]) => ({ annotator, label })) });
const given = [
  said(1, ["ann", "cat"]),
  said(2, ["bob", "cat"], ["ann", "dog"]),
  said(3, ["ann", null]),
  said(4, ["bob", "dog"]),
  said(5, ["ann", "cat"], ["bob", "cat"]),
];
const rows = (filter, who = "") => shown(given, filter, who).map(({ row }) => row);

test("there is a filter for everything, conflicts, skips and each class by what counts", () => {
  assert.deepEqual(
    filters(given).map(({ name, count }) => [name, count]),
    [["All", 5], ["Answered differently", 1], ["Can’t tell", 1], ["cat", 3], ["dog", 1]],
  );
});

test("a filter shows what counts so, of everybody or of one person", () => {
  assert.deepEqual(rows("all"), [1, 2, 3, 4, 5]);
  assert.deepEqual(rows("conflicts"), [2]);
  assert.deepEqual(rows("skips"), [3]);
  assert.deepEqual(rows("class cat"), [1, 2, 5]);
  assert.deepEqual(rows("class cat", "bob"), [2, 5]);
  assert.deepEqual(annotators(given), ["ann", "bob"]);
});

test("the caption says what counts and who said what", () => {
  assert.deepEqual(caption(given[1]), ["cat", "bob: cat, ann: dog"]);
  assert.deepEqual(caption(given[2]), ["can’t tell", "ann"]);
  assert.deepEqual(caption(given[4]), ["cat", "ann, bob"]);
});

const more = {
  atOnce: new Set([4, 5, 77]),
  inherited: [said(8, ["ann", "cat"])],
  inheritedCount: 1,
  doubts: [{ row: 4, likely: "cat", probability: 0.041, likely_probability: 0.9 }, { row: 77, likely: "cat" }, { row: 1, likely: "dog" }],
};

test("what may be wrong, what was answered at once and what was inherited have filters where there is some", () => {
  const named = filters(given, more).map(({ name, count }) => [name, count]);
  assert.deepEqual(named.slice(3, 6), [["May be wrong", 2], ["Many at once", 2], ["Inherited", 1]]);
  const shownWith = (filter, who = "") => shown(given, filter, who, more).map(({ row }) => row);
  assert.deepEqual(shownWith("doubts"), [4, 1]);
  assert.deepEqual(shownWith("at once"), [4, 5]);
  assert.deepEqual(shownWith("inherited"), [8]);
  assert.deepEqual(shownWith("inherited", "bob"), []);
  assert.deepEqual(caption(shown(given, "doubts", "", more)[0]), ["dog, perhaps cat", "4 %, 90 %"]);
});

test("it is said how many images are shown, of those that were answered or that inherited", () => {
  assert.equal(shownLine("class cat", 3, 5), "3 of 5 answered images");
  assert.equal(shownLine("inherited", 12, 5), "12 images that inherited an answer");
});
