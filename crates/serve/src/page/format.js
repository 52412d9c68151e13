// Numbers and times as text.

/** Four significant digits, without trailing zeros; whole numbers whole. */
export function number(value) {
  if (value === null || value === undefined || value === "") return "";
  if (typeof value !== "number") return String(value);
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return value.toString();
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(3).replace(/\.?0+e/, "e").replace("e+", "e");
  return Number(value.toPrecision(4)).toString();
}

/** Any value of a run as text. */
export function text(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return number(value);
  if (Array.isArray(value)) return value.map(text).join(", ");
  return String(value);
}

export function duration(seconds) {
  if (typeof seconds !== "number" || !(seconds >= 0)) return text(seconds);
  if (seconds < 60) return `${number(Number(seconds.toPrecision(3)))} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

export function bytes(count) {
  if (count < 1024) return `${count} B`;
  const steps = ["KiB", "MiB", "GiB", "TiB"];
  let place = -1;
  while (count >= 1024 && place < 3) { count /= 1024; place += 1; }
  return `${count.toPrecision(3)} ${steps[place]}`;
}

/** `2026-11-30T03:36:19Z` as people read it. */
export function time(stamp) {
  return String(stamp).replace("T", " ").replace(/Z$/, " UTC");
}
