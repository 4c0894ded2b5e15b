// A policy over three answers: its optimum, its objective, one step of learning. In double precision, as
// labkit.rlhf.exact computes it; policies are log-probabilities throughout, so that none is too small.

/** Log-probabilities of logits. */
function logSoftmax(logits) {
  const largest = Math.max(...logits);
  const total = Math.log(logits.reduce((sum, z) => sum + Math.exp(z - largest), 0));
  return logits.map((z) => z - largest - total);
}

/** Log-probabilities of probabilities; of none, as good as never. */
const logs = (probabilities) => probabilities.map((p) => Math.log(Math.max(p, 1e-300)));

/** The best policy for a weight of the KL, π*(y) ∝ μ(y) · exp(r(y) / β). `task`: { reference, rewards, beta }. */
export function optimum({ reference, rewards, beta }) {
  return logSoftmax(reference.map((z, i) => z + rewards[i] / beta));
}

const expected = (policy, values) => policy.reduce((sum, z, i) => sum + Math.exp(z) * values[i], 0);
const kl = (p, q) => expected(p, p.map((z, i) => z - q[i]));

/** J(π) = Σ π r − β · KL(π‖μ). */
export const objective = (policy, { reference, rewards, beta }) => expected(policy, rewards) - beta * kl(policy, reference);

/** What a policy is worth: as SimplexFigure.numbers(). */
export function measures(policy, task) {
  const best = optimum(task);
  const value = objective(policy, task);
  return { reward: expected(policy, task.rewards), from_reference: kl(policy, task.reference), to_optimum: kl(policy, best),
    objective: value, gap: objective(best, task) - value, best };
}

/** What each answer brings: its reward less β · log(π / μ), whose expectation is J. */
const gains = (policy, { reference, rewards, beta }) => policy.map((z, i) => rewards[i] - beta * (z - reference[i]));

/** The gradient of J with respect to the logits. */
export function exactGradient(policy, task) {
  const each = gains(policy, task);
  const mean = expected(policy, each);
  return policy.map((z, i) => Math.exp(z) * (each[i] - mean));
}

/**
 * The same, estimated from answers that the policy gives: the mean of (gain − baseline) · ∇ log π(answer).
 * RLOO's baseline of an answer is the mean gain of the others; REINFORCE has none.
 */
export function sampledGradient(policy, task, { method, samples }, random) {
  const each = gains(policy, task);
  const drawn = Array.from({ length: samples }, () => draw(policy, random));
  const total = drawn.reduce((sum, y) => sum + each[y], 0);
  const gradient = policy.map(() => 0);
  for (const y of drawn) {
    const baseline = method === "rloo" ? (total - each[y]) / (samples - 1) : 0;
    policy.forEach((z, i) => { gradient[i] += ((each[y] - baseline) * ((i === y) - Math.exp(z))) / samples; });
  }
  return gradient;
}

function draw(policy, random) {
  let rest = random();
  for (let i = 0; i < policy.length - 1; i++) if ((rest -= Math.exp(policy[i])) < 0) return i;
  return policy.length - 1;
}

/** The policy after one step of gradient ascent on its logits. `how`: { method, samples, rate }. */
export function stepped(policy, task, how, random) {
  const gradient = how.method === "exact" ? exactGradient(policy, task)
    : sampledGradient(policy, task, how, random);
  return logSoftmax(policy.map((z, i) => Math.max(z + how.rate * gradient[i], -600)));
}

/** π* for β from ∞ to 0: probabilities, beginning at μ and ending at the best answers. */
export function curveOf({ reference, rewards }, points = 160) {
  const most = Math.max(...rewards);
  const spread = most - Math.min(...rewards) || 1;
  const at = (k) => optimum({ reference, rewards, beta: spread * 200 * (1 / 8000) ** (k / (points - 1)) }).map(Math.exp);
  const end = logSoftmax(reference.map((z, i) => (rewards[i] === most ? z : -Infinity))).map(Math.exp);
  return [reference.map(Math.exp), ...Array.from({ length: points }, (_, k) => at(k)), end];
}

/** Level lines of J: for each level the pieces [from, to] of it, as probabilities; linear within small triangles. */
export function levelLines(task, levels, parts = 56) {
  const best = (p) => objective(p.map((x) => Math.log(Math.max(x, 1e-300))), task);
  const rows = Array.from({ length: parts + 1 }, (_, a) => Array.from({ length: parts + 1 - a }, (_, b) => {
    const p = [a / parts, b / parts, (parts - a - b) / parts];
    return { p, value: best(p) };
  }));
  const lines = levels.map(() => []);
  const cross = (corners) => levels.forEach((level, l) => {
    const found = [];
    for (const [one, other] of [[0, 1], [1, 2], [2, 0]]) {
      const [from, to] = [corners[one], corners[other]];
      if (from.value < level === to.value < level) continue;
      const share = (level - from.value) / (to.value - from.value);
      found.push(from.p.map((x, i) => x + share * (to.p[i] - x)));
    }
    if (found.length === 2) lines[l].push(found);
  });
  for (let a = 0; a < parts; a++)
    for (let b = 0; a + b < parts; b++) {
      cross([rows[a][b], rows[a + 1][b], rows[a][b + 1]]);
      if (a + b < parts - 1) cross([rows[a + 1][b], rows[a][b + 1], rows[a + 1][b + 1]]);
    }
  return lines;
}
