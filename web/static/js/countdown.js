import { fill } from "./words.js";

/** Counts down on a button (SMS) or a link that then goes by itself (submission, R-200). */
export class Countdown {
  constructor(root) {
    this.root = root;
    this.leave = "leave" in root.dataset;
    this.until = Date.now() + Number(root.dataset.seconds) * 1000;
    if (!this.leave) root.disabled = true;
    this.tick();
  }

  tick() {
    const left = Math.ceil((this.until - Date.now()) / 1000);
    if (left <= 0) {
      this.root.textContent = this.root.dataset.after;
      if (this.leave) window.location.assign(this.root.href);
      else this.root.disabled = this.root.dataset.held === "true";
      delete this.root.dataset.running;
      return;
    }
    this.root.dataset.running = "true";
    this.root.textContent = fill(this.root.dataset.counting, { n: left });
    setTimeout(() => this.tick(), 1000 - (Date.now() % 1000) + 5);
  }
}
