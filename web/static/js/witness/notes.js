const TOGETHER = 600; // ms: what is typed in a burst is sent once
const AGAIN = 3000; // ms until what was not taken is sent again

/**
 * What the agent wrote and has not given yet: kept on the server as it is written, so that nothing is lost with
 * the browser; and in this tab, so that nothing is lost with the line either.
 */
export class Notes {
  /** @param save sends ticks and remarks; resolves to true when they were taken. */
  constructor(root, name, save) {
    this.name = `kaihu.notes.${name}`;
    this.save = save;
    this.state = root.querySelector("[data-remarks]");
    this.fields = [...root.querySelectorAll("textarea")];
    const { unsaved, written } = this.kept();
    for (const field of this.fields) {
      if (unsaved && field.name in written) field.value = written[field.name];
      if (field.value) field.closest("details")?.setAttribute("open", "");
      field.addEventListener("input", () => this.later(TOGETHER));
      field.addEventListener("change", () => this.later(0));
    }
    if (unsaved) this.later(TOGETHER);
  }

  remarks() {
    return Object.fromEntries(this.fields.map((one) => [one.name.split(".").pop(), one.value]));
  }

  /** Return what lies in this tab, and whether the server has not got it yet. */
  kept() {
    const { unsaved = false, written = {} } = JSON.parse(sessionStorage.getItem(this.name) ?? "{}");
    return { unsaved, written };
  }

  keep(unsaved) {
    const written = Object.fromEntries(this.fields.map((one) => [one.name, one.value]));
    sessionStorage.setItem(this.name, JSON.stringify({ unsaved, written }));
    return JSON.stringify(written);
  }

  later(wait) {
    this.keep(true);
    clearTimeout(this.timer);
    if (this.over) return;
    this.timer = setTimeout(() => this.send(), wait);
  }

  async send() {
    if (this.over || !this.kept().unsaved) return;
    const sent = this.keep(true);
    const taken = await this.save();
    if (this.over) return;
    this.state.textContent = taken ? this.state.dataset.saved : this.state.dataset.failed;
    if (!taken) this.later(AGAIN);
    else if (this.keep(false) !== sent) this.later(TOGETHER);
  }

  stop() {
    this.over = true;
    clearTimeout(this.timer);
  }

  forget() {
    this.stop();
    sessionStorage.removeItem(this.name);
  }
}
