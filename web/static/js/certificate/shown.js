import { keep } from "./store.js";
import { digestOf } from "./paper.js";

const LATER = 1500; // ms until a paper that is still being written is asked for again

/** On the reader's page: remembers, by its own reckoning, which paper this browser was shown for a document. */
export class Shown {
  constructor(root) {
    this.root = root;
    if (globalThis.crypto?.subtle && root.dataset.paper) this.begin();
  }

  /** A browser that keeps nothing cannot sign, and says so where it matters; reading goes on. */
  begin() {
    this.remember().catch(() => { this.root.dataset.remembered = "no"; });
  }

  async remember() {
    const answer = await fetch(this.root.dataset.paper, { cache: "no-store" }).catch(() => null);
    if (!answer?.ok) {
      if (!answer || answer.status === 404) setTimeout(() => this.begin(), LATER);
      return;
    }
    const { digest } = await digestOf(new Uint8Array(await answer.arrayBuffer()));
    if (this.root.dataset.digest && this.root.dataset.digest !== digest) return;
    await keep("shown", { id: digest, code: this.root.closest("[data-code]").dataset.code });
    this.root.dataset.remembered = "yes";
  }
}
