// The simplified model of rate and sharpness, computed by the program while sliders move.

import { get } from "./api.js";
import { Chart, colour } from "./charts.js";
import { fill, h, later } from "./dom.js";
import { term } from "./words.js";

/** Setting, what it is, from, to, step, where it begins; `power` for sliders of powers of ten. */
const SLIDERS = [
  ["sigma", "sigma", 1.8, 2.05, 0.005, 2, false],
  ["a", "sharpening a", -3, 0, 0.05, -1.3, true],
  ["b", "stabilisation b", -3, 0, 0.05, -1, true],
  ["nu", "second eigenvalue nu", -3, 0, 0.05, -1, true],
  ["gradient_noise", "noise of the gradient", 0, 1, 0.01, 0, false],
  ["steps", "steps", 100, 20000, 100, 20000, false],
];

export async function show(main, parameters, signal) {
  const state = { tuner: "cdat" };
  const says = h("p", { role: "status", id: "verdict" });
  const panel = (name, title) => new Chart({ title, name: `theory ${name}` });
  const charts = { product: panel("product", term("edge", "learning rate × sharpness")), lambda: panel("lambda", term("sharpness")), eta: panel("eta", term("learning_rate", "learning rate")), p: panel("p", "squared distance along the top eigenvector") };
  signal.addEventListener("abort", () => Object.values(charts).forEach((chart) => chart.remove()));

  const outputs = new Map();
  const sliders = SLIDERS.map(([name, label, low, high, step, start, power]) => {
    state[name] = start;
    const output = h("output", {});
    const input = h("input", { type: "range", id: name, min: low, max: high, step, value: start, oninput: (event) => { state[name] = Number(event.target.value); tell(); refresh(); } });
    outputs.set(name, { output, power, input });
    return h("label", {}, h("span", {}, term(name, label)), input, output);
  });
  const tuner = h("select", { id: "tuner", onchange: () => { state.tuner = tuner.value; refresh(); } }, ["cdat", "classical", "constant"].map((name) => h("option", { value: name }, name)));
  const preset = (label, change) => h("button", { type: "button", onclick: () => {
    Object.assign(state, change);
    for (const [name, { input }] of outputs) input.value = state[name];
    tuner.value = state.tuner;
    tell();
    refresh();
  } }, label);

  fill(main, h("h1", {}, "Theory"),
    h("p", {}, "Training makes the loss sharper by itself (", term("progressive-sharpening", "progressive sharpening"), ", a) until the learning rate times the ", term("sharpness"), " reaches 2, the ", term("edge"), ". Beyond it the steps swing along the sharpest direction, and swings that are large enough make the loss flatter again (b). This model has nothing else in it."),
    h("p", {}, "A rule with ", term("sigma"), " below 2, as a ", term("greedy-rate", "greedy"), " one, stays inside the edge: the swings die down, nothing stops the sharpness, and the rate sinks. At sigma = 2 the rule steps ", term("edge-rate", "on the edge"), ", where the swings last and hold the sharpness."),
    h("div", { class: "bar" }, h("label", {}, "rule", tuner), preset("inside the edge", { tuner: "cdat", sigma: 1.9 }), preset("on edge", { tuner: "cdat", sigma: 2 }), preset("constant rate", { tuner: "constant" })),
    h("div", { class: "sliders" }, sliders), says, h("div", { class: "panels" }, Object.values(charts).map(({ element }) => element)));

  const value = (name) => (outputs.get(name).power ? 10 ** state[name] : state[name]);
  function tell() {
    for (const [name, { output }] of outputs) output.textContent = Number(value(name).toPrecision(3));
  }

  let asked = 0;
  async function compute() {
    asked += 1;
    const mine = asked;
    try {
      const settings = Object.fromEntries(SLIDERS.map(([name]) => [name, value(name)]));
      const run = await get("theory", { tuner: state.tuner, ...settings, steps: Math.round(settings.steps) }, signal);
      if (mine === asked) draw(run);
    } catch (error) {
      if (error.name !== "AbortError") fill(says, h("span", { class: "error" }, error.message));
    }
  }
  const refresh = later(compute, 15);

  function draw(run) {
    const [first, last] = [run.lambda[run.lambda.length >> 1], run.lambda.at(-1)];
    const ends = run.product.at(-1);
    const went = last > 1.03 * first ? "the sharpness still rises" : last < 0.97 * first ? "the sharpness falls" : "the sharpness is held";
    const rate = run.eta.at(-1) < 0.97 * run.eta[run.eta.length >> 1] ? ", and the rate sinks" : "";
    says.textContent = run.success ? `${run.label}: ${went}${rate}; it ends with rate × sharpness at ${Number(ends.toPrecision(3))}.` : `${run.label}: ${run.stop}.`;
    const line = (y, index) => [{ type: "scatter", mode: "lines", name: run.label, x: run.step, y, line: { color: colour(index), width: 1.5 } }];
    const edge = { type: "line", xref: "paper", x0: 0, x1: 1, y0: 2, y1: 2, line: { color: colour(1), width: 1.2, dash: "dash" } };
    const xaxis = { title: "step" };
    charts.product.draw(line(run.product, 0), { shapes: [edge], xaxis, yaxis: { rangemode: "tozero" } });
    charts.lambda.draw(line(run.lambda, 0), { xaxis, yaxis: { type: "linear" } });
    charts.eta.draw(line(run.eta, 0), { xaxis, yaxis: { type: run.eta.every((one) => one > 0) ? "log" : "linear" } });
    charts.p.draw(line(run.p, 0), { xaxis, yaxis: { type: run.p.every((one) => one > 0) ? "log" : "linear" } });
  }

  tell();
  await compute();
}
