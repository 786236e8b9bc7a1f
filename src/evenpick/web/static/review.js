// The review page: every answer in a gallery; what is wrong is selected and changed, and every change can be undone.

import { get, post, randomId, Refusal } from "./api.js";
import { annotators, caption, filters, NOTHING, shown, shownLine, wordOf } from "./gallery.js";
import { listenToLarge, showLarge } from "./large.js";
import { sameClass, tidy } from "./names.js";
import { $, complain, element, held, quiet } from "./page.js";
import { personKnown } from "./storage.js";

const AT_ONCE = 300; // images in the gallery before it asks for more
const MOST = 1000; // images in one change, as the server takes them

const view = {
  given: [], more: NOTHING, grids: [], classes: [], filter: "all", who: "", count: AT_ONCE, selected: new Set(), done: [],
  annotator: undefined, loaded: 0,
};

async function reload() {
  const { given, grids, inherited, progress } = await get("api/review", held);
  const atOnce = new Set(grids.flatMap(({ rows }) => rows));
  const classes = progress.classes.map(({ name }) => name);
  Object.assign(view, { given, grids, classes, more: { ...NOTHING, atOnce, inheritedCount: inherited, doubts: view.more.doubts } });
  if (!everyFilter().some(({ id }) => id === view.filter)) view.filter = "all";
  view.selected.clear();
  if (view.filter === "inherited") await loadInherited();
  draw();
  loadDoubts();
}

const everyFilter = () => filters(view.given, view.more);

const loadInherited = async () => (view.more.inherited = (await get("api/inherited", held)).given);

// It takes the server a second or two of many labels; what was asked before the last change is too old.
async function loadDoubts() {
  const number = (view.loaded += 1);
  const { labels } = await get("api/doubtful", held).catch(refusedDoubts);
  if (number !== view.loaded) return;
  view.more.doubts = labels;
  if (view.filter === "doubts") draw();
  else drawFilters();
}

function refusedDoubts(error) {
  if (!(error instanceof Refusal)) throw error;
  complain(`Which labels may be wrong cannot be said: ${error.message}`);
  return { labels: [] };
}

function draw() {
  const here = shown(view.given, view.filter, view.who, view.more);
  drawFilters();
  $("gallery").replaceChildren(...here.slice(0, view.count).map(tile));
  $("more").hidden = here.length <= view.count;
  $("shown").textContent = shownLine(view.filter, here.length, view.given.length);
  const chosen = classHere();
  $("class").hidden = chosen === undefined;
  $("class-name").value = chosen ?? "";
  $("class-more").href = `grid?class=${encodeURIComponent(chosen ?? "")}`;
  $("grid").hidden = view.filter !== "at once";
  $("grid-last").textContent = view.grids.length ? inWords(view.grids[0]) : "";
  explainClass();
  drawSelected();
}

const inWords = ({ rows, label, annotator }) => `The last time: ${rows.length} ${label}, by ${annotator}`;

function drawFilters() {
  const [all, focused] = [everyFilter(), document.activeElement?.dataset.filter];
  $("filters").replaceChildren(
    ...all.map(({ id, name, count }) => {
      const button = element("button", { type: "button" }, element("span", { textContent: name }), `${count}`);
      button.dataset.filter = id;
      button.setAttribute("aria-pressed", id === view.filter);
      return element("li", {}, button);
    }),
  );
  if (focused) $("filters").querySelector(`[data-filter="${CSS.escape(focused)}"]`)?.focus();
  const everybody = element("option", { value: "", textContent: "everybody" });
  const people = annotators(view.given).map((value) => element("option", { value, textContent: value }));
  $("who").replaceChildren(everybody, ...people);
  $("who").value = view.who;
  $("known").replaceChildren(...view.classes.map((value) => element("option", { value })));
}

function tile(one) {
  const [said, who] = caption(one);
  const image = element("img", { src: one.thumbnail, loading: "lazy", alt: one.image });
  const name = element("span", { textContent: said, title: one.image });
  const button = element("button", { type: "button", className: "tile" }, image, name, element("span", { className: "who", textContent: who }));
  button.setAttribute("aria-pressed", view.selected.has(one.row));
  const open = element("button", { type: "button", className: "open", textContent: "⤢" });
  open.setAttribute("aria-label", `Open ${one.image}`);
  const item = element("li", {}, button, open);
  item.dataset.row = one.row;
  return item;
}

const classHere = () => everyFilter().find(({ id, isClass }) => isClass && id === view.filter)?.name;

