import { base64, opened, publicKey, request, same, sign, unbase64 } from "./der.js";
import { post } from "./exchange.js";
import { finish, hide } from "./oprf.js";
import { fault, strength } from "./password.js";
import { forget, keep } from "./store.js";
import { newKeys, proof, stretch, wrap } from "./wrapping.js";

/** 数字证书申请 (P15 to P17): makes a key, lets it be certified, wraps it and keeps it in this browser. */
export class Installation {
  constructor(root) {
    this.root = root;
    this.words = root.dataset;
    [this.first, this.second] = root.querySelectorAll("[data-password]");
    const why = globalThis.crypto?.subtle ? "" : "insecure";
    (why ? Promise.resolve(why) : keep("shown", { id: "" }).then(() => "", () => "refused")).then((said) => this.show(said || "ask"));
    root.querySelector("[data-apply]").addEventListener("click", () => this.apply());
    root.querySelector("[data-again]").addEventListener("click", () => { this.show("ask"); this.first.focus(); });
    root.querySelector("[data-look]").addEventListener("click", (event) => this.look(event.currentTarget));
    root.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !event.target.matches("[data-password]")) return;
      event.preventDefault();
      this.apply();
    });
    this.first.addEventListener("input", () => this.weigh());
  }

  show(part) {
    for (const one of this.root.querySelectorAll("[data-part]")) one.hidden = one.dataset.part !== part;
  }

  look(button) {
    const open = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(open));
    for (const one of [this.first, this.second]) one.type = open ? "text" : "password";
  }

  weigh() {
    const password = this.first.value;
    const bad = !password || fault(password, this.words.rule);
    this.root.querySelector("[data-strength]").textContent = bad ? "" : this.words[`strength${strength(password)}`];
  }

  complain(control, why) {
    for (const one of [this.first, this.second]) {
      const wrong = one === control;
      const said = document.getElementById(`${one.id}-error`);
      said.hidden = !wrong;
      said.querySelector("[data-said]").textContent = wrong ? this.words[why] : "";
      one.closest(".question").classList.toggle("question--wrong", wrong);
      one.setAttribute("aria-invalid", String(wrong));
    }
    control?.focus();
  }

  async apply() {
    if (this.busy) return;
    const password = this.first.value.normalize("NFKC");
    const why = fault(password, this.words.rule);
    if (why) return this.complain(this.first, why);
    if (password !== this.second.value.normalize("NFKC")) return this.complain(this.second, "differ");
    this.complain();
    this.busy = true;
    this.show("progress");
    try {
      const forbidden = await this.install(password);
      this.show(forbidden ? "ask" : "done");
      if (forbidden) return this.complain(this.first, "trivial");
      this.first.value = this.second.value = "";
      this.root.dispatchEvent(new CustomEvent("mended", { bubbles: true }));
      const next = this.root.closest("form").querySelector(".actions__main");
      next.hidden = false;
      next.focus();
    } catch (failed) {
      this.root.querySelector("[data-why]").textContent = failed.message && failed.code ? failed.message : "";
      this.show("failed");
    } finally {
      this.busy = false;
    }
  }

  /** Return true when the password is one of those that the customer's own data forbid. */
  async install(password) {
    const ask = (what, body) => post(`${this.words.url}${what}`, body);
    const stretching = stretch(password);
    const judged = new TextEncoder().encode(password.toUpperCase());
    const [{ blind, blinded }, keys] = await Promise.all([hide(judged), newKeys()]);
    const told = await ask("/nonce", { blinded: base64(blinded) });
    if (told.forbidden.includes(base64(await finish(judged, blind, unbase64(told.evaluated))))) return true;
    const csr = base64(await request(keys, told.nonce));
    const { serial, certificate, superseded } = await ask("", { csr });
    const der = unbase64(certificate);
    if (!same(opened(der).key, await publicKey(keys.publicKey))) throw new Error("certified another key");
    let challenge;
    const evaluate = async (point) => {
      const answer = await ask("/evaluate", { serial, blinded: base64(point) });
      challenge = unbase64(answer.challenge);
      return unbase64(answer.evaluated);
    };
    const record = await wrap(keys.privateKey, serial, der, await stretching, evaluate);
    await keep("certificates", record);
    navigator.storage?.persist?.();
    await ask("/installed", { serial, signature: base64(await sign(keys.privateKey, proof(serial, challenge))) });
    for (const old of superseded) await forget("certificates", old);
    return false;
  }
}
