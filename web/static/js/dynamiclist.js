import { wake } from "./wake.js";

/** A list of like answers: rows are added from a blank one and removed; names stay numbered from 0. */
export class DynamicList {
  constructor(root) {
    this.root = root;
    this.rows = root.querySelector("[data-rows]");
    this.blank = root.querySelector("template[data-blank]");
    this.add = root.querySelector("[data-add]");
    if (!this.blank || !this.add) return;
    this.add.hidden = false;
    this.add.addEventListener("click", () => this.append());
    this.rows.addEventListener("click", (event) => {
      const button = event.target.closest("[data-remove]");
      if (button) this.remove(button.closest("[data-row]"));
    });
    this.number();
  }

  append() {
    const row = this.blank.content.firstElementChild.cloneNode(true);
    const index = this.rows.children.length;
    for (const part of row.querySelectorAll("*")) {
      for (const attribute of part.attributes) {
        if (attribute.value.includes("__row__")) attribute.value = attribute.value.replaceAll("__row__", String(index));
      }
    }
    this.rows.append(row);
    this.number();
    wake(row);
    row.querySelector("input, select, textarea")?.focus();
  }

  remove(row) {
    row.remove();
    this.number();
    this.add.focus();
    this.root.dispatchEvent(new Event("change", { bubbles: true }));
  }

  /** Give rows their numbers in words and in names, without gaps. */
  number() {
    const name = this.root.dataset.name;
    const rows = [...this.rows.children];
    rows.forEach((row, index) => {
      row.querySelector("[data-number]").textContent = String(index + 1);
      row.querySelector("[data-remove]").hidden = rows.length < 2;
      for (const control of row.querySelectorAll("[name]")) {
        if (control.name.startsWith(`${name}.`)) {
          control.name = control.name.replace(new RegExp(`^${name.replaceAll(".", "\\.")}\\.\\d+`), `${name}.${index}`);
        }
      }
    });
    this.add.hidden = rows.length >= Number(this.root.dataset.most);
  }
}
