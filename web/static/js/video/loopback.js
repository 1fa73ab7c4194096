import { Refused, Session } from "./session.js";

const LASTS = 6000; // ms of the short call
const CONNECTS = 7000; // ms in which media must get through
const LOOK = 700; // ms between two looks at the figures
const GOOD = { kbps: 250, loss: 0.03 };
const WEAK = { kbps: 90, loss: 0.1 };

/** The short call of the device check: sends the picture to a media node and measures what arrives there. */
export class Loopback {
  constructor(url, ice) {
    this.url = url;
    this.session = new Session(url, { ice });
  }

  /** Return `{verdict, kbps, loss, rtt}`; verdict: good, weak, bad, blocked (nothing gets through), down. */
  async measure(stream) {
    const gaveUp = new Promise((done) => { setTimeout(() => done("late"), CONNECTS); });
    try {
      if (await Promise.race([this.session.publish(stream), gaveUp]) === "late") return { verdict: "down" };
      if (await Promise.race([this.connected(), gaveUp]) === "late") return { verdict: "blocked" };
      return await this.watch();
    } catch (error) {
      if (error instanceof Refused && error.code === "often") return { verdict: "down", message: error.message };
      return { verdict: "down" };
    } finally {
      this.stop();
    }
  }

  connected() {
    return new Promise((done) => {
      const look = () => { if (this.session.state === "connected") done("there"); };
      this.session.addEventListener("state", look);
      look();
    });
  }

  /** What the node gets counts; what comes back says that the way back works as well. */
  async watch() {
    const [best, until] = [{ kbps: 0, loss: 0, rtt: null, down: 0 }, performance.now() + LASTS];
    let losses = [];
    while (performance.now() < until && !this.session.over) {
      await new Promise((done) => { setTimeout(done, LOOK); });
      const [own, there] = await Promise.all([this.session.stats(), this.there()]);
      best.kbps = Math.max(best.kbps, there?.kbps ?? own.up);
      best.down = Math.max(best.down, own.down);
      best.rtt = own.rtt ?? best.rtt;
      losses = [...losses, Math.max(there?.loss ?? 0, own.loss ?? 0)];
    }
    losses.sort((a, b) => a - b);
    best.loss = losses[Math.floor(losses.length / 2)] ?? 0;
    const within = (limit) => best.kbps >= limit.kbps && best.loss <= limit.loss;
    return { ...best, verdict: within(GOOD) ? "good" : within(WEAK) ? "weak" : best.kbps ? "bad" : "blocked" };
  }

  async there() {
    const answer = await fetch(this.url, { headers: { Accept: "application/json" } }).catch(() => null);
    const told = answer?.ok ? await answer.json() : null;
    return told?.there ? told : null;
  }

  stop() {
    this.session.close();
  }
}
