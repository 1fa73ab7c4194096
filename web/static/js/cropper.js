import { fill } from "./words.js";

const INSET = 0.08; // of each side, where the corners lie when nothing was found
const ENLARGED = 3; // times, in the loupe
const LOUPE = 132; // CSS pixels across
const FAST = 10; // pixels on the screen that an arrow key moves a corner with Shift; 1 without
const SMALLEST = 0.02; // share of the picture that a card covers at least
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** 手动裁剪: the customer lays four corners on the card's, with a finger, a mouse or the keyboard. */
export class Cropper {
  static open(asked) {
    Cropper.only ??= new Cropper(document.getElementById("photo-crop"));
    return Cropper.only.open(asked);
  }

  constructor(dialog) {
    this.dialog = dialog;
    this.words = dialog.dataset;
    const part = (name) => dialog.querySelector(`[data-${name}]`);
    [this.stage, this.image, this.lines, this.loupe, this.said] = ["stage", "image", "lines", "loupe", "said"].map(part);
    [this.outside, this.edge] = [part("outside"), part("edge")];
    this.corners = [...dialog.querySelectorAll("[data-corner]")];
    part("close").addEventListener("click", () => this.finish(null));
    part("done").addEventListener("click", () => this.done());
    dialog.addEventListener("close", () => this.finish(null));
    this.stage.addEventListener("pointerdown", (event) => this.grasp(event));
    this.stage.addEventListener("pointermove", (event) => this.drag(event));
    for (const name of ["pointerup", "pointercancel"]) this.stage.addEventListener(name, () => this.release());
    this.corners.forEach((corner, i) => {
      corner.addEventListener("keydown", (event) => this.key(event, i));
      corner.addEventListener("focus", () => { if (corner.matches(":focus-visible")) this.enlarge(i); });
      corner.addEventListener("blur", () => { this.loupe.hidden = true; });
    });
  }

  /**
   * Resolve to the corners in pixels of the original, or to null. What is shown is the original turned by
   * `turns` quarters; inside, corners are shares of what is shown.
   */
  async open({ what, view, width, height, turns = 0, quad }) {
    Object.assign(this, { width, height, turns: turns % 4, held: null });
    this.dialog.querySelector("[data-what]").textContent = ` · ${what}`;
    this.said.textContent = "";
    this.image.src = view;
    const known = quad?.map((point) => this.shown(point).map((share) => Math.min(1, Math.max(0, share))));
    this.points = known ?? [[INSET, INSET], [1 - INSET, INSET], [1 - INSET, 1 - INSET], [INSET, 1 - INSET]];
    this.name();
    this.dialog.showModal();
    const answer = new Promise((resolve) => { this.resolve = resolve; });
    await this.image.decode().then(() => this.draw(), () => { this.said.textContent = this.words.unseen; });
    this.corners[this.order[0]].focus({ preventScroll: true });
    return answer;
  }

  finish(quad) {
    this.loupe.hidden = true;
    this.image.removeAttribute("src");
    if (this.dialog.open) this.dialog.close();
    this.resolve?.(quad);
    this.resolve = null;
  }

  done() {
    if (!this.image.naturalWidth) return;
    if (!this.right()) {
      this.said.textContent = this.words.bent;
      return;
    }
    this.finish(this.points.map((point) => this.original(point).map((pixel) => Math.round(pixel * 10) / 10)));
  }

  /** From pixels of the original to shares of what is shown. */
  shown([x, y]) {
    let [across, down] = [x / this.width, y / this.height];
    for (let turn = 0; turn < this.turns; turn += 1) [across, down] = [1 - down, across];
    return [across, down];
  }

  original([across, down]) {
    for (let turn = 0; turn < this.turns; turn += 1) [across, down] = [down, 1 - across];
    return [across * this.width, down * this.height];
  }

  /** The corners go by where they lie on the screen; the card itself may lie on its side. */
  name() {
    const first = this.points.reduce((best, [x, y], i) => (x + y < this.points[best][0] + this.points[best][1] ? i : best), 0);
    this.order = [0, 1, 2, 3].map((i) => (first + i) % 4);
    const names = this.words.corners.split("|");
    this.order.forEach((corner, i) => {
      this.corners[corner].dataset.name = names[i];
      this.corners[corner].setAttribute("aria-label", names[i]);
    });
    // Tab goes round the picture beginning at its upper left.
    this.stage.append(...this.order.map((corner) => this.corners[corner]));
  }

  /** Size of what is shown: on the screen, and in pixels of the original. */
  get size() {
    return { across: this.image.clientWidth, down: this.image.clientHeight };
  }

