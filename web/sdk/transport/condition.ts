// How peer-to-peer media is for us, as the meeting is told: whom we cannot reach, and what keeps us from sending to each of the others.
import type { ParticipantId, Strain } from "../protocol.gen";

/** The server takes no more. */
const PEOPLE = 16;
/** Most are reached within a second or two, some with the second attempt, after eight. Who is not by then is better served by the server. */
const MISSED_MS = 15_000;
const WELL = '{"unreachable":[],"strained":null}';

/** `unknown`: there is no way to try, or they are away. */
export type Reach = "reached" | "missed" | "unknown";

export class Condition {
  #strained: Strain | null = null;
  #reach: ReadonlyMap<ParticipantId, Reach> = new Map();
  /** Since when they have been missed. */
  readonly #since = new Map<ParticipantId, number>();
  #unreachable: readonly ParticipantId[] = [];
  /** Null: it may not know what we said last. */
  #said: string | null = WELL;
  #wasSaid = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly say: (unreachable: ParticipantId[], strained: Strain | null) => boolean) {}

  /** Of everyone who is here. Who was out of reach stays so until they are reached, as long as that cannot be tried. */
  assess(reach: ReadonlyMap<ParticipantId, Reach>): void {
    this.#reach = reach;
    this.#judge();
  }

  strained(strained: Strain | null): void {
    this.#strained = strained;
    this.#say();
  }

  /** Another network: what did not work in the old one may in this. */
  forget(): void {
    this.#strained = null;
    this.#unreachable = [];
    this.#since.clear();
    this.#judge();
  }

  /** The server may not know it. Until it hears otherwise it holds that all is well. */
  again(): void {
    if (!this.#wasSaid) return;
    this.#said = null;
    this.#say();
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #judge(): void {
    const now = performance.now();
    for (const [id, reach] of this.#reach) {
      if (reach !== "missed") this.#since.delete(id);
      else if (!this.#since.has(id)) this.#since.set(id, now);
    }
    for (const id of this.#since.keys()) if (!this.#reach.has(id)) this.#since.delete(id);
    const isOut = ([id, reach]: [ParticipantId, Reach]): boolean =>
      this.#unreachable.includes(id) ? reach !== "reached" : now - (this.#since.get(id) ?? now) >= MISSED_MS;
    this.#unreachable = [...this.#reach].filter(isOut).map(([id]) => id).sort().slice(0, PEOPLE); // prettier-ignore
    this.#say();
    clearTimeout(this.#timer);
    const waiting = [...this.#since.values()].map((since) => since + MISSED_MS - now).filter((ms) => ms > 0);
    if (waiting.length > 0) this.#timer = setTimeout(() => this.#judge(), Math.min(...waiting));
  }

  #say(): void {
    const [unreachable, strained] = [[...this.#unreachable], this.#strained];
    const text = JSON.stringify({ unreachable, strained });
    if (text === this.#said || !this.say(unreachable, strained)) return;
    this.#said = text;
    this.#wasSaid = true;
  }
}
