import { fill } from "./words.js";

const FEWEST = 2; // strokes of a signature (domain 3.14)
const INK = "#101828"; // black pen on white paper, whatever colours the page has
const THINNEST = 1.1; // CSS pixels of a fast stroke on a sheet of the usual width
const THICKEST = 3.4;
const USUAL = 480; // CSS pixels of such a sheet

/** A sheet to sign on: strokes are smoothed, the last one can be taken back. */
export class Drawing {
  static open(Pad) {
    Drawing.only ??= new Drawing(document.getElementById("photo-drawing"), Pad);
    return Drawing.only.open();
  }

  constructor(dialog, Pad) {
    this.dialog = dialog;
    this.words = dialog.dataset;
    const part = (name) => dialog.querySelector(`[data-${name}]`);
    [this.paper, this.said, this.undo, this.clear] = ["paper", "said", "undo", "clear"].map(part);
    this.pad = new Pad(this.paper, { penColor: INK, backgroundColor: "#FFF", minDistance: 2 });
    this.pad.addEventListener("beginStroke", () => this.tell(""));
    this.pad.addEventListener("endStroke", () => this.changed());
    this.undo.addEventListener("click", () => this.keep(this.pad.toData().slice(0, -1)));
    this.clear.addEventListener("click", () => this.keep([]));
    part("done").addEventListener("click", () => this.done());
    part("close").addEventListener("click", () => this.finish(null));
    dialog.addEventListener("close", () => this.finish(null));
    dialog.addEventListener("keydown", (event) => {
      if (event.key.toLowerCase() !== "z" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      this.undo.click();
    });
    new ResizeObserver(() => this.fit()).observe(part("sheet"));
  }

  /** Resolve to `{strokes: [[[x, y, ms], …], …], width, height, picture}`, or to null. */
  open() {
    this.dialog.showModal();
    this.size = null;
    this.fit();
    this.keep([]);
    this.tell("");
    return new Promise((resolve) => { this.resolve = resolve; });
  }

  finish(drawn) {
    if (this.dialog.open) this.dialog.close();
    this.resolve?.(drawn);
    this.resolve = null;
  }

  /** As many dots as the screen has; what was written stays when the phone is turned. */
  fit() {
    const { clientWidth: width, clientHeight: height } = this.paper;
    if (!width || (this.size?.width === width && this.size?.height === height)) return;
    const strokes = this.size ? this.pad.toData() : [];
    const scale = this.size ? Math.min(width / this.size.width, height / this.size.height) : 1;
    this.size = { width, height };
    const dots = window.devicePixelRatio || 1;
    this.paper.width = Math.round(width * dots);
    this.paper.height = Math.round(height * dots);
    this.paper.getContext("2d").scale(dots, dots);
    const pens = Math.max(1, width / USUAL);
    this.pad.minWidth = THINNEST * pens;
    this.pad.maxWidth = THICKEST * pens;
    for (const stroke of strokes) for (const point of stroke.points) { point.x *= scale; point.y *= scale; }
    this.keep(strokes);
  }

  keep(strokes) {
    this.pad.clear();
    if (strokes.length) this.pad.fromData(strokes);
    this.changed();
  }

  changed() {
    const count = this.pad.toData().length;
    this.undo.disabled = this.clear.disabled = count === 0;
    this.tell(count ? fill(this.words.count, { count }) : "");
  }

  tell(words, wrong = false) {
    this.said.textContent = words;
    this.said.classList.toggle("window__said--wrong", wrong);
  }

  done() {
    const written = this.pad.toData();
    if (written.length < FEWEST) return this.tell(this.words.few, true);
    const began = written[0].points[0].time;
    const strokes = written.map(({ points }) => points.map(({ x, y, time }) => [tenths(x), tenths(y), time - began]));
    this.finish({ strokes, ...this.size, picture: this.paper.toDataURL() });
  }
}

function tenths(pixels) {
  return Math.round(pixels * 10) / 10;
}
