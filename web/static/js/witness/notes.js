/** What the agent wrote and has not sent yet: kept in this tab while the call lasts, so that a reload loses nothing. */
export class Notes {
  constructor(root, name) {
    this.name = `kaihu.notes.${name}`;
    this.fields = [...root.querySelectorAll("textarea")];
    const kept = JSON.parse(sessionStorage.getItem(this.name) ?? "{}");
    for (const field of this.fields) {
      if (!field.value && kept[field.name]) field.value = kept[field.name];
      if (field.value) field.closest("details")?.setAttribute("open", "");
      field.addEventListener("input", () => this.keep());
    }
  }

  keep() {
    sessionStorage.setItem(this.name, JSON.stringify(Object.fromEntries(this.fields.map((one) => [one.name, one.value]))));
  }

  forget() {
    sessionStorage.removeItem(this.name);
  }
}
