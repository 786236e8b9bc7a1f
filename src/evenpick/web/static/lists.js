// The lists of the page of many images: what can be looked for, and the classes that answer.

import { $, element, state } from "./page.js";

// What is looked for, if it is no class, and the classes that have labels, of which it may be one.
export function showFilters({ row, label, words }, found) {
  const other = row === undefined ? words && `“${words}”` : `Like image ${row}`;
  const classes = found.map(({ name, count }) => choice(name, count, name === label, name));
  $("filters").replaceChildren(...(other ? [choice(other, "", true)] : []), ...classes);
}

function choice(text, count, isChosen, name = "") {
  const button = element("button", { type: "button" }, element("span", { textContent: text }), `${count}`);
  button.dataset.name = name;
  button.setAttribute("aria-pressed", isChosen);
  return element("li", {}, button);
}

export const showClassButtons = (names) => $("classes").replaceChildren(...names.map(classButton));

function classButton(name) {
  const key = state.keys.of(name);
  const cap = element("kbd", { textContent: key });
  cap.setAttribute("aria-hidden", "true");
  const button = element("button", { type: "button" }, ...(key ? [cap] : []), element("span", { className: "name", textContent: name }));
  if (key) button.setAttribute("aria-keyshortcuts", key);
  button.dataset.name = name;
  return element("li", {}, button);
}
