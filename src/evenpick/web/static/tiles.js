// The images of a grid: which are in, which were looked at, and the way among them by keys.

import { $, element } from "./page.js";

const [FEWEST, MOST] = [6, 60];
const TILE = { width: 164, height: 137 }; // px, of grid.css
const BESIDE = { width: 280, height: 245 }; // px that the page takes for other things
const LOOKING = 210; // ms on the screen before images can be answered, as on the labelling page
const SEEN = 0.6; // of an image on the screen

export const tiles = { shown: [], out: new Set(), broken: new Set(), seen: new Set(), ready: false };

const observer = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) if (isIntersecting) tiles.seen.add(Number(target.dataset.row));
  },
  { root: document.querySelector("main"), threshold: SEEN },
);

// As many images as can be seen at once.
export function fitting() {
  const columns = Math.max(2, Math.floor((innerWidth - BESIDE.width) / TILE.width));
  const rows = Math.floor((innerHeight - BESIDE.height) / TILE.height);
  return Math.min(MOST, Math.max(FEWEST, columns * rows));
}

export const rowsIn = () => tiles.shown.map(({ row }) => row).filter((row) => !tiles.out.has(row) && !tiles.broken.has(row));

// Rows that would be answered and were not on the screen yet.
export const unseen = () => rowsIn().filter((row) => !tiles.seen.has(row));

// `changed` is told whenever another number of images is in.
export function showTiles(given, out, changed) {
  observer.disconnect();
  Object.assign(tiles, { shown: given, broken: new Set(), seen: new Set(), ready: false });
  tiles.out = new Set(given.map(({ row }) => row).filter((row) => out.has(row)));
  const items = given.map(tile);
  $("gallery").replaceChildren(...items);
  for (const item of items) observer.observe(item);
  const loaded = items.map((item) => settled(item.querySelector("img"), () => leaveOut(item, changed)));
  Promise.all(loaded).then(() => setTimeout(() => ready(given), LOOKING));
  changed();
}

function ready(given) {
  if (tiles.shown !== given) return;
  tiles.ready = true;
  document.body.dataset.ready = true;
}

const settled = (image, failed) =>
  new Promise((resolve) => {
    image.onload = resolve;
    image.onerror = () => resolve(failed());
  });

// An image that cannot be shown is not answered.
function leaveOut(item, changed) {
  tiles.broken.add(Number(item.dataset.row));
  const button = item.firstChild;
  button.disabled = true;
  button.setAttribute("aria-pressed", false);
  button.append(element("span", { textContent: "cannot be shown" }));
  changed();
}

function tile({ row, thumbnail, images }) {
  const image = element("img", { src: thumbnail, alt: `Image ${row}`, draggable: false });
  const button = element("button", { type: "button", className: "tile" }, image);
  if (images > 1) button.append(element("span", { textContent: `${images} images` }));
  button.setAttribute("aria-pressed", !tiles.out.has(row));
  const open = element("button", { type: "button", className: "open", textContent: "⤢" });
  open.setAttribute("aria-label", `Open image ${row}`);
  const item = element("li", {}, button, open);
  item.dataset.row = row;
  return item;
}

export function toggle(item, changed) {
  const row = Number(item.dataset.row);
  const isIn = !tiles.out.delete(row);
  if (isIn) tiles.out.add(row);
  item.firstChild.setAttribute("aria-pressed", !isIn);
  changed();
}

// All in, or where all are in, all out.
export function toggleAll(changed) {
  const items = [...$("gallery").children].filter((item) => !tiles.broken.has(Number(item.dataset.row)));
  const isIn = items.some((item) => tiles.out.has(Number(item.dataset.row)));
  for (const item of items) if (tiles.out.has(Number(item.dataset.row)) === isIn) toggle(item, changed);
}

export const focusFirst = () => $("gallery").querySelector(".tile:not(:disabled)")?.focus();

export function lookAt(row) {
  const item = $("gallery").querySelector(`li[data-row="${row}"]`);
  item.scrollIntoView({ block: "center" });
  item.firstChild.focus({ preventScroll: true });
}

// The arrow keys go along the rows and columns that are seen. Whether there was something to do.
export function move(key, from) {
  const buttons = [...$("gallery").querySelectorAll(".tile")];
  const place = buttons.indexOf(from.closest("li")?.firstChild);
  if (place < 0) return false;
  const top = buttons[0].getBoundingClientRect().top;
  const columns = buttons.filter((button) => button.getBoundingClientRect().top === top).length;
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[key];
  buttons[place + step]?.focus();
  return step !== undefined;
}
