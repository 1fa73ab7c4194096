/**
 * The summary of what must be corrected takes the focus; its links go to the control itself. What was changed
 * since is marked: whether it is right now, the next 下一步 says.
 */
export class Errors {
  constructor(root) {
    this.root = root;
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
    // A picture is put right once it was accepted, not when a file was chosen.
    document.addEventListener("change", (event) => { if (event.target.type !== "file") this.mark(event.target); });
    document.addEventListener("mended", (event) => this.mark(event.target));
  }

  mark(changed) {
    for (const link of this.root.querySelectorAll("a[href^='#']")) {
      const place = document.getElementById(link.hash.slice(1));
      const entry = link.closest("li");
      if (!place?.contains(changed) || entry.classList.contains("summary__mended")) continue;
      entry.classList.add("summary__mended");
      const said = document.createElement("span");
      said.textContent = this.root.dataset.mended;
      entry.append(said);
    }
  }
}
