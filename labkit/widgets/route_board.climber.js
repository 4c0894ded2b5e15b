// labkit.routes.climber in JavaScript: how hard a route on a simulated board is. There each constant is explained.

const SOFT = 2.4, REACH = 26, BASE = 2.2, IMPOSSIBLE = 500;
const HAND_TO_FOOT = [8, 24, 62, 96];
const [EASIEST, HARDEST] = [10, 33];

/** What the page's own judge says of holds { place, role }: [who, difficulty or null, word] in a list; [] on a real board. */
function judged(board, holds, angle) {
  if (!board.simulated) return [];
  const whole = ["start", "finish"].every((role) => holds.some((hold) => hold.role === role));
  return [["simulated climber", whole ? difficulty(board, holds, angle) : null, "–"]];
}

/** The difficulty, 10 … 33, of holds { place, role } with a start and a finish. */
export function difficulty(board, holds, angle) {
  const at = new Map(board.holds.map((hold) => [hold[0], hold])), hands = [], feet = [];
  for (const { place, role } of holds) {
    const [, x, y, , quality] = at.get(place);
    const grip = { x, y, bad: (1 - quality) ** 1.4, foot: 0.45 + 0.55 * Math.sqrt(quality), start: role === "start" };
    (role === "foot" ? feet : hands).push(grip);
  }
  const steep = Math.sin((angle * Math.PI) / 180), n = hands.length;
  const supports = hands.map((hold) => support(hold, hands, feet));
  const costs = hands.map((hold, i) => {
    if (hold.start) return [...Array(n).fill(IMPOSSIBLE), pullOn(hold, supports[i], steep)];
    return [...hands.map((anchor, j) => (j === i ? IMPOSSIBLE : moveCost(anchor, hold, supports[j], steep))), IMPOSSIBLE];
  });
  const total = cheapestParents(costs).reduce((sum, parent, i) => sum + Math.exp(costs[i][parent] / SOFT), 0);
  const raw = BASE + 4 * steep + SOFT * Math.log(total);
  return Math.min(soft(HARDEST - soft(HARDEST - raw, 0), EASIEST), HARDEST);
}

/** How much the best foothold helps while a hand is on `hold`, 0 … 1. */
function support(hold, hands, feet) {
  const [cramped, near, far, away] = HAND_TO_FOOT;
  let best = 0;
  for (const foot of [...feet, ...hands]) {
    const down = hold.y - foot.y, aside = hold.x - foot.x, apart = Math.sqrt(aside * aside + down * down);
    if (down <= cramped || down >= away || apart >= away) continue;
    let help = foot.foot / (1 + (aside / 40) ** 2);
    if (down < near) help *= (down - cramped) / (near - cramped);
    if (apart > far) help *= (away - apart) / (away - far);
    if (help > best) best = help;
  }
  return best;
}

const loadOf = (support, steep) => 1 - support * (0.85 - 0.5 * steep);

function moveCost(anchor, hold, support, steep) {
  const aside = hold.x - anchor.x, up = hold.y - anchor.y;
  const span2 = (1.25 * aside * aside + up * up) / (REACH * REACH);
  return 2.6 * span2 * (0.8 + 0.5 * steep) + (up < 0 ? -0.5 * up : 0)
    + anchor.bad * loadOf(support, steep) * (5.5 + 7.5 * steep)
    + hold.bad * (0.35 + 0.65 * Math.sqrt(span2)) * (3 + 4.5 * steep) + (1 - support) * (3 + 3 * steep);
}

const pullOn = (hold, support, steep) => hold.bad * loadOf(support, steep) * (3 + 4 * steep) + (1 - support) * (2 + 2 * steep);

function soft(value, floor) {
  const over = (value - floor) / 0.7;
  return floor + 0.7 * (over > 0 ? over + Math.log1p(Math.exp(-over)) : Math.log1p(Math.exp(over)));
}

// -- labkit.routes.arborescence: the parent of each hold in the cheapest tree from the ground, which has the last column

function cheapestParents(costs) {
  const parents = costs.map(cheapest);
  if (!ringOf(parents).length) return parents;
  return edmonds(costs.map((row) => row.map((cost) => Math.exp(Math.min(cost / SOFT, 600)))), costs.length);
}

function cheapest(row, i) {
  let best = -1;
  for (let j = 0; j < row.length; j++) if (j !== i && (best < 0 || row[j] < row[best])) best = j;
  return best;
}

function edmonds(weights, n) {
  const parents = weights.map(cheapest), ring = ringOf(parents);
  if (!ring.length) return parents;
  const rest = [...weights.keys()].filter((i) => !ring.includes(i));
  const entries = [], out = []; // for each parent of the ring: which of it is entered; for each of the rest: which of it is left
  const smaller = rest.map((i) => {
    out.push(ring.reduce((best, j) => (weights[i][j] < weights[i][best] ? j : best)));
    return [...rest.map((j) => weights[i][j]), weights[i][out.at(-1)], weights[i][n]];
  });
  const outside = [...rest, null, n]; // null: the ring itself, which is never looked at
  smaller.push(outside.map((j) => {
    const extra = ring.map((i) => (j === null ? 0 : weights[i][j] - weights[i][parents[i]]));
    const least = Math.min(...extra);
    entries.push(ring[extra.indexOf(least)]);
    return least;
  }));
  const solved = edmonds(smaller, rest.length + 1), result = [...parents];
  rest.forEach((i, k) => { result[i] = solved[k] === rest.length ? out[k] : outside[solved[k]]; });
  const entry = solved[rest.length];
  result[entries[entry]] = outside[entry];
  return result;
}

/** Nodes that are each other's ancestors, in turn; none when there are none. */
function ringOf(parents) {
  const n = parents.length, done = Array(n).fill(false);
  for (let start = 0; start < n; start++) {
    const path = [];
    let node = start;
    while (node !== n && !done[node]) {
      done[node] = true;
      path.push(node);
      node = parents[node];
    }
    if (path.includes(node)) return path.slice(path.indexOf(node));
  }
  return [];
}
