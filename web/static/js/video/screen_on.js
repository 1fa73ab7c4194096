/** Keeps the screen of a phone on while somebody waits or speaks. */
export class ScreenOn {
  constructor() {
    this.again = () => { if (this.wanted && !document.hidden) this.ask(); };
    document.addEventListener("visibilitychange", this.again);
  }

  async ask() {
    this.wanted = true;
    try {
      this.lock = await navigator.wakeLock?.request("screen");
    } catch { /* the battery is low, or the browser knows no such lock: the page says to keep it open */ }
  }

  release() {
    this.wanted = false;
    this.lock?.release().catch(() => {});
    this.lock = null;
  }
}
