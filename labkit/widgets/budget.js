// What a budget buys: held-out perplexity against energy, a line for each width, and a budget to move.

const TRACK = 400; // positions of the slider, equal ratios apart
const TICKS = [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 40, 60, 100, 200, 500, 1000];
const LABEL = { char: 8.4, height: 14, right: 11 }; // a line's label: about its size, and how far from the line's end, in pixels

const count = (n) => Math.round(n).toLocaleString("en-US");
const joules = (energy) => `${energy >= 100 ? count(energy) : Number(energy.toPrecision(3))} J`;
const signed = (x) => `${Number(x.toFixed(1)) < 0 ? "−" : "+"}${Math.abs(x).toFixed(1)}`;

/**
 * What a budget buys of one width; null below its first measurement. Perplexity is interpolated over the logarithm
 * of the energy, steps over the energy. A record that ends below the budget keeps its last values.
 */
export function bought(line, budget) {
  const { energy } = line;
  const last = energy.length - 1;
  if (budget < energy[0]) return null;
  const spent = Math.min(budget, energy[last]);
  let k = 1;
  while (k < last && energy[k] < spent) k++;
  const part = Math.log(spent / energy[k - 1]) / Math.log(energy[k] / energy[k - 1]);
  const between = (column, share) => column[k - 1] + share * (column[k] - column[k - 1]);
  const steps = between(line.step, (spent - energy[k - 1]) / (energy[k] - energy[k - 1]));
  return { spent, ended: budget > energy[last], steps: Math.floor(steps + 1e-6),
    held_out: between(line.held_out, part), train: between(line.train, part) };
}

/** The index of the width with the lowest held-out perplexity. */
function bestOf(all) {
  const started = all.flatMap((one, i) => (one ? [i] : []));
  return started.reduce((best, i) => (all[i].held_out < all[best].held_out ? i : best), started[0]);
}

/** Narrow is blue and wide is orange, with purple between: told apart with any colour vision. */
function colorOf(i, n) {
  const part = n > 1 ? i / (n - 1) : 0;
  const [from, to, share] = part < 0.5 ? ["class0", "gradient", 2 * part] : ["gradient", "class1", 2 * part - 1];
  return `color-mix(in oklab, var(--lb-${to}) ${(100 * share).toFixed(0)}%, var(--lb-${from}))`;
}

/** The words below the chart: the best width, and what the widest (or else the narrowest) would get. */
function say(lines, all, budget) {
  const best = bestOf(all);
  const steps = ({ steps, ended }) => `${count(steps)} step${steps === 1 ? "" : "s"}${ended ? " (the end of its record)" : ""}`;
  let words = `With ${joules(budget)} the best is ${lines[best].n_embd} numbers wide: ${count(lines[best].parameters)} parameters, ${steps(all[best])}, perplexity ${all[best].held_out.toFixed(1)}`;
  const other = best === lines.length - 1 ? 0 : lines.length - 1;
  if (other !== best) {
    words += all[other] ? `; ${lines[other].n_embd} wide would get ${steps(all[other])} and ${all[other].held_out.toFixed(1)}`
      : `; for ${lines[other].n_embd} wide it does not pay a first step`;
  }
  return `${words}.`;
}

