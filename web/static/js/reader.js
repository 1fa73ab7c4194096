import { fill } from "./words.js";

/** Reading an agreement: its button wakes when the end was in sight and the time to read it has passed. */
export class Reader {
  constructor(root) {
    this.root = root;
    this.button = root.querySelector("[data-finish]");
    this.words = this.button.textContent;
    this.until = Date.now() + Number(root.dataset.dwell) * 1000;
    this.paper = globalThis.crypto?.subtle ? root.querySelector("#paper") : null;
    this.button.disabled = true;
    new IntersectionObserver((seen, observer) => {
      if (!seen.some((one) => one.isIntersecting)) return;
      this.ended = true;
      observer.disconnect();
      this.follow();
    }).observe(root.querySelector("[data-end]"));
    this.follow();
  }

  follow() {
    const left = Math.ceil((this.until - Date.now()) / 1000);
    // What will be signed is noted by this browser first (certificate/shown.js); that takes a moment.
    const noted = !this.paper || this.paper.querySelector("[data-remembered]");
    if (this.ended && !noted) {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.follow(), 500);
    }
    this.button.disabled = left > 0 || !this.ended || !noted;
    if (left > 0) {
      this.button.textContent = fill(this.root.dataset.wait, { n: left });
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.follow(), 500);
    } else {
      const then = noted ? this.words : this.root.dataset.noting;
      this.button.textContent = this.ended ? then : this.root.dataset.scroll;
    }
  }
}
