// What both pages that answer by keys know of the keyboard: Escape, undo, and letters, several of which are a word.

import { isPrintable, keyOf } from "./commands.js";
import { state } from "./page.js";
import { once } from "./presses.js";

const FIELDS = ["name", "to", "order", "words"]; // ids of those that keys are typed into

// `page`: its `letters`, and functions: `escape`, `undo`; `isOwn`, whether a key is that of the element with the focus;
// `takesLetters` and `canAnswer`; and `other`, for any other key: whether it did something.
export function listenToKeyboard(page) {
  document.addEventListener("keydown", (event) => pressed(event, page), { capture: true });
  document.addEventListener("pointerdown", () => page.letters.forget());
}

function pressed(event, page) {
  if (document.querySelector("dialog[open]")) return;
  if (event.isComposing || event.keyCode === 229) return; // the input method's own, of which Escape is one
  const typing = FIELDS.includes(event.target.id);
  if (event.key === "Enter" && (event.repeat || !once("Enter"))) event.preventDefault();
  else if (event.key === "Escape") {
    page.letters.forget();
    page.escape();
  } else if ((event.ctrlKey || event.metaKey) && event.key === "z" && !typing) {
    event.preventDefault();
    page.undo();
  } else if (!typing && !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat && !page.isOwn(event))
    if (single(event, page)) event.preventDefault();
}

// A key that is not for a field; whether it did something.
function single(event, { letters, takesLetters, canAnswer, other }) {
  const [key, typed] = [keyOf(event), event.key];
  const isLetter = takesLetters() && (/^[a-z]$/.test(key) || /^\p{L}$/u.test(typed));
  if (letters.waiting && key === "Enter") letters.settle();
  else if (letters.waiting && isPrintable(typed)) letters.pressed(typed);
  else if (isLetter) letters.pressed(isPrintable(typed) ? typed : key, state.keys.name(key), canAnswer());
  else {
    letters.forget();
    return other(key, event.target);
  }
  return true;
}
