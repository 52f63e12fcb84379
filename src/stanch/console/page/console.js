// What pages do beside showing: all of it works without, if less well.

// The name of what was done is told once; a reload does not tell it again.
if (document.body.dataset.done) {
  const url = new URL(location.href);
  url.searchParams.delete("done");
  history.replaceState(history.state, "", url);
}

// How long is left until a moment, each half minute.
function tellTimeLeft() {
  for (const shown of document.querySelectorAll("[data-until]")) {
    const minutes = Math.floor((Number(shown.dataset.until) - Date.now()) / 60_000);
    const left = shown.dataset.left.replace("#h", Math.floor(minutes / 60)).replace("#m", minutes % 60);
    shown.querySelector("span").textContent = minutes < 0 ? "" : ` · ${left}`;
  }
}
tellTimeLeft();
setInterval(tellTimeLeft, 30_000);
document.addEventListener("htmx:after:swap", tellTimeLeft);

// A link that is to be handed on, as others see it.
for (const entry of document.querySelectorAll("[data-absolute]")) {
  entry.value = new URL(entry.value, location.href).href;
  entry.addEventListener("focus", () => entry.select());
}

// Where a form came back with a mistake, typing goes on there.
document.querySelector("main [aria-invalid=true]")?.focus();
