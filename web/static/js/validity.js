/** 长期 clears and disables 至. */
export class Validity {
  constructor(root) {
    this.until = root.querySelector("[data-until]");
    this.longTerm = root.querySelector("[data-long-term]");
    this.longTerm.addEventListener("change", () => this.follow());
    this.follow();
  }

  follow() {
    if (this.longTerm.checked) this.until.value = "";
    this.until.disabled = this.longTerm.checked;
  }
}
