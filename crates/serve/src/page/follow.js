// The curves of some runs in a window, kept up with what the runs record.

import { get, stream } from "./api.js";
import { FIRST } from "./panels.js";

/** The server answers for so many quantities at once. */
const MOST = 256;
/** So many points may be added to a curve before all of it is asked for again, thinned. */
const ADDED = 1500;

/**
 * Follows runs: `see()` is called when curves changed, `tell(place, event, data)` of anything else. What each run has is in `runs[place]`:
 * { run, curves: Map(name -> {x, y}), there, share, last, generation, marks, met, running, problem }.
 */
export class Follower {
  constructor({ runs, see, tell = () => {}, signal, pixels = () => 600 }) {
    this.runs = runs.map((run) => ({ run, curves: new Map(), there: [], share: 0, last: null, generation: 0, marks: [], met: {}, added: 0 }));
    Object.assign(this, { names: FIRST, see, tell, signal, pixels, x: "step", log: false, window: null });
  }

  /** Another axis, another window: all is asked for anew, and drawn once. */
  async want(change = {}) {
    Object.assign(this, change);
    this.asked = (this.asked ?? 0) + 1;
    await this.fetch(this.runs);
    if ("names" in change || !this.streaming) this.restart();
  }

  /** Whether all of these are asked for; those that were not are from now on. */
  has(names) {
    const missing = names.filter((name) => !this.names.includes(name));
    if (missing.length) this.want({ names: [...this.names, ...missing] });
    return !missing.length;
  }

  async fetch(some) {
    const { asked } = this;
    const there = new Set(some.flatMap((one) => one.there));
    const names = (there.size ? this.names.filter((name) => there.has(name)) : this.names).slice(0, MOST);
    const parameters = { run: some.map(({ run }) => run), name: names, x: this.x, pixels: this.pixels(), log: this.log ? 1 : 0, from: this.window?.[0], to: this.window?.[1] };
    try {
      const { runs } = await get("series", parameters, this.signal);
      if (asked !== this.asked) return;
      some.forEach((one, place) => this.take(one, runs[place]));
    } catch (error) {
      if (error.name === "AbortError") return;
      for (const one of some) one.problem = error.message;
    }
    this.see();
    const unread = some.filter((one) => one.share < 1 && !one.problem);
    if (unread.length) {
      // Until all was read, samples stand for the rest.
      clearTimeout(this.timer);
      this.timer = setTimeout(() => !this.signal.aborted && this.fetch(this.runs.filter((one) => one.share < 1 && !one.problem)), 700);
    }
  }

  take(one, { names, curves, problem = null, ...rest }) {
    one.problem = problem;
    if (problem) return;
    names.forEach((name, place) => one.curves.set(name, curves[place]));
    const { there, share, last, generation, marks, met, damaged, records } = rest;
    Object.assign(one, { there, share, last, generation, marks, met, damaged, records, added: 0 });
  }

  restart() {
    this.streaming?.abort();
    this.streaming = new AbortController();
    this.signal.addEventListener("abort", () => this.streaming.abort());
    this.listen(this.streaming.signal);
  }

  async listen(signal) {
    while (!signal.aborted) {
      if (document.hidden) await new Promise((done) => document.addEventListener("visibilitychange", done, { once: true }));
      const after = this.runs.map(({ generation, last }) => `${generation}.${last ?? ""}`).join(",");
      const hidden = new AbortController();
      const hide = () => document.hidden && hidden.abort();
      document.addEventListener("visibilitychange", hide);
      try {
        const both = AbortSignal.any([signal, hidden.signal]);
        await stream("live", { run: this.runs.map(({ run }) => run), name: this.names, after }, both, (event, data) => this.heed(event, data));
      } catch {
        if (!signal.aborted && !hidden.signal.aborted) await new Promise((done) => setTimeout(done, 1000));
      } finally {
        document.removeEventListener("visibilitychange", hide);
      }
    }
  }

  heed(event, data) {
    const one = data && this.runs[data.place];
    if (!one) return;
    if (event === "records") this.add(one, data.records);
    else if (event === "many" || event === "replaced" || event === "again") {
      if (event === "replaced") one.curves.clear();
      this.refetch(one);
    } else if (event === "status") one.running = data.running;
    else if (event === "problem") one.problem = data.says;
    this.tell(data.place, event, data);
  }

  /** At most twice a second. */
  refetch(one) {
    if (one.waiting) return;
    one.waiting = setTimeout(() => { one.waiting = null; if (!this.signal.aborted) this.fetch([one]); }, 500);
  }

  /** Records that are known already, as after a stream that was cut off, are left out. */
  add(one, { step, cost, seconds, curves }) {
    const along = { step, cost, seconds }[this.x];
    const first = one.last === null ? 0 : step.findIndex((value) => value > one.last);
    if (first < 0) return;
    const fresh = this.names.filter((name, place) => !one.there.includes(name) && curves[place][0].length > 0);
    one.there.push(...fresh);
    const open = this.window === null || this.window[1] >= along[first];
    this.names.forEach((name, place) => {
      const [places, values] = curves[place];
      if (!one.curves.has(name)) one.curves.set(name, { x: [], y: [] });
      const curve = one.curves.get(name);
      places.forEach((at, index) => {
        if (at >= first && open) {
          curve.x.push(along[at]);
          curve.y.push(values[index]);
        }
      });
    });
    one.added += step.length - first;
    one.last = step[step.length - 1];
    if (one.added > ADDED) this.refetch(one);
    this.see();
  }
}
