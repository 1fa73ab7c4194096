import { csrf, fill } from "./words.js";

const FIRST = 250; // ms until the first question whether a picture was looked at
const SLOWER = 1.4; // how much longer each wait is than the one before
const LONGEST = 1000; // ms between two questions
const PATIENCE = 120000; // ms for one upload

/** Brings one slot's pictures to the server, tries again on a bad line, and follows what becomes of them. */
export class Deliveries {
  constructor(slot) {
    this.slot = slot;
    this.view = slot.view;
    this.words = slot.words;
    this.busy = false;
    this.undelivered = this.unagreed = null;
    window.addEventListener("online", () => this.undelivered && this.send(this.undelivered));
  }

  /** Send a parcel: `url`, and `pack`, which makes the body with the consents that are ticked by then. */
  send(parcel) {
    if (this.busy) return;
    this.busy = true;
    this.undelivered = this.unagreed = null;
    clearTimeout(this.timer);
    const body = parcel.pack(this.consents());
    const request = new XMLHttpRequest();
    request.open("POST", parcel.url);
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRFToken", csrf());
    if (typeof body === "string") request.setRequestHeader("Content-Type", "application/json");
    request.timeout = PATIENCE;
    request.upload.addEventListener("progress", (event) => this.onTheWay(event));
    request.addEventListener("load", () => this.answered(request, parcel));
    for (const name of ["error", "timeout"]) request.addEventListener(name, () => this.lost(parcel));
    this.view.progress(0);
    request.send(body);
  }

  /** The separate consent that stands on the page goes with the first picture. */
  consents() {
    const boxes = this.slot.form.querySelectorAll('input[type=checkbox][name$=".agreed"]:checked');
    return Object.fromEntries([...boxes].map((box) => [box.name, box.value]));
  }

  onTheWay(event) {
    const percent = event.lengthComputable ? Math.round((event.loaded / event.total) * 100) : 0;
    this.view.progress(percent < 100 ? percent : undefined);
    this.view.tell(percent < 100 ? fill(this.words.sending, { percent }) : this.words.checking, "upload", "busy");
  }

  answered(request, parcel) {
    let told = null;
    try { told = JSON.parse(request.responseText); } catch { /* not ours: a proxy's page */ }
    if (request.status >= 500 || !told) return this.lost(parcel);
    this.landed();
    if (request.status < 400) return this.slot.show(told);
    this.slot.refuse(told.message ?? told.problems?.map((one) => one.message).join(" ") ?? this.words.refused);
    // What was photographed or written is not thrown away for a box that was not ticked.
    if (told.code === "no_consent") this.awaitConsent(parcel);
  }

  /** Send it once the box is ticked, or at a press; a newer picture takes its place. */
  awaitConsent(parcel) {
    const form = this.slot.form;
    this.unagreed = parcel;
    this.view.offer(this.words.again, () => this.send(parcel));
    const agreed = ({ target }) => {
      if (!target.checked || !target.name?.endsWith(".agreed")) return;
      form.removeEventListener("change", agreed);
      if (this.unagreed === parcel) this.send(parcel);
    };
    form.addEventListener("change", agreed);
  }

  lost(parcel) {
    this.landed();
    this.undelivered = parcel;
    this.view.tell(this.words.lost, "warn", "wrong");
    this.view.offer(this.words.again, () => this.send(parcel));
  }

  landed() {
    this.busy = false;
    this.view.progress(null);
    this.slot.input.value = this.slot.capture.value = "";
  }

  /** Ask a small question; null when there was no good answer, which is then said. */
  async fetch(url, asked) {
    const headers = { Accept: "application/json", "Content-Type": "application/json", "X-CSRFToken": csrf() };
    try {
      const answer = await fetch(url, { headers, ...asked });
      const told = await answer.json();
      if (answer.ok) return told;
      this.view.tell(told.message ?? this.words.lostTool, "warn", "wrong");
    } catch {
      this.view.tell(this.words.lostTool, "warn", "wrong");
    }
    return null;
  }

  /** Ask again and again until the picture was looked at. */
  follow(wait = FIRST) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look(Math.min(wait * SLOWER, LONGEST)), wait);
  }

  /** Look what the server holds now; somebody may have put it there from another device. */
  async look(wait = LONGEST) {
    if (this.busy || this.undelivered) return;
    let told;
    try {
      const answer = await fetch(`${this.slot.url}/state`, { headers: { Accept: "application/json" } });
      if (answer.status >= 500) throw new Error(String(answer.status));
      told = await answer.json();
      if (!answer.ok) return this.view.tell(told.message, "warn", "wrong");
    } catch {
      this.view.tell(this.words.lostCheck, "warn", "wrong");
      return this.follow(LONGEST);
    }
    if (this.busy) return; // another picture was sent meanwhile
    if (this.slot.state.kept && told.slot.status === "empty") return;
    const changed = JSON.stringify(told.slot) !== JSON.stringify(this.slot.state);
    if (changed) this.slot.show(told);
    if (told.slot.status === "checking") this.follow(wait);
  }
}
