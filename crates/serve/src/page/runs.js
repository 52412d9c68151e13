// All runs in one table: filter, sort, columns, groups, selection.

import { get } from "./api.js";
import { fill, h, later } from "./dom.js";
import { duration, number, text, time } from "./format.js";
import { Table } from "./table.js";
import { term } from "./words.js";

const USUAL = ["status", "folder", "tuner", "optimizer", "steps", "final_loss", "test.accuracy", "cost", "seconds", "seed", "started", "note"];
const WIDE = { folder: 200, started: 205, ended: 205, name: 120, status: 122, optimizer: 104, steps: 84, final_loss: 112, "test.accuracy": 128, cost: 84, seed: 64, problem: 200, tags: 110, note: 220, findings: 150, host: 110 };
const KEPT = "onedge-columns";

export async function show(main, parameters, signal) {
  const saved = JSON.parse(localStorage.getItem(KEPT) ?? "null");
  const state = {
    filter: parameters.get("where") ?? "",
    columns: Array.isArray(saved) && saved.length ? saved : USUAL,
    by: parameters.get("by") ?? "",
    revision: null, rows: new Map(), order: [], keys: [],
  };

  const filter = h("input", { type: "search", id: "filter", value: state.filter, spellcheck: false, placeholder: "tuner=cdat and final_loss<0.3", "aria-describedby": "filter-error" });
  const error = h("p", { id: "filter-error", class: "error", role: "alert" });
  const count = h("span", { class: "soft", id: "count" });
  const notes = h("div", { class: "note" });
  const by = h("select", { id: "by" });
  const choices = h("div", { class: "choices" });
  const compare = h("button", { type: "button", id: "compare", disabled: true, onclick: () => open(`compare?${[...table.selected].map((run) => `run=${encodeURIComponent(run)}`).join("&")}`) }, "compare");
  const place = h("div", {});
  const sweeps = h("span", { id: "sweeps" });
  const groups = h("div", { class: "scroll", id: "groups" });
  put();

  function put() {
    fill(main, h("h1", {}, "Runs"),
      h("div", { class: "bar" },
        h("label", { class: "wide" }, "filter", filter), h("label", {}, "group by", by), compare, count, sweeps),
      error,
      h("details", {}, h("summary", {}, "columns"), choices), groups, place, notes);
  }

  const open = (where) => { location.hash = `#/${where}`; };
  const table = new Table(place, {
    id: ([folder]) => folder,
    label: "runs",
    on: {
      open: ([folder]) => open(`run?run=${encodeURIComponent(folder)}`),
      select: (selected) => {
        compare.disabled = selected.size === 0;
        compare.textContent = selected.size ? `compare ${selected.size}` : "compare";
      },
    },
  });

  function columns() {
    table.setColumns(state.columns.map((key, index) => {
      const value = ([, values]) => values[index] ?? null;
      const isNumber = state.order.some((row) => typeof value(row) === "number");
      return { key, head: key, width: WIDE[key] ?? 92, number: isNumber && key !== "seed", order: (row) => ordered(key, value(row)), cell: (row) => cell(key, value(row), row[0]) };
    }).filter(({ key, order }) => key !== "note" || state.order.some(order)));
  }

  function listColumns() {
    const box = (key) => h("label", {}, h("input", { type: "checkbox", checked: state.columns.includes(key), onchange: (event) => choose(key, event.target.checked) }), term(key));
    fill(choices, state.keys.map(box));
    const option = (key) => h("option", { value: key }, key);
    fill(by, h("option", { value: "" }, "nothing"), state.keys.filter((key) => !["folder", "id", "files", "bytes", "started", "ended"].includes(key)).map(option));
    by.value = state.by;
  }

  function choose(key, wanted) {
    state.columns = wanted ? [...state.columns, key] : state.columns.filter((one) => one !== key);
    localStorage.setItem(KEPT, JSON.stringify(state.columns));
    state.revision = null;
    refresh();
  }

  let timer;
  let asked = 0;
  async function refresh() {
    clearTimeout(timer);
    asked += 1;
    const mine = asked;
    let pause = 1000;
    try {
      const answer = await get("runs", { where: state.filter, columns: state.columns.join(","), since: state.revision }, signal);
      if (mine !== asked) return;
      fill(error);
      pause = answer.pause;
      take(answer);
      if (state.by) await group();
    } catch (problem) {
      if (problem.name === "AbortError" || mine !== asked) return;
      // A column that no run has any more is left out; what else is wrong is said.
      if (/^columns: unknown key/.test(problem.message) && state.columns !== USUAL) {
        state.columns = USUAL.slice(0, 6);
        localStorage.removeItem(KEPT);
      }
      fill(error, problem.message);
    }
    if (!signal.aborted) timer = setTimeout(refresh, document.hidden ? 5000 : pause);
  }
  signal.addEventListener("abort", () => { clearTimeout(timer); table.watch.disconnect(); });

  function take(answer) {
    const { whole, rows, gone, all, fit } = answer;
    count.textContent = fit === all ? `${all} runs` : `${fit} of ${all} runs`;
    fill(notes, answer.notes.map((note) => h("p", {}, note)));
    if (answer.revision === state.revision) return;
    state.revision = answer.revision;
    if (whole) {
      state.order = rows;
      state.keys = answer.keys;
      listColumns();
    } else {
      const there = new Map(rows.map((row) => [row[0], row]));
      const lost = new Set(gone);
      const kept = state.order.filter(([folder]) => !lost.has(folder)).map((row) => {
        const now = there.get(row[0]);
        there.delete(row[0]);
        return now ?? row;
      });
      // What is new was started last.
      state.order = [...there.values(), ...kept];
    }
    state.order.length || all ? null : fill(notes, h("p", { class: "empty" }, "There are no runs in this folder yet. `onedge train` makes one; it appears here by itself."));
    table.rows = state.order;
    columns();
    table.setRows(state.order);
  }

  async function group() {
    const answer = await get("groups", { where: state.filter, by: state.by, columns: state.columns.filter((key) => key !== state.by).join(",") }, signal);
    const shown = answer.columns.map((key, index) => [key, index]).filter(([key, index]) => !["seed", "started"].includes(key) && answer.groups.some(({ columns: all }) => all[index]));
    const mean = (one) => (one ? `${number(one.mean)}${one.error === null ? "" : ` ± ${number(Number(one.error.toPrecision(2)))}`}` : "");
    fill(groups, h("h2", {}, "by ", term(state.by)), h("p", { class: "note" }, "mean ± standard error over the runs of each group"),
      h("table", {}, h("thead", {}, h("tr", {}, h("th", {}, state.by), h("th", { class: "number" }, "runs"), shown.map(([key]) => h("th", { class: "number" }, term(key))))),
        h("tbody", {}, answer.groups.map(({ keys, runs, columns: all }) => h("tr", {},
          h("td", {}, h("a", { href: `#/compare?${runs.slice(0, 50).map((run) => `run=${encodeURIComponent(run)}`).join("&")}&by=${encodeURIComponent(state.by)}` }, text(keys[0]) || "without")),
          h("td", { class: "number" }, runs.length), shown.map(([, index]) => h("td", { class: "number" }, mean(all[index]))))))));
  }

  filter.addEventListener("input", later(() => {
    state.filter = filter.value;
    state.revision = null;
    const search = new URLSearchParams(Object.entries({ where: state.filter, by: state.by }).filter(([, value]) => value));
    history.replaceState(null, "", `#/runs${search.size ? `?${search}` : ""}`);
    refresh();
  }, 200));
  by.addEventListener("change", () => {
    state.by = by.value;
    fill(groups);
    refresh();
  });
  await refresh();
  const link = ({ sweep, runs, ended }) => h("a", { href: `#/sweep?sweep=${encodeURIComponent(sweep)}` }, `${sweep}${runs === undefined ? "" : ` ${ended}/${runs}`}`);
  get("sweeps", {}, signal).then(({ sweeps: found }) => found.length && fill(sweeps, found.length === 1 ? "sweep " : "sweeps ", found.slice(0, 5).map((one) => [link(one), " "]), found.length > 5 ? h("a", { href: "#/sweep" }, "all") : null)).catch(() => {});
}

const ordered = (key, value) => (Array.isArray(value) ? value.join(" ") : value === "NaN" ? null : value === "inf" ? Infinity : value);

function cell(key, value, folder) {
  if (key === "status") return h("span", { class: `status ${value}` }, text(value));
  if (key === "folder") return h("a", { href: `#/run?run=${encodeURIComponent(folder)}`, tabindex: -1, title: folder }, folder);
  if (key === "seconds") return duration(value);
  if (key === "started" || key === "ended") return value ? time(value) : "";
  return text(value);
}
