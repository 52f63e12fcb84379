// What is typed and not yet sent outlives a closed page, a lost sign-in and a dead server.
//
// <textarea data-draft="note-12" data-sent-by="add_note">: kept under that name for the person who types, given back
// when the page is opened again, forgotten once the action of that name was done, or on signing out.

const PREFIX = "stanch-draft:";
const mine = PREFIX + (document.body.dataset.person ?? "") + ":";
const done = document.body.dataset.done;

for (const entry of document.querySelectorAll("[data-draft]")) {
  const key = mine + entry.dataset.draft;
  const told = entry.parentElement.querySelector("[data-draft-told]");
  if (done && done.split(".").pop() === entry.dataset.sentBy) localStorage.removeItem(key);
  const kept = localStorage.getItem(key);
  if (kept && !entry.value) {
    entry.value = kept;
    if (told) told.hidden = false;
    for (let up = entry.closest("details"); up; up = up.parentElement.closest("details")) up.open = true;
  }
  entry.addEventListener("input", () => {
    if (entry.value) localStorage.setItem(key, entry.value);
    else localStorage.removeItem(key);
    if (told) told.hidden = true;
  });
}

for (const form of document.querySelectorAll("[data-forget-drafts]")) {
  form.addEventListener("submit", () => {
    for (const key of Object.keys(localStorage)) if (key.startsWith(mine)) localStorage.removeItem(key);
  });
}
