import { fragment } from "../trusted.js";
import { csrf, say } from "../words.js";
import { Beats } from "./beats.js";
import { Call } from "./call.js";
import { Check } from "./check.js";
import { Consent } from "./consent.js";
import { Devices } from "./devices.js";
import { ScreenOn } from "./screen_on.js";
import { seat } from "./seat.js";
import { Sounds } from "./sounds.js";
import { Waiting } from "./waiting.js";

const PANELS = { consent: Consent, check: Check, queue: Waiting, call: Call };
const LIVELY = new Set(["queue", "call"]); // panels in which the page must give signs of life
const READ = 1500; // ms to read why the page goes elsewhere
const FRESH = 30000; // ms for which relays that were told may be used; their credentials last some minutes
const AGAIN = 2000; // ms until a state that could not be had is asked for again

/**
 * 视频见证: shows the part of the page that fits what the server says, and keeps what outlives the parts:
 * camera and microphone, the sounds a press has woken, the stream of events.
 */
export class Witness {
  constructor(root) {
    this.root = root;
    this.words = root.dataset;
    this.url = root.dataset.url;
    this.place = root.querySelector("[data-panel-place]");
    this.devices = new Devices();
    this.sounds = new Sounds();
    this.screen = new ScreenOn();
    this.title = document.title;
    this.beats = new Beats(`${this.url}/beat`, (told) => this.beaten(told));
    window.addEventListener("pageshow", (event) => { if (event.persisted) window.location.reload(); });
    this.begin();
  }

  async begin() {
    // What is ticked and chosen here belongs to no answer of the page: nothing of it is saved with the draft.
    for (const name of ["input", "change"]) this.root.addEventListener(name, (event) => event.stopPropagation());
    this.seat = await seat();
    this.listen();
    this.wake();
  }

  get section() {
    return this.place.firstElementChild;
  }

  /** Let the part that is shown come to life. */
  wake() {
    const { panel } = this.section.dataset;
    document.title = this.title;
    if (LIVELY.has(panel)) {
      this.beats.start();
      this.screen.ask();
    } else {
      this.beats.stop();
      this.screen.release();
      this.devices.close();
    }
    this.shown = PANELS[panel] ? new PANELS[panel](this.section, this) : null;
    // Who is in the queue or speaks does not go back by a button that would give up the place.
    const back = this.root.closest("form")?.querySelector(":scope > .actions");
    if (back) back.hidden = LIVELY.has(panel) || panel === "passed";
  }

  listen() {
    if (!window.EventSource) return void setInterval(() => this.look(), AGAIN * 2);
    const events = this.events = new EventSource(this.words.events);
    events.addEventListener("open", () => { this.line(""); this.look(); });
    events.addEventListener("error", () => { if (LIVELY.has(this.section.dataset.panel)) this.line(this.words.offline); });
    events.addEventListener("queue", ({ data }) => this.shown?.moved?.(JSON.parse(data)));
    events.addEventListener("desk", ({ data }) => { if (JSON.parse(data).task === this.words.task) this.look(); });
    for (const name of ["case", "resync"]) events.addEventListener(name, () => this.look());
    events.addEventListener("ended", () => { events.close(); window.location.reload(); });
  }

  beaten({ status, mark }) {
    if (status === 401) return window.location.reload();
    if (!status || status >= 500) return this.line(this.words.offline);
    if (status === 200) this.line("");
    if (mark !== undefined && mark !== this.section.dataset.mark) this.look();
  }

  /** Ask the server where the customer stands; calls while it is being asked are one more. */
  async look() {
    if (this.looking) { this.onceMore = true; return; }
    this.looking = true;
    try {
      const told = await this.ask("");
      if (told) await this.follow(told);
    } catch {
      clearTimeout(this.later);
      this.later = setTimeout(() => this.look(), AGAIN);
    } finally {
      this.looking = false;
    }
    if (this.onceMore) { this.onceMore = false; this.look(); }
  }

  async follow(told) {
    if (told.panel === "moved") return this.go(told);
    if (told.ice) this.relays = { servers: told.ice, at: performance.now() };
    if (told.mark !== this.section.dataset.mark) await this.redraw();
    this.shown?.told?.(told);
  }

  async redraw() {
    const fresh = await fragment(this.url);
    if (!fresh?.firstElementChild) throw new Error("no part of the page came");
    this.shown?.stop?.();
    this.complain("");
    this.place.replaceChildren(fresh.firstElementChild);
    this.wake();
    const heading = this.place.querySelector("[data-heading]");
    heading?.focus({ preventScroll: false });
    this.tell(heading?.textContent ?? "");
  }

  /** The case has left this page: say so, and go where it is. */
  go({ onward, result }) {
    if (this.going) return;
    this.going = true;
    this.shown?.stop?.();
    this.beats.stop();
    this.devices.close();
    const words = result === "sent_back" ? this.words.back : this.words.leaving;
    this.line(words);
    this.tell(words);
    setTimeout(() => window.location.replace(onward), READ);
  }

  /** Ask for the state as JSON; null when the session is over, and the page goes to sign in. */
  async ask(path) {
    const answer = await fetch(this.url + path, { headers: { Accept: "application/json" } });
    return this.answered(answer);
  }

  /** Post JSON and show what then is; a refusal is said on the page. Returns whether it was accepted. */
  async post(path, body = {}) {
    this.complain("");
    const headers = { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": csrf() };
    try {
      const answer = await fetch(this.url + path, { method: "POST", headers, body: JSON.stringify(body) });
      const told = await this.answered(answer);
      if (told) await this.follow(told);
      return true;
    } catch (error) {
      this.complain(error.said ?? this.words.failed);
      return false;
    }
  }

  async answered(answer) {
    if (answer.status === 401) { window.location.reload(); return null; }
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) throw Object.assign(new Error(String(answer.status)), { said: told.message });
    return told;
  }

  /** The relays that may be used now; what was told a moment ago need not be asked. */
  async ice() {
    if (this.relays && performance.now() - this.relays.at < FRESH) return this.relays.servers;
    return (await this.ask("/ice"))?.servers ?? [];
  }

  /** Something that stays at the head of the part, such as that the line is broken; "" takes it away. */
  line(words) {
    const place = this.root.querySelector("[data-line]");
    if (place.hidden === !words && place.textContent === words) return;
    place.hidden = !words;
    say(place, words, words ? "refresh" : undefined);
  }

  complain(words) {
    const place = this.root.querySelector("[data-wrong]");
    place.hidden = !words;
    place.querySelector("[data-said]").textContent = words;
  }

  /** Tell those who listen to the page. */
  tell(words) {
    this.root.querySelector("[data-status]").textContent = words;
  }
}
