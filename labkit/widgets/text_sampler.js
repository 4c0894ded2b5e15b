// A text as a model writes it: each token can be chosen; bars show what else could have stood there, and put it there.

const visible = (piece) => ({ "": "∅", " ": "␣", "\n": "↵", "\t": "⇥" })[piece] ?? piece;

function percent(p) {
  const x = 100 * p;
  return x > 0 && x < 0.1 ? "<0.1 %" : `${x.toFixed(x < 9.95 ? 1 : 0)} %`;
}

/** Have `count` children in `parent`, made by make(i). */
function children(parent, count, make) {
  while (parent.children.length > count) parent.lastChild.remove();
  while (parent.children.length < count) parent.append(make(parent.children.length));
  return [...parent.children];
}

/** One token that could stand here; element.paint(row, place). */
function rowOf(press) {
  const name = node("span", { class: "lb-writer-name" });
  const bars = ["before", "after"].map((when) => node("span", { class: `lb-writer-bar lb-writer-${when}` }, node("span")));
  const numbers = ["before", "after"].map(() => node("span", { class: "lb-num" }));
  const element = node("button", { type: "button", class: "lb-writer-row", "data-lm-suppress-shortcuts": "true",
    onclick: () => press(element.row) }, name, node("span", { class: "lb-writer-bars" }, ...bars), ...numbers);
  element.paint = (row, most) => {
    element.row = row;
    name.textContent = visible(row.piece);
    [row.before, row.after].forEach((p, i) => {
      bars[i].firstChild.style.width = `${(100 * p) / most}%`;
      numbers[i].textContent = percent(p);
    });
    Object.assign(element.dataset, { token: row.token, before: row.before, after: row.after, here: row.here });
    element.title = row.here ? "stands here" : `put “${visible(row.piece)}” here and go on from it`;
    element.setAttribute("aria-label", `“${visible(row.piece)}”: ${percent(row.before)} before, ${percent(row.after)} after; ${element.title}`);
  };
  return element;
}

