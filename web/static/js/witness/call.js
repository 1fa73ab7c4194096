import { Session } from "../video/session.js";
import { fill } from "../words.js";
import { clock, Refused, send } from "./commands.js";
import { Confirm } from "./confirm.js";
import { Keys } from "./keys.js";
import { Notes } from "./notes.js";
import { Police } from "./police.js";
import { judge, Quality } from "./quality.js";
import { Shots } from "./shots.js";
import { Ticks } from "./ticks.js";

const ALIVE = 3000; // ms between two signs of life; the server holds the call 15 s without one
const CAMERA = { audio: { echoCancellation: true, noiseSuppression: true }, video: { width: 640, height: 480, frameRate: 25 } };

/** 视频见证: one call from the agent's side. */
export class WitnessCall {
  constructor(root) {
    this.root = root;
    this.urls = JSON.parse(root.dataset.urls);
    this.epoch = Number(root.dataset.epoch);
    this.seat = root.dataset.seat;
    this.relays = JSON.parse(root.dataset.told).relays ?? null; // for the first connection
    this.began = performance.now() - 1000 * Number(root.dataset.seconds);
    this.quality = new Quality(this.part("legs"));
    this.shots = new Shots(root, (kind) => this.shoot(kind));
    this.police = new Police(this.part("police"), () => this.ask(this.urls.verify));
    this.confirm = new Confirm(this.part("confirm"));
    this.ticks = new Ticks(this.part("script"), () => this.keep());
    this.notes = new Notes(root, this.urls.page, () => this.keep());
    this.keys = new Keys(root, {
      F8: () => this.shots.shoot("face"),
      F9: () => this.shots.shoot("card"),
      "Ctrl+Enter": () => this.part("submit").click(),
      m: () => this.mute(),
    }, this.ticks.boxes);
    this.part("mute").addEventListener("click", () => this.mute());
    this.part("rejoin").addEventListener("click", () => this.rejoin());
    root.addEventListener("submit", (event) => this.submit(event));
    root.addEventListener("change", ({ target }) => { this.allow(); if (target.type === "radio") this.confirm.show([]); });
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") this.part("other").open = false; });
    this.show(JSON.parse(root.dataset.told));
    this.listen();
    this.timers = [setInterval(() => this.alive(), ALIVE), setInterval(() => this.strike(), 1000)];
    this.connect();
  }

  part(name) {
    return this.root.querySelector(`[data-${name}]`);
  }

  // The connection

  async connect() {
    const own = this.part("own");
    const remote = this.part("remote");
    try {
      this.stream ??= await navigator.mediaDevices.getUserMedia(CAMERA);
    } catch {
      return this.say(this.root.dataset.camera);
    }
    this.said(this.root.dataset.camera);
    own.srcObject = this.stream;
    const relays = async () => {
      const [told] = [this.relays, this.relays = null];
      return told ?? (await fetch(this.urls.relays, { headers: { Accept: "application/json" } })).json();
    };
    this.session = new Session(`${this.urls.join}?epoch=${this.epoch}&seat=${this.seat}`, { ice: relays });
    this.session.show(remote);
    this.session.addEventListener("state", () => this.follow());
    try {
      await this.session.publish(this.stream);
    } catch (error) {
      if (error.status === 409) this.over(error);
      else this.say(error.message || this.root.dataset.failed);
    }
  }

  follow() {
    this.root.dataset.session = this.session.state;
    if (this.session.state === "connected") this.said(this.root.dataset.failed);
  }

  async rejoin() {
    if (!this.session || this.session.over) return this.connect();
    await this.session.rejoin().catch((error) => this.say(error.message));
  }

  mute() {
    const tracks = this.stream?.getAudioTracks() ?? [];
    const muted = !(this.part("mute").getAttribute("aria-pressed") === "true");
    for (const track of tracks) track.enabled = !muted;
    this.part("mute").setAttribute("aria-pressed", String(muted));
    const words = this.part("mute-words");
    words.textContent = muted ? words.dataset.off : words.dataset.on;
  }

  // What the server holds

  listen() {
    this.events = new EventSource(this.root.dataset.events);
    for (const name of ["agent", "resync"]) this.events.addEventListener(name, () => this.alive());
    this.events.addEventListener("ended", () => { this.events.close(); window.location.reload(); });
  }

  alive() {
    return this.ask(this.urls.alive);
  }

  /** Keep ticks and remarks as they are when it is their turn: one after another, so that the last word stays. */
  keep() {
    const send = () => this.ask(this.urls.tick, { answers: this.ticks.answers(), remarks: this.notes.remarks() });
    this.keeping = (this.keeping ?? Promise.resolve()).then(send);
    return this.keeping.then((told) => (told ? true : null));
  }

