// A trained GPT that writes in the page; page_gpt.model.js is the GPT.

const READING = 250; // ms between two readings of the rate

const shown = (character) => ({ " ": "a space", "\n": "a new line" })[character] ?? `“${character}”`;

export default {
  render({ model, el }) {
    const vocabulary = model.get("vocabulary");
    const ids = new Map(vocabulary.map((character, id) => [character, id]));
    const most = vocabulary.length;
    let mind = null; // the model in memory: made when it is first asked for
    let run = null; // what is being written now
    let last = ""; // what the last text was made with: the same again would write the same again

    const change = (name, value) => { model.set(name, value); model.save_changes(); };
    const keep = { "data-lm-suppress-shortcuts": "true" };
    const prompt = node("textarea", { class: "lb-input", rows: 2, spellcheck: "false", "aria-label": "prompt", ...keep,
      oninput: () => change("prompt", prompt.value) });
    const heat = range({ min: 0, max: 2, step: 0.05, "aria-label": "temperature", oninput: () => change("temperature", Number(heat.value)) });
    const heatShown = node("span", { class: "lb-num" });
    const top = range({ min: 1, max: most, step: 1, "aria-label": "top-k",
      oninput: () => change("top_k", Number(top.value) === most ? null : Number(top.value)) });
    const topShown = node("span", { class: "lb-num" });
    const seed = node("input", { class: "lb-input lb-num", type: "number", min: 0, max: 2 ** 31 - 1, step: 1, "aria-label": "seed", ...keep,
      onchange: () => {
        change("seed", Math.max(0, Math.min(2 ** 31 - 1, Math.floor(Number(seed.value)) || 0)));
        read(); // what could not be is not left standing
      } });
    const start = button("", "", () => (run ? stop() : begin()));
    const given = node("b"), made = document.createTextNode("");
    const text = node("div", { class: "lb-page-text", role: "region", tabindex: 0, "aria-label": "the text", ...keep }, given, made);
    const rate = node("span", { class: "lb-note lb-num lb-page-rate" });
    const words = node("div", { class: "lb-status", role: "status" });
    el.append(node("div", { class: "lb-box lb-page-gpt" },
      node("label", { class: "lb-page-prompt" }, node("span", {}, "prompt"), prompt),
      node("div", { class: "lb-bar" },
        node("label", { class: "lb-slider" }, "temperature", heat, heatShown),
        node("label", { class: "lb-slider" }, "top-k", top, topShown)),
      node("div", { class: "lb-bar" }, start, node("label", { class: "lb-choice" }, "seed", seed), rate),
      text, words));

    const read = () => {
      const topK = model.get("top_k") ?? most;
      // An echo must not pull back what is being typed or dragged.
      if (!prompt.matches(":focus")) prompt.value = model.get("prompt");
      if (!heat.matches(":active")) heat.value = model.get("temperature");
      if (!top.matches(":active")) top.value = topK;
      seed.value = model.get("seed");
      heatShown.textContent = format(model.get("temperature"));
      heat.setAttribute("aria-valuetext", model.get("temperature") ? heatShown.textContent : "0, always the likeliest");
      topShown.textContent = topK < most ? topK : "all";
      top.setAttribute("aria-valuetext", topShown.textContent);
      nameButton(start, ...(run ? ["Stop", "end the text here"] : ["Sample", "have the model write on from the prompt"]));
    };
    const tokens = (n) => `${Math.round(n).toLocaleString("en-US")} token${n === 1 ? "" : "s"}`;
    const speed = ({ made, started }) => `${tokens((1000 * made.length) / Math.max(1, performance.now() - started))} a second`;

    const begin = () => {
      const known = [...model.get("prompt")].filter((character) => ids.has(character));
      const unknown = [...new Set(model.get("prompt"))].filter((character) => !ids.has(character));
      const left = unknown.length ? `Left out, since the model does not know ${unknown.length > 1 ? "them" : "it"}: ${unknown.map(shown).join(", ")}. ` : "";
      if (!known.length) {
        words.textContent = `${left}The model needs something to go on from: a prompt of at least one character.`;
        return;
      }
      const settings = () => ["prompt", "temperature", "top_k", "seed"].map((name) => JSON.stringify(model.get(name))).join();
      if (settings() === last) change("seed", (model.get("seed") + 1) % 2 ** 31);
      last = settings();
      mind ??= gpt(model.get("config"), model.get("shapes"), halves(model.get("weights")));
      const random = generator(model.get("seed"));
      const pick = (logits) => choose(logits, model.get("temperature"), model.get("top_k") ?? most, random);
      given.textContent = known.join("");
      made.data = words.textContent = "";
      text.replaceChildren(given, made);
      run = { steps: writing(mind, known.map((character) => ids.get(character)), pick), made: [], drawn: 0,
        seed: model.get("seed"), left, started: performance.now(), heard: 0 };
      read();
      draw();
      work.start();
    };
    const stop = () => {
      draw();
      rate.textContent = speed(run);
      words.textContent = `${run.left}${tokens(run.made.length)} written, with seed ${run.seed}.`;
      run = null;
      read();
    };
    /** Show what was written since; keep the end in sight where it was in sight. */
    const draw = () => {
      cancelAnimationFrame(frame);
      if (!run) return;
      const atEnd = text.scrollHeight - text.scrollTop - text.clientHeight < 30;
      made.appendData(run.made.slice(run.drawn).join(""));
      run.drawn = run.made.length;
      if (atEnd) text.scrollTop = text.scrollHeight;
      if (performance.now() - run.started > run.heard + READING) {
        run.heard = performance.now() - run.started;
        rate.textContent = speed(run);
      }
      frame = requestAnimationFrame(draw);
    };
    let frame = 0;
    const work = inSlices(() => {
      if (!run) return false;
      const token = run.steps.next().value;
      if (token !== null && run.made.push(vocabulary[token]) >= model.get("max_new_tokens")) stop();
      return run !== null;
    });

    const heard = ["prompt", "temperature", "top_k", "seed"].map((name) => `change:${name}`);
    for (const event of heard) model.on(event, read);
    read();
    text.replaceChildren(node("span", { class: "lb-note" }, "Press Sample: the text appears here."));
    return () => {
      run = null;
      cancelAnimationFrame(frame);
      work.end();
      for (const event of heard) model.off(event, read);
    };
  },
};
