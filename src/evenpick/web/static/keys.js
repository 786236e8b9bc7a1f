// The keyboard: keys that answer, the field for a new class, and the way along the list of classes.

import { alike, canAnswer, label, skip, takeBack, undo } from "./answers.js";
import { toggleCaption } from "./caption.js";
import { commandOf } from "./commands.js";
import { help } from "./dialogs.js";
import { guessOf } from "./guesses.js";
import { zoom } from "./images.js";
import { listenToKeyboard } from "./keyboard.js";
import { isStartOfSome, nearClasses, sameClass, tidy } from "./names.js";
import { $, classNames, state, toImage } from "./page.js";
import { Letters, once } from "./presses.js";
import { showClasses, showHint } from "./progress.js";
import { offered } from "./words.js";

const SEARCH_PAUSE = 60; // ms
const DO = {
  label,
  skip,
  undo,
  alike,
  help,
  caption: toggleCaption,
  type: () => $("name").focus(),
  zoom: (factor) => zoom.by(factor),
  "toggle zoom": () => zoom.toggle(),
  pan: (x, y) => zoom.pan(x, y),
};
const LISTS = "#classes, #add, #guesses"; // where arrows lead on, or would be thought to
const ONCE = ["label", "skip", "undo"];

const letters = new Letters({
  answer: label,
  type: write,
  takeBack: (word) => {
    write(word);
    takeBack();
  },
});

export function listenToKeys() {
  listenToKeyboard({ letters, escape, undo, isOwn, takesLetters: () => $("keys").checked, canAnswer, other });
  $("new").addEventListener("submit", typed);
  $("name").addEventListener("input", search);
  $("name").addEventListener("keydown", downFromSearch);
  $("answers").addEventListener("keydown", alongClasses);
}

function escape() {
  $("name").value = "";
  showClasses();
  toImage();
}

const isOwn = ({ key, target }) => (key === "Enter" || key === " ") && target.closest("button");

function other(key, target) {
  const command = commandOf(key, {
    zoomed: zoom.scale > 1,
    single: $("keys").checked,
    nameOf: (pressedKey) => state.keys.name(pressedKey) ?? (target.closest(LISTS) ? undefined : guessOf(pressedKey)),
  });
  if (!command) return false;
  const [name, ...given] = command;
  if (!ONCE.includes(name) || once(key)) DO[name](...given);
  return true;
}

function write(word) {
  $("name").value = word;
  $("name").focus();
  $("name").setSelectionRange(word.length, word.length);
  search();
}

// Enter in the field: a known class, or a new one; where it may be either, it is asked.
function typed(event) {
  event.preventDefault();
  const [names, text] = [classNames(), tidy($("name").value)];
  const known = sameClass(names, text);
  if (!text || !canAnswer()) return;
  if (known === undefined && state.closed) closest(text);
  else if (known === undefined && (isStartOfSome(names, text) || nearClasses(names, text).length)) offer(names, text);
  else answer(known ?? text);
}

// In a closed list the start of one class is enough; else the first that was found is marked.
function closest(text) {
  const begun = classNames().filter((name) => isStartOfSome([name], text));
  if (begun.length === 1) return answer(begun[0]);
  clearTimeout(state.searching);
  showClasses();
  $("classes").querySelector(".class")?.focus();
}

export function answer(name) {
  toImage();
  label(name);
}

// The more probable one has the focus, so that Enter takes it; the other one is an arrow away.
function offer(names, text) {
  clearTimeout(state.searching);
  showClasses();
  const first = isStartOfSome(names, text) ? $("classes").querySelector(".class") : $("add");
  first.focus();
  showHint(offered(names, text));
}

// A fast typist is not kept waiting for lists in between.
function search() {
  clearTimeout(state.searching);
  state.searching = setTimeout(showClasses, SEARCH_PAUSE);
}

function downFromSearch(event) {
  if (event.key !== "ArrowDown" || event.isComposing) return;
  event.preventDefault();
  event.stopPropagation();
  ($("classes").querySelector("button") ?? $("add")).focus();
}

// From the field by arrows: the button of a new class, where there is one, then the classes.
function alongClasses(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const buttons = [$("name"), ...($("add").hidden ? [] : [$("add")]), ...$("classes").querySelectorAll(".class")];
  const place = buttons.indexOf(event.target.closest("li")?.firstChild ?? event.target);
  if (!step || place < 0 || event.target === $("name") || event.defaultPrevented) return; // zoomed, arrows pan
  event.preventDefault();
  event.stopPropagation();
  buttons[place + step]?.focus();
}
