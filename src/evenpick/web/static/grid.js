// The page of many images with one answer: what does not belong is clicked out, one key labels the rest.

import { get, post, randomId, Refusal, release } from "./api.js";
import { Keys } from "./classes.js";
import { emptyLine, gridLine, hintLine, inLine, othersLine, requestFor, startsOut } from "./grids.js";
import { listenToKeyboard } from "./keyboard.js";
import { listenToLarge, showLarge } from "./large.js";
import { showFilters } from "./lists.js";
import { tidy } from "./names.js";
import { forgetDoubt, forgetTyped, named, showClasses, write } from "./naming.js";
import { $, complain, held, knowClasses, quiet, say, state } from "./page.js";
import { DOUBLE_CLICK, Letters, once } from "./presses.js";
import { begin, goBack, passOver, search, settle, without } from "./searches.js";
import { personKnown } from "./storage.js";
import { fitting, focusFirst, lookAt, move, rowsIn, showTiles, tiles, toggle, toggleAll, unseen } from "./tiles.js";

const MOST_TILES = 100; // that the server gives

// `kept`: what stays in.
const view = { means: "grid", kept: new Set(), done: [], progress: undefined };

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
async function load(more = 0) {
  if (state.busy) return undefined;
  const { of } = search;
  const [path, about] = requestFor(of, search.order);
  if (path === undefined) return drawNone(emptyLine(of, "nearest", undefined, !$("find").hidden));
  const body = { annotator: state.annotator, count: Math.min(MOST_TILES, fitting() + more), without: without() };
  const isDone = await exchange(path, { ...body, ...about }, (reply) => (of === search.of ? draw(reply) : loadOther()));
  if (isDone) return true;
  if (of !== search.of) return load();
  refused();
  return false;
}

// The images of before were given back for those that are not wanted any more.
function loadOther() {
  settle();
  return load();
}

// Why is told already. What a refused search was to replace stays as it is; after an answer there is nothing that could.
function refused() {
  if (tiles.shown.length > 0 && goBack()) return;
  drawNone("");
  release();
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

function draw({ tiles: given, means = "grid", room, progress, notice = emptyLine(search.of, search.order, room, false, search.isPassed) }) {
  const hadFocus = $("gallery").contains(document.activeElement) || document.activeElement === document.body;
  view.means = means;
  settle();
  document.body.dataset.ready = false;
  showProgress(progress);
  const out = startsOut(search.of) ? new Set(rowsOf(given).filter((row) => !view.kept.has(row))) : tiles.out;
  const isKept = ({ row }) => view.kept.has(row);
  showTiles([...given].sort((one, other) => isKept(other) - isKept(one)), out, showIn); // those that are in come first
  $("shown").textContent = gridLine(search.of, search.order, given.length, progress);
  $("hint").textContent = hintLine(search.of);
  document.body.classList.toggle("taking-in", startsOut(search.of));
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
  showFilters(search.of, found);
  showClasses();
}

function showIn() {
  $("selected").textContent = inLine(rowsIn().length, tiles.shown.length);
  $("do").setAttribute("aria-disabled", rowsIn().length === 0); // a press is told why
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
  view.kept = new Set(startsOut(search.of) ? rowsIn() : []);
  await load();
  view.kept.clear();
  complain(said);
}

async function answered(name, entries, progress) {
  quiet();
  for (const row of [...tiles.out, ...tiles.broken]) search.unwanted.add(row);
  const words = `${entries.length} ${name}`;
  done(words, entries);
  forgetTyped();
  say(`${words}. ${progress.labels} of ${progress.budget}.`);
  settle();
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
    settle();
    await load();
  });
  if (!isDone && !state.busy) await loadAnew();
}

function typed(event) {
  event.preventDefault();
  const name = named(rowsIn().length > 0);
  if (name !== undefined) label(name);
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

// Whether there are such images now; undefined where something is under way that asks for them when it is done.
function choose(of) {
  begin({ ...of });
  view.kept = new Set();
  forgetDoubt();
  quiet();
  return load();
}

// By words. The focus goes on to the images, or stays where there are none.
function find(event) {
  event.preventDefault();
  const words = tidy($("words").value);
  if (!words) return;
  document.activeElement.blur(); // a button too, which the next key would press again
  choose({ words }).then((isDone) => (isDone !== false && tiles.shown.length) || $("words").focus());
}

function toWords() {
  $("words").focus();
  $("words").select();
}

// None of those that are shown again, but what was taken in: that stays, before the others.
async function others() {
  if (state.busy) return;
  const { of } = search;
  const kept = startsOut(of) ? rowsIn() : [];
  view.kept = new Set(kept);
  passOver(rowsOf(tiles.shown).filter((row) => !view.kept.has(row)));
  quiet();
  const isDone = await load(kept.length);
  view.kept.clear();
  focusFirst();
  const said = isDone && of === search.of && othersLine(kept, rowsOf(tiles.shown));
  if (said) complain(said);
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
  $("order").addEventListener("change", () => search.of.label !== undefined && choose(search.of));
  $("classes").addEventListener("click", ({ target }) => {
    const name = target.closest("button")?.dataset.name;
    if (name !== undefined && once(`click ${name}`, DOUBLE_CLICK)) label(name);
  });
  $("change").addEventListener("submit", typed);
  $("to").addEventListener("input", () => {
    forgetDoubt();
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
  if (asked.has("row")) begin({ row: Number(asked.get("row")) });
  else if (asked.has("class")) begin({ label: asked.get("class") });
  else if (asked.has("words")) begin({ words: ($("words").value = asked.get("words")) });
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
