import { fill } from "../words.js";

const PATIENCE = 10; // s until it is said that the customer's own picture did not come

/** 正脸 and 手持身份证: the customer's own picture and the server's key frame side by side; both can be retaken. */
export class Shots {
  /** @param take asks the server for a picture of a kind. */
  constructor(root, take) {
    this.root = root;
    this.take = take;
    this.since = {};
    for (const button of root.querySelectorAll("[data-shoot]")) {
      button.addEventListener("click", () => this.shoot(button.dataset.shoot));
    }
  }

  async shoot(kind) {
    const button = this.root.querySelector(`[data-shoot="${kind}"]`);
    if (button.getAttribute("aria-busy") === "true") return;
    button.setAttribute("aria-busy", "true");
    this.since[kind] = performance.now();
    await this.take(kind);
    button.removeAttribute("aria-busy");
  }

  show(pictures) {
    for (const place of this.root.querySelectorAll("[data-shot]")) {
      const kind = place.dataset.shot;
      const taken = pictures[kind];
      const button = place.querySelector("[data-shoot]");
      place.querySelector("[data-shoot-words]").textContent = taken ? button.dataset.again : button.dataset.words;
      place.querySelector("[data-pair]").hidden = !taken;
      place.dataset.taken = taken ? (taken.still || taken.frame ? "yes" : "waiting") : "no";
      if (!taken) continue;
      for (const name of ["still", "frame"]) this.picture(place, name, taken[name], kind);
    }
  }

  picture(place, name, url, kind) {
    const link = place.querySelector(`[data-${name}]`);
    const none = place.querySelector(`[data-${name}-none]`);
    link.hidden = !url;
    none.hidden = Boolean(url);
    if (!url) {
      const waited = (performance.now() - (this.since[kind] ?? 0)) / 1000;
      none.textContent = waited > PATIENCE ? none.dataset.late : none.dataset.waiting;
    } else if (link.getAttribute("href") !== url) {
      link.href = url;
      link.querySelector("img").src = url;
    }
  }

  say(words, gaps = {}) {
    this.root.querySelector("[data-shot-state]").textContent = fill(words, gaps);
  }
}
