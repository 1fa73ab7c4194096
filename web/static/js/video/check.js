import { fill, say } from "../words.js";
import { browserKind } from "./browser_kind.js";
import { Level } from "./level.js";
import { Loopback } from "./loopback.js";

const SILENT = 7000; // ms until somebody who was not heard is helped
const NEEDED = ["camera", "microphone", "speaker", "network"];
const DRAWINGS = { ok: "done", wrong: "warn", busy: "clock" };

/** 设备检测: shows that each thing works, or what to do; keeps the camera open for the call. */
export class Check {
  constructor(section, page) {
    this.section = section;
    this.page = page;
    this.root = section.querySelector("[data-check]");
    this.words = this.root.dataset;
    const part = (name) => section.querySelector(`[data-${name}]`);
    [this.test, this.enter, this.preview, this.cover] = ["test", "enter", "preview", "cover"].map(part);
    this.found = {};
    this.test.hidden = false;
    this.test.addEventListener("click", () => this.begin());
    this.enter.addEventListener("click", () => this.go());
    part("heard").addEventListener("click", () => this.heard(true));
    part("unheard").addEventListener("click", () => this.heard(false));
    part("play").addEventListener("click", () => this.play());
    part("network-again").addEventListener("click", () => this.network());
    for (const list of section.querySelectorAll("[data-devices]")) {
      list.addEventListener("change", () => this.choose(list.dataset.devices, list.value));
    }
    this.ended = () => { this.set("camera", "wrong", this.words.ended); this.again(); };
    this.changed = () => this.look();
    page.devices.addEventListener("ended", this.ended);
    page.devices.addEventListener("change", this.changed);
    if (!window.isSecureContext) this.explain("insecure");
    else if (!navigator.mediaDevices?.getUserMedia || !window.RTCPeerConnection) this.explain("unsupported");
    if (!this.words.open) this.closed = setInterval(() => page.redraw().catch(() => {}), 60_000);
  }

  stop() {
    this.over = true;
    clearInterval(this.closed);
    clearTimeout(this.silent);
    this.level?.stop();
    this.loopback?.stop();
    this.page.devices.removeEventListener("ended", this.ended);
    this.page.devices.removeEventListener("change", this.changed);
  }

  item(name) {
    return this.section.querySelector(`[data-item="${name}"]`);
  }

  /** Say how one thing stands: ok, wrong, busy, or still to do. */
  set(name, state, words) {
    this.found[name] = state === "ok";
    if (this.named) this.page.complain(this.left());
    const item = this.item(name);
    if (item.dataset.state === state && item.querySelector("[data-said]").textContent === words) return;
    item.dataset.state = state;
    say(item.querySelector("[data-said]"), words, DRAWINGS[state]);
  }

  help(...shown) {
    const kind = browserKind();
    for (const one of this.section.querySelectorAll("[data-help]")) {
      one.hidden = !shown.includes(one.dataset.help);
      const ways = [...one.querySelectorAll("[data-for]")];
      const known = ways.some((way) => way.dataset.for === kind);
      for (const way of ways) way.hidden = known && way.dataset.for !== kind;
    }
  }

  explain(why) {
    for (const name of ["camera", "microphone"]) this.set(name, "wrong", this.words[why]);
    this.help(why);
    this.again();
  }

  again() {
    this.test.hidden = false;
    this.enter.hidden = true;
  }

  async begin() {
    if (this.beginning) return;
    this.beginning = true;
    const context = this.page.sounds.wake();
    this.help();
    for (const name of ["camera", "microphone"]) this.set(name, "busy", this.words.asking);
    try {
      const stream = await this.page.devices.open();
      if (this.over) return;
      this.test.hidden = true;
      this.enter.hidden = false;
      this.enter.focus();
      await this.look();
      this.listen(context, stream);
      this.network();
      for (const kind of ["videoinput", "audioinput"]) this.offer(kind);
      this.item("speaker").querySelector("[data-play-place]").hidden = false;
    } catch (error) {
      if (!this.over) this.explain(this.words[error.message] ? error.message : "busy");
    } finally {
      this.beginning = false;
    }
  }

  /** The picture counts once it moves. */
  async look() {
    this.preview.srcObject = this.page.devices.stream;
    this.cover.hidden = true;
    await this.preview.play().catch(() => {});
    const there = () => { if (this.preview.videoWidth) this.set("camera", "ok", this.words.cameraOk); };
    this.preview.addEventListener("loadeddata", there, { once: true });
    there();
  }

