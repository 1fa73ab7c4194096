const WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];

/**
 * The sign-in form: a double press sends one SMS; a wrong ID number is told on leaving its field, and no SMS
 * can be asked for. The server judges again, and more.
 */
export class Sms {
  constructor(form) {
    this.number = form.elements.id_number;
    this.send = form.querySelector("[data-send-code]");
    this.number.addEventListener("change", () => this.judge());
    this.number.addEventListener("input", () => this.complain(false));
    // Who typed before this script was there is told now; what the server said of the number stays.
    const left = this.number.value && document.activeElement !== this.number;
    if (left && !this.number.hasAttribute("aria-invalid")) this.judge();
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) { event.preventDefault(); return; }
      form.dataset.sent = "yes";
      window.addEventListener("pageshow", () => delete form.dataset.sent, { once: true });
    });
  }

  judge() {
    const typed = this.number.value.normalize("NFKC").replace(/\s/g, "").toUpperCase();
    this.number.value = typed;
    this.complain(/^[1-8]\d{16}[\dX]$/.test(typed) && check(typed) !== typed[17]);
  }

  complain(wrong) {
    const said = document.getElementById("id_number-wrong");
    said.hidden = !wrong;
    if (wrong) this.number.setAttribute("aria-invalid", "true");
    else this.number.removeAttribute("aria-invalid");
    this.number.closest(".question").classList.toggle("question--wrong", wrong);
    this.send.dataset.held = String(wrong);
    this.send.disabled = wrong || this.send.dataset.running === "true";
  }
}

/** The check character that belongs to the first 17 digits (GB 11643-1999). */
function check(number) {
  return "10X98765432"[WEIGHTS.reduce((sum, weight, at) => sum + weight * Number(number[at]), 0) % 11];
}
