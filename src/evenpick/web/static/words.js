// Sentences of the page, from what the server says. No elements here, so that they can be tested alone.

import { isStartOfSome, nearClasses, sameClass, tidy } from "./names.js";

// Classes that are still to be found, where images came at random: in short, and in full.
export function expected({ undiscovered, low, high, mass }) {
  const missing = Math.round(undiscovered);
  return {
    short: missing ? `about ${missing} more expected` : "hardly any more expected",
    full:
      `${Math.round(low)} to ${Math.round(high)} classes not found, and ${Math.round(100 * mass)} % of ` +
      "images of them, as the labels so far tell, which came at random; that none is missing, no sample can say",
  };
}

// What Enter would do with what was typed.
export function hint(typed, names, found, closed = false) {
  const name = tidy(typed);
  if (!name) return names.length ? "Enter: type a class" : "Type what you see; it becomes a button.";
  const same = sameClass(names, name);
  if (same !== undefined) return found.length > 1 ? `Enter: ${same} · ↓ ${found.length} found` : `Enter: ${same}`;
  if (closed) return found.length ? `Enter: ${found[0]} · ↓ ${found.length} found` : `There is no class like “${name}”, and the list is closed.`;
  const near = nearClasses(names, name);
  const asked = near.length ? `; did you mean ${either(near)}?` : "";
  const enter = isStartOfSome(names, name) ? `Enter: ${found[0]}?` : `Enter: new class “${name}”${asked}`;
  return found.length ? `${enter} · ↓ ${found.length} found` : enter;
}

// After Enter, where it may be a known class or a new one.
export function offered(names, typed) {
  const name = tidy(typed);
  if (isStartOfSome(names, name)) return `Enter again: the class that is marked · ↑ new class “${name}”`;
  return `New class “${name}”? Did you mean ${either(nearClasses(names, name))}? Enter again: new class · ↓ ${nearClasses(names, name)[0]}`;
}

const either = (names) => names.map((name) => `“${name}”`).join(" or ");

export const unshownLine = (unshown) =>
  `${unshown} ${unshown === 1 ? "image" : "images"} could not be shown; nothing is recorded of ${unshown === 1 ? "it" : "them"}.`;

export const skippedLine = (skipped) => `Nobody could tell ${skipped} ${skipped === 1 ? "image" : "images"} so far.`;

// What Undo takes back.
export const undoableLine = ({ label, answers }) => `${answers > 1 ? `${answers} ` : ""}${label ?? "can’t tell"}`;

// How many images of a group the answer holds for.
export const framesLine = (all, out) =>
  out
    ? `The answer holds for ${all - out} of ${all} images; the others are asked for later.`
    : `The answer holds for all ${all} images; click what shows something else.`;

// What an image is called, and how many images are in its group.
export const captionOf = ({ image, group }) => (group ? `${image} · one of ${group} images of its group` : image);

export const agreementLine = ({ annotators, images, same, kappa }) =>
  `${annotators.join(" and ")}: ${Math.round(100 * same)} % alike on ${images} images` +
  (kappa === null ? "" : `, Cohen’s kappa ${kappa.toFixed(2)}`);

export const conflictLine = ({ image, answers }) =>
  `${image}: ${answers.map(({ annotator, label }) => `${label ?? "can’t tell"} (${annotator})`).join(", ")}`;
