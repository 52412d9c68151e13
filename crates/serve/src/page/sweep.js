// Sweeps: how far each is, what failed and why, who works, and what is the best so far.

import { get } from "./api.js";
import { Chart } from "./charts.js";
import { fill, h } from "./dom.js";
import { duration, number, text } from "./format.js";
import { heatMap, parallel, varying } from "./grid.js";
import { term } from "./words.js";

/** Runs in this order, with the colour of each part of the bar. */
const PARTS = ["done", "no-progress", "diverged", "given-up", "failed", "interrupted", "killed", "running", "open"];
const STATES = { working: "", stuck: "records nothing; it may be stuck", gone: "is gone; another worker may take the run over" };
const UNUSUAL = ["failed", "diverged", "interrupted", "killed", "no-progress", "given-up"];
/** So many rows are listed of what failed. */
const LISTED = 100;

export async function show(main, parameters, signal) {
  const name = parameters.get("sweep");
  return name ? one(main, name, parameters.get("value") ?? "", signal) : all(main, signal);
}

async function all(main, signal) {
  const { sweeps } = await get("sweeps", {}, signal);
  if (sweeps.length === 1 && !sweeps[0].problem) {
    location.replace(`#/sweep?sweep=${encodeURIComponent(sweeps[0].sweep)}`);
    return;
  }
  const row = ({ sweep, runs, ended, working, problem }) => h("tr", {},
    h("td", {}, h("a", { href: `#/sweep?sweep=${encodeURIComponent(sweep)}` }, sweep)),
    problem ? h("td", { class: "error", colspan: 3 }, problem) : [h("td", { class: "number" }, runs), h("td", { class: "number" }, ended), h("td", { class: "number" }, working)]);
  fill(main, h("h1", {}, "Sweeps"), sweeps.length
    ? h("table", {}, h("thead", {}, h("tr", {}, h("th", {}, "sweep"), ["runs", "at their end", "workers"].map((head) => h("th", { class: "number" }, head)))), h("tbody", {}, sweeps.map(row)))
    : h("p", { class: "empty" }, "No sweep was begun below this folder yet. ", h("code", {}, "onedge sweep SWEEP.toml"), " begins one; it appears here."));
}

