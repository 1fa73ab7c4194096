/** A native dialog, opened by links that name it, or by itself when the page says so. */
export class Dialog {
  constructor(dialog) {
    if (!dialog.showModal) return;
    // Whoever closed it before this script had loaded has read it.
    if (dialog.open && "open" in dialog.dataset) {
      dialog.removeAttribute("open");
      dialog.showModal();
    }
    document.addEventListener("click", (event) => {
      const opener = event.target.closest?.(`[data-open-dialog="${dialog.id}"]`);
      if (!opener) return;
      event.preventDefault();
      dialog.showModal();
    });
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  }
}
