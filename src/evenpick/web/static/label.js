// The labelling page: show an image, take an answer, show the next. Text from people only ever becomes text nodes.

import { get, newAnswer, post, Refusal, release } from "./api.js";
import { Keys, matching, read, sameName, write } from "./classes.js";
import { Zoom } from "./zoom.js";

const WAIT = 2000; // ms between questions while others look at the last images
const SEARCH_PAUSE = 60; // ms
const DECODING = 500; // ms

const $ = (id) => document.getElementById(id);
const element = (tag, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};

const zoom = new Zoom($("figure"));
const ahead = new Map(); // images loaded ahead, by address
let state; // as the server described itself
let keys;
let annotator;
let turn = { status: "loading" };
let classes = []; // {name, count}, in the order of discovery
let busy = true; // nothing is answered until the image it would be about is on the screen
let waiting;
let searching;

// --- what the server says --------------------------------------------------------------------------

function silent(isSilent) {
  if (isSilent) complain("The server does not answer. Trying again; your last answer is not lost.");
  else if ($("alert").classList.contains("silent")) quiet();
  $("alert").classList.toggle("silent", isSilent);
}

function complain(text) {
  $("alert").textContent = text;
  $("alert").hidden = false;
}

function quiet() {
  $("alert").hidden = true;
}

const say = (text) => ($("status").textContent = text);

// One exchange at a time: the page moves on with the reply.
async function exchange(path, body, done) {
  if (busy) return;
  busy = true;
  clearTimeout(waiting);
  try {
    const reply = await post(path, { annotator, ...body }, silent);
    quiet();
    if (reply.turn.image) load(reply.turn.image.url); // on its way before the rest is drawn
    showProgress(reply.progress);
    done?.(reply);
    await show(reply.turn);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    busy = false;
    const about = error.message;
    if (path !== "/api/next") await ask(); // whatever it was, here is where things stand
    complain(about);
  } finally {
    busy = false;
  }
}

const ask = () => exchange("/api/next", {});

function label(name) {
  if (turn.status !== "image" || busy) return;
  flash(name);
  exchange("/api/label", { row: turn.image.row, label: name, ...newAnswer() }, ({ progress }) => {
    setLast(name);
    say(`${name}. ${progress.labels} of ${progress.budget}.`);
  });
}

function skip() {
  if (turn.status !== "image") return;
  exchange("/api/skip", { row: turn.image.row, ...newAnswer() }, () => {
    setLast("can’t tell");
    say("Can’t tell. Another image.");
  });
}

function undo() {
  exchange("/api/undo", newAnswer(), () => {
    setLast("");
    say("Undone. The image is back.");
  });
}

// --- the image --------------------------------------------------------------------------------------

function load(url) {
  if (!ahead.has(url)) {
    const image = element("img", { src: url, draggable: false });
    ahead.set(url, { image, ready: decoded(image) });
  }
  return ahead.get(url);
}

// Without a frame to draw, as in a hidden tab, decoding may wait for ever; the image can be shown before.
const decoded = (image) =>
  new Promise((resolve, reject) => {
    image.onerror = reject;
    image.onload = () => {
      image.decode().then(resolve, resolve);
      setTimeout(resolve, DECODING);
    };
  });

async function show(next) {
  turn = next;
  const { status, image } = turn;
  document.body.dataset.status = status;
  $("skip").disabled = $("name").disabled = status !== "image";
  if (status !== "image") {
    $("figure").replaceChildren();
    await notice(status);
    return;
  }
  $("notice").hidden = true;
  const { image: shown, ready } = load(image.url);
  await ready.catch(() => complain("This image cannot be shown. Answer “can’t tell” to pass it over."));
  shown.alt = `Image ${image.row}, to be labelled`;
  shown.dataset.row = image.row;
  $("figure").replaceChildren(shown);
  zoom.reset();
  ahead.delete(image.url);
  $("target").hidden = !image.target;
  $("target").textContent = image.target ? `Asked for: ${image.target}` : "";
  if (!document.activeElement || document.activeElement === document.body) $("stage").focus();
  lookAhead();
}

