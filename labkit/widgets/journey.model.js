// The forward pass of labkit.scalar's GameGPT, in double precision: what journey.js shows.

const RMS_EPS = 1e-5;

function rmsnorm(x) {
  const s = (x.reduce((total, v) => total + v * v, 0) / x.length + RMS_EPS) ** -0.5;
  return x.map((v) => s * v);
}

/** A matrix, row by row in one array, times a vector. */
function times(matrix, x) {
  const y = new Float64Array(matrix.length / x.length);
  for (let row = 0, k = 0; row < y.length; row++)
    for (let i = 0; i < x.length; i++, k++) y[row] += matrix[k] * x[i];
  return y;
}

const add = (a, b) => a.map((v, i) => v + b[i]);

/** The softmax of the logits divided by the temperature. */
export function softmax(logits, temperature = 1) {
  const largest = Math.max(...logits);
  const powers = logits.map((z) => Math.exp((z - largest) / temperature));
  const total = powers.reduce((sum, p) => sum + p, 0);
  return powers.map((p) => p / total);
}

/** -log softmax(logits)[target] in nats, without a probability that could be too small for its log. */
function crossEntropy(logits, target) {
  const largest = Math.max(...logits);
  return Math.log(logits.reduce((sum, z) => sum + Math.exp(z - largest), 0)) - (logits[target] - largest);
}

/**
 * A function of (tokens, position) that returns what the model computes there. A token's part stays in memory,
 * with its keys and values, as long as the tokens before it are the same.
 * `weights`: the numbers of GameGPT.params, in their order.
 */
export function forwardPass(weights, { n_layer, n_embd, n_head, block_size, vocab_size }) {
  let at = 0;
  const take = (rows, columns = n_embd) => weights.subarray(at, (at += rows * columns));
  const [wte, wpe, lmHead] = [take(vocab_size), take(block_size), take(vocab_size)];
  const layers = Array.from({ length: n_layer }, () => ({ wq: take(n_embd), wk: take(n_embd), wv: take(n_embd),
    wo: take(n_embd), fc1: take(4 * n_embd), fc2: take(n_embd, 4 * n_embd) }));
  const size = n_embd / n_head;
  const row = (matrix, i) => matrix.subarray(i * n_embd, (i + 1) * n_embd);
  const steps = [];

  const step = (token) => {
    const embedding = add(row(wte, token), row(wpe, steps.length));
    const normed = rmsnorm(embedding);
    let x = normed;
    const through = layers.map((w, l) => {
      const seen = rmsnorm(x);
      const query = times(w.wq, seen);
      const here = { key: times(w.wk, seen), value: times(w.wv, seen) };
      const past = [...steps.map((earlier) => earlier.layers[l]), here];
      const mixed = new Float64Array(n_embd);
      const attention = Array.from({ length: n_head }, (_, head) => {
        const [from, to] = [head * size, (head + 1) * size];
        const scores = past.map(({ key }) => {
          let total = 0;
          for (let i = from; i < to; i++) total += query[i] * key[i];
          return total * size ** -0.5;
        });
        const shares = softmax(scores);
        past.forEach(({ value }, t) => { for (let i = from; i < to; i++) mixed[i] += shares[t] * value[i]; });
        return shares;
      });
      const afterAttention = add(x, times(w.wo, mixed));
      const hidden = times(w.fc1, rmsnorm(afterAttention)).map((v) => (v > 0 ? v * v : 0 * v));
      x = add(afterAttention, times(w.fc2, hidden));
      return { ...here, attention, afterAttention, afterMlp: x, firing: hidden.filter((v) => v > 0).length };
    });
    return { token, embedding, normed, layers: through, logits: times(lmHead, x) };
  };

  return (tokens, position) => {
    let same = 0;
    while (same < steps.length && steps[same].token === tokens[same]) same++;
    steps.length = same;
    while (steps.length <= position) steps.push(step(tokens[steps.length]));
    return steps[position];
  };
}
