// One image of many, shown large.

import { $ } from "./page.js";

export function showLarge({ row, url }, words) {
  $("large").querySelector("img").src = url;
  $("large-name").textContent = words;
  $("large-alike").href = `grid?row=${row}`;
  $("large").showModal();
}

export const listenToLarge = () => $("close").addEventListener("click", () => $("large").close());