async function one(main, name, wanted, signal) {
  const state = { value: wanted, x: null, y: null, of: "" };
  const bar = h("div", { class: "progress", id: "bar", role: "img" });
  const says = h("p", { id: "progress", role: "status" });
  const value = h("select", { id: "value", onchange: () => { state.value = value.value; refresh(); } });
  const choice = (id, key) => h("select", { id, onchange: (event) => { state[key] = event.target.value; draw(); } });
  const [x, y, of] = [choice("map-x", "x"), choice("map-y", "y"), choice("map-of", "of")];
  const [workers, groups, failures, error] = ["workers", "best", "failures", "problem"].map((id) => h("div", { id, class: "scroll" }));
  const map = new Chart({ title: "heat map", name: `${name} map`, wide: true });
  const lines = new Chart({ title: "every point across its settings", name: `${name} points`, wide: true });
  signal.addEventListener("abort", () => { clearTimeout(timer); map.remove(); lines.remove(); });
  const mapBar = h("div", { class: "bar" }, h("label", {}, "across", x), h("label", {}, "up", y), h("label", {}, "of", of), h("span", { class: "soft" }, "each cell is the best over all other settings; ✕ where runs diverged, ▾ where they were given up, ● the best of its group"));
  fill(main, h("h1", {}, name), error, bar, says, workers,
    h("div", { class: "bar" }, h("label", {}, "show", value), h("a", { href: "#/sweep" }, "all sweeps"), h("a", { href: "#/runs" }, "all runs")),
    groups, mapBar, map.element, lines.element, failures);

  let about;
  let timer;
  let told;
  async function refresh() {
    clearTimeout(timer);
    try {
      about = await get("sweep", { sweep: name, value: state.value }, signal);
      fill(error);
      const now = JSON.stringify(about);
      tell();
      // Silence grows with every second; pictures are drawn again when a run has ended, or another number is shown.
      const ends = JSON.stringify([about.ended, about.value, about.counts]);
      if (ends !== told) draw();
      told = ends;
      if (now.length > 4e6) return again(5000);
    } catch (problem) {
      if (problem.name === "AbortError") return null;
      fill(error, h("p", { class: "error", role: "alert" }, problem.message));
    }
    return again(1500);
  }
  function again(pause) {
    if (!signal.aborted) timer = setTimeout(refresh, document.hidden ? 6000 : pause);
  }

  function tell() {
    const { counts, ended, runs, left, working } = about;
    const parts = PARTS.filter((part) => counts[part]);
    const share = (part) => { const piece = h("i", { class: part, title: `${counts[part]} ${part}` }); piece.style.flexGrow = counts[part]; return piece; };
    fill(bar, parts.map(share));
    bar.setAttribute("aria-label", parts.map((part) => `${counts[part]} ${part}`).join(", "));
    const rest = ended === runs.length ? "all runs are at their end"
      : left !== null ? `about ${duration(left)} left with ${working} ${working === 1 ? "worker" : "workers"}`
        : working ? `${working} ${working === 1 ? "worker" : "workers"}; how long it takes is not known yet` : "nobody works on it: start it again to go on";
    fill(says, h("b", {}, `${ended} of ${runs.length} runs`), ` at their end; ${rest}. `, parts.map((part) => [h("span", { class: `status ${part}` }, `${counts[part]} ${part}`), " "]));
    const at = runs.filter((run) => run.worker);
    const seconds = (count) => (count === null ? "" : `${duration(Math.round(count))} ago`);
    fill(workers, at.length ? h("table", {}, h("thead", {}, h("tr", {}, ["run", "steps", "worker", "sign of life", "last record", ""].map((head) => h("th", {}, head)))),
      h("tbody", {}, at.map((run) => h("tr", { class: run.worker.state }, h("td", {}, linked(run)), h("td", { class: "number" }, `${number(run.taken)} of ${number(run.steps)}`),
        h("td", {}, `process ${run.worker.pid ?? "unknown"} of ${run.worker.machine}`), h("td", { class: "number" }, seconds(run.worker.silent)), h("td", { class: "number" }, seconds(run.worker.quiet)),
        h("td", { class: run.worker.state === "working" ? null : "error" }, STATES[run.worker.state]))))) : []);
    const unusual = runs.filter((run) => UNUSUAL.includes(run.status));
    fill(failures, unusual.length ? [h("h2", {}, "what failed, and why"), h("table", {}, h("thead", {}, h("tr", {}, ["run", "ended", "why"].map((head) => h("th", {}, head)))),
      h("tbody", {}, unusual.slice(0, LISTED).map((run) => h("tr", {}, h("td", {}, linked(run)), h("td", {}, h("span", { class: `status ${run.status}` }, run.status)), h("td", {}, text(run.why)))))),
      unusual.length > LISTED ? h("p", { class: "note" }, `and ${unusual.length - LISTED} more`) : null] : []);
    const option = (key) => h("option", { value: key }, key);
    if (value.options.length !== new Set([about.value, about.metric, ...about.numbers]).size) fill(value, [...new Set([about.metric, ...about.numbers, about.value])].map(option));
    value.value = about.value;
  }

  function draw() {
    if (!about) return;
    const shown = (score) => (score === null || score === undefined ? "" : number(score));
    fill(groups, h("h2", {}, "best of each grid, by ", term(about.metric)), h("table", {}, h("thead", {}, h("tr", {}, h("th", {}, "grid"), h("th", {}, "best"), [about.metric, about.value === about.metric ? null : about.value, "runs", "at their end", "diverged", "given up"].filter(Boolean).map((head) => h("th", { class: "number" }, head)))),
      h("tbody", {}, about.groups.map(({ group, best, counts }) => h("tr", {}, h("td", {}, group || "all"), h("td", {}, best ? best.label || "the only point" : "none yet"), h("td", { class: "number" }, shown(best?.score)),
        about.value === about.metric ? null : h("td", { class: "number" }, best ? `${shown(best.mean)}${best.error === null ? "" : ` ± ${number(Number(best.error.toPrecision(2)))}`}` : ""), counts.map((count) => h("td", { class: "number" }, count)))))));
    const { numbers, keys } = varying(about.points);
    const names = [...new Set(about.points.map(({ group }) => group))];
    const options = (select, list, chosen) => { fill(select, list.map(([key, label]) => h("option", { value: key }, label))); select.value = chosen; };
    if (!numbers.includes(state.x)) state.x = numbers.at(-1) ?? null;
    if (!numbers.includes(state.y) || state.y === state.x) state.y = numbers.find((key) => key !== state.x) ?? null;
    options(x, numbers.map((key) => [key, key]), state.x);
    options(y, numbers.map((key) => [key, key]), state.y);
    options(of, [["", "all grids"], ...names.map((group) => [group, group])], state.of);
    const points = about.points.filter(({ group }) => !state.of || group === state.of);
    const [hasMap, hasLines] = [state.x && state.y, keys.length > 0 && points.some(({ mean }) => mean !== null)];
    mapBar.hidden = map.element.hidden = !hasMap;
    lines.element.hidden = !hasLines;
    if (hasMap) map.draw(...heatMap(points, state.x, state.y, about));
    if (hasLines) lines.draw(...parallel(points, keys, about));
  }

  await refresh();
}

function linked(run) {
  const called = [run.group, run.label, `seed ${run.seed}`].filter(Boolean).join(" ");
  return run.folder ? h("a", { href: `#/run?run=${encodeURIComponent(run.folder)}` }, called) : called;
}
