// The labelling page: show an image, take an answer, show the next. It starts here.

import { alike, ask, askAgain, retry, skip, undo } from "./answers.js";
import { get, Refusal, release } from "./api.js";
import { startCaption } from "./caption.js";
import { Keys } from "./classes.js";
import { askName, help, rename, setAnnotator } from "./dialogs.js";
import { startGuesses } from "./guesses.js";
import { toggleFrame, zoom } from "./images.js";
import { answer, listenToKeys } from "./keys.js";
import { tidy } from "./names.js";
import { $, complain, held, state, toImage } from "./page.js";
import { DOUBLE_CLICK, once } from "./presses.js";
import { showClasses, showProgress } from "./progress.js";
import { personKnown, read, write } from "./storage.js";

const ORDER = "evenpick order";

function listen() {
  listenToKeys();
  $("classes").addEventListener("click", onClass);
  $("guesses").addEventListener("click", onGuess);
  $("notice").addEventListener("click", ({ target }) => ({ retry, again: askAgain })[target.id]?.());
  // A click leaves the focus on the image, so that the next key answers again.
  for (const [id, command] of [["skip", skip], ["undo", undo]])
    $(id).addEventListener("click", () => (once(`click ${id}`, DOUBLE_CLICK) && command(), toImage()));
  $("add").addEventListener("click", () => answer(tidy($("name").value)));
  $("others").addEventListener("click", toggleFrame);
  listenToOrder();
  $("whole").addEventListener("click", ({ currentTarget: button }) => {
    button.setAttribute("aria-pressed", button.ariaPressed !== "true");
    toImage();
  });
  $("alike").addEventListener("click", alike);
  startCaption();
  $("zoom-in").addEventListener("click", () => zoom.by(1.5));
  $("zoom-out").addEventListener("click", () => zoom.by(1 / 1.5));
  $("who").addEventListener("click", () => askName(false));
  $("help").addEventListener("click", help);
  for (const cancel of document.querySelectorAll(".cancel"))
    cancel.addEventListener("click", () => cancel.closest("dialog").close(""));
  addEventListener("pagehide", release);
  addEventListener("beforeunload", (event) => state.held && event.preventDefault());
  addEventListener("pageshow", (event) => event.persisted && ask());
}

// By keys one goes through the orders, and the next key is no answer yet.
function listenToOrder() {
  let byKeys = false;
  $("order").addEventListener("keydown", () => (byKeys = true));
  $("order").addEventListener("pointerdown", () => (byKeys = false));
  $("order").addEventListener("change", () => {
    write(ORDER, $("order").value);
    showClasses();
    if (!byKeys) toImage();
  });
}

function onClass({ target }) {
  const name = target.closest("li")?.dataset.name;
  if (target.closest(".class")) {
    if (once(`click ${name}`, DOUBLE_CLICK)) answer(name);
  } else if (target.closest(".more")) rename(name);
}

function onGuess({ target }) {
  const name = target.closest(".guess")?.parentElement.dataset.name;
  if (name !== undefined && once("click a guess", DOUBLE_CLICK)) answer(name);
}

async function start() {
  // The token is in a cookie by now; keep it out of the history.
  const asked = new URLSearchParams(location.search);
  history.replaceState(null, "", location.pathname);
  const server = await get("api/state", held);
  state.keys = new Keys(`evenpick keys ${server.workspace}`);
  state.closed = server.closed;
  startGuesses(server.guesses);
  if (server.closed) $("name").placeholder = "Search the classes";
  $("order").value = [read(ORDER)].flat()[0] ?? "key";
  $("keys").checked = read("evenpick keys answer") !== false;
  const linked = asked.get("annotator");
  const known = linked ?? personKnown();
  setAnnotator(known ?? server.annotator, linked !== null);
  listen();
  if (known === undefined && server.repeat > 1) await askName(true);
  showProgress(server.progress);
  state.busy = false;
  await ask();
  // The first answer has to be typed.
  (state.classes.length ? $("stage") : $("name")).focus();
}

start().catch((error) => {
  complain(error.message);
  if (!(error instanceof Refusal)) throw error;
});
