// Tells the room which pictures are in sight, so that no others need to be sent: not at each step of a movement, and not anew
// for somebody who only looks away for a moment.
import type { Sight } from "../../sdk";

/** A panel that opens and a window that is dragged go through many sizes. */
const SETTLE_MS = 150;
/** Looking something up in another window takes about so long. */
const AWAY_MS = 8_000;

export class Sights {
  #sights: readonly Sight[] = [];
  #said = "";
  /** When that was, in `performance.now()` time. */
  #saidAt = -Infinity;
  #hidden = false;
  #settling: ReturnType<typeof setTimeout> | undefined;
  #leaving: ReturnType<typeof setTimeout> | undefined;
  #away = false;

  constructor(private readonly say: (sights: readonly Sight[]) => void) {}

  /** What the stage shows, the most important first. */
  show(sights: readonly Sight[]): void {
    this.#sights = sights;
    // A page that is turned is told at once, what goes on at intervals.
    this.#settling ??= setTimeout(() => this.#tell(), Math.max(0, this.#saidAt + SETTLE_MS - performance.now()));
  }

  /** The page is not looked at, or something lies over the whole stage. Shared screens are still read along, or recorded. */
  hide(hidden: boolean): void {
    if (hidden === this.#hidden) return;
    this.#hidden = hidden;
    clearTimeout(this.#leaving);
    if (hidden) this.#leaving = setTimeout(() => this.#leave(true), AWAY_MS);
    else if (this.#away) this.#leave(false);
  }

  close(): void {
    clearTimeout(this.#settling);
    clearTimeout(this.#leaving);
  }

  #leave(away: boolean): void {
    this.#away = away;
    this.#tell();
  }

  #tell(): void {
    clearTimeout(this.#settling);
    this.#settling = undefined;
    const sights = this.#away ? this.#sights.filter(({ source }) => source === "screen") : this.#sights;
    const saying = JSON.stringify(sights);
    if (saying === this.#said) return;
    this.#said = saying;
    this.#saidAt = performance.now();
    this.say(sights);
  }
}
