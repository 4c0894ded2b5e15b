// A training board: click holds, write a route to order, complete one. The other route_board files are its parts.

const PACE = 90; // ms from hold to hold while a route is written: the model needs one or two, the eye more
const NEXT_ROLE = { none: "middle", middle: "foot", foot: "start", start: "finish", finish: "none" };
const IN_TURN = "next"; // role

/** hold -> its twin on the other side, null where there is none. */
const twinsOf = (board) => new Map(board.holds.map(([id, , , twin]) => [id, twin ?? null]));
const plural = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;

export default {
  render({ model, el }) {
    const boards = new Map(model.get("boards").map((board) => [board.key, board]));
    const grades = model.get("grades");
    const board = () => boards.get(model.get("board"));
    const places = new Map([...boards].map(([key, { holds }]) => [key, new Map(holds.map((hold) => [hold[0], hold]))]));
    // A kernel may say that the board is another one a moment before it takes the holds away.
    const holds = () => model.get("holds").filter(([place]) => places.get(model.get("board")).has(place))
      .map(([place, role, mine]) => ({ place, role, mine }));
    const computes = () => model.get("weights")?.byteLength > 0;
    const asks = () => model.get("asks") === true;
    let minds = null; // two models of the same weights: made when they are first asked for
    let run = null; // the route that is being written now
    let last = ""; // what the last route was made with: the same again would write the same again
    let problem = "";

    const change = (values) => {
      for (const [name, value] of Object.entries(values)) model.set(name, value);
      model.save_changes();
    };
    const setHolds = (list, asked = {}) =>
      change({ asked, holds: inOrder(list, board()).map(({ place, role, mine }) => [place, role, Boolean(mine)]) });

    // -- the wall, and what a click there does
    const keep = { "data-lm-suppress-shortcuts": "true" };
    const svg = node("svg", { class: "lb-rb-wall", role: "application", tabindex: 0, ...keep });
    const hover = node("p", { class: "lb-note lb-rb-hover" });
    const spoken = node("div", { class: "lb-unseen", "aria-live": "polite" });
    const roleOf = (place) => holds().find((hold) => hold.place === place)?.role ?? "none";
    const named = (place) => {
      const [, x, y, , quality] = places.get(board().key).get(place);
      const role = roleOf(place), good = quality === null ? "" : `, quality ${format(quality)}`;
      return `hold ${place} at ${format(x)}, ${format(y)} inches${good}: ${role === "none" ? "not in the route" : role}`;
    };
    const chosen = () => chooser.querySelector("input:checked").value;
    const put = (place, role) => {
      stop();
      problem = "";
      const others = holds().filter((hold) => hold.place !== place);
      setHolds(role === "none" ? others : [...others, { place, role, mine: true }]);
    };
    const wall = makeWall(svg, {
      act(place) {
        const now = holds().find((hold) => hold.place === place), role = chosen();
        if (role === IN_TURN) put(place, NEXT_ROLE[now?.role ?? "none"]);
        else put(place, now?.role === role && now.mine ? "none" : role);
      },
      clear: (place) => put(place, "none"),
      point(place, keyboard) {
        hover.textContent = place === null ? hint() : named(place);
        if (keyboard) spoken.textContent = named(place);
      },
    });
    const hint = () => (chosen() === IN_TURN
      ? "Click a hold: middle, again: foot, start, finish, none."
      : `Click a hold to set it as ${chosen()}, again to take it away.`);
    const chooser = node("div", { class: "lb-rb-roles", role: "radiogroup", "aria-label": "what a click sets" });
    const group = `lb-rb-${Math.random().toString(36).slice(2)}`; // radio buttons of one figure belong together
    const fillChooser = () => {
      const before = chooser.querySelector("input:checked")?.value ?? IN_TURN;
      chooser.replaceChildren(...[{ name: IN_TURN }, ...board().roles].map((look) => node("label", { class: "lb-rb-role" },
        node("input", { type: "radio", name: group, value: look.name, checked: look.name === before ? "" : null, ...keep,
          onchange: () => { hover.textContent = hint(); } }),
        look.marker ? markerIcon(look) : null, look.name)));
    };

    // -- controls
    const slider = (label, attributes, act) => {
      const input = range({ "aria-label": label, ...attributes, oninput: () => { act(Number(input.value)); } });
      const shown = node("span", { class: "lb-num" });
      return { input, shown, whole: node("label", { class: "lb-slider" }, node("span", {}, label), input, shown),
        set(value, text) {
          if (!input.matches(":active")) input.value = value; // an echo must not pull back what is being dragged
          shown.textContent = text;
          input.setAttribute("aria-valuetext", text);
        } };
    };
    const angle = slider("angle", { step: 5 }, (value) => change({ angle: value }));
    const grade = slider("grade", { min: grades[0] - 1, max: grades.at(-1), step: 1 },
      (value) => change({ grade: value < grades[0] ? "any" : value }));
    const heat = slider("temperature", { min: 0, max: 2, step: 0.05 }, (value) => change({ temperature: value }));
    const guide = slider("guidance", { min: 1, max: 4, step: 0.1 }, (value) => change({ guidance: value }));
    const seed = node("input", { class: "lb-input lb-num", type: "number", min: 0, max: 2 ** 31 - 1, step: 1, "aria-label": "seed", ...keep,
      onchange: () => {
        change({ seed: Math.max(0, Math.min(2 ** 31 - 1, Math.floor(Number(seed.value)) || 0)) });
        read();
      } });
    const pick = node("select", { class: "lb-input", "aria-label": "board", ...keep,
      onchange: () => another(pick.value) }, ...[...boards.values()].map(({ key, name }) => node("option", { value: key }, name)));
    const write = button("", "", () => (run ? stop() : begin(false)));
    const complete = button("have the model add what is missing to the holds that you clicked", "Complete", () => begin(true));
    const mirror = button("turn the route over, left to right", "Mirror", () => {
      stop();
      const twins = twinsOf(board());
      setHolds(holds().map((hold) => ({ ...hold, place: twins.get(hold.place) })), model.get("asked"));
    });
    const clear = button("take all holds away", "Clear", () => {
      stop();
      problem = "";
      setHolds([]);
    });
    const about = node("dl", { class: "lb-rb-about" });
    const status = node("p", { class: "lb-status lb-rb-status", role: "status" });
    const text = node("div", { class: "lb-rb-frames lb-num", role: "region", tabindex: 0, "aria-label": "frames, as the board's app writes the route", ...keep });
    const copy = button("copy the frames", "Copy", async () => {
      nameButton(copy, (await copied(text)) ? "Copied" : "Selected", "copy the frames");
      setTimeout(() => nameButton(copy, "Copy", "copy the frames"), 1500);
    });
    const writes = computes() || asks();
    const only = (part) => (writes ? part : null);
    el.append(node("div", { class: "lb-box lb-rb" },
      node("div", { class: "lb-rb-parts" },
        node("div", { class: "lb-rb-left" }, svg, chooser, hover, spoken),
        node("div", { class: "lb-rb-right" },
          node("div", { class: "lb-bar lb-rb-buttons" }, only(write), only(complete), mirror, clear),
          about, status,
          boards.size > 1 ? node("label", { class: "lb-rb-field" }, node("span", {}, "board"), pick) : null,
          angle.whole, only(grade.whole), only(guide.whole), only(heat.whole),
          only(node("label", { class: "lb-rb-field" }, node("span", {}, "seed"), seed)),
          node("div", { class: "lb-rb-out" }, text, copy)))));

    // -- reading the state
    const read = () => {
      const here = board(), list = holds();
      pick.value = here.key;
      angle.input.min = here.angles[0];
      angle.input.max = here.angles.at(-1);
      angle.set(model.get("angle"), `${model.get("angle")}°`);
      const wanted = model.get("grade");
      grade.set(wanted === "any" ? grades[0] - 1 : wanted, wanted === "any" ? "any" : `V${wanted}`);
      heat.set(model.get("temperature"), format(model.get("temperature")));
      guide.set(model.get("guidance"), model.get("guidance") === 1 ? "none" : format(model.get("guidance")));
      seed.value = model.get("seed");
      nameButton(write, ...(run ? ["Stop", "end here"] : ["Write a route", "have the model write a route as the sliders say"]));
      mirror.hidden = !here.mirrored;
      clear.disabled = !list.length;
      const twins = twinsOf(here);
      mirror.disabled = !list.length || list.some(({ place }) => twins.get(place) === null);
      const numbers = new Map(here.roles.map((role) => [role.name, role.number]));
      text.textContent = list.map(({ place, role }) => `p${place}r${numbers.get(role)}`).join("");
      text.classList.toggle("lb-rb-empty", !list.length);
      copy.disabled = !list.length;
      about.replaceChildren(...aboutRoute(here, list, model));
      status.textContent = problem;
      svg.setAttribute("aria-label", `${here.name}: ${plural(list.length, "hold")} of the route. Arrow keys go from hold to hold, Enter sets one, Delete takes it away.`);
      wall.draw(list, run?.made.at(-1)?.place);
    };
    let drawn = null;
    const drawBoard = () => {
      if (drawn === model.get("board")) return;
      drawn = model.get("board");
      wall.take(board());
      fillChooser();
      hover.textContent = hint();
    };
    const another = (key) => {
      stop();
      problem = "";
      const steepest = boards.get(key).angles.at(-1);
      change({ holds: [], asked: {}, angle: Math.min(model.get("angle"), steepest), board: key });
    };

    // -- writing
    const settings = (mine) => JSON.stringify([mine, ...["board", "angle", "grade", "temperature", "guidance", "top_k", "seed"].map((name) => model.get(name))]);
    const begin = (filling) => {
      stop();
      problem = "";
      const required = filling ? holds().filter((hold) => hold.mine) : [];
      if (filling && !required.length) {
        problem = "Click the holds that the route shall have; Complete adds the others.";
        return read();
      }
      if (settings(required) === last) change({ seed: (model.get("seed") + 1) % 2 ** 31 });
      last = settings(required);
      if (!computes()) return model.send({ write: filling ? "rest" : "route" });
      minds ??= [0, 1].map(() => gpt(model.get("config"), model.get("shapes"), numbers()));
      const wish = { angle: model.get("angle"), grade: model.get("grade"), guidance: model.get("guidance"), required };
      const random = generator(model.get("seed")), temperature = model.get("temperature");
      const draw = (logits) => choose(logits, temperature, model.get("top_k") ?? logits.length, random);
      run = { steps: writeRoute(minds, model.get("vocabulary"), model.get("rules"), board(), wish, draw), required, made: [],
        hold: holdTokens(board()).hold, asked: { grade: wish.grade, angle: wish.angle, guidance: wish.guidance }, timer: 0 };
      setHolds(required, run.asked);
      goOn();
    };
    let weights = null;
    const numbers = () => (weights ??= halves(model.get("weights")));
    const pace = matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : PACE;
    /** One more hold; the next one a moment later. */
    const goOn = () => {
      try {
        const started = performance.now(), { value, done } = run.steps.next();
        if (done) return stop();
        const hold = run.hold(value);
        run.made.push({ ...hold, mine: run.required.some(({ place }) => place === hold.place) });
        const places = new Set(run.made.map(({ place }) => place));
        setHolds([...run.required.filter(({ place }) => !places.has(place)), ...run.made], run.asked);
        run.timer = setTimeout(goOn, Math.max(0, pace - (performance.now() - started)));
      } catch (error) { // holds that no route can have: said in words
        problem = error.message;
        stop();
      }
    };
    const stop = () => {
      if (run) clearTimeout(run.timer);
      run = null;
      read();
    };

    const redraw = () => { drawBoard(); read(); };
    const forget = () => { minds = weights = null; };
    const heard = ["board", "angle", "grade", "temperature", "guidance", "seed", "holds", "asked", "verdicts"].map((name) => `change:${name}`);
    for (const event of heard) model.on(event, redraw);
    model.on("change:weights", forget);
    redraw();
    return () => {
      if (run) clearTimeout(run.timer);
      run = null;
      for (const event of heard) model.off(event, redraw);
      model.off("change:weights", forget);
    };
  },
};
