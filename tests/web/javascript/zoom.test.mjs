import assert from "node:assert/strict";
import test from "node:test";

import { Zoom } from "../../../src/evenpick/web/static/zoom.js";

// As much of an element as zooming needs: a frame of 400 by 300 with an image in it.
function frame() {
  const image = { style: {} };
  return {
    image,
    clientWidth: 400,
    clientHeight: 300,
    classList: { toggle: () => {} },
    addEventListener: () => {},
    querySelector: () => image,
  };
}

test("the point that is zoomed at stays where it is", () => {
  const zoom = new Zoom(frame());
  zoom.by(2, { x: 100, y: -50 });
  assert.deepEqual([zoom.scale, zoom.x, zoom.y], [2, -100, 50]);
  zoom.by(2, { x: 100, y: -50 });
  assert.deepEqual([zoom.scale, zoom.x, zoom.y], [4, -300, 150]);
});

test("the scale stays between 1 and 8", () => {
  const zoom = new Zoom(frame());
  zoom.by(100);
  assert.equal(zoom.scale, 8);
  zoom.by(0.001);
  assert.equal(zoom.scale, 1);
});

test("the image never leaves its frame", () => {
  const zoom = new Zoom(frame());
  zoom.pan(60, 60);
  assert.deepEqual([zoom.x, zoom.y], [0, 0]);
  zoom.by(2);
  zoom.pan(1000, -1000);
  assert.deepEqual([zoom.x, zoom.y], [200, -150]);
});

test("toggling zooms in, and out again to the whole image", () => {
  const shown = frame();
  const zoom = new Zoom(shown);
  zoom.toggle();
  assert.equal(shown.image.style.transform, "translate(0px, 0px) scale(2.5)");
  zoom.pan(30, 0);
  zoom.toggle();
  assert.equal(shown.image.style.transform, "translate(0px, 0px) scale(1)");
});
