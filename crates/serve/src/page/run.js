// One run: its curves, what happened, how it was set, how to go on with it.

import { Note, Stop, Tags } from "./actions.js";
import { get } from "./api.js";
import { Chart, SCALE, colour, prepare } from "./charts.js";
import { fill, h } from "./dom.js";
import { Follower } from "./follow.js";
import { bytes, duration, number, text, time } from "./format.js";
import { AXES, PRODUCT, eigenvalues, layers, panels } from "./panels.js";
import { term } from "./words.js";

const EVENTS = { non_descent: ["the update led uphill", "triangle-up"], negative_curvature: ["negative curvature", "diamond"] };
/** So many marks are drawn on one panel. */
const MARKS = 200;

export async function show(main, parameters, signal) {
  const run = parameters.get("run") ?? "";
  prepare();
  const about = await get("run", { run }, signal);
  const state = { x: "step", log: false, about };

  const status = h("span", { class: `status ${about.status}`, id: "status" }, about.status);
  const progress = h("span", { class: "soft", id: "progress" });
  const area = h("div", { class: "panels" });
  const [tags, stop] = [new Tags(run), new Stop(run)];
  const note = new Note(run, about.facts.find(([key]) => key === "note")?.[1] ?? "");
  const details = h("div", {});
  const met = h("div", { id: "met" });
  const x = h("select", { id: "axis", onchange: () => { state.x = x.value; follower.want({ x: state.x, window: null }); } }, Object.entries(AXES).map(([key, label]) => h("option", { value: key }, label)));
  const log = h("button", { type: "button", "aria-pressed": "false", onclick: () => { state.log = !state.log; log.setAttribute("aria-pressed", state.log); follower.want({ log: state.log, window: null }); } }, "logarithmic axis");
  const whole = h("button", { type: "button", disabled: true, onclick: () => zoom(null) }, "whole run");
  fill(main,
    h("h1", {}, run), h("div", { class: "bar" }, status, progress, stop.element,
      h("a", { href: `#/compare?run=${encodeURIComponent(run)}` }, "compare"), h("label", {}, "along", x), log, whole),
    area, met, tags.element, note.element, details);

  const charts = new Map();
  const follower = new Follower({ runs: [run], signal, see: () => draw(), pixels: () => Math.max(300, Math.min(1600, area.clientWidth / Math.max(1, Math.floor(area.clientWidth / 440)))), tell: heed });
  const one = follower.runs[0];
  signal.addEventListener("abort", () => charts.forEach((chart) => chart.remove()));

  function zoom(range) {
    whole.disabled = range === null;
    state.zoom = range;
    follower.want({ window: range && (state.log ? range.map((value) => 10 ** value) : range) });
  }

  async function heed(place, event, data) {
    if (event === "status") {
      const before = state.about.status;
      state.about = await get("run", { run }, signal).catch(() => state.about);
      if (state.about.status !== before || !data.running) tellAbout();
      if (!data.running) follower.refetch(one);
    }
  }

  function tellAbout() {
    status.className = `status ${state.about.status}`;
    status.textContent = state.about.status;
    stop.draw(state.about.status === "running", state.about.asked_to_stop);
    fill(details, detailsOf(state.about, run, signal));
  }

  function draw() {
    const asked = panels(one.there);
    const names = [...asked.map(({ name }) => name), ...eigenvalues(one.there), ...layers(one.there, "sharpness")];
    if (!follower.has(names)) return;
    const steps = state.about.settings.find(([key]) => key === "spec.steps" || key === "steps")?.[1];
    const [seconds] = [one.curves.get("loss")?.x.at(-1)];
    const part = one.share < 1 ? `; reading its records, ${Math.floor(100 * one.share)} %: until then samples are shown` : "";
    const lines = one.damaged ? `; ${one.damaged} damaged lines are left out` : "";
    fill(progress, one.problem ? h("span", { class: "error" }, one.problem)
      : one.last === null ? "nothing recorded yet" : `step ${one.last + 1}${steps ? ` of ${steps}` : ""}${state.x === "seconds" && seconds ? `, ${duration(seconds)}` : ""}${part}${lines}`);
    for (const panel of asked) drawPanel(panel);
    drawFan();
    drawLayers();
    drawMet();
  }

  function chart(name, title, options = {}) {
    if (!charts.has(name)) {
      const made = new Chart({ title, name: `${run} ${name}`, on: { zoom }, ...options });
      charts.set(name, made);
      area.append(made.element);
    }
    return charts.get(name);
  }

  const axis = () => ({ type: state.log ? "log" : "linear", title: AXES[state.x], ...(state.zoom ? { range: state.zoom, autorange: false } : { autorange: true }) });

  function drawPanel({ name, title, log: isLog, word }) {
    const curve = one.curves.get(name);
    if (!curve?.x.length) return;
    const traces = [{ type: "scatter", mode: curve.x.length < 3 ? "markers" : "lines", name: title, x: curve.x, y: curve.y, line: { color: colour(0), width: 1.5 }, connectgaps: false }];
    const shapes = [];
    if (name === PRODUCT && state.about.edge) {
      shapes.push({ type: "line", xref: "paper", x0: 0, x1: 1, y0: state.about.edge, y1: state.about.edge, line: { color: colour(1), width: 1.2, dash: "dash" } });
    }
    if (name === "loss") traces.push(...marksOn(curve));
    const positive = isLog && curve.y.every((value) => value === null || value > 0);
    const range = name === PRODUCT && state.about.edge ? edgeRange(curve.y, state.about.edge) : {};
    chart(name, term(word, title)).draw(traces, { shapes, xaxis: axis(), yaxis: { type: positive ? "log" : "linear", ...range } });
  }

  function marksOn(curve) {
    if (state.x !== "step") return [];
    return Object.entries(EVENTS).map(([event, [says, symbol]], index) => {
      const steps = one.marks.filter((mark) => mark.event === event).slice(0, MARKS).map(({ step }) => step);
      const at = steps.map((step) => curve.y[nearest(curve.x, step)]);
      return { type: "scatter", mode: "markers", name: says, x: steps, y: at, marker: { symbol, size: 7, color: colour(index + 3) } };
    }).filter(({ x: steps }) => steps.length);
  }

  function drawFan() {
    const names = eigenvalues(one.there);
    if (names.length < 2) return;
    const traces = names.map((name, index) => ({ type: "scatter", mode: "lines", name: `eigenvalue ${index + 1}`, x: one.curves.get(name)?.x ?? [], y: one.curves.get(name)?.y ?? [], line: { color: colour(0), width: 1.4 }, opacity: 1 - 0.75 * (index / names.length) }));
    chart("eigenvalues", term("eigenvalues", "largest eigenvalues")).draw(traces, { xaxis: axis(), yaxis: { type: "linear" } });
  }

  function drawLayers() {
    const names = layers(one.there, "sharpness");
    if (!names.length) return;
    const curves = names.map((name) => one.curves.get(name)).filter(Boolean);
    if (!curves.length) return;
    const steps = curves[0].x;
    const z = curves.map(({ y }) => steps.map((_, place) => (y[place] > 0 ? Math.log10(y[place]) : null)));
    const trace = { type: "heatmap", x: steps, y: names.map((name) => name.split("/")[0]), z, colorscale: SCALE, colorbar: { title: { text: "log10", side: "right" }, thickness: 10 }, hovertemplate: "%{y}, %{x}: 10^%{z:.2f}<extra></extra>" };
    chart("layers", term("layers", "sharpness of each layer"), { wide: true }).draw([trace], { hovermode: "closest", xaxis: axis(), yaxis: { type: "category" } });
  }

  function drawMet() {
    const said = Object.entries(one.met).map(([event, count]) => h("li", {}, `${EVENTS[event]?.[0] ?? event}: at ${count} steps`));
    fill(met, said.length ? [h("h2", {}, "met along the way"), h("ul", {}, said)] : []);
  }

  async function drawDensity() {
    const { densities } = await get("densities", { run }, signal);
    if (!densities.length) return;
    const all = densities.flatMap(([, points]) => points.map(([value]) => value));
    const [low, high] = [Math.min(...all), Math.max(...all)];
    const bins = 80;
    const width = (high - low) / bins || 1;
    const z = Array.from({ length: bins }, () => densities.map(() => 0));
    densities.forEach(([, points], column) => points.forEach(([value, weight]) => { z[Math.min(bins - 1, Math.floor((value - low) / width))][column] += weight; }));
    const shown = z.map((row) => row.map((weight) => (weight > 0 ? Math.log10(weight) : null)));
    const trace = { type: "heatmap", x: densities.map(([step]) => step), y: z.map((_, place) => low + (place + 0.5) * width), z: shown, colorscale: SCALE, colorbar: { title: { text: "log10 of weight", side: "right" }, thickness: 10 } };
    chart("spectrum", term("density", "density of eigenvalues along the run"), { wide: true }).draw([trace], { hovermode: "closest", xaxis: { title: "step" }, yaxis: { title: "eigenvalue" } });
  }

  tags.draw(about.facts.find(([key]) => key === "tags")?.[1] ?? []);
  tellAbout();
  await follower.want();
  // Below the curves, which come first.
  setTimeout(() => drawDensity().catch(() => {}), 500);
}

