/** A landline needs no SMS code: field and button are disabled while one is typed. */
export class PhoneCode {
  constructor(root) {
    this.number = root.querySelector("[data-number]");
    this.code = root.querySelector("[data-code]");
    this.send = root.querySelector("[data-send-code]");
    this.note = root.querySelector("[data-landline-note]");
    this.number.addEventListener("input", () => this.follow());
    this.follow();
  }

  follow() {
    const landline = /^\s*[0０]/.test(this.number.value);
    this.code.disabled = landline;
    if (landline) this.code.value = "";
    this.send.dataset.held = String(landline);
    this.send.disabled = landline || this.send.dataset.running === "true";
    if (this.note) this.note.hidden = !landline;
  }
}
