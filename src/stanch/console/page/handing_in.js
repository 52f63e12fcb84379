// Log files that are dragged onto the page or chosen: sent piece by piece, so that they may be large and a lost
// connection costs one piece only.

const PIECE = 4 << 20;
const TRIES = 3;

const area = document.querySelector("[data-hand-in]");
const entry = area.querySelector("input[type=file]");
const list = area.querySelector("ul");

function makeName() {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function sendPiece(query, body) {
  for (let left = TRIES; ; left--) {
    try {
      const answer = await fetch(`${area.dataset.handIn}?${new URLSearchParams(query)}`, {
        method: "POST",
        body,
        headers: { "Content-Type": "application/octet-stream", "X-Console-Token": area.dataset.token },
      });
      if (answer.ok) return await answer.json();
      const problem = await answer.json();
      throw Object.assign(new Error(problem.detail || problem.title), { isFinal: true });
    } catch (error) {
      if (error.isFinal || left <= 1) throw error;
    }
  }
}

async function send(file) {
  const item = document.createElement("li");
  const name = document.createElement("b");
  const bar = document.createElement("progress");
  name.textContent = file.name;
  bar.max = Math.max(file.size, 1);
  bar.value = 0;
  bar.setAttribute("aria-label", `${file.name}: ${area.dataset.wait}`);
  item.append(name, " ", bar);
  list.append(item);
  try {
    if (file.size > Number(area.dataset.most) * 1024 * 1024) throw new Error(area.dataset.over);
    const query = { upload: makeName(), name: file.name, size: file.size };
    let offset = 0;
    do {
      const got = await sendPiece({ ...query, offset }, file.slice(offset, offset + PIECE));
      offset = got.n_bytes;
      bar.value = offset;
    } while (offset < file.size);
    return true;
  } catch (error) {
    bar.remove();
    const told = document.createElement("span");
    told.className = "wrong";
    told.textContent = `${area.dataset.failed}: ${error.message}`;
    item.append(told);
    return false;
  }
}

async function sendAll(files) {
  entry.disabled = true;
  let failed = 0;
  for (const file of files) if (!(await send(file))) failed += 1;
  entry.disabled = false;
  entry.value = "";
  // What was refused stays to be read; all else is shown by the page itself.
  if (failed < files.length) {
    const kept = list.querySelectorAll(".wrong").length ? list.cloneNode(true) : null;
    if (kept) sessionStorage.setItem("stanch-refused", kept.textContent);
    location.reload();
  }
}

entry.addEventListener("change", () => entry.files.length && sendAll([...entry.files]));
for (const kind of ["dragenter", "dragover"]) {
  area.addEventListener(kind, (event) => {
    event.preventDefault();
    area.classList.add("over");
  });
}
for (const kind of ["dragleave", "drop"]) area.addEventListener(kind, () => area.classList.remove("over"));
area.addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files.length) sendAll([...event.dataTransfer.files]);
});
// A file that is dropped beside the area must not replace the page.
for (const kind of ["dragover", "drop"]) addEventListener(kind, (event) => event.preventDefault());

const refused = sessionStorage.getItem("stanch-refused");
if (refused) {
  sessionStorage.removeItem("stanch-refused");
  const item = document.createElement("li");
  item.className = "wrong";
  item.textContent = refused;
  list.append(item);
}
