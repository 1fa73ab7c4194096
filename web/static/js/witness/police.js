/** 公安核验: what the service said of the customer; 重试 while it says nothing. */
export class Police {
  /** @param again asks the service once more. */
  constructor(root, again) {
    this.root = root;
    this.button = root.querySelector("[data-again]");
    this.button.addEventListener("click", async (event) => {
      event.preventDefault();
      if (this.button.getAttribute("aria-busy") === "true") return;
      this.button.setAttribute("aria-busy", "true");
      await again();
      this.button.removeAttribute("aria-busy");
    });
  }

  show(result) {
    for (const one of this.root.querySelectorAll("[data-is]")) one.hidden = one.dataset.is !== result;
    this.button.hidden = result !== "failed";
  }
}
