// The figures of the paper that were made, with what they must show and whether they do.

import { get } from "./api.js";
import { fill, h } from "./dom.js";
import { duration } from "./format.js";

const MARKS = { shown: ["✓", "shown"], partly: ["◐", "partly"], "not shown": ["✗", "not"] };

export async function show(main, parameters, signal) {
  const { folders } = await get("figures", {}, signal);
  if (!folders.length) {
    fill(main, h("h1", {}, "Figures"), h("p", { class: "empty" }, "No figure was made below this folder yet. ", h("code", {}, "onedge figure 9"), " makes one, ", h("code", {}, "onedge figure all"), " all of them."));
    return;
  }
  const chosen = folders.find(({ folder }) => folder === parameters.get("folder")) ?? folders[0];
  const choice = h("select", { id: "preset", onchange: () => { location.hash = `#/figures?folder=${encodeURIComponent(choice.value)}`; } }, folders.map(({ folder }) => h("option", { value: folder }, folder)));
  choice.value = chosen.folder;
  const pictures = [];
  signal.addEventListener("abort", () => pictures.forEach((address) => URL.revokeObjectURL(address)));
  const section = (figure) => {
    if (figure.problem) return h("section", { class: "figure" }, h("h2", {}, figure.name), h("p", { class: "error" }, `It cannot be read: ${figure.problem}`));
    const { made, seen } = figure;
    const place = h("div", { class: "picture soft" }, "the picture is being read");
    // Pictures are read when they come into sight. As images they run no script, whatever is in them.
    const watch = new IntersectionObserver(async ([entry]) => {
      if (!entry.isIntersecting) return;
      watch.disconnect();
      try {
        const { svg } = await get("figure", { folder: chosen.folder, figure: figure.name }, signal);
        const address = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
        pictures.push(address);
        fill(place, h("img", { src: address, alt: made.about }));
      } catch (error) {
        if (error.name !== "AbortError") fill(place, h("span", { class: "error" }, error.message));
      }
    }, { rootMargin: "400px" });
    watch.observe(place);
    const claim = (one, index) => h("tr", {}, h("td", {}, verdict(one.verdict)), h("td", {}, one.of), h("td", {}, one.says), h("td", {}, seen[index]));
    return h("section", { class: "figure" }, h("h2", {}, `${made.number}. ${made.title} `, verdict(made.verdict)),
      h("p", {}, `Must show: ${made.about}.`), place,
      h("details", {}, h("summary", {}, `${made.claims.length} claims, ${made.runs} runs, ${duration(made.seconds)}`),
        h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, ["is", "of", "must show", "measured"].map((name) => h("th", {}, name)))), h("tbody", {}, made.claims.map(claim))))));
  };
  fill(main, h("h1", {}, "Figures"), h("div", { class: "bar" }, h("label", {}, "preset", choice), h("span", { class: "soft" }, "of Roulet et al. 2024, arXiv 2407.06183")), chosen.figures.map(section));
}

function verdict(name) {
  const [mark, kind] = MARKS[name] ?? ["", ""];
  return h("span", { class: `verdict ${kind}` }, `${mark} ${name}`);
}
