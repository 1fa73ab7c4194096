/**
 * A long list to choose from: typing Chinese or the first letters of Pinyin finds the entry. The select
 * stays in the form and holds the answer; it is shown again when there is no script.
 */
export class Picker {
  constructor(root) {
    this.select = root.querySelector("select");
    if (!this.select) return;
    this.options = [...this.select.options].filter((one) => one.value);
    this.build();
    this.input.addEventListener("input", () => this.open(this.input.value));
    this.input.addEventListener("focus", () => { this.input.select(); this.open(""); });
    this.input.addEventListener("blur", () => setTimeout(() => this.close(), 120));
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.list.addEventListener("mousedown", (event) => {
      event.preventDefault();
      const option = event.target.closest("[role=option]");
      if (option) this.choose(option.dataset.value);
    });
  }

  build() {
    const holder = document.createElement("div");
    holder.className = "picker";
    this.input = document.createElement("input");
    this.input.className = "control";
    this.input.type = "text";
    this.input.autocomplete = "off";
    this.input.placeholder = this.select.dataset.search;
    this.list = document.createElement("div");
    this.list.className = "picker__list";
    this.list.id = `${this.select.id}-list`;
    this.list.setAttribute("role", "listbox");
    this.list.hidden = true;
    const roles = { role: "combobox", "aria-expanded": "false", "aria-controls": this.list.id, "aria-autocomplete": "list" };
    for (const [name, value] of Object.entries(roles)) this.input.setAttribute(name, value);
    for (const name of ["aria-describedby", "aria-invalid", "aria-required"]) {
      if (this.select.hasAttribute(name)) this.input.setAttribute(name, this.select.getAttribute(name));
    }
    this.input.id = this.select.id;
    this.select.id = `${this.select.id}-select`;
    this.list.setAttribute("aria-label", this.select.dataset.search);
    this.input.value = this.select.selectedOptions[0]?.value ? this.select.selectedOptions[0].text : "";
    this.select.hidden = true;
    this.select.classList.remove("control");
    this.select.before(holder);
    holder.append(this.input, this.list);
  }

  found(words) {
    const wanted = words.trim().toLowerCase();
    if (!wanted) return this.options;
    return this.options.filter((one) => one.text.toLowerCase().includes(wanted) || initials(one.text).includes(wanted));
  }

  open(words) {
    const found = this.found(words);
    this.list.replaceChildren(...found.map((one, index) => {
      const option = document.createElement("div");
      option.className = "picker__option";
      option.setAttribute("role", "option");
      option.id = `${this.list.id}-${index}`;
      option.dataset.value = one.value;
      option.setAttribute("aria-selected", String(one.value === this.select.value));
      option.textContent = one.text;
      return option;
    }));
    if (!found.length) {
      const none = document.createElement("div");
      none.className = "picker__none";
      none.textContent = this.select.dataset.none;
      this.list.append(none);
    }
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.mark(Math.max(found.findIndex((one) => one.value === this.select.value), 0));
  }

  mark(index) {
    const options = [...this.list.querySelectorAll("[role=option]")];
    if (!options.length) return;
    this.at = (index + options.length) % options.length;
    options.forEach((one, place) => one.setAttribute("aria-selected", String(place === this.at)));
    this.input.setAttribute("aria-activedescendant", options[this.at].id);
    options[this.at].scrollIntoView({ block: "nearest" });
  }

  key(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in steps) {
      event.preventDefault();
      if (this.list.hidden) this.open("");
      else this.mark(this.at + steps[event.key]);
    } else if (event.key === "Enter" && !this.list.hidden) {
      event.preventDefault();
      const option = this.list.querySelectorAll("[role=option]")[this.at];
      if (option) this.choose(option.dataset.value);
    } else if (event.key === "Escape") {
      this.close();
    }
  }

  choose(value) {
    this.select.value = value;
    this.select.dispatchEvent(new Event("change", { bubbles: true }));
    this.close();
  }

  close() {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
    this.input.value = this.select.selectedOptions[0]?.value ? this.select.selectedOptions[0].text : "";
  }
}

/* The first character of each Pinyin letter group in Chinese collation; none begins with i, u or v. */
const BOUNDS = [..."阿八嚓搭蛾发旮哈击喀垃妈拿噢啪期然撒塌挖昔压匝"];
const LETTERS = "abcdefghjklmnopqrstwxyz";
const order = new Intl.Collator("zh-CN-u-co-pinyin");

/** Return the first letters of the Pinyin of `words`, by the order Chinese words are sorted in. */
function initials(words) {
  return [...words].map((sign) => {
    if (!/[一-龥]/.test(sign)) return sign.toLowerCase();
    let at = -1;
    while (at + 1 < BOUNDS.length && order.compare(BOUNDS[at + 1], sign) <= 0) at += 1;
    return at < 0 ? "" : LETTERS[at];
  }).join("");
}
