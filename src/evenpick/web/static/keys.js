// The keyboard: keys that answer, the field for a new class, and the way along the list of classes.

import { label, skip, undo } from "./answers.js";
import { sameName } from "./classes.js";
import { commandOf } from "./commands.js";
import { help } from "./dialogs.js";
import { zoom } from "./images.js";
import { $, classNames, state, toImage } from "./page.js";
import { showClasses } from "./progress.js";

const SEARCH_PAUSE = 60; // ms
const DO = {
  label,
  skip,
  undo,
  help,
  type: () => $("name").focus(),
  zoom: (factor) => zoom.by(factor),
  "toggle zoom": () => zoom.toggle(),
  pan: (x, y) => zoom.pan(x, y),
};

export function listenToKeys() {
  document.addEventListener("keydown", pressed);
  $("new").addEventListener("submit", typed);
  $("name").addEventListener("input", search);
  $("name").addEventListener("keydown", downFromSearch);
  $("classes").addEventListener("keydown", alongClasses);
}

function pressed(event) {
  if (document.querySelector("dialog[open]")) return;
  const typing = event.target === $("name");
  if (event.key === "Escape") {
    $("name").value = "";
    showClasses();
    toImage();
  } else if ((event.ctrlKey || event.metaKey) && event.key === "z" && !typing) {
    event.preventDefault();
    undo();
  }
  if (typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if ((event.key === "Enter" || event.key === " ") && event.target.closest("button")) return; // the button's own
  const command = commandOf(event.key, {
    zoomed: zoom.scale > 1,
    single: $("keys").checked,
    nameOf: (key) => state.keys.name(key),
  });
  if (!command) return;
  event.preventDefault();
  const [name, ...given] = command;
  DO[name](...given);
}

function typed(event) {
  event.preventDefault();
  const text = $("name").value.trim();
  if (!text || state.turn.status !== "image" || state.busy) return;
  toImage();
  label(sameName(classNames(), text) ?? text);
}

// A fast typist is not kept waiting for lists in between.
function search() {
  clearTimeout(state.searching);
  state.searching = setTimeout(showClasses, SEARCH_PAUSE);
}

function downFromSearch(event) {
  if (event.key !== "ArrowDown") return;
  event.preventDefault();
  $("classes").querySelector("button")?.focus();
}

function alongClasses(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || zoom.scale > 1) return;
  event.preventDefault();
  const buttons = [...$("classes").querySelectorAll(".class")];
  const next = buttons.indexOf(event.target.closest("li")?.firstChild) + step;
  (buttons[next] ?? $("name")).focus();
}
