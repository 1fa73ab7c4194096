/** 单独同意: without it nothing begins. */
export class Consent {
  constructor(section, page) {
    const [box, button] = [section.querySelector("[data-agreed]"), section.querySelector("[data-consent]")];
    const version = section.querySelector("[data-version]").value;
    button.addEventListener("click", async (event) => {
      event.preventDefault();
      if (!box.checked) {
        page.complain(button.dataset.missing);
        return box.focus();
      }
      button.disabled = true;
      if (!await page.post("/consent", { agreed: true, version })) button.disabled = false;
    });
  }
}
