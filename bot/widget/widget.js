// Puts the chat on a page:
//   <script type="module" src="https://bot.example/widget.js" data-title="Help"></script>
// What its data- attributes say goes to the element. A page that has a <kefu-chat> of its own keeps that one alone.
import { KefuChat } from "./element.js";

KefuChat.home = new URL("./", import.meta.url).href;
if (!customElements.get("kefu-chat")) customElements.define("kefu-chat", KefuChat);

function place() {
  if (document.querySelector("kefu-chat")) return;
  const script = [...document.scripts].find(({ src }) => src === import.meta.url);
  const chat = document.createElement("kefu-chat");
  Object.assign(chat.dataset, script?.dataset);
  document.body.append(chat);
}

if (document.body) place();
else document.addEventListener("DOMContentLoaded", place);
