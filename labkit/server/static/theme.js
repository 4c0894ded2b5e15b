// Light or dark, as JupyterLab is where the page is shown inside it, else as the system is.
(() => {
  "use strict";
  const page = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const host = window.parent === window ? null : window.parent.document.body;

  const follow = () => {
    page.dataset.jpThemeLight = host?.dataset.jpThemeLight ?? String(!system.matches);
  };
  follow();
  system.addEventListener("change", follow);
  if (host) new MutationObserver(follow).observe(host, { attributeFilter: ["data-jp-theme-light"] });
})();
