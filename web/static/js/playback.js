import { csrf, icon, say } from "./words.js";

/** Further apart than this, in seconds, one side jumps to the other; nearer, it runs a little faster or slower. */
const FAR = 0.25;
const NEAR = 0.02;
const STEP = 5;
/** Not keys of ours while somebody types or chooses. */
const BUSY = "input:not([type=range]), select, textarea, [contenteditable]";

/**
 * Plays both sides of a call by one clock: the first side's. The other follows it, so that what was said and
 * what was seen belong together; while one has nothing to show yet, both wait.
 */
export class Playback {
  constructor(root) {
    this.root = root;
    this.sides = [...root.querySelectorAll("video")];
    this.moments = [...root.querySelectorAll("[data-at]")];
    this.verification(root.querySelector("[data-verify]"));
    if (!this.sides.length) return;
    [this.master, ...this.others] = this.sides;
    this.seconds = Number(root.dataset.seconds);
    this.rate = 1;
    this.wanted = false;
    for (const name of ["play", "seek", "time", "speed", "scale"]) this[`${name}Part`] = root.querySelector(`[data-${name}]`);
    this.takeOver();
    this.ticks();
    this.fromAddress();
    setInterval(() => this.follow(), 100);
  }

  takeOver() {
    for (const side of this.sides) {
      side.controls = false;
      side.addEventListener("click", () => this.toggle());
      for (const name of ["waiting", "canplay", "seeked", "ended"]) side.addEventListener(name, () => this.settle());
      const mute = side.closest("figure").querySelector("[data-mute]");
      mute.hidden = false;
      mute.addEventListener("click", () => {
        side.muted = !side.muted;
        mute.setAttribute("aria-pressed", String(side.muted));
      });
    }
    for (const part of this.root.querySelectorAll("[data-bar], [data-keys]")) part.hidden = false;
    this.playPart.addEventListener("click", () => this.toggle());
    this.seekPart.addEventListener("input", () => this.jump(Number(this.seekPart.value)));
    this.speedPart.addEventListener("change", () => this.speed(Number(this.speedPart.value)));
    for (const moment of this.moments) {
      moment.addEventListener("click", (event) => {
        event.preventDefault();
        window.history.replaceState(null, "", moment.getAttribute("href"));
        this.jump(Number(moment.dataset.at));
      });
    }
    window.addEventListener("hashchange", () => this.fromAddress());
    document.addEventListener("keydown", (event) => this.key(event));
  }

  /** Marks of the moments over the time line. */
  ticks() {
    for (const moment of this.moments) {
      const tick = document.createElement("span");
      const kind = [...moment.classList].find((name) => name.startsWith("moment--"))?.slice("moment--".length);
      tick.className = `stage__tick stage__tick--${kind}`;
      const [from, until] = [Number(moment.dataset.at), Number(moment.dataset.until)];
      tick.style.insetInlineStart = `${(from / this.seconds) * 100}%`;
      if (until > from) tick.style.width = `${((until - from) / this.seconds) * 100}%`;
      this.scalePart.append(tick);
    }
  }

  get now() {
    return this.master.currentTime;
  }

  toggle() {
    this.wanted = !this.wanted;
    if (this.wanted && this.now >= this.seconds - 0.1) this.jump(0);
    this.settle();
  }

  /** Play when both sides can, else let both wait. */
  settle() {
    if (this.now >= this.seconds - 0.05 && !this.master.seeking) this.wanted = false;
    const ready = this.sides.every((side) => side.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA || side.ended);
    for (const side of this.sides) {
      if (this.wanted && ready && side.paused && !side.ended) side.play().catch(() => {});
      if ((!this.wanted || !ready) && !side.paused) side.pause();
    }
    this.shown();
  }

  jump(to) {
    const at = Math.min(Math.max(to, 0), this.seconds);
    for (const side of this.sides) side.currentTime = at;
    this.shown(at);
  }

  speed(rate) {
    this.rate = rate;
    this.speedPart.value = String(rate);
    for (const side of this.sides) side.playbackRate = rate;
  }

