// The field that names the class of all images that are in, and the classes beneath it.

import { matching } from "./classes.js";
import { doubt } from "./grids.js";
import { showClassButtons } from "./lists.js";
import { sameClass, tidy } from "./names.js";
import { $, classNames, state } from "./page.js";
import { search } from "./searches.js";

let doubted; // a name that was typed and may be meant for another one

const looked = () => search.of.label ?? search.of.words;

export function showClasses() {
  const own = looked() && sameClass(classNames(), looked());
  showClassButtons(matching(classNames(), $("to").value).sort((one, other) => (other === own) - (one === own)));
  $("to").placeholder = looked() ?? "Type a class";
}

export function write(word) {
  $("to").value = word;
  forgetDoubt();
  $("to").focus();
  showClasses();
}

export function forgetTyped() {
  $("to").value = "";
  forgetDoubt();
}

// Of another name, and of other images, it is asked anew.
export function forgetDoubt() {
  $("means").textContent = "";
  doubted = undefined;
}

// The class that Enter means: that of the grid, a known one, or a new one; undefined where there is none, or where it may be
// another one, or nobody typed the new one here, which is asked first. `isAny`: not where no image is in.
export function named(isAny) {
  const typed = tidy($("to").value);
  const text = typed || tidy(looked() ?? "");
  if (!text) return undefined;
  const asked = doubt(classNames(), text, state.closed, Boolean(typed));
  if (!asked || !isAny || (doubted === text && !state.closed)) return sameClass(classNames(), text) ?? text;
  [doubted, $("means").textContent] = [text, asked];
  return undefined;
}
