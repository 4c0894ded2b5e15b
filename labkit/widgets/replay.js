// A run to watch again: the loss curve with a cursor on one of its samples, and the sample's text.

const PACE = 900; // milliseconds that a sample stays while it plays

const thousands = (n) => Math.round(n).toLocaleString("en-US");
const nats = (x) => x.toFixed(x < 10 ? 3 : 1);

/** The last of the rows [step, value] up to a step; null before the first. */
function upTo(rows, step) {
  let found = null;
  for (const row of rows) {
    if (row[0] > step) break;
    found = row;
  }
  return found;
}

export default {
  render({ model, el }) {
    let width = 480;
    let timer = 0;
    const still = matchMedia("(prefers-reduced-motion: reduce)");

    const record = () => model.get("record");
    const last = () => record().samples.length - 1;
    const place = () => (model.get("place") < 0 ? last() : Math.min(model.get("place"), last()));
    // At the end it is -1: the newest, whatever is written later.
    const go = (to) => {
      const at = Math.max(0, Math.min(last(), to));
      model.set("place", at === last() ? -1 : at);
      model.save_changes();
    };

    const svg = node("svg", { class: "lb-svg lb-replay-chart", role: "img" });
    const box = node("div", {}, svg);
    const play = button("show one sample after the other", "Play", () => (timer ? pause() : start()));
    const slider = range({ min: 0, step: 1, "aria-label": "step" });
    const value = node("span", { class: "lb-num" });
    const numbers = node("div", { class: "lb-say lb-replay-numbers" });
    const title = node("div", { class: "lb-note" });
    const text = node("pre", { class: "lb-replay-text", tabindex: 0, "data-lm-suppress-shortcuts": "true" });
    const said = node("div", { class: "lb-unseen", role: "status", "aria-live": "polite" });
    el.append(node("div", { class: "lb-box lb-replay" }, box,
      node("div", { class: "lb-bar" }, play, node("label", { class: "lb-slider" }, node("span", {}, "step"), slider, value)),
      numbers, title, text, said));

    function pause() {
      clearInterval(timer);
      timer = 0;
      draw();
    }
    function start() {
      const from = place() >= last() ? 0 : place() + 1;
      if (still.matches) return go(from); // one step for each press: nothing moves by itself
      timer = setInterval(() => (place() >= last() ? pause() : go(place() + 1)), PACE);
      go(from);
      draw();
    }

    const layout = () => {
      const { train, validation, samples } = record();
      const height = width < 480 ? 210 : 250;
      const inner = { left: 40, right: width - (width < 480 ? 22 : 122), top: 26, bottom: height - 38 };
      const curves = [...train, ...validation].map(([, y]) => y);
      const end = Math.max(1, ...[train, validation, samples].map((rows) => rows.at(-1)?.[0] ?? 0));
      const [least, most] = curves.length ? [Math.min(...curves), Math.max(...curves)] : [0, 1];
      const room = Math.max(0.05 * (most - least), 0.05);
      const [low, high] = [Math.max(0, least - room), most + room];
      return { height, inner, end, low, high, px: (x) => inner.left + ((inner.right - inner.left) * x) / end,
        py: (y) => inner.bottom - ((inner.bottom - inner.top) * (y - low)) / (high - low) };
    };

    const drawChart = () => {
      const { train, validation, samples } = record();
      const { height, inner, end, low, high, px, py } = layout();
      const parts = [];
      for (const y of ticks(low, high, 4)) {
        parts.push(node("line", { class: "lb-axis", x1: inner.left, x2: inner.right, y1: py(y), y2: py(y) }));
        parts.push(node("text", { class: "lb-tick", x: inner.left - 6, y: py(y) + 4, "text-anchor": "end" }, format(y)));
      }
      for (const x of ticks(0, end, width < 480 ? 3 : 6))
        parts.push(node("text", { class: "lb-tick", x: px(x), y: inner.bottom + 18, "text-anchor": "middle" }, thousands(x)));
      parts.push(node("text", { class: "lb-tick", x: 4, y: 11 }, "loss (nats)"),
        node("text", { class: "lb-tick", x: inner.right, y: inner.bottom + 33, "text-anchor": "end" }, "step"));
      for (const [step] of samples) // where there is something to read
        parts.push(node("line", { class: "lb-replay-tick", x1: px(step), x2: px(step), y1: inner.bottom, y2: inner.bottom + 5 }));
      const here = samples.length ? samples[place()][0] : null;
      if (here !== null) parts.push(node("line", { class: "lb-replay-cursor", x1: px(here), x2: px(here), y1: inner.top + (width < 480 ? 24 : -8), y2: inner.bottom + 5 }));
      const labels = [];
      for (const [name, color, rows] of [["training", "loss", train], ["validation", "validation", validation]]) {
        if (!rows.length) continue;
        const style = `stroke:var(--lb-${color})`;
        parts.push(node("path", { class: "lb-line", style, "data-series": name,
          d: rows.map(([x, y], k) => `${k ? "L" : "M"}${px(x).toFixed(1)} ${py(y).toFixed(1)}`).join("") }));
        const found = here === null ? null : upTo(rows, here);
        if (found) parts.push(node("circle", { class: "lb-replay-dot", cx: px(found[0]), cy: py(found[1]), r: 4.5, style: `fill:var(--lb-${color})` }));
        labels.push({ name, color, y: py(rows.at(-1)[1]), loss: rows.at(-1)[1] });
      }
      labels.sort((a, b) => a.y - b.y);
      labels.forEach((label, i) => {
        const style = `fill:var(--lb-${label.color});font-weight:600`;
        if (width < 480) { // no room beside the lines: in the corner that a falling curve leaves free
          parts.push(node("text", { class: "lb-end", x: inner.right, y: inner.top + 4 + 15 * i, "text-anchor": "end", style }, `${label.name} ${nats(label.loss)}`));
          return;
        }
        label.y = Math.max(label.y, i ? labels[i - 1].y + 14 : 0);
        parts.push(node("text", { class: "lb-end", x: inner.right + 6, y: label.y + 4, style }, `${label.name} ${nats(label.loss)}`));
      });
      svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      svg.setAttribute("height", height);
      svg.replaceChildren(...parts);
    };

    /** The losses at the cursor, in words. An evaluation may be some steps old: then its step is said too. */
    const lossesAt = (step) => {
      const { train, validation } = record();
      const [now, then] = [upTo(train, step) ?? train[0], upTo(validation, step)];
      const parts = [];
      if (now) parts.push(`training loss ${nats(now[1])}`);
      if (then) parts.push(`validation loss ${nats(then[1])}${then[0] === step ? "" : ` (at step ${thousands(then[0])})`}`);
      return parts.join(", ");
    };

    function draw(aloud = true) {
      const { samples, train } = record();
      drawChart();
      const empty = !samples.length;
      slider.max = Math.max(0, last());
      slider.disabled = empty || last() === 0;
      play.disabled = empty || last() === 0;
      nameButton(play, timer ? "Pause" : still.matches ? "Next" : "Play",
        timer ? "stay at this sample" : still.matches ? "the next sample; the first after the last" : "show one sample after the other");
      if (empty) {
        numbers.textContent = "No sample has been written yet.";
        value.textContent = "–";
        title.textContent = text.textContent = "";
        text.hidden = true;
        svg.setAttribute("aria-label", train.length ? `Loss over ${thousands(train.at(-1)[0])} steps; no sample yet` : "no step yet");
        return;
      }
      const [step, written] = samples[place()];
      const end = thousands(Math.max(samples.at(-1)[0], train.at(-1)?.[0] ?? 0));
      const losses = lossesAt(step);
      if (!slider.matches(":active")) slider.value = place();
      slider.setAttribute("aria-valuetext", `step ${thousands(step)}`);
      value.textContent = thousands(step);
      value.style.minWidth = `${end.length}ch`;
      numbers.replaceChildren(node("b", {}, `step ${thousands(step)}`), ` of ${end}${losses ? `: ${losses}` : ""}`);
      title.textContent = `What the model wrote then (sample ${place() + 1} of ${samples.length}):`;
      text.hidden = false;
      text.textContent = written;
      text.setAttribute("aria-label", `what the model wrote at step ${thousands(step)}`);
      svg.setAttribute("aria-label", `Loss over ${end} steps, with a cursor at step ${thousands(step)}: ${losses || "no loss known"}`);
      // Read out where the reader has moved it; not what plays or comes by itself.
      if (!timer && aloud) said.textContent = `Step ${thousands(step)}: ${losses}. ${written.slice(0, 200)}`;
    }

    const nearest = (event) => {
      const frame = svg.getBoundingClientRect();
      const { px } = layout();
      const x = ((event.clientX - frame.left) * width) / frame.width;
      const far = record().samples.map(([step]) => Math.abs(px(step) - x));
      if (far.length) go(far.indexOf(Math.min(...far)));
    };
    const byHand = (act) => (event) => { if (timer) pause(); act(event); };
    slider.addEventListener("input", byHand(() => go(Number(slider.value))));
    svg.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      svg.setPointerCapture(event.pointerId);
      byHand(nearest)(event);
    });
    svg.addEventListener("pointermove", (event) => { if (svg.hasPointerCapture(event.pointerId)) nearest(event); });
    const stop = onWidth(box, (w) => { width = w; draw(); });
    const heard = { "change:record": () => draw(false), "change:place": () => draw() };
    for (const [event, act] of Object.entries(heard)) model.on(event, act);
    draw(false);
    return () => {
      stop();
      clearInterval(timer);
      for (const [event, act] of Object.entries(heard)) model.off(event, act);
    };
  },
};
