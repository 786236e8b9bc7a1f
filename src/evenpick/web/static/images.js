// The image on the screen, those loaded ahead of it, and the board that is shown in place of one.

import { get, post } from "./api.js";
import { $, complain, element, say, silent, state, toImage } from "./page.js";
import { agreementLine, conflictLine } from "./words.js";
import { Zoom } from "./zoom.js";

const DECODING = 500; // ms

export const zoom = new Zoom($("figure"));

const ahead = new Map(); // images loaded ahead, by address

export function load(url) {
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

// Show the image of a turn, or say why there is none.
export async function show(turn) {
  state.turn = turn;
  const { status, image } = turn;
  document.body.dataset.status = status;
  $("skip").disabled = $("name").disabled = status !== "image";
  if (status !== "image") {
    $("figure").replaceChildren();
    $("notice").replaceChildren(...(status === "waiting" ? waitingForOthers() : await ending()));
    $("notice").hidden = false;
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
  if (!document.activeElement || document.activeElement === document.body) toImage();
  requestAnimationFrame(() => setTimeout(loadAhead)); // once the image is on the screen
}

// What may come next is loaded while a person looks.
async function loadAhead() {
  const { urls } = await post("/api/upcoming", {}, () => {}).catch(() => ({ urls: [] }));
  for (const url of ahead.keys()) if (!urls.includes(url) && url !== state.turn.image?.url) ahead.delete(url);
  for (const url of urls) load(url).ready.catch(() => ahead.delete(url));
}

const waitingForOthers = () => [
  element("h2", { textContent: "Others are looking at the last images" }),
  element("p", { textContent: "This page goes on by itself when one of them is for you." }),
];

async function ending() {
  const { agreement, conflicts, progress, workspace } = await get("/api/state", silent);
  const { labels, budget, classes } = progress;
  const heading = labels >= budget ? "That was the last one. Thank you!" : "No image is left to ask for";
  const summary = `${labels} of ${budget} labels in ${classes.length} classes. Next, train a classifier:`;
  say("Finished.");
  return [
    element("h2", { textContent: heading }),
    element("p", { textContent: summary }),
    element("pre", {}, element("code", { textContent: `evenpick train ${workspace}` })),
    ...list("Agreement", agreement.map(agreementLine)),
    ...list("Answered differently; the first answer counts", conflicts.map(conflictLine)),
  ];
}

function list(title, lines) {
  if (!lines.length) return [];
  const items = lines.map((textContent) => element("li", { textContent }));
  return [element("section", {}, element("h3", { textContent: title }), element("ul", {}, ...items))];
}
