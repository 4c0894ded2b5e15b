// One token's way through a scalar GPT. The page itself computes it: journey.model.js.

const TOP = 10; // rows of next tokens

function sampled(probabilities) {
  let rest = Math.random();
  const found = probabilities.findIndex((p) => (rest -= p) < 0);
  return found < 0 ? indexOfMax(probabilities) : found; // rounding left a crumb
}

// -- words

const visible = (token) => ({ "": "∅", " ": "␣", "\n": "↵" })[token] ?? token;
const indexOfMax = (list) => list.reduce((best, v, i) => (v > list[best] ? i : best), 0);

function percent(p) {
  const x = 100 * p;
  return x > 0 && x < 0.1 ? "<0.1 %" : `${x.toFixed(x < 9.95 ? 1 : 0)} %`;
}

/** A round number that no entry exceeds: where the colours end. */
function roundUp(vectors) {
  const largest = Math.max(1e-9, ...vectors.map((x) => Math.max(...x.map(Math.abs))));
  const power = 10 ** Math.floor(Math.log10(largest));
  return Number((([1, 1.5, 2, 3, 4, 5, 6, 8].find((m) => m * power >= largest) ?? 10) * power).toPrecision(2));
}

// -- parts of the figure; each makes its elements once and repaints them, so that the focus stays

/** Have `count` children in `parent`, made by make(i). */
function children(parent, count, make) {
  while (parent.children.length > count) parent.lastChild.remove();
  while (parent.children.length < count) parent.append(make(parent.children.length));
  return [...parent.children];
}

const mix = (v, scale) => `color-mix(in srgb, var(--lb-class${v < 0 ? 0 : 1}) ${Math.min(100, (100 * Math.abs(v)) / scale).toFixed(1)}%, var(--lb-bg))`;

/** Cells of which one is read out: one tab stop, whose arrow keys go from number to number. A slider, so that screen
 * readers say the number and leave the keys alone. Who paints them sets `say`, a function of the place. */
function readable(attributes) {
  const cells = node("div", { role: "slider", tabindex: 0, "aria-valuemin": 0, "data-lm-suppress-shortcuts": "true", ...attributes });
  cells.readOut = (to = Number(cells.ariaValueNow)) => {
    const last = cells.children.length - 1;
    const place = Math.max(0, Math.min(last, to));
    const said = cells.say(place);
    Object.assign(cells, { ariaValueMax: last, ariaValueNow: place, ariaValueText: said });
    [...cells.children].forEach((cell, i) => cell.classList.toggle("lb-at", i === place));
    if (cells.matches(":focus")) cells.closest(".lb-stage").querySelector(".lb-readout").textContent = said;
  };
  cells.addEventListener("keydown", (event) => {
    const now = Number(cells.ariaValueNow);
    const to = { ArrowLeft: now - 1, ArrowDown: now - 1, ArrowRight: now + 1, ArrowUp: now + 1, Home: 0, End: Infinity }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    cells.readOut(to);
  });
  cells.addEventListener("focus", () => cells.readOut());
  return cells;
}

/** A vector as coloured cells; paint(values, scale, label). */
function strip(name) {
  const title = node("span");
  const length = node("span", { class: "lb-note lb-num" });
  const cells = readable({ class: "lb-cells lb-strip", "data-strip": name });
  const element = node("div", { class: "lb-strip-box" }, node("div", { class: "lb-strip-title" }, title, length), cells);
  const paint = (values, scale, label) => {
    title.textContent = label;
    const rms = format(Number(Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length).toPrecision(3)));
    length.textContent = `RMS ${rms}`;
    cells.numbers = values;
    cells.say = (i) => `dimension ${i}: ${format(values[i])}`;
    cells.setAttribute("aria-label", `${label}: ${values.length} numbers from ${format(Math.min(...values))} to ${format(Math.max(...values))}, RMS ${rms}`);
    children(cells, values.length, () => node("span")).forEach((cell, i) => { cell.style.background = mix(values[i], scale); });
    cells.readOut();
  };
  return { element, paint };
}

/** What the colours of strips mean; paint(scale). */
function legend(words) {
  const [low, high] = [node("span", { class: "lb-num" }), node("span", { class: "lb-num" })];
  const element = node("div", { class: "lb-note lb-legend" }, words, low, node("span", { class: "lb-ramp" }), high);
  return { element, paint: (scale) => { low.textContent = format(-scale); high.textContent = format(scale); } };
}

