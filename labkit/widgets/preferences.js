// Two samples side by side: a press or a key says which is better. The kernel has the pairs and keeps the answers.

const KEYS = { a: "a", arrowleft: "a", b: "b", arrowright: "b", t: "tie", s: "skip", u: "undo" };
const WORDS = { a: "the first", b: "the other", tie: "as good", skip: "skipped" };

/** A button of the panel. One that cannot be pressed keeps the focus: without it the keys would be JupyterLab's. */
function choice(text, label, keys, act) {
  const element = button(label, text, () => { if (element.getAttribute("aria-disabled") !== "true") act(); });
  element.setAttribute("aria-keyshortcuts", keys);
  return element;
}

const cut = (text) => (text === "" ? "(empty)" : text.length > 200 ? `${text.slice(0, 200)}…` : text);

/** One answer: what was preferred to what, and the second labeller's where it is another. */
function row({ number, choice, a, b, second }) {
  const [first, other] = choice === "b" ? [b, a] : [a, b];
  const between = { tie: "as good as", skip: "or" }[choice] ?? "over";
  const swap = { a: "b", b: "a" };
  const theirs = choice === "b" ? swap[second] ?? second : second; // by the row's order
  const differs = second !== null && second !== choice;
  return node("li", { class: "lb-pref-row" },
    node("span", { class: "lb-num" }, `${number}`),
    node("span", {},
      node(between === "over" ? "b" : "span", { class: "lb-pref-said" }, cut(first)),
      node("span", { class: "lb-note" }, ` ${between} `), node("span", { class: "lb-pref-said" }, cut(other))),
    node("span", { class: differs ? "lb-verdict-warn" : "lb-note" },
      choice === "skip" ? "skipped" : second === null ? "" : differs ? `second: ${WORDS[theirs]}` : "second: the same"));
}

export default {
  render({ model, el }) {
    const shown = () => model.get("shown");
    const send = (message) => model.send({ ...message, turn: shown().turn });
    const act = (what) => (what === "undo" ? send({ undo: true }) : send({ choose: what }));

    const counter = node("b", { class: "lb-num", role: "status", "aria-live": "polite" });
    const part = node("span");
    const prompt = node("span", { class: "lb-pref-prompt" });
    const promptLine = node("p", { class: "lb-pref-from" }, node("span", { class: "lb-note" }, "after"), " ", prompt);
    const sides = ["A", "B"].map((name, i) => {
      const text = node("div", { class: "lb-pref-text", role: "group", "aria-label": `sample ${name}`, "data-lm-suppress-shortcuts": "true" });
      const better = choice(`${name} is better`, `key ${name} or ${"←→"[i]}`, `${name} Arrow${["Left", "Right"][i]}`, () => act("ab"[i]));
      return { text, better, element: node("div", { class: "lb-pref-side" }, text, better) };
    });
    const pair = node("div", { class: "lb-pref-pair" }, ...sides.map((side) => side.element));
    const tie = choice("Tie", "both are as good, key T", "T", () => act("tie"));
    const skip = choice("Skip", "no answer, key S", "S", () => act("skip"));
    const undo = choice("Undo", "take the last answer back, key U", "U", () => act("undo"));
    const again = choice("Draw again", "have the next pair drawn", "", () => send({ again: true }));
    const hint = node("span", { class: "lb-note lb-pref-hint" },
      node("span", {}, "keys: A B T S U"), node("span", {}, "click here to use the keys A B T S U"));
    const said = node("p", { class: "lb-status" });
    const list = node("ol", { class: "lb-pref-list", "data-lm-suppress-shortcuts": "true" });
    const earlier = node("p", { class: "lb-note" });
    const box = node("div", { class: "lb-box lb-pref", tabindex: 0, role: "group", "data-lm-suppress-shortcuts": "true",
      "aria-label": "Which sample is better? Keys: A or left arrow, B or right arrow, T tie, S skip, U undo" },
    node("div", { class: "lb-bar" }, counter, node("span", { class: "lb-meter" }, part), hint),
    promptLine, pair, node("div", { class: "lb-bar" }, tie, skip, undo, again), said, list, earlier);

    box.addEventListener("keydown", (event) => {
      const what = KEYS[event.key.toLowerCase()];
      if (!what || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      act(what);
    });
    // JupyterLab gives the focus to the cell when something in it is pressed that cannot have it.
    box.addEventListener("click", () => { if (!box.contains(document.activeElement)) box.focus({ preventScroll: true }); });

    let tall = 0; // the place that pairs have had: the buttons below stay where they are
    const draw = () => {
      const { state, samples = [], html, rows = [] } = shown();
      // What is hidden must not have the focus: it would go to the notebook, whose keys add and delete cells.
      const hide = (element, yes) => {
        if (yes && element.contains(document.activeElement)) box.focus({ preventScroll: true });
        element.hidden = yes;
      };
      const can = (element, yes) => element.setAttribute("aria-disabled", yes ? "false" : "true");
      const more = { drawing: " · drawing the next pair …", failed: " · the next pair could not be drawn", done: " · done" }[state] ?? "";
      const now = `${shown().counter}${more}`;
      if (counter.textContent !== now) counter.textContent = now;
      part.style.width = `${100 * shown().part}%`;
      prompt.textContent = shown().prompt;
      promptLine.hidden = !shown().prompt;
      hide(pair, state === "done");
      pair.classList.toggle("lb-pref-waits", state !== "choosing");
      sides.forEach(({ text, better }, i) => {
        const sample = samples[i] ?? "";
        if (html) text.innerHTML = sample; // made by the panel's `render`, which answers for it
        else text.textContent = sample || (state === "choosing" ? "(empty)" : "");
        text.classList.toggle("lb-pref-html", Boolean(html));
        text.scrollTop = 0;
        can(better, state === "choosing");
      });
      can(tie, state === "choosing");
      can(skip, state === "choosing");
      can(undo, rows.length > 0);
      hide(again, state !== "failed");
      const done = state === "done" ? `Done. The answers are in ${shown().file}. ` : "";
      said.textContent = `${done}${[shown().tally, shown().said].filter(Boolean).join(". ")}`;
      list.replaceChildren(...rows.map(row));
      earlier.textContent = shown().earlier ? `and ${shown().earlier} before them, in ${shown().file}` : "";
      if (state !== "done") pair.style.minHeight = `${(tall = Math.max(tall, pair.offsetHeight))}px`;
    };
    model.on("change:shown", draw);
    el.append(box);
    draw();
    const rest = onWidth(box, () => { tall = 0; pair.style.minHeight = ""; });
    return () => { rest(); model.off("change:shown", draw); };
  },
};
