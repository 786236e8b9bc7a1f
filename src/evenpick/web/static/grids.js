// What the page of many images says. No elements here, so that it can be tested alone.

import { isStartOfSome, nearClasses, sameClass } from "./names.js";

const ORDER = {
  nearest: (name) => `most like “${name}”`,
  surest: (name) => `predicted to be “${name}”, surest first`,
  least_sure: (name) => `predicted to be “${name}”, least sure first`,
};

const many = (number) => (number === 1 ? "1 image" : `${number} images`);

function like({ row, label, words }, order) {
  if (row !== undefined) return `most like image ${row}`;
  return words === undefined ? ORDER[order](label) : `nearest to “${words}”`;
}

// The request that asks for such images; none where nothing is asked for yet.
export function requestFor({ row, label, words }, order) {
  if (row !== undefined) return ["api/alike", { row }];
  if (words !== undefined) return ["api/of_words", { words }];
  return label === undefined ? [] : ["api/of_class", { label, order }];
}

export function gridLine(of, order, number, { labels, budget }) {
  const spent = `${labels} of ${budget} labels`;
  return number ? `${many(number)} ${like(of, order)} · ${spent}` : spent;
}

// What nearest to words comes need not show them, so there one takes in what does.
export const startsOut = ({ words }) => words !== undefined;

export const hintLine = (of) =>
  startsOut(of)
    ? "Click what shows it (arrow keys and space do it too), then say what it is."
    : "Click what does not belong (arrow keys and space do it too), then say what the others are.";

// Why there is no image.
export function emptyLine(of, order, room, byWords = false, isPassed = false) {
  const [path] = requestFor(of, order);
  if (path === undefined) return `Choose a class, to find more of its images${byWords ? ", or find images by words" : ""}.`;
  if (room === 0) return "The budget has no room for more labels.";
  if (path === "api/of_class" && order !== "nearest") return `No image without a label is predicted to be “${of.label}” now.`;
  const out = startsOut(of) ? "was shown before" : isPassed ? "was clicked out or shown before" : "was clicked out";
  return `Every image has a label, ${out}, or is on another page.`;
}

export const inLine = (number, all) => (number === all ? many(all) : `${number} of ${many(all)}`);

// What there is to say of others: where what stays in, `kept`, is not among those that are shown, or alone there. Rows.
export function othersLine(kept, shown) {
  const lost = kept.filter((row) => !shown.includes(row)).length;
  if (lost) return `Of what was in, ${many(lost)} cannot be shown now.`;
  return kept.length && kept.length === shown.length ? "There are no others now: label these first." : "";
}

// What is asked before a name is taken for a new class; "" where nothing has to be. `isTyped`: not where it is what was
// looked for.
export function doubt(names, typed, closed, isTyped = true) {
  if (sameClass(names, typed) !== undefined) return "";
  if (closed) return `There is no class “${typed}”, and the list is closed.`;
  const near = isStartOfSome(names, typed) ? names.filter((name) => isStartOfSome([name], typed)) : nearClasses(names, typed);
  if (!near.length) return isTyped ? "" : `New class “${typed}”? Enter again: new class`;
  return `New class “${typed}”? Did you mean ${near.map((name) => `“${name}”`).join(" or ")}? Enter again: new class`;
}
