// Words that explain themselves, from the same text as `onedge explain`.

import { get } from "./api.js";
import { h, fill } from "./dom.js";

let words = new Map();
const plain = (name) => name.toLowerCase().replaceAll("_", "-");

export async function loadWords() {
  words = new Map();
  for (const word of await get("words")) {
    for (const key of [word.name, word.name.split(".").pop()]) {
      if (!words.has(plain(key))) words.set(plain(key), word);
    }
    words.set(plain(word.name), words.get(plain(word.name)));
  }
}

/** What is known of a word; settings and results are called by part of their names, too. */
function find(name) {
  const without = /^(?:train|test|best|spec)\.(.+)$/.exec(name)?.[1];
  const other = name.startsWith("events.") ? "events" : without ?? name.replace(/^test_/, "");
  return words.get(plain(name)) ?? words.get(plain(other)) ?? words.get(plain(other.split("/").pop()));
}

/** A word as an element; with an explanation where there is one. */
export function term(name, shown = name) {
  const word = find(name);
  if (!word) return h("span", {}, shown);
  const show = (event) => hint(event.currentTarget, word);
  return h("span", { class: "term", tabindex: 0, onmouseenter: show, onfocus: show, onmouseleave: hide, onblur: hide }, shown);
}

function hint(element, word) {
  const box = document.getElementById("hint");
  const text = word.text.length > 700 ? `${word.text.slice(0, 700)} ...` : word.text;
  fill(box, h("b", {}, `${word.name}: ${word.summary}`), text);
  box.hidden = false;
  const at = element.getBoundingClientRect();
  const below = at.bottom + 6 + box.offsetHeight < innerHeight;
  box.style.left = `${Math.max(6, Math.min(at.left, innerWidth - box.offsetWidth - 6))}px`;
  box.style.top = `${below ? at.bottom + 6 : Math.max(6, at.top - box.offsetHeight - 6)}px`;
}

function hide() {
  document.getElementById("hint").hidden = true;
}

addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
addEventListener("hashchange", hide);
