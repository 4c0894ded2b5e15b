// A line chart of one or more series of the same steps. Data: float32, the steps, then each series' values.

const MARGIN = { top: 12, right: 108, bottom: 36, left: 52 };
const HEIGHT = 240;

export default {
  render({ model, el }) {
    const svg = node("svg", { class: "lb-svg lb-chart", role: "img" });
    const box = node("div", { class: "lb-chart-box" }, svg);
    el.append(box);
    let width = 480;
    const draw = () => paint(svg, width, model);
    const stop = onWidth(box, (w) => { width = w; draw(); });
    model.on("change:data", draw);
    model.on("change:band", draw);
    draw();
    return () => { stop(); model.off("change:data", draw); model.off("change:band", draw); };
  },
};

/** Where the step axis ends: the next round number, so that a young run is not a speck; never past the run's end. */
function axisEnd(step, end) {
  const round = [50, 100, 200, 500].flatMap((m) => [1, 10, 100, 1e3, 1e4].map((p) => m * p)).sort((a, b) => a - b);
  const next = round.find((x) => x >= step) ?? step;
  return end ? Math.max(step, Math.min(next, end)) : next;
}

/** The band with its last point moved back onto the end of the axis. */
function clipBand(band, end) {
  const points = [...band];
  const last = points.at(-1);
  const before = points.at(-2);
  if (last && before && last[0] > end) {
    const part = (end - before[0]) / (last[0] - before[0]);
    points[points.length - 1] = [end, before[1] + part * (last[1] - before[1]), before[2] + part * (last[2] - before[2])];
  }
  return points;
}

function paint(svg, width, model) {
  const names = model.get("series");
  const numbers = floats(model.get("data"));
  const n = numbers.length / (names.length + 1);
  const steps = numbers.subarray(0, n);
  const lines = names.map((_, i) => numbers.subarray((i + 1) * n, (i + 2) * n));
  const band = model.get("band");
  const inner = { left: MARGIN.left, right: width - (width < 420 ? 12 : MARGIN.right), top: MARGIN.top, bottom: HEIGHT - MARGIN.bottom };

  const lastStep = axisEnd(n ? steps[n - 1] : 0, model.get("x_max"));
  // The first point beyond the axis is needed to draw the band up to its end.
  const beyond = band.findIndex(([x]) => x >= lastStep);
  const inView = clipBand(beyond < 0 ? band : band.slice(0, beyond + 1), lastStep);
  let high = Math.max(1e-9, ...inView.map((point) => point[2]));
  for (const line of lines) for (const y of line) if (Number.isFinite(y) && y > high) high = y;
  // One wild step must not flatten the rest: the axis ends at 20 times the first loss.
  const first = n ? lines[0][0] : high;
  const clipped = first > 0 && high > 20 * first;
  if (clipped) high = 20 * first;
  high *= 1.05;
  const px = (x) => inner.left + ((inner.right - inner.left) * x) / lastStep;
  const py = (y) => inner.bottom - ((inner.bottom - inner.top) * Math.min(Math.max(y, 0), high)) / high;

  const parts = [];
  for (const y of ticks(0, high, 4)) {
    parts.push(node("line", { class: "lb-axis", x1: inner.left, x2: inner.right, y1: py(y), y2: py(y) }));
    parts.push(node("text", { class: "lb-tick", x: inner.left - 6, y: py(y) + 4, "text-anchor": "end" }, format(y)));
  }
  for (const x of ticks(0, lastStep, width < 420 ? 3 : 6))
    parts.push(node("text", { class: "lb-tick", x: px(x), y: inner.bottom + 15, "text-anchor": "middle" }, format(x)));
  parts.push(node("text", { class: "lb-tick", x: inner.right, y: inner.bottom + 30, "text-anchor": "end" }, model.get("x_label")));
  parts.push(node("text", { class: "lb-tick", x: 4, y: inner.top - 1 }, model.get("y_label") + (clipped ? " (cut off above)" : "")));
  if (inView.length > 1) {
    const edge = (column) => inView.map((point) => `${px(point[0]).toFixed(1)},${py(point[column]).toFixed(1)}`);
    parts.push(node("polygon", { class: "lb-band", points: [...edge(1), ...edge(2).reverse()].join(" ") },
      node("title", {}, "expected band")));
    const [x, low, top] = inView[0];
    parts.push(node("text", { class: "lb-tick", x: px(x) + 6, y: py((low + top) / 2) + 4 }, n ? "" : "expected band"));
  }
  const labels = [];
  lines.forEach((line, i) => {
    const color = `var(--lb-${model.get("colors")[i]})`;
    let path = "";
    line.forEach((y, k) => { if (Number.isFinite(y)) path += `${path ? "L" : "M"}${px(steps[k]).toFixed(1)} ${py(y).toFixed(1)}`; });
    parts.push(node("path", { class: "lb-line", d: path || "M0 0", style: `stroke:${color}`, "data-series": names[i] }));
    if (n) labels.push({ y: py(line[n - 1]), x: px(steps[n - 1]), text: `${names[i]} ${format(line[n - 1])}`, color });
  });
  labels.sort((a, b) => a.y - b.y).forEach((label, i) => {
    if (i) label.y = Math.max(label.y, labels[i - 1].y + 14);
    const end = width < 420; // no room right of the axis: the label sits above the line's end
    const x = end ? Math.max(label.x, inner.left + 90) : label.x + 6;
    parts.push(node("text", { x, y: label.y + (end ? -6 : 4), "text-anchor": end ? "end" : "start",
      style: `fill:${label.color};font-weight:600` }, label.text));
  });
  svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  svg.setAttribute("height", HEIGHT);
  svg.setAttribute("aria-label", n ? `${names[0]} ${format(lines[0][0])} at step ${steps[0]}, ${format(lines[0][n - 1])} at step ${steps[n - 1]}` : "no steps yet");
  svg.replaceChildren(...parts);
}
