// Writes a route: a GPT, twice where it is guided, and the grammar.

/** log Σ exp of logits: what is forbidden because it would pass over a required hold is given to that hold (see Grammar). */
const massOf = (logits) => {
  const most = Math.max(...logits);
  return most + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0));
};

/**
 * A route to order, token by token: yields the ids of holds, and ends after <EOS>.
 * `minds`: two models of the same weights (see gpt), each with a memory of its own; the second is read where it is needed.
 * `wish`: { angle, grade, guidance, required }; `pick(logits)` draws a token.
 *
 * Guidance (classifier-free, Ho & Salimans 2022): the second model reads <GRADE_ANY> in place of the grade, and what the
 * grade changes counts `guidance` times.
 */
export function* writeRoute(minds, vocabulary, rules, board, wish, pick) {
  const { allowed, waiting } = routeGrammar(vocabulary, rules, board, wish.required);
  const open = wish.required.length ? routeGrammar(vocabulary, rules, board) : null;
  const ofAngle = new Map(vocabulary.angles), ofGrade = new Map(vocabulary.grades);
  const row = [vocabulary.bos, board.token, ofAngle.get(wish.angle), ofGrade.get(wish.grade)];
  const guided = wish.guidance !== 1 && wish.grade !== "any";
  const used = guided ? minds : minds.slice(0, 1);
  for (const mind of used) {
    mind.reset();
    row.forEach((token, i) => mind.read(i === row.length - 1 && mind !== minds[0] ? vocabulary.any : token, i < row.length - 1));
  }
  const masked = new Float64Array(minds[0].logits().length);
  for (;;) {
    const said = minds[0].logits(), against = guided ? minds[1].logits() : said;
    masked.fill(-Infinity);
    const mixed = (token) => against[token] + (guided ? wish.guidance : 1) * (said[token] - against[token]);
    for (const token of allowed(row)) masked[token] = mixed(token);
    const next = open ? waiting(row) : null;
    if (next !== null && masked[next] > -Infinity) masked[next] = massOf([next, ...open.allowed(row).filter((token) => masked[token] === -Infinity)].map(mixed));
    const token = pick(masked);
    if (token === vocabulary.eos) return;
    row.push(token);
    yield token;
    for (const mind of used) mind.read(token);
  }
}
