/** Says that this browser will do; it would not have come here otherwise. */
export class Browser {
  constructor(root) {
    root.querySelector("[data-result]").textContent = root.dataset.good;
  }
}
