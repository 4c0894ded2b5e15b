// labkit.gpt's forward pass in plain JavaScript, with a cache of keys and values, and sampling: what page_gpt.js runs.

// -- weights

/** The numbers of float16 bytes (a DataView). A half is ±lead · 2^power: tables have both by its upper six bits. */
export function halves(view) {
  const scales = Float64Array.from({ length: 64 }, (_, top) => (top & 32 ? -1 : 1) * 2 ** (Math.max(1, top & 31) - 25));
  const leads = Uint16Array.from({ length: 64 }, (_, top) => (top & 31 ? 1024 : 0));
  const numbers = new Float32Array(view.byteLength / 2);
  for (let i = 0; i < numbers.length; i++) {
    const bits = view.getUint16(2 * i, true);
    numbers[i] = scales[bits >> 10] * (leads[bits >> 10] + (bits & 1023));
  }
  return numbers;
}

/** name -> { data, shape } of tensors that lie one after the other. */
function named(shapes, numbers) {
  const tensors = new Map();
  let at = 0;
  for (const [name, shape] of shapes) {
    const size = shape.reduce((product, n) => product * n, 1);
    tensors.set(name, { shape, data: numbers.subarray(at, (at += size)) });
  }
  if (at !== numbers.length) throw new Error(`${numbers.length} weights came, the shapes are of ${at}`);
  return tensors;
}

/** A matrix as its rows, each an array of its own. */
const rowsOf = ({ data, shape: [rows, n] }) => Array.from({ length: rows }, (_, r) => data.subarray(r * n, (r + 1) * n));

function columnsOf({ data, shape: [rows, n] }) {
  const turned = new Float32Array(data.length);
  for (let r = 0; r < rows; r++) for (let i = 0; i < n; i++) turned[i * rows + r] = data[r * n + i];
  return rowsOf({ data: turned, shape: [n, rows] });
}

// -- the two products that nearly all the time goes to. Weights are float32, what is computed is float64: V8 then converts
// only weights. Measured on one core: 2.1 billion products a second four rows at a time, 1.2 row by row.

/** y[r] = rows[r] · x, for the first `count` rows. */
function dots(y, rows, x, count) {
  const n = x.length, even = n - (n % 2);
  let r = 0;
  for (; r + 4 <= count; r += 4) {
    const a = rows[r], b = rows[r + 1], c = rows[r + 2], d = rows[r + 3];
    let p = 0, q = 0, s = 0, t = 0;
    for (let i = 0; i < even; i += 2) {
      const v = x[i], w = x[i + 1];
      p += a[i] * v + a[i + 1] * w;
      q += b[i] * v + b[i + 1] * w;
      s += c[i] * v + c[i + 1] * w;
      t += d[i] * v + d[i + 1] * w;
    }
    if (even < n) { const v = x[even]; p += a[even] * v; q += b[even] * v; s += c[even] * v; t += d[even] * v; }
    y[r] = p;
    y[r + 1] = q;
    y[r + 2] = s;
    y[r + 3] = t;
  }
  for (; r < count; r++) {
    const row = rows[r];
    let sum = 0;
    for (let i = 0; i < n; i++) sum += row[i] * x[i];
    y[r] = sum;
  }
}

/** y += the sum of shares[j] · rows[j] over the first `count` entries j of `which`. */
function blend(y, rows, shares, which, count) {
  const n = y.length;
  let k = 0;
  for (; k + 4 <= count; k += 4) {
    const h = which[k], i = which[k + 1], j = which[k + 2], l = which[k + 3];
    const a = rows[h], b = rows[i], c = rows[j], d = rows[l];
    const p = shares[h], q = shares[i], s = shares[j], t = shares[l];
    for (let m = 0; m < n; m++) y[m] += p * a[m] + q * b[m] + (s * c[m] + t * d[m]);
  }
  for (; k < count; k++) {
    const row = rows[which[k]], share = shares[which[k]];
    for (let m = 0; m < n; m++) y[m] += share * row[m];
  }
}

// -- the model

const ACTIVATIONS = {
  relu: (v) => (v > 0 ? v : 0),
  relu2: (v) => (v > 0 ? v * v : 0),
  gelu: (v) => 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3))),
};

