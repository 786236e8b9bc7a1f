import assert from "node:assert/strict";
import test from "node:test";

import { doubt, emptyLine, gridLine, hintLine, inLine, othersLine, requestFor, startsOut } from "../../../src/evenpick/web/static/grids.js";

test("it is said what the images are and what was spent", () => {
  const progress = { labels: 12, budget: 40 };
  assert.equal(gridLine({ row: 7 }, "nearest", 24, progress), "24 images most like image 7 · 12 of 40 labels");
  assert.equal(gridLine({ label: "cat" }, "surest", 1, progress), "1 image predicted to be “cat”, surest first · 12 of 40 labels");
  assert.equal(gridLine({ words: "a lynx" }, "surest", 9, progress), "9 images nearest to “a lynx” · 12 of 40 labels");
  assert.equal(gridLine({}, "nearest", 0, progress), "12 of 40 labels");
});

test("it is said why there is no image", () => {
  assert.equal(emptyLine({}, "nearest", 5), "Choose a class, to find more of its images.");
  assert.equal(emptyLine({}, "nearest", 5, true), "Choose a class, to find more of its images, or find images by words.");
  assert.equal(emptyLine({ words: "lynx" }, "surest", 5), "Every image has a label, was shown before, or is on another page.");
  assert.equal(emptyLine({ label: "cat" }, "nearest", 0), "The budget has no room for more labels.");
  assert.equal(emptyLine({ label: "cat" }, "surest", 5), "No image without a label is predicted to be “cat” now.");
  assert.equal(emptyLine({ row: 3 }, "surest", 5), "Every image has a label, was clicked out, or is on another page.");
});

test("only what was clicked out is said to be", () => {
  const passed = emptyLine({ label: "cat" }, "nearest", 5, false, true);
  assert.equal(passed, "Every image has a label, was clicked out or shown before, or is on another page.");
  assert.doesNotMatch(emptyLine({ words: "lynx" }, "nearest", 5, true, true), /clicked/);
});

test("it is said when what is in is all that there is, or is not there any more", () => {
  assert.equal(othersLine([3, 4], [3, 4, 7]), "");
  assert.equal(othersLine([], [7]), "");
  assert.equal(othersLine([], []), "");
  assert.equal(othersLine([3, 4], [4, 3]), "There are no others now: label these first.");
  assert.equal(othersLine([3, 4], [4, 7]), "Of what was in, 1 image cannot be shown now.");
});

test("each way to find images is its own request, and the order is that of a class alone", () => {
  assert.deepEqual(requestFor({ row: 0 }, "surest"), ["api/alike", { row: 0 }]);
  assert.deepEqual(requestFor({ label: "cat" }, "surest"), ["api/of_class", { label: "cat", order: "surest" }]);
  assert.deepEqual(requestFor({ words: "a lynx" }, "surest"), ["api/of_words", { words: "a lynx" }]);
  assert.deepEqual(requestFor({}, "nearest"), []);
});

test("of what is nearest to words nothing is in at first, of all else everything", () => {
  assert.deepEqual([{ words: "lynx" }, { row: 0 }, { label: "cat" }].map(startsOut), [true, false, false]);
  assert.match(hintLine({ words: "lynx" }), /^Click what shows it .* then say what it is\.$/);
  assert.match(hintLine({ label: "cat" }), /^Click what does not belong .* what the others are\.$/);
});

test("a class that is only what was looked for is asked about before it is made", () => {
  assert.equal(doubt(["cat"], "lynx", false, false), "New class “lynx”? Enter again: new class");
  assert.equal(doubt(["lynx"], "Lynx", false, false), "");
  assert.match(doubt(["lynxes"], "lynx", false, false), /Did you mean “lynxes”/);
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
