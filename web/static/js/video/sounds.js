/** The few sounds of these pages, made here: a test tone, a soft chime when it is one's turn. */
export class Sounds {
  /** Browsers let a page sound only after a press: call this in one. */
  wake() {
    const Context = window.AudioContext ?? window.webkitAudioContext;
    if (!Context) return null;
    this.context ??= new Context();
    if (this.context.state === "suspended") this.context.resume().catch(() => {});
    return this.context;
  }

  /** Play notes, each `[hertz, seconds from now, seconds long]`; resolves when they are over. */
  async play(notes) {
    const context = this.wake();
    if (!context) return;
    for (const [hertz, from, length] of notes) {
      const [tone, loudness] = [context.createOscillator(), context.createGain()];
      const at = context.currentTime + from;
      tone.frequency.value = hertz;
      loudness.gain.setValueAtTime(0, at);
      loudness.gain.linearRampToValueAtTime(0.25, at + 0.03);
      loudness.gain.exponentialRampToValueAtTime(0.001, at + length);
      tone.connect(loudness).connect(context.destination);
      tone.start(at);
      tone.stop(at + length);
    }
    const whole = Math.max(...notes.map(([, from, length]) => from + length));
    await new Promise((done) => { setTimeout(done, whole * 1000); });
  }

  test() {
    return this.play([[523, 0, 0.4], [659, 0.45, 0.4], [784, 0.9, 0.7]]);
  }

  chime() {
    return this.play([[660, 0, 0.5], [880, 0.25, 0.9]]);
  }
}
