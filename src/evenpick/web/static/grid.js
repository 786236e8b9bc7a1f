// The page of many images with one answer: what does not belong is clicked out, one key labels the rest.

import { get, post, randomId, Refusal, release } from "./api.js";
import { Keys, matching } from "./classes.js";
import { doubt, emptyLine, gridLine, inLine } from "./grids.js";
import { listenToKeyboard } from "./keyboard.js";
import { listenToLarge, showLarge } from "./large.js";
import { sameClass, tidy } from "./names.js";
import { $, classNames, complain, element, held, knowClasses, quiet, say, state } from "./page.js";
import { DOUBLE_CLICK, Letters, once } from "./presses.js";
import { personKnown } from "./storage.js";
import { focusFirst, lookAt, move, rowsIn, showTiles, tiles, toggle, unseen } from "./tiles.js";

const [FEWEST, MOST_TILES] = [6, 60];
const TILE = { width: 164, height: 137 }; // px, of grid.css
const BESIDE = { width: 280, height: 235 }; // px that the page takes for other things
const MOST_UNWANTED = 5000;

// `of`: what the images are like, {row} or {label}; `unwanted`: what was clicked out before; `doubted`: a name that
// was typed and may be meant for another one.
const view = { of: {}, means: "grid", unwanted: new Set(), done: [], doubted: undefined, progress: undefined };

let current = Promise.resolve(); // the last answer

const letters = new Letters({
  answer: label,
  type: write,
  takeBack: async (word) => {
    write(word);
    if (await current) await undo();
  },
});

// What is under way asks for other images when it is done: those that are wanted by then.
async function load() {
  if (state.busy) return;
  const { of } = view;
  const { row, label: name } = of;
  if (row === undefined && name === undefined) return drawNone(emptyLine(of));
  const body = { annotator: state.annotator, count: fitting(), without: [...view.unwanted].slice(-MOST_UNWANTED) };
  const about = row === undefined ? { label: name, order: $("order").value } : { row };
  const path = row === undefined ? "api/of_class" : "api/alike";
  const isDone = await exchange(path, { ...body, ...about }, (reply) => (of === view.of ? draw(reply) : load()));
  if (isDone) return;
  if (of === view.of) drawNone(""); // why is told already
  else await load();
}

const drawNone = (notice) => draw({ tiles: [], progress: view.progress, notice });

// As many images as can be seen at once.
function fitting() {
  const columns = Math.max(2, Math.floor((innerWidth - BESIDE.width) / TILE.width));
  const rows = Math.floor((innerHeight - BESIDE.height) / TILE.height);
  return Math.min(MOST_TILES, Math.max(FEWEST, columns * rows));
}

// One exchange with the server at a time; whether it was done.
async function exchange(path, body, done) {
  if (state.busy) return false;
  state.busy = true;
  try {
    const reply = await post(path, body, held);
    state.busy = false;
    await done(reply);
    return true;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    complain(error.message);
    return false;
  } finally {
    state.busy = false;
  }
}

function draw({ tiles: given, means = "grid", room, progress, notice = emptyLine(view.of, $("order").value, room) }) {
  const hadFocus = $("gallery").contains(document.activeElement) || document.activeElement === document.body;
  view.means = means;
  document.body.dataset.ready = false;
  showProgress(progress);
  showTiles(given, tiles.out, showIn);
  $("shown").textContent = gridLine(view.of, $("order").value, given.length, progress);
  $("hint").hidden = $("change").hidden = given.length === 0;
  $("notice").hidden = given.length > 0;
  $("notice").textContent = notice;
  document.body.dataset.status = given.length ? "images" : "empty";
  if (hadFocus) focusFirst();
}

function showProgress(progress) {
  view.progress = progress;
  knowClasses(progress.classes);
  const found = progress.classes.filter(({ count }) => count > 0).sort((one, other) => one.count - other.count);
  const like = view.of.row === undefined ? [] : [choice(`Like image ${view.of.row}`, "", true)];
  const rows = found.map(({ name, count }) => choice(name, count, name === view.of.label, name));
  $("filters").replaceChildren(...like, ...rows);
  showClasses();
}

function choice(text, count, isChosen, name = "") {
  const button = element("button", { type: "button" }, element("span", { textContent: text }), `${count}`);
  button.dataset.name = name;
  button.setAttribute("aria-pressed", isChosen);
  return element("li", {}, button);
}

function showClasses() {
  const own = view.of.label;
  const found = matching(classNames(), $("to").value).sort((one, other) => (other === own) - (one === own));
  $("classes").replaceChildren(
    ...found.map((name) => {
      const key = state.keys.of(name);
      const cap = element("kbd", { textContent: key });
      cap.setAttribute("aria-hidden", "true");
      const button = element("button", { type: "button" }, ...(key ? [cap] : []), element("span", { className: "name", textContent: name }));
      if (key) button.setAttribute("aria-keyshortcuts", key);
      button.dataset.name = name;
      return element("li", {}, button);
    }),
  );
  $("to").placeholder = own ?? "Type a class";
}

function showIn() {
  $("selected").textContent = inLine(rowsIn().length, tiles.shown.length);
  $("do").disabled = rowsIn().length === 0;
}

