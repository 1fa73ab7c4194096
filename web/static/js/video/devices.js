const PICTURE = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };
const SOUND = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
const WHY = {
  NotAllowedError: "denied", SecurityError: "denied", NotFoundError: "missing", OverconstrainedError: "missing",
  NotReadableError: "busy", AbortError: "busy",
};

/**
 * Camera and microphone of this device: opened once in the device check and kept until the call is over.
 * Events: "change" when another track is sent from now on (`detail` is the track), "ended" when one was lost.
 */
export class Devices extends EventTarget {
  constructor() {
    super();
    this.stream = null;
    this.facing = "user";
    this.chosen = {};
  }

  get live() {
    const tracks = this.stream?.getTracks() ?? [];
    return tracks.length === 2 && tracks.every((track) => track.readyState === "live");
  }

  /** Open both, or return what is open. Throws a word: insecure, unsupported, denied, missing, busy. */
  open() {
    if (this.live) return Promise.resolve(this.stream);
    this.opening ??= this.ask().finally(() => { this.opening = null; });
    return this.opening;
  }

  async ask() {
    if (!window.isSecureContext) throw new Error("insecure");
    if (!navigator.mediaDevices?.getUserMedia || !window.RTCPeerConnection) throw new Error("unsupported");
    this.close();
    this.stream = await this.get({ video: this.picture(), audio: this.sound() });
    for (const track of this.stream.getTracks()) this.guard(track);
    return this.stream;
  }

  async get(wanted) {
    try {
      return await navigator.mediaDevices.getUserMedia(wanted);
    } catch (error) {
      throw new Error(WHY[error.name] ?? "busy");
    }
  }

  picture() {
    const one = this.chosen.videoinput;
    return { ...PICTURE, ...(one ? { deviceId: { exact: one } } : { facingMode: { ideal: this.facing } }) };
  }

  sound() {
    const one = this.chosen.audioinput;
    return { ...SOUND, ...(one ? { deviceId: { exact: one } } : {}) };
  }

  guard(track) {
    track.addEventListener("ended", () => {
      if (this.stream?.getTracks().includes(track)) this.dispatchEvent(new CustomEvent("ended", { detail: track }));
    });
  }

  /** Devices of a kind, with their names. */
  async list(kind) {
    const all = await navigator.mediaDevices.enumerateDevices().catch(() => []);
    return all.filter((one) => one.kind === kind && one.deviceId);
  }

  /** Use another device of this kind. */
  async choose(kind, id) {
    this.chosen[kind] = id;
    await this.renew(kind === "videoinput" ? "video" : "audio");
  }

  /** Use the camera on the other side of the phone, or the next one there is. */
  async turnRound() {
    const cameras = await this.list("videoinput");
    const now = this.stream?.getVideoTracks()[0]?.getSettings() ?? {};
    if (now.facingMode) {
      this.facing = now.facingMode === "user" ? "environment" : "user";
      delete this.chosen.videoinput;
    } else {
      const at = cameras.findIndex((one) => one.deviceId === now.deviceId);
      this.chosen.videoinput = cameras[(at + 1) % cameras.length]?.deviceId;
    }
    await this.renew("video");
  }

  async renew(kind) {
    const old = this.stream?.getTracks().find((track) => track.kind === kind);
    // Phones open one camera at a time.
    if (old) this.stream.removeTrack(old);
    old?.stop();
    const fresh = await this.get(kind === "video" ? { video: this.picture() } : { audio: this.sound() });
    const [track] = fresh.getTracks();
    this.guard(track);
    this.stream ??= new MediaStream();
    if (kind === "audio" && old) track.enabled = old.enabled;
    this.stream.addTrack(track);
    this.dispatchEvent(new CustomEvent("change", { detail: track }));
  }

  close() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
  }
}
