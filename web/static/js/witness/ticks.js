import { fill } from "../words.js";

const TOGETHER = 150; // ms: boxes ticked in a burst are sent once
const AGAIN = 3000; // ms until a list that was not taken is sent again

/** What was asked and checked: kept on the server as it is ticked, so that nothing is lost by a reload. */
export class Ticks {
  /** @param save sends what `answers` holds; resolves to null when it was not taken. */
  constructor(root, save) {
    this.root = root;
    this.save = save;
    this.boxes = [...root.querySelectorAll("input[type=checkbox]")];
    this.saved = root.querySelector("[data-saved-state]");
    root.addEventListener("change", () => { this.count(); this.later(TOGETHER); });
    this.count();
  }

  answers() {
    const lists = {};
    for (const box of this.boxes) {
      lists[box.name] ??= [];
      if (box.checked) lists[box.name].push(box.value);
    }
    return lists;
  }

  count() {
    const left = this.boxes.filter((box) => !box.checked && !box.closest("[hidden]")).length;
    const place = this.root.querySelector("[data-count]");
    place.textContent = left ? fill(place.dataset.words, { n: left }) : place.dataset.done;
    place.classList.toggle("count--done", !left);
  }

  later(wait) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(), wait);
  }

  async send() {
    const taken = await this.save();
    this.saved.textContent = taken ? this.root.dataset.saved : this.root.dataset.failed;
    if (taken === null) this.later(AGAIN);
  }
}
