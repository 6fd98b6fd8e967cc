// What the page shows, as the server is told: whole, when it has changed, and not more often than it can matter.
import type { Sight } from "../api";
import type { Tile } from "../protocol.gen";

/** The first word goes out at once; what changes within this comes with the next. */
const PAUSE_MS = 100;
/** Heights that differ by less are the same: an animation is not a hundred views. */
const STEP = 16;
/** The server takes no more. */
const TILES = 64;
const NOTHING = "[]";

export class View {
  #sights: readonly Sight[] = [];
  /** Who says nothing sees nothing. */
  #said = NOTHING;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly say: (tiles: Tile[]) => boolean) {}

  show(sights: readonly Sight[]): void {
    this.#sights = sights;
    if (this.#timer !== undefined || !this.#say()) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#say();
    }, PAUSE_MS);
  }

  /** The server may not know it any more. */
  again(): void {
    this.#said = NOTHING;
    this.#say();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#said = NOTHING;
  }

  /** True: something was said. */
  #say(): boolean {
    const tiles = this.#sights.slice(0, TILES).map(({ id, source, height, pinned }) => ({
      participant: id,
      source,
      height: Math.min(4320, Math.ceil(height / STEP) * STEP),
      pinned: pinned === true,
    }));
    const text = JSON.stringify(tiles);
    if (text === this.#said || !this.say(tiles)) return false;
    this.#said = text;
    return true;
  }
}
