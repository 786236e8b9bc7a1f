// What the page of many images says. No elements here, so that it can be tested alone.

import { isStartOfSome, nearClasses, sameClass } from "./names.js";

const ORDER = {
  nearest: (name) => `most like “${name}”`,
  surest: (name) => `predicted to be “${name}”, surest first`,
  least_sure: (name) => `predicted to be “${name}”, least sure first`,
};

const many = (number) => (number === 1 ? "1 image" : `${number} images`);

const like = ({ row, label }, order) => (row === undefined ? ORDER[order](label) : `most like image ${row}`);

export function gridLine(of, order, number, { labels, budget }) {
  const spent = `${labels} of ${budget} labels`;
  return number ? `${many(number)} ${like(of, order)} · ${spent}` : spent;
}

// Why there is no image.
export function emptyLine(of, order, room) {
  if (of.row === undefined && of.label === undefined) return "Choose a class, to find more of its images.";
  if (room === 0) return "The budget has no room for more labels.";
  if (of.row === undefined && order !== "nearest") return `No image without a label is predicted to be “${of.label}” now.`;
  return "Every image has a label, was clicked out, or is on another page.";
}

export const inLine = (number, all) => (number === all ? many(all) : `${number} of ${many(all)}`);

// What is asked before a name is taken for a new class; "" where nothing has to be.
export function doubt(names, typed, closed) {
  if (sameClass(names, typed) !== undefined) return "";
  if (closed) return `There is no class “${typed}”, and the list is closed.`;
  const near = isStartOfSome(names, typed) ? names.filter((name) => isStartOfSome([name], typed)) : nearClasses(names, typed);
  if (!near.length) return "";
  return `New class “${typed}”? Did you mean ${near.map((name) => `“${name}”`).join(" or ")}? Enter again: new class`;
}
