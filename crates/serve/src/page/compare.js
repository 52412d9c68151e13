// Some runs in one set of panels.

import { get } from "./api.js";
import { Chart, colour, dash, pale, prepare } from "./charts.js";
import { fill, h } from "./dom.js";
import { Follower } from "./follow.js";
import { text } from "./format.js";
import { AXES, PRODUCT, panels, smooth } from "./panels.js";

const MOST = 50;
/** Of more runs, each curve has its extremes of every second pixel. */
const FINE = 8;
const SMOOTHING = [[0, "none"], [0.6, "0.6"], [0.9, "0.9"], [0.97, "0.97"], [0.99, "0.99"]];

export async function show(main, parameters, signal) {
  const runs = [...new Set(parameters.getAll("run"))].slice(0, MOST);
  prepare();
  if (!runs.length) {
    fill(main, h("h1", {}, "Compare"), h("p", { class: "empty" }, "Select runs in the ", h("a", { href: "#/runs" }, "table of runs"), ", then press compare."));
    return;
  }
  const state = { x: "step", log: false, keep: 0, by: parameters.get("by") ?? "", mean: false, zoom: null, settings: new Map() };
  const area = h("div", { class: "panels" });
  const key = h("div", { class: "key" });
  const note = h("p", { class: "note", role: "status" });
  const x = choice("axis", Object.entries(AXES), (value) => follower.want({ x: value, window: clear(value) }));
  const log = toggle("logarithmic axis", (on) => { state.log = on; follower.want({ log: on, window: clear() }); });
  const smoothing = choice("smoothing", SMOOTHING, (value) => { state.keep = Number(value); draw(); });
  const by = choice("by", [["", "run"]], (value) => { state.by = value; draw(); });
  const mean = toggle("mean over each colour", (on) => { state.mean = on; draw(); });
  const whole = h("button", { type: "button", disabled: true, onclick: () => zoom(null) }, "whole runs");
  fill(main, h("h1", {}, `${runs.length} ${runs.length === 1 ? "run" : "runs"}`),
    h("div", { class: "bar" }, h("label", {}, "along", x), log, h("label", {}, "smoothing", smoothing), h("label", {}, "colours by", by), mean, whole), key, note, area);

  const charts = new Map();
  const follower = new Follower({ runs, signal, see: soon(), pixels });
  signal.addEventListener("abort", () => charts.forEach((chart) => chart.remove()));

  /** How finely curves are asked for. */
  function pixels() {
    const across = area.clientWidth / Math.max(1, Math.floor(area.clientWidth / 440));
    return Math.max(250, Math.min(1200, across / (runs.length > FINE ? 2 : 1)));
  }

  /** What many runs record within a moment is drawn together. */
  function soon() {
    let waits = false;
    return () => {
      if (waits) return;
      waits = true;
      setTimeout(() => { waits = false; if (!signal.aborted) draw(); }, 20);
    };
  }

  function choice(id, options, act) {
    return h("select", { id, onchange: (event) => { state[id === "axis" ? "x" : id] = event.target.value; act(event.target.value); } }, options.map(([value, label]) => h("option", { value }, label)));
  }

  function toggle(label, act) {
    const button = h("button", { type: "button", "aria-pressed": "false", onclick: () => {
      const on = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", on);
      act(on);
    } }, label);
    return button;
  }

  function clear() {
    state.zoom = null;
    whole.disabled = true;
    return null;
  }

  function zoom(range) {
    state.zoom = range;
    whole.disabled = range === null;
    follower.want({ window: range && (state.log ? range.map((value) => 10 ** value) : range) });
  }

  /** What each run is coloured by: a name for each, and its number. */
  function colours() {
    const names = runs.map((run) => (state.by ? text(state.settings.get(run)?.get(state.by)) || "without" : run));
    const all = [...new Set(names)];
    return names.map((name) => ({ name, place: all.indexOf(name) }));
  }

  function draw() {
    const there = [...new Set(follower.runs.flatMap((one) => one.there))];
    const shown = panels(there);
    if (!follower.has(shown.map(({ name }) => name))) return;
    const ways = colours();
    const seen = new Map(ways.map((way) => [way.name, way.place]));
    fill(key, [...seen].map(([name, place]) => {
      const line = h("i", {});
      line.style.borderTopColor = colour(place);
      line.style.borderTopStyle = ["solid", "dashed", "dotted"][Math.floor(place / 7) % 3];
      return h("span", {}, line, state.by ? name : h("a", { href: `#/run?run=${encodeURIComponent(name)}` }, name));
    }));
    const reading = follower.runs.filter((one) => one.share < 1 && !one.problem);
    const broken = follower.runs.filter((one) => one.problem);
    fill(note, broken.map((one) => h("span", { class: "error" }, `${one.problem} `)),
      reading.length ? `reading the records of ${reading.length} runs, ${Math.floor(100 * reading.reduce((sum, one) => sum + one.share, 0) / reading.length)} %: until then samples are shown` : "");
    for (const panel of shown) drawPanel(panel, ways);
  }

  function drawPanel({ name, title, log: isLog }, ways) {
    const curves = follower.runs.map((one) => one.curves.get(name)).map((curve) => curve ?? { x: [], y: [] });
    if (curves.every(({ x: along }) => !along.length)) return;
    if (!charts.has(name)) {
      const made = new Chart({ title, name, on: { zoom } });
      charts.set(name, made);
      area.append(made.element);
    }
    const positive = isLog && curves.every(({ y }) => y.every((value) => value === null || value > 0));
    const traces = state.mean ? means(curves, ways, state.keep) : curves.flatMap((curve, place) => single(curve, runs[place], ways[place], state.keep));
    const axis = { type: state.log ? "log" : "linear", title: AXES[state.x], ...(state.zoom ? { range: state.zoom, autorange: false } : { autorange: true }) };
    const shapes = name === PRODUCT && state.edge ? [{ type: "line", xref: "paper", x0: 0, x1: 1, y0: state.edge, y1: state.edge, line: { color: "#888888", width: 1.2, dash: "dash" } }] : [];
    const top = name === PRODUCT && state.edge && curves.some(({ y }) => y.some((value) => value > 2.5 * state.edge));
    charts.get(name).draw(traces, { shapes, xaxis: axis, yaxis: { type: positive ? "log" : "linear", ...(top ? { range: [0, 2.5 * state.edge], autorange: false } : { autorange: true }) } });
  }

  // Settings that are not the same in all runs are what curves can be coloured by.
  async function readSettings() {
    const { runs: abouts } = await get("settings", { run: runs }, signal).catch(() => ({ runs: [] }));
    for (const { run, settings } of abouts) state.settings.set(run, new Map(settings));
    const keys = [...new Set([...state.settings.values()].flatMap((settings) => [...settings.keys()]))].sort();
    const varied = keys.filter((one) => new Set(runs.map((run) => text(state.settings.get(run)?.get(one)))).size > 1);
    fill(by, h("option", { value: "" }, "run"), varied.map((one) => h("option", { value: one }, one)));
    if (!varied.includes(state.by)) state.by = "";
    by.value = state.by;
    const edges = new Set(abouts.map(({ edge }) => edge).filter((edge) => edge));
    state.edge = edges.size === 1 ? [...edges][0] : null;
    draw();
  }

  await Promise.all([follower.want(), readSettings()]);
}

