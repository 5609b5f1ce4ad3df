// How it looks. Owners set the --kefu- variables; sizes are in rem, so that the customer's own text size counts.
import { SAID } from "./styles_said.js";

const LIGHT = `
  --accent: var(--kefu-accent, #2a56c6);
  --accent-ink: var(--kefu-accent-ink, #fff);
  --ground: var(--kefu-ground, #fff);
  --ink: var(--kefu-ink, #1b2230);
  --soft: var(--kefu-soft, #5a6475);
  --link: var(--kefu-link, #1f47ad);
  --bot: var(--kefu-bot, #f0f2f7);
  --bot-ink: var(--kefu-bot-ink, #1b2230);
  --line: var(--kefu-line, #dde1ea);
  --edge: #7d8798;
  --rule: rgb(90 100 117 / 35%);
  --warn: #a8281c;
  --warn-ground: #fdeeec;
  --note-ground: #eef3fd;
  --shade: 0 1px 2px rgb(20 28 45 / 12%), 0 12px 40px rgb(20 28 45 / 22%);
  color-scheme: light;`;
const DARK = `
  --accent: var(--kefu-accent-dark, var(--kefu-accent, #3f6fe0));
  --accent-ink: var(--kefu-accent-ink-dark, var(--kefu-accent-ink, #fff));
  --ground: var(--kefu-ground-dark, #171b23);
  --ink: var(--kefu-ink-dark, #e9ecf3);
  --soft: var(--kefu-soft-dark, #a3adbf);
  --link: var(--kefu-link-dark, #9db9ff);
  --bot: var(--kefu-bot-dark, #262c38);
  --bot-ink: var(--kefu-bot-ink-dark, #e9ecf3);
  --line: var(--kefu-line-dark, #323a48);
  --edge: #8792a6;
  --rule: rgb(163 173 191 / 35%);
  --warn: #ffaaa0;
  --warn-ground: #3b2220;
  --note-ground: #1f2a41;
  --shade: 0 1px 2px rgb(0 0 0 / 40%), 0 12px 40px rgb(0 0 0 / 55%);
  color-scheme: dark;`;
const FULL = `
  .panel {
    inset: var(--viewport-top, 0) 0 auto; width: auto; max-width: none;
    height: var(--viewport-height, 100dvh); max-height: none; border: 0; border-radius: 0; box-shadow: none;
  }
  .header { padding-block-start: calc(.75rem + env(safe-area-inset-top)); }
  .composer { padding-block-end: calc(.7rem + env(safe-area-inset-bottom)); }
  .header, .composer, .list { padding-inline: max(1rem, env(safe-area-inset-left), env(safe-area-inset-right)); }`;

