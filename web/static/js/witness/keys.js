const PLACES = "1234567890-="; // the keys of the first row, one for each box
const REMEMBERED = "kaihu.single_keys";

/**
 * The keyboard of a call. F8, F9 and Ctrl Enter always work; single characters can be switched off
 * (WCAG 2.1.4) and never act while somebody is writing.
 */
export class Keys {
  /** @param acts what a key does: `{ F8: () => …, m: () => … }`; @param boxes the list of boxes to tick. */
  constructor(root, acts, boxes) {
    Object.assign(this, { root, acts, boxes: boxes.filter((box) => !box.closest("[hidden]")) });
    this.button = root.querySelector("[data-keys]");
    this.button.addEventListener("click", () => this.turn(!this.on));
    document.addEventListener("keydown", (event) => this.pressed(event));
    this.boxes.slice(0, PLACES.length).forEach((box, number) => {
      const shown = document.createElement("kbd");
      shown.dataset.single = "";
      shown.textContent = PLACES[number];
      box.closest("label").append(shown);
    });
    this.turn(sessionStorage.getItem(REMEMBERED) !== "off");
  }

  turn(on) {
    this.on = on;
    sessionStorage.setItem(REMEMBERED, on ? "on" : "off");
    // The result's letters listen to this as well.
    document.documentElement.dataset.singleKeys = on ? "on" : "off";
    this.button.setAttribute("aria-pressed", String(on));
    const words = this.button.querySelector("[data-keys-words]");
    words.textContent = on ? words.dataset.on : words.dataset.off;
  }

  pressed(event) {
    if (event.repeat || event.altKey || event.metaKey) return;
    const name = event.ctrlKey ? `Ctrl+${event.key}` : event.key;
    const single = event.key.length === 1;
    if (single && (!this.on || event.ctrlKey || writing(event.target))) return;
    const act = this.acts[single ? event.key.toLowerCase() : name] ?? (single ? this.box(event.key) : null);
    if (!act) return;
    event.preventDefault();
    act();
  }

  box(key) {
    const box = key ? this.boxes[PLACES.indexOf(key)] : null;
    if (!box || !PLACES.includes(key)) return null;
    return () => {
      box.click();
      box.focus({ preventScroll: true });
      box.closest("label").scrollIntoView({ block: "nearest" });
    };
  }
}

function writing(target) {
  return Boolean(target.closest?.("textarea, select, [contenteditable], input:not([type=radio]):not([type=checkbox])"));
}
