import { Deliveries } from "./delivery.js";
import { jpeg, LARGEST } from "./jpeg.js";
import { PhotoView } from "./photo_view.js";
import { csrf } from "./words.js";

/** The picture slots of this page; what is pasted goes to the one used last, or the first empty one. */
const slots = [];
let last = null;

const EMPTY = { status: "empty", findings: [] };

/** One picture: taken, dropped, pasted or chosen; sent at once, followed while it is looked at, and mended. */
export class Photo {
  constructor(root) {
    this.root = root;
    this.words = root.dataset;
    this.form = root.closest("form");
    this.input = root.querySelector("input[type=file]:not([data-capture])");
    this.state = this.words.stateNow ? JSON.parse(this.words.stateNow) : onFile(root);
    if (!this.input || !this.words.upload) return;
    this.view = new PhotoView(root);
    this.url = `${this.words.upload}/${encodeURIComponent(this.words.slot)}`;
    this.deliveries = new Deliveries(this);
    this.wakeControls();
    this.wakeDropping();
    if (slots.push(this) === 1) wakePage(this.form);
    if (this.words.events) follow(this.words.events);
    this.take(this.input.files[0]); // chosen before this script had loaded
    if (this.state.status === "checking") this.deliveries.follow();
  }

  wakeControls() {
    const find = (name) => this.root.querySelector(`[data-${name}]`);
    this.capture = find("capture");
    find("send").remove(); // here choosing a file sends it
    this.view.enliven();
    this.input.addEventListener("change", () => this.take(this.input.files[0]));
    this.capture.addEventListener("change", () => this.take(this.capture.files[0]));
    find("camera").addEventListener("click", () => this.photograph());
    find("remove").addEventListener("click", () => this.remove());
    find("crop")?.addEventListener("click", () => this.crop());
    this.tool(find("turn"), "turn", () => ({ turns: 1 }));
    for (const button of this.root.querySelectorAll("[data-use]")) this.tool(button, "use", () => ({ use: button.dataset.use }));
    this.root.addEventListener("focusin", () => { last = this; });
    this.root.addEventListener("pointerdown", () => { last = this; });
    if (find("draw")) this.offerDrawing(find("draw"));
  }

  /** A button that works without scripts too, as part of the form. */
  tool(button, path, asked) {
    button.type = "button";
    button.addEventListener("click", () => this.ask(path, asked(), button));
  }

  wakeDropping() {
    const over = (is) => this.root.classList.toggle("photo--over", is);
    this.root.addEventListener("dragover", () => over(true));
    this.root.addEventListener("dragleave", (event) => over(this.root.contains(event.relatedTarget)));
    this.root.addEventListener("drop", (event) => { over(false); this.take(event.dataTransfer.files[0]); });
  }

  /** Take a file in, if it is one that may be sent. */
  async take(file) {
    if (!file || this.deliveries.busy) return;
    const start = new Uint8Array(await file.slice(0, 2).arrayBuffer());
    const right = start[0] === 0xff && start[1] === 0xd8 && /\.jpe?g$/i.test(file.name);
    if (!right) return this.refuse(this.words.notJpg);
    if (file.size > LARGEST) return this.refuse(this.words.tooLarge);
    const { slot } = this.words;
    // One key for every try of this choice, so that a lost answer makes no second picture.
    const key = crypto.randomUUID?.() ?? String(Date.now());
    this.view.preview(URL.createObjectURL(file));
    this.deliveries.send({
      url: this.words.upload,
      pack: (consents) => {
        const body = new FormData();
        const fields = { csrf_token: csrf(), slot, upload_key: key, ...consents };
        for (const [name, value] of Object.entries(fields)) body.append(name, value);
        body.append(slot, file, file.name);
        return body;
      },
    });
  }

  /** Take what the clipboard holds; pixels that were copied out of a picture come as PNG. */
  async paste(file) {
    if (file.type === "image/jpeg") return this.take(new File([file], /\.jpe?g$/i.test(file.name) ? file.name : "pasted.jpg"));
    const pixels = await createImageBitmap(file).catch(() => null);
    return pixels ? this.take(await jpeg(pixels, "pasted.jpg")) : this.refuse(this.words.notJpg);
  }

