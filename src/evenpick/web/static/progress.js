// How far labelling is, and the list of classes.

import { inOrder, matching } from "./classes.js";
import { nearClasses, sameClass, tidy } from "./names.js";
import { $, breakable, classNames, element, knowClasses, state } from "./page.js";
import { expected, hint, undoableLine } from "./words.js";

export function showProgress(progress) {
  knowClasses(progress.classes);
  $("labels").textContent = progress.labels;
  $("budget").textContent = progress.budget;
  $("found").textContent = progress.classes.filter(({ count }) => count > 0).length;
  showExpected(progress.unseen);
  $("skipped").textContent = progress.skipped ? ` · ${progress.skipped} can’t tell` : "";
  $("spent").max = progress.budget;
  $("spent").value = progress.labels;
  $("phase").textContent = progress.phase;
  document.title = `${progress.labels} of ${progress.budget} · evenpick`;
  showClasses();
}

function showExpected(unseen) {
  const { short, full } = unseen ? expected(unseen) : {};
  $("expected").textContent = unseen ? `, ${short}` : "";
  $("expected").title = full ?? "";
  $("expected").ariaLabel = unseen ? `${short}: ${full}` : null;
}

// The classes that match what is typed; items that are there already are kept.
export function showClasses() {
  const typed = $("name").value;
  const names = inOrder(state.classes, $("order").value, (name) => state.keys.of(name));
  const found = [...new Set([...matching(names, typed), ...nearClasses(names, typed)])];
  const most = Math.max(1, ...state.classes.map(({ count }) => count));
  const known = new Map(state.classes.map((one) => [one.name, one]));
  const old = new Map([...$("classes").children].map((item) => [item.dataset.name, item]));
  $("classes").replaceChildren(...found.map((name) => updated(old.get(name) ?? newItem(known.get(name)), known.get(name).count, most)));
  const name = tidy(typed);
  $("add").hidden = !name || state.closed || sameClass(classNames(), name) !== undefined;
  $("add-name").textContent = `New class “${name}”`;
  showHint(hint(typed, classNames(), found, state.closed));
}

export const showHint = (text) => ($("hint").textContent = $("hint").title = text);

function updated(item, count, most) {
  const { name } = item.dataset;
  const key = state.keys.of(name);
  const button = item.firstChild;
  button.setAttribute("aria-description", count === 1 ? "1 label" : `${count} labels`);
  if (key) button.setAttribute("aria-keyshortcuts", key);
  const [cap, , number, bar] = button.children;
  cap.textContent = key;
  number.textContent = count;
  bar.style.transform = `scaleX(${count / most})`;
  return item;
}

function newItem({ name, note, example }) {
  const part = (tag, className, textContent = "") => element(tag, { className, textContent });
  const key = part("kbd", "");
  key.setAttribute("aria-hidden", "true");
  const parts = [key, exampleOr(example, element("span", { className: "name" }, breakable(name))), part("span", "count"), part("span", "bar")];
  const button = element("button", { type: "button", className: "class", title: note ? `${name}: ${note}` : name }, ...parts);
  const more = element("button", { type: "button", className: "more", textContent: "✎" });
  more.setAttribute("aria-label", `Rename or merge ${name}`);
  const item = element("li", {}, button, more);
  item.dataset.name = name;
  return item;
}

// The name, with the picture of its class before it where the list gives one.
function exampleOr(url, name) {
  if (url) name.prepend(element("img", { src: url, alt: "", loading: "lazy" }));
  return name;
}

// What Undo takes back, which the server says with every image.
export function showLast(undoable) {
  state.last = undoable;
  $("undo").disabled = !undoable;
  const line = undoable ? undoableLine(undoable) : "";
  $("last").replaceChildren(...(line ? [": ", breakable(line)] : []));
  $("undo").title = line;
}

export function flash(name) {
  const button = [...$("classes").children].find((item) => item.dataset.name === name)?.firstChild;
  button?.animate?.([{ backgroundColor: "var(--accent-soft)" }, {}], { duration: 350 });
}