  /** Keep the others beside the first one. */
  follow() {
    if (this.wanted) {
      for (const side of this.others) {
        const ahead = side.currentTime - this.now;
        if (side.seeking || side.ended) continue;
        if (Math.abs(ahead) > FAR) side.currentTime = this.now;
        else side.playbackRate = Math.abs(ahead) > NEAR ? this.rate * (1 - Math.sign(ahead) * 0.04) : this.rate;
      }
      if (this.master.ended) this.settle();
    }
    this.shown();
  }

  shown(at = this.now) {
    const whole = Math.floor(at);
    if (document.activeElement !== this.seekPart || this.wanted) this.seekPart.value = String(at);
    this.timePart.textContent = `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
    this.seekPart.setAttribute("aria-valuetext", this.timePart.textContent);
    const words = this.wanted ? this.playPart.dataset.wordsPause : this.playPart.dataset.wordsPlay;
    if (this.playPart.getAttribute("aria-label") !== words) {
      this.playPart.setAttribute("aria-label", words);
      this.playPart.replaceChildren(icon(this.wanted ? "pause" : "play"));
    }
    const here = this.moments.filter((moment) => Number(moment.dataset.at) <= at + 0.05).at(-1);
    for (const moment of this.moments) {
      if (moment !== here) moment.removeAttribute("aria-current");
      else if (!moment.hasAttribute("aria-current")) moment.setAttribute("aria-current", "true");
    }
  }

  /** #t=12.5 leads to a moment. */
  fromAddress() {
    const found = /^#t=(\d+(?:\.\d+)?)$/.exec(window.location.hash);
    if (found) this.jump(Number(found[1]));
  }

  neighbour(step) {
    const times = this.moments.map((moment) => Number(moment.dataset.at));
    const next = step > 0 ? times.find((at) => at > this.now + 0.3) : times.filter((at) => at < this.now - 0.3).at(-1);
    if (next !== undefined) this.jump(next);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.(BUSY)) return;
    const onButton = event.target.closest?.("button, a, input, summary");
    const acts = {
      " ": onButton ? null : () => this.toggle(),
      k: () => this.toggle(),
      ArrowLeft: () => this.jump(this.now - STEP),
      ArrowRight: () => this.jump(this.now + STEP),
      n: () => this.neighbour(1),
      p: () => this.neighbour(-1),
      "+": () => this.faster(1),
      "=": () => this.faster(1),
      "-": () => this.faster(-1),
    };
    const act = acts[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  faster(step) {
    const rates = [...this.speedPart.options].map((option) => Number(option.value));
    this.speed(rates[Math.min(Math.max(rates.indexOf(this.rate) + step, 0), rates.length - 1)]);
  }

  /** The proof comes without leaving the recording. */
  verification(form) {
    const place = this.root.querySelector("[data-proof]");
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const button = form.querySelector("button");
      button.disabled = true;
      say(place, form.dataset.wordsBusy, "clock");
      try {
        const headers = { Accept: "application/json", "X-CSRFToken": csrf() };
        const answer = await fetch(form.action, { method: "POST", headers, redirect: "error" });
        if (!answer.ok) throw new Error(String(answer.status));
        this.verdict(place, await answer.json());
      } catch {
        say(place, form.dataset.wordsFailed, "warn");
      }
      button.disabled = false;
    });
  }

  verdict(place, told) {
    const words = document.createElement("p");
    words.className = `proof proof--${told.intact ? "ok" : "bad"}`;
    say(words, told.words, told.intact ? "done" : "refused");
    const found = document.createElement("ul");
    found.className = "proof__found";
    for (const one of told.findings) found.append(Object.assign(document.createElement("li"), { textContent: one }));
    const detail = Object.assign(document.createElement("p"), { className: "muted", textContent: `${told.detail} · ` });
    detail.append(Object.assign(document.createElement("code"), { className: "hash", textContent: told.hash }));
    place.replaceChildren(words, ...(told.findings.length ? [found] : []), detail);
  }
}
