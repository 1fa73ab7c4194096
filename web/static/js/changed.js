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
    const radio = this.root.querySelector("input[type=radio]");
    const chosen = radio ? this.root.querySelector("input[type=radio]:checked") : this.root.querySelector(".control");
    const changed = (chosen?.value ?? "") !== this.old;
    this.root.classList.toggle("question--changed", changed);
    this.note.hidden = !changed;
  }
}
