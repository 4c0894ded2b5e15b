// What is known of the route on the board, in words.

/** Copy what an element says; where the browser forbids it, select it, so that the reader can. Returns whether it was copied. */
async function copied(element) {
  try {
    await navigator.clipboard.writeText(element.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(element);
    return document.execCommand("copy");
  }
}

/** What a route still lacks or has too much of, in a few words; "" for nothing. */
function lacks(list, rules) {
  const count = (role) => list.filter((hold) => hold.role === role).length;
  const found = [];
  for (const role of ["start", "finish"]) {
    if (!count(role)) found.push(`a ${role}`);
    if (count(role) > MOST) found.push(`${MOST} instead of ${count(role)} holds to ${role}`);
  }
  if (list.length > rules.max_holds) found.push(`fewer holds, ${rules.max_holds} at most`);
  else if (list.length + found.length < rules.min_holds) found.push("another hold");
  return found.join(", ");
}

/** The V grade of a difficulty, rounded to a whole number first, halves up. */
const vGrade = (difficulty, scale) => scale[Math.min(Math.max(Math.floor(difficulty + 0.5), EASIEST), HARDEST) - EASIEST];

/** What was asked, how many holds there are, what the judges say: dt and dd in turn, always as many, so that nothing jumps. */
function aboutRoute(board, list, model) {
  const asked = model.get("asked"), rows = [];
  if (model.get("weights")?.byteLength || model.get("asks")) {
    const grade = asked.grade === "any" ? "any grade" : `V${asked.grade}`;
    rows.push(["asked for", "angle" in asked ? node("b", {}, `${grade} at ${asked.angle}°`) : "–"]);
  }
  const counts = board.roles.map(({ name }) => [name, list.filter((hold) => hold.role === name).length]).filter(([, n]) => n);
  rows.push(["holds", list.length ? `${list.length}: ${counts.map(([name, n]) => `${n} ${name}`).join(", ")}` : "none yet"]);
  const missing = lacks(list, model.get("rules"));
  rows.push(["lacks", missing || "nothing"]);
  for (const [who, difficulty, word] of model.get("verdicts") ?? judged(board, list, model.get("angle"))) {
    if (difficulty === null) rows.push([who, word]);
    else rows.push([who, node("b", {}, `V${vGrade(difficulty, model.get("scale"))}`), ` (difficulty ${difficulty.toFixed(1)})`]);
  }
  return rows.flatMap(([name, ...said]) => [node("dt", {}, name), node("dd", {}, ...said)]);
}
