// Which page is shown, and whether the server is there.

import { Gone, get, takeToken, useToken } from "./api.js";
import { fill, h } from "./dom.js";
import { loadWords } from "./words.js";
import { usePalette } from "./charts.js";
import * as compare from "./compare.js";
import * as figures from "./figures.js";
import * as run from "./run.js";
import * as runs from "./runs.js";
import * as sweep from "./sweep.js";
import * as theory from "./theory.js";

/** Each page is a module with `show(element, parameters, signal)`. */
const PAGES = { runs, run, compare, sweep, figures, theory };
const LISTED = [["runs", "Runs"], ["compare", "Compare"], ["sweep", "Sweeps"], ["figures", "Figures"], ["theory", "Theory"]];

let shown = new AbortController();
let instance = null;

async function greet() {
  const hello = await get("hello");
  useToken(hello.token);
  usePalette(hello.palette);
  document.getElementById("folder").textContent = `${hello.folder}${hello.there ? "" : ": this folder is gone"}`;
  const restarted = instance !== null && instance !== hello.instance;
  instance = hello.instance;
  return restarted;
}

function say(text, gone) {
  const state = document.getElementById("state");
  if (state.textContent !== text) state.textContent = text;
  state.classList.toggle("gone", gone);
}

/** Looks whether the server is there, again and again; another one in its place has forgotten what this page knows. */
async function watch() {
  try {
    if (await greet()) {
      await loadWords();
      route();
    }
    say("live", false);
  } catch (error) {
    say(error instanceof Gone ? "the server is gone; waiting for it" : error.message, true);
  }
  setTimeout(watch, document.getElementById("state").classList.contains("gone") ? 1000 : 4000);
}

function route() {
  const [, name, search] = /^#\/(\w*)\??(.*)$/.exec(location.hash) ?? [null, "runs", ""];
  const page = PAGES[name];
  shown.abort();
  shown = new AbortController();
  const main = document.getElementById("main");
  const links = LISTED.map(([key, label]) => h("a", { href: `#/${key}`, "aria-current": key === name && "page" }, label));
  fill(document.getElementById("pages"), links);
  fill(main);
  if (!page) {
    fill(main, h("h1", {}, "no such page"), h("p", {}, `There is no page \`${name}\`. `, h("a", { href: "#/runs" }, "All runs")));
    return;
  }
  document.title = `onedge ${name}`;
  const failed = (error) => {
    if (error.name !== "AbortError") fill(main, h("h1", {}, name), h("p", { class: "error", role: "alert" }, error.message), h("p", {}, h("a", { href: "#/runs" }, "All runs")));
  };
  Promise.resolve(page.show(main, new URLSearchParams(search), shown.signal)).catch(failed);
}

takeToken();
addEventListener("hashchange", () => { route(); document.getElementById("main").focus({ preventScroll: true }); scrollTo(0, 0); });
try {
  await greet();
  await loadWords();
  if (!location.hash.startsWith("#/")) history.replaceState(null, "", "#/runs");
  route();
} catch (error) {
  fill(document.getElementById("main"), h("p", { class: "error", role: "alert" }, error.message));
}
watch();