// After the image is on the screen: what may come next is loaded while a person looks.
function lookAhead() {
  requestAnimationFrame(() => setTimeout(preload));
}

async function preload() {
  const { urls } = await post("/api/upcoming", {}, () => {}).catch(() => ({ urls: [] }));
  for (const url of ahead.keys()) if (!urls.includes(url) && url !== turn.image?.url) ahead.delete(url);
  for (const url of urls) load(url).ready.catch(() => ahead.delete(url));
}

async function notice(status) {
  const board = $("notice");
  if (status === "waiting") {
    board.replaceChildren(
      element("h2", { textContent: "Others are looking at the last images" }),
      element("p", { textContent: "This page goes on by itself when one of them is for you." }),
    );
    waiting = setTimeout(ask, WAIT);
  } else {
    state = await get("/api/state", silent);
    board.replaceChildren(...ending());
    say("Finished.");
  }
  board.hidden = false;
}

function ending() {
  const { labels, budget } = state.progress;
  const all = labels >= budget;
  const parts = [
    element("h2", { textContent: all ? "That was the last one. Thank you!" : "No image is left to ask for" }),
    element("p", { textContent: `${labels} of ${budget} labels in ${classes.length} classes. Next, train a classifier:` }),
    element("pre", {}, element("code", { textContent: `evenpick train ${state.workspace}` })),
  ];
  const pairs = state.agreement.map(
    ({ annotators, images, same, kappa }) =>
      `${annotators.join(" and ")}: ${Math.round(100 * same)} % alike on ${images} images` +
      (kappa === null ? "" : `, Cohen’s kappa ${kappa.toFixed(2)}`),
  );
  if (pairs.length) parts.push(list("Agreement", pairs));
  const conflicts = state.conflicts.map(
    ({ image, answers }) => `${image}: ${answers.map((a) => `${a.label ?? "can’t tell"} (${a.annotator})`).join(", ")}`,
  );
  if (conflicts.length) parts.push(list("Answered differently; the first answer counts", conflicts));
  return parts;
}

const list = (title, lines) =>
  element(
    "section",
    {},
    element("h3", { textContent: title }),
    element("ul", {}, ...lines.map((textContent) => element("li", { textContent }))),
  );

// --- classes and progress ---------------------------------------------------------------------------

function showProgress(progress) {
  classes = progress.classes;
  keys.update(classes.map(({ name }) => name));
  $("labels").textContent = progress.labels;
  $("budget").textContent = progress.budget;
  $("found").textContent = classes.length;
  showExpected(progress.unseen);
  $("skipped").textContent = progress.skipped ? ` · ${progress.skipped} can’t tell` : "";
  $("spent").max = progress.budget;
  $("spent").value = progress.labels;
  $("phase").textContent = progress.phase;
  $("undo").disabled = progress.labels + progress.skipped === 0;
  $("name").value = "";
  clearTimeout(searching);
  document.title = `${progress.labels} of ${progress.budget} · evenpick`;
  showClasses();
}

function showExpected(unseen) {
  const missing = unseen && Math.round(unseen.undiscovered);
  const about = missing ? `about ${missing} more expected` : "probably no more";
  const detail =
    unseen &&
    `${Math.round(unseen.low)} to ${Math.round(unseen.high)} classes not found, and ${Math.round(100 * unseen.mass)} % of ` +
      "images of them, if images came at random; chosen ones find classes faster, so probably fewer";
  $("expected").textContent = unseen ? `, ${about}` : "";
  $("expected").title = detail ?? "";
  $("expected").ariaLabel = unseen ? `${about}: ${detail}` : null;
}

function showClasses() {
  const names = classes.map(({ name }) => name);
  const typed = $("name").value;
  const found = matching(names, typed);
  const most = Math.max(1, ...classes.map(({ count }) => count));
  const counts = new Map(classes.map(({ name, count }) => [name, count]));
  const old = new Map([...$("classes").children].map((item) => [item.dataset.name, item]));
  $("classes").replaceChildren(...found.map((name) => classItem(old.get(name), name, counts.get(name), most)));
  $("hint").textContent = hint(typed.trim(), names, found);
}

