/** The reviewer's decision: reasons appear when they are needed, A S D choose by keyboard. */
export class Decision {
  constructor(root) {
    this.root = root;
    root.addEventListener("change", () => this.follow());
    document.addEventListener("keydown", (event) => {
      if (document.documentElement.dataset.singleKeys === "off") return;
      if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("textarea, input:not([type=radio]):not([type=checkbox]), select")) return;
      const choice = [...this.radios()].find((one) => one.accessKey.toLowerCase() === event.key.toLowerCase());
      if (!choice || choice.disabled) return;
      choice.checked = true;
      choice.focus();
      this.follow();
    });
    this.follow();
  }

  radios() {
    return this.root.querySelectorAll("input[type=radio][accesskey]");
  }

  follow() {
    const chosen = [...this.radios()].find((one) => one.checked)?.value ?? "";
    for (const part of this.root.querySelectorAll("[data-for]")) {
      const wanted = part.dataset.for.split(" ").includes(chosen);
      part.hidden = !wanted;
      part.disabled = !wanted;
    }
    const unfit = { return: "final", reject: "retry" }[chosen];
    for (const reason of this.root.querySelectorAll("[data-kind]")) {
      const out = reason.dataset.kind === unfit;
      reason.hidden = out;
      reason.querySelector("input").disabled = out;
    }
  }
}