function label(name) {
  if (state.busy || !tiles.ready) return;
  const rows = rowsIn();
  if (rows.length === 0) return;
  const [first] = unseen();
  if (first !== undefined) {
    lookAt(first);
    return complain("Some of these images were not on the screen yet: look at them first, then answer again.");
  }
  const body = { annotator: state.annotator, rows, label: name, means: view.means, request: randomId() };
  current = exchange("api/label_many", body, ({ entries, progress }) => answered(name, entries, progress));
  current.then((isDone) => isDone || loadAnew());
}

// Whatever was refused, here is where things stand; what was clicked out stays out.
async function loadAnew() {
  const said = $("alert").textContent;
  await load();
  complain(said);
}

async function answered(name, entries, progress) {
  quiet();
  for (const row of [...tiles.out, ...tiles.broken]) view.unwanted.add(row);
  const words = `${entries.length} ${name}`;
  done(words, entries);
  forgetTyped();
  say(`${words}. ${progress.labels} of ${progress.budget}.`);
  await load();
}

function done(words, entries) {
  if (entries) view.done.push({ words, entries });
  $("undo").disabled = view.done.length === 0;
  $("last").textContent = view.done.length ? `: ${view.done.at(-1).words}` : "";
}

async function undo() {
  const last = view.done.at(-1);
  if (!last) return;
  const body = { annotator: state.annotator, entries: last.entries, request: randomId() };
  const isDone = await exchange("api/take_back", body, async () => {
    view.done.pop();
    done();
    quiet();
    say(`Undone: ${last.words}.`);
    await load();
  });
  if (!isDone && !state.busy) await loadAnew();
}

function forgetTyped() {
  $("to").value = $("means").textContent = "";
  view.doubted = undefined;
}

// Enter in the field: the class of the grid, a known one, or a new one; where it may be another one, it is asked.
function typed(event) {
  event.preventDefault();
  const text = tidy($("to").value);
  const name = sameClass(classNames(), text) ?? text ?? "";
  const asked = text && doubt(classNames(), text, state.closed);
  if (!text) view.of.label !== undefined && label(view.of.label);
  else if (asked && (view.doubted !== text || state.closed)) [view.doubted, $("means").textContent] = [text, asked];
  else label(name);
}

function write(word) {
  $("to").value = word;
  $("to").focus();
  showClasses();
}

// From the field to the images, from there to one image at a time.
function escape() {
  if (document.activeElement !== $("to")) return location.assign("./");
  forgetTyped();
  showClasses();
  focusFirst();
}

// On an image Enter goes on to the field.
const isOwn = ({ key, target }) =>
  (key === " " || (key === "Enter" && !target.matches(".tile"))) && target.closest("button, a");

function other(key, target) {
  const name = state.keys.name(key);
  if (name !== undefined) once(key) && label(name);
  else if (key === "Enter" || key === "/") $("to").focus();
  else if (key === "Backspace") once(key) && undo();
  else if (key === "+" && target.closest("li[data-row]")) open(target.closest("li"));
  else return move(key, target);
  return true;
}

function open(item) {
  const shown = tiles.shown.find(({ row }) => row === Number(item.dataset.row));
  showLarge(shown, shown.image);
}

function choose(of) {
  view.of = { ...of };
  view.unwanted.clear();
  quiet();
  load();
}

function listen() {
  listenToKeyboard({ letters, escape, undo, isOwn, takesLetters: () => true, canAnswer: () => tiles.ready, other });
  $("gallery").addEventListener("click", ({ target }) => {
    const item = target.closest("li");
    if (target.closest(".open")) open(item);
    else if (target.closest(".tile")) toggle(item, showIn);
  });
  $("filters").addEventListener("click", ({ target }) => {
    const name = target.closest("button")?.dataset.name;
    if (name) choose({ label: name });
  });
  $("order").addEventListener("change", () => view.of.label !== undefined && choose(view.of));
  $("classes").addEventListener("click", ({ target }) => {
    const name = target.closest("button")?.dataset.name;
    if (name !== undefined && once(`click ${name}`, DOUBLE_CLICK)) label(name);
  });
  $("change").addEventListener("submit", typed);
  $("to").addEventListener("input", () => {
    $("means").textContent = "";
    showClasses();
  });
  $("undo").addEventListener("click", () => once("click undo", DOUBLE_CLICK) && undo());
  listenToLarge();
  addEventListener("pagehide", release);
  addEventListener("pageshow", (event) => event.persisted && load());
  addEventListener("beforeunload", (event) => state.held && event.preventDefault());
}

async function start() {
  const asked = new URLSearchParams(location.search);
  for (const secret of ["token", "ticket"]) asked.delete(secret); // in a cookie by now
  history.replaceState(null, "", `${location.pathname}${asked.size ? `?${asked}` : ""}`);
  const server = await get("api/state", held);
  state.annotator = personKnown() ?? server.annotator;
  state.keys = new Keys(`evenpick keys ${server.workspace}`);
  state.closed = server.closed;
  if (asked.has("order")) $("order").value = asked.get("order");
  if (asked.has("row")) view.of = { row: Number(asked.get("row")) };
  else if (asked.has("class")) view.of = { label: asked.get("class") };
  listen();
  showProgress(server.progress);
  state.busy = false;
  await load();
}

start().catch((error) => {
  complain(error.message);
  if (!(error instanceof Refusal)) throw error;
});
