// Thumbs below an answer, and a comment for who wants to say more.
import { element, iconButton } from "./dom.js";

const MAX_COMMENT_CHARS = 1_000;

/** `rate(verdict, comment)` is called for a thumb, and once more for its comment. */
export function ratingFor(texts, verdict, rate) {
  const node = element("div", { className: "rating", attributes: { role: "group", "aria-label": texts.rate } });
  const said = element("span", { className: "said" });
  const thumbs = { up: thumb("up", texts.helpful), down: thumb("down", texts.notHelpful) };
  node.append(thumbs.up, thumbs.down, said);
  show(verdict);

  function thumb(value, label) {
    return iconButton(value, label, () => choose(value), "thumb");
  }

  function show(value) {
    for (const [name, button] of Object.entries(thumbs)) button.setAttribute("aria-pressed", String(name === value));
  }

  function choose(value) {
    show(value);
    rate(value);
    said.textContent = texts.thanks;
    node.querySelector("form")?.remove();
    node.append(
      commentForm(texts, value, (comment) => {
        if (comment) rate(value, comment);
        thumbs[value].focus();
      }),
    );
    node.scrollIntoView({ block: "nearest" });
  }
  return Object.assign(node, { show });
}

function commentForm(texts, verdict, done) {
  const field = element("textarea", { rows: 2, maxLength: MAX_COMMENT_CHARS, dir: "auto" });
  const label = element("label", {}, verdict === "up" ? texts.commentUp : texts.commentDown, field);
  const skip = element("button", { type: "button", className: "plain", onclick: () => end("") }, texts.skip);
  const form = element(
    "form",
    { className: "comment" },
    label,
    element("div", { className: "row" }, element("button", { className: "solid" }, texts.submit), skip),
  );
  const end = (comment) => (form.remove(), done(comment));
  form.addEventListener("submit", (event) => (event.preventDefault(), end(field.value.trim())));
  form.addEventListener("keydown", (event) => event.key === "Escape" && (event.stopPropagation(), end("")));
  return form;
}
