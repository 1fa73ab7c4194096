import { icon } from "./words.js";

const TURNS = ["", "evidence--quarter", "evidence--half", "evidence--three"];

/** Turns and enlarges a picture for the reviewer. */
export class Viewer {
  constructor(root) {
    this.root = root;
    this.turned = 0;
    const tools = root.querySelector("[data-tools]");
    const large = this.button(root.dataset.zoom, "zoom", () => {
      const now = root.classList.toggle("evidence--large");
      large.lastChild.textContent = now ? root.dataset.smaller : root.dataset.zoom;
    });
    tools.prepend(this.button(root.dataset.rotate, "rotate", () => this.turn()), large);
  }

  button(words, drawing, act) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "link-button";
    button.append(icon(drawing), words);
    button.addEventListener("click", act);
    return button;
  }

  turn() {
    this.turned = (this.turned + 1) % TURNS.length;
    this.root.classList.remove(...TURNS.filter(Boolean));
    if (TURNS[this.turned]) this.root.classList.add(TURNS[this.turned]);
  }
}
