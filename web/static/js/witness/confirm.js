/** Warnings that have to be confirmed before a result is taken. */
export class Confirm {
  constructor(root) {
    this.root = root;
    this.lines = root.querySelector("[data-confirm-lines]");
  }

  /** @param warnings `{code, message}` of each; what was ticked stays ticked while it is asked. */
  show(warnings) {
    const ticked = new Set([...this.lines.querySelectorAll(":checked")].map((box) => box.value));
    const lines = warnings.map(({ code, message }) => {
      const line = this.root.querySelector("template").content.cloneNode(true);
      const [box, words] = [line.querySelector("input"), line.querySelector("span")];
      box.value = code;
      box.checked = ticked.has(code);
      words.textContent = `${message} · ${words.dataset.words}`;
      return line;
    });
    this.lines.replaceChildren(...lines);
    this.root.hidden = !lines.length;
  }

  focus() {
    this.lines.querySelector("input:not(:checked)")?.focus();
  }
}
