"use strict";
// What every page needs beside its theme.
(() => {
  // A page opened from a folder may not read its neighbours: search shows titles without excerpts.
  if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

  // What scrolls sideways can be reached by keyboard, and only that.
  function reach() {
    for (const part of document.querySelectorAll("article pre, article .output, article .table-wrapper")) {
      const scrolls = part.scrollWidth > part.clientWidth && getComputedStyle(part).overflowX !== "visible";
      if (scrolls) part.tabIndex = 0;
      else part.removeAttribute("tabindex");
    }
  }
  reach();
  addEventListener("resize", reach);
  document.addEventListener("toggle", reach, true);
})();
