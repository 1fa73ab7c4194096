import { fill } from "../words.js";
import { base64, same, sign, signedAttributes, unbase64 } from "./der.js";
import { post, Refused } from "./exchange.js";
import { digestOf } from "./paper.js";
import { find } from "./store.js";
import { Damaged, proof, unwrap, WrongPassword } from "./wrapping.js";

const FRESH = 8 * 60_000; // ms for which a ticket that was fetched ahead is used
const LATER = 1000; // ms until papers that are still being written are asked for again
const TIMES = 20;

/** What was fetched is not what this customer was shown; `title` says of which document. */
class Unlike extends Error {}

/** 签署协议 (P11): asks for the certificate's password, checks every document, signs each here. */
export class Signing {
  constructor(root) {
    this.root = root;
    this.form = root.closest("form");
    this.dialog = document.getElementById("certificate-password");
    this.words = this.dialog.dataset;
    this.password = this.dialog.querySelector("input");
    this.form.addEventListener("submit", (event) => this.submit(event));
    this.dialog.addEventListener("cancel", (event) => { if (this.busy) event.preventDefault(); });
    this.dialog.querySelector("form").addEventListener("submit", (event) => { event.preventDefault(); this.confirm(); });
    this.on("[data-cancel]", () => this.dialog.close());
    this.on("[data-forgotten]", () => this.show("forgotten"));
    this.on("[data-return]", () => this.show("ask"));
    this.on("[data-renew]", () => this.applyFor(""));
  }

  on(which, act) {
    for (const one of this.dialog.querySelectorAll(which)) one.addEventListener("click", act);
  }

  show(part) {
    for (const one of this.dialog.querySelectorAll("[data-part]")) one.hidden = one.dataset.part !== part;
  }

  /** Say how it goes, or what is `wrong`; `about`: the password, or something else that keeps from signing. */
  say(words, wrong = false, about = "password") {
    const place = this.dialog.querySelector(wrong ? "[data-wrong]" : "[data-progress]");
    for (const one of this.dialog.querySelectorAll("[data-wrong], [data-progress]")) one.textContent = "";
    place.textContent = words;
    this.password.setAttribute("aria-invalid", String(wrong && about === "password"));
  }

  /** Let the page go its way, unless it is to be signed now. */
  submit(event) {
    const { way, signed, due, serial } = { way: this.field("way").value, ...this.root.dataset };
    const agreed = this.form.querySelector('[name$=".agreed"]')?.checked;
    if (way || signed || !agreed || event.submitter?.hasAttribute("formaction")) return;
    event.preventDefault();
    if (this.looking) return;
    this.looking = true;
    const here = serial && globalThis.crypto?.subtle ? find("certificates", serial).catch(() => null) : null;
    Promise.resolve(here).then((record) => {
      this.looking = false;
      if (!record || due) return this.applyFor(record ? serial : "");
      this.record = record;
      this.open();
    });
  }

  field(name) {
    return this.root.querySelector(`[name$=".${name}"]`);
  }

  /** Go to the video witness and, without a certificate here, to its installation. */
  applyFor(device) {
    this.field("way").value = "apply";
    this.field("device").value = device;
    this.dialog.close();
    // A form that is just asking its listeners does not hear that it is to be sent.
    setTimeout(() => this.form.requestSubmit());
  }

  open() {
    this.password.value = "";
    this.say("");
    this.show("ask");
    this.dialog.showModal();
    this.prepared = null;
    // What was not looked at here is said before anybody types a password for nothing.
    this.prepare().catch((wrong) => { if (wrong instanceof Unlike && !this.busy) this.explain(wrong); });
  }

  /** Fetch ticket and papers while the customer still types. */
  prepare() {
    if (!this.prepared || Date.now() - this.since > FRESH) {
      this.since = Date.now();
      this.prepared = this.fetched(TIMES);
      this.prepared.catch(() => { this.prepared = null; });
    }
    return this.prepared;
  }