/** Place each label beside its line's end: near it, on no other label, on as few lines as can be. */
function placeLabels(labels, marks, edges) {
  const boxes = [];
  const within = (box, { x, y }) => x > box.left - 1 && x < box.right + 1 && y > box.top && y < box.bottom;
  const apart = (a, b) => a.right + 3 < b.left || b.right + 3 < a.left || a.bottom <= b.top || b.bottom <= a.top;
  for (const label of labels) {
    const width = LABEL.char * label.text.length;
    let chosen, least = Infinity;
    for (let down = -84; down <= 84; down += 7)
      for (const right of [LABEL.right, -width / 2, -width - LABEL.right]) {
        if (right !== LABEL.right && Math.abs(down) < 14) continue; // on the line's own end
        const [left, top] = [label.x + right, label.y + down - LABEL.height / 2];
        const box = { left, right: left + width, top, bottom: top + LABEL.height };
        if (left < edges.left || box.right > edges.right || box.top < edges.top || box.bottom > edges.bottom
          || !boxes.every((other) => apart(box, other))) continue;
        const cost = marks.filter((mark) => within(box, mark)).length / 6 + Math.abs(down) / 6 + (right === LABEL.right ? 0 : 2);
        if (cost < least) [least, chosen] = [cost, box];
      }
    if (chosen) boxes.push(Object.assign(label, chosen)); // else only the table has it
  }
  return labels.filter((label) => label.left !== undefined);
}

