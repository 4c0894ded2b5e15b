// Type anything: its tokens by several tokenizers (token_playground.engine.js), their ids and bytes, and how they were made.

const MOST_SHOWN = 2000; // tokens that are drawn; all are counted
const LARGE = 4000; // UTF-16 units; a longer text is cut up when the reader pauses, one scheme after the other
const PAUSE = 150; // ms without a key
const WINDOW = 96; // bytes of a longer chunk whose merging is shown
const BYTES_SHOWN = 32;
const COLORS = 5;

const grouped = (n) => n.toLocaleString("en-US");
const counted = (n, name) => `${grouped(n)} ${name}${n === 1 ? "" : "s"}`;
const hex = (n, digits) => n.toString(16).toUpperCase().padStart(digits, "0");
const codePoint = (character) => `U+${hex(character.codePointAt(0), 4)}`;
const RTL = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zs}\p{Zl}\p{Zp}\p{Co}\p{Cn}]|^[\p{Variation_Selector}]/gu;
// merge_panel.py's `visible` has the same signs.
const DRAWN = { " ": "␣", "\n": "↵", "\t": "→", "\r": "␍" };
const JOINER = /[\u200c\u200d\u{e0020}-\u{e007f}]/u; // between two characters they are part of what is seen

/** A text with all in it visible. */
function seen(text) {
  const drawn = text.replace(HIDDEN, (found, at) => DRAWN[found]
    ?? (JOINER.test(found) && at && at + found.length < text.length ? found : `⟨${codePoint(found)}⟩`));
  return /^\p{M}/u.test(drawn) ? `◌${drawn}` : drawn; // an accent needs something to stand on
}
const seenBytes = (bytes) => pieces(bytes).map(({ text, byte }) => (text === undefined ? `⟨${hex(byte, 2)}⟩` : seen(text))).join("");
const hexBytes = (bytes) => Array.from(bytes.subarray(0, BYTES_SHOWN), (byte) => hex(byte, 2)).join(" ") + (bytes.length > BYTES_SHOWN ? " …" : "");
/** Where the first `most` characters of a text end: never within a surrogate pair. */
function endOf(text, most) {
  if (text.length <= most) return text.length;
  let at = 0;
  for (let n = 0; n < most && at < text.length; n++) at += text.codePointAt(at) > 0xffff ? 2 : 1;
  return at;
}
const short = (text, most = 60) => { const all = Array.from(text); return all.length > most ? `${all.slice(0, most).join("")}…` : text; };

/** What the tokens are, in the three ways to show them. */
const FACES = {
  text: ({ unknown, bytes }) => (unknown ? "<UNK>" : seenBytes(bytes)),
  ids: ({ id }) => (id === NO_ID ? "none" : String(id)),
  bytes: ({ bytes }) => hexBytes(bytes),
};

