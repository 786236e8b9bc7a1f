// Sentences of the page, from what the server says. No elements here, so that they can be tested alone.

import { sameName } from "./classes.js";

// Classes that are still to be found: in short, and in full.
export function expected({ undiscovered, low, high, mass }) {
  const missing = Math.round(undiscovered);
  return {
    short: missing ? `about ${missing} more expected` : "probably no more",
    full:
      `${Math.round(low)} to ${Math.round(high)} classes not found, and ${Math.round(100 * mass)} % of ` +
      "images of them, if images came at random; chosen ones find classes faster, so probably fewer",
  };
}

// What Enter would do with what was typed.
export function hint(typed, names, found) {
  if (!typed) return names.length ? "Enter: type a class" : "Type what you see; it becomes a button.";
  const same = sameName(names, typed);
  const enter = same ? `Enter: ${same}` : `Enter: new class “${typed}”`;
  return found.length && !(same && found.length === 1) ? `${enter} · ↓ ${found.length} found` : enter;
}

export const agreementLine = ({ annotators, images, same, kappa }) =>
  `${annotators.join(" and ")}: ${Math.round(100 * same)} % alike on ${images} images` +
  (kappa === null ? "" : `, Cohen’s kappa ${kappa.toFixed(2)}`);

export const conflictLine = ({ image, answers }) =>
  `${image}: ${answers.map(({ annotator, label }) => `${label ?? "can’t tell"} (${annotator})`).join(", ")}`;
