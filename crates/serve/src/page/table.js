// A table of any number of rows, of which only those in sight are in the page.

import { fill, h } from "./dom.js";

const HEIGHT = 30;
const MARGIN = 8;

/**
 * `columns`: { key, head, width, number, cell(row), order(row) }. `on`: open(row), select(set), sort(key, descending).
 * The rows are told by `id(row)`.
 */
export class Table {
  constructor(element, { id, on, label }) {
    this.id = id;
    this.on = on;
    this.rows = [];
    this.columns = [];
    this.selected = new Set();
    this.here = 0;
    this.sorting = { key: null, descending: false };
    this.head = h("div", { class: "head", role: "row" });
    this.body = h("div", { class: "body", role: "rowgroup" });
    this.grid = h("div", {
      class: "grid", role: "grid", tabindex: 0, "aria-label": label, "aria-multiselectable": true,
      onscroll: () => this.draw(), onkeydown: (event) => this.key(event),
    }, this.head, this.body);
    element.append(this.grid);
    this.watch = new ResizeObserver(() => this.draw());
    this.watch.observe(this.grid);
  }

  setColumns(columns) {
    this.columns = columns;
    this.template = ["34px", ...columns.map((column) => `minmax(${column.width ?? 90}px, ${column.share ?? 1}fr)`)].join(" ");
    const width = 34 + columns.reduce((sum, column) => sum + (column.width ?? 90), 0);
    this.head.style.gridTemplateColumns = this.template;
    this.head.style.minWidth = this.body.style.minWidth = `${width}px`;
    this.drawHead();
    this.sort();
  }

  setRows(rows) {
    this.rows = rows;
    const there = new Set(rows.map(this.id));
    for (const id of this.selected) if (!there.has(id)) this.selected.delete(id);
    this.sort();
  }

  drawHead() {
    const head = (column) => {
      const { key, descending } = this.sorting;
      const order = key !== column.key ? "none" : descending ? "descending" : "ascending";
      const button = h("button", { type: "button", title: `sort by ${column.key}`, onclick: () => this.sortBy(column.key) },
        column.head ?? column.key, order === "none" ? "" : descending ? " ▾" : " ▴");
      return h("div", { role: "columnheader", "aria-sort": order, class: column.number && "number" }, button);
    };
    fill(this.head, h("div", { role: "columnheader", class: "cell" }, h("span", { class: "soft" }, "")), this.columns.map(head));
  }

  sortBy(key) {
    const { sorting } = this;
    // Numbers that people look for are the smallest; a third time, the order in which the rows came.
    if (sorting.key !== key) this.sorting = { key, descending: false };
    else if (!sorting.descending) this.sorting = { key, descending: true };
    else this.sorting = { key: null, descending: false };
    this.drawHead();
    this.sort();
    this.grid.scrollTop = 0;
    this.on.sort?.(this.sorting);
  }

  sort() {
    const column = this.columns.find(({ key }) => key === this.sorting.key);
    this.shown = this.rows;
    if (column) this.shown = sorted(this.rows, column.order, this.sorting.descending ? -1 : 1);
    this.body.style.height = `${this.shown.length * HEIGHT}px`;
    this.grid.setAttribute("aria-rowcount", this.shown.length + 1);
    this.here = Math.min(this.here, Math.max(0, this.shown.length - 1));
    this.draw();
  }

  draw() {
    const from = Math.max(0, Math.floor(this.grid.scrollTop / HEIGHT) - MARGIN);
    const to = Math.min(this.shown?.length ?? 0, Math.ceil((this.grid.scrollTop + this.grid.clientHeight) / HEIGHT) + MARGIN);
    const lines = [];
    for (let place = from; place < to; place += 1) lines.push(this.line(this.shown[place], place));
    this.body.replaceChildren(...lines);
  }

  line(row, place) {
    const id = this.id(row);
    const box = h("input", { type: "checkbox", tabindex: -1, checked: this.selected.has(id), "aria-label": `select ${id}`, onclick: () => this.toggle(row) });
    const cell = (column) => h("div", { role: "gridcell", class: `cell${column.number ? " number" : ""}` }, column.cell(row));
    const line = h("div", {
      class: `line${place === this.here ? " here" : ""}`, role: "row", "aria-rowindex": place + 2,
      "aria-selected": this.selected.has(id), onclick: () => { this.here = place; }, ondblclick: () => this.on.open?.(row),
    }, h("div", { role: "gridcell", class: "cell" }, box), this.columns.map(cell));
    line.style.top = `${place * HEIGHT}px`;
    line.style.gridTemplateColumns = this.template;
    return line;
  }

  toggle(row) {
    const id = this.id(row);
    if (!this.selected.delete(id)) this.selected.add(id);
    this.draw();
    this.on.select?.(this.selected);
  }

  key(event) {
    if (event.target !== this.grid) return;
    const page = Math.max(1, Math.floor(this.grid.clientHeight / HEIGHT) - 2);
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    const row = this.shown[this.here];
    if (event.key in moves) {
      this.here = Math.max(0, Math.min(this.shown.length - 1, this.here + moves[event.key]));
      const top = this.here * HEIGHT;
      const { scrollTop, clientHeight } = this.grid;
      if (top < scrollTop) this.grid.scrollTop = top;
      if (top + 2 * HEIGHT > scrollTop + clientHeight) this.grid.scrollTop = top + 2 * HEIGHT - clientHeight;
      this.draw();
    } else if (event.key === "Enter" && row) this.on.open?.(row);
    else if (event.key === " " && row) this.toggle(row);
    else return;
    event.preventDefault();
  }
}

/** Numbers by size, then text; what is absent comes last either way. Equal rows stay in their order. */
export function sorted(rows, order, sign) {
  const [numbers, texts, absent] = [[], [], []];
  const keys = rows.map(order);
  keys.forEach((key, place) => {
    if (key === null || key === undefined || key === "" || Number.isNaN(key)) absent.push(place);
    else if (typeof key === "number") numbers.push(place);
    else texts.push(place);
  });
  numbers.sort((a, b) => sign * (keys[a] - keys[b]));
  const words = keys.map(String);
  texts.sort((a, b) => (words[a] === words[b] ? 0 : words[a] < words[b] ? -sign : sign));
  return [...numbers, ...texts, ...absent].map((place) => rows[place]);
}
