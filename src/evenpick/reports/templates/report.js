"use strict";
// Sorts and searches the table of classes, and shows the image of a point of the map. Without it all of the page can be read.

for (const table of document.querySelectorAll("table.sortable")) {
  const [body, finder] = [table.tBodies[0], table.closest("section").querySelector(".finder")];
  const all = [...body.rows];

  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => sort(head, column));
  });

  function sort(head, column) {
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const value = (row) => row.cells[column].dataset.value;
    const compare = column === 0 ? (a, b) => value(a).localeCompare(value(b)) : (a, b) => value(a) - value(b);
    body.replaceChildren(...[...body.rows].sort((a, b) => (down ? compare(b, a) : compare(a, b))));
  }

  finder.hidden = all.length < 8;
  finder.querySelector("input").addEventListener("input", ({ target }) => {
    const wanted = target.value.trim().toLocaleLowerCase();
    for (const row of all) row.hidden = !row.cells[0].textContent.toLocaleLowerCase().includes(wanted);
    const shown = all.filter((row) => !row.hidden).length;
    finder.querySelector("[role=status]").textContent = wanted ? `${shown} of ${all.length} classes` : "";
  });
}

const map = document.querySelector(".map");
const tip = map.querySelector(".tip");
const marks = [...map.querySelectorAll("use")];
const titles = marks.map((mark) => mark.querySelector("title").textContent);
let chosen = -1;

// The tip of the script takes the place of the browser's own.
marks.forEach((mark) => mark.querySelector("title").remove());

function show(place) {
  marks[chosen]?.classList.remove("chosen");
  chosen = place;
  const mark = marks[place];
  tip.hidden = !mark;
  if (!mark) return;
  mark.classList.add("chosen");
  const image = mark.dataset.at ? document.querySelector(`#at-${mark.dataset.at} img`) : null;
  tip.firstChild.hidden = !image;
  if (image) tip.firstChild.src = image.src;
  tip.lastChild.textContent = titles[place];
  const [here, of] = [mark.getBoundingClientRect(), map.getBoundingClientRect()];
  const [x, y] = [here.left - of.left, here.top - of.top];
  tip.style.left = `${Math.max(0, Math.min(x + 16, of.width - tip.offsetWidth))}px`;
  tip.style.top = `${y + 20 + tip.offsetHeight > of.height && y > tip.offsetHeight ? y - tip.offsetHeight - 8 : y + 20}px`;
}

const shown = (place) => !marks[place].classList.contains("faint");

map.addEventListener("pointerover", ({ target }) => {
  if (target.matches("use")) show(marks.indexOf(target));
});
map.addEventListener("pointerleave", () => show(-1));
map.addEventListener("blur", () => show(-1));
map.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (event.key === "Escape") show(-1);
  if (!step || !marks.some((_, place) => shown(place))) return;
  event.preventDefault();
  let next = chosen < 0 && step < 0 ? 0 : chosen;
  do next = (next + step + marks.length) % marks.length;
  while (!shown(next));
  show(next);
});

const only = document.querySelector(".only");
if (only) only.hidden = false;
only?.querySelector("select").addEventListener("change", ({ target }) => {
  show(-1);
  for (const drawn of map.querySelectorAll("[data-class]")) {
    drawn.classList.toggle("faint", target.value !== "" && drawn.dataset.class !== target.value);
  }
});