  draw() {
    const { across, down } = this.size;
    const [wide, high] = this.turns % 2 ? [this.height, this.width] : [this.width, this.height];
    this.corners.forEach((corner, i) => {
      const [x, y] = this.points[i];
      corner.style.left = `${x * 100}%`;
      corner.style.top = `${y * 100}%`;
      const place = { x: Math.round(x * wide), y: Math.round(y * high) };
      corner.setAttribute("aria-valuemax", String(wide));
      corner.setAttribute("aria-valuenow", String(place.x));
      corner.setAttribute("aria-valuetext", fill(this.words.place, place));
    });
    this.lines.setAttribute("viewBox", `0 0 ${across} ${down}`);
    const line = `M${this.points.map(([x, y]) => `${x * across} ${y * down}`).join("L")}Z`;
    this.edge.setAttribute("d", line);
    this.outside.setAttribute("d", `M0 0H${across}V${down}H0Z${line}`);
    const right = this.right();
    this.stage.classList.toggle("crop__stage--bent", !right);
    if (right) this.said.textContent = "";
  }

  /** Whether the corners go clockwise round a piece large enough, and no side crosses another. */
  right() {
    const { across, down } = this.size;
    const ring = [...this.points, ...this.points.slice(0, 2)].map(([x, y]) => [x * across, y * down]);
    const bends = [0, 1, 2, 3].map((i) => {
      const [a, b, c] = ring.slice(i, i + 3);
      return (b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0]);
    });
    const area = bends.reduce((sum, bend) => sum + bend, 0) / 4;
    return bends.every((bend) => bend > 0) && area >= SMALLEST * across * down;
  }

  move(i, x, y) {
    this.points[i] = [Math.min(1, Math.max(0, x)), Math.min(1, Math.max(0, y))];
    this.draw();
    this.enlarge(i);
  }

  key(event, i) {
    const way = ARROWS[event.key];
    if (!way) return;
    event.preventDefault();
    const { across, down } = this.size;
    const step = event.shiftKey ? FAST : 1;
    this.move(i, this.points[i][0] + (way[0] * step) / across, this.points[i][1] + (way[1] * step) / down);
  }

  /** Take the nearest corner; it keeps its distance from the finger, which would hide it. */
  grasp(event) {
    if (event.button !== 0 || this.held) return;
    event.preventDefault();
    const { across, down } = this.size;
    const box = this.image.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const far = this.points.map(([cx, cy]) => Math.hypot(cx * across - x, cy * down - y));
    const i = far.indexOf(Math.min(...far));
    this.held = { i, pointer: event.pointerId, x: this.points[i][0] * across - event.clientX, y: this.points[i][1] * down - event.clientY };
    this.stage.setPointerCapture(event.pointerId);
    this.corners[i].focus({ preventScroll: true });
    this.corners[i].classList.add("crop__corner--held");
    this.enlarge(i);
  }

  drag(event) {
    if (event.pointerId !== this.held?.pointer) return;
    const { across, down } = this.size;
    this.move(this.held.i, (event.clientX + this.held.x) / across, (event.clientY + this.held.y) / down);
  }

  release() {
    if (!this.held) return;
    this.corners[this.held.i].classList.remove("crop__corner--held");
    this.held = null;
    this.loupe.hidden = true;
  }

  /** Show what lies under a corner, in the opposite corner of the picture. */
  enlarge(i) {
    const { across, down } = this.size;
    if (!this.image.naturalWidth || !across) return;
    const [x, y] = this.points[i];
    const dots = window.devicePixelRatio || 1;
    this.loupe.width = this.loupe.height = LOUPE * dots;
    const pen = this.loupe.getContext("2d");
    pen.scale(dots, dots);
    pen.translate(LOUPE / 2 - x * across * ENLARGED, LOUPE / 2 - y * down * ENLARGED);
    pen.drawImage(this.image, 0, 0, across * ENLARGED, down * ENLARGED);
    // The two sides that meet here, so that one sees how they run along the card.
    const look = getComputedStyle(this.edge);
    pen.strokeStyle = look.stroke;
    pen.lineWidth = 1.5;
    pen.beginPath();
    for (const [index, step] of [[(i + 3) % 4, "moveTo"], [i, "lineTo"], [(i + 1) % 4, "lineTo"]]) {
      pen[step](this.points[index][0] * across * ENLARGED, this.points[index][1] * down * ENLARGED);
    }
    pen.stroke();
    this.loupe.classList.toggle("crop__loupe--right", x < 0.5);
    this.loupe.classList.toggle("crop__loupe--low", y < 0.5);
    this.loupe.hidden = false;
  }
}
