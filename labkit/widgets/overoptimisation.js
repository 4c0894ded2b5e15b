// Proxy and true reward of policies that chase the proxy, against √KL; the KL weight moves along the curves.
// All is computed beforehand (Curves.of): for each source, a reward model or an ensemble, and each KL weight.

const COLORS = { proxy: "validation", true: "loss" };
const WIDTHS = { label: 7.2, pill: 7.6 }; // of a character, in pixels: a guess that is a little large

const gain = (x, digits = 2) => `${Number(x.toFixed(digits)) < 0 ? "−" : "+"}${Math.abs(x).toFixed(digits)}`;
const share = (p) => (p > 0 && p < 0.001 ? "<0.1 %" : `${(100 * p).toFixed(p < 0.0995 ? 1 : 0)} %`);

/** What the figure is made of. Rows [KL, proxy, true] of each source and KL weight; sources: models, then ensembles. */
export function curvesOf(model) {
  const betas = model.get("betas");
  const numbers = floats(model.get("lines"));
  const cautions = model.get("cautions");
  const n = model.get("n_models");
  const point = (source, k) => {
    const [kl, proxy, truth] = numbers.subarray(3 * (source * betas.length + k));
    return { kl: Math.max(kl, 0), proxy, true: truth };
  };
  const line = (sources) => betas.map((_, k) => {
    const points = sources.map((source) => point(source, k));
    const mean = (name) => points.reduce((sum, one) => sum + one[name], 0) / points.length;
    return { kl: mean("kl"), proxy: mean("proxy"), true: mean("true") };
  });
  const models = Array.from({ length: n }, (_, i) => line([i]));
  return { betas, models, mean: line([...models.keys()]), ensembles: cautions.map((_, i) => line([n + i])) };
}

/** Where the truth is the highest. */
const peakOf = (line) => line.reduce((best, one, k) => (one.true > line[best].true ? k : best), 0);