export default {
  render({ model, el }) {
    const text = () => model.get("text");
    const length = () => text().pieces.length;
    const position = () => {
      const at = model.get("position");
      return at < 0 || at > length() ? length() - 1 : at;
    };
    const choose = (to) => {
      const at = Math.max(0, Math.min(length() - (text().writing ? 1 : 0), to));
      // At the end of a text that grows: the newest, wherever that is.
      model.set("position", text().writing && at === length() - 1 ? -1 : at);
      model.save_changes();
    };

    const back = button("choose the token before", "‹", () => choose(position() - 1));
    const on = button("choose the token after", "›", () => choose(position() + 1));
    const where = node("span", { class: "lb-note lb-num" });
    const tokens = node("div", { class: "lb-writer-text", tabindex: 0, role: "group", "data-lm-suppress-shortcuts": "true",
      "aria-label": "the text; the arrow keys choose a token" });
    const words = node("div", { class: "lb-say", role: "status", "aria-live": "polite" });
    const list = node("div", { class: "lb-writer-rows" });
    const head = node("div", { class: "lb-writer-legend lb-note" },
      node("span", {}, node("span", { class: "lb-writer-key lb-writer-before" }), "before"),
      node("span", {}, node("span", { class: "lb-writer-key lb-writer-after" }), "after temperature, top-k, top-p and repetition"));
    const others = node("p", { class: "lb-note" });
    const parts = node("div", { class: "lb-writer-parts" },
      node("div", { class: "lb-writer-side" }, tokens, node("div", { class: "lb-bar" }, back, on, where)),
      node("div", { class: "lb-writer-side" }, words, head, list, others));
    const empty = node("p", { class: "lb-note" }, "Press Sample: the text comes here, token by token.");
    el.append(node("div", { class: "lb-box lb-writer-box" }, empty, parts));

    tokens.addEventListener("click", ({ target }) => {
      const at = [...tokens.children].indexOf(target.closest(".lb-writer-token"));
      if (at >= 0) choose(at);
    });
    tokens.addEventListener("keydown", (event) => {
      const to = { ArrowLeft: position() - 1, ArrowRight: position() + 1, Home: 0, End: length() - 1 }[event.key];
      if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      choose(to);
    });
    const press = (row) => model.send({ branch: [model.get("next").position, row.token] });

    /** Keep the end in view while it grows, unless the reader has scrolled away; else the chosen token. */
    const inView = (atEnd, chosen) => {
      if (text().writing && model.get("position") < 0) {
        if (atEnd) tokens.scrollTop = tokens.scrollHeight;
      } else if (chosen) {
        const top = chosen.offsetTop - tokens.offsetTop;
        if (top < tokens.scrollTop) tokens.scrollTop = top;
        else if (top + chosen.offsetHeight > tokens.scrollTop + tokens.clientHeight) tokens.scrollTop = top + chosen.offsetHeight - tokens.clientHeight;
      }
    };

    const drawText = () => {
      const { pieces, n_prompt, chosen, writing } = text();
      empty.hidden = pieces.length > 0;
      parts.hidden = !pieces.length;
      const atEnd = tokens.scrollTop + tokens.clientHeight >= tokens.scrollHeight - 30;
      const byHand = new Set(chosen);
      // One more place than there are tokens: the next one.
      const spans = children(tokens, pieces.length + (writing ? 0 : 1), () => node("span", { class: "lb-writer-token" }));
      spans.forEach((span, i) => {
        const piece = i < pieces.length ? pieces[i] : "▯";
        const shown = piece.includes("\n") ? piece.replaceAll("\n", "↵\n") : piece || "∅";
        if (span.textContent !== shown) span.textContent = shown;
        span.className = "lb-writer-token" + (i < n_prompt ? " lb-writer-prompt" : "") + (byHand.has(i) ? " lb-writer-byhand" : "")
          + (i === pieces.length ? " lb-writer-next" : "") + (i === position() ? " lb-writer-now" : "") + (piece === "\n" ? " lb-writer-line" : "");
      });
      back.disabled = position() <= 0;
      on.disabled = position() >= pieces.length - (writing ? 1 : 0);
      where.textContent = position() === pieces.length ? "the next token" : `token ${position()} of ${pieces.length}`;
      inView(atEnd, spans[position()]);
    };

    const drawNext = () => {
      const { position: at, rows = [], others: rest, left, vocab_size, said } = model.get("next");
      const { pieces } = text();
      const most = Math.max(1e-9, ...rows.flatMap((row) => [row.before, row.after]));
      children(list, rows.length, () => rowOf(press)).forEach((row, i) => row.paint(rows[i], most));
      head.hidden = !rows.length;
      words.setAttribute("aria-live", text().writing && model.get("position") < 0 ? "off" : "polite"); // not ten times a second
      const here = rows.find((row) => row.here);
      if (at === undefined) words.textContent = "";
      else if (said) words.textContent = said;
      else if (!rows.length) words.textContent = at === 0 ? "The first token: the model was given it, and said nothing before it." : "The model is reading …";
      else if (at < pieces.length && here) words.textContent = `“${visible(here.piece)}” at ${at}: the model gave it ${percent(here.before)}; as the sliders stand it has ${percent(here.after)}.`;
      else words.textContent = `What could come next: press a row to put that token here.`;
      others.textContent = rows.length ? `${vocab_size > rows.length ? `The other ${vocab_size - rows.length}: ${percent(rest[0])} before, ${percent(rest[1])} after. ` : ""}` +
        `${left} of ${vocab_size} tokens can be drawn. Press a row: the text is cut here and goes on from that token.` : "";
    };
    const draw = () => { drawText(); drawNext(); };
    const heard = { "change:text": draw, "change:position": drawText, "change:next": drawNext };
    for (const [event, act] of Object.entries(heard)) model.on(event, act);
    draw();
    return () => { for (const [event, act] of Object.entries(heard)) model.off(event, act); };
  },
};
