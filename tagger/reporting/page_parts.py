"""The style sheet and the script of the page of tags."""

__all__ = ["SCRIPT", "STYLE"]

STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --soft: #5b6570; --line: #d9dee4; --back: #fff; --row: #f6f8fa;
  --tag: #e3f3e8; --tag-ink: #14612f; --bad: #b3261e; --bad-back: #fdeceb; --warn: #8a5a00; --warn-back: #fff4d6;
  --link: #0b57d0; }
@media (prefers-color-scheme: dark) { :root:not([data-theme=light]) { --ink: #e6e9ec; --soft: #9aa5b1; --line: #343b43;
  --back: #14171a; --row: #1c2126; --tag: #173a26; --tag-ink: #8fe0ac; --bad: #ff8a80; --bad-back: #40201f;
  --warn: #ffd479; --warn-back: #3b3017; --link: #8ab4f8; } }
:root[data-theme=dark] { color-scheme: dark; --ink: #e6e9ec; --soft: #9aa5b1; --line: #343b43; --back: #14171a;
  --row: #1c2126; --tag: #173a26; --tag-ink: #8fe0ac; --bad: #ff8a80; --bad-back: #40201f; --warn: #ffd479;
  --warn-back: #3b3017; --link: #8ab4f8; }
:root[data-theme=light] { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 0 1rem 4rem; max-width: 72rem; background: var(--back); color: var(--ink);
  font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; }
h1 { margin: 1.2rem 0 .2rem; font-size: 1.4rem; overflow-wrap: anywhere; }
h2 { margin: 1.6rem 0 .4rem; font-size: 1.1rem; }
h3 { margin: 1rem 0 .3rem; font-size: 1rem; color: var(--soft); font-weight: 600; }
code, .digest { font: 13px/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
.soft { color: var(--soft); }
.sums { margin: 0 0 .4rem; }
.bar { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: .5rem; align-items: center;
  padding: .6rem 0; background: var(--back); border-bottom: 1px solid var(--line); }
.bar input { flex: 1 1 14rem; padding: .4rem .6rem; font: inherit; color: inherit; background: var(--row);
  border: 1px solid var(--line); border-radius: 6px; }
button, select { padding: .25rem .6rem; font: inherit; color: inherit; background: var(--row);
  border: 1px solid var(--line); border-radius: 6px; cursor: pointer; }
button[aria-pressed=true] { border-color: var(--link); color: var(--link); }
:focus-visible { outline: 2px solid var(--link); outline-offset: 1px; }
table { border-collapse: collapse; width: 100%; }
td, th { padding: .25rem .6rem .25rem 0; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 600; }
.series { content-visibility: auto; contain-intrinsic-size: auto var(--tall, 4rem); }
.series ul { margin: 0; padding: 0; list-style: none; }
.version { display: grid; grid-template-columns: minmax(9rem, 14rem) 1fr auto; gap: .2rem 1rem; align-items: baseline;
  padding: .3rem .5rem; border-bottom: 1px solid var(--line); }
.version:nth-child(odd) { background: var(--row); }
.version b { overflow-wrap: anywhere; }
.version .more { grid-column: 1 / -1; font-size: 13px; color: var(--soft); overflow-wrap: anywhere; }
.tag, .state { display: inline-block; margin: 0 .25rem .15rem 0; padding: 0 .45rem; border-radius: 9px;
  font-size: 13px; }
.tag { background: var(--tag); color: var(--tag-ink); }
.also { background: var(--row); color: var(--soft); border: 1px solid var(--line); }
.withdrawn, .drifted, .tag.drifted { background: var(--bad-back); color: var(--bad); }
.held { background: var(--warn-back); color: var(--warn); }
.version.gone b { text-decoration: line-through; }
.copy { padding: 0 .4rem; white-space: nowrap; }
.problem { margin: .4rem 0; padding: .4rem .7rem; border-radius: 6px; background: var(--bad-back); color: var(--bad);
  overflow-wrap: anywhere; }
#said { position: fixed; right: 1rem; bottom: 1rem; padding: .4rem .8rem; border-radius: 6px; background: var(--ink);
  color: var(--back); }
#said:empty { display: none; }
[hidden] { display: none !important; }
@media (max-width: 40rem) { .version { grid-template-columns: 1fr auto; } .version .tags { grid-column: 1 / -1; }
  .version .copy { grid-column: 2; grid-row: 1; } }
@media print { .bar, .copy { display: none; } .series { content-visibility: visible; } }
"""

SCRIPT = """
"use strict";
const all = (selector, of = document) => Array.from(of.querySelectorAll(selector));
const search = document.getElementById("search"), said = document.getElementById("said");
const count = document.getElementById("count"), rows = all(".version"), series = all(".series");
const texts = rows.map((row) => row.dataset.text);
const filters = all("button[data-filter]"), variant = document.getElementById("variant");

function tell(text) {
  said.textContent = text;
  clearTimeout(tell.timer);
  tell.timer = setTimeout(() => { said.textContent = ""; }, 2000);
}

function show() {
  const words = search.value.toLowerCase().split(/\\s+/).filter(Boolean);
  const wanted = filters.filter((one) => one.getAttribute("aria-pressed") === "true").map((one) => one.dataset.filter);
  const only = variant ? variant.value : "*";
  let shown = 0;
  rows.forEach((row, place) => {
    const states = row.dataset.states.split(" ");
    const fits = words.every((word) => texts[place].includes(word)) && wanted.every((one) => states.includes(one))
      && (only === "*" || row.dataset.variant === only);
    row.hidden = !fits;
    shown += fits;
  });
  for (const one of series) { one.hidden = !one.querySelector(".version:not([hidden])"); }
  for (const one of all(".floating tr[data-text]")) {
    one.hidden = !words.every((word) => one.dataset.text.includes(word));
  }
  count.textContent = shown === rows.length ? `${rows.length} versions` : `${shown} of ${rows.length} versions`;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  tell(`Copied ${text}`);
}

function step(by) {
  const seen = rows.filter((row) => !row.hidden);
  const place = seen.indexOf(document.activeElement.closest(".version"));
  const next = seen[Math.min(Math.max(place + by, 0), seen.length - 1)];
  if (next) { next.focus(); next.scrollIntoView({ block: "nearest" }); }
}

let waiting;
search.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(show, 80); });
if (variant) { variant.addEventListener("change", show); }
for (const button of filters) {
  button.addEventListener("click", () => {
    button.setAttribute("aria-pressed", button.getAttribute("aria-pressed") !== "true");
    show();
  });
}
document.getElementById("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) { copy(button.dataset.copy); }
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) { return; }
  if (event.key === "Escape") {
    search.value = "";
    show();
    search.blur();
  } else if (event.target === search) {
    if (event.key === "ArrowDown" || event.key === "Enter") { show(); step(1); event.preventDefault(); }
  } else if (event.key === "/") {
    search.focus();
    event.preventDefault();
  } else if (event.key === "ArrowDown" || event.key === "j") {
    step(1);
    event.preventDefault();
  } else if (event.key === "ArrowUp" || event.key === "k") {
    step(-1);
    event.preventDefault();
  } else if (event.key === "c") {
    const row = document.activeElement.closest(".version");
    const button = row && row.querySelector("[data-copy]");
    if (button) { copy(button.dataset.copy); }
  }
});
for (const one of series) { one.style.setProperty("--tall", `${one.dataset.tall}px`); }
document.documentElement.dataset.ready = "true";
"""