export default {
  render({ model, el }) {
    const { betas, models, mean, ensembles } = curvesOf(model);
    const cautions = model.get("cautions");
    const answers = model.get("answers");
    const [top, values] = [floats(model.get("top")), floats(model.get("values"))];
    const sources = models.length + ensembles.length;
    const rowsOf = top.length / (2 * sources * betas.length) || 0;
    let width = 480;
    let still = null; // the axes: once for each width, kind of source and height

    const change = (name, value) => { model.set(name, value); model.save_changes(); };
    const place = () => Math.min(model.get("place"), betas.length - 1);
    const caution = () => Math.max(0, cautions.indexOf(model.get("caution")));
    const ensemble = () => model.get("ensemble");
    const shown = () => (ensemble() ? ensembles[caution()] : mean);
    const plural = models.length > 1;

    // -- the parts
    const keep = { "data-lm-suppress-shortcuts": "true" };
    const svg = node("svg", { class: "lb-svg lb-over-chart", role: "img" });
    const box = node("div", {}, svg);
    const slider = range({ min: 0, max: betas.length - 1, step: 1, "aria-label": "KL weight β", oninput: () => change("place", Number(slider.value)) });
    const beta = node("span", { class: "lb-num" });
    const stop = button("move β to where the true reward is the highest", "Stop at the peak", () => change("place", peakOf(shown())));
    const group = `lb-over-${Math.random().toString(36).slice(2)}`;
    const radio = (words, on) => {
      const input = node("input", { type: "radio", name: group, ...keep, onchange: () => change("ensemble", on) });
      return { input, label: node("label", { class: "lb-choice" }, input, words) };
    };
    const single = radio(plural ? "one reward model each" : "one reward model", false);
    const together = radio(`ensemble of ${models.length}`, true);
    const care = range({ min: 0, max: cautions.length - 1, step: 1, "aria-label": "caution", oninput: () => change("caution", cautions[Number(care.value)]) });
    const careShown = node("span", { class: "lb-num" });
    const careLabel = node("label", { class: "lb-slider" }, node("span", {}, "caution"), care, careShown);
    const zoom = node("input", { type: "checkbox", ...keep, onchange: () => change("zoom", zoom.checked) });
    const words = node("div", { class: "lb-say", role: "status", "aria-live": "polite" });
    const cell = Object.fromEntries([["beta", "KL weight β"], ["kl", "KL(π‖μ), nats"], ["proxy", "proxy reward"], ["true", "true reward"],
      ["peak", "true reward at the peak"], ["peak_beta", "β at the peak"]].map(([name, text]) => [name, { text, value: node("dd", { class: "lb-num", "data-number": name }) }]));
    const which = node("select", { class: "lb-input", "aria-label": "reward model", ...keep, onchange: () => change("model", Number(which.value)) },
      ...models.map((_, i) => node("option", { value: i }, `reward model ${i + 1}`)));
    const whose = node("span");
    const rows = Array.from({ length: rowsOf }, () => {
      const [name, ...cells] = [node("th", { scope: "row" }), ...["", "", ""].map(() => node("td", { class: "lb-num" }))];
      return { name, cells, row: node("tr", {}, name, ...cells) };
    });
    const table = rowsOf > 0 && node("div", { class: "lb-over-side" }, node("div", { class: "lb-bar" }, whose, plural ? which : null),
      node("table", { class: "lb-over-table" }, node("thead", {}, node("tr", {}, ...["answer", "π", "proxy", "true"].map((text) => node("th", { scope: "col" }, text)))),
        node("tbody", {}, ...rows.map(({ row }) => row))));
    el.append(node("div", { class: "lb-box lb-over" }, box,
      node("div", { class: "lb-bar" }, node("label", { class: "lb-slider" }, node("span", {}, "KL weight β", node("small", {}, "smaller to the right")), slider, beta), stop),
      node("div", { class: "lb-bar" }, ...(plural ? [node("div", { class: "lb-bar", role: "radiogroup", "aria-label": "what is chased" }, single.label, together.label), careLabel] : []),
        node("label", { class: "lb-choice" }, zoom, "zoom in on the truth")),
      words, node("div", { class: "lb-over-parts" },
        node("dl", { class: "lb-over-side" }, ...Object.values(cell).flatMap(({ text, value }) => [node("dt", {}, text), value])), table || null),
      node("p", { class: "lb-note" }, "Rewards are counted from the reference's: 0 is what μ has.")));

    /** The axes, the same for all β and cautions. The width is the same for models and ensembles, so that they can be compared. */
    const layout = () => {
      const height = width < 480 ? 320 : 380;
      const all = [...models, ...ensembles].flat();
      const end = 1.02 * Math.sqrt(Math.max(...all.map((one) => one.kl)));
      const [those, truths] = ensemble() ? [ensembles.flat(), [...ensembles.flat(), ...mean]] : [models.flat(), models.flat()];
      const both = [0, ...truths.map((one) => one.true), ...(model.get("zoom") ? [] : those.map((one) => one.proxy))];
      const [least, most] = [Math.min(...both), Math.max(...both)];
      const room = 0.05 * (most - least || 1);
      const [low, high] = [least - room, most + room];
      const inner = { left: 40, right: width - 76, top: 62, bottom: height - 40 };
      const px = (kl) => inner.left + ((inner.right - inner.left) * Math.sqrt(kl)) / (end || 1);
      const py = (y) => inner.bottom - ((inner.bottom - inner.top) * (y - low)) / (high - low);
      const parts = [];
      for (const y of ticks(low, high, 6)) {
        parts.push(node("line", { class: y ? "lb-axis" : "lb-axis lb-over-zero", x1: inner.left, x2: inner.right, y1: py(y), y2: py(y) }));
        parts.push(node("text", { class: "lb-tick", x: inner.left - 6, y: py(y) + 4, "text-anchor": "end" }, format(Number(y.toPrecision(6)))));
      }
      for (const x of ticks(0, end, width < 480 ? 4 : 8))
        parts.push(node("text", { class: "lb-tick", x: px(x ** 2), y: inner.bottom + 17, "text-anchor": "middle" }, format(Number(x.toPrecision(6)))));
      parts.push(node("text", { class: "lb-tick", x: 4, y: 12 }, "reward, above the reference's"),
        node("text", { class: "lb-tick", x: inner.right, y: inner.bottom + 33, "text-anchor": "end" }, "√KL(π‖μ), in √nats"));
      const path = (line, name) => line.map((one, k) => `${k ? "L" : "M"}${px(one.kl).toFixed(1)} ${py(one[name]).toFixed(1)}`).join("");
      return { height, inner, px, py, parts, path };
    };

    /** The names at the lines' ends, in their order and apart. */
    const endLabels = (lines) => {
      const { inner, py } = still;
      const labels = lines.map(({ y, ...rest }) => ({ ...rest, y: py(y) })).sort((a, b) => a.y - b.y);
      labels.forEach((label, i) => { label.y = Math.max(label.y, i ? labels[i - 1].y + 15 : inner.top); });
      for (let i = labels.length - 1, floor = inner.bottom; i >= 0; i--, floor = labels[i + 1].y - 15) labels[i].y = Math.min(labels[i].y, floor);
      return labels.map(({ text, color, y }) => node("text", { class: "lb-end lb-over-label", x: inner.right + 6, y: y + 4, style: `fill:var(--lb-${color})` }, text));
    };

    const drawChart = (line, k, peak) => {
      still ??= layout();
      const { height, inner, px, py, parts, path } = still;
      const moving = [], curves = [];
      const draw = (one, name, kind, more = {}) => curves.push(node("path", { class: `lb-line lb-over-${name} ${kind}`, style: `stroke:var(--lb-${COLORS[name]})`, d: path(one, name), ...more }));
      const ends = ["proxy", "true"].map((name) => ({ text: name, color: COLORS[name], y: line.at(-1)[name] }));
      if (ensemble()) {
        draw(mean, "true", "lb-over-before");
        ends.push({ text: "true, one", color: COLORS.true, y: mean.at(-1).true });
      } else if (plural) {
        models.forEach((one, i) => { for (const name of ["proxy", "true"]) draw(one, name, "lb-over-thin", { "data-model": i }); });
      }
      for (const name of ["proxy", "true"]) draw(line, name, "lb-over-thick");
      // An svg in the svg: what leaves the axes, as proxies do where it is zoomed, is cut off.
      const frame = [inner.left - 2, inner.top, inner.right - inner.left + 4, inner.bottom - inner.top];
      moving.push(node("svg", { class: "lb-over-frame", x: frame[0], y: frame[1], width: frame[2], height: frame[3], viewBox: frame.join(" ") }, ...curves));
      const [best, at] = [px(line[peak].kl), px(line[k].kl)];
      moving.push(node("line", { class: "lb-over-stop", x1: best, x2: best, y1: inner.top - 4, y2: inner.bottom }),
        node("line", { class: "lb-over-cursor", x1: at, x2: at, y1: inner.top - 22, y2: inner.bottom }));
      // "stop here" stands beside its line on the side where the cursor is not, or else beyond the cursor.
      const long = WIDTHS.label * 9;
      const onLeft = at >= best && best - long > 0;
      const from = onLeft ? best - 5 : (at >= best && at < best + long + 8 ? at : best) + 5;
      moving.push(node("text", { class: "lb-end lb-over-stop-label", x: from, y: inner.top - 8, "text-anchor": onLeft ? "end" : "start" }, peak < betas.length - 1 ? "stop here" : "best"),
        node("circle", { class: "lb-over-peak", cx: best, cy: py(line[peak].true), r: 8 }));
      for (const name of ["proxy", "true"].filter((name) => py(line[k][name]) > inner.top - 1))
        moving.push(node("circle", { class: "lb-over-dot", cx: at, cy: py(line[k][name]), r: 5, "data-dot": name, style: `fill:var(--lb-${COLORS[name]})` }));
      const text = `β ${format(betas[k])}`;
      const wide = WIDTHS.pill * text.length + 14;
      const left = Math.min(Math.max(at - wide / 2, 1), width - wide - 1);
      moving.push(node("rect", { class: "lb-over-handle", x: left, y: inner.top - 42, width: wide, height: 20, rx: 10 }),
        node("text", { class: "lb-over-value", x: left + wide / 2, y: inner.top - 28, "text-anchor": "middle" }, text));
      svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      svg.setAttribute("height", height);
      svg.replaceChildren(...parts, ...moving, ...endLabels(ends));
    };

    const say = (line, k, peak) => {
      const one = line[k];
      const who = ensemble() ? [`the ensemble (mean − ${format(cautions[caution()])} · std) says`, ""] : plural ? ["the proxies say", ` (means of ${models.length} reward models)`] : ["the proxy says", ""];
      const now = `At β = ${format(betas[k])}, ${format(Number(one.kl.toFixed(2)))} nats from the reference, ${who[0]} ${gain(one.proxy)} and the truth is ${gain(one.true)}${who[1]}.`;
      const best = `${gain(line[peak].true)} at β = ${format(betas[peak])}`;
      if (k === peak) return `${now} ${k < betas.length - 1 ? "The truth is never better: stop here." : "The truth is best here, at the smallest β: nothing is over-optimised."}`;
      if (k > peak) return `${now} Too far: the truth was best, ${best}; since then the proxy rose by ${gain(one.proxy - line[peak].proxy)} and the truth changed by ${gain(one.true - line[peak].true)}.`;
      return `${now} There is more to have: the truth is best, ${best}.`;
    };

    const drawTable = (k) => {
      const source = ensemble() ? models.length + caution() : Math.min(model.get("model"), models.length - 1);
      whose.textContent = `Given most by the policy${ensemble() ? " of the ensemble" : plural ? " of" : ""}`;
      which.hidden = ensemble();
      which.value = source;
      rows.forEach(({ name, cells }, i) => {
        const at = 2 * ((source * betas.length + k) * rowsOf + i);
        const row = values.subarray(top[at] * (1 + sources), (top[at] + 1) * (1 + sources));
        name.textContent = answers[top[at]];
        [share(top[at + 1]), gain(row[1 + source]), gain(row[0])].forEach((text, j) => { cells[j].textContent = text; });
        cells.forEach((one, j) => { one.dataset.value = [top[at + 1], row[1 + source], row[0]][j]; });
      });
    };

    const draw = () => {
      const [line, k] = [shown(), place()];
      const peak = peakOf(line);
      drawChart(line, k, peak);
      const said = say(line, k, peak);
      if (words.textContent !== said) words.textContent = said;
      svg.setAttribute("aria-label", `Proxy and true reward against the square root of the KL. ${said}`);
      if (!slider.matches(":active")) slider.value = k;
      slider.setAttribute("aria-valuetext", format(betas[k]));
      beta.textContent = format(betas[k]);
      (ensemble() ? together : single).input.checked = true;
      careLabel.hidden = !ensemble();
      zoom.checked = model.get("zoom");
      care.value = caution();
      care.setAttribute("aria-valuetext", format(cautions[caution()]));
      careShown.textContent = format(cautions[caution()]);
      const numbers = { beta: betas[k], ...line[k], peak: line[peak].true, peak_beta: betas[peak] };
      for (const [name, { value }] of Object.entries(cell)) {
        value.dataset.value = numbers[name];
        value.textContent = name.endsWith("beta") ? format(numbers[name]) : name === "kl" ? numbers.kl.toFixed(2) : gain(numbers[name]);
      }
      if (rowsOf) drawTable(k);
    };

    const drag = (event) => {
      const frame = svg.getBoundingClientRect();
      const x = ((event.clientX - frame.left) * width) / frame.width;
      const far = shown().map((one) => Math.abs(still.px(one.kl) - x));
      change("place", far.indexOf(Math.min(...far)));
    };
    svg.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      svg.setPointerCapture(event.pointerId);
      drag(event);
    });
    svg.addEventListener("pointermove", (event) => { if (svg.hasPointerCapture(event.pointerId)) drag(event); });
    const unwatch = onWidth(box, (w) => { width = w; still = null; draw(); });
    const again = () => { still = null; draw(); };
    const heard = { place: draw, caution: draw, model: draw, ensemble: again, zoom: again };
    for (const [name, act] of Object.entries(heard)) model.on(`change:${name}`, act);
    draw();
    return () => { unwatch(); for (const [name, act] of Object.entries(heard)) model.off(`change:${name}`, act); };
  },
};
