// The dialogs: rename a class, say who labels, help.

import { newAnswer } from "./api.js";
import { ask, exchange } from "./answers.js";
import { chooseGuesses } from "./guesses.js";
import { sameClass, tidy } from "./names.js";
import { $, classNames, element, say, state, toImage } from "./page.js";
import { rememberPerson, write } from "./storage.js";

// The button that closed it is its answer; "" is a change of mind.
function choose(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true }));
}

export async function rename(old) {
  const field = $("rename-name");
  const others = classNames().filter((name) => name !== old);
  const explain = () => {
    const other = sameClass(others, field.value);
    $("rename-do").textContent = other === undefined ? "Rename" : "Merge";
    $("rename-hint").textContent = other === undefined ? "" : `All labels of “${old}” become “${other}”.`;
  };
  $("rename-title").textContent = `Rename “${old}”`;
  $("rename-more").href = `grid?class=${encodeURIComponent(old)}`;
  $("rename-known").replaceChildren(...others.map((value) => element("option", { value })));
  field.value = old;
  field.oninput = explain;
  explain();
  const answer = choose($("rename-dialog"));
  field.select();
  const typed = (await answer) && tidy(field.value);
  const name = sameClass(others, typed || "") ?? typed;
  toImage();
  if (!name || name === old) return;
  if (!others.includes(name)) state.keys.rename(old, name);
  await exchange("api/rename", { old, new: name, ...newAnswer() }, () => say(`${old} is now ${name}.`));
}

export async function askName(first) {
  $("who-name").value = state.annotator;
  $("who-dialog").classList.toggle("first", first);
  const answer = choose($("who-dialog"));
  $("who-name").select();
  const name = (await answer) && $("who-name").value.trim();
  if (name) setAnnotator(name);
  toImage();
  if (!first && name) await ask();
}

export function setAnnotator(name, tabAlone = false) {
  state.annotator = name;
  $("who").textContent = name;
  $("who").setAttribute("aria-label", `Labelling as ${name}; change`);
  rememberPerson(name, tabAlone);
}

export async function help() {
  await choose($("help-dialog"));
  write("evenpick keys answer", $("keys").checked);
  toImage();
  if (chooseGuesses()) await ask();
}
