// Victims of each day as bars, the usual level as a line; drawing across zooms in, a double click out.

const area = document.querySelector("[data-figures]");
const told = area?.dataset;
const HEIGHT = 240;
// Room for the first and the last bar.
const HALF_DAY_S = 43200;
let plot = null;

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function draw(days) {
  plot?.destroy();
  const axis = { stroke: colour("muted"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line"), width: 1 } };
  plot = new uPlot(
    {
      width: area.clientWidth,
      height: HEIGHT,
      tzDate: (s) => uPlot.tzDate(new Date(s * 1e3), "Etc/UTC"),
      scales: { x: { range: (_plot, min, max) => [min - HALF_DAY_S, max + HALF_DAY_S] }, y: { range: (_plot, _min, max) => [0, Math.max(max * 1.05, 1)] } },
      axes: [{ ...axis, values: (_plot, splits) => splits.map((s) => new Date(s * 1e3).toISOString().slice(5, 10)) }, { ...axis, size: 44 }],
      series: [
        { label: told.day, value: "{YYYY}-{MM}-{DD}" },
        { label: told.count, stroke: colour("complaint"), fill: colour("complaint"), paths: uPlot.paths.bars({ size: [0.7, 24] }), points: { show: false } },
        { label: told.usual, stroke: colour("ink"), width: 1.5, dash: [5, 4], points: { show: false } },
      ],
    },
    [days.map((d) => Date.parse(d.day) / 1e3), days.map((d) => d.count), days.map((d) => d.usual)],
    area,
  );
}

if (area) {
  const answer = await fetch(told.figures);
  if (answer.ok) {
    const { days } = await answer.json();
    draw(days);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw(days));
    new ResizeObserver(() => plot.setSize({ width: area.clientWidth, height: HEIGHT })).observe(area);
  }
}
