// What must be agreed to before anything is written, said, or kept in the browser.
import { element } from "./dom.js";
import { leadAway } from "./safe_html.js";
import { plainAddress, withoutOverrides } from "./plain.js";

/** `answer(agreed)` is called with what the customer chose. */
export function consentForm(texts, text, answer) {
  const agree = element("button", { type: "button", className: "solid", onclick: () => answer(true) }, texts.agree);
  const decline = element(
    "button",
    { type: "button", className: "plain", onclick: () => answer(false) },
    texts.decline,
  );
  const words = element("p", { dir: "auto" }, ...withLinks(withoutOverrides(text)));
  return element(
    "div",
    { className: "consent" },
    element("h3", {}, texts.consent),
    words,
    element("div", { className: "row" }, agree, decline),
  );
}

function withLinks(text) {
  return text.split(/(https?:\/\/[^\s<>"]+[^\s<>".,:;!?)。，）])/).map((part) => {
    const address = /^https?:/.test(part) ? plainAddress(part) : null;
    if (!address) return part;
    const link = element("a", { href: address }, part);
    leadAway(link);
    return link;
  });
}
