import { wake } from "./wake.js";
import { fragment } from "./trusted.js";

const TOGETHER = 250; // ms: events in a burst fetch the list once

/** A list that follows what others do: events carry ids only, the rows are fetched from the page's server. */
export class Live {
  constructor(root) {
    this.root = root;
    this.sign = document.querySelector("[data-live-state]");
    if (root.dataset.every) setInterval(() => document.hidden || this.fetch(), Number(root.dataset.every) * 1000);
    if (root.dataset.events && window.EventSource) this.listen();
    document.addEventListener("visibilitychange", () => { if (!document.hidden && this.missed) this.fetch(); });
  }

  listen() {
    const events = new EventSource(this.root.dataset.events);
    events.addEventListener("open", () => {
      if (this.sign) this.sign.hidden = false;
      if (this.dropped) this.later();
      this.dropped = false;
    });
    events.addEventListener("error", () => { this.dropped = true; if (this.sign) this.sign.hidden = true; });
    for (const name of (this.root.dataset.on ?? "inbox case resync").split(" ")) events.addEventListener(name, () => this.later());
    // The session is over: the page asks again and is led to sign in.
    events.addEventListener("ended", () => { events.close(); window.location.reload(); });
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.fetch(), TOGETHER);
  }

  async fetch() {
    if (document.hidden) { this.missed = true; return; }
    this.missed = false;
    const path = new URL(this.root.dataset.fragment, window.location.origin);
    if (!path.search) path.search = window.location.search;
    const fresh = await fragment(path).catch(() => null);
    if (!fresh) return;
    const place = this.root.id && fresh.getElementById(this.root.id);
    const focused = document.activeElement?.closest?.("[data-row]") ? document.activeElement.getAttribute("href") : null;
    this.root.replaceChildren(...(place ? place.childNodes : fresh.childNodes));
    if (focused) [...this.root.querySelectorAll("a")].find((link) => link.getAttribute("href") === focused)?.focus();
    wake(this.root);
  }
}