/** One stage of the way, with a title, and a line that says the number under the pointer or finger, or at the keyboard. */
function stage(name, ...content) {
  const readout = node("span", { class: "lb-note lb-readout" });
  const element = node("div", { class: "lb-stage", role: "group", "aria-label": name },
    node("div", { class: "lb-stage-title" }, node("b", {}, name), readout), ...content);
  for (const event of ["pointerover", "click"])
    element.addEventListener(event, ({ target }) => {
      const cell = target.closest(".lb-cells > *");
      const place = cell && [...cell.parentElement.children].indexOf(cell);
      readout.textContent = cell ? cell.parentElement.say(place) : "";
      if (cell) cell.title = readout.textContent;
      if (cell && event === "click") cell.parentElement.readOut(place); // the keys go on from here
    });
  element.addEventListener("focusout", () => { readout.textContent = ""; });
  return element;
}

/** The attention of one head; paint(shares, names, shown). */
function attentionOf(layer, head, onclick) {
  const where = node("span");
  const toggle = button(`show head ${head + 1} of layer ${layer + 1} on the tokens`, `head ${head + 1}`, onclick);
  const cells = readable({ class: "lb-cells lb-attention", "data-layer": layer, "data-head": head });
  const element = node("div", { class: "lb-head-box" }, node("div", { class: "lb-head-title" }, toggle, where), cells);
  const paint = (shares, names, shown) => {
    const best = indexOfMax(shares);
    cells.say = (i) => `${names[i]}: ${percent(shares[i])}`;
    toggle.setAttribute("aria-pressed", shown);
    where.textContent = cells.say(best);
    cells.setAttribute("aria-label", `head ${head + 1}, ${shares.map((_, i) => cells.say(i)).join(", ")}`);
    children(cells, shares.length, () => node("span")).forEach((cell, i) => cell.style.setProperty("--share", `${100 * shares[i]}%`));
    cells.readOut();
  };
  return { element, paint };
}

/** One row of a next token; element.paint({ id, token, logit, p, low, high, follows }). */
function nextRow() {
  const name = node("span", { class: "lb-next-name" });
  const bar = () => node("span", { class: "lb-track" }, node("span"));
  const [logitBar, pBar] = [bar(), bar()];
  const [logitText, pText] = [node("span", { class: "lb-num" }), node("span", { class: "lb-num" })];
  const element = node("div", { class: "lb-next", role: "listitem" }, name, logitBar, logitText, pBar, pText);
  element.paint = ({ id, token, logit, p, low, high, follows }) => {
    const [from, to] = [Math.min(0, logit), Math.max(0, logit)].map((z) => (100 * (z - low)) / (high - low || 1));
    Object.assign(logitBar.firstChild.style, { left: `${from}%`, width: `${to - from}%` });
    Object.assign(pBar.firstChild.style, { left: "0", width: `${100 * p}%` });
    name.textContent = name.title = visible(token);
    logitText.textContent = logit.toFixed(Math.abs(logit) < 100 ? 2 : 0).replace("-", "−");
    pText.textContent = percent(p);
    Object.assign(element.dataset, { token: id, logit, probability: p, follows });
    element.setAttribute("aria-label", `${token}: logit ${logitText.textContent}, probability ${pText.textContent}${follows ? ", follows in the sequence" : ""}`);
  };
  return element;
}

