// The lab book's start page in JupyterLab: a prebuilt ("federated") extension, written by hand, so that
// there is nothing to build. JupyterLab loads this script and calls init, then get.
(() => {
  "use strict";
  const COMMAND = "labkit:start";
  // While a tab is dragged across the frame, the frame must not take the mouse.
  const STYLE = `
    #labkit-start iframe { display: block; width: 100%; height: 100%; border: 0; }
    body.lm-mod-override-cursor #labkit-start iframe { pointer-events: none; }`;
  let modules = {}; // JupyterLab's own: name -> version -> { get }

  // One of JupyterLab's modules. Tokens are compared by identity: it has to be the copy that is in use.
  async function shared(name) {
    const versions = Object.values(modules[name] ?? {});
    const module = versions.find((version) => version.loaded) ?? versions[0];
    if (!module) throw new Error(`labkit: JupyterLab has no ${name}`);
    return (await module.get())();
  }

  async function plugin() {
    const [{ ILayoutRestorer }, apputils, { PageConfig }, { ILauncher }, { Widget }] = await Promise.all(
      ["application", "apputils", "coreutils", "launcher"]
        .map((name) => shared(`@jupyterlab/${name}`))
        .concat(shared("@lumino/widgets")),
    );

    function activate(app, palette, launcher, restorer) {
      const base = PageConfig.getBaseUrl();
      document.head.append(Object.assign(document.createElement("style"), { textContent: STYLE }));
      const tracker = new apputils.WidgetTracker({ namespace: "labkit-start" });

      function startPage() {
        const content = new Widget();
        const frame = document.createElement("iframe");
        frame.src = `${base}labkit/start`;
        frame.title = "The lab book: start page";
        content.node.append(frame);
        const widget = new apputils.MainAreaWidget({ content });
        widget.id = "labkit-start";
        widget.title.label = "Lab book";
        widget.title.caption = "The start page of the lab book";
        widget.title.closable = true;
        widget.toolbar.hide();
        return widget;
      }

      app.commands.addCommand(COMMAND, {
        label: "Lab book: start page",
        caption: "The labs, how far you are in each, and the book",
        execute: () => {
          if (!tracker.find(() => true)) {
            const widget = startPage();
            const [first] = app.shell.widgets("main");
            app.shell.add(widget, "main", first ? { mode: "tab-before", ref: first.id } : {});
            void tracker.add(widget);
          }
          app.shell.activateById("labkit-start");
        },
      });
      palette?.addItem({ command: COMMAND, category: "Lab book" });
      launcher?.add({ command: COMMAND, category: "Lab book", rank: 0 });

      // The page asks for a lab to be opened in the JupyterLab around it.
      window.addEventListener("message", (event) => {
        const frame = tracker.find(() => true)?.content.node.firstElementChild;
        if (event.origin !== location.origin || event.source !== frame?.contentWindow) return;
        if (event.data?.type === "labkit:open") void app.commands.execute("docmanager:open", { path: event.data.path });
      });

      // The book's links to labs have target="lab": they come back to this browser tab.
      window.name ||= "lab";

      // With no file in the address the start page is what there is to see first.
      const file = PageConfig.getOption("treePath");
      if (restorer) void restorer.restore(tracker, { command: COMMAND, name: () => "start" });
      if (!file) void app.restored.then(() => app.commands.execute(COMMAND));
    }

    return {
      id: "labkit:start-page",
      description: "Shows the lab book's start page.",
      autoStart: true,
      optional: [apputils.ICommandPalette, ILauncher, ILayoutRestorer],
      activate,
    };
  }

  window._JUPYTERLAB ??= {};
  window._JUPYTERLAB.labkit = {
    init: (scope) => {
      modules = scope;
    },
    get: async () => {
      const module = { __esModule: true, default: await plugin() };
      return () => module;
    },
  };
})();
