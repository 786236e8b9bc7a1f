// The page of many images with one answer: what does not belong is clicked out, one key labels the rest.

import { get, post, randomId, Refusal, release } from "./api.js";
import { Keys, matching } from "./classes.js";
import { doubt, emptyLine, gridLine, hintLine, inLine, requestFor, startsOut } from "./grids.js";
import { listenToKeyboard } from "./keyboard.js";
import { listenToLarge, showLarge } from "./large.js";
import { showClassButtons, showFilters } from "./lists.js";
import { sameClass, tidy } from "./names.js";
import { $, classNames, complain, held, knowClasses, quiet, say, state } from "./page.js";
import { DOUBLE_CLICK, Letters, once } from "./presses.js";
import { personKnown } from "./storage.js";
import { fitting, focusFirst, lookAt, move, rowsIn, showTiles, tiles, toggle, toggleAll, unseen } from "./tiles.js";

const MOST_UNWANTED = 5000;

// `of`: what the images are like, {row}, {label} or {words}; `unwanted`: what was clicked out before; `kept`: what was in when
// a label was refused; `doubted`: a name that was typed and may be meant for another one.
const view = { of: {}, means: "grid", unwanted: new Set(), kept: new Set(), done: [], doubted: undefined, progress: undefined };

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
  const [path, about] = requestFor(of, $("order").value);
  if (path === undefined) return drawNone(emptyLine(of, "nearest", undefined, !$("find").hidden));
  const body = { annotator: state.annotator, count: fitting(), without: [...view.unwanted].slice(-MOST_UNWANTED) };
  const isDone = await exchange(path, { ...body, ...about }, (reply) => (of === view.of ? draw(reply) : load()));
  if (isDone) return;
  if (of === view.of) drawNone(""); // why is told already
  else await load();
}

const drawNone = (notice) => draw({ tiles: [], progress: view.progress, notice });

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
  const out = startsOut(view.of) ? new Set(rowsOf(given).filter((row) => !view.kept.has(row))) : tiles.out;
  showTiles(given, out, showIn);
  $("shown").textContent = gridLine(view.of, $("order").value, given.length, progress);
  $("hint").textContent = hintLine(view.of);
  document.body.classList.toggle("taking-in", startsOut(view.of));
  $("above").hidden = $("change").hidden = given.length === 0;
  $("notice").hidden = given.length > 0;
  $("notice").textContent = notice;
  document.body.dataset.status = given.length ? "images" : "empty";
  if (hadFocus) focusFirst();
}

const rowsOf = (given) => given.map(({ row }) => row);

function showProgress(progress) {
  view.progress = progress;
  knowClasses(progress.classes);
  const found = progress.classes.filter(({ count }) => count > 0).sort((one, other) => one.count - other.count);
  showFilters(view.of, found);
  showClasses();
}

function showClasses() {
  const looked = view.of.label ?? view.of.words;
  const own = looked && sameClass(classNames(), looked);
  showClassButtons(matching(classNames(), $("to").value).sort((one, other) => (other === own) - (one === own)));
  $("to").placeholder = looked ?? "Type a class";
}

function showIn() {
  $("selected").textContent = inLine(rowsIn().length, tiles.shown.length);
  $("do").disabled = rowsIn().length === 0;
  $("all").textContent = rowsIn().length < tiles.shown.length - tiles.broken.size ? "All in" : "All out";
}

function label(name) {
  if (state.busy || !tiles.ready) return;
  const rows = rowsIn();
  if (rows.length === 0) return tiles.shown.length && complain("No image is in: click those that are meant.");
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
  view.kept = new Set(rowsIn());
  await load();
  view.kept.clear();
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

// Enter in the field: the class of the grid, a known one, or a new one; where it may be another one, or nobody typed the new
// one here, it is asked.
function typed(event) {
  event.preventDefault();
  const own = view.of.label ?? view.of.words ?? "";
  const text = tidy($("to").value) || tidy(own);
  if (!text) return;
  const name = sameClass(classNames(), text) ?? text;
  const asked = doubt(classNames(), text, state.closed, Boolean(tidy($("to").value)));
  if (asked && (view.doubted !== text || state.closed)) [view.doubted, $("means").textContent] = [text, asked];
  else label(name);
}

function write(word) {
  $("to").value = word;
  $("to").focus();
  showClasses();
}

// From the field to the images, from there to one image at a time.
function escape() {
  if (!["to", "words"].includes(document.activeElement.id)) return location.assign("./");
  forgetTyped();
  showClasses();
  document.activeElement.blur();
  focusFirst();
}

// On an image Enter goes on to the field.
const isOwn = ({ key, target }) =>
  (key === " " || (key === "Enter" && !target.matches(".tile"))) && target.closest("button, a");

function other(key, target) {
  const name = state.keys.name(key);
  if (name !== undefined) once(key) && label(name);
  else if (key === "Enter" || key === "/") $("to").focus();
  else if (key === "*" && !$("find").hidden) toWords();
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
  return load();
}

// By words. The focus goes on to the images, or stays where there are none.
function find(event) {
  event.preventDefault();
  const words = tidy($("words").value);
  if (!words) return;
  $("words").blur();
  choose({ words }).then(() => tiles.shown.length || $("words").focus());
}

function toWords() {
  $("words").focus();
  $("words").select();
}

// None of those that are shown again.
function others() {
  for (const row of rowsOf(tiles.shown)) view.unwanted.add(row);
  quiet();
  load().then(focusFirst);
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
  $("find").addEventListener("submit", find);
  $("all").addEventListener("click", () => toggleAll(showIn));
  $("others").addEventListener("click", () => once("click others", DOUBLE_CLICK) && others());
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
  else if (asked.has("words")) view.of = { words: ($("words").value = asked.get("words")) };
  $("find").hidden = !server.by_words;
  listen();
  showProgress(server.progress);
  state.busy = false;
  await load();
}

start().catch((error) => {
  complain(error.message);
  if (!(error instanceof Refusal)) throw error;
});
