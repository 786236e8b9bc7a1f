// The image on the screen, those loaded ahead of it, and the board that is shown in place of one.

import { get, post, reasonAgainst } from "./api.js";
import { showCaption } from "./caption.js";
import { showGuesses } from "./guesses.js";
import { $, element, held, say, state, toImage } from "./page.js";
import { agreementLine, conflictLine, framesLine, skippedLine, unshownLine } from "./words.js";
import { Zoom } from "./zoom.js";

const DECODING = 500; // ms
const LOOKING = 210; // ms on the screen before an image can be answered: nobody sees and decides faster

export const zoom = new Zoom($("figure"));

const ahead = new Map(); // images loaded ahead, by address

export function load(url) {
  if (!ahead.has(url)) {
    const image = element("img", { src: url, draggable: false, elementTiming: "image" });
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

// Show the image of a turn, or say why there is none. Returns why the image cannot be shown, "" for nothing.
export async function show(turn) {
  state.turn = turn;
  setReady(false);
  const { status, image } = turn;
  $("skip").disabled = $("name").disabled = status !== "image";
  if (status !== "image") {
    notice(status, ...(status === "waiting" ? waitingForOthers() : await ending()));
    return "";
  }
  const { image: shown, reason } = await loaded(image.url);
  if (reason) return reason;
  document.body.dataset.status = status;
  $("notice").hidden = true;
  shown.alt = `Image ${image.row}, to be labelled`;
  shown.dataset.row = image.row;
  $("figure").replaceChildren(shown);
  zoom.reset();
  ahead.delete(image.url);
  $("target").hidden = !image.target;
  $("target").textContent = image.target ? `Asked for: ${image.target}` : "";
  showGuesses();
  showCaption();
  showWhole(image.whole);
  showStrip(image.others ?? []);
  if (!document.activeElement || document.activeElement === document.body) toImage();
  onScreen(() => {
    setTimeout(() => state.turn === turn && setReady(true), LOOKING);
    loadAhead();
  });
  return "";
}

// Of a box: the whole image in a corner, large while it is pressed.
function showWhole(url) {
  $("whole").hidden = !url;
  $("whole").setAttribute("aria-pressed", false);
  if (url) $("whole").firstChild.src = url;
}

// The group under the image; what is clicked is taken out of the answer, and put back.
function showStrip(others) {
  state.without.clear();
  $("stage").classList.toggle("with-strip", others.length > 0);
  $("strip").hidden = others.length === 0;
  $("others").replaceChildren(...others.map(frame));
  countFrames();
}

function frame({ row, thumbnail }, place) {
  const button = element("button", { type: "button" }, element("img", { src: thumbnail, alt: `Image ${place + 2}`, loading: "lazy" }));
  button.dataset.row = row;
  button.setAttribute("aria-pressed", true);
  return element("li", {}, button);
}

export function toggleFrame({ target }) {
  const button = target.closest("button");
  if (!button) return;
  const row = Number(button.dataset.row);
  const isIn = !state.without.delete(row);
  if (isIn) state.without.add(row);
  button.setAttribute("aria-pressed", !isIn);
  countFrames();
}

function countFrames() {
  $("frames").textContent = framesLine($("others").children.length + 1, state.without.size);
}

// In place of an image.
function notice(status, ...parts) {
  document.body.dataset.status = status;
  $("figure").replaceChildren();
  $("notice").replaceChildren(...parts);
  $("notice").hidden = false;
}

// Nothing can be answered; the image stays with this page.
export function showUnreachable(reasons) {
  state.turn = { status: "unreachable" };
  notice(
    "unreachable",
    element("h2", { textContent: "The photographs cannot be reached" }),
    element("p", { textContent: "Is their folder gone, or the disk that it lies on? Nothing was recorded." }),
    element("ul", {}, ...reasons.map((textContent) => element("li", { textContent }))),
    tryAgain(),
  );
  $("skip").disabled = $("name").disabled = true;
}

const tryAgain = () => element("button", { type: "button", id: "retry", textContent: "Try again" });

function setReady(isReady) {
  state.ready = isReady;
  document.body.dataset.ready = isReady;
}

// The next frame is on the screen when the third one is begun: measured, the second one may begin 10 ms too early.
const onScreen = (then) => afterFrames(3, then);
const afterFrames = (count, then) => (count ? requestAnimationFrame(() => afterFrames(count - 1, then)) : then());

// The image, or the reason why it cannot be shown; a silent server is waited for.
async function loaded(url) {
  for (const isLast of [false, true]) {
    const { image, ready } = load(url);
    if (await ready.then(() => true, () => false)) return { image };
    ahead.delete(url);
    const reason = await reasonAgainst(url, held);
    if (reason || isLast) return { reason: reason || "an image that this browser cannot show" };
  }
}

// What may come next is loaded while a person looks.
async function loadAhead() {
  const { urls } = await post("api/upcoming", {}, () => {}).catch(() => ({ urls: [] }));
  for (const url of ahead.keys()) if (!urls.includes(url) && url !== state.turn.image?.url) ahead.delete(url);
  for (const url of urls) load(url).ready.catch(() => ahead.delete(url));
}

const waitingForOthers = () => [
  element("h2", { textContent: "Others are looking at the last images" }),
  element("p", { textContent: "This page goes on by itself when one of them is for you." }),
];

async function ending() {
  const { agreement, conflicts, progress, workspace } = await get("api/state", held);
  const { labels, budget, classes, skipped, unshown } = progress;
  const heading = labels >= budget ? "That was the last one. Thank you!" : "No image is left to ask for";
  const summary = `${labels} of ${budget} labels in ${classes.length} classes. Next, train a classifier:`;
  say("Finished.");
  return [
    element("h2", { textContent: heading }),
    element("p", { textContent: summary }),
    element("pre", {}, element("code", { textContent: `evenpick train ${workspace}` })),
    ...(unshown ? [element("p", { textContent: unshownLine(unshown) }), tryAgain()] : []),
    ...(skipped && labels < budget ? skippedOnes(skipped) : []),
    ...list("Agreement", agreement.map(agreementLine)),
    ...list("Answered differently; the first answer counts", conflicts.map(conflictLine)),
  ];
}

const skippedOnes = (skipped) => [
  element("p", { textContent: skippedLine(skipped) }),
  element("button", { type: "button", id: "again", textContent: "Ask for them again" }),
];

function list(title, lines) {
  if (!lines.length) return [];
  const items = lines.map((textContent) => element("li", { textContent }));
  return [element("section", {}, element("h3", { textContent: title }), element("ul", {}, ...items))];
}