export default {
  render({ model, el }) {
    const keep = { "data-lm-suppress-shortcuts": "true" };
    const group = `lb-tp-${Math.random().toString(36).slice(2)}`; // radio buttons of one name are one choice in the whole page
    let known = new Map(); // name -> tokenizer
    let results = new Map(); // name -> { ids, distinct, unknown } for the text that is there
    let face = "text", tokens = [], options = [], chosen = -1, steps = [], step = 0;
    let place = null; // of the chosen token in the text, in bytes: it stays when the scheme changes
    let typing = 0, counting = 0, speaking = 0; // timers
    let wasCut = false; // more was typed or pasted than the box takes

    const box = node("textarea", { class: "lb-input lb-tp-box", rows: 3, dir: "auto", spellcheck: "false", autocomplete: "off", "aria-label": "your text", ...keep });
    const counts = node("div", { class: "lb-tp-counts" });
    const note = node("div", { class: "lb-note" });
    const table = node("table", { class: "lb-tp-table" });
    const line = node("div", { class: "lb-tp-tokens", role: "listbox", ...keep });
    const faces = Object.keys(FACES).map((name) => button(`show the tokens' ${name}`, name, () => { face = name; drawTokens(); }));
    const facts = node("div", { class: "lb-tp-facts" });
    const tree = node("div", { class: "lb-tp-tree", ...keep });
    const how = node("div", { class: "lb-tp-how" });
    const detail = node("div", { class: "lb-tp-detail", role: "group", "aria-label": "the chosen token" }, node("div", { class: "lb-tp-side" }, facts, tree), how);
    const said = node("div", { class: "lb-unseen", role: "status", "aria-live": "polite" });
    el.append(node("div", { class: "lb-box lb-tp" },
      node("label", {}, node("span", { class: "lb-note" }, "your text"), box),
      node("div", { class: "lb-tp-parts" }, node("div", { class: "lb-tp-schemes lb-scroll" }, table),
        node("div", { class: "lb-tp-main" }, node("div", { class: "lb-bar", role: "group", "aria-label": "show" }, ...faces), line, counts, note)),
      detail, said));

    // -- the text and the counts

    const text = () => wellFormed(model.get("text"));
    const scheme = () => known.get(model.get("scheme")) ?? known.values().next().value;
    const measure = (it) => {
      const ids = encode(it, text());
      return { ids, distinct: new Set(ids).size, unknown: it.unknown === null ? 0 : ids.reduce((sum, id) => sum + (id === it.unknown), 0) };
    };
    const send = () => {
      clearTimeout(typing);
      const end = endOf(box.value, model.get("max_text"));
      wasCut = end < box.value.length;
      if (wasCut) {
        const { selectionStart: from, selectionEnd: to } = box;
        box.value = box.value.slice(0, end);
        box.setSelectionRange(Math.min(from, end), Math.min(to, end));
      }
      const typed = wellFormed(box.value);
      if (typed === model.get("text")) return recount(); // no change will be heard
      model.set("text", typed);
      model.save_changes();
    };
    box.addEventListener("input", () => {
      clearTimeout(typing);
      if (box.value.length <= LARGE) return send();
      note.textContent = "Cutting the text into tokens …";
      typing = setTimeout(send, PAUSE);
    });

    /** Cut the text up: by the chosen scheme first. In a long text the page gets its turn before the next one. */
    const recount = () => {
      clearTimeout(counting);
      results = new Map([[scheme().name, measure(scheme())]]);
      drawTokens();
      const rest = [...known.values()].filter((it) => it !== scheme());
      const goOn = () => {
        const it = rest.shift();
        if (!it) return drawTable();
        if (!results.has(it.name)) results.set(it.name, measure(it));
        if (text().length <= LARGE) return goOn();
        drawTable();
        counting = setTimeout(goOn);
      };
      goOn();
      clearTimeout(speaking);
      speaking = setTimeout(() => { said.textContent = counts.textContent; }, 600); // when the typing has stopped
    };
    const heardText = () => {
      if (wellFormed(box.value) !== model.get("text")) { // it came from Python
        clearTimeout(typing);
        box.value = model.get("text");
        wasCut = false;
      }
      place = null;
      recount();
    };

    const drawCounts = (result) => {
      const n = result.ids.length, bytes = new TextEncoder().encode(text()).length;
      let characters = 0;
      for (const _ of text()) characters++;
      if (!n) {
        counts.replaceChildren("There is no text yet: type something above, and its tokens appear here.");
        note.textContent = "";
        return;
      }
      const value = (number, name) => node("span", {}, node("b", { class: "lb-num" }, grouped(number)), ` ${name}${number === 1 ? "" : "s"}`);
      counts.replaceChildren(value(n, "token"), ", ", value(characters, "character"), ", ", value(bytes, "byte"), "; ",
        node("span", {}, node("b", { class: "lb-num" }, (bytes / n).toFixed(2)), " bytes per token"), ", ", value(result.distinct, "different token"));
      const words = [];
      if (result.unknown) {
        words.push(`${counted(result.unknown, "token")} of them unknown${scheme().unknown === NO_ID
          ? ": this tokenizer has no <UNK>, and refuses such a text." : " (<UNK>)."}`);
      }
      if (n > MOST_SHOWN) words.push(`The first ${grouped(MOST_SHOWN)} tokens are drawn; the counts are of all.`);
      if (wasCut) words.push(`The text was cut: the box takes ${counted(model.get("max_text"), "character")}.`);
      if (options.length && options[0].closest("[dir=rtl]")) words.push("A line that begins with letters written from right to left has its first token at the right.");
      note.textContent = words.join(" ");
    };

    // -- the table of all schemes

    const rows = new Map(); // name -> { row, input, cells }
    const buildTable = () => {
      rows.clear();
      table.replaceChildren(node("caption", { class: "lb-note" }, "Schemes: how many tokens each makes of this text"),
        node("thead", {}, node("tr", {}, ...["scheme", "vocabulary", "tokens", "bytes per token", "different"].map((name) => node("th", { scope: "col" }, name)))),
        node("tbody", {}, ...[...known.values()].map((it) => {
          const input = node("input", { type: "radio", name: group, "aria-label": it.name, ...keep,
            onchange: () => { model.set("scheme", it.name); model.save_changes(); } });
          const cells = ["tokens", "ratio", "different"].map(() => node("td", { class: "lb-num" }));
          const row = node("tr", {}, node("th", { scope: "row" }, node("label", {}, input, node("span", {}, it.name))),
            node("td", { class: "lb-num" }, grouped(it.size)), ...cells);
          rows.set(it.name, { row, input, cells });
          return row;
        })));
    };
    const drawTable = () => {
      const bytes = new TextEncoder().encode(text()).length;
      const most = Math.max(1, ...[...results.values()].map(({ ids }) => ids.length));
      for (const [name, { row, input, cells }] of rows) {
        const result = results.get(name), n = result?.ids.length;
        input.checked = name === scheme().name;
        row.classList.toggle("lb-tp-on", input.checked);
        cells[0].replaceChildren(result ? grouped(n) : "…", result?.unknown ? node("small", {}, `${grouped(result.unknown)} unknown`) : "");
        cells[0].style.setProperty("--share", `${result ? (100 * n) / most : 0}%`);
        cells[1].textContent = n ? (bytes / n).toFixed(2) : "–";
        cells[2].textContent = result ? grouped(result.distinct) : "…";
      }
    };

    // -- the tokens

    const nameOf = (token) => `“${short(seenBytes(token.bytes))}”, ${token.unknown ? "unknown, " : ""}${token.id === NO_ID ? "no id" : `id ${token.id}`}`;
    const drawTokens = () => {
      const result = results.get(scheme().name);
      faces.forEach((it) => it.setAttribute("aria-pressed", it.textContent === face));
      tokens = firstTokens(scheme(), text(), MOST_SHOWN);
      options = tokens.map((token, i) => node("bdi", { class: `lb-tp-token${token.unknown ? " lb-tp-unknown" : ""}`, role: "option", title: nameOf(token),
        "aria-label": nameOf(token), "data-color": i % COLORS, ...keep }, short(FACES[face](token), 400)));
      // A line ends after the token with its line break. Which way it runs, the first letter says that is whole in a token.
      const lines = [[]];
      tokens.forEach((token, i) => {
        lines.at(-1).push(i);
        if (token.bytes.includes(10)) lines.push([]);
      });
      line.replaceChildren(...lines.filter((all) => all.length).map((all) => {
        const letter = all.map((i) => pieces(tokens[i].bytes).map((piece) => piece.text ?? "").join("")).join("").match(/\p{L}/u);
        return node("div", { role: "none", class: "lb-tp-line", dir: letter && RTL.test(letter[0]) ? "rtl" : "ltr" }, ...all.map((i) => options[i]));
      }));
      line.hidden = !tokens.length;
      line.setAttribute("aria-label", `tokens (${face}); the arrow keys choose one`);
      line.classList.toggle("lb-tp-digits", face !== "text");
      drawCounts(result);
      // At first the longest of those in sight: it has the most to tell.
      const size = ({ bytes, unknown }) => (unknown ? 0 : bytes.length);
      const found = place === null ? tokens.slice(0, 60).reduce((best, token, i) => (size(token) > size(tokens[best]) ? i : best), 0)
        : tokens.findLastIndex((token) => token.start <= place);
      choose(tokens.length ? Math.max(0, found) : -1);
    };

    const choose = (to, focus = false) => {
      options[chosen]?.removeAttribute("aria-selected");
      chosen = to;
      options.forEach((option, i) => { option.tabIndex = i === chosen ? 0 : -1; });
      options[chosen]?.setAttribute("aria-selected", "true");
      if (focus) {
        place = tokens[chosen].start;
        options[chosen].focus();
      }
      drawDetail();
    };
    line.addEventListener("click", (event) => {
      const at = options.indexOf(event.target.closest("[role=option]"));
      if (at >= 0) choose(at, true);
    });
    /** The token above or below the chosen one: in the next row, the nearest. */
    const vertical = (way) => {
      const area = (i) => options[i].getBoundingClientRect();
      const here = area(chosen), middle = (box) => (box.left + box.right) / 2;
      let best = -1, row = null;
      for (let i = chosen + way; i >= 0 && i < options.length; i += way) {
        const box = area(i);
        if (Math.abs(box.top - here.top) < 5) continue;
        if (row !== null && Math.abs(box.top - row) > 5) break;
        row = box.top;
        if (best < 0 || Math.abs(middle(box) - middle(here)) < Math.abs(middle(area(best)) - middle(here))) best = i;
      }
      return best < 0 ? chosen : best;
    };
    line.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || chosen < 0) return;
      const ahead = options[chosen].parentNode.dir === "rtl" ? -1 : 1, last = options.length - 1;
      const to = { ArrowRight: () => chosen + ahead, ArrowLeft: () => chosen - ahead, ArrowDown: () => vertical(1), ArrowUp: () => vertical(-1),
        Home: () => 0, End: () => last }[event.key];
      if (!to) return;
      event.preventDefault();
      choose(Math.max(0, Math.min(last, to())), true);
    });

    // -- the chosen token

    const parts = ({ start, bytes }) => charactersAt(text(), start, start + bytes.length).map((it) => {
      const from = Math.max(0, start - it.start), to = Math.min(it.size, start + bytes.length - it.start);
      const name = `“${seen(it.character)}” (${codePoint(it.character)})`;
      if (to - from === it.size) return name;
      return `${to - from > 1 ? `bytes ${from + 1}–${to}` : `byte ${to}`} of the ${it.size} of ${name}`;
    });
    const some = (list) => (list.length < 5 ? list.join(", ") : counted(list.length, "character"));
    const drawFacts = (token) => {
      const times = results.get(scheme().name).ids.reduce((sum, id) => sum + (id === token.id), 0);
      const row = (name, ...value) => [node("dt", {}, name), node("dd", {}, ...value)];
      const whole = counted(token.bytes.length, "byte");
      facts.replaceChildren(node("dl", {},
        ...row("token", node("bdi", { class: "lb-tp-token lb-tp-chip" }, short(seenBytes(token.bytes))), ` ${grouped(chosen + 1)} of ${grouped(results.get(scheme().name).ids.length)}`),
        ...row("id", node("b", { class: "lb-num" }, token.id === NO_ID ? "none" : String(token.id)), token.unknown ? ": <UNK>, unknown to this scheme" : `: ${scheme().origin(token.id)}`),
        ...row("bytes", node("span", { class: "lb-num" }, hexBytes(token.bytes)), ` (${whole})`),
        ...row("in text", node("bdi", {}, some(parts(token)))),
        ...row("here", `${counted(times, "time")}${token.unknown ? ", all that is unknown" : ""}`)));
    };
    /** A token, above the two that it was merged of; of a long one only the last few merges. */
    const branch = (id, levels) => {
      const made = levels ? scheme().parts(id) : null;
      return node("li", {}, node("span", { class: "lb-tp-node" }, node("bdi", {}, short(seenBytes(scheme().bytesOf(id)), 24)),
        node("small", {}, id < 256 ? hexBytes(scheme().bytesOf(id)) : `merge ${id - 255}`)), made && node("ul", {}, ...made.map((part) => branch(part, levels - 1))));
    };
    const drawDetail = () => {
      const token = tokens[chosen];
      detail.hidden = !token;
      if (!token) return;
      drawFacts(token);
      const merged = scheme().parts?.(token.id);
      tree.hidden = !merged;
      if (merged) {
        const grown = node("div", { class: "lb-scroll", tabindex: 0, role: "group", "aria-label": "the merges of this token", ...keep },
          node("ul", {}, branch(token.id, token.bytes.length > 40 ? 4 : Infinity)));
        tree.replaceChildren(node("div", { class: "lb-note" }, "Made by these merges; a smaller number was learned earlier."), grown);
        grown.scrollLeft = (grown.scrollWidth - grown.clientWidth) / 2; // the token itself stands in the middle
      }
      how.hidden = !scheme().parts;
      if (scheme().parts) buildSteps(token);
    };

    // -- how its chunk was merged

    const slider = range({ min: 0, step: 1, "aria-label": "step", oninput: () => go(Number(slider.value)) });
    const shown = node("span", { class: "lb-num" });
    const back = button("undo one merge", "Back", () => go(step - 1));
    const onward = button("do the next merge", "Next", () => go(step + 1));
    const title = node("div", { class: "lb-note" }), saying = node("div", { class: "lb-say", "aria-live": "polite" }), stage = node("div", { class: "lb-tp-stage" });
    how.append(title, stage, saying, node("div", { class: "lb-bar" }, back, onward, node("label", { class: "lb-slider" }, "step", slider, shown)));
    let chunk = null;
    const buildSteps = ({ chunk: { text: whole, ids }, nth }) => {
      const made = stepsOf(scheme(), { ids }, nth, WINDOW);
      const same = chunk === `${scheme().name} ${whole.slice(0, 999)} ${made.first}`;
      chunk = `${scheme().name} ${whole.slice(0, 999)} ${made.first}`;
      steps = made.steps;
      title.textContent = made.whole ? "How the chunk of text that it stands in becomes tokens:"
        : `How ${grouped(steps[0].ids.length)} bytes become tokens, of a chunk of ${grouped(new TextEncoder().encode(whole).length)}:`;
      slider.max = steps.length - 1;
      go(same ? step : 0);
    };
    const go = (to) => {
      step = Math.max(0, Math.min(steps.length - 1, to));
      slider.value = step;
      shown.textContent = `${step} of ${steps.length - 1}`;
      slider.setAttribute("aria-valuetext", shown.textContent);
      // Not disabled: the focus would be lost at the end.
      back.setAttribute("aria-disabled", step === 0);
      onward.setAttribute("aria-disabled", step === steps.length - 1);
      const { token, times, ids } = steps[step], coming = steps[step + 1]?.token;
      const chip = (id) => short(seenBytes(scheme().bytesOf(id)), 24);
      const between = (i) => {
        const pair = scheme().find(ids[i], ids[i + 1]);
        return node("span", { class: `lb-tp-pair${pair !== undefined && pair === coming ? " lb-tp-coming" : ""}` }, pair === undefined ? "–" : String(pair - 255));
      };
      stage.replaceChildren(...ids.flatMap((id, i) => [node("bdi", { class: `lb-tp-token lb-tp-chip${id === token ? " lb-tp-new" : ""}`, title: `id ${id}` }, chip(id)),
        i + 1 < ids.length ? between(i) : null]).filter(Boolean));
      const did = token === null ? `${counted(ids.length, "byte")}, each a token.`
        : `Merge ${grouped(token - 255)} joins “${scheme().parts(token).map(chip).join("” and “")}” into “${chip(token)}”, id ${token}${times > 1 ? `, ${times} times` : ""}: ${counted(ids.length, "token")}.`;
      saying.textContent = `${did} ${coming ? `Of the pairs of neighbours merge ${grouped(coming - 255)} was learned first: it is next.`
        : ids.length > 1 ? "No two neighbours were ever merged: done." : "One token: done."}`;
    };

    // -- what comes from Python

    const rebuild = () => {
      known = tokenizers(model.get("data"));
      buildTable();
      recount();
    };
    const heardScheme = () => {
      if (!known.has(model.get("scheme"))) return; // its description is still to come
      if (!results.has(scheme().name)) results.set(scheme().name, measure(scheme()));
      drawTokens();
      drawTable();
      clearTimeout(speaking);
      speaking = setTimeout(() => { said.textContent = `${scheme().name}: ${counts.textContent}`; }, 600);
    };
    const heard = { "change:data": rebuild, "change:text": heardText, "change:scheme": heardScheme };
    for (const [event, act] of Object.entries(heard)) model.on(event, act);
    box.value = model.get("text");
    rebuild();
    return () => {
      clearTimeout(typing);
      clearTimeout(counting);
      clearTimeout(speaking);
      for (const [event, act] of Object.entries(heard)) model.off(event, act);
    };
  },
};
