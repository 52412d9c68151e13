// What the curves of a run are, in the order in which they are shown.

export const PRODUCT = "rate_x_sharpness";

/** name, heading, whether it is read on a logarithmic axis, unit. */
const KNOWN = [
  ["loss", "training loss", true],
  ["learning_rate", "learning rate", true],
  ["sharpness", "sharpness", true],
  [PRODUCT, "learning rate × sharpness", false],
  ["preconditioned_sharpness", "preconditioned sharpness", true],
  ["gradient_norm", "gradient norm", true],
  ["alignment", "alignment of update and top eigenvector", false],
  ["update_cosine", "cosine between successive updates", false],
  ["slope", "slope g.u", false],
  ["curvature", "curvature u.Hu", false],
  ["update_norm", "update norm", true],
];

/** What is asked for before it is known what a run has. */
export const FIRST = KNOWN.map(([name]) => name);

/** The word that explains a quantity. */
const WORDS = { [PRODUCT]: "edge", update_cosine: "update_cosine" };

const HIDDEN = new Set(["step", "cost", "seconds", "converged", "products", "residual", "magnitude"]);

/** The panels of quantities that are there. Eigenvalues and layers have pictures of their own. */
export function panels(there) {
  const known = KNOWN.filter(([name]) => there.includes(name)).map(([name, title, log]) => ({ name, title, log, word: WORDS[name] ?? name }));
  const evaluated = there.filter((name) => name.startsWith("test_")).map((name) => ({ name, title: name.replaceAll("_", " "), log: name === "test_loss", word: name }));
  const taken = new Set([...known, ...evaluated].map(({ name }) => name));
  const others = there.filter((name) => !taken.has(name) && !HIDDEN.has(name) && !name.startsWith("eigenvalue_") && !name.includes("/") && !name.endsWith("_error"))
    .map((name) => ({ name, title: name.replaceAll("_", " "), log: false, word: name }));
  return [...known.slice(0, 1), ...evaluated, ...known.slice(1), ...others];
}

/** The names of what each layer was measured by: `layers.0.weight/sharpness`. */
export const layers = (there, what) => there.filter((name) => name.endsWith(`/${what}`));

export const eigenvalues = (there) => there.filter((name) => name.startsWith("eigenvalue_"))
  .sort((a, b) => Number(a.slice(11)) - Number(b.slice(11)));

export const AXES = { step: "step", cost: "cost in forward passes", seconds: "seconds of training" };

/** An exponential average that keeps so much of itself at each reading, its weights summing to one from the first on. Gaps stay. */
export function smooth(values, keep) {
  let [sum, weight] = [0, 0];
  return values.map((value) => {
    if (value === null) return null;
    sum = keep * sum + (1 - keep) * value;
    weight = keep * weight + (1 - keep);
    return sum / weight;
  });
}
