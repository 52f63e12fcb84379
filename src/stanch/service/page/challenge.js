// Has a worker solve the puzzle of a form, and sends the form or only fills it in. Without a worker, or where
// this file does not run at all, the form stays as the server made it: with the way that needs no script.
"use strict";

for (const form of document.querySelectorAll("form[data-puzzle]")) {
  const work = form.querySelector("[data-work]");
  const instead = form.querySelector("[data-instead]");
  const status = form.querySelector("[data-status]");
  const progress = form.querySelector("progress");
  let working = true;
  const fail = () => {
    working = false;
    instead.hidden = false;
    progress.hidden = true;
    status.textContent = status.dataset.failed;
  };
  let worker;
  try {
    worker = new Worker(form.dataset.worker);
  } catch {
    continue;
  }
  work.hidden = false;
  instead.hidden = true;
  status.textContent = status.dataset.working;
  worker.onerror = fail;
  worker.onmessage = ({ data }) => {
    progress.value = data.length;
    if (data.length < progress.max) return;
    worker.terminate();
    working = false;
    form.elements.solution.value = data.map((number) => number.toString(16)).join(".");
    status.textContent = status.dataset.done;
    if ("submit" in form.dataset) form.requestSubmit();
  };
  // Whoever presses the button first has it pressed when the work is done.
  form.addEventListener("submit", (event) => {
    if (!working) return;
    event.preventDefault();
    form.dataset.submit = "";
  });
  worker.postMessage({
    seed: form.dataset.puzzle,
    parts: Number(form.dataset.parts),
    bits: Number(form.dataset.partBits),
  });
  if ("submit" in form.dataset) {
    // A page that comes back out of the browser's memory holds a puzzle that was used.
    window.addEventListener("pageshow", (event) => event.persisted && window.location.reload());
  }
}