  async photograph() {
    if (!navigator.mediaDevices?.getUserMedia) return this.chooseInstead(matchMedia("(pointer: coarse)").matches);
    const { Camera } = await this.load("./camera.js");
    const taken = await Camera.open({ what: this.view.name, kind: this.words.kind });
    if (taken?.file) this.take(taken.file);
    else if (taken?.instead) this.chooseInstead(taken.instead === "system");
  }

  chooseInstead(system) {
    (system ? this.capture : this.input).click();
  }

  async crop() {
    const { Cropper } = await this.load("./cropper.js");
    const quad = await Cropper.open({ what: this.view.name, ...this.state });
    if (quad) this.ask("crop", { quad }, this.root.querySelector("[data-crop]"));
  }

  /** The signature may be drawn where the means to draw one is there. */
  async offerDrawing(button) {
    const [pad, drawing] = await Promise.all([import("../vendor/signature_pad.js"), import("./drawing.js")]).catch(() => []);
    if (!pad) return;
    button.hidden = false;
    button.addEventListener("click", async () => {
      const drawn = await drawing.Drawing.open(pad.default);
      if (!drawn || this.deliveries.busy) return;
      this.view.preview(drawn.picture);
      this.deliveries.send({
        url: `${this.url}/strokes`,
        pack: (consents) => JSON.stringify({ strokes: drawn.strokes, width: drawn.width, height: drawn.height, ...consents }),
      });
    });
  }

  load(module) {
    return import(module).catch((error) => { this.view.tell(this.words.lostTool, "warn", "wrong"); throw error; });
  }

  /** Have the server do something with the picture that lies there. */
  async ask(path, body, button) {
    if (this.deliveries.busy) return;
    button.setAttribute("aria-disabled", "true");
    const told = await this.deliveries.fetch(`${this.url}/${path}`, { method: "POST", body: JSON.stringify(body) });
    button.removeAttribute("aria-disabled");
    if (told) this.show(told);
    if (button.hidden) this.view.focusNear(button);
  }

  async remove() {
    if (this.deliveries.busy) return;
    const told = await this.deliveries.fetch(this.url, { method: "DELETE" });
    if (!told) return;
    this.show({ ...told, slot: EMPTY });
    this.view.tell(this.words.removed, "check");
    this.view.focusNear();
  }

  /** Show what the server told: the picture's state, and that the desk moved on. */
  show(told) {
    this.state = told.slot ?? told;
    // The page's next word to the server must know of it.
    const revision = this.form.elements.revision;
    if (revision && told.revision !== undefined) revision.value = told.revision;
    this.view.show(this.state);
    if (this.state.status === "checking") this.deliveries.follow();
  }

  refuse(words) {
    this.input.value = this.capture.value = "";
    this.view.show(this.state);
    this.view.tell(words, "warn", "wrong");
  }
}

/** The state of a slot whose picture, if there is one, is on file: it can be replaced, and nothing else. */
function onFile(root) {
  const view = root.querySelector('[data-view="view"]:not([hidden]) [data-picture]')?.getAttribute("src");
  return view ? { status: "done", view, findings: [], kept: true } : EMPTY;
}

/** What belongs to the page and not to one slot. */
function wakePage(form) {
  // A picture that misses its place must not replace the page.
  for (const name of ["dragover", "drop"]) {
    document.addEventListener(name, (event) => { if (event.dataTransfer?.types.includes("Files")) event.preventDefault(); });
  }
  document.addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files ?? [])].find((one) => one.type.startsWith("image/"));
    const slot = last ?? slots.find((one) => one.state.status === "empty") ?? slots[0];
    if (!file || event.target.matches?.("input:not([type=file]), textarea") || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    slot.paste(file);
  });
  // 下一步 in the middle of an upload would cut it off.
  form.addEventListener("submit", (event) => {
    const busy = event.submitter?.value === "next" && slots.find((one) => one.deliveries.busy);
    if (!busy) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    busy.root.scrollIntoView({ block: "center" });
    busy.view.tell(busy.words.wait, "clock", "busy");
  }, true);
}

let events = null;

/** Hear of what happens on the desk, here and on another device: one stream for all slots. */
function follow(address) {
  if (events || !window.EventSource) return;
  events = new EventSource(address);
  const heard = ({ data, type }) => {
    const task = type === "desk" ? JSON.parse(data).task : null;
    for (const slot of slots) if (!task || slot.url.includes(task)) slot.deliveries.look();
  };
  for (const name of ["desk", "resync"]) events.addEventListener(name, heard);
}
