import { csrf } from "../words.js";
import { Figures } from "./figures.js";

const GLANCE = 250; // ms between two looks whether anything arrives
const SILENCE = 1500; // ms without any packet until the connection counts as lost: a node reports twice a second
const LONGEST_SILENCE = 8000; // ms, after connections that were lost one after the other
const STEADY = 10000; // ms of connection after which the patience above begins anew
const AGAIN = [100, 300, 300, 500, 500, 1000]; // ms until a lost request is sent again; the last one repeats
const PATIENCE = 6000; // ms for one answer

/** The server will not connect this side any more; `status` and `message` say why. */
export class Refused extends Error {
  constructor(status, { message = "", code = "" } = {}) {
    super(message);
    Object.assign(this, { status, code });
  }
}

/**
 * One side's connection to the media node: sends a stream, shows the other side's, and comes back by itself
 * with the same tracks whenever node, network or server go away.
 *
 *   const session = new Session("/me/tasks/…/video/call?epoch=3", { ice: () => servers });
 *   session.show(video);                       // one stream for good; its tracks come and go
 *   session.addEventListener("state", () => …session.state…);
 *   await session.publish(stream);             // throws Refused when the server will not have it
 *
 * `state`: new → joining → connected ⇄ lost → … → closed, or refused (with `why`, a Refused).
 * POST application/sdp → 201, the answer and a Location that takes DELETE. 4xx is final, all else is tried again.
 */
export class Session extends EventTarget {
  /** `ice`: returns, or resolves to, what RTCPeerConnection takes as iceServers; asked at each connection. */
  constructor(url, { ice = () => [], maxKbps = 1800 } = {}) {
    super();
    Object.assign(this, { url, ice, maxKbps });
    this.remote = new MediaStream();
    this.figures = new Figures();
    this.state = "new";
    this.silence = SILENCE;
    // A page that goes away says so by its connection; a DELETE could overtake the next page's POST.
    this.leave = () => this.drop();
  }

  /** Show the other side. A stream without pictures would keep a page loading: until it is loaded, it waits for one. */
  show(video, shown = () => {}) {
    const attach = () => {
      if (video.srcObject === this.remote) return;
      video.srcObject = this.remote;
      shown();
    };
    if (document.readyState === "complete") return attach();
    this.attach = attach;
    window.addEventListener("load", attach, { once: true });
  }

  /** Send this stream; resolves when the answer is there, media follow some 100 ms later. */
  publish(stream) {
    this.tracks = stream.getTracks();
    window.addEventListener("pagehide", this.leave);
    return this.rejoin();
  }

  /** Connect anew with the same tracks; several calls at once are one. */
  rejoin() {
    if (this.over) return Promise.resolve();
    this.joining ??= this.join().finally(() => { this.joining = null; });
    return this.joining;
  }

  /** Send another track of the same kind from now on, without connecting anew. */
  async replace(track) {
    this.tracks = this.tracks.map((one) => (one.kind === track.kind ? track : one));
    const sender = this.connection?.getSenders().find((one) => one.track?.kind === track.kind);
    await sender?.replaceTrack(track);
  }

  /** How it goes, as Figures has it. */
  async stats() {
    return this.figures.read(await this.connection?.getStats());
  }

  /** End it and say so to the server; the tracks go on. */
  async close() {
    if (this.over) return;
    this.end("closed");
    if (!this.resource) return;
    await fetch(this.resource, { method: "DELETE", headers: { "X-CSRFToken": csrf() } }).catch(() => {});
  }

  end(state) {
    window.removeEventListener("pagehide", this.leave);
    this.drop();
    this.become(state);
  }

  get over() {
    return this.state === "closed" || this.state === "refused";
  }

  become(state) {
    if (this.state === state) return;
    this.state = state;
    this.dispatchEvent(new Event("state"));
  }

  drop() {
    clearInterval(this.watch);
    if (this.connection) this.connection.onconnectionstatechange = this.connection.ontrack = null;
    this.connection?.close();
    this.connection = null;
  }

