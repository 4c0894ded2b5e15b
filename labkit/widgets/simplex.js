// A policy that walks over the triangle of three answers towards the best one; simplex.model.js is the arithmetic,
// simplex.triangle.js the picture.

const TRACK = 400; // positions of a slider, equal ratios apart
const RANGES = { beta: [0.05, 5], rate: [0.02, 2], samples: [2, 64] };
const PACE = 16; // ms from step to step of a walk
const AT_ONCE = 200; // steps of a press where nothing may move by itself
const HOME = 1e-7; // nats from the optimum, where the exact gradient has nothing left to do
const METHODS = [["exact", "exact gradient"], ["rloo", "RLOO, from samples"], ["reinforce", "REINFORCE, from samples"]];

const three = (x) => Number(x.toPrecision(3));
const toTrack = (name, value) => Math.round((TRACK * Math.log(value / RANGES[name][0])) / Math.log(RANGES[name][1] / RANGES[name][0]));
const fromTrack = (name, position) => {
  const [low, high] = RANGES[name];
  return Math.min(high, Math.max(low, three(low * (high / low) ** (position / TRACK))));
};
const fixed = (x) => (Math.abs(x) < 5e-5 ? 0 : x).toFixed(x < 0.001 && x > 5e-5 ? 4 : 3).replace("-", "−");

