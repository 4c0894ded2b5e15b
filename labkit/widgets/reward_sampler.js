// Texts of a GPT whose logits are raised by beta for wanted letters; page_gpt.model.js is the GPT.

const GRID = [0, 1, 2, 3, 4, 5, 6, 7, 8, -1, -2, -3, -4]; // betas of the curve, as they are measured: what is compared with comes first
const PERPLEXITIES = [1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 1000, 2000, 5000, 10000, 100000, 1e6];
const MARGIN = { left: 44, right: 18, top: 24, bottom: 42 };

const rounded = (x) => format(Number(x.toPrecision(3)));
const percent = (share) => `${(100 * share).toFixed(share > 0 && share < 0.0995 ? 1 : 0)} %`;

/** What is drawn from in place of the logits: a wanted token has p · exp(beta) / Z there, another one p / Z. */
export const raised = (logits, wanted, beta) => logits.map((z, token) => (wanted.has(token) ? z + beta : z));

/** -log p of a token, by logits as the model says them. */
export function nats(logits, token) {
  const most = logits.reduce((a, b) => Math.max(a, b));
  return most + Math.log(logits.reduce((sum, z) => sum + Math.exp(z - most), 0)) - logits[token];
}

/**
 * Writes texts into `out`, one after the other, and yields often. Each draws from random numbers of its own: so it is
 * the same whatever the texts before it became.
 * `how`: { prompt, stop, n_texts, max_new_tokens, wanted (a Set of tokens), beta, seed }.
 */
export function* writeTexts(mind, how, out) {
  for (let i = 0; i < how.n_texts; i++) {
    const random = generator(how.seed * how.n_texts + i);
    const text = { tokens: [], nats: 0, done: false, ended: false };
    out.push(text);
    const steps = writing(mind, how.prompt, (logits) => {
      const token = choose(raised(logits, how.wanted, how.beta), 1, logits.length, random);
      text.nats += nats(logits, token);
      return token;
    });
    while (!text.done) {
      const token = steps.next().value;
      if (token !== null) {
        text.tokens.push(token);
        text.ended = token === how.stop;
        text.done = text.ended || text.tokens.length >= how.max_new_tokens;
      }
      yield;
    }
  }
}

/** Of texts: { letters, share of them that is wanted, perplexity of all tokens }; null before the first letter. */
export function totals(texts, { wanted, stop }) {
  const tokens = texts.flatMap((text) => text.tokens);
  const letters = tokens.filter((token) => token !== stop);
  if (!letters.length) return null;
  const cost = texts.reduce((sum, text) => sum + text.nats, 0);
  return { letters: letters.length, share: letters.filter((token) => wanted.has(token)).length / letters.length,
    perplexity: Math.exp(cost / tokens.length) };
}

