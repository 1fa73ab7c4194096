import { worker } from "../trusted.js";
import { csrf } from "../words.js";

const EVERY = 5000; // ms

/** The page's sign of life while somebody waits or speaks; calls `heard({status, mark})` after each. */
export class Beats {
  constructor(url, heard) {
    this.url = url;
    this.heard = heard;
  }

  start() {
    if (this.beating) return;
    this.beating = worker(new URL("./beat_worker.js", import.meta.url));
    this.beating.addEventListener("message", ({ data }) => this.heard(data));
    this.beating.postMessage({ url: this.url, token: csrf(), every: EVERY });
  }

  stop() {
    this.beating?.terminate();
    this.beating = null;
  }
}
