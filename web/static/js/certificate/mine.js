import { find, forget } from "./store.js";

/** 我的数字证书: says which certificate lies in this browser, and deletes it here as well. */
export class Mine {
  constructor(root) {
    this.look(root, root.dataset.serial);
    root.addEventListener("submit", (event) => {
      if (this.forgotten) return;
      event.preventDefault();
      this.forgotten = true;
      const go = () => setTimeout(() => event.target.requestSubmit(event.submitter));
      forget("certificates", root.dataset.serial).then(go, go);
    });
  }

  async look(root, serial) {
    const here = await find("certificates", serial).catch(() => undefined);
    for (const one of root.querySelectorAll("[data-where]")) one.hidden = one.dataset.where !== (here ? "here" : "elsewhere");
  }
}