function classItem(existing, name, count, most) {
  const item = existing ?? newItem(name);
  const key = keys.of(name);
  const button = item.firstChild;
  button.setAttribute("aria-label", `${name}, ${count} ${count === 1 ? "label" : "labels"}`);
  if (key) button.setAttribute("aria-keyshortcuts", key);
  const [cap, , number, bar] = button.children;
  cap.textContent = key;
  number.textContent = count;
  bar.style.transform = `scaleX(${count / most})`;
  return item;
}

function newItem(name) {
  const part = (tag, className, textContent = "") => {
    const made = element(tag, { className, textContent });
    made.setAttribute("aria-hidden", "true");
    return made;
  };
  const button = element(
    "button",
    { type: "button", className: "class", title: name, onclick: () => label(name) },
    part("kbd", ""),
    part("span", "name", name),
    part("span", "count"),
    part("span", "bar"),
  );
  const more = element("button", { type: "button", className: "more", textContent: "✎", onclick: () => rename(name) });
  more.setAttribute("aria-label", `Rename or merge ${name}`);
  const item = element("li", {}, button, more);
  item.dataset.name = name;
  return item;
}

function hint(typed, names, found) {
  if (!typed) return names.length ? "Enter: type a class" : "Type what you see; it becomes a button.";
  const same = sameName(names, typed);
  const enter = same ? `Enter: ${same}` : `Enter: new class “${typed}”`;
  return found.length && !(same && found.length === 1) ? `${enter} · ↓ ${found.length} found` : enter;
}

function setLast(name) {
  $("last").textContent = name ? `: ${name}` : "";
}

function flash(name) {
  const button = [...$("classes").children].find((item) => item.dataset.name === name)?.firstChild;
  button?.animate?.([{ backgroundColor: "var(--accent-soft)" }, {}], { duration: 350 });
}

// --- dialogs ----------------------------------------------------------------------------------------

// The button that closed it is its answer; "" is a change of mind.
function choose(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true }));
}

async function rename(old) {
  const field = $("rename-name");
  const names = classes.map(({ name }) => name).filter((name) => name !== old);
  const explain = () => {
    const merges = names.includes(field.value.trim().normalize("NFC"));
    $("rename-do").textContent = merges ? "Merge" : "Rename";
    $("rename-hint").textContent = merges ? `All labels of “${old}” become “${field.value.trim()}”.` : "";
  };
  $("rename-title").textContent = `Rename “${old}”`;
  $("rename-known").replaceChildren(...names.map((value) => element("option", { value })));
  field.value = old;
  field.oninput = explain;
  explain();
  const answer = choose($("rename-dialog"));
  field.select();
  const name = (await answer) && field.value.trim().normalize("NFC");
  $("stage").focus();
  if (!name || name === old) return;
  if (!names.includes(name)) keys.rename(old, name);
  await exchange("/api/rename", { old, new: name, ...newAnswer() }, () => say(`${old} is now ${name}.`));
}

async function askName(first) {
  $("who-name").value = annotator;
  $("who-dialog").classList.toggle("first", first);
  const answer = choose($("who-dialog"));
  $("who-name").select();
  const name = (await answer) && $("who-name").value.trim();
  if (name) setAnnotator(name);
  $("stage").focus();
  if (!first && name) await ask();
}

function setAnnotator(name) {
  annotator = name;
  $("who").textContent = name;
  $("who").setAttribute("aria-label", `Labelling as ${name}; change`);
  write("evenpick annotator", name);
}

async function help() {
  await choose($("help-dialog"));
  write("evenpick keys answer", $("keys").checked);
  $("stage").focus();
}

// --- keys -------------------------------------------------------------------------------------------

