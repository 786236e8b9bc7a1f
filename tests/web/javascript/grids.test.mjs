import assert from "node:assert/strict";
import test from "node:test";

import { doubt, emptyLine, gridLine, inLine } from "../../../src/evenpick/web/static/grids.js";

test("it is said what the images are and what was spent", () => {
  const progress = { labels: 12, budget: 40 };
  assert.equal(gridLine({ row: 7 }, "nearest", 24, progress), "24 images most like image 7 · 12 of 40 labels");
  assert.equal(gridLine({ label: "cat" }, "surest", 1, progress), "1 image predicted to be “cat”, surest first · 12 of 40 labels");
  assert.equal(gridLine({}, "nearest", 0, progress), "12 of 40 labels");
});

test("it is said why there is no image", () => {
  assert.equal(emptyLine({}, "nearest", 5), "Choose a class, to find more of its images.");
  assert.equal(emptyLine({ label: "cat" }, "nearest", 0), "The budget has no room for more labels.");
  assert.equal(emptyLine({ label: "cat" }, "surest", 5), "No image without a label is predicted to be “cat” now.");
  assert.equal(emptyLine({ row: 3 }, "surest", 5), "Every image has a label, was clicked out, or is on another page.");
});

test("it is said how many images the answer is about", () => {
  assert.equal(inLine(24, 24), "24 images");
  assert.equal(inLine(1, 1), "1 image");
  assert.equal(inLine(20, 24), "20 of 24 images");
});

test("a name that may be meant for a known class is asked about, and another class is refused by a closed list", () => {
  const names = ["cat", "catfish", "horse"];
  assert.equal(doubt(names, "CAT", false), "");
  assert.equal(doubt(names, "zebra", false), "");
  assert.match(doubt(names, "ca", false), /^New class “ca”\? Did you mean “cat” or “catfish”\? Enter again: new class$/);
  assert.match(doubt(names, "hrose", false), /Did you mean “horse”/);
  assert.equal(doubt(names, "zebra", true), "There is no class “zebra”, and the list is closed.");
});
