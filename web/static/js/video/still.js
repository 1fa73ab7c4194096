import { csrf } from "../words.js";

const SHOT = 2500; // ms a camera may take for a full picture
const QUALITY = 0.95;
const TRIES = [0, 500, 1500]; // ms before each try to send it

/** A picture in the camera's full size, for the agent who asked for one. */
export class Still {
  constructor(track, video) {
    this.track = track;
    this.video = video;
  }

  /** Return a JPEG: of the camera itself where it gives one, else of the video. */
  async take() {
    const tooLong = new Promise((_, fail) => { setTimeout(fail, SHOT); });
    try {
      const photo = await Promise.race([new ImageCapture(this.track).takePhoto(), tooLong]);
      return photo.type === "image/jpeg" ? photo : await drawn(await createImageBitmap(photo));
    } catch {
      return drawn(await createImageBitmap(this.video)); // Safari and Firefox have no ImageCapture
    }
  }

  /** Take and send it; whether it got there. */
  async send(url) {
    const body = await this.take();
    for (const wait of TRIES) {
      await new Promise((done) => { setTimeout(done, wait); });
      const headers = { "Content-Type": "image/jpeg", Accept: "application/json", "X-CSRFToken": csrf() };
      const answer = await fetch(url, { method: "POST", headers, body }).catch(() => null);
      if (answer && answer.status < 500) return answer.ok;
    }
    return false;
  }
}

function drawn(picture) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [picture.width, picture.height];
  canvas.getContext("2d").drawImage(picture, 0, 0);
  return new Promise((done, fail) => { canvas.toBlob((blob) => (blob ? done(blob) : fail()), "image/jpeg", QUALITY); });
}