const PAN = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
const COMMANDS = {
  0: skip,
  Backspace: undo,
  "/": () => $("name").focus(),
  "+": () => zoom.by(1.5),
  "=": () => zoom.by(1.5),
  "-": () => zoom.by(1 / 1.5),
  "?": help,
};

function pressed(event) {
  if (document.querySelector("dialog[open]")) return;
  const typing = event.target === $("name");
  if (event.key === "Escape") {
    $("name").value = "";
    showClasses();
    $("stage").focus();
  } else if ((event.ctrlKey || event.metaKey) && event.key === "z" && !typing) {
    event.preventDefault();
    undo();
  }
  if (typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const onButton = event.target.closest("button");
  if ((event.key === "Enter" || event.key === " ") && onButton) return; // the button's own
  const action = event.key === "Enter" ? COMMANDS["/"] : event.key === " " ? () => zoom.toggle() : commandOf(event.key);
  if (!action) return;
  event.preventDefault();
  action();
}

function commandOf(key) {
  if (PAN[key] && zoom.scale > 1) return () => zoom.pan(...PAN[key]);
  if (!$("keys").checked) return undefined;
  if (COMMANDS[key]) return COMMANDS[key];
  const name = keys?.name(key.toLowerCase());
  return name === undefined ? undefined : () => label(name);
}

function typed(event) {
  event.preventDefault();
  const text = $("name").value.trim();
  if (!text || turn.status !== "image" || busy) return;
  $("stage").focus();
  label(sameName(classes.map(({ name }) => name), text) ?? text);
}

function downFromSearch(event) {
  if (event.key !== "ArrowDown") return;
  event.preventDefault();
  $("classes").querySelector("button")?.focus();
}

function alongClasses(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || zoom.scale > 1) return;
  event.preventDefault();
  const buttons = [...$("classes").querySelectorAll(".class")];
  const next = buttons.indexOf(event.target.closest("li")?.firstChild) + step;
  (buttons[next] ?? $("name")).focus();
}

// --- start ------------------------------------------------------------------------------------------

function listen() {
  document.addEventListener("keydown", pressed);
  $("new").addEventListener("submit", typed);
  $("name").addEventListener("input", () => {
    clearTimeout(searching); // a fast typist is not kept waiting for lists in between
    searching = setTimeout(showClasses, SEARCH_PAUSE);
  });
  $("name").addEventListener("keydown", downFromSearch);
  $("classes").addEventListener("keydown", alongClasses);
  // A click leaves the focus on the image, so that the next key answers again.
  $("classes").addEventListener("click", (event) => event.target.closest(".class") && $("stage").focus());
  $("skip").addEventListener("click", () => (skip(), $("stage").focus()));
  $("undo").addEventListener("click", () => (undo(), $("stage").focus()));
  $("zoom-in").addEventListener("click", () => zoom.by(1.5));
  $("zoom-out").addEventListener("click", () => zoom.by(1 / 1.5));
  $("who").addEventListener("click", () => askName(false));
  $("help").addEventListener("click", help);
  for (const cancel of document.querySelectorAll(".cancel"))
    cancel.addEventListener("click", () => cancel.closest("dialog").close(""));
  addEventListener("pagehide", release);
  addEventListener("pageshow", (event) => event.persisted && ask());
}

async function start() {
  // The token is in a cookie by now; keep it out of the history.
  const asked = new URLSearchParams(location.search);
  history.replaceState(null, "", "/");
  state = await get("/api/state", silent);
  keys = new Keys(`evenpick keys ${state.workspace}`);
  $("keys").checked = read("evenpick keys answer") !== false;
  const known = asked.get("annotator") ?? [read("evenpick annotator")].flat()[0];
  setAnnotator(known ?? state.annotator);
  listen();
  if (known === undefined && state.repeat > 1) await askName(true);
  showProgress(state.progress);
  busy = false;
  await ask();
  // The first answer has to be typed.
  (classes.length ? $("stage") : $("name")).focus();
}

start().catch((error) => {
  complain(error.message);
  if (!(error instanceof Refusal)) throw error;
});