export default {
  render({ model, el }) {
    const names = model.get("answers");
    let policy = logs(model.get("policy")); // as it is now; the model hears of it twice a second
    let told = model.get("policy"); // what the model was told last
    let random = generator(model.get("seed"));
    let trail = [];
    let steps = 0;
    let frame = 0; // of the walk
    let due = 0, heard = 0; // when the next step is due, and when the model was told
    const slow = matchMedia("(prefers-reduced-motion: reduce)");
    const keep = { "data-lm-suppress-shortcuts": "true" };

    const change = (values) => {
      for (const [name, value] of Object.entries(values)) model.set(name, value);
      model.save_changes();
    };
    const task = () => ({ reference: logs(model.get("reference")), rewards: model.get("rewards"), beta: model.get("beta") });
    const how = () => ({ method: model.get("method"), samples: model.get("samples"), rate: model.get("rate") });
    const tell = () => {
      told = policy.map(Math.exp);
      change({ policy: told });
    };

    // -- the walk
    const anew = () => {
      random = generator(model.get("seed"));
      trail = [];
      steps = 0;
    };
    const step = () => {
      const one = task();
      if (how().method === "exact" && measures(policy, one).to_optimum < HOME) return;
      const now = policy.map(Math.exp);
      const last = trail.at(-1);
      if (!last || Math.hypot(...now.map((p, i) => p - last[i])) > 0.003) trail = [...trail.slice(-1500), now];
      policy = stepped(policy, one, how(), random);
      steps++;
    };
    const stop = () => {
      cancelAnimationFrame(frame);
      frame = 0;
    };
    const walk = (time) => {
      frame = requestAnimationFrame(walk);
      if (time - due > 10 * PACE) due = time; // the tab was away: it does not run after what was missed
      const before = steps;
      for (; due <= time; due += PACE) step();
      if (steps === before) return;
      drawPoints();
      if (time - heard > 500) {
        heard = time;
        tell();
      }
    };
    const halt = () => {
      const moving = frame;
      stop();
      if (moving) tell();
      draw();
    };
    const put = (which, p) => {
      if (which === "reference") return change({ reference: p });
      policy = logs(p);
      anew();
      tell();
      drawPoints();
    };

    // -- the parts
    const box = node("div", { class: "lb-simplex-box" });
    const triangle = makeTriangle(box, names, put);
    const one = button("one step of the method", "Step", () => { stop(); step(); tell(); draw(); });
    const go = button("", "Walk", () => {
      if (frame) return halt();
      if (slow.matches) {
        for (let i = 0; i < AT_ONCE; i++) step();
        tell();
        return draw();
      }
      due = heard = performance.now();
      frame = requestAnimationFrame(walk);
      draw();
    });
    const again = button("the policy is the reference again", "Start over", () => {
      stop();
      put("policy", [...model.get("reference")]);
      draw();
    });
    const sliders = Object.fromEntries([["beta", "KL weight β"], ["rate", "learning rate"], ["samples", "samples a step"]].map(([name, words]) => {
      const input = range(name === "samples" ? { min: RANGES.samples[0], max: RANGES.samples[1], step: 1, "aria-label": words } : { min: 0, max: TRACK, step: 1, "aria-label": words });
      input.addEventListener("input", () => change({ [name]: name === "samples" ? Number(input.value) : fromTrack(name, Number(input.value)) }));
      const value = node("span", { class: "lb-num" });
      return [name, { input, value, label: node("label", { class: "lb-slider" }, node("span", {}, words), input, value) }];
    }));
    const method = node("select", { class: "lb-input", "aria-label": "method", ...keep, onchange: () => change({ method: method.value }) },
      ...METHODS.map(([name, words]) => node("option", { value: name }, words)));
    const seed = node("input", { class: "lb-input lb-num", type: "number", min: 0, max: 2 ** 31 - 1, step: 1, "aria-label": "seed", ...keep,
      onchange: () => change({ seed: Math.max(0, Math.min(2 ** 31 - 1, Math.floor(Number(seed.value)) || 0)) }) });
    const sampled = node("div", { class: "lb-bar" }, sliders.samples.label, node("label", { class: "lb-choice" }, "seed", seed));
    const words = node("div", { class: "lb-say", role: "status", "aria-live": "polite" });
    const rows = names.map((name) => {
      const cells = Array.from({ length: 4 }, () => node("td", { class: "lb-num" }));
      return { cells, row: node("tr", {}, node("th", { scope: "row" }, name), ...cells) };
    });
    const table = node("table", { class: "lb-simplex-table" }, node("thead", {}, node("tr", {},
      ...["answer", "reward", "μ", "π", "π*"].map((text) => node("th", { scope: "col" }, text)))), node("tbody", {}, ...rows.map(({ row }) => row)));
    const numbers = Object.fromEntries([["reward", "E r, expected reward"], ["from_reference", "KL(π‖μ), nats"], ["to_optimum", "KL(π‖π*), nats"],
      ["gap", "J(π*) − J(π) = β · KL(π‖π*)"]].map(([name, text]) => [name, { text, value: node("dd", { class: "lb-num", "data-number": name }) }]));
    const key = (mark, text) => node("span", { class: "lb-simplex-key" }, node("span", { class: `lb-simplex-${mark}-key`, "aria-hidden": "true" }), text);
    el.append(node("div", { class: "lb-box lb-simplex" }, node("div", { class: "lb-simplex-parts" },
      node("div", { class: "lb-simplex-left" }, box, node("p", { class: "lb-note lb-simplex-keys" }, key("curve", "π* for every β"), key("level", "equal J"), key("trail", "the way of π"),
        "π and μ can be dragged, or moved with the arrow keys.")),
      node("div", { class: "lb-simplex-right" }, sliders.beta.label, node("div", { class: "lb-bar" }, one, go, again),
        node("div", { class: "lb-bar" }, node("label", { class: "lb-choice lb-simplex-method" }, "method", method)), sliders.rate.label, sampled, words, table,
        node("dl", {}, ...Object.values(numbers).flatMap(({ text, value }) => [node("dt", {}, text), value]))))));

    // -- what is seen
    const drawPoints = () => {
      const now = policy.map(Math.exp);
      const measured = measures(policy, task());
      triangle.points({ policy: now, trail });
      const best = measured.best.map(Math.exp);
      rows.forEach(({ cells }, i) => {
        [model.get("rewards")[i], Math.exp(task().reference[i]), now[i], best[i]].forEach((value, k) => {
          cells[k].textContent = k ? value.toFixed(3) : format(value);
          cells[k].dataset.value = value;
        });
      });
      for (const [name, { value }] of Object.entries(numbers)) {
        value.textContent = fixed(measured[name]);
        value.dataset.value = measured[name];
      }
      const home = measured.to_optimum < 0.001;
      const so = `${steps ? `${steps} step${steps === 1 ? "" : "s"}: ` : ""}J(π) = ${fixed(measured.objective)} of at most ${fixed(measured.objective + measured.gap)}`;
      words.setAttribute("aria-live", frame ? "off" : "polite"); // a walk is not read out
      words.textContent = home ? `${so}. π is at π*, the best for this β.` : `${so}; ${fixed(measured.gap)} is missing, which is β · KL(π‖π*) = ${format(model.get("beta"))} × ${fixed(measured.to_optimum)}.`;
      words.dataset.steps = steps;
    };
    const draw = () => {
      triangle.field(task());
      for (const [name, { input, value }] of Object.entries(sliders)) {
        const now = model.get(name);
        if (!input.matches(":active")) input.value = name === "samples" ? now : toTrack(name, now);
        input.setAttribute("aria-valuetext", format(now));
        value.textContent = format(now);
      }
      method.value = model.get("method");
      seed.value = model.get("seed");
      sampled.hidden = model.get("method") === "exact";
      nameButton(go, frame ? "Pause" : "Walk", frame ? "stay here" : slow.matches ? `${AT_ONCE} steps at once` : "step after step");
      drawPoints();
    };
    const listen = {
      "change:policy": () => {
        const now = model.get("policy");
        if (now.every((p, i) => Math.abs(p - told[i]) < 1e-9)) return; // what it was told
        told = now;
        policy = logs(now);
        anew();
        drawPoints();
      },
      "change:seed": () => { anew(); draw(); },
    };
    for (const name of ["beta", "reference", "rewards", "method", "samples", "rate"]) listen[`change:${name}`] = draw;
    for (const [event, act] of Object.entries(listen)) model.on(event, act);
    const unwatch = onWidth(box, (width) => { triangle.resize(width); draw(); });
    triangle.resize(360);
    draw();
    return () => {
      stop();
      unwatch();
      for (const [event, act] of Object.entries(listen)) model.off(event, act);
    };
  },
};
