// What a page of the book learns from where it is read.
(() => {
  "use strict";

  // A search result's summary is fetched from its page, which a browser forbids on file://.
  if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

  // Served by the lab's own server, a lab is one click away; lb-server.js says so.
  const server = window.labbookServer;
  if (!server) return;
  for (const note of document.querySelectorAll("details.lb-open-lab")) {
    const link = document.createElement("a");
    link.className = "lb-open-lab lb-button";
    link.href = `${server.base_url}lab/tree/${note.dataset.lbPath.split("/").map(encodeURIComponent).join("/")}`;
    link.target = "lab";
    link.textContent = note.querySelector("summary").textContent;
    note.replaceWith(link);
  }
})();
