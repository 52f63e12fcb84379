// The time line of an incident: what is drawn across becomes the stretch of time that every panel follows, and
// stands in the address.

const area = document.querySelector("[data-timeline]");
const told = area.dataset;
const HEIGHTS = { attempts: 150, accesses: 90, complaints: 80 };
const BINS = 500;
const MILLION = 1e6;
let charts = [];
let shown = null;
let isChosen = false;

function ask(search) {
  const query = new URLSearchParams(search);
  const kept = new URLSearchParams({ bins: BINS });
  for (const name of ["from", "until"]) if (query.get(name)) kept.set(name, query.get(name));
  return fetch(`${told.timeline}?${kept}`).then((answer) => (answer.ok ? answer.json() : null));
}

function colour(name, alpha = "") {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim() + alpha;
}

function number(value) {
  return value == null ? "" : Math.round(value).toLocaleString(document.documentElement.lang);
}

// Whoever draws across a chart chooses from where the line was put down to where it was lifted.
function choose(plot) {
  const { left, width } = plot.select;
  // The charts share one cursor, so each of them tells of the same choice.
  if (width < 4 || isChosen) return;
  isChosen = true;
  setTimeout(() => { isChosen = false; });
  const from = Math.round(plot.posToVal(left, "x") * MILLION);
  const until = Math.round(plot.posToVal(left + width, "x") * MILLION);
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  follow({ from, until });
}

const zone = told.zone === "UTC" ? "Etc/UTC" : told.zone;
const two = (n) => String(n).padStart(2, "0");

// Days as 04-19, hours as 12:00 with the day below midnight, years where they begin: the same in both languages.
function tellMoments(_plot, splits, _axis, _space, step) {
  let year = null;
  return splits.map((s) => {
    const at = uPlot.tzDate(new Date(s * 1e3), zone);
    const day = `${two(at.getMonth() + 1)}-${two(at.getDate())}`;
    const hour = `${two(at.getHours())}:${two(at.getMinutes())}`;
    const first = year !== at.getFullYear();
    year = at.getFullYear();
    if (step >= 86_400) return first ? `${day}\n${year}` : day;
    return at.getHours() + at.getMinutes() === 0 || first ? `${hour}\n${first ? `${year}-` : ""}${day}` : hour;
  });
}

function make(kind, series, data) {
  const axis = { stroke: colour("muted"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line"), width: 1 } };
  return new uPlot(
    {
      width: area.clientWidth,
      height: HEIGHTS[kind] + 50,
      tzDate: (s) => uPlot.tzDate(new Date(s * 1e3), zone),
      cursor: { sync: { key: "incident" }, drag: { x: true, y: false, setScale: false }, y: false },
      scales: { x: { time: true }, y: { range: (_plot, _min, max) => [0, Math.max(max, 1)] } },
      axes: [
        { ...axis, values: tellMoments },
        { ...axis, size: 56, values: (_plot, splits) => splits.map((v) => (v >= 1e6 ? `${v / 1e6}M` : v >= 1e3 ? `${v / 1e3}k` : v)) },
      ],
      series: [{ label: told.moment, value: "{YYYY}-{MM}-{DD} {HH}:{mm}" }, ...series],
      hooks: { setSelect: [choose] },
    },
    data,
    area,
  );
}

function draw(line) {
  shown = line;
  for (const chart of charts) chart.destroy();
  area.replaceChildren();
  const at = line.time_us.map((us) => us / MILLION);
  const bars = uPlot.paths.bars({ size: [0.9, 24], gap: 0 });
  // Ordinary attempts stand on those of the attack; the legend tells each by itself.
  const both = line.ordinary.map((n, i) => n + line.attack[i]);
  const value = (own) => (_plot, _v, _series, i) => (i == null ? "" : number(own[i]));
  const base = { points: { show: false }, paths: bars, width: 0 };
  charts = [
    make("attempts", [
      { ...base, label: told.ordinary, fill: colour("ordinary"), stroke: colour("ordinary"), value: value(line.ordinary) },
      { ...base, label: told.attack, fill: colour("attack"), stroke: colour("attack"), value: value(line.attack) },
    ], [at, both, line.attack]),
    make("accesses", [{ ...base, label: told.accesses, fill: colour("exposure"), stroke: colour("exposure"), value: value(line.accesses) }], [at, line.accesses]),
    make("complaints", [{ ...base, label: told.complaints, fill: colour("complaint"), stroke: colour("complaint"), value: value(line.complaints) }], [at, line.complaints]),
  ];
  area.dataset.drawn = line.bin_us;
}

// Go to a stretch of time: the address, the chart, the entries and every panel.
async function follow(stretch) {
  const url = new URL(location.href);
  for (const name of ["fallen", "exposures", "reports", "done"]) url.searchParams.delete(name);
  for (const name of ["from", "until"]) {
    if (stretch?.[name] == null) url.searchParams.delete(name);
    else url.searchParams.set(name, stretch[name]);
  }
  url.hash = "";
  history.pushState(null, "", url);
  await show(url);
}

async function show(url) {
  const [line, page] = await Promise.all([ask(url.search), fetch(url, { headers: { "HX-Request": "true" } })]);
  if (line) draw(line);
  if (!page.ok) return;
  const fresh = new DOMParser().parseFromString(await page.text(), "text/html");
  for (const id of ["panels", "from", "until"]) {
    const [old, now] = [document.getElementById(id), fresh.getElementById(id)];
    if (!old || !now) continue;
    if (id === "panels") old.replaceWith(now);
    else old.value = now.value;
  }
  area.dataset.followed = url.search;
}

document.querySelector("[data-whole]").addEventListener("click", (event) => {
  event.preventDefault();
  follow(null);
});
addEventListener("popstate", () => show(new URL(location.href)));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => shown && draw(shown));
let width = area.clientWidth;
new ResizeObserver(() => {
  if (!shown || area.clientWidth === width) return;
  width = area.clientWidth;
  for (const chart of charts) chart.setSize({ width, height: chart.height });
}).observe(area);

ask(location.search).then((line) => line && draw(line));
