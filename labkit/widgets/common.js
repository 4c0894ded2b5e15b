// What every figure uses. Put in front of each figure's module (see figure.py): no import needed.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes and children: node("button", { class: "lb-x", onclick: f }, "text"). */
function node(tag, attributes = {}, ...children) {
  const svg = ["svg", "g", "path", "line", "circle", "rect", "text", "tspan", "title", "polygon"].includes(tag);
  const element = svg ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** A range input whose arrow keys JupyterLab leaves alone. */
function range(attributes) {
  return node("input", { type: "range", "data-lm-suppress-shortcuts": "true", ...attributes });
}

/** A button whose keys JupyterLab leaves alone (Enter and Space would edit or run the cell). Its name begins with
 * what is seen on it: who speaks to the computer says that. */
function button(label, text, onclick) {
  const element = node("button", { type: "button", class: "lb-button", title: label,
    "data-lm-suppress-shortcuts": "true", onclick });
  nameButton(element, text, label);
  return element;
}

/** Set what is seen on a button, and its name. */
function nameButton(button, text, label) {
  button.textContent = text;
  button.setAttribute("aria-label", `${text}: ${label}`);
}

/** A number for people: four significant digits, three below 1, a true minus sign. */
function format(x) {
  if (x === null || x === undefined) return "–";
  if (!Number.isFinite(x)) return String(x).replace("Infinity", "∞").replace("-", "−");
  const size = Math.abs(x);
  let text;
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) text = x.toExponential(2).replace("e+", "e");
  else text = String(Number(x.toPrecision(size < 1 ? 3 : 4)));
  return text.replace("-", "−");
}

/** Round numbers that divide [low, high] into about `count` parts. */
function ticks(low, high, count) {
  const rough = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999);
  const result = [];
  for (let i = Math.ceil(low / step); i * step <= high + step * 1e-9; i++) result.push(i * step);
  return result;
}

/** The float32 numbers of a bytes trait (a DataView), which may start at any offset. */
function floats(view) {
  if (!view || !view.byteLength) return new Float32Array(0);
  return new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
}

/** Numbers in [0, 1) from a seed: xorshift (Marsaglia 2003). Each seed below 2³² - 1 has its own sequence. */
export function generator(seed) {
  let state = Math.imul(seed + 1, 0x9e3779b1) || 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 8; i++) next();
  return next;
}

/** Calls step() again and again while it returns true, once start() was called: a few ms at a time, so that the page
 * draws, and hears the reader, between. end() when the figure goes. */
function inSlices(step, ms = 8) {
  // A message to itself waits behind what the reader does, and unlike a timer is not held back.
  const turn = new MessageChannel();
  let sent = false;
  const start = () => {
    if (!sent) turn.port2.postMessage(null);
    sent = true;
  };
  turn.port1.onmessage = () => {
    sent = false;
    const until = performance.now() + ms;
    while (performance.now() < until) if (!step()) return;
    start();
  };
  return { start, end: () => turn.port1.close() };
}

/** Call `draw` with the element's width now and whenever it changes; returns how to stop. */
function onWidth(element, draw) {
  let last = 0;
  const observer = new ResizeObserver(() => {
    const width = Math.round(element.clientWidth);
    if (width && width !== last) draw((last = width));
  });
  observer.observe(element);
  return () => observer.disconnect();
}
