import assert from "node:assert/strict";
import test from "node:test";

import { agreementLine, captionOf, conflictLine, expected, framesLine, hint, skippedLine, undoableLine } from "../../../src/evenpick/web/static/words.js";

test("classes still expected are rounded, and none is said in words", () => {
  const some = expected({ undiscovered: 1.6, low: 0.4, high: 7.5, mass: 0.104 });

  assert.equal(some.short, "about 2 more expected");
  assert.match(some.full, /^0 to 8 classes not found, and 10 % of images of them/);
  assert.equal(expected({ undiscovered: 0.4, low: 0, high: 1, mass: 0 }).short, "hardly any more expected");
});

test("the hint says what Enter does and how many classes were found", () => {
  assert.equal(hint("", [], []), "Type what you see; it becomes a button.");
  assert.equal(hint("", ["cat"], ["cat"]), "Enter: type a class");
  assert.equal(hint("CAT", ["cat"], ["cat"]), "Enter: cat");
  assert.equal(hint("cat", ["cat", "cats"], ["cat", "cats"]), "Enter: cat · ↓ 2 found");
  assert.equal(hint("ca", ["cat"], ["cat"]), "Enter: cat? · ↓ 1 found");
  assert.equal(hint("at", ["cat"], ["cat"]), "Enter: new class “at” · ↓ 1 found");
  assert.equal(hint("หมู", ["หมี"], ["หมี"]), "Enter: new class “หมู”; did you mean “หมี”? · ↓ 1 found");
  assert.equal(hint("dog", ["cat"], []), "Enter: new class “dog”");
});

test("undo names the class, and how many images were labelled at once", () => {
  assert.equal(undoableLine({ label: "cat", answers: 1 }), "cat");
  assert.equal(undoableLine({ label: null, answers: 1 }), "can’t tell");
  assert.equal(undoableLine({ label: "cat", answers: 24 }), "24 cat");
});

test("it is said how many images of a group the answer holds for", () => {
  assert.equal(framesLine(8, 0), "The answer holds for all 8 images; click what shows something else.");
  assert.equal(framesLine(8, 2), "The answer holds for 6 of 8 images; the others are asked for later.");
});

test("agreement is told in percent, with kappa where it is known", () => {
  const pair = { annotators: ["ann", "bob"], images: 5, same: 0.8, kappa: 0.6154 };

  assert.equal(agreementLine(pair), "ann and bob: 80 % alike on 5 images, Cohen’s kappa 0.62");
  assert.equal(agreementLine({ ...pair, same: 1, kappa: null }), "ann and bob: 100 % alike on 5 images");
  assert.equal(agreementLine({ ...pair, kappa: 0 }), "ann and bob: 80 % alike on 5 images, Cohen’s kappa 0.00");
});

test("a conflict names everybody's answer; a skip is one", () => {
  const answers = [{ annotator: "ann", label: "cat" }, { annotator: "bob", label: null }];

  assert.equal(conflictLine({ image: "a/1.jpg", answers }), "a/1.jpg: cat (ann), can’t tell (bob)");
});

test("an image is named with the size of its group, if it has one", () => {
  assert.equal(captionOf({ image: "a/b.jpg", group: 3 }), "a/b.jpg · one of 3 images of its group");
  assert.equal(captionOf({ image: "a/b.jpg#2" }), "a/b.jpg#2");
});

test("one image that nobody could tell, or several", () => {
  assert.equal(skippedLine(1), "Nobody could tell 1 image so far.");
  assert.equal(skippedLine(2), "Nobody could tell 2 images so far.");
});
