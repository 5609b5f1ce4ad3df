// Puts the chat on a page:
//   <script type="module" src="https://bot.example/widget.js" data-title="Help"></script>
// What its data- attributes say goes to the element. A page that has a <kefu-chat> of its own keeps that one alone.
// All modules are named here, so that a browser fetches them at once and not one after the other.
import "./widget/chat.js";
import "./widget/composer.js";
import "./widget/connection.js";
import "./widget/consent.js";
import "./widget/dom.js";
import "./widget/header.js";
import "./widget/launcher.js";
import "./widget/log.js";
import "./widget/message.js";
import "./widget/outbox.js";
import "./widget/panel.js";
import "./widget/pendings.js";
import "./widget/plain.js";
import "./widget/rating.js";
import "./widget/safe_html.js";
import "./widget/session.js";
import "./widget/storage.js";
import "./widget/styles.js";
import "./widget/styles_said.js";
import "./widget/survey.js";
import "./widget/texts.js";
import "./widget/transports.js";
import "./widget/unread.js";
import "./widget/uploads.js";
import { KefuChat } from "./widget/element.js";

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