export const STYLES = `
:host { all: initial; ${LIGHT} }
:host([hidden]) { display: none; }
@media (prefers-color-scheme: dark) { :host(:not([data-scheme=light])) { ${DARK} } }
:host([data-scheme=dark]) { ${DARK} }
*, *::before, *::after { box-sizing: border-box; }
[hidden] { display: none !important; }
.root {
  font: 400 .9375rem/1.5 var(--kefu-font, system-ui, -apple-system, "Segoe UI", Roboto, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif);
  color: var(--ink); text-align: start;
}
button, textarea, input { font: inherit; color: inherit; letter-spacing: inherit; }
button { margin: 0; border: 0; background: none; cursor: pointer; }
button:disabled { cursor: default; }
p, h1, h2, h3, fieldset { margin: 0; padding: 0; border: 0; min-width: 0; }
svg {
  width: 1.375rem; height: 1.375rem; fill: none; stroke: currentColor; stroke-width: 1.7;
  stroke-linecap: round; stroke-linejoin: round; flex: none;
}
a { color: var(--link); }
a:not([href]) { color: inherit; }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.unseen {
  position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap;
}

.launcher, .panel {
  position: fixed; z-index: var(--kefu-layer, 2147483000);
  inset-block-end: calc(var(--kefu-gap, 1.25rem) + env(safe-area-inset-bottom));
  inset-inline-end: var(--kefu-gap, 1.25rem);
}
:host([data-position=start]) .launcher, :host([data-position=start]) .panel {
  inset-inline: var(--kefu-gap, 1.25rem) auto;
}
.launcher {
  display: grid; place-items: center; width: 3.75rem; height: 3.75rem; border-radius: 50%;
  background: var(--accent); color: var(--accent-ink); box-shadow: var(--shade);
}
.launcher svg { width: 1.875rem; height: 1.875rem; }
.badge {
  position: absolute; inset-block-start: -.25rem; inset-inline-end: -.25rem; min-width: 1.5rem;
  padding: 0 .4rem; border: 2px solid var(--ground); border-radius: 1rem; background: #b3261e; color: #fff;
  font-size: .8125rem; font-weight: 600; line-height: 1.3rem; text-align: center;
}

.panel {
  display: flex; flex-direction: column; width: var(--kefu-width, 25rem);
  max-width: calc(100vw - 2 * var(--kefu-gap, 1.25rem)); height: var(--kefu-height, 41rem);
  max-height: calc(100dvh - 2 * var(--kefu-gap, 1.25rem)); overflow: hidden; border: 1px solid var(--line);
  border-radius: var(--kefu-radius, 1.125rem); background: var(--ground); box-shadow: var(--shade);
}
.header {
  display: flex; align-items: center; gap: .75rem; padding: .75rem; padding-inline: 1rem .75rem;
  border-block-end: 1px solid var(--line);
}
.avatar {
  display: grid; place-items: center; flex: none; width: 2.5rem; height: 2.5rem; border-radius: 50%;
  background: var(--accent); color: var(--accent-ink); font-weight: 600; font-size: 1.125rem;
}
.avatar.human { background: var(--note-ground); color: var(--link); box-shadow: inset 0 0 0 2px var(--accent); }
.names { flex: 1; min-width: 0; }
.title {
  overflow: hidden; font-size: 1.0625rem; font-weight: 650; line-height: 1.3; text-overflow: ellipsis;
  white-space: nowrap; unicode-bidi: isolate;
}
.who {
  overflow: hidden; color: var(--soft); font-size: .8125rem; line-height: 1.35; text-overflow: ellipsis;
  white-space: nowrap;
}
.icon {
  display: grid; place-items: center; flex: none; width: 2.75rem; height: 2.75rem; padding: 0;
  border-radius: .75rem; color: var(--soft);
}
.icon:hover:not(:disabled), .plain:hover, .thumb:hover { background: var(--bot); color: var(--ink); }
.plain, .solid {
  min-height: 2.25rem; padding: .35rem .85rem; border-radius: .65rem; font-size: .875rem; font-weight: 550;
}
.plain { color: var(--ink); box-shadow: inset 0 0 0 1px var(--line); }
.solid { background: var(--accent); color: var(--accent-ink); }
.solid:disabled { background: var(--bot); color: var(--soft); }
.end { flex: none; box-shadow: none; color: var(--soft); font-weight: 500; }

.notice:not(:empty), .network:not(:empty), .alert:not(:empty) {
  padding: .6rem 1rem; font-size: .8125rem; line-height: 1.45;
}
.notice { background: var(--note-ground); }
.network { background: var(--note-ground); }
.alert { background: var(--warn-ground); color: var(--warn); }
.notice.waiting::before {
  content: ""; display: inline-block; width: .55rem; height: .55rem; margin-inline-end: .5rem;
  border-radius: 50%; background: var(--accent);
}

.log { position: relative; flex: 1; min-height: 0; display: flex; }
.list {
  flex: 1; min-width: 0; padding: 1rem; scroll-padding-block: 1rem; overflow: hidden auto;
  overscroll-behavior: contain; scrollbar-width: thin; scrollbar-color: var(--edge) transparent;
}
.list:focus-visible { outline-offset: -3px; }
.jump {
  position: absolute; inset-block-end: .75rem; inset-inline-end: 1rem; display: grid; place-items: center;
  width: 2.5rem; height: 2.5rem; padding: 0; border: 1px solid var(--line); border-radius: 50%;
  background: var(--ground); color: var(--link); box-shadow: var(--shade);
}
.welcome {
  display: grid; justify-items: center; align-content: center; gap: .25rem; min-height: 70%;
  color: var(--soft); text-align: center;
}
.welcome svg { width: 2.75rem; height: 2.75rem; margin-block-end: .5rem; color: var(--link); stroke-width: 1.2; }
.welcome strong { color: var(--ink); font-size: 1.125rem; font-weight: 650; }

${SAID}
.composer {
  display: flex; align-items: flex-end; gap: .4rem; padding: .7rem 1rem;
  border-block-start: 1px solid var(--line);
}
.composer .icon { margin-inline-start: -.5rem; }
.composer textarea {
  flex: 1; min-width: 0; min-height: 2.75rem; padding: .62rem .95rem; border-radius: 1.4rem;
  overflow: hidden auto; scrollbar-width: thin;
}
.composer textarea:focus-visible { outline-width: 2px; outline-offset: 0; border-color: transparent; }
.send {
  display: grid; place-items: center; flex: none; width: 2.75rem; height: 2.75rem; padding: 0;
  border-radius: 50%; background: var(--accent); color: var(--accent-ink);
}
.send:disabled { background: var(--bot); color: var(--soft); }
[dir=rtl] .send svg { transform: scaleX(-1); }

.panel { container-type: inline-size; }
@container (max-width: 16rem) {
  .avatar { display: none; }
  .header, .composer { flex-wrap: wrap; }
  .names { flex-basis: 60%; }
  .composer textarea { order: -1; flex-basis: 100%; }
  .send { margin-inline-start: auto; }
}

.full .panel { position: fixed; background: var(--bot); }
.full .header, .full .log, .full .gate, .full .composer { background: var(--ground); }
.full .log, .full .composer, .full .header, .full .notice, .full .network, .full .alert, .full .gate {
  width: 100%; max-width: 48rem; margin-inline: auto;
}
.full .panel {
  inset: var(--viewport-top, 0) 0 auto; width: auto; max-width: none; height: var(--viewport-height, 100dvh);
  max-height: none; border: 0; border-radius: 0; box-shadow: none;
}
.full .composer { padding-block-end: calc(.9rem + env(safe-area-inset-bottom)); }
@media (max-width: 480px), (max-height: 420px) { ${FULL} }
@media (prefers-reduced-motion: no-preference) {
  .launcher { transition: transform .15s ease-out; }
  .launcher:hover { transform: scale(1.05); }
  .root:not(.full) .panel { animation: rise .18s ease-out; }
  .message, .survey { animation: appear .18s ease-out; }
  [aria-busy=true] .message { animation: none; }
  .dots i { animation: hop 1.2s ease-in-out infinite; }
  .dots i:nth-child(2) { animation-delay: .15s; }
  .dots i:nth-child(3) { animation-delay: .3s; }
  .notice.waiting::before { animation: pulse 1.6s ease-in-out infinite; }
  .list { scroll-behavior: auto; }
}
@keyframes rise { from { opacity: 0; transform: translateY(.75rem); } }
@keyframes appear { from { opacity: 0; transform: translateY(.3rem); } }
@keyframes hop { 30% { transform: translateY(-.25rem); } 0%, 60%, 100% { transform: none; } }
@keyframes pulse { 50% { opacity: .35; } }
@media (forced-colors: active) {
  .bubble, .launcher, .send, .avatar, .solid { border: 1px solid CanvasText; }
  .thumb[aria-pressed=true], .face:has(:checked) { outline: 2px solid Highlight; }
}
@media print { :host { display: none; } }
`;
