// What can be done to a run from its page: tags, a note, its end. Each is asked about first.

import { post } from "./api.js";
import { fill, h } from "./dom.js";
import { duration } from "./format.js";
import { term } from "./words.js";

/** Where what went wrong is said. */
const alert = () => h("span", { class: "error", role: "alert" });

/** The tags of a run, each of which can be taken away, and a field for another one. */
export class Tags {
  constructor(run) {
    this.run = run;
    this.element = h("div", { class: "bar", id: "tags" });
    this.said = alert();
  }

  draw(tags) {
    const { run } = this;
    const remove = (tag) => h("button", { type: "button", title: `take the tag ${tag} away`, onclick: () => confirm(`Take the tag ${tag} away from ${run}?`) && this.change([], [tag]) }, `${tag} ×`);
    const more = h("input", { "aria-label": "another tag", placeholder: "another tag", size: 12 });
    const add = (event) => { event.preventDefault(); if (more.value.trim() && confirm(`Give ${run} the tag ${more.value.trim()}?`)) this.change([more.value.trim()], []); };
    fill(this.element, term("tags"), tags.map(remove), h("form", { onsubmit: add }, more, " ", h("button", {}, "tag")), this.said);
  }

  async change(more, fewer) {
    try {
      const { tags } = await post("tag", { run: this.run, more, fewer });
      fill(this.said);
      this.draw(tags);
    } catch (error) {
      fill(this.said, error.message);
    }
  }
}

/** The note of a run, in a field that keeps what is typed until it is sent. */
export class Note {
  constructor(run, note) {
    const field = h("input", { "aria-label": "note", placeholder: "what is to be remembered of this run", value: note, maxlength: 2000 });
    const [said, button] = [alert(), h("button", {}, "note")];
    const send = async (event) => {
      event.preventDefault();
      const text = field.value.trim();
      if (!confirm(text ? `Note of ${run}: ${text}` : `Take the note of ${run} away?`)) return;
      try {
        ({ note: field.value } = await post("note", { run, note: text }));
        fill(said, h("span", { class: "soft" }, "kept"));
      } catch (error) {
        fill(said, error.message);
      }
    };
    this.element = h("form", { class: "bar", id: "note", onsubmit: send }, term("note"), h("label", { class: "wide" }, field), button, said);
  }
}

/** The end of a run that goes on. */
export class Stop {
  constructor(run) {
    this.said = alert();
    this.button = h("button", { type: "button", id: "stop", onclick: () => this.ask(run) }, "stop");
    this.element = h("span", { hidden: true }, this.button, " ", this.said);
  }

  /** Once it has ended there is nothing to stop. */
  draw(isRunning, asked) {
    this.element.hidden = !isRunning;
    this.button.disabled = asked !== null;
    const slow = asked > 20 ? ` for ${duration(Math.round(asked))}; its process has not looked yet, as in a long step or a loop of one's own` : "";
    fill(this.said, asked === null ? [] : h("span", { class: "soft" }, `asked to end after its step${slow}`));
  }

  async ask(run) {
    if (!confirm(`Stop ${run}? It ends after its step, with a checkpoint, and can be resumed.`)) return;
    try {
      await post("stop", { run });
      this.draw(true, 0);
    } catch (error) {
      fill(this.said, error.message);
    }
  }
}
