import { Eye } from "./camera_hints.js";
import { jpeg } from "./jpeg.js";
import { say } from "./words.js";

const GLANCE = 200; // ms between two looks at the picture
const SETTLED = 2; // looks that must agree before another hint is shown
const SHOT = 3000; // ms a camera may take for a full picture, before the one on the screen is taken
const MARGIN = 0.05; // kept round the frame, as a share of it: the card may lie over its edge a little
const SHARPEST = { width: { ideal: 3840 }, height: { ideal: 2160 } };
const WHY = { NotAllowedError: "denied", SecurityError: "denied", NotFoundError: "none", OverconstrainedError: "none" };
const DRAWINGS = { good: "check", dark: "info", glare: "info", still: "info", far: "info", starting: "clock" };

/** Takes a picture with the camera of this device, helped by a frame of the card's shape and by hints. */
export class Camera {
  static open(asked) {
    Camera.only ??= new Camera(document.getElementById("photo-camera"));
    return Camera.only.open(asked);
  }

  constructor(dialog) {
    this.dialog = dialog;
    this.words = dialog.dataset;
    const part = (name) => dialog.querySelector(`[data-${name}]`);
    [this.video, this.frame, this.stage, this.hint] = ["video", "frame", "stage", "hint"].map(part);
    [this.shutter, this.other, this.stopped, this.why] = ["shutter", "other", "stopped", "why"].map(part);
    this.system = part("system");
    this.system.hidden = !matchMedia("(pointer: coarse)").matches;
    this.shutter.addEventListener("click", () => this.shoot());
    this.other.addEventListener("click", () => this.turnRound());
    part("retry").addEventListener("click", () => this.start());
    part("close").addEventListener("click", () => this.finish(null));
    part("file").addEventListener("click", () => this.finish({ instead: "file" }));
    this.system.addEventListener("click", () => this.finish({ instead: "system" }));
    dialog.addEventListener("close", () => this.finish(null));
    // Nobody is looking: the camera's light goes out.
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.stop();
      else if (dialog.open && !this.stream) this.start();
    });
    window.addEventListener("pagehide", () => this.stop());
  }

  /** Resolve to `{file}`, to `{instead: "file" | "system"}`, or to null when nothing was taken. */
  open({ what, kind }) {
    this.kind = kind;
    this.facing = "environment";
    this.dialog.querySelector("[data-what]").textContent = ` · ${what}`;
    this.dialog.classList.toggle("camera--signature", kind === "signature");
    this.dialog.showModal();
    this.start();
    return new Promise((resolve) => { this.resolve = resolve; });
  }

  async start() {
    this.stop();
    this.tell("starting");
    this.stopped.hidden = true;
    const turn = this.turn = Symbol("start");
    try {
      const video = { facingMode: { ideal: this.facing }, ...SHARPEST };
      const stream = await navigator.mediaDevices.getUserMedia({ video, audio: false });
      if (turn !== this.turn || !this.dialog.open) return stream.getTracks().forEach((track) => track.stop());
      this.stream = stream;
      this.video.srcObject = stream;
      await this.video.play();
    } catch (error) {
      if (turn === this.turn && this.dialog.open) this.explain(WHY[error.name] ?? "occupied");
      return;
    }
    this.shutter.disabled = false;
    this.shutter.focus();
    const cameras = await navigator.mediaDevices.enumerateDevices();
    this.other.hidden = cameras.filter((one) => one.kind === "videoinput").length < 2;
    this.eye = new Eye(this.kind);
    this.timer = setInterval(() => this.glance(), GLANCE);
  }

  stop() {
    clearInterval(this.timer);
    this.turn = null;
    this.shutter.disabled = true;
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = this.video.srcObject = null;
  }

  finish(taken) {
    this.stop();
    if (this.dialog.open) this.dialog.close();
    this.resolve?.(taken);
    this.resolve = null;
  }

  turnRound() {
    this.facing = this.facing === "environment" ? "user" : "environment";
    this.start();
  }

  /** Say why there is no picture, and what can be done. */
  explain(why) {
    this.stop();
    this.hint.replaceChildren();
    this.stopped.hidden = false;
    this.why.textContent = this.words[why];
  }

  /** Where the frame lies in the video, in the video's own pixels. */
  part() {
    const [seen, frame] = [this.stage.getBoundingClientRect(), this.frame.getBoundingClientRect()];
    const { videoWidth, videoHeight } = this.video;
    const scale = Math.max(seen.width / videoWidth, seen.height / videoHeight); // as object-fit: cover does
    return {
      x: (frame.left - seen.left - (seen.width - videoWidth * scale) / 2) / scale,
      y: (frame.top - seen.top - (seen.height - videoHeight * scale) / 2) / scale,
      width: frame.width / scale,
      height: frame.height / scale,
    };
  }

  glance() {
    if (!this.video.videoWidth || this.video.paused) return;
    const seen = this.eye.look(this.video, this.part());
    this.agreed = seen === this.seen ? this.agreed + 1 : 1;
    this.seen = seen;
    if (this.agreed >= SETTLED) this.tell(seen);
  }

  tell(hint) {
    if (this.told === hint && this.hint.childNodes.length) return;
    this.told = hint;
    say(this.hint, this.words[hint], DRAWINGS[hint]);
    this.hint.classList.toggle("camera__hint--good", hint === "good");
    this.frame.classList.toggle("camera__frame--good", hint === "good");
  }

  async shoot() {
    this.shutter.disabled = true;
    clearInterval(this.timer);
    this.video.pause();
    const full = await this.picture();
    const file = await jpeg(full, "camera.jpg", this.kept(full));
    this.finish({ file });
  }

  /** The sharpest picture there is: of the camera itself where it gives one, else of the video. */
  async picture() {
    const [track] = this.stream.getVideoTracks();
    const tooLong = new Promise((_, fail) => { setTimeout(fail, SHOT); });
    try {
      return await createImageBitmap(await Promise.race([new ImageCapture(track).takePhoto(), tooLong]));
    } catch {
      return createImageBitmap(this.video); // Safari and Firefox have no ImageCapture
    }
  }

  /** The piece round the frame. A full picture shows at least what the video does, round the same middle. */
  kept(full) {
    const { videoWidth, videoHeight } = this.video;
    const whole = { x: 0, y: 0, width: full.width, height: full.height };
    if ((full.width > full.height) !== (videoWidth > videoHeight)) return whole;
    const part = this.part();
    const scale = Math.max(full.width, full.height) / Math.max(videoWidth, videoHeight);
    const middle = { x: part.x + part.width / 2 - videoWidth / 2, y: part.y + part.height / 2 - videoHeight / 2 };
    const [across, down] = [part.width, part.height].map((side) => side * (0.5 + MARGIN) * scale);
    const left = Math.max(0, Math.round(full.width / 2 + middle.x * scale - across));
    const top = Math.max(0, Math.round(full.height / 2 + middle.y * scale - down));
    const right = Math.min(full.width, Math.round(full.width / 2 + middle.x * scale + across));
    const bottom = Math.min(full.height, Math.round(full.height / 2 + middle.y * scale + down));
    return { x: left, y: top, width: right - left, height: bottom - top };
  }
}
