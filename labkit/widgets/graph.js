// The steppable autograd graph. Draws `nodes`; in a page without a kernel `simulate` recomputes them.

const BOX = { width: 118, height: 76, gapX: 42, gapY: 18 };
const PAD = 10;

// -- the engine's stand-in: the same operations, the same local gradients (labkit.scalar.value)

const OPERATIONS = {
  "+": ([a, b]) => [a + b, [1, 1]],
  "-": ([a, b]) => [a - b, [1, -1]],
  "*": ([a, b]) => [a * b, [b, a]],
  "/": ([a, b]) => (b === 0 ? fail(`${a} / ${b}: division by zero`) : [a / b, [1 / b, -a / b / b]]),
  neg: ([a]) => [-a, [-1]],
  relu: ([a]) => [Math.max(0, a), [a > 0 ? 1 : 0]],
  exp: ([a]) => (a > 709.78 ? fail(`exp(${a}): the result is too large for a float`) : [Math.exp(a), [Math.exp(a)]]),
  log: ([a]) => (a <= 0 ? fail(`log(${a}): the argument must be greater than zero`) : [Math.log(a), [1 / a]]),
  tanh: ([a]) => [Math.tanh(a), [1 - Math.tanh(a) ** 2]],
  "**": ([a, b]) => {
    if (a < 0) fail(`${a} ** Value(${b}): a negative base has no gradient to its exponent; use a plain number there`);
    return [constantPower(a, b), a === 0 ? [slopeOfPower(a, b), 0] : [slopeOfPower(a, b), a ** b * Math.log(a)]];
  },
};

function fail(message) {
  throw new RangeError(message);
}

/** The value and local gradients of one operation. */
function apply(op, args) {
  if (OPERATIONS[op]) return OPERATIONS[op](args);
  if (!op.startsWith("**")) fail(`this page cannot compute ${op || "a node without a name"} again; JupyterLab can`);
  const n = Number(op.slice(2)); // "**2": a constant exponent
  return [constantPower(args[0], n), [slopeOfPower(args[0], n)]];
}

function constantPower(a, n) {
  if (a === 0 && n < 0) fail(`${a} ** ${n}: zero to a negative power is a division by zero`);
  if (a < 0 && !Number.isInteger(n)) fail(`${a} ** ${n}: a negative base needs a whole exponent`);
  return a ** n;
}

/** n a^(n-1); at 0 with n < 1 the slope is vertical. */
function slopeOfPower(a, n) {
  if (n === 0) return 0;
  return a === 0 && n < 1 ? Infinity : n * a ** (n - 1);
}

/** Values and local gradients of every node; `override` fixes the value of one of them. */
function forward(nodes, inputs, override = null) {
  const data = [];
  const local = [];
  nodes.forEach((item, i) => {
    if (item.children.length) [data[i], local[i]] = apply(item.op, item.children.map((child) => data[child]));
    else [data[i], local[i]] = [item.input ? inputs[item.input] : item.data, []];
    if (override && override.index === i) data[i] = override.value;
  });
  return { data, local };
}

/** What the kernel would answer to a change of the inputs. */
export function simulate(state, changed) {
  if (!changed.includes("inputs")) return {};
  const { inputs } = state;
  const nodes = state.nodes.map(numbers);
  try {
    const { data, local } = forward(nodes, inputs);
    const grad = nodes.map(() => 0);
    grad[nodes.length - 1] = 1;
    for (let i = nodes.length - 1; i >= 0; i--)
      nodes[i].children.forEach((child, k) => { grad[child] += local[i][k] * grad[i]; });
    const numeric = nodes.map((_, index) => {
      const h = 6e-6 * Math.max(1, Math.abs(data[index]));
      try {
        const at = (value) => forward(nodes, inputs, { index, value }).data.at(-1);
        return (at(data[index] + h) - at(data[index] - h)) / (2 * h);
      } catch { return null; }
    });
    return { error: "", nodes: nodes.map((item, i) => ({ ...item, data: data[i], local: local[i], grad: grad[i], numeric: numeric[i] })) };
  } catch (error) {
    return { error: error.message };
  }
}

/** A node with its numbers as numbers: JSON has no infinity, so Python writes "inf", "-inf" and "nan". */
function numbers(item) {
  const one = (x) => (typeof x === "string" ? Number(x.replace("inf", "Infinity")) : x);
  return { ...item, data: one(item.data), grad: one(item.grad), numeric: one(item.numeric), local: item.local.map(one) };
}

// -- the steps: first every operation forward, then the seed, then every edge backward

function stepsOf(nodes) {
  const steps = [];
  nodes.forEach((item, i) => { if (item.children.length) steps.push({ kind: "forward", at: i }); });
  steps.push({ kind: "seed", at: nodes.length - 1 });
  for (let i = nodes.length - 1; i >= 0; i--)
    nodes[i].children.forEach((child, k) => steps.push({ kind: "backward", at: i, child, k }));
  return steps;
}

