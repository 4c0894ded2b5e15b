// Predictions: asked before the first run, scored in the recap. The reader's browser keeps the guesses.

const memory = (globalThis.labbookQuiz ??= {}); // where storage is refused (some private windows)

function load(key) {
  try { return JSON.parse(localStorage.getItem(key)) ?? memory[key] ?? {}; } catch { return memory[key] ?? {}; }
}

function save(key, guesses) {
  memory[key] = guesses;
  try { localStorage.setItem(key, JSON.stringify(guesses)); } catch { /* memory has it */ }
  window.dispatchEvent(new CustomEvent("labbook-quiz", { detail: key }));
}

const isRight = (question, guess) => (question.choices
  ? guess === question.answer : Math.abs(Number(guess) - question.answer) <= question.tolerance);

export default {
  render({ model, el }) {
    const key = `labbook-quiz-${model.get("chapter")}`;
    const box = node("div", { class: "lb-box lb-quiz" });
    const draw = () => box.replaceChildren(...(model.get("reveal") ? score(model, load(key)) : ask(model, key)));
    const changed = (event) => { if (model.get("reveal") && event.detail === key) draw(); };
    window.addEventListener("labbook-quiz", changed);
    el.append(box);
    draw();
    return () => window.removeEventListener("labbook-quiz", changed);
  },
};

function ask(model, key) {
  return model.get("questions").map((question, i) => {
    const guesses = load(key);
    const commit = (value) => {
      save(key, { ...load(key), [question.id]: value });
      said.textContent = value === "" ? "" : "Noted. The answer comes in the recap.";
    };
    const said = node("span", { class: "lb-note", role: "status" }, guesses[question.id] !== undefined ? "Noted." : "");
    const name = `${key}-${i}`;
    const field = question.choices
      ? question.choices.map((choice) => node("label", { class: "lb-choice" },
        node("input", { type: "radio", name, value: choice, "data-lm-suppress-shortcuts": "true",
          checked: guesses[question.id] === choice ? "" : null, onchange: () => commit(choice) }), ` ${choice}`))
      : [node("input", { type: "number", step: "any", "aria-label": "your guess", "data-lm-suppress-shortcuts": "true",
        value: guesses[question.id] ?? null, onchange: (event) => commit(event.target.value) })];
    return node("fieldset", { class: "lb-question" }, node("legend", {}, `${i + 1}. ${question.text}`),
      node("div", { class: "lb-bar" }, ...field, said));
  });
}

function score(model, guesses) {
  const questions = model.get("questions");
  const made = questions.filter((question) => guesses[question.id] !== undefined && guesses[question.id] !== "");
  const right = made.filter((question) => isRight(question, guesses[question.id]));
  const lines = questions.map((question, i) => {
    const guess = guesses[question.id];
    const given = made.includes(question);
    const verdict = !given ? "You made no guess." : `You said ${guess}: ${isRight(question, guess) ? "right" : "not this time"}.`;
    return node("p", {}, node("b", {}, `${i + 1}. ${question.text}`), node("br"), `${verdict} The answer is ${question.answer}. ${question.why}`);
  });
  return [node("p", { class: "lb-status" }, node("b", {}, `${right.length} of ${questions.length} predictions right`),
    made.length < questions.length ? ` (${made.length} made)` : ""), ...lines];
}
