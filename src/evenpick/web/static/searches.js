// What is looked for on the page of many images, and the search before it, which counts again if this one is refused.

import { $ } from "./page.js";

const MOST_UNWANTED = 5000; // that the server takes

// `of`: what the images are like, {row}, {label} or {words}; `unwanted`: what was clicked out or passed over; `isPassed`:
// whether anything was passed over; `order`: that of a class.
export const search = { of: {}, unwanted: new Set(), isPassed: false, order: "nearest" };

let before; // whose images are still on the screen

export const without = () => [...search.unwanted].slice(-MOST_UNWANTED);

export function begin(of) {
  before ??= { ...search };
  Object.assign(search, { of, unwanted: new Set(), isPassed: false, order: $("order").value });
}

export function passOver(rows) {
  before ??= { ...search };
  Object.assign(search, { unwanted: new Set([...search.unwanted, ...rows]), isPassed: true });
}

// The images on the screen are of this search, or of none that could come back.
export function settle() {
  before = undefined;
}

// Whether there was a search to go back to.
export function goBack() {
  if (!before) return false;
  Object.assign(search, before);
  before = undefined;
  $("order").value = search.order;
  return true;
}
