// When we need the old way no longer, so that the meeting may end a change.

/** The new way is waited for so long after it is up; then the old one is needed no longer, whatever is missing. */
const WAIT_MS = 10_000;
/** With everything there, the page takes a moment to show it. */
const SHOWN_MS = 400;
/** How often it is looked, where nothing else gives the occasion. */
const LOOK_MS = 1_000;

export class Settling {
  #change: number | null = null;
  #began = 0;
  #hereSince = Infinity;
  #said = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly say: (change: number) => boolean,
    private readonly look: () => void,
  ) {}

  /** A change has begun; null: there is none (any more). */
  begin(change: number | null): void {
    if (change === this.#change) return;
    clearTimeout(this.#timer);
    this.#change = change;
    this.#began = performance.now();
    this.#hereSince = Infinity;
    this.#said = false;
  }

  /** The server may not know it. */
  again(): void {
    this.#said = false;
  }

  /** `upAt`: since when our new way has been up, `isHere`: all that is seen and heard comes by it. */
  check(upAt: number, isHere: boolean): void {
    clearTimeout(this.#timer);
    if (this.#change === null || this.#said) return;
    const now = performance.now();
    this.#hereSince = isHere ? Math.min(this.#hereSince, now) : Infinity;
    const due = Math.min(Math.max(upAt, this.#began) + WAIT_MS, this.#hereSince + SHOWN_MS);
    if (due > now) this.#timer = setTimeout(this.look, Math.min(due - now, LOOK_MS));
    else this.#said = this.say(this.#change);
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}