export default {
  render({ model, el }) {
    const vocabulary = model.get("vocabulary");
    const ids = new Map(vocabulary.map((character, id) => [character, id]));
    const fixed = Object.fromEntries(["prompt", "stop", "n_texts", "max_new_tokens"].map((name) => [name, model.get(name)]));
    let mind = null; // the model in memory: made when the figure is first seen
    let job = null; // what is being written: { beta, how, out, steps, shown }; shown: these texts are the reader's
    let current = null; // the job whose texts are shown
    let curve = new Map(); // beta -> totals, of these letters and this seed
    let width = 360;
    let frame = 0;

    const change = (name, value) => { model.set(name, value); model.save_changes(); };
    const letters = node("input", { class: "lb-input lb-reward-letters", type: "text", spellcheck: "false", autocapitalize: "off", autocomplete: "off",
      "aria-label": "wanted letters", "data-lm-suppress-shortcuts": "true",
      oninput: () => change("wanted", letters.value) });
    const slider = range({ min: -4, max: 8, step: 0.1, "aria-label": "β, the weight of the reward",
      oninput: () => change("beta", Number(slider.value)) });
    const value = node("span", { class: "lb-num" });
    const fresh = button("write from the next seed", "New texts", () => change("seed", (model.get("seed") + 1) % 1e6));
    const texts = node("div", { class: `lb-reward-texts${fixed.n_texts > 1 ? " lb-reward-many" : ""}`, role: "region", tabindex: 0, "aria-label": "the texts",
      "data-lm-suppress-shortcuts": "true" });
    const svg = node("svg", { class: "lb-svg lb-reward-chart", role: "img" });
    const chart = node("div", { class: "lb-reward-side" }, svg);
    const words = node("div", { class: "lb-say", role: "status" });
    el.append(node("div", { class: "lb-box lb-reward" },
      node("div", { class: "lb-bar" },
        node("label", { class: "lb-choice" }, "wanted letters", letters), fresh,
        node("label", { class: "lb-slider" }, "β", slider, value)),
      words, node("div", { class: "lb-reward-parts" }, texts, chart)));

    /** What to write with, as the controls stand. */
    const how = () => ({ ...fixed, seed: model.get("seed"), wanted: new Set([...model.get("wanted")].filter((c) => ids.has(c)).map((c) => ids.get(c))) });
    const begin = (beta, shown) => {
      const made = { beta, how: { ...how(), beta }, out: [], shown };
      made.steps = writeTexts(mind, made.how, made.out);
      return made;
    };
    /** Write the reader's texts anew; `all`: the curve is of other letters or texts now. */
    const again = (all) => {
      read();
      if (all) curve = new Map();
      if (mind) current = job = begin(model.get("beta"), true);
      texts.setAttribute("aria-busy", true);
      work.start();
    };
    const work = inSlices(() => {
      if (!job) return false;
      if (job.steps.next().done) {
        if (!job.shown || GRID.includes(job.beta)) curve.set(job.beta, totals(job.out, job.how));
        const next = GRID.find((beta) => !curve.has(beta));
        job = next === undefined ? null : begin(next, false);
      }
      frame ||= requestAnimationFrame(draw);
      return job !== null;
    });

    /** One text: its letters, what is wanted marked. */
    const paint = (element, text) => {
      const parts = [];
      let marked = null; // the run of letters that is being put together: [wanted, letters]
      for (const token of text.tokens.slice(0, text.ended ? -1 : undefined)) {
        const is = current.how.wanted.has(token);
        if (marked?.[0] === is) marked[1] += vocabulary[token];
        else parts.push((marked = [is, vocabulary[token]]));
      }
      element.replaceChildren(...parts.map(([is, some]) => (is ? node("mark", {}, some) : some)));
      if (text.done && text.ended && !parts.length) element.append(node("span", { class: "lb-note" }, "∅"));
      if (text.done && !text.ended && fixed.stop !== null) element.append(node("span", { class: "lb-note", title: "cut here" }, "…"));
      Object.assign(element, { text, length: text.tokens.length });
      element.classList.remove("lb-reward-old");
    };
    const drawTexts = () => {
      while (texts.children.length < current.out.length) texts.append(node("span", { class: "lb-reward-text" }));
      [...texts.children].forEach((element, i) => {
        const text = current.out[i];
        if (!text || (!text.done && fixed.n_texts > 1)) element.classList.toggle("lb-reward-old", current === job); // of another beta still
        else if (element.text !== text || element.length !== text.tokens.length) paint(element, text);
      });
    };
    const say = () => {
      const now = totals(current.out, current.how), plain = curve.get(0);
      words.setAttribute("aria-live", job === current ? "off" : "polite"); // not sixty times a second
      const unknown = [...new Set(model.get("wanted"))].filter((c) => !ids.has(c)).map((c) => `“${c}”`);
      const left = unknown.length ? `Left out, since the model does not know ${unknown.length > 1 ? "them" : "it"}: ${unknown.join(", ")}. ` : "";
      if (!current.how.wanted.size) words.textContent = `${left}No letter is wanted: β changes nothing.`;
      else if (now) {
        words.textContent = `${left}${percent(now.share)} of ${now.letters.toLocaleString("en-US")} letters are wanted; perplexity ${rounded(now.perplexity)} by the model without reward.`
          + (plain && current.beta !== 0 ? ` With β = 0: ${percent(plain.share)}, ${rounded(plain.perplexity)}.` : "");
      }
    };
    const drawChart = () => {
      const now = totals(current.out, current.how);
      const points = [...curve].filter(([, point]) => point).sort(([a], [b]) => a - b);
      const seen = [...points.map(([, point]) => point), ...(now ? [now] : [])];
      if (!seen.length) return;
      const height = 250, right = width - MARGIN.right, bottom = height - MARGIN.bottom;
      const costs = seen.map((point) => point.perplexity);
      const least = Math.max(1, 0.8 * Math.min(...costs)), most = Math.max(1.3 * Math.max(...costs), 3 * least);
      const px = (share) => MARGIN.left + (right - MARGIN.left) * share;
      const py = (cost) => bottom - ((bottom - MARGIN.top) * Math.log(cost / least)) / Math.log(most / least);
      const parts = [];
      const text = (content, x, y, anchor, kind = "lb-tick") => parts.push(node("text", { class: kind, x, y, "text-anchor": anchor }, content));
      let last = Infinity;
      for (const cost of PERPLEXITIES.filter((cost) => cost >= least && cost <= most)) {
        if (last - py(cost) < 22) continue;
        last = py(cost);
        parts.push(node("line", { class: "lb-axis", x1: MARGIN.left, x2: right, y1: last, y2: last }));
        text(cost.toLocaleString("en-US"), MARGIN.left - 6, last + 4, "end");
      }
      for (const share of [0, 0.25, 0.5, 0.75, 1]) {
        parts.push(node("line", { class: "lb-axis", x1: px(share), x2: px(share), y1: bottom, y2: bottom + 4 }));
        text(`${100 * share}`, px(share), bottom + 17, "middle");
      }
      text("perplexity by the model without reward", 2, 12, "start");
      text("wanted letters, % of all", right, height - 6, "end");
      const path = points.map(([, { share, perplexity }], i) => `${i ? "L" : "M"}${px(share).toFixed(1)} ${py(perplexity).toFixed(1)}`).join("");
      if (path) parts.push(node("path", { class: "lb-line lb-reward-line", d: path }));
      for (const [beta, { share, perplexity }] of points) {
        parts.push(node("circle", { class: "lb-reward-dot", cx: px(share), cy: py(perplexity), r: 3, "data-beta": beta }, node("title", {}, `β = ${format(beta)}`)));
      }
      const plain = curve.get(0);
      if (plain && (!now || Math.hypot(px(plain.share) - px(now.share), py(plain.perplexity) - py(now.perplexity)) > 60)) {
        text("β = 0", px(plain.share) + 6, py(plain.perplexity) - 8, "start", "lb-tick lb-end");
      }
      if (now) {
        const [x, y] = [px(now.share), py(now.perplexity)];
        parts.push(node("circle", { class: "lb-reward-now", cx: x, cy: y, r: 6 }));
        const left = x > MARGIN.left + 64; // above and before it: the curve of a rare letter rises to the right
        text(`β = ${format(current.beta)}`, left ? x - 8 : x + 2, y - 12, left ? "end" : "start", "lb-end");
      }
      svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      const [first, end] = [points[0], points.at(-1)];
      svg.setAttribute("aria-label", points.length < 2 ? "The trade between reward and perplexity is being measured."
        : `From β = ${format(first[0])} to ${format(end[0])} the share of wanted letters goes from ${percent(first[1].share)} to ${percent(end[1].share)}, `
          + `the perplexity from ${rounded(first[1].perplexity)} to ${rounded(end[1].perplexity)}.`);
      svg.replaceChildren(...parts);
    };
    const draw = () => {
      frame = 0;
      if (!current) return;
      drawTexts();
      say();
      drawChart();
      texts.setAttribute("aria-busy", job !== null);
    };
    const read = () => {
      // An echo must not pull back what is being typed or dragged.
      if (!letters.matches(":focus")) letters.value = model.get("wanted");
      if (!slider.matches(":active")) slider.value = model.get("beta");
      value.textContent = format(model.get("beta"));
      slider.setAttribute("aria-valuetext", value.textContent);
    };
    read();
    // Written only once it can be seen: a page may have several figures that compute.
    const watch = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      watch.disconnect();
      mind = gpt(model.get("config"), model.get("shapes"), halves(model.get("weights")));
      again(true);
    });
    watch.observe(el);
    const unwatch = onWidth(chart, (now) => { width = now; draw(); });
    const heard = { "change:wanted": () => again(true), "change:seed": () => again(true), "change:beta": () => again(false) };
    for (const [event, act] of Object.entries(heard)) model.on(event, act);
    return () => {
      job = current = null;
      cancelAnimationFrame(frame);
      work.end();
      watch.disconnect();
      unwatch();
      for (const [event, act] of Object.entries(heard)) model.off(event, act);
    };
  },
};