export default {
  render({ model, el }) {
    const sizes = model.get("sizes");
    const vocabulary = model.get("vocabulary");
    const first = model.get("position");
    let pass;
    let pinned = null; // the head that the reader wants to see on the tokens: [layer, head]
    let drawn = {}; // what the last press of "Sample a token" gave: tokens, words

    const tokens = () => model.get("tokens");
    const position = () => (model.get("position") < 0 ? tokens().length - 1 : Math.min(model.get("position"), tokens().length - 1));
    const finished = () => tokens().length > 1 && tokens().at(-1) === model.get("eos_id");
    const full = () => tokens().length >= sizes.block_size;
    const change = (traits) => {
      for (const [name, value] of Object.entries(traits)) model.set(name, value);
      model.save_changes();
    };
    const choose = (to) => change({ position: Math.max(0, Math.min(tokens().length - 1, to)) });

    // 1. the sequence and its buttons
    const press = (text, label, act) => button(label, text, ({ currentTarget }) => {
      // Not `disabled`: it would lose the focus.
      if (currentTarget.getAttribute("aria-disabled") !== "true") act();
    });
    const sample = press("Sample a token", "draw the token after the last one", () => {
      const probabilities = softmax(pass(tokens(), tokens().length - 1).logits, model.get("temperature"));
      const token = sampled(probabilities);
      const longer = [...tokens(), token];
      drawn = { tokens: String(longer), words: `Drawn: “${visible(vocabulary[token])}”, at ${percent(probabilities[token])}. ` };
      change({ position: -1, tokens: longer });
    });
    const back = press("Back", "take the last token away", () => change({ position: -1, tokens: tokens().slice(0, -1) }));
    const again = press("Start again", "back to the tokens at the start", () => change({ position: first, tokens: [...model.get("start")] }));
    const count = node("span", { class: "lb-note lb-num" });
    const words = node("div", { class: "lb-say", role: "status", "aria-live": "polite" });
    const chips = node("div", { class: "lb-tokens", role: "group", "aria-label": "tokens; the arrow keys choose one" });
    chips.addEventListener("keydown", (event) => {
      const to = { ArrowLeft: position() - 1, ArrowRight: position() + 1, Home: 0, End: tokens().length - 1 }[event.key];
      if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      choose(to);
      chips.children[position()].focus();
    });
    const onTokens = node("p", { class: "lb-note" });

    // 2 to 4. the embedding, and each layer
    const embedding = strip("embedding");
    const normed = strip("normed");
    const embeddingScale = legend("embedding");
    const streamScale = legend("residual stream");
    const layers = Array.from({ length: sizes.n_layer }, (_, l) => {
      const heads = Array.from({ length: sizes.n_head }, (_, h) => attentionOf(l, h, () => {
        pinned = pinned?.[0] === l && pinned[1] === h ? null : [l, h];
        draw();
      }));
      const [afterAttention, afterMlp] = [strip(`attention${l}`), strip(`mlp${l}`)];
      const firing = node("span", { class: "lb-note", "data-firing": l });
      const element = stage(`Layer ${l + 1}`, node("div", { class: "lb-heads" }, ...heads.map((head) => head.element)),
        afterAttention.element, firing, afterMlp.element);
      return { heads, afterAttention, afterMlp, firing, element };
    });

    // 5 and 6. the next token and the temperature
    const heat = range({ min: 0.1, max: 2, step: 0.05, "aria-label": "temperature",
      oninput: () => change({ temperature: Number(heat.value) }) });
    const heatShown = node("span", { class: "lb-num" });
    const loss = node("p", { class: "lb-status lb-loss" });
    const rows = node("div", { role: "list", "aria-label": "likeliest next tokens" });
    const others = node("p", { class: "lb-note" });

    el.append(node("div", { class: "lb-box lb-journey" },
      node("div", { class: "lb-bar" }, sample, back, again, count), words, chips, onTokens,
      node("div", { class: "lb-flow" },
        stage("Embedding", node("div", { class: "lb-pair" }, embedding.element, normed.element),
          node("div", { class: "lb-pair" }, embeddingScale.element, streamScale.element)),
        ...layers.map((layer) => layer.element),
        stage("Next token", node("label", { class: "lb-slider" }, "temperature", heat, heatShown), loss,
          node("div", { class: "lb-next lb-note", "aria-hidden": "true" }, "token",
            ...["logit", "probability"].map((name) => node("span", { class: "lb-next-wide" }, name))),
          rows, others))));

    /** “gold”, or “gold” with its position where there is more than one. */
    const nameOf = (i) => {
      const list = tokens();
      const name = `“${visible(vocabulary[list[i]])}”`;
      return list.indexOf(list[i]) === list.lastIndexOf(list[i]) ? name : `${name} at ${i}`;
    };

    const drawTokens = (shares, [l, h]) => {
      const list = tokens();
      const now = position();
      children(chips, list.length, (i) => node("button", { type: "button", class: "lb-token",
        "data-lm-suppress-shortcuts": "true", onclick: () => choose(i) })).forEach((chip, i) => {
        chip.textContent = visible(vocabulary[list[i]]);
        chip.title = `position ${i}` + (i > now ? ", not seen from here" : `; layer ${l + 1}, head ${h + 1}: ${percent(shares[i])}`);
        chip.setAttribute("aria-pressed", i === now);
        chip.tabIndex = i === now ? 0 : -1;
        chip.classList.toggle("lb-later", i > now);
        chip.style.setProperty("--share", `${i > now ? 0 : 100 * shares[i]}%`);
      });
      count.textContent = `${list.length} of ${sizes.block_size} tokens`;
      onTokens.textContent = `filled by the attention of layer ${l + 1}, head ${h + 1}`;
      sample.setAttribute("aria-disabled", finished() || full());
      back.setAttribute("aria-disabled", list.length < 2);
    };

    const drawNext = ({ logits }) => {
      const temperature = model.get("temperature");
      const p = softmax(logits, temperature);
      const following = tokens()[position() + 1];
      const ranked = [...logits.keys()].sort((a, b) => logits[b] - logits[a]);
      const shown = ranked.slice(0, TOP);
      if (following !== undefined && !shown.includes(following)) shown.push(following);
      const [low, high] = [Math.min(0, ...shown.map((id) => logits[id])), Math.max(0, ...shown.map((id) => logits[id]))];
      children(rows, shown.length, nextRow).forEach((row, i) => {
        const id = shown[i];
        row.paint({ id, token: vocabulary[id], logit: logits[id], p: p[id], low, high, follows: id === following });
      });
      const left = p.length - shown.length;
      others.textContent = left ? `the other ${left}: ${percent(ranked.filter((id) => !shown.includes(id)).reduce((sum, id) => sum + p[id], 0))} together` : "";
      if (following === undefined) {
        loss.textContent = finished() ? "the sequence ends here" : "nothing follows yet";
        delete loss.dataset.loss;
      } else {
        const nats = crossEntropy(logits, following);
        loss.textContent = `follows: “${visible(vocabulary[following])}”, rank ${ranked.indexOf(following) + 1} of ${p.length}; ` +
          `loss ${format(Number(nats.toFixed(3)))} nats` + (temperature === 1 ? "" : " (at temperature 1)");
        loss.dataset.loss = nats;
      }
      if (!heat.matches(":active")) heat.value = temperature; // an echo must not pull back what is being dragged
      heatShown.textContent = format(temperature);
      heat.setAttribute("aria-valuetext", format(temperature));
      return p;
    };

    const say = (p, shares, [l, h]) => {
      const now = position();
      const last = now === tokens().length - 1;
      const best = indexOfMax(shares);
      const end = last && finished() ? `${nameOf(now)} ends the sequence. ` : last && full() ? `The block is full: ${sizes.block_size} tokens. ` : "";
      const looks = now ? `${nameOf(now)}: head ${h + 1} of layer ${l + 1} looks ${shares[best] > 0.5 ? "mostly " : "most "}at ` +
        `${best === now ? "itself" : nameOf(best)} (${percent(shares[best])})` : `${nameOf(now)} comes first and sees only itself`;
      const likeliest = indexOfMax(p);
      const news = last && drawn.tokens === String(tokens()) ? drawn.words : "";
      words.textContent = `${news}${end}${looks}` + (last && finished() ? "." : `; the likeliest next token is “${visible(vocabulary[likeliest])}” (${percent(p[likeliest])}).`);
    };

    /** The head to show on the tokens: the reader's, or else the one with the greatest share. */
    const head = (step) => {
      if (pinned) return pinned;
      const all = step.layers.flatMap((layer, l) => layer.attention.map((shares, h) => [l, h, Math.max(...shares)]));
      return all[indexOfMax(all.map((one) => one[2]))];
    };
    const draw = () => {
      const now = position();
      const step = pass(tokens(), now);
      const shown = head(step);
      const shares = step.layers[shown[0]].attention[shown[1]];
      const names = tokens().map((_, i) => nameOf(i));
      drawTokens(shares, shown);
      const streams = [step.normed, ...step.layers.flatMap((layer) => [layer.afterAttention, layer.afterMlp])];
      const [own, scale] = [roundUp([step.embedding]), roundUp(streams)];
      embedding.paint(step.embedding, own, `wte[${visible(vocabulary[step.token])}] + wpe[${now}]`);
      normed.paint(step.normed, scale, "residual stream, from RMSNorm");
      embeddingScale.paint(own);
      streamScale.paint(scale);
      layers.forEach(({ heads, afterAttention, afterMlp, firing }, l) => {
        const layer = step.layers[l];
        heads.forEach((each, h) => each.paint(layer.attention[h], names, shown[0] === l && shown[1] === h));
        afterAttention.paint(layer.afterAttention, scale, "residual stream after attention");
        firing.textContent = `MLP: ${layer.firing} of ${4 * sizes.n_embd} ReLU² units fire`;
        afterMlp.paint(layer.afterMlp, scale, "residual stream after the MLP");
      });
      say(drawNext(step), shares, shown);
    };
    const load = () => { pass = forwardPass(Float64Array.from(floats(model.get("weights"))), sizes); };
    let frame = 0; // weights come ten times a second while a model trains: the last ones count, and none in a hidden tab
    const reload = () => {
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        load();
        words.setAttribute("aria-live", "off"); // not to be read out each time
        draw();
        words.setAttribute("aria-live", "polite");
      });
    };
    const heard = { "change:weights": reload, "change:tokens": draw, "change:position": draw, "change:temperature": draw };
    for (const [event, act] of Object.entries(heard)) model.on(event, act);
    load();
    draw();
    return () => {
      cancelAnimationFrame(frame);
      for (const [event, act] of Object.entries(heard)) model.off(event, act);
    };
  },
};
