import { csrf, fill, say } from "./words.js";

const QUIET = 1200; // ms without typing before a draft goes
const RETRY = 8000; // ms until the next try after a failure

/** Saves what was typed while the reader goes on; says when it was saved, and when it could not be. */
export class Autosave {
  constructor(form) {
    this.form = form;
    this.url = form.dataset.draft;
    this.place = form.querySelector("[data-saved-state]");
    this.revision = form.elements.revision;
    this.sent = this.typed();
    if (!this.url) return;
    // On a slow line people type before this script has loaded.
    if (this.begun()) {
      this.sent = "";
      this.later(QUIET);
    }
    form.addEventListener("input", () => this.later(QUIET));
    form.addEventListener("change", () => this.later(QUIET));
    form.addEventListener("submit", () => { this.leaving = true; clearTimeout(this.timer); });
    window.addEventListener("online", () => this.failed && this.later(0));
    document.addEventListener("visibilitychange", () => { if (document.hidden) this.save(true); });
  }

  /** Whether something was typed or ticked since the page came. */
  begun() {
    return [...this.form.elements].some((one) => {
      if (one.type === "radio" || one.type === "checkbox") return one.checked !== one.defaultChecked;
      return one.matches("input:not([type=hidden], [type=file]), textarea") && !/(^|\.)code$/.test(one.name) && one.value !== one.defaultValue;
    });
  }

  later(wait) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), wait);
  }

  /** Everything typed, as the page would post it, but no files, tokens or codes. */
  typed() {
    const fields = [];
    for (const [name, value] of new FormData(this.form)) {
      if (typeof value !== "string" || ["csrf_token", "revision", "go", "confirm"].includes(name)) continue;
      if (/(^|\.)code$/.test(name)) continue;
      fields.push([name, value]);
    }
    return JSON.stringify(fields);
  }

  async save(closing = false) {
    if (this.leaving || this.busy || this.stopped) return;
    const typed = this.typed();
    if (typed === this.sent) return;
    this.busy = true;
    if (this.place && !closing) say(this.place, this.form.dataset.saving);
    try {
      const answer = await fetch(this.url, {
        method: "POST",
        keepalive: closing,
        headers: { "Content-Type": "application/json", "X-CSRFToken": csrf(), Accept: "application/json" },
        body: JSON.stringify({ revision: Number(this.revision.value), fields: JSON.parse(typed) }),
      });
      if (answer.status === 409) return this.elsewhere();
      if (!answer.ok) throw new Error(String(answer.status));
      const told = await answer.json();
      if (told.revision !== undefined) this.revision.value = told.revision;
      this.sent = typed;
      this.failed = false;
      this.tell(fill(this.form.dataset.saved, { time: told.time ?? new Date().toLocaleTimeString("zh-CN", { hour12: false }) }), "check");
    } catch {
      this.failed = true;
      this.tell(this.form.dataset.failed, "warn", true);
      this.later(RETRY);
    } finally {
      this.busy = false;
      if (!this.failed && !this.stopped && this.typed() !== this.sent) this.later(QUIET);
    }
  }

  elsewhere() {
    this.stopped = true;
    this.tell(this.form.dataset.elsewhere, "warn", true);
    const again = document.createElement("a");
    again.href = window.location.href;
    again.textContent = this.form.dataset.reload;
    this.place?.append(again);
  }

  tell(words, drawing, wrong = false) {
    if (!this.place) return;
    say(this.place, words, drawing);
    this.place.classList.toggle("saved--wrong", wrong);
  }
}
