// What every part of the page shares: its state, short ways to its elements, and how it speaks to people.

export const state = {
  keys: undefined, // which key each class has
  annotator: undefined,
  turn: { status: "loading" },
  classes: [], // {name, count}, in the order of discovery
  busy: true, // nothing is answered until the image it would be about is on the screen
  waiting: undefined, // timer of the next question while others look at the last images
  searching: undefined, // timer of the next search
};

export const classNames = () => state.classes.map(({ name }) => name);

export const $ = (id) => document.getElementById(id);

// Text from people only ever becomes text nodes.
export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

export const toImage = () => $("stage").focus();

export const say = (text) => ($("status").textContent = text);

export function complain(text) {
  $("alert").textContent = text;
  $("alert").hidden = false;
}

export function quiet() {
  $("alert").hidden = true;
}

// Told true while the server does not answer.
export function silent(isSilent) {
  if (isSilent) complain("The server does not answer. Trying again; your last answer is not lost.");
  else if ($("alert").classList.contains("silent")) quiet();
  $("alert").classList.toggle("silent", isSilent);
}
