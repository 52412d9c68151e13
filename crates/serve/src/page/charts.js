// Charts, drawn by plotly.js, which is in the program; their look is that of the page.

import { download, h } from "./dom.js";

let palette = ["#0072b2"];
let library = null;

export function usePalette(colours) {
  if (colours?.length) palette = colours;
}

export const isDark = () => matchMedia("(prefers-color-scheme: dark)").matches;

/** The colour of the curve of this number; black turns white on a dark ground. */
export function colour(index) {
  const one = palette[index % palette.length];
  return one === "#000000" && isDark() ? "#f2f2f2" : one;
}

/** Colours first, then the same ones dashed, then dotted. */
export function dash(index) {
  return ["solid", "7px,4px", "2px,3px"][Math.floor(index / palette.length) % 3];
}

/** A colour with some of it let through. */
export function pale(hex, share) {
  const part = (at) => parseInt(hex.slice(at, at + 2), 16);
  return `rgba(${part(1)},${part(3)},${part(5)},${share})`;
}

/** Blue to grey to yellow, as in the pictures: it reads alike with every colour vision deficiency. */
export const SCALE = ["#00204d", "#00336f", "#39486b", "#575c6d", "#707173", "#8a8779", "#a69d75", "#c4b56c", "#e4cf5b", "#ffea46"]
  .map((one, place) => [place / 9, one]);

/** Begins to load what draws, so that it is there when there is something to draw. */
export const prepare = () => load().catch(() => {});

function load() {
  library ??= new Promise((done, fail) => {
    document.head.append(h("script", { src: "/page/plotly.js", onload: () => done(window.Plotly), onerror: () => {
      library = null;
      fail(new Error("the charts could not be loaded; is the server there?"));
    } }));
  });
  return library;
}

function look() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(["ground", "raised", "line", "ink", "soft", "accent"].map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

/** Of an axis over many decades only these have numbers; over few, 1, 2 and 5 of each. */
function decades(axis, of, traces) {
  if (axis.type !== "log") return {};
  let [low, high] = [Infinity, -Infinity];
  for (const trace of traces) {
    for (const value of trace[of] ?? []) {
      if (value > 0) {
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
    }
  }
  const count = Math.log10(high / low);
  return { dtick: count > 1.6 ? Math.ceil(count / 7) : count > 0.35 ? "D2" : undefined };
}

/** One picture with its heading and buttons. `on.zoom(range)` is told of a horizontal range, or null for all. */
export class Chart {
  constructor({ title, name, wide, on = {} }) {
    this.name = name;
    this.on = on;
    this.buttons = h("span", {});
    this.plot = h("div", { class: "plot", role: "img", "aria-label": name });
    const save = (kind) => h("button", { type: "button", title: `download as ${kind}`, onclick: () => this.save(kind) }, kind);
    this.element = h("section", { class: `panel${wide ? " wide" : ""}` },
      h("div", { class: "top" }, h("h3", {}, title), this.buttons, save("SVG"), save("PNG"), save("CSV")), this.plot);
    this.drawn = Promise.resolve();
    this.theme = () => this.last && this.draw(...this.last);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", this.theme);
  }

  /** Draws traces of plotly; one drawing after the other, and of those that wait only the last. */
  draw(traces, layout = {}) {
    this.last = [traces, layout];
    if (this.waits) return this.drawn;
    this.waits = true;
    this.drawn = this.drawn.then(async () => {
      const Plotly = await load();
      this.waits = false;
      if (!this.plot.isConnected) return;
      const [now, own] = this.last;
      await Plotly.react(this.plot, now, this.layout(own), { displayModeBar: false, responsive: true, doubleClick: "reset", locale: "en" });
      if (!this.listens) {
        this.listens = true;
        this.plot.on("plotly_relayout", (change) => this.moved(change));
      }
    });
    return this.drawn;
  }

  layout({ xaxis = {}, yaxis = {}, ...rest }) {
    const { ground, raised, line, ink, soft } = look();
    const axis = { gridcolor: line, linecolor: line, zerolinecolor: line, tickfont: { color: soft, size: 11 }, title: { font: { color: soft, size: 12 } }, exponentformat: "e", minexponent: 5, automargin: true, nticks: 6 };
    const title = (one) => (typeof one.title === "string" ? { ...axis.title, text: one.title } : one.title ?? axis.title);
    return {
      paper_bgcolor: ground, plot_bgcolor: ground, font: { family: "system-ui, sans-serif", color: ink, size: 12 },
      margin: { l: 52, r: 12, t: 8, b: 42 }, showlegend: false, hovermode: "x unified", uirevision: "same",
      hoverlabel: { bgcolor: raised, bordercolor: line, font: { color: ink, size: 12 } }, dragmode: "zoom",
      ...rest, xaxis: { ...axis, ...xaxis, ...decades(xaxis, "x", this.last[0]), title: title(xaxis) },
      yaxis: { ...axis, ...yaxis, ...decades(yaxis, "y", this.last[0]), title: title(yaxis) },
    };
  }

  moved(change) {
    if (!this.on.zoom) return;
    if (change["xaxis.autorange"]) this.on.zoom(null);
    else if (change["xaxis.range[0]"] !== undefined) this.on.zoom([change["xaxis.range[0]"], change["xaxis.range[1]"]]);
  }

  async save(kind) {
    const name = `${this.name.replace(/[^\w.-]+/g, "-")}.${kind.toLowerCase()}`;
    if (kind === "CSV") return download(name, this.csv(), "text/csv");
    const Plotly = await load();
    const address = await Plotly.toImage(this.plot, { format: kind.toLowerCase(), width: 900, height: 500, scale: kind === "PNG" ? 2 : 1 });
    download(name, address);
  }

  csv() {
    const cell = (value) => { const text = String(value ?? ""); return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text; };
    const lines = [["curve", "x", "y"]];
    for (const { name, x, y, z } of this.last?.[0] ?? []) {
      if (z) z.forEach((row, place) => row.forEach((value, other) => lines.push([y[place], x[other], value])));
      else x.forEach((value, place) => lines.push([name, value, y[place]]));
    }
    return lines.map((line) => line.map(cell).join(",")).join("\n") + "\n";
  }

  remove() {
    matchMedia("(prefers-color-scheme: dark)").removeEventListener("change", this.theme);
    if (this.listens) window.Plotly.purge(this.plot);
    this.element.remove();
  }
}
