/**
 * What is wrong with the picture before it is taken, seen on a small copy of what lies in the frame.
 * Advice only: the shutter works whatever is seen, and the server measures the real picture.
 */
const WIDTH = 160; // pixels of the small copy; its height follows the card, 85.6 : 54 mm
const HEIGHT = 101;
const ROUND = 0.08; // looked at beyond the frame, as a share of it: the card's edge may lie there
const BAND = 0.17; // of each side of the copy, in which the card's edge lies when it fills three quarters of the frame
const SEGMENTS = 4; // pieces of an edge judged by themselves, so that a slanted one is still seen
const DARKEST = 100; // of 255, brightness that a fifth of the picture has at least: the card, on a dark desk
const BRIGHT = 0.8; // share of the picture that is darker
const CLIPPED = 248; // of 255, in every colour: nothing can be read there
const GLARE = 0.02; // share of clipped pixels in a picture that is not white all over
const WHITE = 215; // mean brightness of 255 from which it is
const MOVING = 7; // mean change of brightness from one look to the next
const EDGE = 9; // change of brightness across an edge of a card, of 255
const SIDES = 3; // edges that must be seen; a finger may hold the fourth
const WRITTEN = 0.002; // share of dark pixels that a signature has at least

export class Eye {
  constructor(kind) {
    this.kind = kind;
    const canvas = document.createElement("canvas");
    canvas.width = WIDTH;
    canvas.height = HEIGHT;
    this.pen = canvas.getContext("2d", { willReadFrequently: true });
  }

  /** Return `dark`, `glare`, `still`, `far` or `good`. */
  look(video, part) {
    const [x, y] = [part.x - part.width * ROUND, part.y - part.height * ROUND];
    this.pen.fillRect(0, 0, WIDTH, HEIGHT);
    this.pen.drawImage(video, x, y, part.width * (1 + 2 * ROUND), part.height * (1 + 2 * ROUND), 0, 0, WIDTH, HEIGHT);
    const { grey, mean, bright, clipped } = brightness(this.pen.getImageData(0, 0, WIDTH, HEIGHT).data);
    const before = this.before;
    this.before = grey;
    if (bright < DARKEST) return "dark";
    if (clipped > GLARE && mean < WHITE) return "glare";
    if (!before || change(grey, before) > MOVING) return "still";
    const there = this.kind === "signature" ? ink(grey, mean) > WRITTEN : edges(grey) >= SIDES;
    return there ? "good" : "far";
  }
}

function brightness(pixels) {
  const grey = new Float32Array(WIDTH * HEIGHT);
  let [sum, clipped] = [0, 0];
  for (let i = 0; i < grey.length; i += 1) {
    const [r, g, b] = [pixels[4 * i], pixels[4 * i + 1], pixels[4 * i + 2]];
    grey[i] = 0.299 * r + 0.587 * g + 0.114 * b;
    sum += grey[i];
    if (Math.min(r, g, b) >= CLIPPED) clipped += 1;
  }
  const bright = grey.slice().sort()[Math.floor(grey.length * BRIGHT)];
  return { grey, mean: sum / grey.length, bright, clipped: clipped / grey.length };
}

function change(now, before) {
  let sum = 0;
  for (let i = 0; i < now.length; i += 1) sum += Math.abs(now[i] - before[i]);
  return sum / now.length;
}

function ink(grey, mean) {
  let dark = 0;
  for (const one of grey) if (one < mean * 0.6) dark += 1;
  return dark / grey.length;
}

/** Count the sides along which a straight edge runs. */
function edges(grey) {
  const at = (x, y) => grey[y * WIDTH + x];
  const level = (x, y) => at(x, y + 1) - at(x, y - 1);
  const upright = (x, y) => at(x + 1, y) - at(x - 1, y);
  const [wide, high] = [Math.round(WIDTH * BAND), Math.round(HEIGHT * BAND)];
  return [
    edge(WIDTH, 1, high, (along, deep) => level(along, deep)),
    edge(WIDTH, HEIGHT - 1 - high, HEIGHT - 1, (along, deep) => level(along, deep)),
    edge(HEIGHT, 1, wide, (along, deep) => upright(deep, along)),
    edge(HEIGHT, WIDTH - 1 - wide, WIDTH - 1, (along, deep) => upright(deep, along)),
  ].filter((strength) => strength >= EDGE).length;
}

/** The strength of the best edge in a band; light and dark specks of a pattern cancel each other out. */
function edge(length, from, to, step) {
  const piece = (length * 0.7) / SEGMENTS; // the corners of a card are round
  let sum = 0;
  for (let segment = 0; segment < SEGMENTS; segment += 1) {
    const start = Math.round(length * 0.15 + segment * piece);
    const end = Math.round(start + piece);
    let best = 0;
    for (let deep = from; deep < to; deep += 1) {
      let across = 0;
      for (let along = start; along < end; along += 1) across += step(along, deep);
      best = Math.max(best, Math.abs(across) / (end - start));
    }
    sum += best;
  }
  return sum / SEGMENTS;
}
