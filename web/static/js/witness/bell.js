const NOTES = [880, 1175]; // Hz, one after the other
const EVERY = 1600; // ms between two rings
const LENGTH = 0.35; // s of one note

/** Rings while a customer is offered; a browser lets it sound once the person has touched the page. */
export class Bell {
  /** @param button asks for that first touch while it is needed; hidden otherwise. */
  constructor(button) {
    this.button = button;
    this.sound = window.AudioContext ? new AudioContext() : null;
    if (!this.sound) return;
    this.sound.addEventListener("statechange", () => this.follow());
    for (const touch of ["pointerdown", "keydown"]) document.addEventListener(touch, () => this.wake());
    button?.querySelector("button").addEventListener("click", () => { this.wake(); this.strike(); });
    this.follow();
  }

  wake() {
    if (this.sound?.state === "suspended") this.sound.resume();
  }

  follow() {
    if (this.button) this.button.hidden = this.sound.state === "running";
  }

  ring() {
    if (this.ringing || !this.sound) return;
    this.strike();
    this.ringing = setInterval(() => this.strike(), EVERY);
  }

  silence() {
    clearInterval(this.ringing);
    this.ringing = null;
  }

  strike() {
    if (this.sound?.state !== "running") return;
    NOTES.forEach((pitch, number) => {
      const at = this.sound.currentTime + number * LENGTH;
      const tone = this.sound.createOscillator();
      const loudness = this.sound.createGain();
      tone.frequency.value = pitch;
      loudness.gain.setValueAtTime(0.0001, at);
      loudness.gain.exponentialRampToValueAtTime(0.25, at + 0.03);
      loudness.gain.exponentialRampToValueAtTime(0.0001, at + LENGTH);
      tone.connect(loudness).connect(this.sound.destination);
      tone.start(at);
      tone.stop(at + LENGTH);
    });
  }
}
