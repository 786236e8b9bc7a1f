// What people do with an image: each is one exchange with the server, and the page moves on with the reply.

import { newAnswer, post, Refusal } from "./api.js";
import { load, show } from "./images.js";
import { complain, quiet, say, silent, state } from "./page.js";
import { flash, setLast, showProgress } from "./progress.js";

const WAIT = 2000; // ms between questions while others look at the last images

// One exchange at a time.
export async function exchange(path, body, done) {
  if (state.busy) return;
  state.busy = true;
  clearTimeout(state.waiting);
  try {
    const reply = await post(path, { annotator: state.annotator, ...body }, silent);
    quiet();
    if (reply.turn.image) load(reply.turn.image.url); // on its way before the rest is drawn
    showProgress(reply.progress);
    done?.(reply);
    await show(reply.turn);
    if (reply.turn.status === "waiting") state.waiting = setTimeout(ask, WAIT);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    state.busy = false;
    const about = error.message;
    if (path !== "/api/next") await ask(); // whatever it was, here is where things stand
    complain(about);
  } finally {
    state.busy = false;
  }
}

export const ask = () => exchange("/api/next", {});

export function label(name) {
  if (state.turn.status !== "image" || state.busy) return;
  flash(name);
  exchange("/api/label", { row: state.turn.image.row, label: name, ...newAnswer() }, ({ progress }) => {
    setLast(name);
    say(`${name}. ${progress.labels} of ${progress.budget}.`);
  });
}

export function skip() {
  if (state.turn.status !== "image") return;
  exchange("/api/skip", { row: state.turn.image.row, ...newAnswer() }, () => {
    setLast("can’t tell");
    say("Can’t tell. Another image.");
  });
}

export function undo() {
  exchange("/api/undo", newAnswer(), () => {
    setLast("");
    say("Undone. The image is back.");
  });
}
