// Keys, filters and focus of the review. Without it the pages are plain forms and links.
"use strict";

const KEYS_OFF = "kefu-keys-off";
let isBusy = false;

const isField = (node) => node instanceof Element && node.matches("input, textarea, select, [contenteditable]");
const scopeOf = (node) => node?.closest?.("[data-keys]") ?? document.querySelector("[data-keys]");
const visible = (node) => node.getClientRects().length > 0;

function partFor(key) {
  const named = `[data-key="${CSS.escape(key)}"]`;
  return scopeOf(document.activeElement)?.querySelector(named) ?? document.querySelector(named);
}

function firstOf(id) {
  return [...document.querySelectorAll(`#${id} button`)].find(visible);
}

function step(by) {
  const stops = [...document.querySelectorAll("article[data-keys]")];
  const at = stops.indexOf(document.activeElement?.closest("article[data-keys]"));
  const next = stops[Math.min(stops.length - 1, Math.max(0, at + by))];
  next?.focus();
  next?.scrollIntoView({ block: "start" });
  return Boolean(next);
}

function answer(key) {
  if (key === "?") {
    document.getElementById("keys")?.showModal();
    return true;
  }
  const part = partFor(key);
  if (!part) return key === "j" || key === "k" ? step(key === "j" ? 1 : -1) : false;
  if (isField(part)) {
    part.focus();
    part.scrollIntoView({ block: "nearest" });
  } else part.click();
  return true;
}

function answerField(event) {
  const field = event.target;
  if (event.key === "Escape") {
    (field.closest("[tabindex]") ?? document.body).focus();
    event.preventDefault();
  } else if (event.key === "Enter" && field.dataset.sends !== undefined && (event.ctrlKey || event.metaKey)) {
    if (!isBusy) field.form.querySelector("button[name=say]").click();
    event.preventDefault();
  } else if (event.key === "Enter" && field.value.trim()) {
    const first = firstOf(field.dataset.filter ?? field.dataset.takes ?? "none");
    if (!first) return;
    event.preventDefault();
    if (!isBusy) first.click();
  }
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.defaultPrevented) return;
  if (isField(event.target) && event.target.type !== "checkbox") answerField(event);
  else if (!event.ctrlKey && !event.metaKey && !event.altKey && !document.querySelector("dialog[open]")) {
    const isOff = localStorage.getItem(KEYS_OFF) && event.key !== "?";
    if (!isOff && !isBusy && !event.repeat && event.key.length === 1 && answer(event.key)) event.preventDefault();
  }
});

document.addEventListener("input", ({ target }) => {
  if (target.dataset.takes) document.getElementById(target.dataset.takes).replaceChildren();
  if (!target.dataset.filter) return;
  const words = target.value.trim().toLowerCase().replace(/\s+/g, " ");
  const rows = [...document.querySelectorAll(`#${target.dataset.filter} button`)];
  for (const row of rows) row.parentElement.hidden = !row.dataset.text.includes(words);
  const count = rows.filter((row) => !row.parentElement.hidden).length;
  document.querySelector(`[data-count="${target.dataset.filter}"]`).textContent = `${count} found`;
});

document.addEventListener("click", ({ target }) => {
  if (target.closest?.("button[data-key='?']")) document.getElementById("keys")?.showModal();
});

document.addEventListener("change", ({ target }) => {
  if (target.id !== "keys-on") return;
  if (target.checked) localStorage.removeItem(KEYS_OFF);
  else localStorage.setItem(KEYS_OFF, "1");
});

const isDesk = (event) => event.detail.target?.id === "desk";

document.addEventListener("htmx:beforeRequest", (event) => {
  if (!isDesk(event)) return;
  isBusy = true;
  document.getElementById("notice").replaceChildren();
});

document.addEventListener("htmx:afterRequest", (event) => {
  if (isDesk(event) && !event.detail.successful) isBusy = false;
});

document.addEventListener("htmx:sendError", () => {
  isBusy = false;
  const said = document.createElement("p");
  said.className = "notice wrong";
  said.setAttribute("role", "alert");
  said.textContent = "The server cannot be reached. Nobody can tell whether this was kept: load the page again.";
  document.getElementById("notice").replaceChildren(said);
});

document.addEventListener("htmx:afterSettle", (event) => {
  const desk = document.getElementById("desk");
  if (event.detail.target?.id === "pairs") return;
  isBusy = false;
  if (event.detail.target?.id === "notice") return;
  document.getElementById("status").textContent = desk.querySelector("[data-said]")?.textContent ?? "";
  document.getElementById("item")?.focus({ preventScroll: true });
  scrollTo(0, 0);
});

const keysOn = document.getElementById("keys-on");
if (keysOn) keysOn.checked = !localStorage.getItem(KEYS_OFF);