const SYMBOLS = { "*": "×", "-": "−", "/": "÷", neg: "negate" };
const nameOf = (item) => item.input || (item.children.length ? symbol(item.op) : "constant");

function symbol(op) {
  if (op.startsWith("**") && op.length > 2) return `power ${op.slice(2)}`;
  return SYMBOLS[op] || (op === "**" ? "power" : op);
}

/** A node in words: "a", or "× (6)" for one that has no name of its own. */
const inWords = (item) => (item.input ? item.input : item.children.length ? `${symbol(item.op)} (${format(item.data)})` : format(item.data));

/** What a step does, in one sentence. */
function say(step, nodes, before) {
  if (!step) return "The inputs have their values. Step forward to compute with them.";
  const item = nodes[step.at];
  if (step.kind === "forward") {
    const args = item.children.map((child) => format(nodes[child].data));
    const term = args.length === 2 && item.op !== "**" ? args.join(` ${symbol(item.op)} `) : `${symbol(item.op)} of ${args.join(" and ")}`;
    return `Forward: ${term} = ${format(item.data)}.`;
  }
  if (step.kind === "seed") return "Backward starts at the result: its gradient with respect to itself is 1.";
  const child = nodes[step.child];
  const added = item.local[step.k] * before[step.at];
  return `Backward, from ${inWords(item)} to ${inWords(child)}: local gradient ${format(item.local[step.k])} × gradient ` +
    `${format(before[step.at])} = ${format(added)}; added to ${format(before[step.child])} it makes ${format(before[step.child] + added)}.`;
}

/** Which values are known and what each gradient has grown to, `count` steps in. */
function stateAfter(nodes, steps, count) {
  const known = nodes.map((item) => !item.children.length);
  const grad = nodes.map(() => 0);
  let before = grad;
  for (const step of steps.slice(0, count)) {
    before = [...grad];
    if (step.kind === "forward") known[step.at] = true;
    else if (step.kind === "seed") grad[step.at] = 1;
    else grad[step.child] += nodes[step.at].local[step.k] * grad[step.at];
  }
  return { known, grad, before };
}

export default {
  render({ model, el }) {
    const box = node("div", { class: "lb-box lb-graph-box" });
    const scroller = node("div", { class: "lb-graph", tabindex: "0", role: "group", "aria-label": "graph" });
    const words = node("div", { class: "lb-say", role: "status", "aria-live": "polite" });
    const fault = node("p", { class: "lb-note lb-error" });
    let timer = null;

    const read = () => model.get("nodes").map(numbers);
    const steps = () => stepsOf(read());
    const position = () => (model.get("position") < 0 ? steps().length : Math.min(model.get("position"), steps().length));
    const go = (to) => {
      model.set("position", Math.max(0, Math.min(steps().length, to)));
      model.save_changes();
      draw();
    };
    const play = () => {
      if (timer) return halt();
      if (position() >= steps().length) go(0);
      nameButton(playing, "Pause", "play all steps");
      timer = setInterval(() => { go(position() + 1); if (position() >= steps().length) halt(); }, 900);
    };
    const halt = () => { clearInterval(timer); timer = null; nameButton(playing, "Play", "play all steps"); };
    const playing = button("play all steps", "Play", play);
    const counter = node("span", { class: "lb-note lb-num" });
    const bar = node("div", { class: "lb-bar" },
      button("to the start", "Start", () => { halt(); go(0); }),
      button("one step back", "◀ Back", () => { halt(); go(position() - 1); }),
      button("one step on", "Step ▶", () => { halt(); go(position() + 1); }),
      button("to the end", "End", () => { halt(); go(steps().length); }),
      playing, counter);

    const setInput = (name, value) => {
      model.set("inputs", { ...model.get("inputs"), [name]: value });
      model.save_changes();
      drawInputs();
    };
    const sliders = {};
    const inputs = node("div", { class: "lb-bar" });
    for (const name of Object.keys(model.get("inputs"))) {
      const [low, high] = model.get("ranges")[name];
      const input = range({ min: low, max: high, step: (high - low) / 200, "data-input": name, "aria-label": `input ${name}`,
        oninput: () => setInput(name, Number(Number(input.value).toPrecision(6))) });
      const shown = node("span", { class: "lb-num" });
      sliders[name] = { input, shown, low, high };
      inputs.append(node("label", { class: "lb-slider" }, node("b", {}, name), input, shown));
    }
    const drawInputs = () => {
      for (const [name, { input, shown }] of Object.entries(sliders)) {
        const value = model.get("inputs")[name];
        if (Number(input.value) !== value) input.value = value;
        shown.textContent = format(value);
        input.setAttribute("aria-valuetext", format(value));
      }
    };
    const draw = () => {
      const nodes = read();
      const list = steps();
      const count = position();
      const state = stateAfter(nodes, list, count);
      const done = count === list.length && model.get("position") < 0;
      const now = done ? undefined : list[count - 1];
      scroller.replaceChildren(paint(nodes, state, now, count > nodes.filter((n) => n.children.length).length, sliders, setInput));
      words.textContent = done ? "All steps are done. Step through them from the start, or drag an input." : say(now, nodes, state.before);
      counter.textContent = `step ${count} of ${list.length}`;
      fault.textContent = model.get("error");
      drawInputs();
    };
    box.append(bar, words, scroller, inputs, fault);
    el.append(box);
    const events = ["change:nodes", "change:position", "change:error", "change:inputs"];
    for (const event of events) model.on(event, draw);
    draw();
    return () => { halt(); for (const event of events) model.off(event, draw); };
  },
};

