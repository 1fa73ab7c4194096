/** Marks an answer that differs from the stored one and shows what that was. */
export class Changed {
  constructor(root) {
    this.root = root;
    this.old = root.dataset.old;
    this.note = root.querySelector(".question__old");
    if (this.old === undefined || !this.note) return;
    root.addEventListener("input", () => this.follow());
    root.addEventListener("change", () => this.follow());
  }

  follow() {
    const one = (what) => this.root.querySelector(what);
    // A picker puts a field for searching before the select; the select holds the answer.
    const chosen = one("input[type=radio]") ? one("input[type=radio]:checked") : one("select") ?? one(".control");
    const changed = (chosen?.value ?? "") !== this.old;
    this.root.classList.toggle("question--changed", changed);
    this.note.hidden = !changed;
  }
}