  async shoot(kind) {
    this.shots.say(this.root.dataset.shooting);
    await this.ask(this.urls.snapshot, { kind });
    this.shots.say("");
  }

  /** Send a command with the epoch; null when nothing came of it, which is then said. */
  async ask(url, body = {}) {
    if (this.ended) return null;
    try {
      const told = await send(url, { epoch: this.epoch, seat: this.seat, ...body });
      this.said(this.root.dataset.failed);
      this.show(told);
      return told;
    } catch (error) {
      if (error instanceof Refused && error.status === 401) window.location.reload();
      // While a result is being given, this call is over because of it.
      else if (error instanceof Refused && error.status === 409) { if (!this.sending) this.over(error); }
      else this.say(error instanceof Refused ? error.message : this.root.dataset.failed);
      return null;
    }
  }

  show(told) {
    this.told = told;
    this.quality.show(told.legs);
    this.shots.show(told.pictures);
    this.police.show(told.police);
    const state = judge(told.legs.customer);
    const here = ["good", "weak", "bad"].includes(state);
    this.part("none").hidden = here;
    const words = this.part("none-words");
    words.textContent = state === "none" ? words.dataset.waiting : words.dataset.away;
    const list = told.missing.map((sentence) => {
      const line = document.createElement("li");
      line.textContent = sentence;
      return line;
    });
    this.part("missing-list").replaceChildren(...list);
    const title = this.part("missing-title");
    title.textContent = list.length ? title.dataset.words : title.dataset.done;
    this.allow();
  }

  /** 通过 waits until nothing is missing; the server refuses it as well. */
  allow() {
    const passes = this.root.querySelector('input[name$="decision"][value="approve"]');
    const waits = this.told.missing.length > 0;
    passes.disabled = waits;
    if (waits && passes.checked) passes.checked = false;
    passes.setAttribute("aria-describedby", "missing");
  }

  strike() {
    this.part("clock").textContent = clock((performance.now() - this.began) / 1000);
  }

  // The result

  async submit(event) {
    event.preventDefault();
    const button = event.submitter;
    if (this.sending || this.ended) return;
    const url = button?.getAttribute("formaction") ?? this.urls.decide;
    this.sending = true;
    const body = new FormData(this.root);
    if (button?.name) body.append(button.name, button.value);
    try {
      const told = await send(url, body);
      this.notes.forget();
      this.leave();
      window.location.assign(told.url);
    } catch (error) {
      if (error instanceof Refused && error.status === 422) this.problems(error.told.problems ?? []);
      else if (error instanceof Refused && error.status === 409) this.over(error);
      else this.say(error instanceof Refused ? error.message : this.root.dataset.failed);
    } finally {
      this.sending = false;
    }
  }

  problems(found) {
    const lines = found.filter((one) => one.level === "error").map((one) => {
      const line = document.createElement("li");
      const link = document.createElement("a");
      link.href = `#${one.key.replaceAll(".", "-")}`;
      link.textContent = one.message;
      line.append(link);
      return line;
    });
    this.part("problem-list").replaceChildren(...lines);
    this.part("problems").hidden = !lines.length;
    this.confirm.show(found.filter((one) => one.level === "warning"));
    if (lines.length) this.part("problems").focus();
    else this.confirm.focus();
  }

  // Ends

  /** The call is not this page's any more: nothing is sent, and it says why. */
  over({ message, code }) {
    this.leave();
    this.root.hidden = true;
    const place = document.querySelector("[data-over]");
    const title = place.querySelector("[data-over-title]");
    const elsewhere = code === "video_elsewhere";
    if (elsewhere) title.textContent = title.dataset.elsewhere;
    place.querySelector("[data-over-words]").textContent = elsewhere ? "" : message;
    place.querySelector("[data-here]").hidden = !elsewhere;
    place.hidden = false;
    place.focus();
  }

  leave() {
    this.ended = true;
    for (const timer of this.timers) clearInterval(timer);
    this.notes.stop();
    this.events.close();
    this.session?.close();
    for (const track of this.stream?.getTracks() ?? []) track.stop();
  }

  say(words) {
    const said = this.part("said");
    if (!said.hidden && said.textContent === words) return;
    said.textContent = fill(words, {});
    said.hidden = !words;
  }

  /** Take back something that was said and holds no longer. */
  said(words) {
    if (this.part("said").textContent === words) this.say("");
  }
}
