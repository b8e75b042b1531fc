// Runs before the first paint, so that a dark page never flashes white.
(() => {
  const saved = localStorage.getItem("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = saved ?? (dark ? "dark" : "light");
})();
