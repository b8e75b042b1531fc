// Reading aids: the theme switch, the filter, and j and k to walk the entries.
(function () {
  "use strict";

  var themeSwitch = document.querySelector("[data-theme-switch]");
  themeSwitch.addEventListener("click", function () {
    var root = document.documentElement;
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
    try {
      localStorage.setItem("theme", root.dataset.theme);
    } catch (e) {
      // Storage is blocked: the choice lasts for this page.
    }
  });

  var entries = Array.from(document.querySelectorAll("[data-entry]"));

  var filter = document.querySelector("[data-entry-filter]");
  if (filter) {
    filter.addEventListener("input", function () {
      var word = filter.value.trim().toLowerCase();
      entries.forEach(function (entry) {
        entry.hidden = !entry.textContent.toLowerCase().includes(word);
      });
    });
  }

  var current = -1;
  function show(step) {
    var shown = entries.filter(function (entry) { return !entry.hidden; });
    if (shown.length === 0) return;
    if (current >= 0) entries[current].classList.remove("is-current");
    var at = shown.indexOf(entries[current]) + step;
    var entry = shown[Math.min(Math.max(at, 0), shown.length - 1)];
    entry.classList.add("is-current");
    entry.scrollIntoView({ block: "center" });
    current = entries.indexOf(entry);
  }

  document.addEventListener("keydown", function (event) {
    if (event.target.closest("input") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "j") show(1);
    if (event.key === "k") show(-1);
  });
})();