/** y = x over its root mean square. */
function rmsnorm(y, x, eps) {
  const n = x.length;
  let sum = 0;
  for (let i = 0; i < n; i++) sum += x[i] * x[i];
  const scale = 1 / Math.sqrt(sum / n + eps);
  for (let i = 0; i < n; i++) y[i] = scale * x[i];
}

/** Turn scores (the first `count`) into shares that sum to 1. */
function softmax(scores, count) {
  let largest = -Infinity, total = 0;
  for (let i = 0; i < count; i++) if (scores[i] > largest) largest = scores[i];
  for (let i = 0; i < count; i++) total += scores[i] = Math.exp(scores[i] - largest);
  for (let i = 0; i < count; i++) scores[i] /= total;
}

/**
 * The model: read(token) takes one more token in, logits() says what may follow, reset() forgets all that was read.
 * read(token, true) leaves out what only the logits would need: more tokens come before they are asked for.
 * `config`: a GPTConfig; `shapes`: [name, shape] of each tensor, in their order; `numbers`: all weights in one array.
 */
export function gpt(config, shapes, numbers) {
  const { n_layer, n_head, n_embd, block_size, vocab_size, norm_eps } = config;
  const size = n_embd / n_head, half = size / 2;
  const tensors = named(shapes, numbers);
  const tensor = (name) => {
    if (!tensors.has(name)) throw new Error(`the weights lack ${name}`);
    return tensors.get(name);
  };
  const vector = (n) => new Float64Array(n);

  const norm = (name) => {
    const gain = tensors.get(`${name}.weight`)?.data, shift = tensors.get(`${name}.bias`)?.data;
    return (y, x) => {
      if (config.norm === "layernorm") {
        const mean = x.reduce((sum, v) => sum + v, 0) / n_embd;
        for (let i = 0; i < n_embd; i++) y[i] = x[i] - mean;
        rmsnorm(y, y, norm_eps);
      } else rmsnorm(y, x, norm_eps);
      if (gain) for (let i = 0; i < n_embd; i++) y[i] *= gain[i];
      if (shift) for (let i = 0; i < n_embd; i++) y[i] += shift[i];
    };
  };
  const linear = (name) => {
    const rows = rowsOf(tensor(`${name}.weight`)), bias = tensors.get(`${name}.bias`)?.data;
    return (y, x) => {
      dots(y, rows, x, rows.length);
      if (bias) for (let i = 0; i < bias.length; i++) y[i] += bias[i];
    };
  };
  /** One slice for each head. */
  const byHead = (x) => Array.from({ length: n_head }, (_, h) => x.subarray(h * size, (h + 1) * size));
  /** For each head the rows of all positions: what a query is compared with lies together. */
  const cache = () => Array.from({ length: n_head }, () => rowsOf({ data: new Float32Array(block_size * size), shape: [block_size, size] }));

  const wte = rowsOf(tensor("wte.weight"));
  const wpe = config.positions === "learned" ? rowsOf(tensor("wpe.weight")) : null;
  const head = linear(config.tied ? "wte" : "head");
  const [embeddingNorm, finalNorm] = [norm("embedding_norm"), norm("final_norm")];
  const activation = ACTIVATIONS[config.activation];
  const blocks = Array.from({ length: n_layer }, (_, l) => {
    const name = `blocks.${l}`;
    return { attentionNorm: norm(`${name}.attention_norm`), mlpNorm: norm(`${name}.mlp_norm`), keys: cache(), values: cache(),
      query: linear(`${name}.attention.query`), key: linear(`${name}.attention.key`), value: linear(`${name}.attention.value`),
      out: linear(`${name}.attention.out`), up: linear(`${name}.mlp.up`),
      down: columnsOf(tensor(`${name}.mlp.down.weight`)), downBias: tensors.get(`${name}.mlp.down.bias`)?.data };
  });
  // RoPE's angles, rounded to float32 where torch rounds them.
  const speeds = Float32Array.from({ length: half }, (_, j) => config.rope_base ** -Math.fround(j / half));
  const angles = Float32Array.from({ length: block_size * half }, (_, k) => Math.floor(k / half) * speeds[k % half]);
  const [cos, sin] = [angles.map(Math.cos), angles.map(Math.sin)];

  const x = vector(n_embd), seen = vector(n_embd), written = vector(n_embd), mixed = vector(n_embd), hidden = vector(4 * n_embd);
  const query = vector(n_embd), key = vector(n_embd), value = vector(n_embd), scores = vector(block_size), logits = vector(vocab_size);
  const [queries, keys, values, mixes] = [query, key, value, mixed].map(byHead);
  const all = Int32Array.from({ length: block_size }, (_, t) => t), firing = new Int32Array(4 * n_embd);
  let length = 0;

  /** What a head's query or key becomes before they meet: normed, and turned by its position. */
  const prepare = (part) => {
    if (config.qk_norm) rmsnorm(part, part, norm_eps);
    if (config.positions !== "rope") return;
    for (let j = 0, k = length * half; j < half; j++, k++) {
      const a = part[j], b = part[j + half];
      part[j] = a * cos[k] - b * sin[k];
      part[j + half] = a * sin[k] + b * cos[k];
    }
  };
  const remember = (block) => {
    block.key(key, seen);
    block.value(value, seen);
    for (let h = 0; h < n_head; h++) {
      prepare(keys[h]);
      block.keys[h][length].set(keys[h]);
      block.values[h][length].set(values[h]);
    }
  };
  const attend = (block) => {
    block.query(query, seen);
    mixed.fill(0);
    for (let h = 0; h < n_head; h++) {
      prepare(queries[h]);
      for (let i = 0; i < size; i++) queries[h][i] *= size ** -0.5;
      dots(scores, block.keys[h], queries[h], length + 1);
      softmax(scores, length + 1);
      blend(mixes[h], block.values[h], scores, all, length + 1);
    }
    block.out(written, mixed);
    for (let i = 0; i < n_embd; i++) x[i] += written[i];
  };
  const think = (block) => {
    block.up(hidden, seen);
    let count = 0; // of the units that fire: what is zero after ReLU writes nothing, and is not multiplied
    for (let j = 0; j < hidden.length; j++) if ((hidden[j] = activation(hidden[j])) !== 0) firing[count++] = j;
    blend(x, block.down, hidden, firing, count);
    if (block.downBias) for (let i = 0; i < n_embd; i++) x[i] += block.downBias[i];
  };

  return {
    block_size,
    reset() { length = 0; },
    read(token, more = false) {
      if (length === block_size) throw new Error(`the window is full: ${block_size} tokens`);
      x.set(wte[token]);
      if (wpe) for (let i = 0; i < n_embd; i++) x[i] += wpe[length][i];
      if (config.embedding_norm) embeddingNorm(x, x);
      for (const block of blocks) {
        block.attentionNorm(seen, x);
        remember(block);
        if (more && block === blocks.at(-1)) break; // all that later tokens will ask of this one is there
        attend(block);
        block.mlpNorm(seen, x);
        think(block);
      }
      length++;
    },
    logits() {
      if (config.final_norm) finalNorm(seen, x);
      else seen.set(x);
      head(logits, seen);
      return logits;
    },
  };
}

