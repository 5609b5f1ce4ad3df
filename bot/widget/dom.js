// Builds elements and icons without any markup in texts.
const SVG = "http://www.w3.org/2000/svg";
const ICONS = {
  chat: "M12 3.5c-5 0-9 3.4-9 7.7 0 2.3 1.2 4.4 3.1 5.8L5.6 20.5l4-1.9c.8.2 1.6.3 2.4.3 5 0 9-3.4 9-7.7s-4-7.7-9-7.7Z",
  close: "M6 6l12 12M18 6L6 18",
  send: "M4.5 12h14M12.5 5.5L19 12l-6.5 6.5",
  clip: "M20 11.5l-8.3 8.3a5 5 0 0 1-7.1-7.1l8.8-8.8a3.4 3.4 0 0 1 4.8 4.8l-8.7 8.7a1.7 1.7 0 0 1-2.4-2.4l7.8-7.7",
  up: "M7 10.5v9.5H4v-9.5h3Zm0 0 4.2-7c1.3 0 2.3 1 2.3 2.3l-.6 3.7h5.3c1.2 0 2.1 1.2 1.8 2.3l-1.6 6.5a2.2 2.2 0 0 1-2.2 1.7H7",
  down: "M17 13.5V4h3v9.5h-3Zm0 0-4.2 7c-1.3 0-2.3-1-2.3-2.3l.6-3.7H5.8c-1.2 0-2.1-1.2-1.8-2.3l1.6-6.5A2.2 2.2 0 0 1 7.8 4H17",
  file: "M13.5 3H7a1.5 1.5 0 0 0-1.5 1.5v15A1.5 1.5 0 0 0 7 21h10a1.5 1.5 0 0 0 1.5-1.5V8l-5-5Zm0 0v5h5",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-7.5 8.5c.6-3.6 3.7-6 7.5-6s6.9 2.4 7.5 6",
  below: "M12 5v14M6 13l6 6 6-6",
};
const MOUTHS = [
  "M8 16.8c1.1-2 6.9-2 8 0",
  "M8.5 16.3c1.2-1 5.8-1 7 0",
  "M8.5 15.5h7",
  "M8.5 15c1.2 1.2 5.8 1.2 7 0",
  "M7.8 14.2c1.2 3.4 7.2 3.4 8.4 0",
];

/** An element; `properties` are set as such, except `attributes` and those that begin with `on`. */
export function element(tag, { attributes = {}, ...properties } = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== undefined) node[name] = value;
  }
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** A picture that says nothing by itself: what it stands for is said beside it. */
export function icon(name) {
  return drawing([ICONS[name]]);
}

/** A face, from 1, very sad, to 5, very glad. */
export function face(score) {
  return drawing(["M12 21.5a9.5 9.5 0 1 0 0-19 9.5 9.5 0 0 0 0 19Z", "M9 9v1M15 9v1", MOUTHS[score - 1]]);
}

function drawing(paths) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  for (const line of paths) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", line);
    svg.append(path);
  }
  return svg;
}

/** A button that shows only an icon. */
export function iconButton(name, label, onclick, className = "icon") {
  return element(
    "button",
    { type: "button", className, title: label, onclick, attributes: { "aria-label": label } },
    icon(name),
  );
}
