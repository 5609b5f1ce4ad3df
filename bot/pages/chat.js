// A plain page to talk to the bot over Rasa's REST channel. Whatever anyone writes is shown as text, never as HTML.
const log = document.getElementById("log");
const state = document.getElementById("state");
const form = document.getElementById("form");
const field = document.getElementById("text");
const sender = `page-${Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;

function show(text, who) {
  const message = document.createElement("p");
  message.className = `message ${who}`;
  message.textContent = text;
  log.append(message);
  return message;
}

function showImage(address) {
  const { protocol } = new URL(address, location.href);
  if (protocol !== "https:" && protocol !== "http:") return;
  const image = document.createElement("img");
  image.src = address;
  image.alt = "";
  show("", "bot").append(image);
}

function showChoices(buttons) {
  const row = document.createElement("div");
  row.className = "choices";
  for (const { title, payload } of buttons) {
    const choice = document.createElement("button");
    choice.type = "button";
    choice.textContent = title;
    choice.addEventListener("click", () => send(payload ?? title, title));
    row.append(choice);
  }
  log.append(row);
}

function showReply(items) {
  for (const { text, image, buttons } of items) {
    if (text) show(text, "bot");
    if (image) showImage(image);
    if (buttons?.length) showChoices(buttons);
  }
}

function say(text, failed = false) {
  state.textContent = text;
  state.classList.toggle("failed", failed);
}

async function send(message, shown = message) {
  for (const old of log.querySelectorAll(".choices")) old.remove();
  show(shown, "mine");
  say("Writing …");
  try {
    const response = await fetch("/webhooks/rest/webhook", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ sender, message }),
    });
    const reply = await response.json();
    if (!response.ok) throw new Error(reply.message);
    say("");
    showReply(reply);
  } catch (error) {
    say(`That did not work: ${error.message} Please try again.`, true);
  }
  log.scrollTop = log.scrollHeight;
  field.focus();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = field.value.trim();
  if (!text) return;
  field.value = "";
  send(text);
});
field.focus();
