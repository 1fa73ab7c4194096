/**
 * Province, city, district: each list follows the one before it. The lists come from one file of our own;
 * without a script the page's own controls stay as they are.
 */
export class Address {
  constructor(root) {
    this.choose = root.dataset.choose ?? "";
    this.parts = ["province", "city", "district"].map((level) => root.querySelector(`[data-division="${level}"]`));
    if (this.parts[0] && this.parts[1]) this.start(root.dataset.source);
  }

  async start(source) {
    const answer = await fetch(source).catch(() => null);
    if (!answer?.ok) return;
    this.provinces = await answer.json();
    this.parts = this.parts.map((one, level) => one && this.asList(one, level));
    for (let level = 0; level < this.parts.length; level += 1) this.fill(level);
  }

  /** Put a list in the place of a text field, keeping name, id and answer. */
  asList(control, level) {
    const list = document.createElement("select");
    for (const { name, value } of [...control.attributes]) {
      if (!["type", "value", "maxlength", "autocomplete"].includes(name)) list.setAttribute(name, value);
    }
    list.dataset.chosen = control.value;
    control.replaceWith(list);
    list.addEventListener("change", () => {
      list.dataset.chosen = list.value;
      for (let below = level + 1; below < this.parts.length; below += 1) this.fill(below);
    });
    return list;
  }

  /** Offer what lies under the choices above `level`. */
  fill(level) {
    const list = this.parts[level];
    if (!list) return;
    const names = this.under(level);
    const chosen = names.includes(list.dataset.chosen) ? list.dataset.chosen : "";
    list.replaceChildren(new Option(this.choose, ""), ...names.map((name) => new Option(name, name, false, name === chosen)));
    list.disabled = level > 0 && names.length === 0;
  }

  under(level) {
    if (level === 0) return Object.keys(this.provinces);
    const cities = this.provinces[this.parts[0].value] ?? {};
    return level === 1 ? Object.keys(cities) : cities[this.parts[1].value] ?? [];
  }
}
