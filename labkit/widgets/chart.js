// A line chart of one or more series of the same steps. Data: float32, the steps, then each series' values.

const MARGIN = { top: 22, right: 118, bottom: 36, left: 52 };
const HEIGHT = 240; // where a page does not say it

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
    model.on("change:series", draw);
    draw();
    return () => { stop(); for (const name of ["data", "band", "series"]) model.off(`change:${name}`, draw); };
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

/** The whole powers of ten in [low, high], as exponents. */
function powers(low, high) {
  return Array.from({ length: Math.max(0, Math.floor(high) - Math.ceil(low) + 1) }, (_, i) => Math.ceil(low) + i);
}

function paint(svg, width, model) {
  const names = model.get("series");
  const numbers = floats(model.get("data"));
  const n = numbers.length / (names.length + 1);
  const steps = numbers.subarray(0, n);
  const log = model.get("y_log"); // then everything below is in powers of ten, and only what is written is not
  const lines = names.map((_, i) => numbers.subarray((i + 1) * n, (i + 2) * n).map((y) => (!log ? y : y > 0 ? Math.log10(y) : NaN)));
  const said = (y) => format(log ? 10 ** y : y);
  const band = model.get("band");
  const height = model.get("height") || HEIGHT;
  const inner = { left: MARGIN.left, right: width - (width < 420 ? 12 : MARGIN.right), top: MARGIN.top, bottom: height - MARGIN.bottom };

  const lastStep = axisEnd(n ? steps[n - 1] : 0, model.get("x_max"));
  // The first point beyond the axis is needed to draw the band up to its end.
  const beyond = band.findIndex(([x]) => x >= lastStep);
  const inView = clipBand(beyond < 0 ? band : band.slice(0, beyond + 1), lastStep);
  let high = Math.max(1e-9, model.get("y_max") || 0, ...inView.map((point) => point[2]));
  let low = Math.min(Infinity, ...inView.map((point) => point[1]));
  for (const line of lines) {
    for (const y of line) {
      if (Number.isFinite(y) && y > high) high = y;
      if (y < low) low = y; // NaN is not
    }
  }
  if (!Number.isFinite(low)) [low, high] = [0, Math.max(high, model.get("y_limit") / 2 || 1)]; // nothing to show yet
  // One wild step must not flatten the rest: the axis ends at 20 times the first loss, if nobody says where.
  const signed = model.get("y_signed"); // rewards: below 0 is nothing special, and no first value says what is wild
  const most = log || signed ? 0 : model.get("y_limit") || 20 * (n ? lines[0][0] : high);
  const clipped = most > 0 && high > most;
  if (clipped) high = most;
  // Half a unit at least, so that the noise of a flat line does not fill the chart.
  if (signed) low = Math.min(low, high - 0.5) - 0.05 * Math.max(0.5, high - low);
  else low = model.get("y_zero") === false ? 0.95 * Math.max(0, Math.min(low, high - 0.5)) : 0;
  high += 0.05 * (high - low);
  const px = (x) => inner.left + ((inner.right - inner.left) * x) / lastStep;
  const py = (y) => inner.bottom - ((inner.bottom - inner.top) * (Math.min(Math.max(y, low), high) - low)) / (high - low);

  const parts = [];
  for (const y of log ? powers(low, high) : ticks(low, high, low > 0 ? 6 : 4)) {
    parts.push(node("line", { class: "lb-axis", x1: inner.left, x2: inner.right, y1: py(y), y2: py(y) }));
    parts.push(node("text", { class: "lb-tick", x: inner.left - 6, y: py(y) + 4, "text-anchor": "end" }, said(y)));
  }
  for (const x of ticks(0, lastStep, width < 420 ? 3 : 6))
    parts.push(node("text", { class: "lb-tick", x: px(x), y: inner.bottom + 15, "text-anchor": "middle" }, format(x)));
  parts.push(node("text", { class: "lb-tick", x: inner.right, y: inner.bottom + 30, "text-anchor": "end" }, model.get("x_label")));
  parts.push(node("text", { class: "lb-tick", x: 4, y: 11 }, model.get("y_label") + (clipped ? " (cut off above)" : "")));
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
    // What was measured now and then shows when: without its dot a single value would be no line at all.
    const measured = [...line.keys()].filter((k) => Number.isFinite(line[k]));
    if (measured.length <= Math.max(1, Math.min(40, n / 2)))
      for (const k of measured) parts.push(node("circle", { class: "lb-dot", cx: px(steps[k]), cy: py(line[k]), r: 2.5, style: `fill:${color}` }));
    const end = line.findLastIndex(Number.isFinite); // a series may end before the others
    if (end < 0) return;
    const label = { y: py(line[end]), x: px(steps[end]), text: `${names[i]} ${said(line[end])}`, color };
    // Where the curve is half a label earlier: one that comes from above leaves room below its end.
    const earlier = line[steps.findIndex((step) => px(step) >= label.x - 45)];
    labels.push({ ...label, falls: earlier > line[end] && label.y + 20 < inner.bottom });
  });
  labels.sort((a, b) => a.y - b.y).forEach((label, i) => {
    const end = width < 420 && label.x + 6 + 7 * label.text.length > inner.right + 12; // no room on the right: above the line's end, or below
    if (end) label.y = label.falls ? label.y + 20 : Math.max(label.y, inner.top + 20); // clear of the axis's name
    if (i) label.y = Math.max(label.y, labels[i - 1].y + 14);
    const x = end ? Math.max(label.x, inner.left + 90) : label.x + 6;
    parts.push(node("text", { class: "lb-end", x, y: label.y + (end ? -6 : 4), "text-anchor": end ? "end" : "start",
      style: `fill:${label.color};font-weight:600` }, label.text));
  });
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("height", height);
  const words = names.map((name, i) => {
    const from = lines[i].findIndex(Number.isFinite), to = lines[i].findLastIndex(Number.isFinite);
    const at = (k) => `${said(lines[i][k])} at ${model.get("x_label")} ${steps[k]}`;
    return from < 0 ? null : `${name} ${at(from)}, ${at(to)}`;
  });
  svg.setAttribute("aria-label", words.filter(Boolean).join("; ") || `no ${model.get("x_label")}s yet`);
  svg.replaceChildren(...parts);
}