  async join() {
    this.become(this.state === "new" ? "joining" : "lost");
    for (let turn = 0; !this.over; turn += 1) {
      try {
        await this.once();
        return;
      } catch (error) {
        this.drop();
        if (error instanceof Refused) {
          this.why = error;
          this.end("refused");
          throw error;
        }
      }
      await new Promise((done) => setTimeout(done, AGAIN[Math.min(turn, AGAIN.length - 1)]));
    }
  }

  /** Connect once; throws Refused, or whatever else went wrong. */
  async once() {
    this.drop();
    const iceServers = [...await this.ice()];
    const connection = this.connection = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
    const arrived = [];
    connection.ontrack = ({ track }) => {
      arrived.push(track);
      this.remote.addTrack(track);
      if (this.attach) track.addEventListener("unmute", this.attach, { once: true });
    };
    for (const track of this.tracks) this.send(connection, track);
    // The node is where everybody reaches it and learns our addresses, a relay's too, from what comes: the offer
    // need not wait until they are gathered.
    await connection.setLocalDescription();
    const sdp = await this.ask(connection.localDescription.sdp);
    if (this.connection !== connection) return; // closed meanwhile
    connection.onconnectionstatechange = () => this.look(connection);
    await connection.setRemoteDescription({ type: "answer", sdp });
    for (const old of this.remote.getTracks()) if (!arrived.includes(old)) this.remote.removeTrack(old);
    this.follow(connection);
  }

  send(connection, track) {
    const sendEncodings = track.kind === "video" ? [{ maxBitrate: this.maxKbps * 1000 }] : undefined;
    const transceiver = connection.addTransceiver(track, { direction: "sendrecv", sendEncodings });
    // What is recorded is VP8; a browser may have its own preference.
    const codecs = RTCRtpReceiver.getCapabilities?.(track.kind)?.codecs;
    if (track.kind === "video" && codecs && transceiver.setCodecPreferences) {
      const first = (codec) => (/vp8$/i.test(codec.mimeType) ? 0 : 1);
      transceiver.setCodecPreferences([...codecs].sort((a, b) => first(a) - first(b)));
    }
  }

  async ask(body) {
    const answer = await fetch(this.url, {
      method: "POST",
      headers: { "Content-Type": "application/sdp", Accept: "application/sdp, application/json", "X-CSRFToken": csrf() },
      body,
      signal: AbortSignal.timeout(PATIENCE),
    });
    if (answer.status === 201) {
      this.resource = answer.headers.get("Location") ?? this.url;
      return answer.text();
    }
    if (answer.status < 500 && answer.status !== 429) {
      throw new Refused(answer.status, await answer.json().catch(() => ({})));
    }
    throw new Error(`no answer: ${answer.status}`);
  }

  look(connection) {
    if (connection !== this.connection) return;
    if (connection.connectionState === "connected") this.become("connected");
    // "disconnected" mends itself when only packets were lost; when the node is gone, silence is seen first.
    if (connection.connectionState === "failed") this.rejoin().catch(() => {});
  }

  /** Nobody tells that a node was killed: nothing arrives any more, neither media nor reports. */
  follow(connection) {
    let [bytes, since, started] = [0, performance.now(), performance.now()];
    this.watch = setInterval(async () => {
      const now = performance.now();
      const arrived = bytesOf(await connection.getStats().catch(() => null));
      if (connection !== this.connection) return;
      if (arrived > bytes) [bytes, since] = [arrived, now];
      if (now - started > STEADY && now - since < GLANCE * 2) this.silence = SILENCE;
      // A page that was asleep has not looked, either.
      if (now - since < Math.max(this.silence, bytes ? 0 : 2 * SILENCE)) return;
      clearInterval(this.watch);
      this.silence = Math.min(this.silence * 2, LONGEST_SILENCE);
      this.rejoin().catch(() => {});
    }, GLANCE);
  }
}

function bytesOf(report) {
  let sum = 0;
  report?.forEach((one) => { if (one.type === "candidate-pair") sum += one.bytesReceived ?? 0; });
  return sum;
}
