// Pictures of the points of a sweep: a map over two settings, and lines across all of them.

import { SCALE, isDark } from "./charts.js";
import { number } from "./format.js";

/** Points are drawn in so many colours, each one trace however many they are. */
const COLOURS = 10;

/** The settings that vary, and those of them that have numbers alone. */
export function varying(points) {
  const keys = [...new Set(points.flatMap(({ coordinates }) => Object.keys(coordinates)))];
  const values = (key) => new Set(points.map(({ coordinates }) => coordinates[key]).filter((value) => value !== undefined));
  const varied = keys.filter((key) => values(key).size > 1);
  return { keys: varied, numbers: varied.filter((key) => [...values(key)].every((value) => typeof value === "number")) };
}

const ascending = (a, b) => a - b;
const isWide = (values) => values[0] > 0 && values.at(-1) > 20 * values[0];

/** How a value is coloured: by its logarithm where it has several sizes. */
function colours(points) {
  const values = points.map(({ mean }) => mean).filter((value) => Number.isFinite(value)).sort(ascending);
  const isLog = values.length > 0 && values[0] > 0 && values.at(-1) > 10 * values[0];
  return { values, isLog, of: (value) => (!Number.isFinite(value) ? null : isLog ? Math.log10(value) : value) };
}

/** Of the map: its traces, and how it is laid out. */
export function heatMap(points, x, y, about) {
  const all = (key) => [...new Set(points.map(({ coordinates }) => coordinates[key]).filter((value) => value !== undefined))].sort(ascending);
  const [columns, rows] = [all(x), all(y)];
  const { isLog, of } = colours(points);
  const sign = about.smaller_is_better ? 1 : -1;
  const best = (here) => here.reduce((one, point) => (one === null || sign * (point.score ?? sign * Infinity) < sign * (one.score ?? sign * Infinity) ? point : one), null);
  const cells = rows.map((row) => columns.map((column) => best(points.filter(({ coordinates }) => coordinates[x] === column && coordinates[y] === row))));
  const hover = (cell) => (cell ? `${cell.group} ${cell.label}: ${number(cell.mean) || "no value yet"}, ${cell.counts[1]} of ${cell.counts[0]} runs at their end` : "no such run");
  const labels = (values) => values.map((value) => number(value));
  const trace = {
    type: "heatmap", name: about.value, x: labels(columns), y: labels(rows), z: cells.map((row) => row.map((cell) => of(cell?.mean))), colorscale: SCALE,
    text: cells.map((row) => row.map(hover)), hovertemplate: "%{text}<extra></extra>", xgap: 2, ygap: 2,
    colorbar: { title: { text: isLog ? `log10 of ${about.value}` : about.value, side: "right" }, thickness: 10 },
  };
  const mark = (name, symbol, is) => {
    const places = cells.flatMap((row, up) => row.map((cell, across) => (cell && is(cell) ? [across, up] : null)).filter(Boolean));
    return { type: "scatter", mode: "markers", name, x: places.map(([across]) => trace.x[across]), y: places.map(([, up]) => trace.y[up]), marker: { symbol, size: 9, color: "#ffffff", line: { color: "#000000", width: 1.2 } }, hoverinfo: "skip" };
  };
  const marks = [mark("diverged", "x", ({ counts }) => counts[2] > 0), mark("given up", "triangle-down", ({ counts }) => counts[3] > 0 && counts[2] === 0), mark("best", "circle", ({ is_best: is }) => is)];
  return [[trace, ...marks.filter((one) => one.x.length)], { hovermode: "closest", xaxis: { title: x, type: "category" }, yaxis: { title: y, type: "category" } }];
}

/** A line for each point, from setting to setting to its value: traces and layout. */
export function parallel(points, keys, about) {
  const axes = [...keys.map((key) => axis(key, points.map(({ coordinates }) => coordinates[key]))), axis(about.value, points.map(({ mean }) => mean))];
  const { values, isLog, of } = colours(points);
  const [low, high] = [of(values[0]), of(values.at(-1))];
  const lines = Array.from({ length: COLOURS }, () => ({ x: [], y: [], text: [] }));
  for (const point of points) {
    if (!Number.isFinite(point.mean)) continue;
    const share = high > low ? (of(point.mean) - low) / (high - low) : 0;
    const line = lines[Math.min(COLOURS - 1, Math.floor(COLOURS * share))];
    axes.forEach((one, place) => {
      line.x.push(place);
      line.y.push(one.place(place < keys.length ? point.coordinates[one.key] : point.mean));
      line.text.push(`${point.group} ${point.label}: ${number(point.mean)}`);
    });
    for (const part of [line.x, line.y, line.text]) part.push(null);
  }
  // Lines are thin: of the scale only what stands out from the ground.
  const [first, last] = isDark() ? [3, 9] : [0, 7];
  const colour = (place) => SCALE[Math.round(first + (place / (COLOURS - 1)) * (last - first))][1];
  const traces = lines.map(({ x, y, text }, place) => ({ type: "scatter", mode: "lines+markers", name: `${place}`, x, y, text, hovertemplate: "%{text}<extra></extra>", connectgaps: false, line: { color: colour(place), width: 1.4 }, marker: { size: 4, color: colour(place) } })).filter(({ x }) => x.length);
  const ticks = axes.flatMap(({ ticks: own }, place) => own.map(([at, label]) => ({ x: place, y: at, text: label, showarrow: false, xanchor: place === axes.length - 1 ? "left" : "right", xshift: place === axes.length - 1 ? 6 : -6, font: { size: 11 } })));
  const shapes = axes.map((_, place) => ({ type: "line", x0: place, x1: place, y0: 0, y1: 1, line: { width: 1, color: "#808890" } }));
  return [traces, {
    hovermode: "closest", shapes, annotations: ticks,
    xaxis: { tickmode: "array", tickvals: axes.map((_, place) => place), ticktext: axes.map(({ key }, place) => (place === axes.length - 1 && isLog ? `${key} (log)` : key)), range: [-0.35, axes.length - 0.65], showgrid: false, zeroline: false },
    yaxis: { visible: false, range: [-0.06, 1.06] },
  }];
}

/** Where values lie on an axis of height one: numbers by size, or by its logarithm; other values one above the other. */
function axis(key, all) {
  const values = [...new Set(all.filter((value) => value !== undefined && value !== null && value !== ""))];
  const areNumbers = values.every((value) => typeof value === "number");
  if (!areNumbers || values.length < 2) {
    const words = values.map(String).sort();
    const at = (word) => (words.length > 1 ? words.indexOf(word) / (words.length - 1) : 0.5);
    return { key, place: (value) => (value === undefined || value === null ? null : at(String(value))), ticks: words.map((word) => [at(word), word]) };
  }
  values.sort(ascending);
  const scale = isWide(values) ? Math.log : (value) => value;
  const [low, high] = [scale(values[0]), scale(values.at(-1))];
  const place = (value) => (Number.isFinite(value) ? (scale(value) - low) / (high - low) : null);
  // The ends, and what has room between them.
  const shown = values.length <= 7 ? values.filter((value, at) => at === 0 || at === values.length - 1 || (place(value) > 0.07 && place(value) < 0.93)) : [values[0], values.at(-1)];
  return { key, place, ticks: shown.map((value) => [place(value), number(value)]) };
}
