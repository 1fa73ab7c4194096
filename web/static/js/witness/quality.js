import { icon } from "../words.js";

const SILENT = 1.5; // s without media after which a side counts as interrupted
const LOSSY = 0.05; // share of packets lost from which a line is bad
const LOW = 200; // kbit/s of picture below which a line is weak

/** How both lines are doing, in words, a sign and figures; and what is missing of the customer's picture. */
export class Quality {
  constructor(root) {
    this.root = root;
    this.words = JSON.parse(root.dataset.legs);
  }

  show(legs) {
    for (const place of this.root.querySelectorAll("[data-leg]")) {
      const leg = legs[place.dataset.leg];
      const state = judge(leg);
      if (place.dataset.state !== state) {
        place.dataset.state = state;
        place.querySelector("[data-leg-words]").textContent = this.words[state];
        place.querySelector("[data-leg-sign]").replaceChildren(icon(SIGNS[state]));
      }
      place.querySelector("[data-leg-figures]").textContent = leg ? figures(leg) : "";
    }
  }
}

const SIGNS = { good: "done", weak: "warn", bad: "warn", idle: "refused", gone: "refused", none: "clock" };

export function judge(leg) {
  if (!leg) return "none";
  // What arrives says more than what the connection is called.
  if (leg.idle === null || leg.idle > SILENT) return WITHOUT[leg.state] ?? "idle";
  if (!leg.width) return "none"; // no whole picture has come yet
  if (leg.loss > LOSSY) return "bad";
  return leg.kbps < LOW || leg.loss > LOSSY / 2 ? "weak" : "good";
}

const WITHOUT = { new: "none", connecting: "none", gone: "gone" };

function figures(leg) {
  const parts = [];
  if (leg.width) parts.push(`${leg.width}×${leg.height}`, `${Math.round(leg.fps)} fps`);
  parts.push(`${Math.round(leg.kbps)} kbps`, `${(leg.loss * 100).toFixed(1)}%`);
  return parts.join(" · ");
}