/** The graph as SVG; nodes that are inputs can be dragged sideways. */
function paint(nodes, { known, grad }, now, backward, sliders, setInput) {
  const x = (item) => PAD + item.column * (BOX.width + BOX.gapX);
  const y = (item) => PAD + item.row * (BOX.height + BOX.gapY);
  const width = Math.max(...nodes.map(x)) + BOX.width + PAD;
  const height = Math.max(...nodes.map(y)) + BOX.height + PAD;
  const edges = [];
  const labels = [];
  nodes.forEach((item, i) => item.children.forEach((childIndex, k) => {
    const child = nodes[childIndex];
    // Edges end in the order of their children's rows, so that they do not cross at the box.
    const slot = item.children.filter((other, m) => nodes[other].row < child.row || (nodes[other].row === child.row && m < k)).length;
    const [x1, y1, x2] = [x(child) + BOX.width, y(child) + BOX.height / 2, x(item)];
    // Two edges to one node end apart: a * a has two.
    const y2 = y(item) + (BOX.height * (slot + 1)) / (item.children.length + 1);
    const middle = x2 - BOX.gapX / 2;
    const active = now && now.at === i && (now.kind === "forward" || (now.kind === "backward" && now.k === k));
    edges.push(node("path", { class: `lb-edge${active ? " lb-active" : ""}`, d: `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}` }));
    if (active && now.kind === "backward")
      labels.push(node("text", { class: "lb-local", x: (x1 + x2) / 2, y: (y1 + y2) / 2 - 6 }, `×${format(item.local[k])}`));
  }));
  const boxes = nodes.map((item, i) => {
    const active = now && (now.at === i || now.child === i);
    const line = (row, key, value, kind) => [
      node("text", { class: "lb-key", x: 8, y: 18 + 16 * row }, key),
      node("text", { class: `lb-value ${kind}`, x: BOX.width - 8, y: 18 + 16 * row, "data-kind": key }, value)];
    const group = node("g", { class: `lb-node${item.input ? " lb-leaf" : ""}${active ? " lb-active" : ""}${known[i] ? "" : " lb-waiting"}`,
      transform: `translate(${x(item)} ${y(item)})`, "data-node": item.input || String(i) },
      node("rect", { width: BOX.width, height: BOX.height, rx: 7 }),
      node("text", { class: "lb-name", x: 8, y: 17 }, nameOf(item)),
      ...line(1, "value", known[i] ? format(item.data) : "?", ""),
      ...line(2, "grad", backward ? format(grad[i]) : "–", "lb-grad"),
      ...line(3, "numeric", backward ? format(item.numeric) : "–", "lb-grad"));
    if (item.input && sliders[item.input]) draggable(group, item, sliders[item.input], setInput);
    return group;
  });
  const last = nodes.at(-1);
  return node("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `Graph of ${nodes.length} nodes; the result is ${format(last.data)}.` }, ...edges, ...boxes, ...labels);
}

/** Drag a node sideways to change its input; the window listens, since a redraw replaces the node. */
function draggable(group, item, { low, high }, setInput) {
  group.style.touchAction = "pan-y";
  group.addEventListener("pointerdown", (down) => {
    if (down.button !== 0 || !down.isPrimary) return;
    down.preventDefault();
    const start = item.data;
    const move = (event) => {
      if (event.pointerId !== down.pointerId) return;
      const value = start + ((event.clientX - down.clientX) * (high - low)) / 300;
      setInput(item.input, Math.min(high, Math.max(low, Number(value.toPrecision(3)))));
    };
    // A touch that turns into scrolling ends with pointercancel; each end takes all three listeners away.
    const ending = new AbortController();
    const { signal } = ending;
    window.addEventListener("pointermove", move, { signal });
    for (const end of ["pointerup", "pointercancel", "blur"]) window.addEventListener(end, () => ending.abort(), { signal });
  });
}
