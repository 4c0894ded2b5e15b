// The tokenizers of labkit.tokenizers in the page: made of what their to_dict says, with the same ids for every text.

// labkit/tokenizers/patterns.py in JavaScript. Its \s is \p{White_Space} (JavaScript's own knows U+FEFF and not U+0085);
// 's without case is also 'ſ; what is possessive there can be plain: given back, its characters match nothing that follows.
const PATTERNS = {
  gpt2: /'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu,
  gpt4: /'(?:[sSſdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\p{White_Space}\p{L}\p{N}]+[\r\n]*|\p{White_Space}*[\r\n]|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu,
};
const LONG = 256; // chunks with more characters than this are not all remembered: they change with every key that is pressed
const MOST_KNOWN = 1 << 17; // chunks that are remembered at most; then the memory starts anew
export const NO_ID = -1; // of a character that a tokenizer without <UNK> refuses

const utf8 = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text with each half of a character that stands alone replaced by U+FFFD: it is no text in UTF-8. */
export const wellFormed = (text) => text.replace(/\p{Surrogate}/gu, "\ufffd");

/** Bytes as characters and what is left of others: [{ text } or { byte }], the texts as long as they can be. */
export function pieces(bytes) {
  const found = [];
  const add = (text) => {
    if (found.at(-1)?.text) found.at(-1).text += text;
    else found.push({ text });
  };
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at];
    const size = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    let text = null;
    if (size && at + size <= bytes.length) {
      try {
        text = strict.decode(bytes.subarray(at, at + size));
      } catch { /* what follows does not belong to it */ }
    }
    if (text === null) found.push({ byte: bytes[at++] });
    else {
      add(text);
      at += size;
    }
  }
  return found;
}

/** A heap of numbers: the least on top. */
class Heap {
  constructor() { this.items = []; }

  push(x) {
    const items = this.items;
    let at = items.push(x) - 1;
    for (let up; at && items[(up = (at - 1) >> 1)] > x; at = up) items[at] = items[up];
    items[at] = x;
  }

  pop() {
    const items = this.items, top = items[0], x = items.pop();
    let at = 0;
    if (!items.length) return top;
    for (let down; (down = 2 * at + 1) < items.length; at = down) {
      if (down + 1 < items.length && items[down + 1] < items[down]) down++;
      if (items[down] >= x) break;
      items[at] = items[down];
    }
    items[at] = x;
    return top;
  }
}

/**
 * The tokens that bytes (as tokens) become: of all pairs the one that was learned first, everywhere from left to right,
 * until none is left. Places wait in a list for each pair, so that a chunk of 100 kB takes hardly longer than its length.
 * `find(left, right)`: the token of a pair, or undefined; `each(token, times, now)` hears of every merge, `now()` the tokens.
 */
export function mergeAll(start, find, each = null) {
  const n = start.length, ids = Int32Array.from(start);
  const next = Int32Array.from(ids, (_, i) => i + 1), before = Int32Array.from(ids, (_, i) => i - 1);
  const waiting = new Map(), tokens = new Heap();
  const look = (i) => {
    const token = i >= 0 && next[i] < n ? find(ids[i], ids[next[i]]) : undefined;
    if (token === undefined) return;
    if (waiting.has(token)) waiting.get(token).push(i);
    else {
      waiting.set(token, [i]);
      tokens.push(token);
    }
  };
  for (let i = 0; i < n; i++) look(i);
  while (waiting.size) {
    const token = tokens.pop();
    let times = 0;
    for (const i of waiting.get(token).sort((a, b) => a - b)) {
      const j = next[i];
      if (ids[i] < 0 || j >= n || find(ids[i], ids[j]) !== token) continue; // merged with another one meanwhile
      ids[i] = token;
      ids[j] = -1;
      next[i] = next[j];
      if (next[i] < n) before[next[i]] = i;
      look(i);
      look(before[i]);
      times++;
    }
    waiting.delete(token);
    if (times) each?.(token, times, () => Array.from(ids).filter((id) => id >= 0));
  }
  return ids.filter((id) => id >= 0);
}

/** f, with its answers for short texts remembered, and that for the last long one. */
function remembered(f) {
  const known = new Map();
  let last = null, lastAnswer = null;
  return (text) => {
    if (text.length > LONG) {
      if (text !== last) [last, lastAnswer] = [text, f(text)];
      return lastAnswer;
    }
    let answer = known.get(text);
    if (answer === undefined) {
      if (known.size >= MOST_KNOWN) known.clear();
      known.set(text, (answer = f(text)));
    }
    return answer;
  };
}

