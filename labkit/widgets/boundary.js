// What a small tanh net says of each place in the plane, with the points it learns from.
// The page evaluates the net itself: a hundred weights are sent, not ten thousand pixels.

const CELLS = 72;
const SIZE = 260;

/** The net's score at (x, y). Weights lie layer by layer, neuron by neuron, the bias after the weights. */
function score(weights, sizes, x, y) {
  let values = [x, y];
  let at = 0;
  for (let layer = 1; layer < sizes.length; layer++) {
    const next = [];
    for (let j = 0; j < sizes[layer]; j++) {
      let total = 0;
      for (const value of values) total += weights[at++] * value;
      total += weights[at++];
      next.push(layer === sizes.length - 1 ? total : Math.tanh(total));
    }
    values = next;
  }
  return values[0];
}

export default {
  render({ model, el }) {
    const canvas = node("canvas", { width: CELLS, height: CELLS, "aria-hidden": "true",
      style: "position:absolute;inset:0;width:100%;height:100%;border-radius:6px" });
    const svg = node("svg", { class: "lb-svg lb-boundary", viewBox: `0 0 ${SIZE} ${SIZE}`, role: "img", style: "position:relative" });
    const box = node("div", { style: `position:relative;max-width:${SIZE}px;margin:0 auto` }, canvas, svg);
    el.append(box);
    const paintField = () => {
      const weights = floats(model.get("weights"));
      if (!weights.length) return;
      const sizes = model.get("sizes");
      const extent = model.get("extent");
      const colors = ["--lb-class0", "--lb-class1"].map((name) => rgb(getComputedStyle(box).getPropertyValue(name)));
      const image = new ImageData(CELLS, CELLS);
      for (let row = 0; row < CELLS; row++)
        for (let column = 0; column < CELLS; column++) {
          const x = extent * ((2 * (column + 0.5)) / CELLS - 1);
          const y = -extent * ((2 * (row + 0.5)) / CELLS - 1);
          const p = 1 / (1 + Math.exp(-score(weights, sizes, x, y)));
          const [r, g, b] = p > 0.5 ? colors[1] : colors[0];
          image.data.set([r, g, b, 40 + 120 * Math.abs(2 * p - 1)], 4 * (row * CELLS + column));
        }
      canvas.getContext("2d").putImageData(image, 0, 0);
    };
    const paintPoints = () => {
      const extent = model.get("extent");
      const at = (value) => (SIZE * (value / extent + 1)) / 2;
      const points = floats(model.get("points"));
      const marks = [];
      for (let i = 0; i < points.length; i += 3) {
        const [x, y, label] = points.subarray(i, i + 3);
        const style = `fill:var(--lb-class${label > 0 ? 1 : 0});stroke:var(--lb-bg);stroke-width:1.2`;
        const [cx, cy] = [at(x), SIZE - at(y)];
        // Shape as well as colour tells the classes apart.
        marks.push(label > 0 ? node("rect", { x: cx - 3.5, y: cy - 3.5, width: 7, height: 7, style })
          : node("circle", { cx, cy, r: 4, style }));
      }
      svg.setAttribute("aria-label", model.get("alt"));
      svg.replaceChildren(...marks);
    };
    model.on("change:weights", paintField);
    model.on("change:points", paintPoints);
    paintField();
    paintPoints();
    return () => { model.off("change:weights", paintField); model.off("change:points", paintPoints); };
  },
};

function rgb(hex) {
  const value = parseInt(hex.trim().slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}
