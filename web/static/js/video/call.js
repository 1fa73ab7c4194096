import { say } from "../words.js";
import { OwnPicture } from "./own_picture.js";
import { Session } from "./session.js";
import { Still } from "./still.js";

const LOOK = 2000; // ms between two looks at the figures
const SHOWN = 5000; // ms a message stays
const BAD = { loss: 0.1, rtt: 800 };
const WEAK = { loss: 0.03, rtt: 350 };

/** 视频通话 (P14): joins, shows both sides, photographs when the agent asks, comes back by itself. */
export class Call {
  constructor(section, page) {
    this.section = section;
    this.page = page;
    this.root = section.querySelector("[data-call]");
    this.words = this.root.dataset;
    const part = (name) => section.querySelector(`[data-${name}]`);
    [this.remote, this.state, this.message, this.blocked] = ["remote", "state", "message", "blocked"].map(part);
    [this.other, this.elsewhere, this.network] = ["other", "elsewhere-part", "network"].map(part);
    this.own = new OwnPicture(section, page);
    this.own.opened = () => this.join();
    this.taken = new Set();
    part("mute").addEventListener("click", ({ currentTarget }) => this.mute(currentTarget));
    this.other.addEventListener("click", () => this.turnRound());
    part("unblock").addEventListener("click", () => this.play());
    part("take").addEventListener("click", () => page.post("/seat", { seat: page.seat }).then((done) => done && this.takeOver()));
    this.ask(part("sure"), part("end"));
    this.changed = ({ detail }) => this.session?.replace(detail);
    page.devices.addEventListener("change", this.changed);
    this.remote.addEventListener("playing", () => { this.seen = true; this.show(); });
    this.clock = setInterval(() => this.tick(part("clock")), 1000);
    this.tick(part("clock"));
    if (section.dataset.seat && section.dataset.seat !== page.seat) this.leaveTo();
    else this.join();
  }

  stop() {
    this.over = true;
    clearInterval(this.clock);
    clearInterval(this.meter);
    clearTimeout(this.fade);
    this.page.devices.removeEventListener("change", this.changed);
    this.session?.close();
    this.own.stop();
    this.remote.srcObject = null;
  }

  ask(dialog, button) {
    button.addEventListener("click", () => dialog.showModal());
    dialog.querySelector("[data-stay]").addEventListener("click", () => dialog.close());
    dialog.querySelector("[data-really]").addEventListener("click", () => {
      dialog.close();
      this.session?.close();
      this.page.post("/leave");
    });
  }

  async join() {
    const stream = await this.own.show();
    if (!stream || this.over || this.session) return;
    this.other.hidden = (await this.page.devices.list("videoinput")).length < 2;
    const query = new URLSearchParams({ epoch: this.section.dataset.epoch, seat: this.page.seat });
    const session = this.session = new Session(`${this.page.url}/call?${query}`, { ice: () => this.page.ice() });
    session.addEventListener("state", () => this.show());
    clearInterval(this.meter);
    this.meter = setInterval(() => this.measure(), LOOK);
    session.show(this.remote, () => this.play());
    session.publish(stream).catch((refused) => this.refused(refused));
  }

  refused({ code }) {
    if (this.over) return;
    if (code === "elsewhere") return this.leaveTo();
    this.page.look();
  }

  /** The call belongs to another window now. */
  leaveTo() {
    this.session?.close();
    this.session = null;
    this.elsewhere.hidden = false;
    this.root.dataset.away = "";
    this.page.devices.close();
  }

  takeOver() {
    this.elsewhere.hidden = true;
    delete this.root.dataset.away;
    this.section.dataset.seat = this.page.seat;
    this.join();
  }

  /** Sound needs a press in some browsers, when the page was loaded in the call. */
  async play() {
    this.blocked.hidden = true;
    try {
      await this.remote.play();
    } catch (error) {
      if (error.name === "NotAllowedError") this.blocked.hidden = false;
    }
  }

  show() {
    const state = this.session?.state;
    if (state === "refused") this.refused(this.session.why);
    if (state !== "connected") this.seen = false;
    const words = { new: "joining", joining: "joining", lost: "lost", connected: this.seen ? "" : "waiting" }[state];
    this.state.hidden = !words;
    if (words) say(this.state, this.words[words], "clock");
  }

  async measure() {
    if (this.session?.state !== "connected") return this.rate(1);
    const { loss, lost, rtt, down } = await this.session.stats();
    const worse = (limit) => Math.max(loss ?? 0, lost) > limit.loss || (rtt ?? 0) > limit.rtt;
    this.rate(worse(BAD) ? 1 : worse(WEAK) ? 2 : 3);
    // The agent's side is silent: say that one waits, without ending anything.
    this.silent = down > 3 ? 0 : (this.silent ?? 0) + 1;
    if (this.silent > 1 && this.seen) { this.seen = false; this.show(); }
    else if (!this.silent && !this.seen && this.remote.videoWidth) { this.seen = true; this.show(); }
  }

  rate(level) {
    if (Number(this.network.dataset.level) === level) return;
    this.network.dataset.level = level;
    this.network.querySelector("[data-network-said]").textContent = this.words[["", "bad", "weak", "good"][level]];
  }

  mute(button) {
    const muted = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(muted));
    for (const track of this.page.devices.stream?.getAudioTracks() ?? []) track.enabled = !muted;
    this.note(muted ? this.words.muted : "", muted);
  }

  async turnRound() {
    this.other.disabled = true;
    await this.page.devices.turnRound().catch((error) => this.own.explain(error.message));
    this.other.disabled = false;
  }

  told({ wanted = [] }) {
    for (const one of wanted) if (!this.taken.has(one.id)) this.shoot(one);
  }

  async shoot({ id, kind }) {
    const track = this.page.devices.stream?.getVideoTracks()[0];
    if (!track || !this.session) return;
    this.taken.add(id);
    this.note(this.words[kind] ?? this.words.face);
    const sent = await new Still(track, this.own.video).send(`${this.page.url}/stills/${id}?${new URL(this.session.url, location.href).searchParams}`).catch(() => false);
    if (sent) this.note(this.words.taken);
    else this.taken.delete(id);
  }

  /** A message over the picture; `stays` until another takes its place. */
  note(words, stays = false) {
    clearTimeout(this.fade);
    this.message.hidden = !words;
    this.message.textContent = words;
    if (words && !stays) this.fade = setTimeout(() => { this.message.hidden = true; }, SHOWN);
  }

  tick(place) {
    this.ahead ??= Number(this.words.now) * 1000 - Date.now();
    const now = new Date(Date.now() + this.ahead);
    place.dateTime = now.toISOString();
    place.textContent = now.toLocaleString("sv-SE", { timeZone: "Asia/Shanghai" });
  }
}