export default {
  render({ model, el }) {
    const lines = model.get("lines");
    const low = Math.min(...lines.map((line) => line.energy[0]));
    const high = Math.max(...lines.map((line) => line.energy.at(-1)));
    const color = (i) => colorOf(i, lines.length);
    let width = 480;
    let still = null; // what does not move with the budget: made once for each width of the page

    const toPart = (energy) => Math.log(energy / low) / Math.log(high / low);
    const toEnergy = (part) => {
      if (part <= 0) return low;
      return part >= 1 ? high : Math.min(high, Math.max(low, Number((low * (high / low) ** part).toPrecision(3))));
    };
    const change = (name, value) => { model.set(name, value); model.save_changes(); };

    const svg = node("svg", { class: "lb-svg lb-budget-chart", role: "img" });
    const box = node("div", { class: "lb-budget-box" }, svg);
    const slider = range({ min: 0, max: TRACK, step: 1, "aria-label": "budget" });
    const value = node("span", { class: "lb-num" });
    const check = node("input", { type: "checkbox", "data-lm-suppress-shortcuts": "true" });
    const words = node("div", { class: "lb-say", role: "status", "aria-live": "polite" });
    const rows = lines.map((line, i) => {
      const cells = [count(line.parameters), "", "", "", ""].map((text) => node("td", { class: "lb-num" }, text));
      const mark = node("span", { class: "lb-budget-mark" });
      return { cells, mark, row: node("tr", { "data-width": line.n_embd }, node("th", { scope: "row" },
        node("span", { class: "lb-budget-key", style: `background:${color(i)}` }), `${line.n_embd}`, mark), ...cells) };
    });
    const heads = ["width", "para\u00admeters", "steps", "held-out", "training", "gap"].map((text) => node("th", { scope: "col" }, text));
    const note = node("p", { class: "lb-note" });
    el.append(node("div", { class: "lb-box lb-budget" }, box,
      node("div", { class: "lb-bar" }, node("label", { class: "lb-slider" }, node("span", {}, "budget"), slider, value),
        node("label", { class: "lb-choice" }, check, "training names too (dashed)")),
      words, node("div", { class: "lb-scroll" }, node("table", { class: "lb-budget-table" },
        node("thead", {}, node("tr", {}, ...heads)), node("tbody", {}, ...rows.map(({ row }) => row)))), note));

    /** The axes, the strip of the best widths, and where everything lies. */
    const layout = () => {
      const phone = width < 480;
      const height = phone ? 320 : 360;
      const names = lines.map((line) => `${line.n_embd}${phone ? "" : " wide"}`);
      const room = LABEL.right + LABEL.char * Math.max(...names.map((name) => name.length)); // for the label of the longest line
      const inner = { left: 34, right: width - room, top: 40, bottom: height - 56 };
      const curves = lines.flatMap(({ held_out, train }) => [...held_out, ...train]);
      const top = 1.05 * Math.max(model.get("guessing"), ...curves);
      const bottom = 0.88 * Math.min(...curves);
      const px = (energy) => inner.left + (inner.right - inner.left) * toPart(energy);
      const py = (y) => inner.bottom - ((inner.bottom - inner.top) * Math.log(y / bottom)) / Math.log(top / bottom);
      const parts = [];
      const text = (words, x, y, anchor, more = {}) => parts.push(node("text", { class: "lb-tick", x, y, "text-anchor": anchor, ...more }, words));
      const guessing = py(model.get("guessing"));
      for (const y of TICKS.filter((y) => y > bottom && y < top && Math.abs(py(y) - guessing) > 14)) {
        parts.push(node("line", { class: "lb-axis", x1: inner.left, x2: inner.right, y1: py(y), y2: py(y) }));
        text(y, inner.left - 6, py(y) + 4, "end");
      }
      parts.push(node("line", { class: "lb-budget-guessing", x1: inner.left, x2: inner.right, y1: guessing, y2: guessing }));
      text(model.get("guessing"), inner.left - 6, guessing + 4, "end");
      for (let power = Math.ceil(Math.log10(low)); 10 ** power <= high; power++) {
        const x = px(10 ** power);
        parts.push(node("line", { class: "lb-axis", x1: x, x2: x, y1: inner.bottom, y2: inner.bottom + 4 }));
        text((10 ** power).toLocaleString("en-US"), x, inner.bottom + 17, "middle");
      }
      text("perplexity (lower is better)", 4, 11, "start");
      text("energy (J)", inner.right, inner.bottom + 31, "end");
      // Which width is the best at each budget: a strip below the axis.
      const strip = inner.bottom + 38;
      const columns = Array.from({ length: Math.ceil(inner.right - inner.left) }, (_, i) => {
        const all = lines.map((line) => bought(line, low * (high / low) ** (i / (inner.right - inner.left))));
        return { x: inner.left + i, all, best: bestOf(all) };
      });
      for (let from = 0; from < columns.length;) {
        let to = from;
        while (columns[to]?.best === columns[from].best) to++;
        const best = columns[from].best;
        parts.push(node("rect", { class: "lb-budget-strip", x: columns[from].x, y: strip, width: Math.max(1, to - from - 1), height: 16,
          rx: 2, style: `fill:${color(best)}` }, node("title", {}, `${lines[best].n_embd} wide is the best here`)));
        if (to - from > 16) text(lines[best].n_embd, columns[from].x + (to - from) / 2, strip + 12, "middle", { class: "lb-budget-best" });
        from = to;
      }
      text("best", inner.left - 6, strip + 12, "end");
      const marks = columns.flatMap(({ x, all }) => all.flatMap((one) => (one && !one.ended ? [{ x, y: py(one.held_out) }] : [])));
      const ends = lines.map((line, i) => ({ i, x: px(line.energy.at(-1)), y: py(line.held_out.at(-1)), text: names[i] }));
      const labels = placeLabels(ends, marks, { left: inner.left, right: width, top: inner.top, bottom: inner.bottom });
      const path = (line, name) => line.energy.map((e, k) => `${k ? "L" : "M"}${px(e).toFixed(1)} ${py(line[name][k]).toFixed(1)}`).join("");
      return { height, inner, px, py, guessing, parts, labels, path };
    };

    const draw = () => {
      still ??= layout();
      const { height, inner, px, py, guessing, parts, labels, path } = still;
      const budget = model.get("budget");
      const training = model.get("training");
      const all = lines.map((line) => bought(line, budget));
      const best = bestOf(all);
      const at = px(budget);
      const order = [...lines.keys()].sort((a, b) => (a === best) - (b === best)); // the best on top
      const moving = order.flatMap((i) => [
        training && node("path", { class: "lb-line lb-budget-training", d: path(lines[i], "train"), style: `stroke:${color(i)}`, "data-training": lines[i].n_embd }),
        node("path", { class: `lb-line lb-budget-line${i === best ? " lb-best" : ""}`, d: path(lines[i], "held_out"), style: `stroke:${color(i)}`, "data-line": lines[i].n_embd }),
      ]).filter(Boolean);
      moving.push(node("line", { class: "lb-budget-cursor", x1: at, x2: at, y1: inner.top - 6, y2: inner.bottom }),
        node("text", { class: "lb-end lb-tick", x: inner.right, y: guessing - 5, "text-anchor": "end" }, "guessing"));
      moving.push(...labels.map((label) => node("text", { class: "lb-end lb-budget-label", x: label.left, y: label.bottom - 3,
        style: `fill:${color(label.i)};font-weight:${label.i === best ? 800 : 600}`, "data-label": lines[label.i].n_embd }, label.text)));
      for (const i of order.filter((i) => all[i])) {
        const [cx, cy] = [px(all[i].spent), py(all[i].held_out)];
        const hollow = all[i].ended; // it stands where its record ends, before the cursor
        if (i === best) moving.push(node("circle", { class: "lb-budget-ring", cx, cy, r: 8.5, style: `stroke:${color(i)}` }));
        moving.push(node("circle", { class: "lb-budget-dot", cx, cy, r: hollow ? 3.5 : 4.5, "data-dot": lines[i].n_embd,
          style: hollow ? `fill:var(--lb-bg);stroke:${color(i)}` : `fill:${color(i)}` }));
      }
      // The budget's own label is the handle: it stays inside the chart.
      const wide = 7 * joules(budget).length + 14;
      const left = Math.min(Math.max(at - wide / 2, 1), width - wide - 1);
      moving.push(node("rect", { class: "lb-budget-handle", x: left, y: inner.top - 24, width: wide, height: 19, rx: 9.5 }),
        node("text", { class: "lb-budget-value", x: left + wide / 2, y: inner.top - 10.5, "text-anchor": "middle" }, joules(budget)));
      svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      svg.setAttribute("height", height);
      svg.replaceChildren(...parts, ...moving);

      const said = say(lines, all, budget);
      if (words.textContent !== said) words.textContent = said;
      svg.setAttribute("aria-label", `Perplexity against energy, a line for each width. ${said}`);
      if (slider !== document.activeElement || !slider.matches(":active")) slider.value = Math.round(TRACK * toPart(budget));
      slider.setAttribute("aria-valuetext", joules(budget));
      value.textContent = joules(budget);
      check.checked = training;
      rows.forEach(({ cells, mark, row }, i) => {
        const one = all[i];
        const shown = one ? [`${count(one.steps)}${one.ended ? "*" : ""}`, one.held_out.toFixed(1), one.train.toFixed(1), signed(one.held_out - one.train)] : ["–", "–", "–", "–"];
        shown.forEach((text, k) => { cells[k + 1].textContent = text; });
        row.classList.toggle("lb-best", i === best);
        mark.textContent = i === best ? "best" : "";
      });
      note.textContent = "Perplexity on held-out and on training names; gap: the first less the second." + (all.some((one) => one?.ended) ? " * The record ends here: the rest of the budget is not spent." : "");
    };

    const drag = (event) => {
      const frame = svg.getBoundingClientRect();
      const x = ((event.clientX - frame.left) * width) / frame.width;
      change("budget", toEnergy((x - still.inner.left) / (still.inner.right - still.inner.left)));
    };
    svg.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      svg.setPointerCapture(event.pointerId);
      drag(event);
    });
    svg.addEventListener("pointermove", (event) => { if (svg.hasPointerCapture(event.pointerId)) drag(event); });
    slider.addEventListener("input", () => change("budget", toEnergy(Number(slider.value) / TRACK)));
    check.addEventListener("change", () => change("training", check.checked));
    const stop = onWidth(box, (w) => { width = w; still = null; draw(); });
    for (const name of ["budget", "training"]) model.on(`change:${name}`, draw);
    draw();
    return () => { stop(); for (const name of ["budget", "training"]) model.off(`change:${name}`, draw); };
  },
};
