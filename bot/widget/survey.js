// What the customer thinks of the chat as a whole: five faces, and a comment for who wants to say more.
import { element, face } from "./dom.js";

const MAX_COMMENT_CHARS = 1_000;

/** `send(score, comment)` is called once; `done` when the form is gone, whether sent or not. */
export function surveyForm(texts, send, done) {
  const chosen = element("output", { className: "chosen" });
  const submit = element("button", { className: "solid", disabled: true }, texts.submit);
  const comment = element("textarea", { rows: 2, maxLength: MAX_COMMENT_CHARS, dir: "auto" });
  const faces = element("div", { className: "faces" });
  texts.scores.forEach((text, index) => faces.append(faceFor(index + 1, text)));
  const set = element("fieldset", {}, element("legend", {}, texts.survey), faces, chosen);
  const skip = element(
    "button",
    { type: "button", className: "plain", onclick: () => (form.remove(), done()) },
    texts.skip,
  );
  const form = element(
    "form",
    { className: "survey" },
    set,
    element("label", {}, texts.surveyComment, comment),
    element("div", { className: "row" }, submit, skip),
  );

  function faceFor(score, text) {
    const input = element("input", {
      type: "radio",
      name: "score",
      value: String(score),
      className: "unseen",
      onchange: () => choose(text),
    });
    return element(
      "label",
      { className: "face", title: text },
      input,
      face(score),
      element("span", { className: "unseen" }, text),
    );
  }

  function choose(text) {
    chosen.textContent = text;
    submit.disabled = false;
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(Number(new FormData(form).get("score")), comment.value.trim());
    form.replaceWith(
      element("p", { className: "note", attributes: { role: "status" } }, element("span", {}, texts.surveyThanks)),
    );
    done();
  });
  return form;
}
