// What axe-core finds in the theme's own parts: names for search and lists of pages, and keys for what scrolls.
const mend = () => {
  document.querySelector(".md-search")?.setAttribute("aria-label", "Search");
  for (const list of document.querySelectorAll("nav[aria-labelledby]")) {
    const label = document.getElementById(list.getAttribute("aria-labelledby"));
    if (label) list.setAttribute("aria-label", `Pages: ${label.textContent.trim()}`);
    list.removeAttribute("aria-labelledby");
  }
  document.querySelectorAll(".md-code__nav").forEach((buttons, place) => buttons.setAttribute("aria-label", `Code ${place + 1}`));
  for (const scrolls of document.querySelectorAll("pre > code, .md-typeset__scrollwrap")) scrolls.tabIndex = 0;
};
mend();
new MutationObserver(mend).observe(document.body, { childList: true, subtree: true });
