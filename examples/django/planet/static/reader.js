// The theme button, and j and k to walk through the entries.
document.querySelector("[data-theme-button]")?.addEventListener("click", () => {
  const root = document.documentElement;
  root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
});

document.addEventListener("keydown", (event) => {
  const step = { j: 1, k: -1 }[event.key];
  if (!step || event.target.matches("input")) return;
  const entries = [...document.querySelectorAll("article")];
  const next = entries[entries.indexOf(document.activeElement) + step];
  next?.focus();
});
