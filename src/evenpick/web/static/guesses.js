// Guesses of what the image is: up to three buttons with an arrow key each. None is ever marked beforehand.

import { $, breakable, element, state } from "./page.js";
import { read, write } from "./storage.js";

const ARROWS = ["ArrowLeft", "ArrowDown", "ArrowRight"]; // on all keyboards alike, and part of no word
const SIGNS = ["←", "↓", "→"];
const STORE = "evenpick guesses";

// `offers`: whether the server has guesses at all.
export function startGuesses(offers) {
  $("guessing").checked = read(STORE) !== false;
  $("guessing").closest("p").hidden = $("guess-keys").hidden = !offers;
  state.guesses = offers && $("guessing").checked;
}

// After the help was closed; true where guesses are wanted from now on.
export function chooseGuesses() {
  if ($("guessing").closest("p").hidden || state.guesses === $("guessing").checked) return false;
  state.guesses = $("guessing").checked;
  write(STORE, state.guesses);
  showGuesses();
  return state.guesses;
}

// Those of the image on the screen; without any their place stays, so that no button moves.
export function showGuesses() {
  const { image } = state.turn;
  $("guesses").hidden = !state.guesses || image?.phase !== "balancing";
  const guesses = offered();
  $("guessed").replaceChildren(...guesses.map(item));
  $("no-guess").hidden = guesses.length > 0;
}

const offered = () => (state.guesses && state.turn.image?.guesses) || [];

function item(name, place) {
  const key = element("kbd", { textContent: SIGNS[place] });
  key.setAttribute("aria-hidden", "true");
  const button = element("button", { type: "button", className: "guess", title: name }, key, element("span", { className: "name two-lines" }, breakable(name)));
  button.setAttribute("aria-keyshortcuts", ARROWS[place]);
  const made = element("li", {}, button);
  made.dataset.name = name;
  return made;
}

export const guessOf = (key) => offered()[ARROWS.indexOf(key)];
