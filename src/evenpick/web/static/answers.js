// What people do with an image: each is one exchange with the server, and the page moves on with the reply.

import { newAnswer, post, Refusal } from "./api.js";
import { load, show, showUnreachable } from "./images.js";
import { $, complain, held, quiet, say, state } from "./page.js";
import { flash, showClasses, showLast, showProgress } from "./progress.js";

const WAIT = 2000; // ms between questions while others look at the last images
const MOST_UNSHOWN = 3; // images in a row; then it is not the image

let current = Promise.resolve(); // the last exchange

const asker = () => ({ annotator: state.annotator, guesses: state.guesses });

// One exchange at a time; true once the server has done it.
export function exchange(path, body, done) {
  if (state.busy) return Promise.resolve(false);
  current = exchanged(path, body, done);
  return current;
}

async function exchanged(path, body, done) {
  state.busy = true;
  clearTimeout(state.waiting);
  try {
    const reply = await post(path, { ...asker(), ...body }, held);
    quiet();
    if (reply.turn.image) load(reply.turn.image.url); // on its way before the rest is drawn
    showProgress(reply.progress);
    showLast(reply.turn.undoable);
    done?.(reply);
    await showFirstPossible(reply.turn);
    if (state.turn.status === "waiting") state.waiting = setTimeout(ask, WAIT);
    return true;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    state.busy = false;
    const about = error.message;
    if (path !== "api/next") await exchanged("api/next", {}); // whatever it was, here is where things stand
    complain(about);
    return false;
  } finally {
    state.busy = false;
  }
}

// An image that cannot be shown is passed over, and nothing is recorded of it.
async function showFirstPossible(turn) {
  const reasons = [];
  for (let reason = await show(turn); reason; reason = await show(turn)) {
    reasons.push(reason);
    if (reasons.length === MOST_UNSHOWN) return showUnreachable(reasons);
    const body = { ...asker(), row: turn.image.row };
    const reply = await post("api/unshown", body, held);
    showProgress(reply.progress);
    turn = reply.turn;
  }
  if (reasons.length) complain(`Passed over, nothing is recorded: ${reasons.join("; ")}`);
}

export const ask = () => exchange("api/next", {});

// Ask again for the images that could not be shown.
export const retry = () => exchange("api/retry", {});

// Ask again for the images that nobody could tell, before any other.
export const askAgain = () => exchange("api/ask_again", newAnswer());

// Whether the image has been on the screen for long enough to be the one that is meant.
export const canAnswer = () => state.ready && !state.busy;

const about = () => ({ row: state.turn.image.row, without: [...state.without], ...newAnswer() });

export function label(name) {
  if (!canAnswer()) return;
  clearField();
  flash(name);
  exchange("api/label", { ...about(), label: name }, ({ progress }) => {
    say(`${name}. ${progress.labels} of ${progress.budget}.`);
  });
}

export function skip() {
  if (!canAnswer()) return;
  clearField();
  exchange("api/skip", { row: state.turn.image.row, ...newAnswer() }, () => say("Can’t tell. Another image."));
}

// On the page of many images this one comes first, once it is given back.
export function alike() {
  if (canAnswer()) location.assign(`grid?row=${state.turn.image.row}`);
}

// What the button names and nothing else: where another page of the same person has answered since, it is refused, and
// the button then names that.
export async function undo() {
  if (state.busy) return; // what is last is in the reply to come
  if (!state.last) return complain("There is no answer to undo.");
  await exchange("api/undo", { entry: state.last.entry, ...newAnswer() }, () => say("Undone. The image is back."));
}

// The answer that was just given was none; where the server took none there is nothing to take back.
export async function takeBack() {
  if (await current) await undo();
}

function clearField() {
  if (!$("name").value) return;
  $("name").value = "";
  clearTimeout(state.searching);
  showClasses();
}
