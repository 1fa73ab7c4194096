import { fragment } from "./trusted.js";
import { wake } from "./wake.js";

/** A part of the page that the server is still making: asked for again whenever something moved, until it is there. */
export class Awaited {
  constructor(root) {
    this.root = root;
    if (!window.EventSource) return;
    this.events = new EventSource(root.dataset.events);
    // "open", too: it may have been finished while nobody listened yet.
    for (const name of ["open", "desk", "resync"]) this.events.addEventListener(name, () => this.look());
    this.events.addEventListener("ended", () => { this.events.close(); window.location.reload(); });
  }

  async look() {
    const fresh = await fragment(window.location.pathname).catch(() => null);
    const place = fresh?.getElementById(this.root.id);
    if (!place?.querySelector("[data-ready]") || !this.root.isConnected) return;
    this.events.close();
    const { paper, digest } = fresh.querySelector("article").dataset;
    Object.assign(this.root.closest("article").dataset, { paper, digest });
    this.root.replaceChildren(...place.childNodes);
    wake(this.root);
  }
}
