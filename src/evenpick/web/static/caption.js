// What the image is called and which group it is of: shown when asked for, as a name may sway who labels.

import { $, state, toImage } from "./page.js";
import { captionOf } from "./words.js";

export function startCaption() {
  $("named").addEventListener("click", () => (toggleCaption(), toImage()));
}

export function toggleCaption() {
  $("named").setAttribute("aria-pressed", $("named").ariaPressed !== "true");
  showCaption();
}

export function showCaption() {
  const { image } = state.turn;
  $("caption").hidden = !image || $("named").ariaPressed !== "true";
  $("caption").textContent = image ? captionOf(image) : "";
}
