// The start page: asks the server for the labs and the book, shows them, and asks again.
(() => {
  "use strict";
  const base = document.currentScript.dataset.baseUrl;
  const embedded = window.parent !== window;
  const shown = {}; // id of a part of the page -> the JSON that it shows

  // An element with attributes and children; text is text, never markup.
  function h(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children.filter((child) => child !== null));
    return element;
  }

  function show(id, data, children) {
    const json = JSON.stringify(data);
    if (shown[id] === json) return; // so that focus and selection survive the polling
    shown[id] = json;
    const part = document.getElementById(id);
    const focused = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    part.replaceChildren(...children);
    part.hidden = false;
    if (focused) part.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
  }

  function lab(entry) {
    const open = h("a", { class: "button", href: `${base}lab/tree/${entry.path}`, target: "lab" }, "Open");
    open.setAttribute("aria-label", `Open lab ${entry.number}, ${entry.title}`);
    open.addEventListener("click", (event) => {
      if (!embedded || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      window.parent.postMessage({ type: "labkit:open", path: entry.path }, location.origin);
    });
    const chapter = entry.chapter
      ? h("a", { href: `${base}book/${entry.chapter}`, target: "book" }, "Read the chapter")
      : null;
    return h(
      "li",
      { class: "lab" },
      h("span", { class: "number", "aria-hidden": "true" }, String(entry.number)),
      h(
        "div",
        { class: "about" },
        h("h2", {}, entry.title),
        entry.problem ? h("p", { class: "problem" }, entry.problem) : null,
        entry.summary ? h("p", {}, entry.summary) : null,
        h(
          "p",
          { class: "facts" },
          h("span", { class: `state ${entry.state}` }, state(entry)),
          entry.minutes ? h("span", {}, `${entry.minutes} minutes`) : null,
          chapter,
        ),
      ),
      open,
    );
  }

  function state(entry) {
    if (entry.state === "done") return "✓ done";
    if (entry.state === "new") return "not started";
    return entry.checks ? `${entry.passed} of ${entry.checks} checks` : "started";
  }

  function book({ state, updating, log }) {
    const read = (text) => h("a", { href: `${base}book/`, target: "book" }, text);
    const end = log ? h("details", {}, h("summary", {}, "The end of the log"), h("pre", { tabindex: "0" }, log)) : null;
    if (state === "ready") {
      return [h("p", {}, "The book is ready: ", read("read it"), updating ? "; it is being brought up to date." : ".")];
    }
    if (state === "building") return [h("p", {}, "The book is being built, which takes some minutes; the labs need not wait for it.")];
    if (state === "failed") return [h("p", { class: "problem" }, "The book could not be built; the labs work without it."), end];
    return [h("p", {}, "The book is not built yet: run ", h("code", {}, "make book"), " in the project folder.")];
  }

  async function update() {
    let next = 5000;
    const trouble = document.getElementById("trouble");
    try {
      const response = await fetch(`${base}labkit/api/status`, { headers: { Accept: "application/json" } });
      if (!response.ok) throw new Error(`the server answered ${response.status}`);
      const status = await response.json();
      // While it is building the log moves on all the time, and the page does not show it.
      if (status.book.state === "building") {
        status.book.log = "";
        next = 2000;
      }
      show("book", status.book, book(status.book).filter((child) => child !== null));
      show("labs", status.labs, status.labs.length ? status.labs.map(lab) : [h("li", {}, "There are no labs in the folder labs.")]);
      trouble.hidden = true;
    } catch {
      trouble.textContent = "The lab server does not answer. If it was stopped, run make lab again.";
      trouble.hidden = false;
    }
    setTimeout(update, next);
  }
  update();
})();
