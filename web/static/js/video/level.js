const LOOK = 60; // ms between two looks
const SPOKEN = 0.02; // loudness of speech near a microphone, of 1
const LONG_ENOUGH = 4; // looks that were that loud

/** How loud a microphone is: calls `shown(0…1)` all the time, `heard()` once somebody spoke. */
export class Level {
  constructor(context, stream, { shown, heard }) {
    this.analyser = context.createAnalyser();
    this.analyser.fftSize = 1024;
    this.source = context.createMediaStreamSource(new MediaStream(stream.getAudioTracks()));
    this.source.connect(this.analyser);
    const samples = new Float32Array(this.analyser.fftSize);
    let loud = 0;
    this.timer = setInterval(() => {
      this.analyser.getFloatTimeDomainData(samples);
      let sum = 0;
      for (const one of samples) sum += one * one;
      const level = Math.sqrt(sum / samples.length);
      shown(Math.min(1, level * 4));
      if (level > SPOKEN) loud += 1;
      if (loud >= LONG_ENOUGH) { heard(); loud = -Infinity; }
    }, LOOK);
  }

  stop() {
    clearInterval(this.timer);
    this.source.disconnect();
  }
}