// Each kind: cut(text) gives chunks, idsOf(chunk) their ids, bytesOf(id) what a token stands for.
const KINDS = {
  char({ characters, unknown }) {
    const all = Array.from(characters), ids = new Map(all.map((character, id) => [character, id]));
    const other = unknown ? all.length : NO_ID;
    return { size: all.length + Boolean(unknown), unknown: other, cut: (text) => text,
      idsOf: (character) => [ids.get(character) ?? other], bytesOf: (id) => utf8.encode(all[id]),
      origin: (id) => `character ${id + 1} of ${all.length} in the order of Unicode` };
  },
  byte: () => ({ size: 256, unknown: null, cut: (text) => text, idsOf: remembered((character) => utf8.encode(character)),
    bytesOf: (id) => Uint8Array.of(id), origin: () => "one of the 256 bytes" }),
  word({ words, pattern }) {
    const ids = new Map(words.map((word, id) => [word, id]));
    return { size: words.length + 1, unknown: words.length, cut: (text) => text.match(PATTERNS[pattern]) ?? [],
      idsOf: (word) => [ids.get(word) ?? words.length], bytesOf: (id) => utf8.encode(words[id]),
      origin: (id) => `word ${id + 1} of ${words.length}` };
  },
  bpe({ merges, pattern, byte_order, size }) {
    const bytes = Array.from({ length: 256 }, (_, id) => Uint8Array.of(byte_order ? byte_order[id] : id));
    const start = new Int32Array(256), pairs = new Map(), learned = merges.length / 2;
    bytes.forEach(([byte], id) => { start[byte] = id; });
    const key = (left, right) => left * 0x110000 + right;
    for (let i = 0; i < learned; i++) {
      const left = merges[2 * i], right = merges[2 * i + 1];
      pairs.set(key(left, right), 256 + i);
      const joined = new Uint8Array(bytes[left].length + bytes[right].length);
      joined.set(bytes[left]);
      joined.set(bytes[right], bytes[left].length);
      bytes.push(joined);
    }
    const find = (left, right) => pairs.get(key(left, right));
    const begin = (data) => Array.from(data, (byte) => start[byte]);
    return { size, unknown: null, learned, find, begin, cut: (text) => text.match(PATTERNS[pattern]) ?? [],
      idsOf: remembered((chunk) => mergeAll(begin(utf8.encode(chunk)), find)), bytesOf: (id) => bytes[id],
      parts: (id) => (id < 256 ? null : [merges[2 * (id - 256)], merges[2 * (id - 256) + 1]]),
      origin: (id) => (id < 256 ? "one of the 256 bytes that it begins with" : `merge ${id - 255} of ${learned}`) };
  },
};

/** name -> tokenizer, of the descriptions that labkit.widgets.TokenPlayground sends. */
export function tokenizers(descriptions) {
  const merges = new Map(descriptions.map(({ name, merges }) => [name, merges]));
  return new Map(descriptions.map((it) => [it.name, { name: it.name, type: it.type, ...KINDS[it.type]({ ...it,
    // What begins as a longer tokenizer does travels as that one's name and a number of merges.
    merges: it.merges_of ? merges.get(it.merges_of).slice(0, 2 * it.n_merges) : it.merges }) }]));
}

/** The ids of a text. */
export function encode(tokenizer, text) {
  const ids = [];
  for (const chunk of tokenizer.cut(text)) for (const id of tokenizer.idsOf(chunk)) ids.push(id);
  return ids;
}

/** The first tokens of a text: { id, bytes, start (in bytes), unknown, chunk: { text, ids }, nth (in the chunk) }. */
export function firstTokens(tokenizer, text, most) {
  const found = [];
  let start = 0;
  for (const chunk of tokenizer.cut(text)) {
    const ids = tokenizer.idsOf(chunk), shared = { text: chunk, ids };
    for (let nth = 0; nth < ids.length; nth++) {
      if (found.length >= most) return found;
      const unknown = ids[nth] === tokenizer.unknown;
      const bytes = unknown ? utf8.encode(chunk) : tokenizer.bytesOf(ids[nth]);
      found.push({ id: ids[nth], bytes, start, unknown, chunk: shared, nth });
      start += bytes.length;
    }
  }
  return found;
}

/** The characters that bytes `low` to `high` of a text belong to: [{ character, start, size }]. */
export function charactersAt(text, low, high) {
  const found = [];
  let start = 0;
  for (const character of text) {
    const point = character.codePointAt(0), size = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    if (start >= high) break;
    if (start + size > low) found.push({ character, start, size });
    start += size;
  }
  return found;
}

/**
 * How a chunk becomes its tokens, merge by merge: [{ token, times, ids }], the first of them its bytes. Of a long chunk
 * the whole tokens around number `nth`, some `most` bytes: no merge reached across their borders, so they merge as there.
 */
export function stepsOf(tokenizer, { ids }, nth, most) {
  const size = (i) => tokenizer.bytesOf(ids[i]).length;
  let [first, last, sum] = [nth, nth, size(nth)];
  for (let grown = true; grown; ) {
    grown = false;
    if (last + 1 < ids.length && sum + size(last + 1) <= most) { sum += size(++last); grown = true; }
    if (first && sum + size(first - 1) <= most) { sum += size(--first); grown = true; }
  }
  const start = [];
  for (let i = first; i <= last; i++) start.push(...tokenizer.begin(tokenizer.bytesOf(ids[i])));
  const steps = [{ token: null, times: 0, ids: start }];
  mergeAll(start, tokenizer.find, (token, times, now) => steps.push({ token, times, ids: now() }));
  return { steps, whole: last - first + 1 === ids.length, first };
}
