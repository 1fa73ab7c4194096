/** The customer's own picture in queue and call; after a reload the camera is opened again here. */
export class OwnPicture {
  constructor(section, page) {
    this.page = page;
    const part = (name) => section.querySelector(`[data-${name}]`);
    [this.video, this.said, this.place] = ["preview", "camera-said", "no-camera"].map(part);
    this.words = part("device-words").dataset;
    this.lost = () => this.explain("ended");
    this.changed = () => this.draw();
    page.devices.addEventListener("ended", this.lost);
    page.devices.addEventListener("change", this.changed);
    part("camera").addEventListener("click", () => this.show().then((stream) => stream && this.opened?.(stream)));
  }

  stop() {
    this.page.devices.removeEventListener("ended", this.lost);
    this.page.devices.removeEventListener("change", this.changed);
    this.video.srcObject = null;
  }

  /** Return the stream, or null with the reason on the page. */
  async show() {
    try {
      const stream = await this.page.devices.open();
      this.said.hidden = this.place.hidden = true;
      this.draw();
      return stream;
    } catch (error) {
      this.explain(error.message);
      return null;
    }
  }

  draw() {
    this.video.srcObject = this.page.devices.stream;
    this.video.play().catch(() => {});
  }

  explain(why) {
    this.said.hidden = this.place.hidden = false;
    this.said.querySelector("span").textContent = this.words[why] ?? this.words.busy;
  }
}
