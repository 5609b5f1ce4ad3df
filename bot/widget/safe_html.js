// Answers come as HTML that the server has cleaned. It is cleaned once more here: parsed in a template, where nothing
// runs and nothing loads, and copied element by element. What is not on the list is left out with all that it holds.
import { plainAddress, withoutOverrides } from "./plain.js";

const ATTRIBUTES = {
  A: { href: "link", title: "text" },
  IMG: { src: "image", alt: "text", title: "text" },
  OL: { start: "number" },
};
const PLAIN = "B BLOCKQUOTE BR CODE DEL EM HR I LI P PRE S STRONG SUB SUP TABLE TBODY TD TH THEAD TR UL";
const ALLOWED = new Set([...PLAIN.split(" "), ...Object.keys(ATTRIBUTES)]);
const HEADING = /^H[1-6]$/;
const MAX_NODES = 4_000;
const MAX_DEPTH = 24;
const policy = trustedPolicy();

/** A fragment of what `html` says that may be shown, or null where it is too large or too deep. */
export function safeFragment(html, server) {
  const template = document.createElement("template");
  try {
    template.innerHTML = policy.createHTML(String(html));
    const budget = { nodes: MAX_NODES, server };
    return copyChildren(template.content, document.createDocumentFragment(), 0, budget);
  } catch {
    return null; // also a page whose Trusted Types leave no room for us
  }
}

function copyChildren(from, to, depth, budget) {
  if (depth > MAX_DEPTH) throw new RangeError("too deep");
  for (const node of from.childNodes) {
    if ((budget.nodes -= 1) < 0) throw new RangeError("too large");
    if (node.nodeType === Node.TEXT_NODE) to.append(withoutOverrides(node.data));
    else if (node.nodeType === Node.ELEMENT_NODE) copyElement(node, to, depth, budget);
  }
  return to;
}

function copyElement(node, to, depth, budget) {
  const isHeading = HEADING.test(node.tagName);
  if (node.namespaceURI !== "http://www.w3.org/1999/xhtml" || !(isHeading || ALLOWED.has(node.tagName))) return;
  const copy = document.createElement(isHeading ? "p" : node.tagName);
  if (isHeading) copy.className = "heading"; // the page's own outline stays as it is
  for (const [name, kind] of Object.entries(ATTRIBUTES[node.tagName] ?? {})) {
    const value = node.hasAttribute(name) ? checked(node.getAttribute(name), kind, budget.server) : null;
    if (value !== null) copy.setAttribute(name, value);
  }
  if (copy.tagName === "A") leadAway(copy);
  if (copy.tagName === "IMG") loadLate(copy);
  if (copy.tagName === "TABLE" || copy.tagName === "PRE") copy.tabIndex = 0; // they scroll
  to.append(copyChildren(node, copy, depth + 1, budget));
}

function checked(value, kind, server) {
  if (kind === "number") return /^\d{1,6}$/.test(value) ? value : null;
  if (kind === "text") return withoutOverrides(value);
  return plainAddress(value, server, kind === "link" ? ["https:", "http:", "mailto:", "tel:"] : ["https:", "http:"]);
}

/** Opens a link to the web in a tab of its own that learns nothing of this page. */
export function leadAway(link) {
  if (!link.protocol.startsWith("http")) return;
  link.target = "_blank";
  link.rel = "noopener noreferrer nofollow";
}

/** Loads a picture when it comes into sight, without saying which page shows it. */
export function loadLate(image) {
  image.loading = "lazy";
  image.decoding = "async";
  image.referrerPolicy = "no-referrer";
  if (!image.hasAttribute("alt")) image.alt = "";
}

function trustedPolicy() {
  const nothingChanged = { createHTML: (html) => html };
  try {
    return globalThis.trustedTypes?.createPolicy("kefu-chat", nothingChanged) ?? nothingChanged;
  } catch {
    return nothingChanged;
  }
}