function single({ x, y }, run, { place }, keep) {
  const line = { color: colour(place), dash: dash(place), width: 1.4 };
  const name = run.length > 34 ? `…${run.slice(-33)}` : run;
  const raw = { type: "scatter", mode: x.length < 3 ? "markers" : "lines", name, x, y, line, connectgaps: false };
  if (!keep) return [raw];
  return [
    { ...raw, line: { ...line, color: pale(colour(place), 0.28), width: 1 }, hoverinfo: "skip" },
    { ...raw, y: smooth(y, keep) },
  ];
}

/** The mean of all runs of a colour, with a band from the lowest to the highest, where all of them are. */
function means(curves, ways, keep) {
  const groups = new Map();
  ways.forEach((way, place) => groups.set(way.place, [...(groups.get(way.place) ?? []), { ...curves[place], name: way.name }]));
  return [...groups].flatMap(([place, members]) => {
    const there = members.filter(({ x }) => x.length);
    if (!there.length) return [];
    const end = Math.min(...there.map(({ x }) => x.at(-1)));
    const along = [...new Set(there[0].x.filter((value) => value <= end))];
    const columns = there.map(({ x, y }) => at(x, smooth(y, keep), along));
    const across = (pick) => along.map((_, index) => {
      const values = columns.map((column) => column[index]);
      return values.some((value) => value === null) ? null : pick(values);
    });
    const mean = across((values) => values.reduce((sum, value) => sum + value, 0) / values.length);
    const base = { type: "scatter", mode: "lines", x: along, connectgaps: false };
    const line = { ...base, name: `${there[0].name} (${there.length})`, y: mean, line: { color: colour(place), dash: dash(place), width: 1.8 } };
    if (there.length < 2) return [line];
    const band = { ...base, hoverinfo: "skip", line: { width: 0 } };
    return [
      { ...band, y: across((values) => Math.min(...values)) },
      { ...band, y: across((values) => Math.max(...values)), fill: "tonexty", fillcolor: pale(colour(place), 0.16) },
      line,
    ];
  });
}

/** A curve read at other places, on the lines between its points. */
function at(x, y, along) {
  let place = 0;
  return along.map((value) => {
    while (place < x.length - 1 && x[place + 1] <= value) place += 1;
    if (value < x[0]) return null;
    if (x[place] === value || place === x.length - 1) return y[place];
    if (y[place] === null || y[place + 1] === null) return null;
    return y[place] + ((y[place + 1] - y[place]) * (value - x[place])) / (x[place + 1] - x[place]);
  });
}
