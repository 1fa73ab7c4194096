/** The summary of what must be corrected takes the focus; its links go to the control itself. */
export class Errors {
  constructor(root) {
    root.focus();
    root.addEventListener("click", (event) => {
      const link = event.target.closest("a[href^='#']");
      const place = link && document.getElementById(link.hash.slice(1));
      if (!place) return;
      event.preventDefault();
      const control = place.matches("input, select, textarea") ? place : place.querySelector("input:not([type=hidden]), select, textarea");
      place.scrollIntoView({ block: "center" });
      (control && !control.disabled ? control : place).focus({ preventScroll: true });
    });
  }
}