// -- sampling

/** A token drawn from the logits; temperature 0 takes the likeliest; only the topK likeliest (and their equals) can be drawn. */
export function choose(logits, temperature, topK, random) {
  const likeliest = logits.reduce((best, z, i) => (z > logits[best] ? i : best), 0);
  if (temperature === 0) return likeliest;
  const least = topK < logits.length ? logits.slice().sort()[logits.length - topK] : -Infinity;
  const shares = logits.map((z) => (z < least ? 0 : Math.exp((z - logits[likeliest]) / temperature)));
  let rest = random() * shares.reduce((sum, share) => sum + share, 0);
  const found = shares.findIndex((share) => (rest -= share) < 0);
  return found < 0 ? likeliest : found; // rounding left a crumb
}

/**
 * Reads the prompt (of a longer one than the window its end) and writes on without end: yields each new token, and null
 * for each one that was only read. When the window is full and one more token comes, its older half is forgotten and
 * the rest is read again: window="jump" of labkit.sampling.
 */
export function* writing(model, prompt, pick) {
  const tokens = [...prompt], most = model.block_size;
  let start = Math.max(0, tokens.length - most);
  let read = start; // how many tokens were read or forgotten
  model.reset();
  for (;;) {
    if (tokens.length - start > most) {
      start += Math.max(1, most >> 1);
      read = start;
      model.reset();
    }
    for (let more = true; more;) {
      more = read + 1 < tokens.length;
      model.read(tokens[read++], more);
      if (more) yield null;
    }
    tokens.push(pick(model.logits()));
    yield tokens.at(-1);
  }
}
