// How peer-to-peer media is for us, as the meeting is told: whom we cannot reach, and what keeps us from sending to each of the others.
import type { ParticipantId, Strain } from "../protocol.gen";

/** The server takes no more. */
const PEOPLE = 16;

export class Condition {
  #unreachable: readonly ParticipantId[] = [];
  #strained: Strain | null = null;
  #said = JSON.stringify({ unreachable: [], strained: null });

  constructor(private readonly say: (unreachable: ParticipantId[], strained: Strain | null) => boolean) {}

  /** Whom we cannot reach, as far as is known. */
  get unreachable(): readonly ParticipantId[] {
    return this.#unreachable;
  }

  update(unreachable: readonly ParticipantId[], strained: Strain | null): void {
    this.#unreachable = [...unreachable].sort().slice(0, PEOPLE);
    this.#strained = strained;
    this.#say();
  }

  /** The server may not know it: it holds that all is well until it hears otherwise. */
  again(): void {
    this.#said = JSON.stringify({ unreachable: [], strained: null });
    this.#say();
  }

  #say(): void {
    const [unreachable, strained] = [[...this.#unreachable], this.#strained];
    const text = JSON.stringify({ unreachable, strained });
    if (text !== this.#said && this.say(unreachable, strained)) this.#said = text;
  }
}
