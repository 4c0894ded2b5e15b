// The triangle: its shading and level lines, the curve of all optima, and three points, two of which can be moved.

const FIELD = 140; // pixels of the shading's side; the browser smooths them
const NUDGE = 0.02; // of a side, with an arrow key; five times as far with Shift
const LEAST = 0.002; // a share that can be dragged to: on an edge an answer would be lost for good
const MARK = { optimum: 10, reference: 8, policy: 8 }; // half of a point's size, in pixels

/** The probabilities nearest to a place that may lie outside, each at least LEAST. */
function inside(p) {
  const rest = p.map((x) => Math.max(x, 0));
  const total = rest.reduce((sum, x) => sum + x, 0);
  const shares = rest.map((x) => x / total);
  const large = shares.reduce((sum, x) => sum + (x > LEAST ? x : 0), 0);
  const left = 1 - LEAST * shares.filter((x) => x <= LEAST).length;
  return shares.map((x) => (x > LEAST ? (x * left) / large : LEAST));
}

function rgbOf(color) {
  const value = parseInt(color.trim().slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/**
 * Draws into `box`. `names`: of the answers; `moved(which, p)`: the reader put the "policy" or the "reference" there.
 * paint.field(task) when the task is new, paint.points({ policy, trail, measured }) at each step.
 */
function makeTriangle(box, names, moved) {
  const canvas = node("canvas", { class: "lb-simplex-field", width: FIELD, height: FIELD, "aria-hidden": "true" });
  const svg = node("svg", { class: "lb-svg lb-simplex-chart", role: "group", "aria-label": "triangle of all policies" });
  box.append(canvas, svg);
  const [still, moving, labels] = [node("g"), node("g"), node("g")];
  const star = Array.from({ length: 10 }, (_, i) => {
    const [r, angle] = [i % 2 ? 4 : 10, (Math.PI * (i - 2.5)) / 5];
    return `${(r * Math.cos(angle)).toFixed(2)},${(r * Math.sin(angle)).toFixed(2)}`;
  }).join(" ");
  const marks = {
    optimum: node("g", { class: "lb-simplex-optimum" }, node("polygon", { points: star })),
    reference: handle("reference", "reference μ", node("rect", { x: -6, y: -6, width: 12, height: 12, rx: 1 })),
    policy: handle("policy", "policy π", node("circle", { r: 7 })),
  };
  svg.append(still, moving, marks.reference, marks.policy, marks.optimum, labels); // a star on the policy: it has arrived
  const at = { policy: [1, 0, 0], reference: [1, 0, 0], optimum: [1, 0, 0] };
  let size = { side: 300, left: 20, top: 40, width: 340 };

  const x = (p) => size.left + size.side * (p[1] + p[2] / 2);
  const y = (p) => size.top + (size.side * Math.sqrt(3) * (1 - p[2])) / 2;
  /** Probabilities at a place of the chart, in pixels. */
  const there = (px, py) => {
    const top = 1 - (2 * (py - size.top)) / (Math.sqrt(3) * size.side);
    const right = (px - size.left) / size.side - top / 2;
    return [1 - top - right, right, top];
  };
  const place = (event) => {
    const frame = svg.getBoundingClientRect();
    const scale = size.width / frame.width;
    return there((event.clientX - frame.left) * scale, (event.clientY - frame.top) * scale);
  };

  function handle(which, label, shape) {
    const element = node("g", { class: `lb-simplex-${which} lb-simplex-handle`, tabindex: 0, role: "slider", "aria-label": label,
      "aria-valuemin": 0, "aria-valuemax": 100, "data-lm-suppress-shortcuts": "true" },
    node("circle", { class: "lb-simplex-hit", r: 20 }), shape);
    element.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      event.preventDefault(); // no text is selected
      element.setPointerCapture(event.pointerId);
      element.focus({ preventScroll: true });
    });
    element.addEventListener("pointermove", (event) => {
      if (element.hasPointerCapture(event.pointerId)) moved(which, inside(place(event)));
    });
    element.addEventListener("click", (event) => event.stopPropagation());
    element.addEventListener("keydown", (event) => {
      const to = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!to || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      const far = size.side * NUDGE * (event.shiftKey ? 5 : 1);
      moved(which, inside(there(x(at[which]) + far * to[0], y(at[which]) + far * to[1])));
    });
    return element;
  }
  svg.addEventListener("click", (event) => {
    const p = place(event);
    if (p.every((share) => share >= 0)) moved("policy", inside(p));
  });

  const path = (points) => points.map((p, k) => `${k ? "L" : "M"}${x(p).toFixed(1)} ${y(p).toFixed(1)}`).join("");
  const CORNERS = [[1, 0, 0], [0, 1, 0], [0, 0, 1]];

  /** Shade by J, from its lowest corner to its top. */
  function shade(task, low, high) {
    const [r, g, b] = rgbOf(getComputedStyle(box).getPropertyValue("--lb-accent"));
    const image = new ImageData(FIELD, FIELD);
    for (let row = 0, k = 0; row < FIELD; row++)
      for (let column = 0; column < FIELD; column++, k += 4) {
        const top = 1 - (row + 0.5) / FIELD, right = (column + 0.5) / FIELD - top / 2;
        const p = [1 - top - right, right, top].map((share) => Math.max(share, 1e-9));
        const share = (objective(logs(p), task) - low) / (high - low || 1);
        image.data.set([r, g, b, 12 + 120 * Math.min(1, Math.max(0, share)) ** 2], k);
      }
    canvas.getContext("2d").putImageData(image, 0, 0);
    Object.assign(canvas.style, { left: `${size.left}px`, top: `${size.top}px`, width: `${size.side}px`, height: `${(size.side * Math.sqrt(3)) / 2}px` });
  }

  function field(task) {
    const best = objective(optimum(task), task);
    const lowest = Math.min(...CORNERS.map((corner) => objective(logs(corner), task)));
    shade(task, lowest, best);
    const levels = best - lowest > 1e-9 ? ticks(lowest, best, 10) : [];
    const most = Math.max(...task.rewards);
    const lines = levelLines(task, levels).map((pieces, i) => node("path", { class: "lb-simplex-level", "data-level": levels[i],
      d: pieces.map(path).join("") }));
    const words = CORNERS.map((corner, i) => {
      const [px, py, anchor] = i === 2 ? [x(corner), y(corner) - 24, "middle"] : [i ? size.width - 2 : 2, y(corner) + 18, i ? "end" : "start"];
      const text = (what, down, more) => node("text", { x: px, y: py + down, "text-anchor": anchor, ...more }, what);
      const room = Math.floor(((i === 2 ? size.width : size.width / 2) - 10) / 7.6);
      const name = names[i].length > room ? `${names[i].slice(0, room - 1)}…` : names[i];
      return node("g", {}, text(name, 0, { class: "lb-simplex-name", style: task.rewards[i] === most ? "font-weight:700" : null }),
        text(`reward ${format(task.rewards[i])}`, 15, { class: "lb-tick" }));
    });
    still.replaceChildren(...lines, node("path", { class: "lb-simplex-edge", d: `${path(CORNERS)}Z` }),
      node("path", { class: "lb-simplex-curve", d: path(curveOf(task)) }), ...words);
    Object.assign(at, { reference: task.reference.map(Math.exp), optimum: optimum(task).map(Math.exp) });
  }

  /** A letter beside each point: where it covers no other point and no other letter. */
  function letters() {
    const taken = Object.entries(at).map(([which, p]) => ({ which, x: x(p), y: y(p), r: MARK[which] }));
    const boxes = [];
    const parts = [];
    for (const [which, text, wide] of [["policy", "π", 11], ["optimum", "π*", 18], ["reference", "μ", 11]]) {
      for (const angle of [0, 180, 300, 240, 60, 120, 270, 90]) {
        const [far, turn] = [MARK[which] + 6, (angle * Math.PI) / 180];
        const [cx, cy] = [x(at[which]) + (far + wide / 2) * Math.cos(turn), y(at[which]) + (far + 5) * Math.sin(turn)];
        const box = { left: cx - wide / 2, right: cx + wide / 2, top: cy - 7, bottom: cy + 7 };
        const clear = taken.every((one) => one.which === which || Math.hypot(
          Math.max(box.left - one.x, 0, one.x - box.right), Math.max(box.top - one.y, 0, one.y - box.bottom)) > one.r + 1)
          && boxes.every((other) => box.right < other.left || other.right < box.left || box.bottom < other.top || other.bottom < box.top)
          && box.left > 0 && box.right < size.width && box.top > size.top - 4 && box.bottom < size.top + (size.side * Math.sqrt(3)) / 2 + 2;
        if (!clear) continue;
        boxes.push(box);
        parts.push(node("text", { class: `lb-end lb-simplex-letter lb-simplex-of-${which}`, x: cx, y: cy + 5, "text-anchor": "middle", "aria-hidden": "true" }, text));
        break;
      }
    }
    labels.replaceChildren(...parts);
  }

  const said = (p) => names.map((name, i) => `${name} ${(100 * p[i]).toFixed(0)} %`).join(", ");
  function points({ policy, trail }) {
    at.policy = policy;
    moving.replaceChildren(node("path", { class: "lb-simplex-trail", d: path([...trail, policy]) }));
    for (const [which, mark] of Object.entries(marks)) {
      mark.setAttribute("transform", `translate(${x(at[which]).toFixed(2)} ${y(at[which]).toFixed(2)})`);
      if (which === "optimum") continue;
      mark.setAttribute("aria-valuenow", Math.round(100 * at[which][0]));
      mark.setAttribute("aria-valuetext", said(at[which]));
    }
    letters();
  }

  function resize(width) {
    const left = Math.max(14, (width - 460) / 2);
    const side = width - 2 * left;
    size = { width, left, side, top: 44 };
    const height = size.top + (side * Math.sqrt(3)) / 2 + 42;
    svg.setAttribute("viewBox", `0 0 ${width} ${height.toFixed(1)}`);
    svg.setAttribute("height", height.toFixed(1));
  }
  return { field, points, resize };
}