/** The edge is in sight, and early spikes do not hide the rest. */
function edgeRange(values, edge) {
  const top = values.reduce((most, value) => Math.max(most, value ?? 0), 0);
  return top > 2.5 * edge ? { range: [0, 2.5 * edge], autorange: false } : { rangemode: "tozero", autorange: true };
}

function nearest(sorted, value) {
  let [low, high] = [0, sorted.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1; else high = middle;
  }
  return low;
}

function detailsOf(about, run, signal) {
  const rows = (list, shown = text) => h("table", {}, h("tbody", {}, list.map(([key, value]) => h("tr", {}, h("th", { scope: "row" }, term(key)), h("td", { class: typeof value === "number" ? "number" : null }, shown(value, key))))));
  const outcome = (value, key) => (key.endsWith("seconds") && typeof value === "number" ? duration(value) : text(value));
  const fact = (value, key) => (key === "started" || key === "ended" ? time(value) : text(value));
  const said = [
    about.problem && h("p", { class: "error" }, `This folder is broken: ${about.problem}`),
    about.ended && h("p", {}, `It ended: ${about.ended}.`),
    about.findings.map(({ says, failure }) => h("p", { class: failure ? "error" : null }, `${says}.`)),
  ];
  const events = about.events.map(({ name, count, met, advice }) => h("li", {}, term(`events.${name}`, name.replaceAll("_", " ")), ` ${count} times: ${met}. If it is too often, try ${advice}.`));
  const copies = about.commands.map(([does, command]) => h("div", { class: "copy" }, h("span", { class: "soft" }, does), h("code", {}, command),
    h("button", { type: "button", onclick: (event) => { const { target } = event; navigator.clipboard?.writeText(command).then(() => { target.textContent = "copied"; }); } }, "copy")));
  const other = h("input", { placeholder: "folder of another run", "aria-label": "folder of another run" });
  const differences = h("div", {});
  const differ = async () => {
    try {
      const { rows: found } = await get("difference", { run, other: other.value }, signal);
      fill(differences, found.length ? h("table", {}, h("thead", {}, h("tr", {}, h("th", {}, "setting"), h("th", {}, run), h("th", {}, other.value))), h("tbody", {}, found.map(([key, mine, its]) => h("tr", {}, h("th", {}, term(key)), h("td", {}, text(mine) || "absent"), h("td", {}, text(its) || "absent"))))) : h("p", {}, "All settings are the same."));
    } catch (error) {
      fill(differences, h("p", { class: "error", role: "alert" }, error.message));
    }
  };
  return [
    h("h2", {}, "how it went"), said, events.length ? h("ul", {}, events) : null,
    h("div", { class: "columns" },
      h("section", {}, h("h2", {}, "results"), rows(about.outcomes, outcome)),
      h("section", {}, h("h2", {}, "settings"), rows(about.settings)),
      h("section", {}, h("h2", {}, "run and machine"), rows(about.facts, fact),
        h("h2", {}, "files"), h("table", {}, h("tbody", {}, about.files.map(([name, size]) => h("tr", {}, h("td", {}, name), h("td", { class: "number" }, bytes(size))))))),
    ),
    h("h2", {}, "go on with it"), copies,
    h("p", { class: "note" }, about.checkpoints.length ? `Checkpoints at steps ${about.checkpoints.map(number).join(", ")}.` : "It has no checkpoints."),
    h("h2", {}, "differences to another run"), h("form", { class: "bar", onsubmit: (event) => { event.preventDefault(); differ(); } }, other, h("button", {}, "compare settings")), differences,
  ];
}
