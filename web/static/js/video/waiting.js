import { fill } from "../words.js";
import { OwnPicture } from "./own_picture.js";

const CHIMES = [0, 4000, 9000]; // ms after one's turn
const TOLD = 20_000; // ms between two words to those who listen to the page

/** The queue: the figures as they move, the own picture, and a sound when it is one's turn. */
export class Waiting {
  constructor(section, page) {
    this.page = page;
    this.root = section.querySelector("[data-queue]");
    this.words = this.root.dataset;
    this.section = section;
    this.own = new OwnPicture(section, page);
    this.own.show();
    const dialog = section.querySelector("[data-sure]");
    section.querySelector("[data-leave]").addEventListener("click", (event) => {
      event.preventDefault();
      dialog.showModal();
    });
    dialog.querySelector("[data-stay]").addEventListener("click", () => dialog.close());
    dialog.querySelector("[data-really]").addEventListener("click", () => { dialog.close(); page.post("/leave"); });
    if (this.words.values) this.moved(JSON.parse(this.words.values));
    if (this.words.state === "offered") this.turn();
  }

  stop() {
    for (const timer of this.chimes ?? []) clearTimeout(timer);
    this.own.stop();
  }

  told({ place }) {
    if (place) this.moved(place);
  }

  moved({ total, position, low, high }) {
    const at = (name) => this.root.querySelector(`[data-${name}]`);
    at("total").textContent = total;
    at("position").textContent = fill(this.words.place, { position });
    at("wait").textContent = low ? fill(this.words.range, { low, high }) : this.words.unknown;
    at("nobody").hidden = Boolean(low);
    if (this.words.state === "offered") return;
    document.title = `${fill(this.words.title, { position })} – ${this.page.title}`;
    if (position === this.position || Date.now() - (this.spoke ?? 0) < TOLD) return;
    [this.position, this.spoke] = [position, Date.now()];
    this.page.tell(fill(this.words.said, { position, total }));
  }

  turn() {
    document.title = `${this.words.turn} – ${this.page.title}`;
    this.page.tell(this.words.turn);
    this.chimes = CHIMES.map((after) => setTimeout(() => this.page.sounds.chime(), after));
    navigator.vibrate?.([200, 100, 200]);
  }
}