function drawSelected() {
  const number = view.selected.size;
  $("change").hidden = number === 0;
  $("selected").textContent = `${number} selected`;
  const skipped = view.given.filter(({ row, answers }) => view.selected.has(row) && answers[0].label === null);
  $("again").hidden = skipped.length < number;
  $("undo").disabled = view.done.length === 0;
  $("last").textContent = view.done.length ? `: ${view.done.at(-1).words}` : "";
}

function onTile({ target }) {
  const item = target.closest("li");
  if (!item) return;
  const row = Number(item.dataset.row);
  if (target.closest(".open")) open(row);
  else if (target.closest(".tile")) {
    view.selected.has(row) ? view.selected.delete(row) : view.selected.add(row);
    item.firstChild.setAttribute("aria-pressed", view.selected.has(row));
    drawSelected();
  }
}

function open(row) {
  const one = [...view.given, ...view.more.inherited].find((given) => given.row === row);
  showLarge(one, `${one.image}: ${caption(one).join("; ")}`);
}

// One exchange, and whether it was done; `words` say what was done, for the button that undoes it.
async function send(path, body, words) {
  try {
    const reply = await post(path, { annotator: view.annotator, request: randomId(), ...body }, held);
    quiet();
    if (words) view.done.push({ words, entries: reply.entries ?? [reply.entry] });
    await reload();
    return true;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    complain(error.message);
    return false;
  }
}

async function sendSelected(path, body, done) {
  const rows = [...view.selected];
  if (rows.length > MOST) complain(`Select at most ${MOST} images at a time.`);
  else await send(path, { ...body, rows }, `${rows.length} ${done}`);
}

const change = (label) => sendSelected("api/change", { label }, `to ${wordOf(label)}`);

const askAgain = () => sendSelected("api/ask_again", {}, "asked for again");

// The class here, what it is to be called as typed, and the other class that is meant by that, if there is one.
function renaming() {
  const [old, typed] = [classHere(), tidy($("class-name").value)];
  return [old, typed, sameClass(view.classes.filter((name) => name !== old), typed)];
}

function explainClass() {
  const [old, typed, other] = renaming();
  $("class-do").textContent = other === undefined ? "Rename" : `Merge into ${other}`;
  $("class-do").disabled = !typed || typed === old;
}

async function rename(event) {
  event.preventDefault();
  const [old, typed, other] = renaming();
  if (!typed || typed === old) return;
  const name = other ?? typed;
  view.filter = `class ${name}`;
  await send("api/rename", { old, new: name }, `${old} is now ${name}`);
}

async function undo() {
  const last = view.done.pop();
  if (!last || (await send("api/take_back", { entries: last.entries }))) return;
  view.done.push(last); // refused, it can still be undone later
  drawSelected();
}

// What was labelled at once is taken back at once; that can be undone too.
async function takeBack() {
  const [{ entries, rows, label }] = view.grids;
  await send("api/take_back", { entries }, `${rows.length} ${label} taken back`);
}

async function choose({ target }) {
  const filter = target.closest("button")?.dataset.filter;
  if (!filter) return;
  Object.assign(view, { filter, count: AT_ONCE });
  view.selected.clear();
  if (filter === "inherited") await loadInherited();
  draw();
  $("filters").querySelector(`[aria-pressed="true"]`).focus();
}

function listen() {
  $("filters").addEventListener("click", choose);
  $("grid-back").addEventListener("click", takeBack);
  $("who").addEventListener("change", () => {
    view.who = $("who").value;
    draw();
  });
  $("gallery").addEventListener("click", onTile);
  $("more").addEventListener("click", () => {
    view.count += AT_ONCE;
    draw();
  });
  $("change").addEventListener("submit", (event) => {
    event.preventDefault();
    const typed = tidy($("to").value);
    if (typed) change(sameClass(view.classes, typed) ?? typed);
    $("to").value = "";
  });
  $("skip").addEventListener("click", () => change(null));
  $("again").addEventListener("click", askAgain);
  $("none").addEventListener("click", () => {
    view.selected.clear();
    draw();
  });
  $("class").addEventListener("submit", rename);
  $("class-name").addEventListener("input", explainClass);
  $("undo").addEventListener("click", undo);
  listenToLarge();
}

async function start() {
  history.replaceState(null, "", location.pathname); // the token is in a cookie by now
  const server = await get("api/state", held);
  view.annotator = personKnown() ?? server.annotator;
  listen();
  await reload();
}

start().catch((error) => {
  complain(error.message);
  if (!(error instanceof Refusal)) throw error;
});
