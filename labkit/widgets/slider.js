// One control as a native range input: keyboard, touch and screen readers for free.

const STEPS = 200;

/** Where a value stands on the track, 0 … STEPS; a logarithmic control moves by equal ratios. */
function toPosition({ value, low, high, log }) {
  const part = log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
  return Math.round(part * STEPS);
}

function toValue(position, { low, high, log, integer }) {
  const part = position / STEPS;
  const value = log ? low * (high / low) ** part : low + (high - low) * part;
  // The ends exactly, so that rounding never leaves the range.
  const exact = part <= 0 ? low : part >= 1 ? high : Number(value.toPrecision(3));
  return integer ? Math.round(exact) : Math.min(high, Math.max(low, exact));
}

export default {
  render({ model, el }) {
    const read = () => Object.fromEntries(["value", "low", "high", "log", "integer"].map((name) => [name, model.get(name)]));
    const integer = model.get("integer");
    const input = integer
      ? range({ min: model.get("low"), max: model.get("high"), step: 1 })
      : range({ min: 0, max: STEPS, step: 1 });
    const shown = node("span", { class: "lb-num" });
    const label = node("label", { class: "lb-slider" }, node("span", {}, model.get("label"),
      model.get("live") ? null : node("small", {}, "at reset")), input, shown);
    const draw = () => {
      const state = read();
      // While the user holds the slider, Python's echo must not pull it back.
      if (document.activeElement !== input || !input.matches(":active")) input.value = integer ? state.value : toPosition(state);
      shown.textContent = format(state.value);
      input.setAttribute("aria-valuetext", format(state.value));
      input.disabled = model.get("disabled");
    };
    input.addEventListener("input", () => {
      model.set("value", integer ? Number(input.value) : toValue(Number(input.value), read()));
      model.save_changes();
      shown.textContent = format(model.get("value"));
      input.setAttribute("aria-valuetext", shown.textContent);
    });
    model.on("change:value", draw);
    model.on("change:disabled", draw);
    draw();
    el.append(label);
    return () => { model.off("change:value", draw); model.off("change:disabled", draw); };
  },
};
