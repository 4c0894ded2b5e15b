// The drawing of a board: its holds as faint dots, the route's as shapes; it hears clicks and keys, and names holds.

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/** The distance from hold to hold, about: what sizes are measured in. */
const unitOf = ({ window: [left, bottom, right, top], holds }) => Math.sqrt(((right - left) * (top - bottom)) / Math.max(1, holds.length));

/** The outline of a marker, named as matplotlib does, about (x, y). */
function markerPath(marker, x, y, r) {
  if (marker === "o") return `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`;
  const corners = { "^": [[0, -1.12], [1.08, 0.8], [-1.08, 0.8]], s: [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]],
    D: [[0, -1.25], [1.25, 0], [0, 1.25], [-1.25, 0]] }[marker];
  return `M${corners.map(([dx, dy]) => `${(x + r * dx).toFixed(2)} ${(y + r * dy).toFixed(2)}`).join("L")}Z`;
}

/** A small picture of a role's marker, for the legend. */
function markerIcon({ marker, color, size }) {
  return node("svg", { class: "lb-rb-icon", viewBox: "-10 -10 20 20", "aria-hidden": "true" },
    node("path", { d: markerPath(marker, 0, 0, 7 * size), fill: `var(--lb-${color})` }));
}

/**
 * The wall in `svg`. `act(place)` is called for a hold that is clicked or pressed, `clear(place)` for one to be taken
 * away, `point(place, keyboard)` for the one that is pointed at, null for none.
 */
function makeWall(svg, { act, clear, point }) {
  let board = null, unit = 1, at = new Map(), cursor = null;
  const dots = node("g", { class: "lb-rb-dots" }), route = node("g", {}), over = node("g", {});
  svg.append(dots, route, over);
  const flip = (y) => board.window[3] + board.window[1] - y;

  /** The hold nearest to a place on the screen; null where none is near. */
  const nearest = ({ clientX, clientY }) => {
    const matrix = svg.getScreenCTM();
    if (!matrix) return null;
    const { x, y } = new DOMPoint(clientX, clientY).matrixTransform(matrix.inverse());
    let best = null, least = 1.1 * unit;
    for (const [place, hx, hy] of board.holds) {
      const distance = Math.hypot(hx - x, flip(hy) - y);
      if (distance < least) [best, least] = [place, distance];
    }
    return best;
  };
  const ring = (place, name, r) => {
    const [, x, y] = at.get(place);
    return node("circle", { class: name, cx: x, cy: flip(y), r: r * unit, "stroke-width": 0.09 * unit });
  };
  const drawCursor = () => over.replaceChildren(...(cursor === null ? [] : [ring(cursor, "lb-rb-cursor", 0.86)]));

  /** The cursor of the keys begins at the lowest hold. */
  const begin = () => { cursor ??= board.holds.reduce((best, hold) => (fromBelow(hold, best) < 0 ? hold : best))[0]; };

  const keys = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    begin();
    if (event.key === "Enter" || event.key === " ") act(cursor);
    else if (event.key === "Delete" || event.key === "Backspace") clear(cursor);
    else if (ARROWS[event.key]) {
      const [dx, dy] = ARROWS[event.key], [, x, y] = at.get(cursor);
      let least = Infinity;
      for (const [place, hx, hy] of board.holds) { // the next one in that direction: far aside counts three times
        const ahead = (hx - x) * dx + (hy - y) * dy, aside = Math.abs((hx - x) * dy) + Math.abs((hy - y) * dx);
        if (ahead > 1e-6 && ahead + 3 * aside < least) [cursor, least] = [place, ahead + 3 * aside];
      }
    } else return;
    event.preventDefault();
    event.stopPropagation();
    drawCursor();
    point(cursor, true);
  };
  svg.addEventListener("click", (event) => {
    const place = nearest(event);
    if (place === null) return;
    cursor = place;
    over.replaceChildren();
    act(place);
    point(place, false);
  });
  svg.addEventListener("keydown", keys);
  svg.addEventListener("focus", () => {
    if (!svg.matches(":focus-visible")) return;
    begin();
    drawCursor();
    point(cursor, true);
  });
  svg.addEventListener("blur", () => over.replaceChildren());
  svg.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "mouse") return;
    const place = nearest(event);
    svg.style.cursor = place === null ? "" : "pointer";
    over.replaceChildren(...(place === null ? [] : [ring(place, "lb-rb-over", 0.66)]));
    point(place, false);
  });
  svg.addEventListener("pointerleave", () => { over.replaceChildren(); point(null, false); });

  return {
    /** Draw another board, without a route. */
    take(another) {
      board = another;
      unit = unitOf(board);
      at = new Map(board.holds.map((hold) => [hold[0], hold]));
      cursor = null;
      const [left, bottom, right, top] = board.window, edge = 0.6 * unit;
      svg.setAttribute("viewBox", [left - edge, bottom - edge, right - left + 2 * edge, top - bottom + 2 * edge].join(" "));
      dots.replaceChildren(
        node("rect", { x: left - edge, y: bottom - edge, width: right - left + 2 * edge, height: top - bottom + 2 * edge, rx: edge }),
        ...board.holds.map(([, x, y, , quality]) => node("circle", { cx: x, cy: flip(y), r: unit * Math.sqrt(0.006 + 0.045 * (quality ?? 0.3)) })));
      over.replaceChildren();
    },
    /** Draw holds { place, role, mine }; `fresh`: the placement that has just come, if one has. */
    draw(holds, fresh) {
      const looks = new Map(board.roles.map((look) => [look.name, look]));
      route.replaceChildren(...holds.flatMap(({ place, role, mine }) => {
        const [, x, y] = at.get(place), { marker, color, size } = looks.get(role);
        const shape = node("path", { class: "lb-rb-hold", "data-place": place, "data-role": role,
          d: markerPath(marker, x, flip(y), 0.5 * unit * size), fill: `var(--lb-${color})`, "stroke-width": 0.07 * unit });
        const rings = mine ? [ring(place, "lb-rb-mine", 0.68)] : [];
        if (place === fresh) rings.push(ring(place, "lb-rb-fresh", 0.9));
        return [shape, ...rings];
      }));
    },
  };
}
