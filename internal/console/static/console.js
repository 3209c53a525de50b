// Live updates and keyboard help. Every page works without this script: it only
// swaps the parts that changed, counts clocks down and saves a click.
"use strict";
document.documentElement.classList.add("scripts");

// The reader's time zone, for times on the next page.
try {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && !document.cookie.split("; ").includes("tz=" + zone)) {
    document.cookie = "tz=" + zone + "; path=/; max-age=31536000; samesite=lax";
  }
} catch (_) { /* an old browser: the page says which zone it shows */ }

// What is folded is printed, in browsers whose style sheets cannot say so, too.
addEventListener("beforeprint", () => { for (const chapter of document.querySelectorAll("details.chapter")) chapter.open = true; });

// touched tells whether a field holds something else than what the page came with.
// A list without a preset entry comes with its first.
function touched(field) {
  if (field.matches("select")) {
    const preset = [...field.options].filter((o) => o.defaultSelected);
    const came = preset.length || field.multiple ? preset : [...field.options].slice(0, 1);
    return [...field.selectedOptions].some((o) => !came.includes(o)) || field.selectedOptions.length !== came.length;
  }
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  return field.value !== field.defaultValue;
}

// Someone types or has chosen something here: leave it alone.
function inUse(part) {
  if (part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select")) return true;
  return [...part.querySelectorAll("input:not([type=hidden]), textarea, select")].some(touched);
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
// for "late", and data-left those for what is left, with # where the time stands:
// bare it would look like a time of day.
function two(n) { return String(n).padStart(2, "0"); }
function tick() {
  for (const clock of document.querySelectorAll("[data-due]")) {
    const left = Math.round((new Date(clock.dataset.due) - Date.now()) / 1000);
    const s = Math.abs(left), h = Math.floor(s / 3600);
    const text = (h ? h + ":" : "") + two(Math.floor(s / 60) % 60) + ":" + two(s % 60);
    clock.textContent = left < 0 ? (clock.dataset.over || "-") + " " + text : (clock.dataset.left || "#").replace("#", text);
    clock.classList.toggle("late", left < 0);
  }
}
setInterval(tick, 1000);
tick();

// A form of a plan saves itself a moment after the last change. What the server
// refuses stays in the form, and the page says so; the answer is the page as it
// would be now, from which the parts around the form are taken.
for (const form of document.querySelectorAll("form[data-autosave]")) {
  const state = document.getElementById("autosave"), out = document.getElementById("signed-out");
  let timer = 0, sending = null, newer = "", dirty = form.dataset.unsaved !== undefined, leaving = false;
  const tell = (text, bad) => { state.textContent = text; state.classList.toggle("late", bad); };
  if (dirty) tell(state.dataset.failed, true);

  // take shows what the answer says beside the form, and at each field.
  const take = (page) => {
    for (const id of ["chapter-nav", "chapter-undo", "chapter-notes", "chapter-findings", "chapter-saves"]) {
      const old = document.getElementById(id), next = page.getElementById(id);
      if (!old || !next) continue;
      const opened = new Set([...old.querySelectorAll("details[open][id]")].map((d) => d.id));
      old.replaceChildren(...next.childNodes);
      for (const d of old.querySelectorAll("details[id]")) d.open = opened.has(d.id);
    }
    for (const next of page.querySelectorAll(".problem[id]")) {
      const old = document.getElementById(next.id);
      if (old && old.innerHTML !== next.innerHTML) old.innerHTML = next.innerHTML;
    }
    const base = page.querySelector("form[data-autosave] [name=base]");
    for (const other of document.querySelectorAll("#edit form:not([data-autosave]) [name=base]")) if (base) other.value = base.value;
    preview(page.getElementById("preview-text"));
  };

  // send posts the form once; a change meanwhile is sent after it.
  const send = async () => {
    clearTimeout(timer);
    dirty = false;
    tell(state.dataset.saving, false);
    try {
      const answer = await fetch(form.action, { method: "POST", headers: { "X-Autosave": "1" }, body: new URLSearchParams(new FormData(form)), credentials: "same-origin" });
      if (answer.status === 401 || answer.redirected) {
        dirty = true;
        out.hidden = false;
        tell(state.dataset.failed, true);
        return;
      }
      out.hidden = true;
      const base = answer.headers.get("X-Base"), page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (base) {
        form.elements.base.value = base;
        const now = new Date();
        tell(state.dataset.saved + " " + two(now.getHours()) + ":" + two(now.getMinutes()), false);
      } else {
        dirty = true;
        // Over the text of another author only the button saves, once both were seen.
        if (answer.status === 409) newer = page.querySelector("form[data-autosave] [name=base]")?.value || "";
        const problem = page.querySelector("main > .note.bad");
        tell(state.dataset.failed + (problem ? ": " + problem.textContent.split("\n")[0] : ""), true);
      }
      take(page);
    } catch (_) {
      dirty = true;
      tell(state.dataset.failed, true);
    }
  };
  const save = () => { sending = (sending || Promise.resolve()).then(send); return sending; };

  form.addEventListener("input", () => {
    dirty = true;
    tell(state.dataset.unsaved, false);
    clearTimeout(timer);
    if (!newer) timer = setTimeout(save, 1500);
  });
  // What is unsaved goes first, so that a session that has ended is told on this
  // page; then the browser posts the form as ever.
  form.addEventListener("submit", async (e) => {
    clearTimeout(timer);
    if (leaving) return;
    if (newer) { form.elements.base.value = newer; leaving = true; return; }
    if (!dirty && !sending) { leaving = true; return; }
    e.preventDefault();
    await save();
    if (!out.hidden) return;
    leaving = true;
    form.requestSubmit(e.submitter);
  });
  addEventListener("beforeunload", (e) => { if (dirty && !leaving) e.preventDefault(); });
  addEventListener("pageshow", () => { leaving = false; });

  // The preview shows the part whose field has the focus.
  const follow = (field) => {
    const text = document.getElementById("preview-text");
    if (!text || !field.name) return;
    for (const old of text.querySelectorAll(".here")) old.classList.remove("here");
    const inside = (at) => field.name === at || field.name.startsWith(at + ".") || field.name.startsWith(at + "[");
    const part = [...text.querySelectorAll("[data-at]")].filter((p) => inside(p.dataset.at)).sort((a, b) => b.dataset.at.length - a.dataset.at.length)[0];
    if (!part) return;
    part.classList.add("here");
    const box = document.getElementById("preview");
    if (box.scrollHeight > box.clientHeight) box.scrollTop += part.getBoundingClientRect().top - box.getBoundingClientRect().top - box.clientHeight / 3;
  };
  const preview = (next) => {
    const old = document.getElementById("preview-text");
    if (!old || !next || old.innerHTML === next.innerHTML) return;
    old.replaceWith(next);
    if (form.contains(document.activeElement)) follow(document.activeElement);
  };
  form.addEventListener("focusin", (e) => follow(e.target));
}

// A field of an expression lists what may stand at the cursor (the combobox
// pattern of ARIA) and says at which character something is wrong.
for (const field of document.querySelectorAll("[data-expression]")) {
  const says = document.getElementById("x-" + field.name), list = document.createElement("ul");
  const asks = field.form.action.replace(/\/chapters\/.*/, "/expression");
  let timer = 0, asked = 0, chosen = -1, took = false;
  list.className = "offers"; list.id = field.id + "-offers"; list.hidden = true;
  list.setAttribute("role", "listbox"); list.setAttribute("aria-label", field.dataset.list);
  field.after(list);
  if (field.matches("input")) field.setAttribute("role", "combobox");
  field.setAttribute("aria-autocomplete", "list"); field.setAttribute("aria-controls", list.id);
  const open = (yes) => {
    list.hidden = !yes;
    if (field.matches("input")) field.setAttribute("aria-expanded", String(yes));
    if (!yes) choose(-1);
  };
  const choose = (i) => {
    const options = list.children;
    if (chosen >= 0 && options[chosen]) options[chosen].setAttribute("aria-selected", "false");
    chosen = options.length && i >= 0 ? i % options.length : -1;
    if (chosen < 0) { field.removeAttribute("aria-activedescendant"); return; }
    options[chosen].setAttribute("aria-selected", "true");
    options[chosen].scrollIntoView({ block: "nearest" });
    field.setAttribute("aria-activedescendant", options[chosen].id);
  };
  const take = (option) => {
    const end = field.selectionStart, start = end - list.dataset.typed.length, text = option.dataset.text;
    const space = /[\w=<>+*/-]$/.test(text) && !/^\s/.test(field.value.slice(end)) ? " " : "";
    field.setRangeText(text + space, start, end, "end");
    if (/^"/.test(field.value.slice(field.selectionStart)) && option.dataset.kind === "value") field.selectionStart += 1;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  };
  const ask = async (show) => {
    const mine = ++asked, at = field.selectionStart;
    try {
      const answer = await fetch(asks, { method: "POST", credentials: "same-origin", body: new URLSearchParams({ field: field.dataset.expression, before: field.value.slice(0, at), after: field.value.slice(at) }) });
      if (!answer.ok || answer.redirected || mine !== asked) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html"), offers = page.getElementById("offers");
      says.innerHTML = page.getElementById("says").innerHTML;
      const kept = list.children[chosen]?.dataset.text;
      list.dataset.typed = offers.dataset.typed;
      list.replaceChildren(...offers.children);
      [...list.children].forEach((o, i) => { o.id = list.id + "-" + i; o.setAttribute("aria-selected", "false"); });
      choose([...list.children].findIndex((o) => o.dataset.text === kept)); // who has chosen keeps it
      open(show && list.children.length > 0 && document.activeElement === field);
    } catch (_) { /* saving says that the server is not there */ }
  };
  field.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(() => ask(true), 150); });
  field.addEventListener("keydown", (e) => {
    if (e.key === "ArrowDown" && list.hidden) { e.preventDefault(); ask(true); return; }
    if (list.hidden) return;
    if (e.key === "ArrowDown") { e.preventDefault(); choose(chosen + 1); }
    if (e.key === "ArrowUp") { e.preventDefault(); choose(chosen <= 0 ? list.children.length - 1 : chosen - 1); }
    if (e.key === "Escape") { e.preventDefault(); open(false); }
    if (e.key === "Enter" && chosen >= 0) { e.preventDefault(); took = true; take(list.children[chosen]); open(false); }
  });
  // The Enter that takes a suggestion does not post the form.
  field.addEventListener("keypress", (e) => { if (took && e.key === "Enter") e.preventDefault(); });
  field.addEventListener("keyup", () => { took = false; });
  field.addEventListener("blur", () => open(false));
  list.addEventListener("pointerdown", (e) => {
    e.preventDefault(); // the cursor stays in the field
    const option = e.target.closest("[role=option]");
    if (option) take(option);
  });
}

// A link to a field puts the cursor into it.
function toField() {
  let place = null;
  try { place = document.getElementById(decodeURIComponent(location.hash.slice(1))); } catch (_) { return; }
  if (!place || !place.id.startsWith("f-")) return;
  const control = place.matches("input, select, textarea") ? place : place.querySelector("input:not([type=hidden]), select, textarea, a, button");
  if (control) { control.focus({ preventScroll: true }); place.scrollIntoView({ block: "center" }); }
}
toField();
addEventListener("hashchange", toField);

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
