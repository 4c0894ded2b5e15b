// Draws the figures of a page that has no kernel: for each <figure class="lb-figure"> a model of
// the anywidget form, filled from the JSON in the page, and the module's render({ model, el }).
// After save_changes() the module's own simulate(state, changed) answers in the kernel's place.
(() => {
  "use strict";

  /** What Python wrote as {"base64": ...} was bytes, and reaches a module as a DataView. */
  function decoded(value) {
    if (typeof value?.base64 !== "string") return value;
    return new DataView(Uint8Array.from(atob(value.base64), (c) => c.charCodeAt(0)).buffer);
  }

  class Model {
    constructor(state) {
      this.traits = new Map(Object.entries(state).map(([name, value]) => [name, decoded(value)]));
      this.callbacks = new Map(); // event -> Set of functions
      this.unsaved = new Set();
      this.answer = null; // called with the changed names after save_changes()
    }

    get(name) {
      return this.traits.get(name);
    }

    set(name, value) {
      if (this.assign({ [name]: value }).length) this.unsaved.add(name);
    }

    save_changes() {
      const changed = [...this.unsaved];
      this.unsaved.clear();
      if (changed.length) this.answer?.(changed);
    }

    on(events, callback) {
      for (const event of events.split(/\s+/)) {
        if (!this.callbacks.has(event)) this.callbacks.set(event, new Set());
        this.callbacks.get(event).add(callback);
      }
    }

    off(event, callback) {
      for (const [name, callbacks] of this.callbacks) {
        if (event && name !== event) continue;
        callback ? callbacks.delete(callback) : callbacks.clear();
      }
    }

    send() {} // nobody to send to

    /** Set traits and say so; returns the names whose value is new. */
    assign(traits) {
      const changed = Object.keys(traits).filter((name) => !Object.is(this.traits.get(name), traits[name]));
      for (const name of changed) this.traits.set(name, traits[name]);
      for (const name of changed) this.fire(`change:${name}`, traits[name]);
      if (changed.length) this.fire("change");
      return changed;
    }

    fire(event, value) {
      for (const callback of [...(this.callbacks.get(event) ?? [])]) callback(this, value);
    }
  }

  /** Answers save_changes(), one call of simulate at a time; what changes meanwhile is one more call. */
  function simulator(model, simulate, mount) {
    const pending = new Set();
    let running = false;
    return async (changed) => {
      changed.forEach((name) => pending.add(name));
      if (running) return;
      running = true;
      try {
        while (pending.size) {
          const names = [...pending];
          pending.clear();
          model.assign((await simulate(Object.fromEntries(model.traits), names)) ?? {});
        }
      } catch (error) {
        say(mount, "This figure stopped", error);
      } finally {
        running = false;
      }
    };
  }

  function say(mount, what, error) {
    console.error(error);
    const note = document.createElement("p");
    note.className = "lb-note lb-figure-error";
    note.setAttribute("role", "alert");
    note.textContent = `${what}: ${error?.message ?? error}`;
    mount.append(note);
  }

  const loaded = new Map(); // module name -> promise of the module

  function load(name) {
    if (!loaded.has(name)) {
      const source = window.lbFigureSources[name];
      if (source === undefined) return Promise.reject(new Error(`the book has no figure module "${name}"`));
      loaded.set(name, import(URL.createObjectURL(new Blob([source], { type: "text/javascript" }))));
    }
    return loaded.get(name);
  }

  async function draw(figure) {
    const mount = figure.querySelector(".lb-mount");
    try {
      const state = JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
      const module = await load(figure.dataset.lbModule);
      const model = new Model(state);
      const simulate = module.simulate ?? module.default.simulate;
      if (simulate) model.answer = simulator(model, simulate, mount);
      mount.replaceChildren();
      await module.default.render({ model, el: mount });
    } catch (error) {
      mount.replaceChildren();
      say(mount, "This figure could not be drawn", error);
    }
  }

  document.querySelectorAll("figure.lb-figure[data-lb-module]").forEach(draw);
})();
