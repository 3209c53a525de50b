// Live updates and keyboard help. Every page works without this script: it only
// swaps the parts that changed, counts clocks down and saves a click.
"use strict";

// The reader's time zone, for times on the next page.
try {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && !document.cookie.split("; ").includes("tz=" + zone)) {
    document.cookie = "tz=" + zone + "; path=/; max-age=31536000; samesite=lax";
  }
} catch (_) { /* an old browser: the page says which zone it shows */ }

// On a phone the menu scrolls: show the entry of this page.
const here = document.querySelector("nav a[aria-current]");
if (here) here.parentElement.scrollLeft = here.offsetLeft - (here.parentElement.clientWidth - here.offsetWidth) / 2;

// Someone types here, or has opened something: leave it alone.
function inUse(part) {
  if (part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select")) return true;
  for (const field of part.querySelectorAll("input:not([type=hidden]), textarea")) {
    if (field.type === "checkbox" || field.type === "radio" ? field.checked !== field.defaultChecked : field.value !== field.defaultValue) return true;
  }
  return false;
}

function swap(fresh) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(part.id);
    if (!next || next.outerHTML === part.dataset.last || inUse(part)) continue;
    const raw = next.outerHTML;
    const opened = new Set([...part.querySelectorAll("details[open][id]")].map((d) => d.id));
    part.replaceWith(next);
    next.dataset.last = raw;
    for (const d of next.querySelectorAll("details[id]")) if (opened.has(d.id)) d.open = true;
  }
  document.title = fresh.title;
  tick();
}

let busy = false, again = false;
async function refresh() {
  if (busy) { again = true; return; }
  busy = true;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, credentials: "same-origin", cache: "no-store" });
    if (answer.redirected && new URL(answer.url).pathname === "/sign-in") { location.reload(); return; }
    if (answer.ok) swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch (_) { /* the stream says when the node is back */ }
  // At most two a second, whatever happens.
  setTimeout(() => { busy = false; if (again) { again = false; refresh(); } }, 500);
}

if (document.body.dataset.stream) {
  const lost = document.getElementById("lost");
  const stream = new EventSource(document.body.dataset.stream);
  stream.addEventListener("change", refresh);
  stream.onopen = () => { if (lost) lost.hidden = true; };
  stream.onerror = () => { if (lost) lost.hidden = false; };
  // Rates and charts move without a fact.
  setInterval(() => { if (!document.hidden) refresh(); }, 2000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
}

// Clocks that count to a limit: data-due holds the instant, data-over the words
// for "late".
function two(n) { return String(n).padStart(2, "0"); }
function tick() {
  for (const clock of document.querySelectorAll("[data-due]")) {
    const left = Math.round((new Date(clock.dataset.due) - Date.now()) / 1000);
    const s = Math.abs(left), h = Math.floor(s / 3600);
    const text = (h ? h + ":" : "") + two(Math.floor(s / 60) % 60) + ":" + two(s % 60);
    clock.textContent = left < 0 ? (clock.dataset.over || "-") + " " + text : text;
    clock.classList.toggle("late", left < 0);
  }
}
setInterval(tick, 1000);
tick();

// A form of a plan saves itself a moment after the last change; what the server
// refuses stays in the form, and the page says so.
for (const form of document.querySelectorAll("form[data-autosave]")) {
  const state = document.getElementById("autosave");
  let timer = 0, saving = false, dirty = false;
  const send = async () => {
    if (saving) { dirty = true; return; }
    saving = true; dirty = false;
    try {
      const answer = await fetch(form.action, { method: "POST", headers: { "X-Autosave": "1" }, body: new URLSearchParams(new FormData(form)), credentials: "same-origin" });
      const base = answer.headers.get("X-Base");
      if (base) form.elements.base.value = base;
      state.textContent = base ? state.dataset.saved : state.dataset.failed;
      state.classList.toggle("late", !base);
    } catch (_) { state.textContent = state.dataset.failed; }
    saving = false;
    if (dirty) send();
  };
  form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(send, 1500); });
  form.addEventListener("submit", () => clearTimeout(timer));
}

// A passage that is selected in a draft is quoted in the comment.
const quote = document.querySelector("[data-quote]");
if (quote) document.addEventListener("mouseup", (e) => {
  const text = String(getSelection()).trim();
  if (text && e.target.closest("article.doc")) quote.value = text.slice(0, 500);
});

// Keys: g then a letter goes to a page, ? shows help.
let pending = false;
document.addEventListener("keydown", (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || e.target.matches("input, textarea, select")) return;
  const help = document.getElementById("help");
  if (e.key === "?" && help) { e.preventDefault(); help.open ? help.close() : help.showModal(); return; }
  if (e.key === "g") { pending = true; setTimeout(() => { pending = false; }, 1500); return; }
  if (!pending) return;
  pending = false;
  const link = document.querySelector('nav a[data-key="' + CSS.escape(e.key) + '"]');
  if (link) link.click();
});
