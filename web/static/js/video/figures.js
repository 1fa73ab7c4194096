/**
 * How a connection goes, of two reports one after the other:
 *   up, down   kilobits a second that are sent and arrive
 *   loss       share of what is sent that the node did not get, 0 to 1; null before its first report
 *   lost       share of what arrives that was lost on the way, 0 to 1
 *   rtt        milliseconds there and back; null before the first report
 *   width, height, fps   of the picture that is sent
 */
export class Figures {
  constructor() {
    this.before = null;
  }

  read(report) {
    const told = { up: 0, down: 0, loss: null, lost: 0, rtt: null, width: 0, height: 0, fps: 0 };
    if (!report) return told;
    const now = { at: performance.now(), sent: 0, got: 0, missed: 0, packets: 0 };
    report.forEach((one) => {
      if (one.type === "outbound-rtp") {
        now.sent += one.bytesSent ?? 0;
        if (one.kind === "video") {
          Object.assign(told, { width: one.frameWidth ?? 0, height: one.frameHeight ?? 0, fps: one.framesPerSecond ?? 0 });
        }
      } else if (one.type === "inbound-rtp") {
        now.got += one.bytesReceived ?? 0;
        now.missed += Math.max(0, one.packetsLost ?? 0);
        now.packets += one.packetsReceived ?? 0;
      } else if (one.type === "remote-inbound-rtp") {
        told.loss = Math.max(told.loss ?? 0, one.fractionLost ?? 0);
        if (one.roundTripTime !== undefined) told.rtt = Math.round(one.roundTripTime * 1000);
      }
    });
    // A new connection counts from zero again.
    const before = this.before && now.sent >= this.before.sent ? this.before : null;
    if (before && now.at > before.at) {
      const seconds = (now.at - before.at) / 1000;
      told.up = Math.round(((now.sent - before.sent) * 8) / seconds / 1000);
      told.down = Math.max(0, Math.round(((now.got - before.got) * 8) / seconds / 1000));
      const [missed, packets] = [now.missed - before.missed, now.packets - before.packets];
      told.lost = missed > 0 ? missed / (missed + Math.max(0, packets)) : 0;
    }
    this.before = now;
    return told;
  }
}
