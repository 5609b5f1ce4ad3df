// How what is said looks: messages, pictures, cards, buttons, and the forms between them.
export const SAID = `
.message { display: flex; flex-direction: column; align-items: flex-start; max-width: 100%; margin-block-start: .3rem; }
.message.first { margin-block-start: 1rem; }
.message.user { align-items: flex-end; }
.welcome[hidden] + .message, .welcome[hidden] + .day { margin-block-start: 0; }
.meta {
  display: none; gap: .5rem; margin: 0 .25rem .2rem; max-width: 100%; color: var(--soft); font-size: .75rem;
  line-height: 1.3;
}
.meta bdi { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.first > .meta { display: flex; }
.bubble {
  max-width: min(88%, 38rem); padding: .55rem .85rem; border-radius: 1.1rem; background: var(--bot);
  color: var(--bot-ink); overflow-wrap: anywhere; unicode-bidi: isolate; white-space: pre-wrap;
  contain: content;
}
.message.bot .bubble, .message.person .bubble { border-start-start-radius: .35rem; }
.message.person .bubble { box-shadow: inset 0 0 0 1px var(--line); background: var(--note-ground); }
.message.user .bubble { border-start-end-radius: .35rem; background: var(--accent); color: var(--accent-ink); }
.pending .bubble { opacity: .9; }
.failed .bubble { opacity: 1; background: var(--warn-ground); color: var(--warn); }
.delivery { margin: .2rem .25rem 0; color: var(--soft); font-size: .75rem; }
.failed .delivery { color: var(--warn); }
.link { padding: .2rem .3rem; min-height: 1.5rem; color: var(--link); font-weight: 600; text-decoration: underline; }
.note, .day { margin: 1rem auto; color: var(--soft); font-size: .8125rem; text-align: center; overflow-wrap: anywhere; }
.note span { unicode-bidi: isolate; }

.rich { white-space: normal; }
.rich > :first-child { margin-block-start: 0; }
.rich > :last-child { margin-block-end: 0; }
.rich p, .rich ul, .rich ol, .rich pre, .rich blockquote, .rich table { margin-block: .5em; }
.rich ul, .rich ol { padding-inline-start: 1.35em; }
.rich blockquote { margin-inline: 0; padding-inline-start: .75em; border-inline-start: 3px solid var(--edge); }
.rich code {
  padding: .1em .3em; border-radius: .3em; background: var(--ground);
  font: .875em ui-monospace, Menlo, Consolas, monospace;
}
.rich pre { max-height: 20rem; padding: .6rem .75rem; overflow: auto; border-radius: .5rem; background: var(--ground); }
.rich pre code { padding: 0; background: none; white-space: pre-wrap; }
.rich table { display: block; max-width: 100%; overflow-x: auto; border-collapse: collapse; }
.rich th, .rich td {
  padding: .35em 0; padding-inline: 0 1.25em; border-block-end: 1px solid var(--rule); text-align: start;
  vertical-align: top;
}
.rich tr:last-child td { border-block-end: 0; }
.rich hr { border: 0; border-block-start: 1px solid var(--rule); }
.rich .heading { font-weight: 650; font-size: 1.05em; }
.rich img { display: block; }
img { max-width: 100%; max-height: 16rem; border-radius: .65rem; object-fit: contain; }
.picture {
  display: block; max-width: 88%; margin-block-start: .3rem; border-radius: 1rem; overflow: hidden;
  background: var(--bot); line-height: 0;
}
.picture img { display: block; min-width: 4rem; min-height: 3rem; line-height: 1.4; border-radius: 0; }
.file { text-decoration: none; margin-block-start: .3rem; }
.filelabel { display: flex; align-items: center; gap: .6rem; min-width: 0; }
.filename { overflow-wrap: anywhere; font-weight: 550; }
.filelabel small { flex: none; font-size: .8125rem; }
.cards {
  display: flex; gap: .6rem; max-width: none; margin-inline: -1rem; align-self: stretch;
  padding: .45rem 1rem .5rem; scroll-padding-inline: 1rem; overflow-x: auto; scroll-snap-type: x proximity;
  scrollbar-width: thin;
}
.card {
  display: flex; flex-direction: column; gap: .3rem; flex: 0 0 13rem; padding: .75rem;
  border: 1px solid var(--line); border-radius: .9rem; scroll-snap-align: start; overflow-wrap: anywhere;
}
.card img { width: 100%; height: 7rem; object-fit: cover; }
.card .choices { margin-block-start: auto; padding-block-start: .4rem; }
.card .choice { flex: 1; }
.lead { padding-block: .3rem; font-weight: 550; }

.choices { display: flex; flex-wrap: wrap; gap: .45rem; max-width: 100%; padding-block-start: .55rem; }
.choice {
  max-width: 100%; min-height: 2.5rem; padding: .4rem .95rem; border: 1.5px solid var(--link);
  border-radius: 1.25rem; background: var(--ground); color: var(--link); font-size: .9rem; font-weight: 550;
  line-height: 1.35; overflow-wrap: anywhere; text-align: center; unicode-bidi: isolate;
}
.choice:hover { background: var(--note-ground); }
.rating {
  display: flex; flex-wrap: wrap; align-items: center; gap: .15rem; max-width: 100%;
  margin-block-start: .2rem; color: var(--soft);
}
.thumb {
  display: grid; place-items: center; width: 2.25rem; height: 2rem; padding: 0; border-radius: .6rem;
  color: var(--soft);
}
.thumb svg { width: 1.125rem; height: 1.125rem; }
.thumb[aria-pressed=true] { color: var(--link); background: var(--note-ground); }
.thumb[aria-pressed=true] svg { fill: currentColor; fill-opacity: .25; }
.said { margin-inline-start: .35rem; font-size: .8125rem; }
.comment { flex-basis: 100%; width: 20rem; max-width: 100%; margin-block-start: .35rem; }
label { display: block; font-size: .8125rem; color: var(--soft); }
textarea {
  display: block; width: 100%; padding: .6rem .8rem; border: 1px solid var(--edge); border-radius: .8rem;
  background: var(--ground); color: var(--ink); font-size: max(1rem, 16px); line-height: 1.4; resize: none;
}
label textarea { margin-block: .3rem .5rem; }
textarea::placeholder { overflow: hidden; color: var(--soft); opacity: 1; white-space: nowrap; }
.row { display: flex; flex-wrap: wrap; gap: .5rem; }

.typing { margin-block-start: .8rem; }
.dots { display: flex; gap: .3rem; align-items: center; height: 1.4rem; }
.dots i { width: .45rem; height: .45rem; border-radius: 50%; background: var(--soft); }
.survey, .consent { display: grid; gap: .75rem; padding: 1.1rem; border: 1px solid var(--line); border-radius: 1.1rem; }
.survey { margin-block-start: 1.25rem; }
.survey legend { padding: 0; font-weight: 650; }
.faces { display: flex; justify-content: space-between; max-width: 18rem; margin-block-start: .6rem; }
.face {
  display: grid; place-items: center; width: 2.9rem; height: 2.9rem; border-radius: 50%; color: var(--soft);
  cursor: pointer; position: relative;
}
.face svg { width: 2.1rem; height: 2.1rem; stroke-width: 1.5; }
.face:hover { background: var(--bot); }
.face:has(:checked) { background: var(--accent); color: var(--accent-ink); }
.face:has(:focus-visible) { outline: 3px solid var(--link); outline-offset: 2px; }
.chosen { display: block; min-height: 1.4em; margin-block-start: .3rem; font-size: .875rem; color: var(--soft); }
.gate { flex: 1; display: grid; align-content: center; padding: 1.25rem; overflow: auto; }
.consent { border: 0; padding: 0; gap: 1rem; }
.consent h3 { font-size: 1.125rem; font-weight: 650; }
.consent p { overflow-wrap: anywhere; white-space: pre-wrap; }
.consent .row button { min-height: 2.75rem; padding-inline: 1.1rem; }
`;
