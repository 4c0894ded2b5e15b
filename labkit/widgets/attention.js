// Where each head of each layer looks in a text: a small map for each, one of them large, and the text.

const LARGE = 320; // pixels that the large map is wide at most
const NAMED = 3; // tokens that the line of words names

const visible = (token) => ({ "": "∅", " ": "␣", "\n": "↵", "\t": "⇥" })[token] ?? token;
/** How strong a colour a share has: its square root, so that 1 in 64 can be seen. */
const strength = (share) => Math.sqrt(share);

function percent(p) {
  const x = 100 * p;
  return x > 0 && x < 0.95 ? "<1 %" : `${x.toFixed(0)} %`;
}

function rgb(hex) {
  const value = parseInt(hex.trim().slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/** Arrow keys, Home and End among elements of which one is the tab stop; go(row change, column change or "first", "last"). */
function arrows(element, go) {
  element.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], Home: ["first"], End: ["last"] }[event.key];
    if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    go(...by);
  });
}

export default {
  render({ model, el }) {
    const tokens = model.get("tokens");
    const [nLayer, nHead, n] = [model.get("n_layer"), model.get("n_head"), tokens.length];
    let hovered = null; // the token under the pointer, before it is chosen
    let shares = new Uint8Array(0);

    const chosen = () => (model.get("position") < 0 ? n - 1 : Math.min(model.get("position"), n - 1));
    const position = () => hovered ?? chosen();
    const map = (layer, head) => shares.subarray((layer * nHead + head) * n * n, (layer * nHead + head + 1) * n * n);
    const row = () => Array.from(map(model.get("layer"), model.get("head")).subarray(position() * n, (position() + 1) * n), (v) => v / 255);
    const nameOf = (i) => `“${visible(tokens[i])}” at ${i}`;
    const change = (traits) => {
      for (const [name, value] of Object.entries(traits)) model.set(name, value);
      model.save_changes();
    };

    // 1. a small map for every head
    const canvases = [];
    const cells = Array.from({ length: nLayer }, (_, l) => Array.from({ length: nHead }, (_, h) => {
      const canvas = node("canvas", { width: n, height: n, "aria-hidden": "true" });
      canvases.push({ canvas, l, h });
      return node("button", { type: "button", class: "lb-attn-map", title: `layer ${l + 1}, head ${h + 1}`, "data-layer": l, "data-head": h,
        "data-lm-suppress-shortcuts": "true", "aria-label": `layer ${l + 1}, head ${h + 1}`, onclick: () => change({ layer: l, head: h }) }, canvas);
    }));
    const grid = node("div", { class: "lb-attn-grid", role: "group", "aria-label": "heads; the arrow keys choose one",
      style: `grid-template-columns: auto repeat(${nHead}, minmax(30px, 92px)); max-width: ${60 + 96 * nHead}px` },
    node("span", { class: "lb-note" }, "head"), ...Array.from({ length: nHead }, (_, h) => node("span", { class: "lb-note lb-attn-head" }, `${h + 1}`)),
    ...cells.flatMap((line, l) => [node("span", { class: "lb-note lb-attn-layer" }, `layer ${l + 1}`), ...line]));
    arrows(grid, (down, right) => {
      const limit = (x, end) => Math.max(0, Math.min(end - 1, x));
      const [layer, head] = down === "first" ? [model.get("layer"), 0] : down === "last" ? [model.get("layer"), nHead - 1]
        : [limit(model.get("layer") + down, nLayer), limit(model.get("head") + right, nHead)];
      change({ layer, head });
      cells[layer][head].focus();
    });

    // 2. one of them large; its rows are chosen with the pointer
    const large = node("canvas", { width: n, height: n, "aria-hidden": "true" });
    const mark = node("div", { class: "lb-attn-row" });
    const field = node("div", { class: "lb-attn-large", style: `max-width:${LARGE}px` }, large, mark);
    const title = node("b");
    const rowAt = (event) => {
      const box = large.getBoundingClientRect();
      return Math.max(0, Math.min(n - 1, Math.floor((n * (event.clientY - box.top)) / box.height)));
    };
    const hover = (to) => { if (to !== hovered) { hovered = to; draw(); } };
    field.addEventListener("pointermove", (event) => { if (event.pointerType === "mouse") hover(rowAt(event)); });
    field.addEventListener("pointerleave", () => hover(null));
    field.addEventListener("click", (event) => change({ position: rowAt(event) }));

    // 3. the text
    const chips = tokens.map((token, i) => node("button", { type: "button", class: "lb-attn-token", "data-lm-suppress-shortcuts": "true",
      onclick: () => change({ position: i }) }, visible(token)));
    const text = node("div", { class: "lb-attn-text", role: "group", "aria-label": "the text; the arrow keys choose a token" },
      ...chips.flatMap((chip, i) => (tokens[i].includes("\n") ? [chip, node("br")] : [chip])));
    text.addEventListener("pointerover", (event) => {
      const i = chips.indexOf(event.target.closest("button"));
      if (event.pointerType === "mouse") hover(i < 0 ? null : i);
    });
    text.addEventListener("pointerleave", () => hover(null));
    arrows(text, (down, right) => {
      const to = down === "first" ? 0 : down === "last" ? n - 1 : Math.max(0, Math.min(n - 1, chosen() + down + right));
      change({ position: to });
      chips[to].focus();
    });
    const words = node("div", { class: "lb-say", role: "status", "aria-live": "polite" });
    el.append(node("div", { class: "lb-box lb-attn" },
      node("div", { class: "lb-attn-parts" }, node("div", { class: "lb-attn-side lb-scroll" }, grid),
        node("div", { class: "lb-attn-side" }, title, field)),
      words, text, node("p", { class: "lb-note" }, "In a map each row is a token that looks, each column one that is looked at. " +
        "Colours grow with the square root of the share, so that small shares can be seen.")));

    const paint = (canvas, values) => {
      const [r, g, b] = rgb(getComputedStyle(el).getPropertyValue("--lb-accent"));
      const image = new ImageData(n, n);
      values.forEach((v, i) => image.data.set([r, g, b, 255 * strength(v / 255)], 4 * i));
      canvas.getContext("2d").putImageData(image, 0, 0);
    };
    const draw = () => {
      const [layer, head, now] = [model.get("layer"), model.get("head"), position()];
      cells.flat().forEach((cell) => {
        const on = Number(cell.dataset.layer) === layer && Number(cell.dataset.head) === head;
        cell.setAttribute("aria-pressed", on);
        cell.tabIndex = on ? 0 : -1;
      });
      paint(large, map(layer, head));
      mark.style.top = `${(100 * now) / n}%`;
      mark.style.height = `${100 / n}%`;
      title.textContent = `Layer ${layer + 1}, head ${head + 1}`;
      const shown = row();
      chips.forEach((chip, i) => {
        chip.style.setProperty("--share", `${(55 * strength(shown[i])).toFixed(1)}%`);
        chip.dataset.share = shown[i].toFixed(3);
        chip.title = `${nameOf(i)}: ${percent(shown[i])}`;
        chip.setAttribute("aria-label", `${nameOf(i)}, ${percent(shown[i])}`);
        chip.setAttribute("aria-pressed", i === chosen());
        chip.classList.toggle("lb-attn-now", i === now);
        chip.tabIndex = i === chosen() ? 0 : -1;
      });
      const order = [...shown.keys()].sort((a, b) => shown[b] - shown[a]).filter((i) => shown[i] > 0).slice(0, NAMED);
      const looks = order.map((i) => `${i === now ? "itself" : nameOf(i)} (${percent(shown[i])})`).join(", ");
      words.setAttribute("aria-live", hovered === null ? "polite" : "off");
      words.textContent = `${nameOf(now)}, in layer ${layer + 1}, head ${head + 1}, looks at ${looks || "nothing"}.`;
    };
    const load = () => {
      const view = model.get("weights");
      shares = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
      for (const { canvas, l, h } of canvases) paint(canvas, map(l, h));
    };
    let frame = 0; // weights come ten times a second while a model trains: the last ones count, and none in a hidden tab
    const reload = () => { frame ||= requestAnimationFrame(() => { frame = 0; load(); draw(); }); };
    // A canvas keeps its colours when the page turns dark: paint it again.
    const turned = new MutationObserver(reload);
    for (const host of [document.documentElement, document.body])
      turned.observe(host, { attributeFilter: ["data-theme", "data-jp-theme-light", "class"] });
    const heard = { "change:weights": reload, "change:layer": draw, "change:head": draw, "change:position": draw };
    for (const [event, act] of Object.entries(heard)) model.on(event, act);
    load();
    draw();
    return () => {
      cancelAnimationFrame(frame);
      turned.disconnect();
      for (const [event, act] of Object.entries(heard)) model.off(event, act);
    };
  },
};
