// What every part of the page shares: its state, short ways to its elements, and how it speaks to people.

export const state = {
  keys: undefined, // which key each class has
  annotator: undefined,
  turn: { status: "loading" },
  classes: [], // {name, count}, in the order of discovery
  last: undefined, // {entry, label, answers}: what Undo takes back
  busy: true, // while an exchange with the server is on its way
  guesses: false, // whether guesses are wanted, and the server has some
  closed: false, // whether there are no other classes than those of the list
  without: new Set(), // rows of the group that are taken out of the answer
  ready: false, // whether the image has been on the screen for long enough to be answered
  held: "", // why a request is sent again and again
  waiting: undefined, // timer of the next question while others look at the last images
  searching: undefined, // timer of the next search
};

export const classNames = () => state.classes.map(({ name }) => name);

// Those that a list of classes gives a key have it.
export function knowClasses(classes) {
  state.classes = classes;
  const fixed = classes.filter(({ key }) => key).map(({ name, key }) => [name, key]);
  state.keys.update(classNames(), new Map(fixed));
}

export const $ = (id) => document.getElementById(id);

// Text from people only ever becomes text nodes.
export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// A name that goes on in the next line after an underscore, as it would after a blank.
export const breakable = (name) =>
  element("span", {}, ...name.match(/[^_]*_|[^_]+/g).flatMap((part) => [element("wbr"), part]).slice(1));

export const toImage = () => $("stage").focus();

export const say = (text) => ($("status").textContent = text);

export function complain(text) {
  $("alert").textContent = text;
  $("alert").hidden = false;
}

export function quiet() {
  $("alert").hidden = true;
}

const HELD = {
  silent: "The server does not answer. Trying again; your last answer is held and is not lost.",
  locked:
    "The server wants its token again: open the address that it printed last, in another tab. " +
    "Your last answer is held here and is sent then.",
};

// Told why a request is sent again and again; "" once it is answered.
export function held(reason) {
  if (reason) complain(HELD[reason]);
  else if (state.held) quiet();
  state.held = reason;
}
