// Runs before anything is painted, so that a dark page never flashes white.
(function () {
  "use strict";
  var root = document.documentElement;
  root.classList.add("has-script");
  try {
    var theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  } catch (e) {
    // Storage is blocked: the page stays light.
  }
})();
