// labkit.routes.grammar in JavaScript: which tokens may follow, so that whatever a model writes is a route.

const ROLES = ["start", "middle", "finish", "foot"]; // as labkit.routes.ROLES: the tokens of a hold are in this order
const PHASE = { start: 0, middle: 1, foot: 1, finish: 2 }; // in which part of a route a hold comes
const [START, BODY, FINISH] = [0, 1, 2];
const MOST = 2; // starts, and finishes
const HEADER = 4; // <BOS>, board, angle, grade

/** Compare holds [id, x, y, …] in the canonical order within a part: from bottom to top, left to right, by id. */
const fromBelow = (a, b) => a[2] - b[2] || a[1] - b[1] || a[0] - b[0];

/** Holds { place, role } in canonical order; `board` as RouteBoard describes it. */
export function inOrder(holds, board) {
  const at = new Map(board.holds.map((hold) => [hold[0], hold]));
  return [...holds].sort((a, b) => PHASE[a.role] - PHASE[b.role] || fromBelow(at.get(a.place), at.get(b.place)));
}

/** token -> { place, role } and back, for the holds of a board. */
export function holdTokens(board) {
  const indices = new Map(board.holds.map(([id], index) => [id, index]));
  return {
    token: ({ place, role }) => board.first + 4 * indices.get(place) + ROLES.indexOf(role),
    hold: (token) => {
      const index = Math.floor((token - board.first) / 4);
      return index >= 0 && index < board.holds.length ? { place: board.holds[index][0], role: ROLES[(token - board.first) % 4] } : null;
    },
  };
}

/**
 * allowed(row): the ids that may follow a row (from <BOS> on), as Grammar.allowed of one board has them.
 * `required`: holds { place, role } that the row must have. Throws for what can be in no route, in words for a reader.
 */
export function routeGrammar(vocabulary, rules, board, required = []) {
  const tokens = holdTokens(board), size = board.holds.length;
  const order = [...board.holds].sort(fromBelow).map(([id]) => id);
  const rank = new Map(order.map((place, i) => [place, i]));
  const id = (rank, role) => tokens.token({ place: order[rank], role });
  const angles = vocabulary.angles.filter(([angle]) => board.angles.includes(angle)).map(([, token]) => token);
  const headers = [[vocabulary.bos], [board.token], angles, vocabulary.grades.map(([, token]) => token)];

  for (const role of ["start", "finish"]) {
    const n = required.filter((hold) => hold.role === role).length;
    if (n > MOST) throw new Error(`A route has at most ${MOST} holds to ${role}; ${n} are set.`);
  }
  const keys = required.map(({ place, role }) => ({ rank: rank.get(place), role })).sort((a, b) => a.rank - b.rank);
  const begin = () => ({ left: [...keys], used: new Uint8Array(size), n: 0, counts: [0, 0, 0], phase: START, last: -1 });
  const refused = (row, i) => new Error(`token ${row[i]} cannot come at position ${i} of ${row.join(" ")}`);

  /** The state after a row; null if it has ended. */
  const read = (row) => {
    const state = begin();
    for (let i = HEADER; i < row.length; i++) {
      if (row[i] === vocabulary.eos) {
        const ended = !state.left.length && state.counts[FINISH] && state.n >= rules.min_holds;
        if (!ended || row.slice(i + 1).some((token) => token !== vocabulary.pad)) throw refused(row, i);
        return null;
      }
      const hold = tokens.hold(row[i]);
      if (!hold) throw refused(row, i);
      const at = rank.get(hold.place), phase = PHASE[hold.role];
      const above = phase === state.phase ? at > state.last : phase > state.phase && state.counts[START] > 0;
      const wanted = state.left.findIndex((key) => key.rank === at);
      const other = wanted >= 0 && state.left[wanted].role !== hold.role;
      const full = phase !== BODY && state.counts[phase] === MOST;
      if (!above || other || full || state.used[at]) throw refused(row, i);
      if (wanted >= 0) state.left.splice(wanted, 1);
      state.used[at] = 1;
      state.n++;
      state.phase = phase;
      state.last = at;
      state.counts[phase]++;
    }
    return state;
  };

  /** How many holds may be added beyond those that must come: required ones, a first start, a first finish. */
  const spare = (state) => {
    const left = state.left.map((key) => PHASE[key.role]);
    const must = [START, FINISH].filter((phase) => !state.counts[phase] && !left.includes(phase)).length;
    const free = size - state.used.reduce((sum, used) => sum + used, 0) - left.length;
    return Math.min(rules.max_holds - state.n - left.length, free) - must;
  };

  /** For each rank whether the route can still get min_holds if that hold comes next. */
  const enough = (state, phase, kept, free) => {
    if (phase === START) return () => true;
    const finishes = kept[FINISH].length;
    const able = Array.from(free);
    if (phase === BODY) for (const key of kept[BODY]) able[key.rank] = 1;
    let total = 0;
    const upTo = able.map((one) => (total += one));
    const later = new Set(kept[FINISH].map((key) => key.rank));
    return (at) => {
      const above = total - upTo[at];
      if (phase === BODY) return state.n + 1 + finishes + above + Math.min(MOST - finishes, upTo[at] - able[at]) >= rules.min_holds;
      const after = finishes - later.has(at);
      return state.n + 1 + after + (state.counts[FINISH] + 1 + after < MOST && above > 0) >= rules.min_holds;
    };
  };

  const next = (state) => {
    const room = spare(state), found = [];
    if (room < 0) return found;
    const kept = [[], [], []], free = state.used.map((used) => 1 - used);
    for (const key of state.left) {
      kept[PHASE[key.role]].push(key);
      free[key.rank] = 0;
    }
    for (let phase = state.phase; phase <= FINISH; phase++) {
      const later = phase > state.phase, count = state.counts[phase] + kept[phase].length;
      if (kept.slice(0, phase).some((keys) => keys.length) || (later && !state.counts[START]) || (phase !== BODY && count > MOST)) break;
      const any = (phase !== BODY && count === 0) || (room > 0 && (phase === BODY || count < MOST));
      const [must] = kept[phase]; // none of what is required may be passed over
      const fits = enough(state, phase, kept, free);
      const end = must ? must.rank : size - 1;
      for (let at = later ? 0 : state.last + 1; at <= end; at++) {
        if (!(at === must?.rank || (any && free[at])) || !fits(at)) continue;
        for (const role of ROLES) if (PHASE[role] === phase && (at !== must?.rank || role === must.role)) found.push(id(at, role));
      }
    }
    if (state.phase === FINISH && !state.left.length && state.n >= rules.min_holds) found.push(vocabulary.eos);
    return found;
  };

  if (spare(begin()) < 0) {
    throw new Error(`No route of at most ${Math.min(rules.max_holds, size)} holds has these ${required.length}, a start and a finish.`);
  }
  return {
    allowed(row) {
      for (let i = 0; i < Math.min(row.length, HEADER); i++) if (!headers[i].includes(row[i])) throw refused(row, i);
      if (row.length < HEADER) return headers[row.length];
      const state = read(row);
      const found = state === null ? [vocabulary.pad] : next(state);
      if (!found.length) throw new Error(`no route that the grammar allows begins with ${row.join(" ")}`);
      return found;
    },
    /** The token of the required hold that comes next in the canonical order; null if none is left. */
    waiting(row) {
      const left = read(row)?.left ?? [];
      if (!left.length) return null;
      const key = left.reduce((a, b) => (PHASE[a.role] - PHASE[b.role] || a.rank - b.rank) <= 0 ? a : b);
      return id(key.rank, key.role);
    },
  };
}
