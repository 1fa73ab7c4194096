/**
 * Shows or hides a follow-up question as its form asks it (`hide`), following the reader's choices.
 * The condition arrives as nested lists (web/conditions.py); what is hidden is disabled, so not sent.
 */
export class Conditional {
  constructor(root) {
    this.root = root;
    this.form = root.closest("form");
    this.within = root.dataset.within;
    this.tree = JSON.parse(root.dataset.hide);
    this.form.addEventListener("change", () => this.follow());
    this.follow();
  }

  follow() {
    const hidden = Boolean(this.value(this.tree));
    this.root.hidden = hidden;
    this.root.disabled = hidden;
  }

  value([sign, ...parts]) {
    if (sign === "is") return parts[0];
    if (sign === "of") return this.typed(parts[0]);
    if (sign === "and") return parts.reduce((found, one) => found && this.value(one), true);
    if (sign === "or") return parts.reduce((found, one) => found || this.value(one), false);
    const [one, other] = parts.map((part) => this.value(part));
    switch (sign) {
      case "list": return parts.map((part) => this.value(part));
      case "not": return !one || (Array.isArray(one) && one.length === 0);
      case "len": return one?.length ?? 0;
      case "==": return same(one, other);
      case "!=": return !same(one, other);
      case "in": return Array.isArray(other) ? other.some((each) => same(each, one)) : String(other ?? "").includes(String(one));
      case "not in": return !this.value(["in", ...parts]);
      case "<": return one !== null && other !== null && one < other;
      case "<=": return one !== null && other !== null && one <= other;
      case ">": return one !== null && other !== null && one > other;
      case ">=": return one !== null && other !== null && one >= other;
      default: return false;
    }
  }

  /** What is typed for `path` now: nearest first, so a row of a list reads its own answers. */
  typed(path) {
    const steps = this.within ? this.within.split(".") : [];
    for (let depth = steps.length; depth >= 0; depth -= 1) {
      const name = [...steps.slice(0, depth), path].join(".");
      const controls = [...this.form.elements].filter((one) => one.name === name && !this.gone(one));
      if (controls.length) return read(controls);
    }
    return null;
  }

  gone(control) {
    const hidden = control.closest("fieldset[hidden]");
    return hidden !== null && hidden !== this.root;
  }
}

function read(controls) {
  const [first] = controls;
  if (first.type === "radio") return controls.find((one) => one.checked)?.value ?? null;
  if (first.type === "checkbox") {
    if (controls.length === 1 && first.value === "true") return first.checked;
    return controls.filter((one) => one.checked).map((one) => one.value);
  }
  return first.value === "" ? null : first.value;
}

function same(one, other) {
  if (Array.isArray(one) && Array.isArray(other)) return JSON.stringify(one) === JSON.stringify(other);
  return (one ?? null) === (other ?? null);
}