  listen(context, stream) {
    this.level?.stop();
    this.item("microphone").querySelector("[data-level]").hidden = false;
    this.set("microphone", "busy", this.words.microphoneListening);
    const meter = this.item("microphone").querySelector("meter");
    clearTimeout(this.silent);
    this.silent = setTimeout(() => {
      if (this.found.microphone) return;
      this.set("microphone", "wrong", this.words.microphoneSilent);
      this.help("silent");
    }, SILENT);
    if (!context) return this.spoken();
    this.level = new Level(context, stream, { shown: (level) => { meter.value = level; }, heard: () => this.spoken() });
  }

  spoken() {
    if (this.playing) return; // that was our own tone
    this.set("microphone", "ok", this.words.microphoneOk);
    this.help();
    if (this.found.speaker === undefined) this.play();
  }

  async play() {
    if (this.playing) return;
    this.playing = true;
    this.set("speaker", "busy", this.words.speakerPlaying);
    await this.page.sounds.test();
    this.playing = false;
    if (this.over) return;
    this.set("speaker", "busy", this.words.speakerAsked);
    this.item("speaker").querySelector("[data-ask]").hidden = false;
    // What was said while the tone sounded was not listened to.
    if (!this.found.microphone) this.listen(this.page.sounds.wake(), this.page.devices.stream);
  }

  heard(yes) {
    this.item("speaker").querySelector("[data-ask]").hidden = true;
    this.set("speaker", yes ? "ok" : "wrong", yes ? this.words.speakerOk : this.words.speakerUnheard);
    this.help(yes ? "" : "unheard");
    (yes ? this.enter : this.item("speaker").querySelector("[data-play]")).focus();
  }

  async network() {
    if (this.loopback) return;
    const again = this.item("network").querySelector("[data-again-place]");
    again.hidden = true;
    this.set("network", "busy", this.words.networkTesting);
    this.loopback = new Loopback(`${this.page.url}/echo`, () => this.page.ice());
    const { verdict, kbps = 0, loss = 0, rtt, message } = await this.loopback.measure(this.page.devices.stream);
    this.loopback = null;
    if (this.over) return;
    this.measured = { verdict, kbps, loss, rtt };
    const good = verdict === "good" || verdict === "weak";
    const words = this.words[`network${verdict[0].toUpperCase()}${verdict.slice(1)}`];
    this.set("network", good ? "ok" : "wrong", message ?? fill(words, { kbps: Math.round(kbps), loss: `${(loss * 100).toFixed(1)}%` }));
    again.hidden = good;
    if (!good) this.help(verdict);
  }

  /** Show the devices to choose among, when there is a choice. */
  async offer(kind) {
    const list = this.section.querySelector(`[data-devices="${kind}"]`);
    const devices = await this.page.devices.list(kind);
    list.closest("[data-choices]").hidden = devices.length < 2;
    const now = this.page.devices.stream?.getTracks().find((track) => track.kind === kind.slice(0, 5));
    list.replaceChildren(...devices.map((one) => new Option(one.label, one.deviceId, false, one.deviceId === now?.getSettings().deviceId)));
  }

  async choose(kind, id) {
    try {
      await this.page.devices.choose(kind, id);
      if (kind === "audioinput") this.listen(this.page.sounds.wake(), this.page.devices.stream);
    } catch (error) {
      this.explain(error.message);
    }
  }

  /** Say what is still to be done before one can begin; nothing when all is. */
  left() {
    const left = NEEDED.filter((name) => !this.found[name]).map((name) => this.item(name).dataset.name);
    return left.length ? fill(this.words.unfinished, { what: left.join("、") }) : "";
  }

  /** 开始视频通话: what is not done yet is named instead. */
  async go() {
    this.named = true;
    if (this.left()) return this.page.complain(this.left());
    if (!this.words.open) return this.page.complain(this.words.shut);
    this.page.sounds.wake();
    this.enter.disabled = true;
    const { width, height, frameRate } = this.page.devices.stream.getVideoTracks()[0].getSettings();
    const report = { ...this.found, ...this.measured, width, height, frameRate, browser: browserKind() };
    if (!await this.page.post("/enter", { report, seat: this.page.seat })) this.enter.disabled = false;
  }
}