  async fetched(times) {
    let ticket;
    try {
      ticket = await post(`${this.root.dataset.url}/ticket`, { serial: this.record.serial });
    } catch (refused) {
      if (refused.code !== "pending" || !times) throw refused;
      await new Promise((done) => setTimeout(done, LATER));
      return this.fetched(times - 1);
    }
    if (!same(unbase64(ticket.certificate), this.record.certificate)) throw new Damaged();
    const papers = await Promise.all(ticket.papers.map((paper) => this.checked(paper)));
    const titles = papers.filter((paper) => !paper.seen).map((paper) => paper.title);
    if (titles.length) throw Object.assign(new Unlike(), { title: titles.join("》《"), words: "unseen" });
    return { ticket: ticket.ticket, papers };
  }

  /** A paper is signed only as it was shown: its own digest is the ticket's and one that the reader's page noted. */
  async checked(paper) {
    const answer = await fetch(paper.url, { cache: "no-store" });
    if (!answer.ok) throw new Refused(answer.status, {});
    const pdf = new Uint8Array(await answer.arrayBuffer());
    const own = await digestOf(pdf).catch(() => ({}));
    const right = own.digest === paper.digest && own.start === paper.start && own.end === paper.end && pdf.length === paper.size;
    if (!right) throw Object.assign(new Unlike(), { title: paper.title, words: "unlike" });
    const seen = (await find("shown", own.digest))?.code === paper.code;
    return { code: paper.code, title: paper.title, digest: own.bytes, seen };
  }

  async confirm() {
    if (this.busy || !this.dialog.open) return;
    if (!this.password.value) return this.say(this.words.missing, true);
    this.busy = true;
    for (const one of this.dialog.querySelectorAll("button, input")) one.disabled = true;
    try {
      await this.sign(this.password.value);
    } catch (wrong) {
      await this.explain(wrong);
    } finally {
      this.busy = false;
      this.password.value = "";
      for (const one of this.dialog.querySelectorAll("button, input")) one.disabled = false;
      if (this.dialog.open) this.password.focus();
    }
  }

  async sign(password) {
    const { serial, certificate } = this.record;
    const ready = this.prepare();
    this.say(this.words.unlocking);
    let tried;
    const key = await unwrap(this.record, password, async (point) => {
      tried = await post(`${this.words.url}/evaluate`, { serial, blinded: base64(point) });
      return unbase64(tried.evaluated);
    });
    const proved = base64(await sign(key, proof(serial, unbase64(tried.challenge))));
    try {
      this.say(this.words.checking);
      const { ticket, papers } = await ready;
      this.say(this.words.signing);
      const signatures = await Promise.all(papers.map(async ({ code, digest }) => ({
        code, signature: base64(await sign(key, await signedAttributes(digest, certificate))),
      })));
      this.say(this.words.sending);
      // When only the answer was lost, the page's own address leads to where the case has got to.
      const { next } = await post(this.root.dataset.url, { ticket, signatures }).catch((refused) => {
        if (refused.code !== "moved") throw refused;
        return { next: location.pathname };
      });
      location.assign(next);
      this.busy = true;
      await new Promise(() => {}); // the next page comes
    } catch (failed) {
      // The password was right all the same, and must not count as a try.
      await post(`${this.words.url}/proof`, { serial, signature: proved }).catch(() => {});
      this.prepared = null;
      throw failed;
    }
  }

  async explain(wrong) {
    const { serial } = this.record;
    if (wrong instanceof WrongPassword) {
      const { left } = await post(`${this.words.url}/wrong`, { serial }).catch(() => ({ left: null }));
      if (left === 0) return this.show("locked");
      return this.say(left === null ? this.words.failed : fill(this.words.left, { n: left }), true);
    }
    if (wrong.status === 423) return this.show("locked");
    if (wrong instanceof Damaged || wrong.code === "not_usable" || wrong.code === "no_certificate") return this.show("damaged");
    if (wrong instanceof Unlike) return this.say(fill(this.words[wrong.words], { title: wrong.title }), true, "papers");
    this.say(wrong.message && wrong.code ? wrong.message : this.words.failed, true);
  }
}
