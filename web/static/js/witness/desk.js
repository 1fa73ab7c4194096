import { fragment, worker } from "../trusted.js";
import { fill } from "../words.js";
import { Bell } from "./bell.js";
import { clock, Refused, send } from "./commands.js";

const BEAT = 5000; // ms between two signs of life
const AGAIN = 3000; // ms until a ready agent asks for the next customer again
const TOGETHER = 200; // ms: a queue that moves often is fetched once
const FAST = 1000; // ms between two strokes of the clocks

/**
 * 坐席工作台: says that this page lives, asks for the next customer while its person is ready, and rings.
 * It only shows what the server holds, so that a reload, or a second page, shows the same.
 */
export class WitnessDesk {
  constructor(root) {
    this.root = root;
    this.urls = root.dataset;
    this.title = document.title;
    this.bell = new Bell(this.part("sound"));
    this.at = performance.now();
    this.show(JSON.parse(root.dataset.told));
    this.part("states").addEventListener("submit", (event) => {
      event.preventDefault();
      this.choose(event.submitter.value);
    });
    this.part("answers").addEventListener("submit", (event) => {
      event.preventDefault();
      this.answer(event.submitter === this.part("decline"));
    });
    this.part("rest-over").addEventListener("click", () => this.next(true));
    document.addEventListener("keydown", (event) => this.key(event));
    this.listen();
    this.pulse(BEAT, () => this.beat());
    this.pulse(AGAIN, () => this.next());
    setInterval(() => this.tick(), FAST);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.beat(); });
    this.beat();
    // The next page's scripts are there before they are needed.
    if (window.requestIdleCallback) requestIdleCallback(() => import("./call.js").catch(() => {}));
  }

  part(name) {
    return this.root.querySelector(`[data-${name}]`);
  }

  /** Do something again and again, also while nobody looks at the page. */
  pulse(every, act) {
    const beats = worker(new URL("./pulse.js", import.meta.url));
    beats.addEventListener("message", act);
    beats.postMessage(every);
  }

  listen() {
    const events = new EventSource(this.urls.events);
    const sign = document.querySelector("[data-live-state]");
    events.addEventListener("open", () => { sign.hidden = false; this.beat(); });
    events.addEventListener("error", () => { sign.hidden = true; });
    events.addEventListener("queue", () => { this.next(); this.later(); });
    for (const name of ["agent", "resync"]) events.addEventListener(name, () => { this.beat(); this.later(); });
    events.addEventListener("ended", () => { events.close(); window.location.reload(); });
  }

  key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    const offered = this.told.ticket?.state === "offered";
    if (event.key === "F2" && offered) this.answer(event.shiftKey);
    else if (event.key === "F4" && !event.shiftKey) this.choose(this.told.state === "ready" ? "paused" : "ready");
    else return;
    event.preventDefault();
  }

  choose(state) {
    return this.ask(this.urls.choose, { state }).then((told) => told && this.next());
  }

  beat() {
    return this.ask(this.urls.beat);
  }

  /** Ask for the next customer. */
  async next(now = false) {
    const told = this.told;
    if (this.asking || told.state !== "ready" || told.ticket || (this.rest() > 0 && !now)) return;
    this.asking = true;
    await this.ask(this.urls.next, { now });
    this.asking = false;
  }

  async answer(declined) {
    const offer = this.told.ticket;
    if (!offer || this.answering) return;
    this.answering = true;
    try {
      const told = await send(declined ? offer.decline_url : offer.accept_url, { epoch: offer.epoch });
      if (!declined) return window.location.assign(told.url);
      this.show(told);
    } catch (error) {
      this.say(error instanceof Refused ? error.message : this.words("failed"));
      this.beat();
    } finally {
      this.answering = false;
    }
  }

  async ask(url, body) {
    try {
      const told = await send(url, body);
      if (this.lost) this.say("");
      this.lost = false;
      this.show(told);
      return told;
    } catch (error) {
      if (error instanceof Refused && error.status === 401) window.location.reload();
      this.lost = !(error instanceof Refused);
      this.say(this.lost ? this.words("failed") : error.message);
      return null;
    }
  }

  /** Show what the server holds. */
  show(told) {
    const before = this.told?.ticket;
    this.told = told;
    this.at = performance.now();
    const { ticket, state } = told;
    for (const button of this.part("states").querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.value === state));
    }
    const offered = ticket?.state === "offered";
    if (before?.state === "offered" && !ticket && !this.answering) this.say(this.words("taken"));
    if (offered && before?.epoch !== ticket.epoch) this.offer(ticket);
    if (ticket?.state === "in_call") {
      this.part("call-name").textContent = ticket.name;
      this.part("call-url").href = ticket.call_url;
    }
    this.part("offer").hidden = !offered;
    this.part("call").hidden = ticket?.state !== "in_call";
    if (offered) this.bell.ring();
    else this.bell.silence();
    this.tick();
  }

  offer(ticket) {
    this.say("");
    for (const name of ["name", "business", "branch", "why", "number"]) {
      this.part("offer").querySelector(`[data-${name}]`).textContent = ticket[name];
    }
    const flags = ticket.flags.map((words) => {
      const mark = document.createElement("li");
      mark.className = "mark";
      mark.textContent = words;
      return mark;
    });
    this.part("flags").replaceChildren(...flags);
    this.part("answers").action = ticket.accept_url;
    this.part("answers").elements.epoch.value = ticket.epoch;
    this.part("decline").setAttribute("formaction", ticket.decline_url);
    if (!document.activeElement || document.activeElement === document.body) {
      requestAnimationFrame(() => this.part("accept").focus());
    }
  }

  passed() {
    return (performance.now() - this.at) / 1000;
  }

  rest() {
    return this.told.wrap_up - this.passed();
  }

  tick() {
    const { ticket, state } = this.told;
    this.part("since").textContent = clock(this.told.since + this.passed());
    const rest = this.rest();
    const resting = rest > 0 && !ticket && state === "ready";
    this.part("rest").hidden = !resting;
    const standing = this.part("state-words");
    const said = standing.dataset[ticket ? "busy" : resting ? "resting" : state];
    if (standing.textContent !== said) standing.textContent = said;
    const words = this.part("rest-words");
    words.textContent = fill(words.dataset.words, { n: Math.ceil(Math.max(0, rest)) });
    const offered = ticket?.state === "offered";
    document.title = offered ? `☎ ${this.part("offer").querySelector("h2").textContent}` : this.title;
    if (!offered) return;
    const left = Math.max(0, ticket.left - this.passed());
    this.part("ring").setAttribute("stroke-dasharray", `${(100 * left) / ticket.seconds} 100`);
    this.part("ring-seconds").textContent = Math.ceil(left);
    if (left <= 0) this.beat();
  }

  words(name) {
    return this.part("said").dataset[name];
  }

  say(words) {
    const said = this.part("said");
    said.textContent = words;
    said.hidden = !words;
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.fetchRows(), TOGETHER);
  }

  async fetchRows() {
    const fresh = await fragment(this.urls.rows).catch(() => null);
    if (fresh) this.part("waiting").replaceChildren(...fresh.childNodes);
  }
}
