/** The sign-in form: a double press sends one SMS; ID numbers are written with a capital X. */
export class Sms {
  constructor(form) {
    form.elements.id_number?.addEventListener("change", (event) => {
      event.target.value = event.target.value.replace(/\s/g, "").replace(/x$/, "X");
    });
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) { event.preventDefault(); return; }
      form.dataset.sent = "yes";
      window.addEventListener("pageshow", () => delete form.dataset.sent, { once: true });
    });
  }
}
